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
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
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
_K1, _B = 1.2, 0.75  # FTS5's own
_BY_FTS5 = 20_000
_PLACES_KEPT = 4_000_000  # 64 MB
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
    """The FTS5 tables behind a connection that the library owns.

    by_fts5: so many passages are scored by FTS5; of more, the same scores are made here, several times faster.
    """

    def __init__(self, connection: sqlite3.Connection, by_fts5: int = _BY_FTS5) -> None:
        self._db = connection
        self._by_fts5 = by_fts5
        self._kept = _Kept((-1, -1), 0, np.empty(0))

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
        if self._now().total > self._by_fts5:
            return self._search_many(words, k, among)
        query = " OR ".join(f'"{word}"' for word in words)
        # The plus sign: without it FTS5 would run the whole query once for each of these ids.
        only = "" if among is None else "AND +rowid IN (SELECT value FROM json_each(?)) "
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
        total = self._now().total
        if total > self._by_fts5:
            held = {word: len(self._places(word)[0]) for word in words}
        else:
            marks = ",".join("?" * len(words))
            rows = self._db.execute(f"SELECT term, doc FROM word_counts WHERE term IN ({marks})", list(words))
            held = {str(term): int(n) for term, n in rows}
        return {w: math.log(1 + (total - held.get(w, 0) + 0.5) / (held.get(w, 0) + 0.5)) for w in words}

    def _search_many(self, words: Sequence[str], k: int, among: Sequence[int] | None) -> dict[int, float]:
        """The same scores, made here: FTS5 takes 3 µs for each passage that it scores, and tens of thousands match."""
        kept = self._now()
        scores = np.zeros(len(kept.norms))  # by passage id
        for word in words:
            ids, gains = self._places(word)
            scores[ids] += gains
        if among is not None:
            allowed = np.zeros(len(scores), dtype=bool)
            allowed[[i for i in among if i < len(allowed)]] = True
            scores[~allowed] = 0.0
        found = np.flatnonzero(scores > 0)
        if len(found) > k:
            found = found[scores[found] >= np.partition(scores[found], -k)[-k]]  # more than k where they are equal
        best = found[np.argsort(-scores[found], kind="stable")[:k]]
        return dict(zip(best.tolist(), scores[best].tolist(), strict=True))

    def _places(self, word: str) -> tuple[np.ndarray, np.ndarray]:
        """(n,) ids of the passages that hold the word, and what it adds to the score of each, as FTS5 has it.

        Kept, since a common word is asked for again and again, and takes longest.
        """
        kept = self._now()
        if word not in kept.places:
            listed = self._db.execute(
                "SELECT group_concat(doc * 2 + (col = 'title')) FROM temp.word_places WHERE term = ?", (word,)
            ).fetchone()[0]
            places = np.array([], np.int64) if listed is None else np.fromstring(listed, np.int64, sep=",")
            places = places[places >> 1 < len(kept.norms)]  # others may be added at this moment
            ids, starts = np.unique(places >> 1, return_index=True)
            weights = np.where(places & 1, _TITLE_WEIGHT, _BODY_WEIGHT)
            if sum(len(ids) for ids, _ in kept.places.values()) > _PLACES_KEPT:
                kept.places.clear()
            often = np.add.reduceat(weights, starts) if len(ids) else weights
            idf = max(math.log((kept.total - len(ids) + 0.5) / (len(ids) + 0.5)), 1e-6)
            kept.places[word] = (ids, idf * often * (_K1 + 1) / (often + kept.norms[ids]))
        return kept.places[word]

    def _now(self) -> "_Kept":
        """What is known of the words as they are now: forgotten when this connection or another has written."""
        state = (self._db.execute("PRAGMA data_version").fetchone()[0], self._db.total_changes)
        if self._kept.state != state:
            total = int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])
            many = total > self._by_fts5
            if many:
                self._db.execute(
                    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.word_places USING fts5vocab(main, words, instance)"
                )
            self._kept = _Kept(state, total, self._norms() if many else np.empty(0))
        return self._kept

    def _norms(self) -> np.ndarray:
        """(highest id + 1,): what the frequency of a word saturates against in each passage, by its length."""
        rows = self._db.execute("SELECT id, sz FROM words_docsize ORDER BY id").fetchall()
        ids = np.array([row[0] for row in rows])
        # FTS5 stores the number of words of title and text as two varints: seven bits a byte, the last one below 128.
        stored = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.uint8)
        ends = np.flatnonzero(stored < 128)
        starts = np.concatenate([[0], ends[:-1] + 1])
        shifts = 7 * (np.repeat(ends, ends - starts + 1) - np.arange(len(stored)))
        numbers = np.add.reduceat((stored & 127).astype(np.int64) << shifts, starts)
        lengths = numbers.reshape(-1, 2).sum(axis=1)
        norms = np.zeros(ids[-1] + 1)
        norms[ids] = _K1 * (1 - _B + _B * lengths / lengths.mean())
        return norms


@dataclass(frozen=True, slots=True)
class _Kept:
    """state: of the database when this was read. total: passages. norms: empty while FTS5 makes the scores.

    places: word -> ids of the passages that hold it, and what it adds to the score of each.
    """

    state: tuple[int, int]
    total: int
    norms: np.ndarray
    places: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
