"""An HTML or XHTML tree -> its text: a block a paragraph, a table row a line, in the order of the page."""

import re
from collections.abc import Iterator
from typing import Any

_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_SILENT = frozenset(
    "script style template noscript head svg math iframe object select textarea button nav".split()  # noqa: SIM905
)
_INLINE = frozenset(
    """a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q ruby rb s samp small span
    strike strong sub sup time tt u var wbr""".split()  # noqa: SIM905
)
_CELLS = frozenset({"td", "th"})
_CELL, _BREAK = "\x1f", "\x1e"  # stand for the edge of a cell and of a block until the text is cut up


def tree_of(text: str) -> Any:
    """The root element; nothing is fetched and no entity beyond HTML's own is resolved. Raises ValueError for none."""
    from lxml import etree, html

    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:  # lxml refuses text that names an encoding, since it is decoded already
        return html.document_fromstring(_DECLARATION.sub("", text), parser=parser)
    except (etree.LxmlError, ValueError) as error:
        if out_of_memory(error):
            raise MemoryError from error
        raise ValueError(str(error)) from error


def out_of_memory(error: Exception) -> bool:
    """libxml2 reports it as an error in the file."""
    return "unknown error" in str(error) or "alloc" in str(error)


def block_text(root: Any) -> str:
    """Paragraphs joined by blank lines, the cells of a row by " | "."""
    flow = "".join(_flow(root))
    blocks = (_CELL.join(filter(None, map(_tidy, block.split(_CELL)))) for block in flow.split(_BREAK))
    return "\n\n".join(block.replace(_CELL, " | ") for block in blocks if block)


def _tidy(text: str) -> str:
    return _SPACES.sub(" ", text.replace("\xad", "")).strip()


def _flow(root: Any) -> Iterator[str]:
    """Text with breaks. Not recursive: a page may be nested more deeply than Python's stack."""
    from lxml import etree

    rows = 0  # inside a row, what else breaks a line does not
    silent = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = element.tag.lower() if isinstance(element.tag, str) else ""
        if name in _SILENT or not name:
            silent += 1 if event == "start" else -1
        mark = "" if name in _INLINE or not name else _CELL if name in _CELLS else " " if rows else _BREAK
        if name == "tr":
            rows += 1 if event == "start" else -1
            mark = "" if rows > (event == "start") else _BREAK
        yield mark
        text = element.text if event == "start" else element.tail
        if text and not silent and (event == "end" or name):
            yield text.replace(_CELL, "").replace(_BREAK, "")
