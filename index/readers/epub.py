"""EPUB books: bytes -> Raw. The chapters in reading order; `pages` are their starts. Nothing is fetched or executed."""

import posixpath
import zipfile
from typing import Any
from urllib.parse import unquote

from index.errors import DocumentError
from index.readers.encoding import decode
from index.readers.markup import block_text, out_of_memory, tree_of
from index.readers.package import open_package
from index.readers.text import Raw

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = ("application/xhtml+xml", "text/html")


def read_epub(data: bytes) -> Raw:
    """A document of the spine is a chapter, when it holds text; the table of contents is none."""
    with open_package(data, "EPUB") as book:
        try:
            return _read(book)
        except (KeyError, ValueError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            why = "it is encrypted" if "encrypted" in str(error) else str(error)
            raise DocumentError(f"the EPUB file is damaged or protected ({why}); export it again") from error


def _read(book: zipfile.ZipFile) -> Raw:
    root = next((e.get("full-path") for e in _find(_xml(book, _CONTAINER), "rootfile")), None)
    if not root:
        raise ValueError("its container names no book")
    package = _xml(book, root)
    items = {item.get("id"): item for item in _find(package, "item")}
    locked = _locked(book)
    pages: list[int] = []
    parts: list[str] = []
    length = 0
    spine = _find(package, "itemref")
    if not spine:
        raise ValueError("its reading order is empty")
    for reference in spine:
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in _PAGES or "nav" in item.get("properties", "").split():
            continue
        name = posixpath.normpath(posixpath.join(posixpath.dirname(root), unquote(item.get("href", ""))))
        if name in locked:
            raise DocumentError("the book is encrypted by its shop; only the shop's own programs can read it")
        if name not in book.NameToInfo:
            continue
        try:
            chapter = block_text(tree_of(decode(book.read(name), "utf-8")))
        except ValueError:  # an empty page
            continue
        if chapter:
            pages.append(length)
            parts.append(chapter + "\n\n")
            length += len(parts[-1])
    text = "".join(parts).removesuffix("\n\n")
    if not text:
        raise DocumentError("the book holds no text, only pictures; run OCR on a PDF of it, such as ocrmypdf")
    title, author, date, publisher = (_said(package, name) for name in ("title", "creator", "date", "publisher"))
    return Raw(text, title, publisher, author, date=date, pages=tuple(pages), page_unit="chapter")


def _xml(book: zipfile.ZipFile, name: str) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(book.read(name), parser)
    except etree.LxmlError as error:
        if out_of_memory(error):
            raise MemoryError from error
        raise ValueError(str(error)) from error
    if root is None:
        raise ValueError(f"{name!r} is not XML")
    return root


def _find(root: Any, name: str) -> list[Any]:
    """Elements by their local name, whatever namespace a careless program gave them."""
    return list(root.iter("{*}" + name))


def _said(package: Any, name: str) -> str:
    """All the authors, but the first title, date and publisher."""
    said = [" ".join((element.text or "").split()) for element in _find(package, name)]
    return ", ".join(filter(None, said)) if name == "creator" else next(filter(None, said), "")


def _locked(book: zipfile.ZipFile) -> set[str]:
    if _ENCRYPTION not in book.NameToInfo:
        return set()
    return {unquote(reference.get("URI", "")) for reference in _find(_xml(book, _ENCRYPTION), "CipherReference")}
