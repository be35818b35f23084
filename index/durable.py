"""Files that are whole or not there: written under another name, flushed to the disk, renamed, the folder flushed.

Each of these steps is told to `step` before it is taken, so that a test can stop the process at every one of them.
"""

import os
from collections.abc import Callable
from pathlib import Path


def _go_on(_name: str) -> None:
    pass


step: Callable[[str], None] = _go_on  # only the fault tests put another in its place


def write(path: Path, data: bytes | memoryview) -> None:
    """Write and flush a file that nobody reads yet."""
    step(f"write {path.name}")
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        step(f"flush {path.name}")
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make what was created, renamed or deleted in the folder last."""
    step(f"flush {folder.name}/")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Give a flushed file or folder its name. A file there before is replaced in the same instant."""
    step(f"rename {target.name}")
    source.replace(target)
    flush_folder(target.parent)


def replace_file(path: Path, data: bytes) -> None:
    """The file holds the old bytes or the new ones, never a mixture."""
    draft = path.with_name(f".{path.name}.new")
    write(draft, data)
    rename(draft, path)
