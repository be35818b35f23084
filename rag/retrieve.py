"""Question to passages: the nearest by vector and the best by words, fused by score.

Knows nothing of answers. What it searches is behind the port `Searchable`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
        """Passage id -> cosine, best first."""
        ...

    def by_words(self, words: Sequence[str], k: int, among: Sequence[int] | None) -> dict[int, float]:
        """Passage id -> BM25, best first."""
        ...

    def twins(self, passage_ids: Iterable[int]) -> Mapping[int, int]:
        """Passage id -> the id that stands for all that say nearly the same in near copies, where it is not its own."""
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
    What near copies say alike has one place, which the best of them takes, so that no flood of them hides the rest.
    """
    dense, _ = _pool(lambda k: library.nearest(vector, k, among), library.twins)
    wordy, lexical = _pool(lambda k: library.by_words(words, k, among), library.twins)
    records = library.records(sorted({*dense, *wordy}))
    if not records:
        return []
    cosines = np.stack([record.vector for record in records]) @ vector
    bm25 = np.array([lexical.get(record.passage_id, 0.0) for record in records])
    nearest_sentence = np.array([float((record.sentence_vectors @ vector).max()) for record in records])
    twins = library.twins(record.passage_id for record in records)
    places = [twins.get(record.passage_id, record.passage_id) for record in records]
    # Unscaled: what tells twins apart is a word of the question or nothing, however little else is among the records.
    apart = _best_of_each(places, cosines + nearest_sentence + bm25 / (bm25.max() or 1.0))
    records = [records[i] for i in apart]
    cosines, bm25, nearest_sentence = cosines[apart], bm25[apart], nearest_sentence[apart]
    scores = min_max_fusion([cosines, bm25, nearest_sentence], [_DENSE, _WORDS, _BEST_SENTENCE])
    rarity = library.rarity(words)
    for i in np.argsort(-scores, kind="stable")[:_COMPARED]:
        scores[i] += _TOGETHER * _best_share(records[i], rarity, analyse)
    order = np.argsort(-scores, kind="stable")[:k]
    return [Candidate(records[i], float(scores[i]), float(cosines[i]), float(bm25[i])) for i in order]


def _pool(
    draw: Callable[[int], dict[int, float]], twins: Callable[[Iterable[int]], Mapping[int, int]]
) -> tuple[list[int], dict[int, float]]:
    """The best POOL passages of a list that do not say the same, and the scores of all that were drawn for them."""
    count = POOL
    while True:
        drawn = draw(count)
        shared = twins(drawn)
        best: dict[int, int] = {}
        for passage_id in drawn:
            best.setdefault(shared.get(passage_id, passage_id), passage_id)
        if len(best) >= POOL or len(drawn) < count:
            return list(best.values())[:POOL], drawn
        count *= 8


def _best_of_each(places: Sequence[int], values: np.ndarray) -> list[int]:
    """The number of the best in each place, in order. places, values: one for each record."""
    best: dict[int, int] = {}
    for i in np.argsort(-values, kind="stable"):
        best.setdefault(places[i], int(i))
    return sorted(best.values())


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
