"""A library to one file and back: a zip of the database and of a manifest with its sha256.

What can be derived, the vector index, is left out and made anew. Nothing in the file is run or unpickled.
"""

import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import IO

from index import durable, sync
from index.check import check
from index.database import DATABASE
from index.errors import LibraryDamaged, LibraryNotFound, LibraryReadOnly, UsageError
from index.library import Library
from index.types import CheckReport

_MANIFEST = "manifest.json"
_FORMAT = "sayso library 1"
_CHUNK = 1 << 20


def export(library: Library, file: Path) -> CheckReport:
    """Write the library, as it is at this moment, to a file that is not there yet.

    Raises UsageError when it is there, LibraryDamaged when the library is not sound, LibraryReadOnly when the disk
    refuses.
    """
    if file.exists():
        raise UsageError(f"{str(file)!r} is there already; name another file")
    report = check(library)
    if report.problems:
        raise LibraryDamaged(f"{report.problems[0]}; mend the library first, with: sayso check --repair")
    copy, draft = (file.with_name(f".{file.name}.{kind}") for kind in ("sqlite", "new"))
    try:
        copy.unlink(missing_ok=True)
        library.copy_to(copy)
        with copy.open("rb") as data:
            manifest = {"format": _FORMAT, "sha256": hashlib.file_digest(data, "sha256").hexdigest()}
        with draft.open("wb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(_MANIFEST, json.dumps(manifest))
                archive.write(copy, DATABASE)
            out.flush()
            os.fsync(out.fileno())
        durable.rename(draft, file)
    except OSError as error:
        raise LibraryReadOnly(
            f"cannot write {str(file)!r}: {error.strerror}; free space there or name another file"
        ) from error
    finally:
        copy.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
    return report


def restore(file: Path, folder: Path) -> CheckReport:
    """Make a library in a folder that is not there yet from an exported file, checked before it gets its name.

    Raises UsageError for a folder that holds something or a missing file, LibraryDamaged for a file that is not what
    was exported.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{str(folder)!r} is not empty; name a new folder with --library")
    if not file.is_file():
        raise UsageError(f"no file at {str(file)!r}; check the spelling")
    draft = folder.with_name(f".{folder.name}.import")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            with zipfile.ZipFile(file) as archive:
                manifest = json.loads(archive.read(archive.getinfo(_MANIFEST)))
                with archive.open(DATABASE) as data:
                    actual = _copied(data, draft / DATABASE, archive.getinfo(DATABASE).file_size)
            if manifest["format"] != _FORMAT or manifest["sha256"] != actual:
                raise ValueError("it does not match its manifest")
            library = Library.open(draft)
        except (
            zipfile.BadZipFile,
            KeyError,
            TypeError,
            ValueError,
            NotImplementedError,
            RuntimeError,
            LibraryNotFound,
            LibraryDamaged,
        ) as error:
            raise LibraryDamaged(f"{str(file)!r} is not a whole exported library ({error}); export it again") from error
        try:
            with library.writer():
                sync.publish(library)
            report = check(library)
        finally:
            library.close()
        if report.problems:
            raise LibraryDamaged(f"{str(file)!r} holds a damaged library: {report.problems[0]}; export it again")
        durable.rename(draft, folder)
    except OSError as error:
        raise LibraryReadOnly(
            f"cannot make a library at {str(folder)!r}: {error.strerror}; name another folder with --library"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return report


def _copied(data: IO[bytes], path: Path, size: int) -> str:
    """The sha256 of what was copied. Raises ValueError when it is more than the archive says it is."""
    digest = hashlib.sha256()
    written = 0
    with path.open("wb") as out:
        while chunk := data.read(_CHUNK):
            written += len(chunk)
            if written > size:
                raise ValueError("it holds more than it says")
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()
