"""The library: one SQLite file, which is the truth, opened and changed.

Every change is one transaction that also counts up `version`. Passage ids are never used twice, so a reader holding
older ids finds either the same passage or none. What is read from it is index/contents.py's, the file itself
index/database.py's. Knows nothing of models, files or questions.
"""

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote

from index.contents import IN, PASSAGE_TEXT, Contents, FileRecord, checksum
from index.database import DATABASE, busy, connected, create, damage, recovering, translated, verified, writing
from index.errors import (
    DocumentError,
    LibraryBusy,
    LibraryDamaged,
    LibraryError,
    LibraryNotFound,
    LibraryReadOnly,
    SpecMismatch,
)
from index.near import Groups, twins
from index.seal import Seal
from index.types import Document, IndexSpec, Passage, PassageVectors, Sentence


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """A document ready to be stored. passages: each with its sentences and vectors. signature: of `index.near`."""

    document: Document
    sentences: tuple[Sentence, ...]
    passages: tuple[tuple[Passage, tuple[Sentence, ...], PassageVectors], ...]
    files: tuple[FileRecord, ...]
    signature: bytes = b""  # without one it is compared with no other


class Library(Contents):
    """One open library, to read and to write. Safe to share between threads; one process writes at a time."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, seal: Seal) -> None:
        super().__init__(folder, connection)
        self._seal = seal
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
                foreign = folder.is_file() or (
                    folder.is_dir() and any(not e.name.startswith(".") for e in folder.iterdir())
                )
                if not foreign:
                    folder.mkdir(parents=True, exist_ok=True)
                    create(database)
                elif not database.exists():  # else another process has made it just now
                    raise LibraryNotFound(f"{str(folder)!r} is not a sayso library; name another folder with --library")
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
            with contextlib.suppress(LibraryBusy, LibraryReadOnly), recovering(self.folder) as lock:
                if self._seal.read() and not lock.died:
                    return  # it was alive, and is done
                problems = [row[0] for row in self._rows("PRAGMA quick_check(1)") if row[0] != "ok"]
                if problems:
                    raise LibraryDamaged(damage(self.folder, problems[0].splitlines()[-1]))
                self._seal.write()
                lock.settle()
        except BaseException:
            self.close()
            raise

    def sealed(self) -> bool:
        """Whether the file is what was last written; False only where it cannot be a writer's doing."""
        try:
            verified(self.folder, self._seal)
        except LibraryDamaged:
            return False
        return True

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

    def compact(self) -> None:
        """Rewrite the file without what was removed; nothing of that is left in it. Needs its size once more."""
        with self.writer(), self._turn, self._translating():
            self._words.compact()
            self._db.execute("VACUUM")
            self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'version'")  # so that it is sealed

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
        texts = f"SELECT p.id, {PASSAGE_TEXT} FROM passages p JOIN documents d USING (doc_id) WHERE"
        others = dict(db.execute(f"{texts} p.id {IN}", (json.dumps(list(first)),)).fetchall())
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


def _held(db: sqlite3.Connection, doc_id: str) -> bool:
    return db.execute("SELECT 1 FROM files WHERE doc_id = ?", (doc_id,)).fetchone() is not None
