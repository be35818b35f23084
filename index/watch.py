"""Folders to a signal for each time that something in them has settled after a change. The owner of watchfiles."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from index.errors import UsageError


def changes(paths: Iterable[str | Path]) -> Iterator[None]:
    """One item each time files in the folders were written, renamed or deleted; many at once are one. Endless.

    Ctrl-C raises KeyboardInterrupt. Raises UsageError for a path that is not there, and when none is given.
    """
    from watchfiles import watch  # a compiled library: only for those who watch

    watched = [Path(path).absolute() for path in paths]
    if not watched:
        raise UsageError("nothing to watch; name a file or a folder")
    for path in watched:
        if not path.exists():
            raise UsageError(f"no file or folder at {str(path)!r}; check the spelling")
    for _ in watch(*watched, raise_interrupt=True):
        yield
