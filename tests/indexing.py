"""What the tests of the library share: documents made ready to store, and a look at everything that is stored."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from index import sync
from index.chunk import pack_passages, split_sentences
from index.contents import FileRecord
from index.database import DATABASE
from index.library import IndexedDocument, Library
from index.load import document_id
from index.types import DateInfo, Document, Embedder, PassageInput, Progress, SyncReport
from tests.fakes import WordHashEmbedder

_NOBODY = 65534
FERRY = "The ferry left at dawn. Nobody slept.\n"
BREAD = "Bread was dear that spring.\n"


def document(text: str, title: str = "", date: str = "", source: str = "") -> Document:
    precision = {0: "unknown", 4: "year", 7: "month", 10: "day"}[len(date)]
    published = DateInfo(date, precision, "stated" if date else "unknown")  # type: ignore[arg-type]
    return Document(document_id(text), title or text[:20], text, source=source, published=published)


FERRY_NEWS = document("The ferry left at dawn. Nobody slept.", "Ferry", "2024-05-20", "Daily")
BREAD_NEWS = document("Bread was dear that spring.", "Bread", "2024-05", "Weekly")
MILL_NEWS = document("The mill burnt down.", "Mill", "2023", "daily")
RAIN_NEWS = document("It rained.", "Rain")


def ids(*documents: Document) -> set[str]:
    return {made.doc_id for made in documents}


def indexed(made: Document, *paths: str) -> IndexedDocument:
    """Split and embedded with the word-hash embedder, as read from the paths."""
    embedder = WordHashEmbedder()
    sentences = split_sentences(made, embedder.count_tokens, embedder.spec.window)
    packed = pack_passages(made, sentences, embedder.count_tokens, embedder.spec.window)
    inputs = [
        PassageInput(
            made.text[passage.start : passage.end],
            tuple((s.start - passage.start, s.end - passage.start) for s in inside),
        )
        for passage, inside in packed
    ]
    vectors = embedder.encode_passages(inputs)
    passages = tuple((passage, inside, v) for (passage, inside), v in zip(packed, vectors, strict=True))
    return IndexedDocument(made, tuple(sentences), passages, tuple(file_record(path, made) for path in paths))


def file_record(path: str, made: Document) -> FileRecord:
    return FileRecord(path, made.doc_id, len(made.text), 1, "", "")


def rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a library, the index of words included; the counters that only grow left out."""
    tables = ("documents", "files", "passages", "sentences", "words", "word_counts")
    with closing(sqlite3.connect(folder / DATABASE)) as db:
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # the names above


def tamper(folder: Path, statement: str, *parameters: object) -> None:
    """Change the library behind its back."""
    with closing(sqlite3.connect(folder / DATABASE)) as db, db:
        assert db.execute(statement, parameters).rowcount == 1


class Adding:
    """`sync.add` with an embedder that counts."""

    def __init__(self, library: Library, embedder: WordHashEmbedder | None = None) -> None:
        self.library = library
        self.embedder = embedder or WordHashEmbedder()
        self.loaded = 0

    def __call__(
        self, *sources: str | Path | Document, progress: Callable[[Progress], None] | None = None, prune: bool = False
    ) -> SyncReport:
        def load() -> Embedder:
            self.loaded += 1
            return self.embedder

        return sync.add(self.library, load, sources, progress, prune=prune)


def nearest(library: Library, query: str) -> str:
    """The text of the best passage, found as an assistant finds it."""
    found = sync.current(library).search(WordHashEmbedder().encode_query(query), 1)
    (record,) = library.passages(list(found))
    return record.text


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder that every user may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Without the superuser's privilege to read and write everything."""
    if os.getuid() != 0:
        yield
        return
    try:
        os.setresuid(_NOBODY, _NOBODY, 0)
    except OSError as error:
        pytest.skip(f"cannot give up the superuser's rights here: {error}")
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
