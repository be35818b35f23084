"""The seal of a library: a checksum of its database as the last writer left it.

SQLite notices a broken page only when it reads one, and a changed letter never; with the seal one flipped bit anywhere
is noticed when the library is opened. A writer names its process in the lock before it changes anything and seals when
it is done: while the lock names a process, that one is writing or has died, and the seal says nothing.
"""

import os
import threading
from pathlib import Path

import xxhash

from index import durable

SEAL = "library.xxh3"
_CHUNK = 1 << 22
_guard = threading.Lock()
# SQLite's locks belong to the process: closing any descriptor of the file, anywhere in it, drops them all
# (sqlite.org/howtocorrupt.html, 2.2). So there is one a file, by device and inode, until its last seal is closed.
_descriptors: dict[tuple[int, int], tuple[int, int]] = {}  # -> the descriptor, and how many seals use it


class Seal:
    """Of one database. Make it before SQLite opens the file, close it after SQLite has closed it."""

    def __init__(self, database: Path) -> None:
        """Raises OSError when the file cannot be read."""
        self._file = database.with_name(SEAL)
        facts = database.stat()
        self._key = (facts.st_dev, facts.st_ino)
        with _guard:
            descriptor, users = _descriptors.get(self._key) or (os.open(database, os.O_RDONLY), 0)
            _descriptors[self._key] = (descriptor, users + 1)
        self._descriptor = descriptor
        self._closed = False

    def close(self) -> None:
        with _guard:
            if self._closed:
                return
            self._closed = True
            descriptor, users = _descriptors.pop(self._key)
            if users > 1:
                _descriptors[self._key] = (descriptor, users - 1)
            else:
                os.close(descriptor)

    def read(self) -> str:
        """What the last writer sealed, "" when there is no seal."""
        try:
            return self._file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return ""
        except (OSError, ValueError):
            return "unreadable"

    def actual(self) -> str:
        """32 hex digits of the database as it stands, XXH3: as quick as reading, and against accidents only."""
        digest = xxhash.xxh3_128()
        at = 0
        while chunk := os.pread(self._descriptor, _CHUNK, at):
            digest.update(chunk)
            at += len(chunk)
        return digest.hexdigest()

    def write(self) -> None:
        """Only for the one who holds the lock and has no transaction open. Raises OSError."""
        durable.replace_file(self._file, self.actual().encode())
