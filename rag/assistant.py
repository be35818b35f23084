"""A question to a verified, cited answer: `Assistant.stream` is the whole pipeline, and every face calls it.

    question -> standalone question -> passages -> ranked sentences -> quotes with their places -> Answer

The steps are files beside this one and know nothing of each other; only this file joins them.
"""

import asyncio
import copy
import importlib
import logging
import re
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType

import platformdirs

from index import backup, lexical, sync
from index import check as checking
from index.dates import day_range, from_iso
from index.errors import LibraryEmpty, ModelError, QuestionError, UsageError
from index.library import Library
from index.load import normalise
from index.types import CheckReport, Document, Embedder, IndexSpec, Progress, Repaired, Summary, SyncReport
from rag.cache import AnswerCache, key_of
from rag.cite import answer_text, quoted_claims
from rag.compose import Composed, compose, in_full
from rag.consider import READ, Clock, Considered, Shelf, consider
from rag.parts import Parts
from rag.quote import choose, choose_one_each, own_question, wants_overview
from rag.rewrite import needs_history, standalone
from rag.settings import Settings
from rag.sources import source_asked
from rag.types import (
    Answer,
    Candidate,
    Citation,
    Claim,
    Done,
    Event,
    Evidence,
    Filter,
    Hit,
    LanguageModel,
    Retrieved,
    Rewritten,
    SentenceReader,
    Status,
    Token,
    Turn,
    Verdict,
    Verified,
    to_dict,
)
from rag.verify import check

_log = logging.getLogger(__name__)

_IN_AN_OVERVIEW = 12  # quotes, of as many documents
_GIVEN = 12  # evidence sentences that a language model is given
_SHARE_OF_WRITING = 0.7  # of the time for an answer; the rest is for putting the question in full
_ABSTENTION = "The sources do not say."
_NOTHING_IN_RANGE = "No document passes the filter, so the sources cannot say."


class Assistant:
    """A library and everything that is needed to ask it. Safe to share between threads.

    Open with `Assistant.open`. The models are loaded when they are first needed.
    """

    def __init__(
        self,
        library: Library,
        settings: Settings,
        embedder: Embedder | None = None,
        reader: SentenceReader | None = None,
        model: LanguageModel | None = None,
    ) -> None:
        self._library = library
        self._settings = settings
        self._parts = Parts(settings, embedder, reader, model)
        self._cache = AnswerCache(platformdirs.user_cache_path("sayso") / "answers.sqlite")
        self._shelf = Shelf(library)

    @classmethod
    def open(
        cls,
        library: str | Path | None = None,
        *,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        reader: SentenceReader | None = None,
        model: LanguageModel | None = None,
    ) -> "Assistant":
        """Open the library in a folder, making it if absent; without a folder the settings' or the default one.

        The default library is filled with the seeds when it is empty. Raises LibraryNotFound for a folder of other
        things, LibraryReadOnly where none can be made.
        """
        settings = settings or Settings.load()
        path = Path(library) if library is not None else settings.library_path
        assistant = cls(Library.open(path), settings, embedder, reader, model)
        if library is None and not settings.library and assistant._library.is_empty():
            assistant.add(seeds_folder())
        return assistant

    def __enter__(self) -> "Assistant":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._library.close()

    def writing_with(self, model: str) -> "Assistant":
        """The same library, asked of another language model, "" for quotes. It is this one's to close.

        model: as of `Settings.model`; one that cannot be loaded leaves quotes, as everywhere.
        """
        if model == self._settings.model:
            return self
        other = copy.copy(self)
        other._settings = self._settings.model_copy(update={"model": model, "api_base": "", "window": 0})
        other._parts = self._parts.with_model_of(other._settings)
        return other

    def abstaining_below(self, probability: float) -> "Assistant":
        """The same library and models under another threshold. Close the original, not this copy."""
        other = copy.copy(self)
        other._settings = self._settings.model_copy(update={"abstain_below": probability})
        return other

    def beside(self, library: str | Path) -> "Assistant":
        """Another library, made if absent, asked with the same settings and models. To be closed by whoever opens it.

        Raises LibraryNotFound and LibraryReadOnly as `open`.
        """
        other = copy.copy(self)
        other._library = Library.open(Path(library))
        other._shelf = Shelf(other._library)
        return other

    # -- the library --------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self._library.folder

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def spec(self) -> IndexSpec | None:
        """The embedding model that the library is bound to, None before its first document."""
        return self._library.spec()

    def add(
        self,
        *sources: str | Path | Document,
        prune: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> SyncReport:
        """Add files, folders, Documents or the page at an "https://…"; what is there unchanged is not embedded again.

        What cannot be read is listed in the report's `failed`, and the rest goes on. prune: take out what was once
        read from these folders and is there no more; the report's `gone` lists it otherwise.
        """
        return sync.add(self._library, self._embed, sources, progress, prune=prune)

    def remove(self, *doc_ids: str) -> None:
        """Raises DocumentError for an id that is not here; then nothing is removed."""
        sync.remove(self._library, doc_ids)

    def documents(self, where: Filter | None = None) -> list[Document]:
        """All documents, or those that pass the filter, by date and then title; undated ones last."""
        return self._library.documents(self._allowed(where) if where else None)

    def listing(self, offset: int = 0, limit: int | None = None, contains: str = "") -> tuple[list[Summary], int]:
        """Some of the documents without their texts, and how many there are; see `index.library.Library.listing`."""
        return self._library.listing(offset, limit, contains)

    def document(self, doc_id: str) -> Document:
        """Raises DocumentError when there is none with this id."""
        return self._library.document(doc_id)

    def check(self) -> CheckReport:
        """Whether texts, offsets, ids, vectors and words agree. Changes nothing."""
        return checking.check(self._library)

    def compact(self) -> int:
        """Leave nothing of what was removed on the disk, in kept answers neither; how many bytes that gave back."""
        self._cache.forget(self.path)
        return checking.compact(self._library)

    def export(self, file: str | Path) -> CheckReport:
        """Write the whole library to one new file, for `Assistant.restore`. Raises UsageError, LibraryReadOnly."""
        return backup.export(self._library, Path(file))

    @classmethod
    def restore(cls, file: str | Path, library: str | Path) -> CheckReport:
        """Make a new library from an exported file. Raises UsageError, LibraryDamaged, LibraryReadOnly."""
        return backup.restore(Path(file), Path(library))

    @classmethod
    def repair(cls, library: str | Path | None = None, *, settings: Settings | None = None) -> Repaired:
        """Make again what is damaged, or was made by other rules or another model; see `index.check.repair`."""
        settings = settings or Settings.load()
        parts = Parts(settings, None, None, None)
        return checking.repair(Path(library) if library is not None else settings.library_path, parts.embedder)

    def warm_up(self) -> None:
        """Load the models and the index now, so that the first question does not wait for them.

        Raises ModelError when one cannot be loaded.
        """
        from rag.speech import compile_all

        self._embed()
        self._parts.reader()
        compile_all()
        if self._parts.writes:
            self._parts.model()
        if self._library.spec():
            self._shelf.index()

    # -- asking -------------------------------------------------------------------------------------------------

    def search(self, query: str, *, k: int = 10, where: Filter | None = None) -> list[Hit]:
        """The k passages nearest to the query, best first."""
        self._check_question(query)
        if k < 1:
            raise UsageError(f"k is {k}; ask for at least one passage")
        query = normalise(query)
        vector = self._embed().encode_query(query)
        return [_hit(c) for c in self._shelf.find(query, vector, k, self._allowed(where))]

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        as_of: str | None = None,
    ) -> Answer:
        """Answer from the library's documents alone.

        history: the conversation so far, oldest first. as_of: an ISO date; nothing published later is used. Silence of
        the sources is an Answer with status "abstained". Raises QuestionError for a blank or overlong question,
        LibraryEmpty, and UsageError for a filter that is not a date.
        """
        for event in self.stream(question, history=history, where=where, as_of=as_of):
            if isinstance(event, Done):
                return event.answer
        raise AssertionError("stream ends with Done")

    async def aask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        as_of: str | None = None,
    ) -> Answer:
        """`ask` in a thread, so that an event loop goes on."""
        return await asyncio.to_thread(self.ask, question, history=history, where=where, as_of=as_of)

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        as_of: str | None = None,
    ) -> Iterator[Event]:
        """The same as events: Rewritten, Retrieved, Token for each piece, Verified, and Done with the answer.

        Closing the iterator ends the work, that of a language model too.
        """
        clock = Clock()
        self._check_question(question)
        raw = normalise(question)
        history = history if needs_history(raw) else ()
        key = self._key(raw, history, where, as_of)
        if key and (known := self._cache.get(key)):
            yield Rewritten(known.asked_as)
            yield Retrieved(known.hits)
            yield Token(known.text)
            yield Verified(known.claims)
            yield Done(replace(known, question=question, timings=clock.laps))
            return

        allowed = self._allowed(where, as_of)
        model, written = self._loaded()
        deadline = time.monotonic() + self._settings.timeout_s  # loading is no part of the time for an answer
        readings, used = [standalone(raw, history) if history else raw], written.usage
        if history and model:
            # The rule's reading is tried where the sources do not say what the model makes of the question.
            until = deadline - _SHARE_OF_WRITING * self._settings.timeout_s
            asked, used = in_full(raw, history, model, deadline=until)
            readings = list(dict.fromkeys([asked, *readings]))
        clock.lap("rewrite")
        for asked in readings:
            yield Rewritten(asked)
            considered = self.consider(asked, allowed=allowed, clock=clock, also=raw)
            ranked = considered.ranked
            chosen = self._choose(asked, considered)
            probability = self._probability(asked, considered)
            clock.lap("choose")
            if chosen:
                break
        found = considered.found
        hits = tuple(_hit(c) for c in found[:READ])
        yield Retrieved(hits)

        if chosen and model:
            written = yield from self._write(asked, chosen, ranked, model, clock, deadline)
        claims, citations = written.claims, written.citations
        if not claims:
            citations = self._cite(chosen)
            claims = quoted_claims(citations)
            for claim in claims:
                yield Token(answer_text([claim]) + "\n")
        clock.lap("cite")
        yield Verified(claims)
        answer = Answer(
            question=question,
            text=answer_text(claims) or (_ABSTENTION if found else _NOTHING_IN_RANGE),
            status=_status(written, claims),
            reason=written.reason if claims else ("no_evidence" if found else "out_of_range"),
            claims=claims,
            citations=citations,
            hits=hits,
            probability=probability,
            asked_as=asked,
            as_of=as_of or "",
            model=self._settings.model if written.claims else "",
            usage={name: used.get(name, 0) + written.usage.get(name, 0) for name in {**used, **written.usage}},
            timings=clock.laps,
            settings_hash=self._settings.hash,
            library_version=self._library.version(),
        )
        if key and written.claims:
            self._cache.put(key, self.path, answer)
        yield Done(answer)

    def _choose(self, asked: str, considered: Considered) -> list[Evidence]:
        """What is quoted, nothing where the sources do not say."""
        ranked = considered.ranked
        if wants_overview(asked):
            documents = {d.doc_id: d for d in self._library.documents({e.doc_id for e in ranked})}
            return choose_one_each(ranked, documents, most=_IN_AN_OVERVIEW)
        most = self._settings.max_quotes
        if not considered.told and (self._probability(asked, considered) or 0.0) < self._settings.abstain_below:
            return []
        return choose(ranked, lexical.analyse, max_quotes=most)

    def _probability(self, asked: str, considered: Considered) -> float | None:
        """That the best evidence answers the question; None for an overview, whose scores are none."""
        if wants_overview(asked):
            return None
        return max((e.score for e in considered.ranked[: self._settings.max_quotes]), default=0.0)

    def _loaded(self) -> tuple[LanguageModel | None, Composed]:
        """The language model, None when none is named or it cannot be loaded, and an answer without a word of it."""
        try:
            return (self._parts.model() if self._parts.writes else None), Composed()
        except ModelError as error:
            _log.warning("%s", error)
            return None, Composed(reason=error.reason)

    def _write(
        self,
        asked: str,
        chosen: Sequence[Evidence],
        ranked: Sequence[Evidence],
        model: LanguageModel,
        clock: Clock,
        deadline: float,
    ) -> Generator[Token, None, Composed]:
        """The language model's answer from the chosen evidence and the next best."""
        try:
            verify = self.verifier()
        except ModelError as error:
            _log.warning("%s", error)
            return Composed(reason=error.reason)
        given = self._cite([*chosen, *(e for e in ranked if e not in chosen)][:_GIVEN])
        clock.lap("cite")
        written = yield from compose(asked, given, model, verify, lexical.analyse, deadline=deadline)
        clock.lap("write")
        return written

    def verifier(self) -> Callable[[str, Sequence[Citation]], Verdict]:
        """(sentence, citations) -> whether exactly these carry it, as written answers are checked.

        Raises ModelError when the model that judges cannot be loaded.
        """
        return partial(check, analyse=lexical.analyse, closeness=self._parts.closeness())

    def consider(
        self, asked: str, *, allowed: set[str] | None = None, clock: Clock | None = None, also: str = ""
    ) -> Considered:
        """The first half of `stream`, and what `eval.fit` learns from; see `rag.consider.consider`."""
        overview = wants_overview(asked)
        if not overview:
            sources = self._shelf.sources()
            source, _ = source_asked(own_question(asked), sources)
            asked, also = source_asked(asked, sources)[1], source_asked(also, sources)[1]
            if source:
                its = self._library.matching((), (source,), "", "")
                allowed = its if allowed is None else its & allowed
        return consider(
            asked,
            self._shelf,
            self._embed(),
            self._parts.reader,
            allowed=allowed,
            overview=overview,
            clock=clock or Clock(),
            also=also,
            said_by=self._said_by,
        )

    # -- joints -------------------------------------------------------------------------------------------------

    def _check_question(self, question: str) -> None:
        if not question.strip():
            raise QuestionError("the question is blank; type one, such as: Who said that Russia was open to talks?")
        limit = self._settings.max_question_chars
        if len(question) > limit:
            raise QuestionError(f"the question has {len(question)} characters, more than {limit}; shorten it")
        if self._library.is_empty():
            raise LibraryEmpty(f"library {str(self.path)!r} holds no documents; add some with: sayso add PATH")

    def _embed(self) -> Embedder:
        embedder = self._parts.embedder()
        bound = self._library.spec()
        if bound is not None and bound != embedder.spec:
            self._library.check_spec(embedder.spec)
        return embedder

    def _key(self, raw: str, history: Sequence[Turn], where: Filter | None, as_of: str | None) -> str:
        """Of the cached answer; "" when none is kept: quotes take no longer to make than to look up."""
        if not (self._settings.model and self._settings.cache):
            return ""
        said = [[turn.question, turn.answer] for turn in history]
        parts = {"question": raw, "history": said, "where": to_dict(where or Filter()), "as_of": as_of or ""}
        return key_of(
            {**parts, "path": str(self.path), "version": self._library.version(), "settings": self._settings.hash}
        )

    def _allowed(self, where: Filter | None, as_of: str | None = None) -> set[str] | None:
        """Ids of the documents that may be used, None for all."""
        where = where or Filter()
        for value in (where.since, where.until, as_of or ""):
            try:
                from_iso(value)
            except ValueError as error:
                raise UsageError(f"{value!r} is not a date; write it as 2025, 2025-05 or 2025-05-20") from error
        until = min(filter(None, (where.until, as_of)), key=lambda value: day_range(value)[1], default="")
        if not (where or until):
            return None
        return self._library.matching(where.doc_ids, where.sources, where.since, until)

    def _said_by(self, who: str, sentences: Sequence[Evidence]) -> set[int]:
        """The numbers of the sentences that are the words of this person, or of the source of this name."""
        named = re.compile(rf"\b{re.escape(who)}\b", re.IGNORECASE)
        cited = enumerate(self._cite(sentences))
        return {i for i, c in cited if named.search(f"{c.speaker}\n{c.via}\n{c.source}")}

    def _cite(self, chosen: Sequence[Evidence]) -> tuple[Citation, ...]:
        from rag.attribute import attribute  # slow to import: only when something is quoted

        documents = {d.doc_id: d for d in self._library.documents({e.doc_id for e in chosen})}
        sentences = {doc_id: self._library.sentences(doc_id) for doc_id in documents}
        citations = []
        for marker, evidence in enumerate(chosen, 1):
            document = documents[evidence.doc_id]
            who = attribute(document, sentences[document.doc_id], evidence.ordinal)
            citation = Citation.of(
                document, evidence.start, evidence.end, marker=marker, score=evidence.score, attribution=who
            )
            assert citation.quote == evidence.text, "what was ranked is what is quoted"
            citations.append(citation)
        return tuple(citations)


def _status(written: Composed, claims: Sequence[Claim]) -> Status:
    if not claims:
        return "abstained"
    # Quotes where a model finds no answer are what is nearest: it may be right, so they are not called an answer.
    return "partial" if written.reason == "silent" or (written.claims and written.dropped) else "answered"


def seeds_folder() -> Path:
    """The five documents that come with sayso."""
    return Path(next(iter(importlib.import_module("seeds").__path__)))


def _hit(candidate: Candidate) -> Hit:
    return Hit(candidate.record.passage, candidate.score, candidate.record.text)
