"""A damaged database to what it still holds: every document whose checksum fits, with its files.

Rows are read one by one, from both ends of each table, because a broken page ends a scan. Nothing is written.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.contents import DOCUMENT_COLUMNS, FileRecord, checksum, document_of
from index.types import Document


@dataclass(frozen=True, slots=True)
class Salvaged:
    """version: higher than any the library had. lost: paths, or ids where none is known, of what cannot be read."""

    version: int
    documents: tuple[tuple[Document, tuple[FileRecord, ...]], ...]
    lost: tuple[str, ...]


def salvage(database: Path) -> Salvaged:
    """What can be read of a library's database, which may be no database at all."""
    documents: dict[str, Document] = {}
    files: dict[str, FileRecord] = {}
    named: set[str] = set()
    version = int(time.time())  # of seconds, where the count of changes is lost: that grows more slowly
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
        for (doc_id,) in _from_both_ends(db, "SELECT doc_id FROM documents ORDER BY rowid"):
            named.add(str(doc_id))
        for row in _from_both_ends(db, "SELECT path, doc_id, size, mtime_ns, sha256, said FROM files ORDER BY path"):
            files[str(row[0])] = FileRecord(*row)
        for (rowid,) in _from_both_ends(db, "SELECT rowid FROM documents ORDER BY rowid"):
            query = f"SELECT checksum, {DOCUMENT_COLUMNS} FROM documents WHERE rowid = ?"
            with suppress(sqlite3.Error, ValueError, TypeError):
                for known, *row in db.execute(query, (rowid,)):
                    document = document_of(row, ())
                    if checksum(document) == known:
                        documents[document.doc_id] = document
        with suppress(sqlite3.Error, ValueError, TypeError):
            version = int(db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()[0]) + 1
    lost = {file.path for file in files.values() if file.doc_id not in documents}
    lost |= named - documents.keys() - {file.doc_id for file in files.values()}
    of: dict[str, list[FileRecord]] = {doc_id: [] for doc_id in documents}
    for file in files.values():
        if file.doc_id in of:
            of[file.doc_id].append(file)
    kept = tuple((document, tuple(of[doc_id])) for doc_id, document in documents.items())
    return Salvaged(version, kept, tuple(sorted(lost)))


def _from_both_ends(db: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """The rows up to the first that cannot be read, and those behind the last; a sound table's rows come twice."""
    for order in ("", " DESC"):
        with suppress(sqlite3.Error):
            yield from db.execute(query + order)
