"""Which passages hold a question's words, and how much a word tells."""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.lexical import WordIndex, analyse, content_words


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE passages(id INTEGER PRIMARY KEY)")
        WordIndex.create(db)
        yield db


@pytest.fixture
def words(connection: sqlite3.Connection) -> WordIndex:
    index = WordIndex(connection)
    texts = [
        (1, "Weather", "Rain fell on Oslo while the ferries waited."),
        (2, "Weather", "Snow fell on Bergen."),
        (3, "Ferries", "The harbour was closed for a week."),
    ]
    index.add(texts)
    connection.executemany("INSERT INTO passages VALUES (?)", [(1,), (2,), (3,)])
    return index


@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("Ferries waiting", ["ferri", "wait"]),
        ("Café CAFÉ cafe\u0301", ["cafe", "cafe", "cafe"]),
        ("2,500 men, 3.5 km.", ["2500", "men", "35", "km"]),
        ("in 1990, 20 came", ["in", "1990", "20", "came"]),
        ("snake_case isn't", ["snake", "case", "isn", "t"]),
        ("— … !", []),
    ],
)
def test_words_are_compared_by_stem_without_case_and_accents(text: str, stems: list[str]) -> None:
    """A number with its separators is one word."""
    assert analyse(text) == stems


@pytest.mark.parametrize(
    ("question", "stems"),
    [
        ("Why did the ferries wait for the ferry?", ["ferri", "wait"]),
        ("What is it?", ["what", "is", "it"]),
        ("Who won in group B or 7?", ["won", "group", "7"]),
    ],
)
def test_a_questions_words_are_those_that_carry_content(question: str, stems: list[str]) -> None:
    """Each once, in order; when none carries any, all of them."""
    assert content_words(question) == stems


def test_passages_that_hold_any_of_the_words_are_found_best_first(words: WordIndex) -> None:
    """Two words beat one; a word in the text beats the same word in the title; a passage without any is not found."""
    assert list(words.search(["fell", "ferri"], 10)) == [1, 2, 3]
    assert list(words.search(["ferri"], 10)) == [1, 3]
    assert all(score > 0 for score in words.search(["ferri"], 10).values())


def test_no_more_than_k_are_found(words: WordIndex) -> None:
    """The best ones."""
    assert list(words.search(["fell", "ferri"], 1)) == [1]


def test_only_the_passages_named_are_searched(words: WordIndex) -> None:
    """`among` narrows; an empty list leaves nothing."""
    assert list(words.search(["fell"], 10, [2, 3])) == [2]
    assert words.search(["fell"], 10, []) == {}


def test_without_words_nothing_is_found(words: WordIndex) -> None:
    """A question of punctuation is no error."""
    assert words.search([], 10) == {}
    assert words.search(analyse("?! …"), 10) == {}


def test_a_removed_passage_is_not_found(words: WordIndex, connection: sqlite3.Connection) -> None:
    """And its words are no longer counted."""
    words.remove([1])
    assert list(words.search(["fell", "ferri"], 10)) == [2, 3]
    assert connection.execute("SELECT doc FROM word_counts WHERE term = 'rain'").fetchone() is None


def test_a_rare_word_tells_more_than_a_common_one(words: WordIndex) -> None:
    """Of three passages: in one, ln(1 + 2.5/1.5); in two, ln(1 + 1.5/2.5); in none, ln(1 + 3.5/0.5)."""
    assert words.rarity(["rain", "fell", "sun"]) == {
        "rain": pytest.approx(math.log(8 / 3)),
        "fell": pytest.approx(math.log(1.6)),
        "sun": pytest.approx(math.log(8)),
    }


@pytest.fixture
def many(connection: sqlite3.Connection) -> tuple[WordIndex, WordIndex]:
    """An index that leaves the scores to FTS5, and one that makes them itself, of the same 300 passages."""
    draw = np.random.default_rng(0)
    vocabulary = [f"w{i}" for i in range(60)]
    by_fts5, itself = WordIndex(connection), WordIndex(connection, by_fts5=0)
    for i in range(1, 301):
        title, text = (" ".join(draw.choice(vocabulary, size=draw.integers(low, 200))) for low in (0, 1))
        by_fts5.add([(i, title, text)])
        connection.execute("INSERT INTO passages VALUES (?)", (i,))
    return by_fts5, itself


@pytest.mark.parametrize("asked", [["w1"], ["w1", "w2", "w59"], ["w3", "nowhere"], ["nowhere"], []])
@pytest.mark.parametrize("among", [None, [5, 3, 299, 10**6], []])
def test_scores_that_are_made_here_are_those_of_fts5(
    many: tuple[WordIndex, WordIndex], asked: list[str], among: list[int] | None
) -> None:
    """The same passages in the same order, for one word and several, with words in no passage, of all and of a few."""
    by_fts5, itself = many
    found = by_fts5.search(asked, 10, among)
    assert itself.search(asked, 10, among) == pytest.approx(found)
    assert list(itself.search(asked, 10, among)) == list(found)
    assert itself.rarity(asked) == by_fts5.rarity(asked)


def test_what_is_kept_of_common_words_is_forgotten_when_passages_change(
    many: tuple[WordIndex, WordIndex], connection: sqlite3.Connection
) -> None:
    """A passage that came is found, one that went is not."""
    by_fts5, itself = many
    best = next(iter(itself.search(["w1"], 1)))
    by_fts5.remove([best])
    connection.execute("DELETE FROM passages WHERE id = ?", (best,))
    by_fts5.add([(301, "", "w1 w1 w1")])
    connection.execute("INSERT INTO passages VALUES (301)")
    assert best not in itself.search(["w1"], 300)
    assert itself.search(["w1"], 300) == pytest.approx(by_fts5.search(["w1"], 300))
    assert next(iter(itself.search(["w1"], 1))) == 301


@given(st.text(max_size=80))
def test_whatever_is_asked_is_a_query(text: str) -> None:
    """No text is taken for the index's own query language."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE passages(id INTEGER PRIMARY KEY)")
        WordIndex.create(db)
        index = WordIndex(db)
        index.add([(1, "t", text)])
        assert set(index.search(content_words(text), 10)) <= {1}
        index.rarity(content_words(text))
