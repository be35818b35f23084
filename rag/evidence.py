"""Passages to ranked sentences: which sentence answers the question, and how probably any does.

A sentence is described by a few readable features (nearness, rare words shared, whether it holds the kind of thing
that is asked for) and scored by a linear model. `eval.fit` learns the weights from ../shared/data/train_reader and the
probabilities from the development sets, and writes them to evidence.json beside this file with what was measured.
"""

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from rag import kinds
from rag.types import Candidate, Evidence

_NAME = re.compile(r"(?<![.!?\"“”] )(?<!^)\b[A-Z][\w’'.-]+(?:\s+(?:(?:of|the|de|van|von|bin|al)\s+)?[A-Z][\w’'.-]+)*")
_SPEECH = re.compile(
    r"\b(?:sa(?:id|ys?|ying)|told|tells?|claim\w*|according|report\w*|not(?:e|es|ed)|argu\w*|stat(?:e|es|ed)|suggest\w*"
    r"|announc\w*|warn\w*|belie(?:f|ve|ves|ved)|writ(?:e|es)|wrote|ask(?:s|ed)|declar\w*|think\w*|explain\w*|accus\w*"
    r"|den(?:y|ies|ied)|expect\w*|speculat\w*|stress\w*|emphasi\w*|remark\w*|admit\w*|call(?:s|ed))\b|[\"“”]",
    re.IGNORECASE,
)
_SAYING = re.compile(
    r"\b(?:sa(?:y|ys|id)|claim\w*|tell|told|think\w*|belie\w*|according|quote\w*|view\w*|opinion|argu\w*|comment\w*"
    r"|describe\w*|call(?:s|ed)?|report\w*|accus\w*|suggest\w*|warn\w*|predict\w*|respon[ds]\w*|react\w*)\b",
    re.IGNORECASE,
)

# The share of a topic's words, or the cosine, with which a sentence speaks of it; and of an overview's what its length
# counts, since a short one that repeats the topic ("That's how negotiations work.") says little.
_HELD, _NEAR, _LENGTH = 0.5, 0.4, 0.2
_AS_NEAR = 0.8  # of the nearest sentence's cosine

_WINDOW_CHARS = 500  # nine in ten of the texts that the reader learned from are no longer

WEIGHTS_FILE = Path(__file__).with_name("evidence.json")

FEATURES = (
    "sentence_cosine",
    "sentence_cosine_scaled",
    "passage_cosine",
    "passage_score_scaled",
    "passage_words_scaled",
    "best_sentence_words_scaled",
    "coverage",
    "coverage_nearby",
    "coverage_passage",
    "pairs_shared",
    "number_wanted_and_held",
    "date_wanted_and_held",
    "person_wanted_and_held",
    "place_wanted_and_held",
    "cause_wanted_and_held",
    "saying_wanted_and_held",
    "wanted_but_missing",
    "new_names",
    "log_length",
    "begins_with_pronoun",
    "asks_itself",
    "position_in_passage",
)
_PRONOUN = re.compile(r"^\W*(?:he|she|it|they|this|that|these|those|his|her|their|its)\b", re.IGNORECASE)

Analyse = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Described:
    """All sentences of some candidates with their features.

    matrix: (n, len(FEATURES)) float64. passages: for each sentence the number of its candidate and that passage's text
    and start. The score of a sentence is 0 until it is ranked.
    """

    sentences: tuple[Evidence, ...]
    matrix: np.ndarray
    passages: tuple[tuple[int, str, int], ...]

    def values(self) -> np.ndarray:
        """(n,): how promising each sentence is, by its features alone."""
        return np.asarray(self.matrix @ load_weights().features)


@dataclass(frozen=True, slots=True)
class Window:
    """A promising sentence with its neighbours, for the reader. members: their numbers; spans: their places in text."""

    text: str
    spans: tuple[tuple[int, int], ...]
    members: tuple[int, ...]


def describe(
    question: str,
    vector: np.ndarray,
    candidates: Sequence[Candidate],
    rarity: Mapping[str, float],
    analyse: Analyse,
) -> Described:
    """Features of every sentence that is not page furniture.

    vector: (dimension,) of the question. rarity: idf of each of its content stems. analyse: text -> stems in order.
    """
    asked = analyse(question)
    pairs = set(pairwise(asked))
    whole = sum(rarity.values()) or 1.0
    wants = kinds.wanted(question)
    saying = bool(_SAYING.search(question))
    asked_set, question_lower = set(asked), question.lower()
    is_asked = lru_cache(maxsize=None)(lambda name: set(analyse(name)) <= asked_set)  # the same few names recur
    passage_scores = _scaled([c.score for c in candidates])
    passage_words = _scaled([c.words for c in candidates])
    rows: list[list[float]] = []
    sentences: list[Evidence] = []
    passages: list[tuple[int, str, int]] = []
    for number, (c, score_scaled, words_scaled) in enumerate(
        zip(candidates, passage_scores, passage_words, strict=True)
    ):
        record = c.record
        cosines = record.sentence_vectors @ vector
        texts = [record.text[s.start - record.passage.start : s.end - record.passage.start] for s in record.sentences]
        stems = [analyse(text) for text in texts]
        title = set(analyse(record.title))
        held = [set(words) for words in stems]
        passage_words_held = set().union(*held, title)
        for i, (sentence, text) in enumerate(zip(record.sentences, texts, strict=True)):
            near = held[i].union(*held[max(0, i - 1) : i + 2], title)
            names, numbers = _names_and_numbers(text)
            names = [n for n in names if not is_asked(n)]
            numbers = [n for n in numbers if n.lower() not in question_lower]
            held_kinds = {kind for kind in wants if kinds.holds(kind, text, question, names, numbers)}
            shared = sum(rarity.get(w, 0.0) for w in held[i] & rarity.keys())
            rows.append(
                [
                    float(cosines[i]),
                    0.0,  # scaled below, over all sentences
                    c.dense,
                    score_scaled,
                    words_scaled,
                    shared / (1.2 + 0.02 * len(stems[i])),  # scaled below
                    shared / whole,
                    sum(rarity[w] for w in near & rarity.keys()) / whole,
                    sum(rarity[w] for w in passage_words_held & rarity.keys()) / whole,
                    len(pairs & set(pairwise(stems[i]))) / max(1, len(pairs)),
                    *(float(kind in held_kinds) for kind in kinds.KINDS),
                    float(saying and bool(_SPEECH.search(text))),
                    float(bool(wants) and not held_kinds),
                    min(len(names) + len(numbers), 5) / 5,
                    float(np.log(max(len(text), 1))) / 5,
                    float(bool(_PRONOUN.match(text))),
                    float(text.endswith("?")),
                    i / max(1, len(texts) - 1),
                ]
            )
            sentences.append(Evidence(sentence.doc_id, sentence.ordinal, sentence.start, sentence.end, text, 0.0))
            passages.append((number, record.text, record.passage.start))
    matrix = np.array(rows) if rows else np.zeros((0, len(FEATURES)))
    if len(matrix):
        matrix[:, 1] = _scaled(matrix[:, 0])
        matrix[:, 5] = _scaled(matrix[:, 5])
    return Described(tuple(sentences), matrix, tuple(passages))


@lru_cache(maxsize=20_000)  # sentences recur from question to question, and this is half of describing one
def _names_and_numbers(text: str) -> tuple[list[str], list[str]]:
    return _NAME.findall(text), kinds.numbers(text)


def windows(described: Described, count: int, among: Collection[int] | None = None) -> list[Window]:
    """The `count` most promising sentences, best first, each with the one before and after it in its passage.

    Those are left out that would make it longer than what the reader has learned from. A sentence that stands in the
    window of a better one gets none of its own. among: the numbers of the sentences that can have one, None for all.
    """
    made: list[Window] = []
    covered: set[int] = set()
    for best in np.argsort(-described.values(), kind="stable"):
        if len(made) == count:
            break
        if int(best) in covered or (among is not None and int(best) not in among):
            continue
        number, text, start = described.passages[best]
        members, length = [int(best)], _length(described.sentences[best])
        for i in (int(best) - 1, int(best) + 1):
            if 0 <= i < len(described.sentences) and described.passages[i][0] == number:
                longer = length + _length(described.sentences[i])
                if longer <= _WINDOW_CHARS:
                    members, length = sorted([*members, i]), longer
        covered.update(members)
        first, last = described.sentences[members[0]].start, described.sentences[members[-1]].end
        spans = tuple((described.sentences[i].start - first, described.sentences[i].end - first) for i in members)
        made.append(Window(text[first - start : last - start], spans, tuple(members)))
    return made


def _length(sentence: Evidence) -> int:
    return sentence.end - sentence.start


def rank(
    described: Described, read: Sequence[tuple[Window, np.ndarray]], among: Collection[int] | None = None
) -> list[Evidence]:
    """The sentences that were read, best first, each with the probability that it answers the question.

    read: each window with what the reader made of it: (1 + number of its sentences,) probabilities, that of no answer
    first. Two questions, two weightings: which sentence is best is told mostly by the features, whether any answers at
    all mostly by the reader, since the features of a near miss are as good as those of an answer.
    among: as of `windows`.
    """
    weights = load_weights()
    values = described.values()
    best: dict[int, float] = {}
    for window, chances in read:
        for member, chance in zip(window.members, chances[1:], strict=True):
            if among is not None and member not in among:
                continue
            best[member] = max(best.get(member, -math.inf), log_odds(float(chance)))
    order = sorted(best, key=lambda i: -(weights.order_features * values[i] + weights.order_reader * best[i]))
    ranked = []
    for member in order:
        odds = weights.chance_features * values[member] + weights.chance_reader * best[member] + weights.chance_offset
        ranked.append(replace(described.sentences[member], score=float(1 / (1 + np.exp(-odds)))))
    return ranked


def rank_by_topic(described: Described, everything: bool, among: Collection[int] | None = None) -> list[Evidence]:
    """For an overview: the sentences that speak of its topic, the nearest first, each with its nearness as score.

    Nothing is read: "whether A wants peace" has no answer to read off. Of the seven overviews in
    eval/questions/seeds.jsonl six quote evidence so, by the reader's probabilities four. A sentence speaks of the topic
    when it holds most of its words, or is near to it in a passage with one of them. everything: all of them do.
    among: as of `windows`.
    """
    column = {name: described.matrix[:, i] for i, name in enumerate(FEATURES)}
    near = column["sentence_cosine"]
    speaks = (column["coverage"] >= _HELD) | ((near >= _NEAR) & (column["coverage_passage"] > 0))
    ranked = np.argsort(-(near + _LENGTH * column["log_length"]), kind="stable")
    return [
        replace(described.sentences[i], score=max(0.0, float(near[i])))
        for i in ranked
        if (everything or speaks[i]) and (among is None or int(i) in among)
    ]


def near_topic(described: Described) -> set[int]:
    """The numbers of the sentences that speak of a topic. described: for the topic.

    Its words stand in them or beside them; or, in other words, they are near to it and no other is much nearer.
    """
    column = {name: described.matrix[:, i] for i, name in enumerate(FEATURES)}
    near = column["sentence_cosine"]
    other_words = near >= max(_NEAR, _AS_NEAR * near.max(initial=0.0))
    return set(np.flatnonzero((column["coverage_nearby"] >= _HELD) | other_words).tolist())


def log_odds(chance: float) -> float:
    """Logit, kept within what the reader can mean: it is never surer than 999 in 1000."""
    chance = min(max(chance, 1e-3), 1 - 1e-3)
    return float(np.log(chance / (1 - chance)))


@dataclass(frozen=True, slots=True)
class Weights:
    """features: (len(FEATURES),), which sum to a sentence's value. The rest weigh value and reading; see `rank`."""

    features: np.ndarray
    order_features: float
    order_reader: float
    chance_features: float
    chance_reader: float
    chance_offset: float


@lru_cache(maxsize=1)
def load_weights() -> Weights:
    stored = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    by_name = stored.pop("features")
    features = np.array([by_name[name] for name in FEATURES])
    return Weights(features, **stored)


def _scaled(values: Sequence[float] | np.ndarray) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    spread = float(array.max() - array.min()) if len(array) else 0.0
    return (array - array.min()) / spread if spread > 0 else np.zeros(len(array))
