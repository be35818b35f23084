"""Folders to a signal for each time that something in them has settled after a change. The owner of watchfiles."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from index.errors import UsageError

_FIRST_MS = 200


def changes(paths: Iterable[str | Path]) -> Iterator[None]:
    """One item when the folders are watched, and one each time files in them were written, renamed or deleted.

    Many changes at once are one item. What is read after the first item and changed meanwhile is told. Endless;
    Ctrl-C raises KeyboardInterrupt. Raises UsageError for a path that is not there, and when none is given.
    """
    from watchfiles import watch  # a compiled library: only for those who watch

    watched = [Path(path).absolute() for path in paths]
    if not watched:
        raise UsageError("nothing to watch; name a file or a folder")
    for path in watched:
        if not path.exists():
            raise UsageError(f"no file or folder at {str(path)!r}; check the spelling")
    watching = watch(*watched, raise_interrupt=True, yield_on_timeout=True, rust_timeout=_FIRST_MS)
    next(watching)
    yield
    for changed in watching:
        if changed:
            yield
