"""Question to passages: the nearest by vector and the best by words, fused by score.

Knows nothing of answers. What it searches is behind the port `Searchable`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from index.types import PassageRecord
from rag.types import Candidate

POOL = 50  # passages taken from each list before fusion
_DENSE, _WORDS, _BEST_SENTENCE = 1.0, 1.0, 1.0
_TOGETHER = 1.5  # weighs how much of the question stands together in one sentence
_COMPARED = 16  # passages whose sentences are looked at for that: those below are hardly ever the right one

Analyse = Callable[[str], list[str]]


class Searchable(Protocol):
    """A library with its vector index."""

    def nearest(self, vector: np.ndarray, k: int, among: Sequence[int] | None) -> dict[int, float]:
        """Passage id -> cosine."""
        ...

    def by_words(self, words: Sequence[str], k: int, among: Sequence[int] | None) -> dict[int, float]:
        """Passage id -> BM25."""
        ...

    def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        """Each word's idf."""
        ...

    def records(self, passage_ids: Sequence[int]) -> list[PassageRecord]: ...


def retrieve(
    library: Searchable,
    vector: np.ndarray,
    words: Sequence[str],
    analyse: Analyse,
    *,
    k: int,
    among: Sequence[int] | None = None,
) -> list[Candidate]:
    """The k best passages, best first, only `among` these ids when given.

    vector: (dimension,) of the question; words: its stems; analyse: text -> stems. Three signals are fused: the
    passage's cosine, its BM25 and the cosine of its nearest sentence, which a long passage's mean hides. Of the best,
    those rise that have much of the question in one sentence: words strewn over a passage count the same for BM25.
    """
    dense = library.nearest(vector, POOL, among)
    lexical = library.by_words(words, POOL, among)
    records = library.records(sorted(dense.keys() | lexical.keys()))
    if not records:
        return []
    cosines = np.stack([record.vector for record in records]) @ vector
    bm25 = np.array([lexical.get(record.passage_id, 0.0) for record in records])
    nearest_sentence = np.array([float((record.sentence_vectors @ vector).max()) for record in records])
    scores = min_max_fusion([cosines, bm25, nearest_sentence], [_DENSE, _WORDS, _BEST_SENTENCE])
    rarity = library.rarity(words)
    for i in np.argsort(-scores, kind="stable")[:_COMPARED]:
        scores[i] += _TOGETHER * _best_share(records[i], rarity, analyse)
    order = np.argsort(-scores, kind="stable")[:k]
    return [Candidate(records[i], float(scores[i]), float(cosines[i]), float(bm25[i])) for i in order]


def _best_share(record: PassageRecord, rarity: Mapping[str, float], analyse: Analyse) -> float:
    """Of the question's words, weighed by their rarity, the largest share that one sentence holds."""
    start = record.passage.start
    held = (rarity.keys() & set(analyse(record.text[s.start - start : s.end - start])) for s in record.sentences)
    return max((sum(rarity[word] for word in words) for words in held), default=0.0) / (sum(rarity.values()) or 1.0)


def min_max_fusion(scores: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Add score lists after scaling each to [0, 1].

    scores: one (n,) array per ranking, higher is better. Returns (n,).
    A constant list scales to zeros: it says nothing about order.
    Source: Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023.
    """
    fused = np.zeros(len(scores[0]))
    for values, weight in zip(scores, weights, strict=True):
        spread = float(values.max() - values.min())
        if spread > 0:
            fused += weight * (values - values.min()) / spread
    return fused
