"""The conversations of everybody who uses the chat, in one SQLite file in the user's data folder.

Each belongs to an owner: a random word that only one browser knows, of which the file holds the hash. Nothing can be
read, changed or counted without it. Knows nothing of pages.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import platformdirs

from index.errors import SaysoError
from rag.types import Answer, Filter, Turn, from_json, to_dict, to_json

MAX_TITLE_CHARS = 120
MAX_COMMENT_CHARS = 2000
_ONE_KEY = Lock()
_OWNER = re.compile(r"[\w-]{43}", re.ASCII)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    number INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, title TEXT NOT NULL, changed TEXT NOT NULL,
    library TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS by_owner ON conversations (owner, changed);
CREATE TABLE IF NOT EXISTS exchanges (
    number INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    turn INTEGER NOT NULL,
    exchange TEXT NOT NULL,
    PRIMARY KEY (number, turn)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question's answer in a conversation. where: what the question was restricted to. suggested: what to ask next.

    verdict: 1 helpful, -1 not, 0 nothing said; comment: why. at: when it was answered, ISO 8601 in UTC.
    """

    answer: Answer
    where: Filter = field(default_factory=Filter)
    suggested: tuple[str, ...] = ()
    verdict: int = 0
    comment: str = ""
    at: str = ""

    def as_turn(self) -> Turn:
        return Turn(self.answer.question, self.answer.text)


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation in a list. changed: ISO 8601 in UTC."""

    number: int
    title: str
    changed: str


def new_owner() -> str:
    return secrets.token_urlsafe(32)


def owner_of(user: str, key_file: Path | None = None) -> str:
    """The word of somebody who signs in, the same in every browser. Made of the name with a key that stays here.

    Raises SaysoError where the key cannot be read or written.
    """
    file = key_file or platformdirs.user_data_path("sayso") / "owners.key"
    try:
        with _ONE_KEY:  # also for two that are the first to sign in, at once
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                part = file.with_name(f".{file.name}-{secrets.token_hex(8)}")
                with open(part, "xb", opener=_for_owner_alone) as new:
                    new.write(secrets.token_bytes(32))
                part.replace(file)
        made = hmac.digest(file.read_bytes(), user.encode(), "sha256")
    except OSError as error:
        raise SaysoError(f"{str(file)!r} cannot be read or written ({error.strerror}); make room for it") from error
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def is_owner(word: object) -> bool:
    """Whether this can be a word of `new_owner`."""
    return isinstance(word, str) and _OWNER.fullmatch(word) is not None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Conversations:
    """Safe to share between threads and processes. Raises SaysoError where the file cannot be read or written."""

    def __init__(self, file: Path | None = None, library: Path | None = None) -> None:
        """library: whose conversations these are; others cannot be seen, but for those kept before this was noted."""
        self.file = file or platformdirs.user_data_path("sayso") / "conversations.sqlite"
        self._library = str(library.absolute()) if library else ""

    def summaries(self, owner: str) -> list[Summary]:
        """Last changed first."""
        with self._open() as db:
            rows = db.execute(
                "SELECT number, title, changed FROM conversations WHERE owner = ? AND library IN ('', ?) "
                "ORDER BY changed DESC, number DESC",
                (_hash(owner), self._library),
            ).fetchall()
        return [Summary(*row) for row in rows]

    def exchanges(self, owner: str, number: int) -> tuple[Exchange, ...]:
        """In order; none where this owner has no such conversation."""
        with self._open() as db:
            rows = db.execute(
                "SELECT exchange FROM exchanges JOIN conversations USING (number) "
                "WHERE owner = ? AND number = ? AND library IN ('', ?) ORDER BY turn",
                (_hash(owner), number, self._library),
            ).fetchall()
        return from_json(tuple[Exchange, ...], f"[{','.join(row[0] for row in rows)}]")

    def append(self, owner: str, number: int, exchange: Exchange) -> int:
        """Keep one more; in a new conversation where this owner has none with the number. Returns its number."""
        with self._open() as db:
            changed = db.execute(
                "UPDATE conversations SET changed = ? WHERE owner = ? AND number = ? AND library IN ('', ?)",
                (now(), _hash(owner), number, self._library),
            )
            if not changed.rowcount:
                title = _cut(exchange.answer.question)
                made = db.execute(
                    "INSERT INTO conversations (owner, title, changed, library) VALUES (?, ?, ?, ?)",
                    (_hash(owner), title, now(), self._library),
                )
                number = int(made.lastrowid or 0)
            db.execute(
                "INSERT INTO exchanges SELECT ?1, COALESCE(MAX(turn) + 1, 0), ?2 FROM exchanges WHERE number = ?1",
                (number, _encodable(to_json(exchange))),
            )
        return number

    def change(self, owner: str, number: int, turn: int, **fields: object) -> Exchange | None:
        """Replace fields of an exchange; returns it as it then is, None where this owner has no such exchange."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")  # before reading: what another changes meanwhile would be written over
            row = db.execute(
                "SELECT exchange FROM exchanges JOIN conversations USING (number) "
                "WHERE owner = ? AND number = ? AND turn = ?",
                (_hash(owner), number, turn),
            ).fetchone()
            if row is None:
                return None
            changed = replace(from_json(Exchange, row[0]), **fields)  # type: ignore[arg-type]
            db.execute(
                "UPDATE exchanges SET exchange = ? WHERE number = ? AND turn = ?",
                (_encodable(to_json(changed)), number, turn),
            )
        return changed

    def rename(self, owner: str, number: int, title: str) -> None:
        """A blank title changes nothing."""
        if _cut(title):
            with self._open() as db:
                db.execute(
                    "UPDATE conversations SET title = ? WHERE owner = ? AND number = ?",
                    (_cut(title), _hash(owner), number),
                )

    def delete(self, owner: str, number: int) -> None:
        """Nothing of it stays in the file."""
        with self._open() as db:
            db.execute("DELETE FROM conversations WHERE owner = ? AND number = ?", (_hash(owner), number))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept when its block ends well."""
        try:
            if not self.file.exists():
                self.file.parent.mkdir(parents=True, exist_ok=True)
                os.close(_for_owner_alone(str(self.file), os.O_CREAT | os.O_WRONLY))
            with closing(sqlite3.connect(self.file, timeout=5.0)) as db:
                db.execute("PRAGMA foreign_keys = ON")
                db.execute("PRAGMA secure_delete = ON")
                db.executescript(_SCHEMA)
                if not db.execute("SELECT 1 FROM pragma_table_info('conversations') WHERE name = 'library'").fetchone():
                    db.execute("ALTER TABLE conversations ADD COLUMN library TEXT NOT NULL DEFAULT ''")
                with db:
                    yield db
        except (sqlite3.Error, OSError) as error:
            raise SaysoError(
                f"the conversations in {str(self.file)!r} cannot be read or written ({error}); move the file away"
            ) from error


class Feedback:
    """What was thought of answers: one JSON object a line, appended; a later line about an answer replaces an earlier.

    Stays on this computer, for evaluation.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or platformdirs.user_data_path("sayso") / "feedback.jsonl"

    def keep(self, exchange: Exchange) -> None:
        """Raises SaysoError where the file cannot be written."""
        line = {
            "time": now(),
            "verdict": "helpful" if exchange.verdict > 0 else "not helpful" if exchange.verdict < 0 else "withdrawn",
            "comment": exchange.comment,
            "question": exchange.answer.question,
            "asked_at": exchange.at,
            "answer": to_dict(exchange.answer),
        }
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            # One write of a whole line: two that judge at once do not mix.
            with open(self.file, "ab", buffering=0, opener=_for_owner_alone) as file:
                file.write((_encodable(json.dumps(line, ensure_ascii=False)) + "\n").encode())
        except OSError as error:
            raise SaysoError(f"{str(self.file)!r} cannot be written ({error.strerror}); make room for it") from error


def _for_owner_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _encodable(text: str) -> str:
    """A question may hold half a surrogate pair, which no file can."""
    return text.encode("utf-8", "replace").decode()


def _hash(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()


def _cut(title: str) -> str:
    """A title's words on one line, as many as fit."""
    return _encodable(" ".join(title.split())[:MAX_TITLE_CHARS].strip())
