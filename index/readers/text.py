"""Plain text: bytes -> Raw."""

from dataclasses import dataclass

from index.readers.encoding import decode
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


def read_text(data: bytes) -> Raw:
    return Raw(decode(data))
