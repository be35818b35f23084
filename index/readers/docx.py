"""Word documents: bytes -> Raw. Paragraphs, headings and table rows in their order, one a line (python-docx)."""

from collections.abc import Iterator
from typing import Any

from index.errors import DocumentError
from index.readers.markup import out_of_memory
from index.readers.metadata import believed_author, believed_date, believed_title
from index.readers.package import open_package
from index.readers.text import Raw

_BEGINNING = 3_000  # characters: where a title and an author would stand
# What is not, or no longer, part of the text: deletions, the old place of a move, a second copy of each text box.
_LEFT_OUT = frozenset({"del", "moveFrom", "Fallback", "pPr", "rPr", "sdtPr", "instrText"})
_TEMPLATE_MADE = "2013-12-23T23:15"  # python-docx's own, which what is made with it mostly keeps
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}


def read_docx(data: bytes) -> Raw:
    open_package(data, "Word").close()
    from io import BytesIO

    from docx import Document
    from lxml.etree import LxmlError

    try:
        document = Document(BytesIO(data))
        blocks = list(_blocks(document.element.body))
        blocks += [block for notes in _notes(document) for block in _blocks(notes)]
        core = document.core_properties
        title, author, created = core.title, core.author, core.created
    except (KeyError, ValueError, AttributeError, IndexError, TypeError, LxmlError, OSError) as error:
        if out_of_memory(error):
            raise MemoryError from error
        raise DocumentError(f"the Word file is damaged ({error}); open it in Word and save it again") from error
    text = "\n\n".join(blocks)
    beginning = text[:_BEGINNING]
    made = created is not None and created.isoformat()[:16] != _TEMPLATE_MADE
    date = believed_date(created.year, created.month, created.day) if made else ""
    return Raw(text, believed_title(title, beginning), author=believed_author(author, beginning), date=date)


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _blocks(parent: Any) -> Iterator[str]:
    for element in parent:
        match _name(element):
            case "p":
                yield from _paragraph(element)
            case "tbl":
                for row in element.tr_lst:
                    cells = (" ".join(_blocks(cell)) for cell in row.tc_lst)
                    if line := " | ".join(filter(None, cells)):
                        yield line
            case name if name not in _LEFT_OUT:  # content controls, tracked insertions
                yield from _blocks(element)


def _paragraph(paragraph: Any) -> Iterator[str]:
    """Its text, then that of the text boxes that hang on it."""
    boxes: list[Any] = []
    if text := "".join(_text(paragraph, boxes)).replace("\xad", "").strip():
        yield text
    for box in boxes:
        yield from _blocks(box)


def _text(parent: Any, boxes: list[Any]) -> Iterator[str]:
    for element in parent:
        name = _name(element)
        if name == "t":
            yield element.text or ""
        elif name in _CHARACTERS:
            yield _CHARACTERS[name]
        elif name == "txbxContent":
            boxes.append(element)
        elif name not in _LEFT_OUT:
            yield from _text(element, boxes)


def _notes(document: Any) -> Iterator[Any]:
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.oxml import parse_xml

    for part in document.part.rels.values():
        if part.reltype in (RELATIONSHIP_TYPE.FOOTNOTES, RELATIONSHIP_TYPE.ENDNOTES) and not part.is_external:
            yield parse_xml(part.target_part.blob)
