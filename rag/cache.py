"""Answers that a model wrote, kept so that the same question of the same library costs nothing again.

One SQLite file in the user's cache folder. The key holds all that an answer depends on; what belongs to an older
version of a library is deleted at the first answer of a newer one, so that a removed document is not quoted from here.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from rag.types import Answer, from_json, to_json

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, library TEXT NOT NULL, version INTEGER NOT NULL, answer TEXT NOT NULL
) WITHOUT ROWID
"""


def key_of(parts: Mapping[str, object]) -> str:
    """parts: all that the answer depends on, as JSON can hold it."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class AnswerCache:
    """A cache that cannot be read or written is no cache; nothing fails for its sake. Safe to share between threads."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, key: str) -> Answer | None:
        if not self._file.is_file():
            return None
        with contextlib.suppress(sqlite3.Error, ValueError), closing(self._connect()) as db:
            row = db.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
            return from_json(Answer, row[0]) if row else None
        return None

    def put(self, key: str, library: Path, answer: Answer) -> None:
        with contextlib.suppress(sqlite3.Error, OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as db, db:
                db.execute(
                    "DELETE FROM answers WHERE library = ? AND version != ?", (str(library), answer.library_version)
                )
                db.execute(
                    "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)",
                    (key, str(library), answer.library_version, to_json(answer)),
                )

    def forget(self, library: Path) -> None:
        """Leave no answer from this library in the file."""
        if self._file.is_file():
            with contextlib.suppress(sqlite3.Error), closing(self._connect()) as db:
                with db:
                    db.execute("DELETE FROM answers WHERE library = ?", (str(library),))
                db.execute("VACUUM")

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, timeout=2.0)
        db.execute(_SCHEMA)
        return db
