"""Bytes of files and of the members of zip archives, never more of them than is read. Nothing is extracted to disk."""

import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from index.errors import DocumentError

MAX_FILE_BYTES = 50_000_000
MAX_ARCHIVE_BYTES = 500_000_000  # packed, and all that it unpacks to
MAX_MEMBERS = 10_000
_MAX_DIRECTORY_BYTES = 4_000_000  # an archive's table of contents, which is read whole
_SPLIT = re.compile(r"[/\\]")


def read_file(path: Path, *, follow: bool = False) -> bytes:
    """The file's bytes. follow: also through a link. Raises DocumentError when it cannot be read or is too large."""
    try:
        with open(path, "rb", opener=_following if follow else _not_following) as file:
            facts = os.fstat(file.fileno())
            _check(facts, MAX_FILE_BYTES)
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise unreadable(error) from error
    if len(data) > MAX_FILE_BYTES:  # it grows while it is read
        raise _too_large(len(data), MAX_FILE_BYTES)
    return data


def unreadable(error: OSError) -> DocumentError:
    return DocumentError(f"cannot read the file: {error.strerror or error}; check its permissions")


def _not_following(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe would otherwise be waited for


def _following(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _check(facts: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise DocumentError("this is no ordinary file; copy what it gives to one")
    if facts.st_size > most:
        raise _too_large(facts.st_size, most)


def _too_large(size: float, most: int) -> DocumentError:
    return DocumentError(f"{size / 1e6:.0f} MB is more than {most / 1e6:.0f}; split the file")


class Archive(zipfile.ZipFile):
    """A zip file and its members by their cleaned names. Raises DocumentError when it is none, or too large."""

    def __init__(self, path: Path, *, follow: bool = False) -> None:
        self._bytes: _Bytes | None = None
        try:
            self._bytes = _Bytes(path, opener=_following if follow else _not_following)
            _check(os.fstat(self._bytes.fileno()), MAX_ARCHIVE_BYTES)
            super().__init__(self._bytes)
        except OSError as error:
            raise unreadable(error) from error
        except (zipfile.BadZipFile, ValueError, NotImplementedError, zlib.error) as error:
            raise DocumentError(f"this is no zip archive, or a damaged one ({error}); pack it again") from error
        self.members: dict[str, zipfile.ZipInfo] = {}
        self.twice: list[str] = []
        members = [info for info in self.infolist() if not info.is_dir()]
        # What a member declares is binding: no more of it is inflated.
        total = sum(info.file_size for info in members)
        if len(members) > MAX_MEMBERS or total > MAX_ARCHIVE_BYTES:
            raise DocumentError(
                f"the archive unpacks to {len(members)} files of {total / 1e6:.0f} MB, more than {MAX_MEMBERS} or "
                f"{MAX_ARCHIVE_BYTES / 1e6:.0f} MB; split it, or add what it holds as a folder"
            )
        for info in members:
            name = _cleaned(info.filename)
            if name in self.members:
                self.twice.append(name)
            else:
                self.members[name] = info

    def close(self) -> None:
        super().close()
        if self._bytes is not None:
            self._bytes.close()

    def member(self, name: str) -> bytes:
        """Raises DocumentError when it is gone, encrypted, damaged or too large."""
        info = self.members.get(name)
        if info is None:
            raise DocumentError("the archive holds no such file any more; add the archive again")
        if info.flag_bits & 1:
            raise DocumentError("the archive is encrypted; unpack it with its password and add the folder")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may claim any memory
            raise DocumentError("the archive is packed in a rare way; pack it again as an ordinary zip")
        if info.file_size > MAX_FILE_BYTES:
            raise _too_large(info.file_size, MAX_FILE_BYTES)
        try:
            with self.open(info) as file:
                return file.read(MAX_FILE_BYTES)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError) as error:
            raise DocumentError(f"the archive is damaged here ({error}); pack it again") from error


def _cleaned(name: str) -> str:
    """A label for people, never a path that is opened: no way up, no root, nothing invisible."""
    shown = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c)[0] != "C")
    return "/".join(part for part in _SPLIT.split(shown) if part not in ("", ".", "..")) or "unnamed"


class _Bytes(io.FileIO):
    """A file of which nobody reads very much at once: zipfile would load any table of contents whole."""

    def __init__(self, path: Path, opener: Any) -> None:
        super().__init__(path, "rb", opener=opener)

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"a table of contents of {size / 1e6:.0f} MB")
        return super().read(size)


def open_archive(path: Path, *, follow: bool = False) -> Archive:
    try:
        facts = path.stat(follow_symlinks=follow)
    except OSError as error:
        raise unreadable(error) from error
    return _opened(path, follow, (facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=1)
def _opened(path: Path, follow: bool, _version: tuple[int, int]) -> Archive:
    """The members of an archive are read one after the other: its table of contents is read once for all of them."""
    return Archive(path, follow=follow)
