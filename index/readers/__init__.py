"""One file a format: bytes -> Raw. A reader decodes and reports what the format says; it changes no words."""

from collections.abc import Callable
from pathlib import Path

from index.readers.markdown import read_markdown
from index.readers.text import Raw, read_text

__all__ = ["Raw", "reader_for"]

Reader = Callable[[bytes], Raw]
_READERS: dict[str, Reader] = {".txt": read_text, ".text": read_text, ".md": read_markdown, ".markdown": read_markdown}


def reader_for(path: Path) -> Reader | None:
    """The reader for the path's suffix, or None when there is none."""
    return _READERS.get(path.suffix.lower())
