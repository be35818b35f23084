"""A library's database file: its tables, how it is made and opened, found whole and locked, and its errors in words.

Knows nothing of what stands in the tables.
"""

import contextlib
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from index.errors import LibraryBusy, LibraryDamaged, LibraryError, LibraryNotFound, LibraryReadOnly
from index.lexical import WordIndex
from index.seal import Seal

DATABASE = "library.sqlite"
_WRITER = "writer.lock"
_RECOVERY = "recovery.lock"
_APPLICATION_ID = 0x53415953  # "SAYS"
_SCHEMA_VERSION = 3
_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents(
    doc_id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL, author TEXT NOT NULL,
    url TEXT NOT NULL, published TEXT NOT NULL, date TEXT NOT NULL, pages TEXT NOT NULL,
    page_unit TEXT NOT NULL, checksum TEXT NOT NULL, near TEXT NOT NULL, signature BLOB NOT NULL);
CREATE INDEX documents_near ON documents(near);
CREATE TABLE files(
    path TEXT PRIMARY KEY, doc_id TEXT NOT NULL REFERENCES documents(doc_id), size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, said TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX files_of ON files(doc_id);
CREATE TABLE passages(
    id INTEGER PRIMARY KEY AUTOINCREMENT, doc_id TEXT NOT NULL REFERENCES documents(doc_id), ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, twin INTEGER, vector BLOB NOT NULL, sentence_vectors BLOB NOT NULL);
CREATE UNIQUE INDEX passages_of ON passages(doc_id, ordinal);
CREATE TABLE sentences(
    doc_id TEXT NOT NULL REFERENCES documents(doc_id), ordinal INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, furniture INTEGER NOT NULL, passage_id INTEGER, PRIMARY KEY(doc_id, ordinal)) WITHOUT ROWID;
CREATE INDEX sentences_of ON sentences(passage_id);
"""


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to change a library's files, held by this process. died: the last to write did not settle it."""

    descriptor: int
    died: bool

    def settle(self) -> None:
        """Say that what is on the disk is sealed."""
        os.ftruncate(self.descriptor, 0)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Lock]:
    """Hold a library's lock; it names this process until it is settled.

    A reader that is `recovering` the library is waited for: it is soon done, and nobody's rival. Raises LibraryBusy at
    once when another process writes, LibraryReadOnly where it cannot be written.
    """
    with _locked(folder, _WRITER) as descriptor, _locked(folder, _RECOVERY, wait=True):
        died = bool(os.fstat(descriptor).st_size)
        # On the disk before any change is: a seal that does not fit must be known for a writer's, not for damage.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        os.fsync(descriptor)
        yield Lock(descriptor, died)


@contextlib.contextmanager
def recovering(folder: Path) -> Iterator[Lock]:
    """Hold a library that a writer may have left unsealed, without standing in the way of the next writer.

    Raises LibraryBusy when another process writes or recovers it, LibraryReadOnly where it cannot be written.
    """
    with _locked(folder, _RECOVERY), _opened(folder, _WRITER) as descriptor:
        yield Lock(descriptor, died=bool(os.fstat(descriptor).st_size))


@contextlib.contextmanager
def _locked(folder: Path, name: str, *, wait: bool = False) -> Iterator[int]:
    with _opened(folder, name) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise busy(folder, os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()) from error
        yield descriptor


@contextlib.contextmanager
def _opened(folder: Path, name: str) -> Iterator[int]:
    try:
        descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise LibraryReadOnly(
            f"cannot write to {str(folder)!r}: {error.strerror}; copy the library to a folder you can write to"
        ) from error
    try:
        yield descriptor
    except OSError as error:
        raise LibraryReadOnly(
            f"cannot write to {str(folder)!r}: {error.strerror}; free space or mend the permissions, then run the same "
            "command again"
        ) from error
    finally:
        os.close(descriptor)


def busy(folder: Path, holder: str) -> LibraryBusy:
    return LibraryBusy(
        f"library {str(folder)!r} is held by process {holder or 'unknown'}; wait for it to finish, or stop it"
    )


def create(database: Path) -> None:
    """Made under another name and named when whole: a crash leaves no half library, and of two at once one wins."""
    descriptor, name = tempfile.mkstemp(prefix=f".{DATABASE}.", dir=database.parent)  # hidden: not a foreign file
    os.close(descriptor)
    draft = Path(name)
    try:
        with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            _set_up(connection)
            connection.executescript(_SCHEMA)
            WordIndex.create(connection)
            connection.execute("INSERT INTO meta VALUES ('version', 0)")
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        draft.chmod(0o644)
        try:
            os.link(draft, database)  # unlike a rename it never takes the place of another's
        except FileExistsError:
            pass
        except OSError:  # a disk that knows no links
            draft.replace(database)
    finally:
        draft.unlink(missing_ok=True)


def verified(folder: Path, seal: Seal) -> bool:
    """Whether a writer has died here. Raises LibraryDamaged when none has and the database is not what was sealed."""
    lock = folder / _WRITER
    while True:
        sealed = seal.read()
        if not sealed:
            return True  # just made, or its seal is lost
        if sealed == seal.actual():
            return False
        try:
            with lock.open("rb") as file:
                writing = bool(os.fstat(file.fileno()).st_size)
        except FileNotFoundError:
            writing = False
        if writing:
            return True
        if sealed == seal.read():  # else a writer has finished meanwhile
            raise LibraryDamaged(damage(folder, "its database is not what was last written"))


def connected(folder: Path) -> sqlite3.Connection:
    """Raises LibraryNotFound for a database of another kind or version."""
    database = folder / DATABASE
    writable = os.access(database, os.W_OK) and os.access(folder, os.W_OK)
    try:
        connection = sqlite3.connect(
            f"{database.absolute().as_uri()}?mode={'rw' if writable else 'ro'}",
            uri=True,
            check_same_thread=False,
            isolation_level=None,
        )
        try:
            _set_up(connection)
            found = [connection.execute(f"PRAGMA {key}").fetchone()[0] for key in ("application_id", "user_version")]
            if found != [_APPLICATION_ID, _SCHEMA_VERSION]:
                raise LibraryNotFound(
                    f"{str(database)!r} was not made by this version of sayso; name another folder with --library"
                )
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise translated(error, folder) from error
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    # The rollback journal: the write-ahead log of SQLite before 3.51.3 can corrupt with two connections.
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def translated(error: sqlite3.Error, folder: Path) -> LibraryError:
    text = str(error)
    if "readonly" in text or "unable to open" in text:
        return LibraryReadOnly(
            f"cannot write to {str(folder)!r}: {text}; copy the library to a folder you can write to"
        )
    if "locked" in text:
        return LibraryBusy(f"library {str(folder)!r} is being written; try again when that is done")
    if "I/O error" in text:
        return LibraryReadOnly(
            f"the disk under {str(folder)!r} failed: {text}; free space or mend it, then run the same command again"
        )
    if "full" in text:
        return LibraryReadOnly(
            f"the disk under {str(folder)!r} is full; free some space and run the same command again"
        )
    return LibraryDamaged(damage(folder, text))


def damage(folder: Path, what: str) -> str:
    mend = f"sayso check --repair --library {quote(str(folder))}"
    return f"library {str(folder)!r} is damaged ({what}); mend it with: {mend}"
