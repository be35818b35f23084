"""The word index: which passages hold a question's words, ranked by BM25 (SQLite FTS5, inside the library's file).

Words are stemmed here, by one analyser, before FTS5 sees them, so that scores computed elsewhere over sentences speak
of the same words. Being in the library's own transactions it can never be out of step with the texts.
"""

import json
import math
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from Stemmer import Stemmer

# Words that are in nearly every English text and question, and so do not tell passages apart.
STOPWORDS = frozenset(  # one block of words reads better than a list
    """
    a about after again all also am an and any are as at be because been before being between both but by can
    could did do does doing down during each few for from further had has have having he her here hers herself
    him himself his how i if in into is it its itself just me more most my myself no nor not now of off on once
    only or other our ours ourselves out over own same she should so some such than that the their theirs them
    themselves then there these they this those through to too under until up very was we were what when where
    which while who whom why will with would you your yours yourself yourselves
    """.split()  # noqa: SIM905
)
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_SCHEMA = """
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(title, body, tokenize='unicode61');
CREATE VIRTUAL TABLE IF NOT EXISTS word_counts USING fts5vocab(words, row);
"""
_TITLE_WEIGHT, _BODY_WEIGHT = 0.5, 1.0
_stemmer = Stemmer("english", 100_000)


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    """ "2,500" and "3.5" are one word each, without the mark."""
    return str(_stemmer.stemWord(word.replace(",", "").replace(".", "")))


def _plain(text: str) -> str:
    lower = text.lower()
    if lower.isascii():
        return lower
    return "".join(c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c))


def analyse(text: str) -> list[str]:
    """Lower-case stems of all words in order, accents dropped, stop words kept; "2,500" and "3.5" are one word each."""
    return list(_kept_stems(text))


def _stems(text: str) -> tuple[str, ...]:
    return tuple(_stem(word) for word in _WORD.findall(_plain(text)))


# Question after question meets the same sentences. What is indexed goes past it: whole passages, each once.
_kept_stems = lru_cache(maxsize=20_000)(_stems)


def content_words(text: str) -> list[str]:
    """The stems of the words that carry content, each once, in order. All the words when none does."""
    words = _WORD.findall(_plain(text))
    kept = [word for word in words if word not in STOPWORDS and (len(word) > 1 or word.isdigit())]
    return list(dict.fromkeys(_stem(word) for word in kept or words))


class WordIndex:
    """The FTS5 tables behind a connection that the library owns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @staticmethod
    def create(connection: sqlite3.Connection) -> None:
        connection.executescript(_SCHEMA)

    def add(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """rows: (passage id, title, text)."""
        self._db.executemany(
            "INSERT INTO words(rowid, title, body) VALUES (?, ?, ?)",
            ((i, " ".join(_stems(title)), " ".join(_stems(text))) for i, title, text in rows),
        )

    def remove(self, passage_ids: Iterable[int]) -> None:
        self._db.executemany("DELETE FROM words WHERE rowid = ?", ((i,) for i in passage_ids))

    def compact(self) -> None:
        """Merge the index into one segment, so that nothing of a removed passage is left in it."""
        self._db.execute("INSERT INTO words(words) VALUES ('optimize')")

    def search(self, words: Sequence[str], k: int, among: Sequence[int] | None = None) -> dict[int, float]:
        """Passage id -> BM25 score of the best k passages that hold any of the words; higher is better."""
        if not words:
            return {}
        query = " OR ".join(f'"{word}"' for word in words)
        only = "" if among is None else "AND rowid IN (SELECT value FROM json_each(?)) "
        rows = self._db.execute(
            "SELECT rowid, -bm25(words, ?, ?) AS score FROM words WHERE words MATCH ? "
            + only
            + "ORDER BY score DESC LIMIT ?",
            (_TITLE_WEIGHT, _BODY_WEIGHT, query, *([json.dumps(list(among))] if among is not None else []), k),
        )
        return {int(rowid): float(score) for rowid, score in rows}

    def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        """Each word's idf, ln(1 + (N - n + 0.5) / (n + 0.5)); a word in no passage has the highest.

        Source: Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
        """
        total = int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])
        marks = ",".join("?" * len(words))
        rows = self._db.execute(f"SELECT term, doc FROM word_counts WHERE term IN ({marks})", list(words))
        held = {str(term): int(n) for term, n in rows}
        return {w: math.log(1 + (total - held.get(w, 0) + 0.5) / (held.get(w, 0) + 0.5)) for w in words}
