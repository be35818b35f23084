"""A change in a folder is told once it has settled; what cannot be watched is said."""

import threading
from pathlib import Path

import pytest

from index.errors import UsageError
from index.watch import changes


def test_many_changes_at_once_are_told_together(tmp_path: Path) -> None:
    """Ten files written in a row wake the watcher, and it waits for the next change."""
    writer = threading.Timer(1.0, lambda: [(tmp_path / f"{n}.txt").write_text("Rain.") for n in range(10)])
    writer.start()
    told = changes([tmp_path])
    next(told)
    told.close()  # type: ignore[attr-defined]
    writer.join()
    assert len(list(tmp_path.iterdir())) == 10


@pytest.mark.parametrize("paths", [[], ["nowhere.txt"]])
def test_what_cannot_be_watched_is_said(paths: list[str]) -> None:
    """At once, not by waiting for ever."""
    with pytest.raises(UsageError, match=r"nothing to watch; name a file|no file or folder at"):
        next(changes(paths))
