"""Sentences, their features, and how two judgements become one probability."""

import numpy as np
import pytest

from index.lexical import analyse, content_words
from index.types import Passage, PassageRecord, Sentence
from rag.evidence import (
    FEATURES,
    Described,
    Window,
    describe,
    load_weights,
    log_odds,
    near_topic,
    rank,
    rank_by_topic,
    windows,
)
from rag.types import Candidate

TEXT = "The bridge opened in 1998. Ships had waited for years. It cost forty million euros because steel was dear."
SPANS = [(0, 26), (27, 54), (55, 106)]


def candidate(text: str = TEXT, spans: list[tuple[int, int]] = SPANS) -> Candidate:
    sentences = tuple(Sentence("d", i, s, e) for i, (s, e) in enumerate(spans))
    vectors = np.eye(len(spans), 3, dtype=np.float32)
    return Candidate(
        PassageRecord(1, Passage("d", 0, 0, len(text)), text, "Bridge", sentences, vectors[0], vectors), 1, 1, 1
    )


def described(question: str) -> Described:
    rarity = dict.fromkeys(content_words(question), 1.0)
    return describe(question, np.array([1, 0, 0], np.float32), [candidate()], rarity, analyse)


def feature(table: Described, sentence: int, name: str) -> float:
    return float(table.matrix[sentence, FEATURES.index(name)])


@pytest.mark.parametrize(
    ("question", "name", "held"),
    [
        ("When did the bridge open?", "date_wanted_and_held", [1, 0, 0]),
        ("How many euros did it cost?", "number_wanted_and_held", [1, 0, 1]),
        ("Why was the bridge dear?", "cause_wanted_and_held", [0, 0, 1]),
    ],
)
def test_a_sentence_that_holds_the_kind_asked_for_is_marked(question: str, name: str, held: list[int]) -> None:
    """A year for when, a number for how many, a reason for why."""
    table = described(question)
    marks = [feature(table, i, name) for i in range(3)]
    assert marks == held


def test_coverage_is_the_share_of_the_questions_rare_words() -> None:
    """ "bridge" and "open" of "bridge open ferry": two of three, all equally rare."""
    assert feature(described("bridge open ferry"), 0, "coverage") == pytest.approx(2 / 3)


def test_a_window_is_a_sentence_with_its_neighbours() -> None:
    """The middle sentence is read with both; offsets count in the window's own text."""
    table = described("Which ships had waited for years?")
    window = windows(table, 1)[0]
    assert [window.text[s:e] for s, e in window.spans] == [TEXT[s:e] for s, e in SPANS][
        window.members[0] : window.members[-1] + 1
    ]


def test_only_sentences_that_are_named_get_a_window() -> None:
    assert [window.members for window in windows(described("Which ships had waited for years?"), 9, {2})] == [(1, 2)]


def test_a_sentence_speaks_of_a_topic_by_its_words_or_those_beside_it_or_by_its_nearness() -> None:
    """The first is the nearest by its vector; "steel" stands in the third, and beside the second."""
    assert near_topic(described("steel")) == {0, 1, 2}
    assert near_topic(described("harbour")) == {0}


def test_a_window_leaves_out_a_neighbour_that_makes_it_longer_than_the_reader_knows() -> None:
    """The sentence itself always stays, and the neighbour that still fits."""
    long = "It stood " + "for years " * 40 + "there."
    texts = [
        "The bridge opened in 1998.",
        long,
        "Ships waited " + "and waited " * 12 + "for it.",
        "It " * 300 + "fell.",
    ]
    spans, at = [], 0
    for text in texts:
        spans.append((at, at + len(text)))
        at += len(text) + 1
    table = describe("stood", np.array([0, 1, 0], np.float32), [candidate(" ".join(texts), spans)], {}, analyse)
    made = {window.members for window in windows(table, 9)}
    assert made == {(0, 1), (2,), (3,)}


def test_a_window_stays_in_its_passage() -> None:
    """The last sentence of one passage is not read together with the first of another document."""
    other = candidate("Wheat fell by nine percent.", [(0, 27)])
    rarity = {"wheat": 1.0}
    table = describe("wheat", np.array([1, 0, 0], np.float32), [candidate(), other], rarity, analyse)
    assert {tuple(w.members) for w in windows(table, 9)} >= {(3,)}


@pytest.mark.parametrize(
    ("topic", "spoken_of"),
    [("steel cost", [0, 2]), ("bridge, ferry and mill", [0]), ("ferry and mill", [])],
)
def test_an_overview_has_the_sentences_that_speak_of_its_topic(topic: str, spoken_of: list[int]) -> None:
    """Those that hold its words, or are near to it (the first is) in a passage that holds one of them; all of them do
    when there is no topic."""
    assert [e.ordinal for e in rank_by_topic(described(topic), everything=False)] == spoken_of
    assert len(rank_by_topic(described(topic), everything=True)) == 3


def test_of_sentences_as_near_the_longer_says_more() -> None:
    """A few words that repeat the topic are no overview of it."""
    table = describe("bridge", np.array([0, 0, 0], np.float32), [candidate()], {"bridge": 1.0}, analyse)
    assert [e.ordinal for e in rank_by_topic(table, everything=True)] == [2, 1, 0]


def test_the_better_read_sentence_comes_first() -> None:
    """Equal features and a reader that prefers the second: the second is first, with a probability between 0 and 1."""
    table = described("?")
    same = Described(table.sentences[:2], np.zeros((2, len(FEATURES))), table.passages[:2])
    ranked = rank(same, [(Window("any", ((0, 1), (1, 2)), (0, 1)), np.array([0.1, 0.2, 0.7]))])
    assert [e.ordinal for e in ranked] == [1, 0]
    weights = load_weights()
    expected = 1 / (1 + np.exp(-(weights.chance_reader * np.log(0.7 / 0.3) + weights.chance_offset)))
    assert ranked[0].score == pytest.approx(expected)


def test_a_sentence_the_reader_doubts_counts_as_doubted() -> None:
    """A probability below one half lowers the score, also where it is the only reading."""
    table = described("?")
    one = Described(table.sentences[:1], np.zeros((1, len(FEATURES))), table.passages[:1])
    doubted, trusted = (rank(one, [(Window("any", ((0, 1),), (0,)), np.array([1 - p, p]))])[0] for p in (0.01, 0.5))
    assert doubted.score < trusted.score


def test_what_was_not_read_is_not_evidence() -> None:
    """Only sentences in a window get a probability."""
    assert rank(described("When?"), []) == []


def test_no_reading_is_surer_than_999_in_1000() -> None:
    """0 and 1 have finite log odds."""
    assert log_odds(1.0) == pytest.approx(np.log(999))
    assert log_odds(0.0) == pytest.approx(-np.log(999))
