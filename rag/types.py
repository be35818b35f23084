"""The nouns of an answer, and the ports of the steps that make one.

Every type is frozen and goes to JSON and back without loss: `to_json(answer)`, `from_json(Answer, text)`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from index.types import DateInfo, Document, PageUnit, Passage, PassageRecord

Status = Literal["answered", "partial", "abstained", "error"]
Reason = Literal[
    "",
    "no_evidence",
    "unsupported",
    "silent",
    "conflicting",
    "out_of_range",
    "unavailable",
    "timeout",
    "refused",
    "cut_off",
]
Support = Literal["quoted", "supported", "unsupported"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents may be used. Empty fields restrict nothing.

    sources: publishers, compared without case. since, until: ISO dates, a year or a month standing for all its days;
    a document whose date is unknown is left out as soon as one of them is given.
    """

    doc_ids: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    since: str = ""
    until: str = ""

    def __bool__(self) -> bool:
        return bool(self.doc_ids or self.sources or self.since or self.until)


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier exchange of a conversation."""

    question: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. A higher score is better, comparable only within its list. text: the passage's."""

    passage: Passage
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage under consideration. score: fused, in its list; dense: cosine; words: BM25, 0 when no word matches."""

    record: PassageRecord
    score: float
    dense: float
    words: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence that may carry the answer.

    score: the probability that it does, as calibrated in eval/; in an overview its cosine to the topic.
    """

    doc_id: str
    ordinal: int
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who says a sentence. speaker: the person or body whose words or view it gives, empty for the document itself.

    via: the channel that the document names ("The Wall Street Journal"). quoted: the words stand in quotation marks.
    """

    speaker: str = ""
    via: str = ""
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Citation:
    """An exact quote and its place: `document.text[start:end] == quote`. Made by `Citation.of` only."""

    marker: int
    doc_id: str
    title: str
    source: str
    url: str
    published: DateInfo
    start: int
    end: int
    quote: str
    page: int | None = None
    speaker: str = ""
    via: str = ""
    score: float = 0.0
    page_unit: PageUnit = "page"

    @classmethod
    def of(
        cls,
        document: Document,
        start: int,
        end: int,
        *,
        marker: int,
        score: float = 0.0,
        attribution: Attribution | None = None,
    ) -> "Citation":
        """Cut the quote out of the document, so that it cannot differ from it.

        Raises ValueError when the offsets do not lie inside the text in order.
        """
        if not 0 <= start < end <= len(document.text):
            raise ValueError(f"offsets {start}:{end} are outside document {document.doc_id!r}")
        who = attribution or Attribution()
        page = sum(first <= start for first in document.pages) or None
        return cls(
            marker=marker,
            doc_id=document.doc_id,
            title=document.title,
            source=document.source,
            url=document.url,
            published=document.published,
            start=start,
            end=end,
            quote=document.text[start:end],
            page=page,
            page_unit=document.page_unit,
            speaker=who.speaker,
            via=who.via,
            score=score,
        )

    def stands_in(self, document: Document) -> bool:
        return document.doc_id == self.doc_id and document.text[self.start : self.end] == self.quote


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of an answer, the citations it rests on, and what checking it found."""

    text: str
    markers: tuple[int, ...]
    support: Support
    why: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ask` returns, always. An abstention is an Answer with status "abstained" and a reason.

    asked_as: the standalone question after rewriting with the history. timings: seconds by stage.
    hits: the passages that were read, best first; the closest ones when it abstains. probability: that the best
    evidence answers the question, as calibrated in eval/; None where that is not judged, as in an overview. usage: of
    the language model: prompt_tokens, completion_tokens, cost_usd where the price is known, sentences_refused (by
    the verifier, or for only repeating the question), evidence_left_out where its window was small.
    """

    question: str
    text: str
    status: Status
    reason: Reason = ""
    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...] = ()
    hits: tuple[Hit, ...] = ()
    probability: float | None = None
    asked_as: str = ""
    as_of: str = ""
    model: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    settings_hash: str = ""
    library_version: int = 0

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Rewritten:
    asked_as: str


@dataclass(frozen=True, slots=True)
class Retrieved:
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer's text; provisional until `Verified`. An empty one: it is written, and now checked."""

    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Done:
    answer: Answer


Event = Rewritten | Retrieved | Token | Verified | Done


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a language model. role: "system" or "user"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request used. cost_usd: None where the price is not known. cut: the model ran out of tokens."""

    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the cited text carries a sentence, and in a few words what agreed or did not."""

    supported: bool
    why: str


class LanguageModel(Protocol):
    """Writes prose. window: tokens of prompt and answer together."""

    @property
    def name(self) -> str: ...

    @property
    def window(self) -> int: ...

    def count_tokens(self, text: str) -> int:
        """At least as many as the model will count."""
        ...

    def write(self, messages: Sequence[Message], *, max_tokens: int, deadline: float) -> Iterator[str | Usage]:
        """Pieces of text, then what was used. deadline: on time.monotonic's clock. Raises ModelError.

        Closing the iterator ends the model's work.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader made of a text with n sentences.

    chances: (1 + n,), that there is no answer in it, then that there is one in each sentence. answers: in each, the few
    words that are the likeliest answer; "" where the reader did not come so far.
    """

    chances: np.ndarray
    answers: tuple[str, ...]


class SentenceReader(Protocol):
    """Reads a question together with a text, which the vectors of retrieval cannot."""

    def read(self, question: str, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> list[Reading]:
        """One Reading for each text. spans: where the sentences of each stand in it."""
        ...


T = TypeVar("T")


def to_dict(value: object) -> dict[str, Any]:
    return asdict(value)  # type: ignore[call-overload, no-any-return]  # any of the dataclasses above


def to_json(value: object, *, indent: int | None = None) -> str:
    return json.dumps(to_dict(value), ensure_ascii=False, indent=indent)


def from_json(kind: type[T], text: str | bytes) -> T:
    """Read a type of this module back, every field validated. Raises pydantic.ValidationError on foreign JSON."""
    from pydantic import TypeAdapter  # imported late: asking does not need it

    return TypeAdapter(kind).validate_json(text)
