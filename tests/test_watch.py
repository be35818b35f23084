"""A change in a folder is told once it has settled; what cannot be watched is said."""

import threading
from pathlib import Path

import pytest

from index.errors import UsageError
from index.watch import changes


def test_many_changes_at_once_are_told_together(tmp_path: Path) -> None:
    """Ten files written in a row, after the watch has begun and before anybody waits for them, are one item."""
    told = changes([tmp_path])
    next(told)
    for n in range(10):
        (tmp_path / f"{n}.txt").write_text("Rain.")
    next(told)
    late = threading.Timer(1.0, (tmp_path / "late.txt").write_text, ["Snow."])
    late.start()
    next(told)
    assert (tmp_path / "late.txt").exists()
    late.join()
    told.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("paths", [[], ["nowhere.txt"]])
def test_what_cannot_be_watched_is_said(paths: list[str]) -> None:
    """At once, not by waiting for ever."""
    with pytest.raises(UsageError, match=r"nothing to watch; name a file|no file or folder at"):
        next(changes(paths))
