"""The nouns of the library: documents, sentences, passages and the ports around them.

Offsets are code points into `Document.text`, half open: `text[start:end]`. Nothing here reads a file, loads a model or
knows of questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

Precision = Literal["day", "month", "year", "unknown"]
PageUnit = Literal["page", "chapter"]
Basis = Literal["stated", "metadata", "inferred", "unknown"]


@dataclass(frozen=True, slots=True)
class DateInfo:
    """When a document was published, as exactly as is known, and how that is known.

    value: ISO 8601 cut to the precision ("2025-05-20", "2025-05", "2025"), empty when unknown.
    reason: for an inferred date, what in the document it was inferred from.
    """

    value: str = ""
    precision: Precision = "unknown"
    basis: Basis = "unknown"
    reason: str = ""

    def __post_init__(self) -> None:
        expected = {0: "unknown", 4: "year", 7: "month", 10: "day"}.get(len(self.value))
        if expected != self.precision:
            raise ValueError(f"date {self.value!r} does not have the precision {self.precision!r}")


@dataclass(frozen=True, slots=True)
class Document:
    """One text and what is known about it.

    doc_id: from the text alone (see `index.load.document_id`), so a renamed file keeps its id.
    source: who published it ("Chas Pravdy"), as far as known. paths: every file the same text was read from.
    pages: start offset of each page (page_unit: or chapter), empty for formats without any.
    near: a label that only its near copies share; set by the library, "" where it holds none.
    """

    doc_id: str
    title: str
    text: str
    source: str = ""
    author: str = ""
    url: str = ""
    published: DateInfo = field(default_factory=DateInfo)
    pages: tuple[int, ...] = ()
    page_unit: PageUnit = "page"
    paths: tuple[str, ...] = ()
    near: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """A document without its text. passages: how many it was split into. near: as in `Document`."""

    doc_id: str
    title: str
    source: str
    published: DateInfo
    paths: tuple[str, ...]
    passages: int
    near: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, or the piece of one that fits the embedder's window. `furniture`: page text that says nothing."""

    doc_id: str
    ordinal: int
    start: int
    end: int
    furniture: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """Whole consecutive sentences that together fit the embedder's window."""

    doc_id: str
    ordinal: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """What a library's vectors were made with. Two specs that differ cannot share a library.

    fingerprint: sha256 over the weights file. window: word pieces, special ones included.
    """

    model: str
    fingerprint: str
    dimension: int
    window: int
    recipe: str


@dataclass(frozen=True, slots=True)
class PassageInput:
    """What the embedder reads for one passage. `context` (the title) is read but belongs to no sentence.

    spans: the passage's sentences as offsets into `text`.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    context: str = ""


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """passage: (dimension,) float32; sentences: (number of spans, dimension) float32; all of unit length."""

    passage: np.ndarray
    sentences: np.ndarray


@dataclass(frozen=True, slots=True)
class PassageRecord:
    """A passage with what evidence is drawn from. vector: (d,); sentence_vectors: (number of sentences, d)."""

    passage_id: int
    passage: Passage
    text: str
    title: str
    sentences: tuple[Sentence, ...]
    vector: np.ndarray
    sentence_vectors: np.ndarray


class Embedder(Protocol):
    """Text to unit vectors; the inner product of two is their similarity."""

    @property
    def spec(self) -> IndexSpec: ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text, without the special ones."""
        ...

    def encode_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]: ...

    def encode_query(self, text: str) -> np.ndarray:
        """(dimension,) float32 of unit length."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of an ingest, for a callback. total and done count documents; passages counts those embedded so far."""

    done: int
    total: int
    passages: int
    seconds: float
    path: str


@dataclass(frozen=True, slots=True)
class Failure:
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What an `add` did. Each list names paths; `failed` says why; `passages` counts those that were embedded.

    ignored: files of a folder whose format is not read. gone: files that are in the library and no more in the folder;
    removed: those that were taken out of it.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    ignored: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    passages: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` looked at and what it found wrong; an empty `problems` means the library is sound."""

    documents: int
    passages: int
    sentences: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repaired:
    """What `repair` did. documents: kept. lost: paths, or ids, of those whose text cannot be read any more.

    made_again: the database itself was wrong, and a new one stands in its place.
    """

    documents: int
    lost: tuple[str, ...] = ()
    made_again: bool = False
