"""The library: documents, sentences, passages, vectors and words in one SQLite file, which is the truth.

Every change is one transaction that also counts up `version`. Passage ids are never used twice, so a reader holding
older ids finds either the same passage or none. The file itself is index/database.py's. Knows nothing of models, files
or questions.
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
from shlex import quote
from typing import Any

import numpy as np

from index.database import DATABASE, busy, connected, create, damage, translated, verified, writing
from index.dates import day_range
from index.errors import (
    DocumentError,
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    LibraryNotFound,
    LibraryReadOnly,
    SpecMismatch,
)
from index.lexical import WordIndex
from index.near import Groups, twins
from index.seal import Seal
from index.types import DateInfo, Document, IndexSpec, Passage, PassageRecord, PassageVectors, Sentence, Summary

DOCUMENT_COLUMNS = "doc_id, title, text, source, author, url, published, pages, page_unit"
_PASSAGE_TEXT = 'substr(d.text, p.start + 1, p."end" - p.start)'
_SHARED = "EXISTS (SELECT 1 FROM documents o WHERE o.near = d.near AND o.doc_id <> d.doc_id)"
_IN = "IN (SELECT value FROM json_each(?))"  # a list of any length as one parameter


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file as it was when it was read. said: hash of what `sources.toml` said of it."""

    path: str
    doc_id: str
    size: int
    mtime_ns: int
    sha256: str
    said: str


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """A document ready to be stored. passages: each with its sentences and vectors. signature: of `index.near`."""

    document: Document
    sentences: tuple[Sentence, ...]
    passages: tuple[tuple[Passage, tuple[Sentence, ...], PassageVectors], ...]
    files: tuple[FileRecord, ...]
    signature: bytes = b""  # without one it is compared with no other


class Library:
    """One open library. Safe to share between threads; one process writes at a time."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, seal: Seal) -> None:
        self.folder = folder
        self._db = connection
        self._seal = seal
        self._words = WordIndex(connection)
        self._turn = threading.RLock()
        self._writing = threading.RLock()
        self._locked = False

    @classmethod
    def open(cls, folder: Path) -> "Library":
        """Open the library in the folder, or make one where nothing is.

        Raises LibraryNotFound for a file or a folder of other things, LibraryReadOnly where none can be made,
        LibraryDamaged when the database is not what was last written.
        """
        database = folder / DATABASE
        try:
            if not database.exists():
                if folder.is_file() or (folder.is_dir() and any(not e.name.startswith(".") for e in folder.iterdir())):
                    raise LibraryNotFound(f"{str(folder)!r} is not a sayso library; name another folder with --library")
                folder.mkdir(parents=True, exist_ok=True)
                create(database)
        except OSError as error:
            raise LibraryReadOnly(
                f"cannot make a library at {str(folder)!r}: {error.strerror}; "
                "name a folder you can write to with --library"
            ) from error
        except sqlite3.Error as error:
            raise translated(error, folder) from error
        try:
            seal = Seal(database)
        except OSError as error:
            raise LibraryError(
                f"cannot read {str(database)!r}: {error.strerror}; mend its permissions, or name another library with "
                "--library"
            ) from error
        try:
            died = verified(folder, seal)
            connection = connected(folder)
        except BaseException:
            seal.close()
            raise
        library = cls(folder, connection, seal)
        if died:
            library._recover()
        return library

    def close(self) -> None:
        self._db.close()
        self._seal.close()

    def _recover(self) -> None:
        """After a writer's death: SQLite has taken back what was not committed; seal what is there, if it is sound."""
        try:
            with contextlib.suppress(LibraryBusy, LibraryReadOnly), self.writer():
                problems = [row[0] for row in self._rows("PRAGMA quick_check(1)") if row[0] != "ok"]
                if problems:
                    raise LibraryDamaged(damage(self.folder, problems[0]))
        except BaseException:
            self.close()
            raise

    # -- writing ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Hold the right to write, for one change or many; the seal is set when the last is done.

        The lock dies with the process; nobody has to clean up after a crash. Raises LibraryBusy, LibraryReadOnly.
        """
        if not self._writing.acquire(blocking=False):
            raise busy(self.folder, str(os.getpid()))
        try:
            if self._locked:
                yield
                return
            with writing(self.folder) as lock:
                before, self._locked = self.version(), True
                try:
                    yield
                finally:
                    self._locked = False
                    if lock.died or self.version() != before or not self._seal.read():
                        self._seal.write()
                    lock.settle()
        finally:
            self._writing.release()

    def put(self, documents: Iterable[IndexedDocument], replacing: Iterable[str] = ()) -> None:
        """Store documents and drop older ones with the ids `replacing`, keeping their files, in one transaction."""
        with self._change() as db:
            dropped = list(replacing)
            kept = [file for doc_id in dropped for file in self._files_of(doc_id)]
            self._drop(db, dropped)
            groups = Groups(db.execute("SELECT near, signature FROM documents WHERE signature <> x'' ORDER BY rowid"))
            for entry in documents:
                near = groups.join(entry.document.doc_id, entry.signature) if entry.signature else ""
                self._insert(db, entry, near)
                if near:
                    self._pair(db, entry.document.doc_id, near)
            self._link(db, kept, overwrite=False)

    def put_files(self, files: Iterable[FileRecord]) -> None:
        """Remember files whose text is already here, and forget documents that no file holds any more."""
        news = [file for file in files if self.file(file.path) != file]
        if news:
            with self._change() as db:
                self._link(db, news)

    def forget_files(self, paths: Sequence[str]) -> None:
        """Forget files, and documents that no file holds any more."""
        if not paths:
            return
        with self._change() as db:
            for path in paths:
                row = db.execute("DELETE FROM files WHERE path = ? RETURNING doc_id", (path,)).fetchone()
                if row and not _held(db, row[0]):
                    self._drop(db, [row[0]])

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Raises DocumentError for an id that is not here; then nothing is removed."""
        missing = sorted(set(doc_ids) - self.document_ids())
        if missing:
            raise DocumentError(f"no document {missing[0]!r} in {str(self.folder)!r}; see the ids with: sayso list")
        with self._change() as db:
            self._drop(db, doc_ids)

    def start_at(self, version: int) -> None:
        """Count changes from here: a library made again must not repeat the versions of the one that it replaces."""
        with self._change() as db:
            db.execute("UPDATE meta SET value = ? WHERE key = 'version'", (version,))

    def set_spec(self, spec: IndexSpec) -> None:
        """Bind a new library to a model, or check that this one is bound to the same."""
        if self.spec() is None:
            with self._change() as db:
                db.execute("INSERT OR REPLACE INTO meta VALUES ('spec', ?)", (json.dumps(asdict(spec)),))
        self.check_spec(spec)

    def check_spec(self, spec: IndexSpec) -> None:
        """Raises SpecMismatch, naming both models and the fix, when the library is bound to another model."""
        bound = self.spec()
        if bound is not None and bound != spec:
            what = "other weights or rules" if bound.model == spec.model else f"{spec.model!r}"
            raise SpecMismatch(
                f"library {str(self.folder)!r} was built with {bound.model!r} but the settings name {what}; "
                + (f"set SAYSO_EMBEDDER={bound.model}, or " if bound.model != spec.model else "")
                + f"embed its texts again with: sayso check --repair --library {quote(str(self.folder))}"
            )

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self.writer(), self._turn, self._translating():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _insert(self, db: sqlite3.Connection, entry: IndexedDocument, near: str) -> None:
        document = entry.document
        db.execute(
            "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.doc_id,
                document.title,
                document.text,
                document.source,
                document.author,
                document.url,
                json.dumps(asdict(document.published)),
                document.published.value,
                json.dumps(document.pages),
                document.page_unit,
                checksum(document),
                near or document.doc_id,
                entry.signature,
            ),
        )
        owner: dict[int, int] = {}
        words = []
        for passage, sentences, vectors in entry.passages:
            row = db.execute(
                'INSERT INTO passages(doc_id, ordinal, start, "end", vector, sentence_vectors)'
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    passage.doc_id,
                    passage.ordinal,
                    passage.start,
                    passage.end,
                    vectors.passage.astype("<f4").tobytes(),
                    vectors.sentences.astype("<f2").tobytes(),
                ),
            )
            passage_id = int(row.lastrowid or 0)
            owner.update(dict.fromkeys((s.ordinal for s in sentences), passage_id))
            words.append((passage_id, document.title, document.text[passage.start : passage.end]))
        db.executemany(
            "INSERT INTO sentences VALUES (?, ?, ?, ?, ?, ?)",
            ((s.doc_id, s.ordinal, s.start, s.end, s.furniture, owner.get(s.ordinal)) for s in entry.sentences),
        )
        self._words.add(words)
        self._link(db, entry.files)

    def _pair(self, db: sqlite3.Connection, doc_id: str, near: str) -> None:
        """Mark the new document's passages that say nearly the same as one of its near copies.

        They share one mark, the id of the passage that was the first to say it: never used again, so that it still
        holds them together when that one is gone.
        """
        rows = db.execute(
            "SELECT coalesce(p.twin, p.id), min(p.id) FROM passages p JOIN documents d USING (doc_id)"
            " WHERE d.near = ? AND p.doc_id <> ? GROUP BY 1",
            (near, doc_id),
        ).fetchall()
        first = {passage_id: place for place, passage_id in rows}
        texts = f"SELECT p.id, {_PASSAGE_TEXT} FROM passages p JOIN documents d USING (doc_id) WHERE"
        others = dict(db.execute(f"{texts} p.id {_IN}", (json.dumps(list(first)),)).fetchall())
        own = dict(db.execute(f"{texts} p.doc_id = ?", (doc_id,)).fetchall())
        db.executemany(
            "UPDATE passages SET twin = ? WHERE id = ?", ((first[other], i) for i, other in twins(own, others).items())
        )

    def _link(self, db: sqlite3.Connection, files: Iterable[FileRecord], *, overwrite: bool = True) -> None:
        verb = "REPLACE" if overwrite else "IGNORE"
        for file in files:
            before = db.execute("SELECT doc_id FROM files WHERE path = ?", (file.path,)).fetchone()
            db.execute(
                f"INSERT OR {verb} INTO files VALUES (?, ?, ?, ?, ?, ?)",
                (file.path, file.doc_id, file.size, file.mtime_ns, file.sha256, file.said),
            )
            if overwrite and before and before[0] != file.doc_id and not _held(db, before[0]):
                self._drop(db, [before[0]])

    def _drop(self, db: sqlite3.Connection, doc_ids: Iterable[str]) -> None:
        for doc_id in doc_ids:
            passages = [row[0] for row in db.execute("SELECT id FROM passages WHERE doc_id = ?", (doc_id,))]
            self._words.remove(passages)
            for table in ("sentences", "passages", "files", "documents"):
                db.execute(f"DELETE FROM {table} WHERE doc_id = ?", (doc_id,))

    # -- reading ------------------------------------------------------------------------------------------------

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
        where, *wanted = ("",) if doc_ids is None else (f" WHERE doc_id {_IN}", json.dumps(list(doc_ids)))
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
            f" CASE WHEN {_SHARED} THEN near ELSE '' END FROM documents d WHERE doc_id {_IN}",
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
        return [row[0] for row in self._rows(f"SELECT id FROM passages WHERE doc_id {_IN}", json.dumps(list(doc_ids)))]

    def passages(self, passage_ids: Sequence[int]) -> list[PassageRecord]:
        """The records in the order asked for; ids that are gone are left out."""
        marks = json.dumps([int(i) for i in passage_ids])
        rows = self._rows(
            f'SELECT p.id, p.doc_id, p.ordinal, p.start, p."end", {_PASSAGE_TEXT},'
            " d.title, p.vector, p.sentence_vectors FROM passages p JOIN documents d USING (doc_id)"
            f" WHERE p.id {_IN}",
            marks,
        )
        sentences: dict[int, list[Sentence]] = {}
        for passage_id, *fields in self._rows(
            'SELECT passage_id, doc_id, ordinal, start, "end", furniture FROM sentences'
            f" WHERE passage_id {_IN} ORDER BY doc_id, ordinal",
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
        return dict(self._rows(f"SELECT id, twin FROM passages WHERE id {_IN} AND twin IS NOT NULL", marks))

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
                    rows = self._db.execute(f"SELECT vector FROM passages WHERE id {_IN} ORDER BY id", (listed,))
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

    def sealed(self) -> bool:
        """Whether the file is what was last written; False only where it cannot be a writer's doing."""
        try:
            verified(self.folder, self._seal)
        except LibraryDamaged:
            return False
        return True

    def checksums(self) -> dict[str, str]:
        """As they were stored, by document id."""
        return dict(self._rows("SELECT doc_id, checksum FROM documents"))

    def compact(self) -> None:
        """Rewrite the file without what was removed; nothing of that is left in it. Needs its size once more."""
        with self.writer(), self._turn, self._translating():
            self._words.compact()
            self._db.execute("VACUUM")
            self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")  # so that it is sealed

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


def _held(db: sqlite3.Connection, doc_id: str) -> bool:
    return db.execute("SELECT 1 FROM files WHERE doc_id = ?", (doc_id,)).fetchone() is not None
