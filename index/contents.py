"""What a library holds, as it is read from its one SQLite file: documents, passages, vectors, words, files.

Nothing here changes anything; index/library.py does. Knows nothing of models, files or questions.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from index.database import DATABASE, translated
from index.dates import day_range
from index.errors import DocumentError
from index.lexical import WordIndex
from index.types import DateInfo, Document, IndexSpec, Passage, PassageRecord, Sentence, Summary

DOCUMENT_COLUMNS = "doc_id, title, text, source, author, url, published, pages, page_unit"
PASSAGE_TEXT = 'substr(d.text, p.start + 1, p."end" - p.start)'
IN = "IN (SELECT value FROM json_each(?))"  # a list of any length as one parameter
_SHARED = "EXISTS (SELECT 1 FROM documents o WHERE o.near = d.near AND o.doc_id <> d.doc_id)"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when it was read. said: hash of what `sources.toml` said of it."""

    path: str
    doc_id: str
    size: int
    mtime_ns: int
    sha256: str
    said: str


class Contents:
    """What one open library holds. Safe to share between threads."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._db = connection
        self._words = WordIndex(connection)
        self._turn = threading.RLock()

    def version(self) -> int:
        return int(self._rows("SELECT value FROM meta WHERE key = 'version'")[0][0])

    def spec(self) -> IndexSpec | None:
        rows = self._rows("SELECT value FROM meta WHERE key = 'spec'")
        return IndexSpec(**json.loads(rows[0][0])) if rows else None

    def document_ids(self) -> set[str]:
        return {row[0] for row in self._rows("SELECT doc_id FROM documents")}

    def holds(self, doc_id: str) -> bool:
        return bool(self._rows("SELECT 1 FROM documents WHERE doc_id = ?", doc_id))

    def is_empty(self) -> bool:
        return not self._rows("SELECT 1 FROM documents LIMIT 1")

    def counts(self) -> tuple[int, int, int]:
        """Documents, passages, sentences."""
        row = self._rows(
            "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages), (SELECT count(*) FROM sentences)"
        )[0]
        return int(row[0]), int(row[1]), int(row[2])

    def documents(self, doc_ids: Iterable[str] | None = None) -> list[Document]:
        """All documents, or those named, by date and then title; undated ones last."""
        where, *wanted = ("",) if doc_ids is None else (f" WHERE doc_id {IN}", json.dumps(list(doc_ids)))
        rows = self._rows(
            f"SELECT {DOCUMENT_COLUMNS}, CASE WHEN {_SHARED} THEN near ELSE '' END FROM documents d" + where, *wanted
        )
        paths: dict[str, list[str]] = {}
        for path, doc_id in self._rows("SELECT path, doc_id FROM files" + where, *wanted):
            paths.setdefault(doc_id, []).append(path)
        found = [document_of(row, paths.get(row[0], []), near) for *row, near in rows]
        return sorted(found, key=lambda d: (d.published.value or "9999", d.title, d.doc_id))

    def listing(self, offset: int = 0, limit: int | None = None, contains: str = "") -> tuple[list[Summary], int]:
        """Some of the documents in the order of `documents`, and how many there are in all; no text is read for them.

        contains: only those with this in their title, publisher or a file's path, compared without case.
        """
        paths: dict[str, list[str]] = {}
        for path, doc_id in self._rows("SELECT path, doc_id FROM files ORDER BY path"):
            paths.setdefault(doc_id, []).append(path)
        wanted = contains.casefold()
        found = sorted(
            (date or "9999", title, doc_id)
            for doc_id, title, source, date in self._rows("SELECT doc_id, title, source, date FROM documents")
            if wanted in "\n".join((title, source, *paths.get(doc_id, ()))).casefold()
        )
        chosen = [doc_id for *_, doc_id in found[offset : None if limit is None else offset + limit]]
        rows = self._rows(
            "SELECT doc_id, title, source, published, (SELECT count(*) FROM passages p WHERE p.doc_id = d.doc_id),"
            f" CASE WHEN {_SHARED} THEN near ELSE '' END FROM documents d WHERE doc_id {IN}",
            json.dumps(chosen),
        )
        summaries = {
            doc_id: Summary(
                doc_id, title, source, DateInfo(**json.loads(date)), tuple(paths.get(doc_id, ())), passages, near
            )
            for doc_id, title, source, date, passages, near in rows
        }
        return [summaries[doc_id] for doc_id in chosen if doc_id in summaries], len(found)

    def document(self, doc_id: str) -> Document:
        found = self.documents([doc_id])
        if not found:
            raise DocumentError(f"no document {doc_id!r} in {str(self.folder)!r}; see the ids with: sayso list")
        return found[0]

    def _files_of(self, doc_id: str) -> list[FileRecord]:
        query = "SELECT path, doc_id, size, mtime_ns, sha256, said FROM files WHERE doc_id = ?"
        return [FileRecord(*row) for row in self._rows(query, doc_id)]

    def file(self, path: str) -> FileRecord | None:
        rows = self._rows("SELECT path, doc_id, size, mtime_ns, sha256, said FROM files WHERE path = ?", path)
        return FileRecord(*rows[0]) if rows else None

    def files_below(self, folder: Path) -> list[str]:
        """Paths of the files that were read from a folder or from what is below it, in order."""
        # A path is below when it goes on with a slash, and "0" comes right after "/".
        query = "SELECT path FROM files WHERE path > ? AND path < ? ORDER BY path"
        return [row[0] for row in self._rows(query, f"{folder}/", f"{folder}0")]

    def sources(self) -> list[str]:
        """Who published the documents."""
        return [
            row[0] for row in self._rows("SELECT DISTINCT source FROM documents WHERE source <> '' ORDER BY source")
        ]

    def matching(self, doc_ids: Sequence[str], sources: Sequence[str], since: str, until: str) -> set[str]:
        """Ids of the documents that pass a filter; a document passes `since` when it may be as late as that."""
        wanted = {name.casefold() for name in sources}
        kept = set()
        for doc_id, source, date in self._rows("SELECT doc_id, source, date FROM documents"):
            first, last = day_range(date)
            if (
                (not doc_ids or doc_id in doc_ids)
                and (not wanted or source.casefold() in wanted)
                and (not since or (date and last >= day_range(since)[0]))
                and (not until or (date and first <= day_range(until)[1]))
            ):
                kept.add(doc_id)
        return kept

    def passage_ids(self, doc_ids: Iterable[str]) -> list[int]:
        return [row[0] for row in self._rows(f"SELECT id FROM passages WHERE doc_id {IN}", json.dumps(list(doc_ids)))]

    def passages(self, passage_ids: Sequence[int]) -> list[PassageRecord]:
        """The records in the order asked for; ids that are gone are left out."""
        marks = json.dumps([int(i) for i in passage_ids])
        rows = self._rows(
            f'SELECT p.id, p.doc_id, p.ordinal, p.start, p."end", {PASSAGE_TEXT},'
            " d.title, p.vector, p.sentence_vectors FROM passages p JOIN documents d USING (doc_id)"
            f" WHERE p.id {IN}",
            marks,
        )
        sentences: dict[int, list[Sentence]] = {}
        for passage_id, *fields in self._rows(
            'SELECT passage_id, doc_id, ordinal, start, "end", furniture FROM sentences'
            f" WHERE passage_id {IN} ORDER BY doc_id, ordinal",
            marks,
        ):
            sentences.setdefault(passage_id, []).append(_sentence(fields))
        records = {}
        for row in rows:
            vector = np.frombuffer(row[7], dtype="<f4")
            records[row[0]] = PassageRecord(
                passage_id=row[0],
                passage=Passage(row[1], row[2], row[3], row[4]),
                text=row[5],
                title=row[6],
                sentences=tuple(sentences.get(row[0], ())),
                vector=vector,
                sentence_vectors=np.frombuffer(row[8], dtype="<f2").astype(np.float32).reshape(-1, len(vector)),
            )
        return [records[i] for i in passage_ids if i in records]

    def twins(self, passage_ids: Iterable[int]) -> dict[int, int]:
        """Passage id -> a number that it shares with those of near copies that say nearly the same.

        It is the id of the first to say it, which stands for itself and is not listed.
        """
        marks = json.dumps([int(i) for i in passage_ids])
        return dict(self._rows(f"SELECT id, twin FROM passages WHERE id {IN} AND twin IS NOT NULL", marks))

    def sentences(self, doc_id: str) -> list[Sentence]:
        rows = self._rows(
            'SELECT doc_id, ordinal, start, "end", furniture FROM sentences WHERE doc_id = ? ORDER BY ordinal', doc_id
        )
        return [_sentence(row) for row in rows]

    def vectors(self, known: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, int]:
        """(n,) ids, (m, d) float32 passage vectors, and the version they belong to, read in one transaction.

        known: ids whose vectors are left out; the others come in the order of their ids.
        """
        with self._turn, self._translating():
            self._db.execute("BEGIN")
            try:
                ids = np.fromiter((row[0] for row in self._db.execute("SELECT id FROM passages")), dtype=np.int64)
                ids.sort()
                wanted = ids if known is None else np.setdiff1d(ids, known, assume_unique=True)
                if len(wanted) == len(ids):
                    rows = self._db.execute("SELECT vector FROM passages ORDER BY id")
                else:
                    listed = json.dumps(wanted.tolist())
                    rows = self._db.execute(f"SELECT vector FROM passages WHERE id {IN} ORDER BY id", (listed,))
                vectors = np.empty((0, 0), np.float32)
                for at, (stored,) in enumerate(rows):
                    vector = np.frombuffer(stored, dtype="<f4")
                    if not at:  # filled row by row: all of them are not held twice
                        vectors = np.empty((len(wanted), len(vector)), np.float32)
                    vectors[at] = vector
                return ids, vectors, self.version()
            finally:
                self._db.execute("COMMIT")

    def search_words(self, words: Sequence[str], k: int, among: Sequence[int] | None = None) -> dict[int, float]:
        with self._turn, self._translating():
            return self._words.search(words, k, among)

    def rarity(self, words: Sequence[str]) -> dict[str, float]:
        with self._turn, self._translating():
            return dict(self._words.rarity(words))

    def integrity_problems(self) -> list[str]:
        """What SQLite itself finds wrong, the word index included."""
        with self._turn:
            try:
                found = [row[0] for row in self._db.execute("PRAGMA integrity_check(5)") if row[0] != "ok"]
                found += [f"row without its parent in {row[0]}" for row in self._db.execute("PRAGMA foreign_key_check")]
                held, known = (
                    {row[0] for row in self._db.execute(f"SELECT {column} FROM {table}")}
                    for column, table in (("rowid", "words"), ("id", "passages"))
                )
            except sqlite3.DatabaseError as error:
                return [f"{self.folder / DATABASE}: {error}"]
        if held != known:
            found.append("the word index and the passages differ")
        return found

    def checksums(self) -> dict[str, str]:
        """As they were stored, by document id."""
        return dict(self._rows("SELECT doc_id, checksum FROM documents"))

    def copy_to(self, path: Path) -> None:
        """The whole database as a new file at the path, as of one moment. Raises LibraryReadOnly."""
        with self._turn, self._translating():
            self._db.execute("VACUUM INTO ?", (os.fspath(path),))

    def _rows(self, query: str, *parameters: str) -> list[Any]:
        with self._turn, self._translating():
            return self._db.execute(query, parameters).fetchall()

    @contextlib.contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise translated(error, self.folder) from error


def document_of(row: Sequence[Any], paths: Iterable[str], near: str = "") -> Document:
    """row: DOCUMENT_COLUMNS of it."""
    doc_id, title, text, source, author, url, published, pages, page_unit = row
    return Document(
        doc_id=doc_id,
        title=title,
        text=text,
        source=source,
        author=author,
        url=url,
        published=DateInfo(**json.loads(published)),
        pages=tuple(json.loads(pages)),
        page_unit=page_unit,
        paths=tuple(sorted(paths)),
        near=near,
    )


def alone(document: Document) -> Document:
    """Without what depends on other documents and on files."""
    return replace(document, paths=(), near="")


def checksum(document: Document) -> str:
    """Of the document alone: what a damaged database must still hold for it to be kept."""
    return hashlib.sha256(json.dumps(asdict(alone(document))).encode()).hexdigest()


def _sentence(row: Sequence[Any]) -> Sentence:
    doc_id, ordinal, start, end, furniture = row
    return Sentence(doc_id, ordinal, start, end, bool(furniture))
