"""A question to everything that its answer is chosen from: passages, their sentences, and what the reader made of them.

The library with its vector index is a `Shelf` here. Knows nothing of quotes, language models or answers.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import RLock

import numpy as np

from index import lexical, sync
from index.library import Library
from index.types import Embedder, PassageRecord
from index.vectors import VectorIndex
from rag.evidence import Described, Window, describe, near_topic, rank, rank_by_topic, windows
from rag.kinds import fits, introduces
from rag.quote import about_nothing_else, topic, whose_words
from rag.retrieve import retrieve
from rag.types import Candidate, Evidence, SentenceReader

READ = 8  # passages whose sentences are considered
_READ_FOR_OVERVIEW = 40
_WINDOWS = 5  # promising sentences that are read closely, each with its neighbours
_WINDOWS_FIRST = 3  # of which so many at first, and the others only when these leave a doubt
_SURE = 0.4


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._laps[stage] = self._laps.get(stage, 0.0) + now - self._last
        self._last = now

    @property
    def laps(self) -> dict[str, float]:
        return {**self._laps, "total": time.perf_counter() - self._started}


class Shelf:
    """A library and the vector index of its present version, behind the port `rag.retrieve.Searchable`.

    Safe to share between threads.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._index: VectorIndex | None = None
        self._sources: tuple[int, list[str]] = (-1, [])
        self._turn = RLock()

    def index(self) -> VectorIndex:
        with self._turn:
            if self._index is None or self._index.library_version != self._library.version():
                self._index = sync.current(self._library)
            return self._index

    def find(self, query: str, vector: np.ndarray, k: int, allowed: set[str] | None) -> list[Candidate]:
        """The k best passages. vector: (dimension,) of the query. allowed: document ids, None for all."""
        among = None if allowed is None else self._library.passage_ids(allowed)
        return retrieve(self, vector, lexical.content_words(query), lexical.analyse, k=k, among=among)

    def sources(self) -> list[str]:
        """Who published the documents. Read once for each version: it takes a look at every document."""
        with self._turn:
            version = self._library.version()
            if self._sources[0] != version:
                self._sources = version, self._library.sources()
            return self._sources[1]

    def theme(self) -> np.ndarray:
        """(dimension,): what the passages have in common, for a question that names no topic."""
        mean = self._library.vectors()[1].mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)

    def nearest(self, vector: np.ndarray, k: int, among: Sequence[int] | None) -> dict[int, float]:
        return self.index().search(vector, k, among)

    def by_words(self, words: Sequence[str], k: int, among: Sequence[int] | None) -> dict[int, float]:
        return self._library.search_words(words, k, among)

    def twins(self, passage_ids: Iterable[int]) -> Mapping[int, int]:
        return self._library.twins(passage_ids)

    def rarity(self, words: Sequence[str]) -> Mapping[str, float]:
        return self._library.rarity(words)

    def records(self, passage_ids: Sequence[int]) -> list[PassageRecord]:
        return self._library.passages(passage_ids)


@dataclass(frozen=True, slots=True)
class Considered:
    """Passages, their sentences with features, what the reader made of the promising ones, and these, best first.

    Of an overview nothing is read: ranked are the sentences that speak of its topic. told: these are by whom the
    question asks for, and on its topic; whether they answer it is then not the reader's to say.
    """

    found: list[Candidate]
    described: Described
    read: list[tuple[Window, np.ndarray]]
    ranked: list[Evidence]
    told: bool = False


def consider(
    asked: str,
    shelf: Shelf,
    embedder: Embedder,
    load_reader: Callable[[], SentenceReader],
    *,
    allowed: set[str] | None,
    overview: bool,
    clock: Clock,
    also: str,
    said_by: Callable[[str, Sequence[Evidence]], set[int]],
) -> Considered:
    """Retrieve, describe, and but for an overview read closely what looks promising.

    Where somebody's words are asked for, only theirs are read, and where they are asked for on a topic, those on it are
    the answer. A reader is no help there: it finds none in "The mayor is “carefully studying” it, according to Quill",
    and finds one for every topic in whatever else Quill said.

    allowed: ids of the documents that may be used, None for all. overview: many documents are wanted rather than one
    fact. also: the question as it was typed. Passages are found with `asked` and read with both: in full a follow-up
    can be taken for a question about its topic (mtragun, 108 follow-ups: the best sentence is of a right document for
    0.82 of them, 0.75 when read in full alone). said_by: a name and sentences -> the numbers of those that are theirs.
    """
    everything = overview and about_nothing_else(asked, lexical.content_words)
    question = asked
    if overview:
        asked = topic(asked, lexical.content_words)
    vector = shelf.theme() if everything else embedder.encode_query(asked)
    clock.lap("embed")
    found = shelf.find(asked, vector, _READ_FOR_OVERVIEW if overview else READ, allowed)
    clock.lap("retrieve")
    described = describe(asked, vector, found, shelf.rarity(lexical.content_words(asked)), lexical.analyse)
    who, subject = whose_words(question, lexical.content_words, [c.record.text for c in found])
    theirs = said_by(who, described.sentences) if who else None
    if theirs:  # "She told the Post:" only introduces her words
        theirs = {i for i in theirs if not described.sentences[i].text.endswith(":")}
    if overview:
        clock.lap("describe")
        return Considered(found, described, [], rank_by_topic(described, everything, theirs))
    told = bool(who) and subject is not None
    if theirs and subject:
        rarity = shelf.rarity(lexical.content_words(subject))
        vector = embedder.encode_query(f"about {subject}")
        # Of a document with the topic in its title not everything is said about that.
        untitled = [replace(c, record=replace(c.record, title="")) for c in found]
        theirs &= near_topic(describe(subject, vector, untitled, rarity, lexical.analyse))
    promising = windows(described, _WINDOWS, theirs)
    clock.lap("describe")
    reader = load_reader()
    read: list[tuple[Window, np.ndarray]] = []
    for turn in (promising[:_WINDOWS_FIRST], promising[_WINDOWS_FIRST:]):
        views = [asked, also] if also and asked != also else [asked]
        chances = [_read(view, turn, reader) for view in views]
        read += zip(turn, (np.mean(each, axis=0) for each in zip(*chances, strict=True)), strict=True)
        ranked = rank(described, read, theirs)
        if ranked and ranked[0].score >= _SURE:
            break
    clock.lap("read")
    return Considered(found, described, read, ranked, told)


def _read(question: str, turn: Sequence[Window], reader: SentenceReader) -> list[np.ndarray]:
    """The probabilities of each window; none for a sentence whose answer is of another kind than is asked for.

    The reader points at names, and misses that "Quill, the mayor" says who Quill is: that is as likely as not then.
    """
    read = reader.read(question, [w.text for w in turn], [w.spans for w in turn])
    return [
        np.maximum(
            r.chances * np.array([True, *(fits(question, answer) for answer in r.answers)]),
            0.5 * np.array([False, *(introduces(question, w.text[start:end]) for start, end in w.spans)]),
        )
        for w, r in zip(turn, read, strict=True)
    ]
