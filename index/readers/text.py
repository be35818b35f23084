"""Plain text: bytes -> Raw."""

from dataclasses import dataclass

from index.errors import DocumentError
from index.types import PageUnit


@dataclass(frozen=True, slots=True)
class Raw:
    """What a reader found: the text, and the metadata that the format itself carries.

    pages: start offset of each page (page_unit: or chapter) in text; empty for formats without any.
    """

    text: str
    title: str = ""
    source: str = ""
    author: str = ""
    url: str = ""
    date: str = ""
    pages: tuple[int, ...] = ()
    page_unit: PageUnit = "page"


def decode(data: bytes) -> str:
    """UTF-8 (with or without a byte order mark), or UTF-16 with one. Raises DocumentError for anything else."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in data:
        raise DocumentError("this is a binary file, not text; export it as .txt or .md")
    else:
        encoding = "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 (byte {error.start}); save it again as UTF-8") from error


def read_text(data: bytes) -> Raw:
    return Raw(decode(data))
