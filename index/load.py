"""Paths to Documents: files are found, read, normalised and described here, once.

What a user says in a folder's `sources.toml` overrides what the reader found in the file, which overrides what the
text itself shows. Knows nothing of sentences, models or libraries.
"""

import hashlib
import os
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from index.dates import find_date, from_iso, stated_date
from index.errors import DocumentError
from index.files import open_archive, read_file, unreadable
from index.furniture import is_order
from index.readers import ARCHIVE, FORMATS, Raw, is_read
from index.types import DateInfo, Document, Failure

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

SOURCES_FILE = "sources.toml"
IGNORE_FILE = ".saysoignore"
_MAX_DEPTH = 100  # folders in folders
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
    """A file to load, or a member of a zip archive, and what its folder's `sources.toml` says of it.

    named: the user gave this very path, so that a link is followed.
    """

    path: Path
    said: Mapping[str, Any] = field(default_factory=dict)
    member: str = ""
    named: bool = False

    @property
    def key(self) -> str:
        """A hash of what is said, so that a change is noticed."""
        return hashlib.sha256(repr(sorted(self.said.items())).encode()).hexdigest()[:16] if self.said else ""

    @property
    def name(self) -> str:
        """The path that the library records."""
        return f"{self.path}/{self.member}" if self.member else os.fspath(self.path)

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix.lower()

    def stat(self) -> tuple[int, int]:
        """Size in bytes and time of the last change in ns, of the archive for a member of one."""
        try:
            facts = self.path.stat(follow_symlinks=self.named)
        except OSError as error:
            raise unreadable(error) from error
        return facts.st_size, facts.st_mtime_ns

    def read(self) -> bytes:
        """Raises DocumentError when it cannot be read or is too large."""
        if self.member:
            return open_archive(self.path, follow=self.named).member(self.member)
        return read_file(self.path, follow=self.named)


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
    """The file itself, the files in an archive, or every file below a folder in name order.

    Hidden files, links and what a `.saysoignore` names are passed over in folders. A path that does not exist, an
    archive or a folder that cannot be read or whose `sources.toml` is not valid, is a Failure; the others go on.
    """
    yield from _guarded(path, _named(path))


def _guarded(
    path: Path, found: Iterator[FoundFile | OtherFormat | Failure]
) -> Iterator[FoundFile | OtherFormat | Failure]:
    try:
        yield from found
    except DocumentError as error:
        yield Failure(os.fspath(path), str(error))
    except OSError as error:
        yield Failure(os.fspath(path), f"cannot read it: {error.strerror}; check the name and its permissions")


def _named(path: Path) -> Iterator[FoundFile | OtherFormat | Failure]:
    if path.is_dir():
        yield from _in_folder(path, ())
    elif not path.exists():
        raise DocumentError(f"no file or folder at {str(path)!r}; check the spelling")
    elif path.suffix.lower() == ARCHIVE:
        yield from _in_archive(path, named=True)
    else:
        yield FoundFile(path, _read_sources(path.parent).get(path.name, {}), named=True)


def _in_folder(
    folder: Path, ignores: tuple[tuple[Path, "GitIgnoreSpec"], ...]
) -> Iterator[FoundFile | OtherFormat | Failure]:
    """ignores: the ignore files of the folders above, with the folder that each counts in; the nearest last."""
    if len(folder.parts) > _MAX_DEPTH:
        raise DocumentError(f"a folder {len(folder.parts)} levels deep is not entered; move it up")
    said = _read_sources(folder)
    ignores = (*ignores, *_read_ignores(folder))
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.is_symlink() or _is_ignored(entry, ignores):
            continue
        if entry.is_dir():
            yield from _guarded(entry, _in_folder(entry, ignores))
        elif entry.suffix.lower() == ARCHIVE:
            yield from _guarded(entry, _in_archive(entry))
        elif is_read(entry.suffix.lower()):
            yield FoundFile(entry, said.get(entry.name, {}))
        elif entry.name != SOURCES_FILE:
            yield OtherFormat(entry)


def _in_archive(path: Path, *, named: bool = False) -> Iterator[FoundFile | OtherFormat | Failure]:
    """Its members as if it were a folder; an archive in it stays closed, since it might hold itself."""
    archive = open_archive(path, follow=named)
    for name in archive.twice:
        yield Failure(f"{path}/{name}", "the archive holds this name twice; only the first is read")
    said: dict[str, dict[str, dict[str, Any]]] = {}
    for name in sorted(archive.members):
        folder, _, last = name.rpartition("/")
        if any(part.startswith((".", "__MACOSX")) for part in name.split("/")):
            continue
        suffix = PurePosixPath(last).suffix.lower()
        if suffix == ARCHIVE:
            yield Failure(f"{path}/{name}", "an archive in an archive is not opened; unpack the outer one")
        elif is_read(suffix):
            if folder not in said:
                sources = f"{folder}/{SOURCES_FILE}".lstrip("/")
                known = sources in archive.members
                said[folder] = _sources(archive.member(sources), f"{path}/{sources}") if known else {}
            yield FoundFile(path, said[folder].get(last, {}), name, named)
        elif last != SOURCES_FILE:
            yield OtherFormat(path / name)


def _read_ignores(folder: Path) -> list[tuple[Path, "GitIgnoreSpec"]]:
    path = folder / IGNORE_FILE
    if not path.is_file() or path.is_symlink():
        return []
    from pathspec import GitIgnoreSpec

    try:
        return [(folder, GitIgnoreSpec.from_lines(read_file(path).decode("utf-8-sig").splitlines()))]
    except ValueError as error:  # bad patterns and bad UTF-8
        raise DocumentError(
            f"{str(path)!r} is not valid ({error}); write one pattern a line, as in a .gitignore"
        ) from error


def _is_ignored(entry: Path, ignores: tuple[tuple[Path, "GitIgnoreSpec"], ...]) -> bool:
    """The nearest ignore file that has a pattern for it decides, as with git."""
    for folder, spec in reversed(ignores):
        name = entry.relative_to(folder).as_posix() + ("/" if entry.is_dir() else "")
        ignored = spec.check_file(name).include
        if ignored is not None:
            return ignored
    return False


def load_document(found: FoundFile, data: bytes, parse: Callable[[str, bytes], Raw]) -> Document:
    """The file's bytes as a Document. parse: suffix and bytes to what the format says, such as `Parser.parse`.

    Raises DocumentError when they are not text of a known format, or blank.
    """
    raw = parse(found.suffix, data)
    place = PurePosixPath(found.name)
    text, pages = _normalised_pages(raw)
    if not text.strip():
        raise DocumentError("the file holds no text; remove it from the folder or fill it")
    said = dict(found.said)
    return Document(
        doc_id=document_id(text),
        title=label(said.get("title") or raw.title or _first_words(text)) or place.stem,
        text=text,
        source=label(said.get("publisher") or raw.source),
        author=label(said.get("author") or raw.author),
        url=normalise(str(said.get("url") or raw.url)),
        published=_published(said, raw, text, place),
        pages=pages,
        page_unit=raw.page_unit,
        paths=(found.name,),
    )


def load_page(url: str, content_type: str, data: bytes, parse: Callable[[str, bytes], Raw]) -> Document:
    """A fetched page as a Document, by the reader for its type. parse and errors: as of `load_document`."""
    name = PurePosixPath(PurePosixPath(unquote(urlsplit(url).path)).name)
    kind = content_type.partition(";")[0].strip().lower()
    suffix = _SUFFIX_OF.get(kind, "")
    if kind in _UNSPECIFIC:
        suffix = name.suffix.lower() if is_read(name.suffix.lower()) else ".txt"
    if not suffix:
        raise DocumentError(f"cannot read a page of the type {kind!r}; save it as one of {FORMATS} and add the file")
    found = FoundFile(Path(f"{name.stem or 'page'}{suffix}"), {"url": url})
    return replace(load_document(found, data, parse), paths=())


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


def _published(said: Mapping[str, Any], raw: Raw, text: str, path: PurePosixPath) -> DateInfo:
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


def _read_sources(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / SOURCES_FILE
    return _sources(read_file(path, follow=True), os.fspath(path)) if path.is_file() else {}


def _sources(data: bytes, path: str) -> dict[str, dict[str, Any]]:
    """What a `sources.toml` says, by file name."""
    try:
        entries = tomllib.loads(data.decode("utf-8")).get("document", [])
        sources = {str(entry["file"]): entry for entry in entries}
        for entry in entries:
            if "published" in entry:
                from_iso(str(entry["published"]), entry.get("basis", "stated"))
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # bad TOML and bad UTF-8 are ValueErrors
        raise DocumentError(
            f'{path!r} is not valid ({error}); each [[document]] needs file = "NAME" and may have title, '
            'publisher, author, url, published = "2025-05-20", basis and reason'
        ) from error
    return sources
