"""Paths to Documents: files are found, read, normalised and described here, once.

What a user says in a folder's `sources.toml` overrides what the reader found in the file, which overrides what the
text itself shows. Knows nothing of sentences, models or libraries.
"""

import hashlib
import os
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from index.dates import find_date, from_iso, stated_date
from index.errors import DocumentError
from index.furniture import is_order
from index.readers import Raw, reader_for
from index.types import DateInfo, Document, Failure

SOURCES_FILE = "sources.toml"
_TITLE_CHARS = 100
_SUFFIX_OF = {  # of what a server says it sends
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}
_UNSPECIFIC = ("", "text/plain", "application/octet-stream", "binary/octet-stream")  # the name may say more
# Everything below space but tab and newline, and the characters that change the direction of what follows: they
# are invisible on a page and let a document show something else than it says.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\U000e0000-\U000e007f]"
)

_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")  # half of a UTF-16 pair: no text, and nothing can store it


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to load and what its folder's `sources.toml` says of it. key: hash of that, so a change is noticed."""

    path: Path
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return hashlib.sha256(repr(sorted(self.said.items())).encode()).hexdigest()[:16] if self.said else ""


@dataclass(frozen=True, slots=True)
class OtherFormat:
    """A file of a folder that no reader reads."""

    path: Path


def normalise(text: str) -> str:
    """Line ends to \\n, Unicode to NFC, invisible control characters out. Offsets everywhere count in the result."""
    visible = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return unicodedata.normalize("NFC", _HALF_CHARACTER.sub("\ufffd", visible))


def document_id(text: str) -> str:
    """16 hex digits from the normalised text alone: the same text has the same id in any file, on any machine."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def find_files(path: Path) -> Iterator[FoundFile | OtherFormat | Failure]:
    """The file itself, or every file below a folder in name order; hidden ones and links are passed over.

    A path that does not exist, and a folder that cannot be read or whose `sources.toml` is not valid, is a Failure;
    the folders beside it go on.
    """
    try:
        yield from _found(path)
    except DocumentError as error:
        yield Failure(os.fspath(path), str(error))
    except OSError as error:
        yield Failure(os.fspath(path), f"cannot read it: {error.strerror}; check the name and its permissions")


def _found(path: Path) -> Iterator[FoundFile | OtherFormat | Failure]:
    if path.is_dir():
        said = _read_sources(path / SOURCES_FILE)
        for entry in sorted(path.iterdir()):
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir():
                yield from find_files(entry)
            elif reader_for(entry) is not None:
                yield FoundFile(entry, said.get(entry.name, {}))
            elif entry.name != SOURCES_FILE:
                yield OtherFormat(entry)
    elif path.exists():
        yield FoundFile(path, _read_sources(path.parent / SOURCES_FILE).get(path.name, {}))
    else:
        raise DocumentError(f"no file or folder at {str(path)!r}; check the spelling")


def load_document(found: FoundFile, data: bytes) -> Document:
    """The file's bytes as a Document. Raises DocumentError when they are not text of a known format, or blank."""
    read = reader_for(found.path)
    if read is None:
        raise DocumentError(f"cannot read {found.path.suffix or 'files without a suffix'!r}; use .txt or .md")
    raw = read(data)
    text, pages = _normalised_pages(raw)
    if not text.strip():
        raise DocumentError("the file holds no text; remove it from the folder or fill it")
    said = dict(found.said)
    return Document(
        doc_id=document_id(text),
        title=label(said.get("title") or raw.title or _first_words(text)) or found.path.stem,
        text=text,
        source=label(said.get("publisher") or raw.source),
        author=label(said.get("author") or raw.author),
        url=normalise(str(said.get("url") or raw.url)),
        published=_published(said, raw, text, found.path),
        pages=pages,
        page_unit=raw.page_unit,
        paths=(os.fspath(found.path),),
    )


def load_page(url: str, content_type: str, data: bytes) -> Document:
    """A fetched page as a Document, by the reader for its type. Raises DocumentError as `load_document`."""
    name = Path(PurePosixPath(unquote(urlsplit(url).path)).name)
    kind = content_type.partition(";")[0].strip().lower()
    suffix = _SUFFIX_OF.get(kind, "")
    if kind in _UNSPECIFIC:
        suffix = name.suffix if reader_for(name) else ".txt"
    if reader_for(Path(f"page{suffix}")) is None:
        raise DocumentError(f"cannot read a page of the type {kind!r}; save it as .txt or .md and add the file")
    found = FoundFile(Path(f"{name.stem or 'page'}{suffix}"), {"url": url})
    return replace(load_document(found, data), paths=())


def _normalised_pages(raw: Raw) -> tuple[str, tuple[int, ...]]:
    """The text normalised page by page, so that each page's start is known in what comes out."""
    edges = [*raw.pages, len(raw.text)]
    parts = [normalise(raw.text[start:end]) for start, end in pairwise(edges)]
    head = normalise(raw.text[: edges[0]])
    starts = accumulate((len(part) for part in parts[:-1]), initial=len(head)) if parts else ()
    return head + "".join(parts), tuple(starts)


def label(value: object) -> str:
    """A title or a name as it is shown with every quote: normalised, and "" when it is an order to a model."""
    text = normalise(str(value))
    return "" if is_order(text) else text


def _published(said: Mapping[str, Any], raw: Raw, text: str, path: Path) -> DateInfo:
    if "published" in said:
        return from_iso(str(said["published"]), said.get("basis", "stated"), str(said.get("reason", "")))
    try:
        if raw.date:
            return from_iso(raw.date, "metadata")
    except ValueError:  # "20 May 2025", or no date at all
        found = find_date(raw.date)
        if found:
            return DateInfo(found, "day", "metadata")
    return stated_date(text, path.stem)


def _first_words(text: str) -> str:
    """The first line when it is short, else its first words with an ellipsis."""
    line = text.strip().partition("\n")[0].strip()
    if len(line) <= _TITLE_CHARS:
        return line
    return line[:_TITLE_CHARS].rsplit(" ", 1)[0].rstrip(",;:") + " …"


def _read_sources(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("document", [])
        sources = {str(entry["file"]): entry for entry in entries}
        for entry in entries:
            if "published" in entry:
                from_iso(str(entry["published"]), entry.get("basis", "stated"))
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        raise DocumentError(
            f'{str(path)!r} is not valid ({error}); each [[document]] needs file = "NAME" and may have title, '
            'publisher, author, url, published = "2025-05-20", basis and reason'
        ) from error
    return sources
