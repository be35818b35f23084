"""One file a format: bytes -> Raw. A reader decodes and reports what the format says; it changes no words.

What a reader needs is imported inside it: listing a folder loads no parser.
"""

from collections.abc import Callable

from index.errors import DocumentError
from index.readers.docx import read_docx
from index.readers.epub import read_epub
from index.readers.html import read_html
from index.readers.markdown import read_markdown
from index.readers.pdf import read_pdf
from index.readers.text import Raw, read_text

__all__ = ["ARCHIVE", "FORMATS", "Raw", "is_plain", "is_read", "parse"]

Reader = Callable[[bytes], Raw]
_PLAIN: dict[str, Reader] = {".txt": read_text, ".text": read_text, ".md": read_markdown, ".markdown": read_markdown}
_PARSED: dict[str, Reader] = {
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".epub": read_epub,
}
ARCHIVE = ".zip"
FORMATS = ".txt, .md, .html, .pdf, .docx, .epub and .zip"  # as it is told to people; the table above is what is read


def is_read(suffix: str) -> bool:
    return suffix in _PLAIN or suffix in _PARSED


def is_plain(suffix: str) -> bool:
    """Whether only decoding is needed, which no bytes can turn against the process that does it."""
    return suffix in _PLAIN


def parse(suffix: str, data: bytes) -> Raw:
    """suffix: in lower case, with its dot. Raises DocumentError when the bytes are not what the suffix says."""
    read = _PLAIN.get(suffix) or _PARSED.get(suffix)
    if read is None:
        raise DocumentError(f"cannot read {suffix or 'files without a suffix'!r}; save it as one of {FORMATS}")
    return read(data)
