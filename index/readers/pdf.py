"""PDF: bytes -> Raw. The lines of each page become paragraphs, and `pages` tells where each page begins.

PDFium gives the lines and where they stand. Running heads and feet, hyphens at line ends and the ends of paragraphs
are told from that: a line that stands in the same place on neighbouring pages, a word that goes on in the next line, a
line that ends though the next word would have fitted.
"""

import ctypes
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from index.errors import DocumentError
from index.readers.metadata import believed_author, believed_date, believed_title
from index.readers.text import Raw

MAX_PAGES = 10_000
_FIRST_PAGES = 3  # where the title and the author stand
_HYPHEN = "\ufffe"  # PDFium's mark for a hyphen at the end of a line
_LINE = re.compile(rf"[^\r\n{_HYPHEN}]+{_HYPHEN}?")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\xad": ""})
_MARGIN = 0.15  # of the page's height, above and below: where heads and feet stand
_NEAR_PAGES = 4  # a head that is meant to repeat does so within these, also when even and odd pages differ
_NUMBER = re.compile(r"[0-9]{1,5}")
_ROMAN = re.compile(r"[ivxlc]+")
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_COLUMN_CHARS = 15  # no column of text is narrower; those of tables are
_COLUMN = 20  # points: lines that begin within this of each other are of one column
_ENDS = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_BULLET = re.compile(r"^(?:[•◦▪–—*·-]|\(?\w{1,3}[.)])\s")
_WIDE_GAP = 1.4  # times the usual distance of two lines: the next is another paragraph


@dataclass(slots=True)
class _Line:
    """x0, x1, y: where it begins, ends and stands, in points from the left and the bottom of the page."""

    text: str
    hyphen: bool
    x0: float
    x1: float
    y: float
    size: float


def read_pdf(data: bytes) -> Raw:
    """Raises DocumentError when it is damaged, needs a password or was scanned and holds only pictures of text."""
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        pdf = PdfDocument(data)
    except PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise DocumentError("the PDF is encrypted; save a copy without its password") from error
        raise _damaged(str(error).rstrip(".")) from error
    count = len(pdf)
    if count > MAX_PAGES:
        raise DocumentError(f"the PDF has {count} pages, more than {MAX_PAGES}; split it")
    pages: list[list[_Line]] = []
    heights: list[float] = []
    missing = 0
    for number in range(count):
        try:
            page = pdf[number]
        except PdfiumError:  # the page tree promises more than it holds
            lines, height, missing = [], 1.0, missing + 1
        else:
            lines, height = list(_lines(page)), page.get_height()
            page.close()
        pages.append(lines)
        heights.append(height)
    if missing == count:
        raise _damaged(f"none of its {count} pages can be read")
    if not any(pages):
        raise DocumentError(
            "its pages hold no text: it was scanned, or is blank; run OCR on it first, such as ocrmypdf IN.pdf OUT.pdf"
        )
    beginning = "\n".join(line.text for page in pages[:_FIRST_PAGES] for line in page)
    text, starts = _joined(_without_heads(pages, heights))
    said = pdf.get_metadata_dict()
    return Raw(
        text,
        believed_title(said["Title"], beginning),
        author=believed_author(said["Author"], beginning),
        date=_date(said["CreationDate"]),
        pages=starts,
    )


def _damaged(why: str) -> DocumentError:
    return DocumentError(f"the PDF is damaged ({why}); open it in a viewer and print it to a new PDF")


def _lines(page: Any) -> Iterator[_Line]:
    import pypdfium2.raw as pdfium

    found = page.get_textpage()
    text = found.get_text_range()
    x, y = ctypes.c_double(), ctypes.c_double()
    for match in _LINE.finditer(text):
        shown = match[0].rstrip(_HYPHEN + " \t")
        line = shown.strip().translate(_LIGATURES)
        if not line:
            continue
        first = pdfium.FPDFText_GetCharIndexFromTextIndex(found, match.start() + len(shown) - len(shown.lstrip()))
        last = pdfium.FPDFText_GetCharIndexFromTextIndex(found, match.start() + len(shown) - 1)
        if min(first, last) < 0 or not pdfium.FPDFText_GetCharOrigin(found, first, x, y):
            first = last = 0
        size = pdfium.FPDFText_GetFontSize(found, first) or 1.0
        # At the foot of a column and before a number PDFium leaves the hyphen in the text.
        hyphen = match[0].endswith(_HYPHEN) or (line[-1] in "-‐" and line[-2:-1].isalnum())
        yield _Line(line.rstrip("-‐") if hyphen else line, hyphen, x.value, found.get_charbox(last)[2], y.value, size)
    found.close()


def _without_heads(pages: list[list[_Line]], heights: list[float]) -> list[list[_Line]]:
    """The pages less the lines that stand in the same place of a margin on pages nearby."""
    held: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for number, (lines, height) in enumerate(zip(pages, heights, strict=True)):
        for key in {key for line in _outer(lines, height) for key in _keys(line, number)}:
            held[key].append(number)
    needed = max(2, min(3, len(pages)))

    def runs(line: _Line, number: int) -> bool:
        for key in _keys(line, number):
            at = held[key]
            if bisect_right(at, number + _NEAR_PAGES) - bisect_left(at, number - _NEAR_PAGES) >= needed:
                return True
        return False

    kept = []
    for number, (lines, height) in enumerate(zip(pages, heights, strict=True)):
        heads = {id(line) for line in _outer(lines, height) if runs(line, number)}
        kept.append([line for line in lines if id(line) not in heads])
    return kept if any(kept) else pages


def _outer(lines: list[_Line], height: float) -> list[_Line]:
    return [line for line in lines if not _MARGIN * height < line.y < (1 - _MARGIN) * height]


def _keys(line: _Line, page: int) -> set[tuple[str, int]]:
    """What is the same on each page of a running line: its text, or that with its page number counted from the page's
    own. Other numbers stay: the rows of a table that goes on overleaf are no running heads.
    """
    text, row = line.text.casefold(), round(line.y / 8)
    numbers = list(_NUMBER.finditer(text))
    shown = {text}
    for match in {numbers[0], numbers[-1]} if numbers else ():
        shown.add(f"{text[: match.start()]}#{int(match[0]) - page}#{text[match.end() :]}")
    if _ROMAN.fullmatch(text):
        shown.add(f"#{_from_roman(text) - page}#")
    return {(key, row) for key in shown}


def _from_roman(numeral: str) -> int:
    values = [dict(zip("ivxlc", (1, 5, 10, 50, 100), strict=True))[letter] for letter in numeral]
    return sum(-a if a < b else a for a, b in pairwise([*values, 0]))


def _joined(pages: list[list[_Line]]) -> tuple[str, tuple[int, ...]]:
    """The text, paragraphs separated by blank lines, and the offset at which each page begins in it."""
    compounds = {word for page in pages for line in page for word in _COMPOUND.findall(line.text.casefold())}
    leading = _usual_gap(pages)
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    before: _Line | None = None
    full = False  # whether the line before left no room for another word
    for number, lines in enumerate(pages):
        margins = _right_margins(lines)
        for at, line in enumerate(lines):
            if before is None:
                join = ""
            elif before.y > line.y and at:
                join = _within(before, line, full, leading, compounds)
            else:  # another page or column
                join = _across(before, line, full, compounds)
            parts += [join, line.text]
            length += len(join)
            if not at:  # pages without text begin where the next one does
                starts += [length] * (number + 1 - len(starts))
            length += len(line.text)
            before = line
            word = line.text.partition(" ")[0] if at + 1 >= len(lines) else lines[at + 1].text.partition(" ")[0]
            letter = (line.x1 - line.x0) / len(line.text)
            reach = line.x1 + letter * (len(word) + 1)
            full = len(line.text) >= _COLUMN_CHARS and reach > margins[round(line.x0 / _COLUMN)] - 0.5 * letter
    starts += [length] * (len(pages) - len(starts))
    return "".join(parts), tuple(starts)


def _usual_gap(pages: list[list[_Line]]) -> float:
    gaps = [a.y - b.y for lines in pages[:200] for a, b in pairwise(lines) if 0 < a.y - b.y < 4 * a.size]
    return median(gaps) if gaps else 0.0


def _right_margins(lines: list[_Line]) -> dict[int, float]:
    """How far to the right the lines reach that begin at about the same place, by that place."""
    margins: dict[int, float] = {}
    for line in lines:
        for column in range(round(line.x0 / _COLUMN) - 1, round(line.x0 / _COLUMN) + 2):
            margins[column] = max(margins.get(column, 0.0), line.x1)
    return margins


def _within(before: _Line, line: _Line, full: bool, leading: float, compounds: set[str]) -> str:
    """What goes between two lines one below the other."""
    if before.hyphen:
        return _mended(before, line, compounds)
    apart = before.y - line.y > _WIDE_GAP * max(leading, before.size) or abs(before.size - line.size) > 0.1 * line.size
    indented = line.x0 - before.x0 > 0.7 * line.size and not _BULLET.match(before.text)
    return "\n\n" if apart or indented or not full or _BULLET.match(line.text) else " "


def _across(before: _Line, line: _Line, full: bool, compounds: set[str]) -> str:
    """What goes between the last line of a page or column and the first of the next."""
    if before.hyphen and line.text[:1].islower():
        return _mended(before, line, compounds)
    alike = abs(before.size - line.size) <= 0.1 * line.size
    goes_on = alike and not _ENDS.search(before.text) and (line.text[:1].islower() or full)
    return ("-" if before.hyphen else "") + (" " if goes_on else "\n\n")


def _mended(before: _Line, line: _Line, compounds: set[str]) -> str:
    """The hyphen of "well-known" stays when the document has it inside a line; that of "wait-ed" goes."""
    word = f"{before.text.split()[-1]}-{line.text.split()[0]}".casefold()
    parts = _COMPOUND.search(word)
    divided = line.text[0].islower() and before.text[-1:].isalpha() and not (parts and parts[0] in compounds)
    return "" if divided else "-"


def _date(value: str) -> str:
    """From "D:20250520103000+02'00'"."""
    match = re.match(r"(?:D:)?(\d{4})(\d\d)(\d\d)", value)
    return believed_date(*map(int, match.groups())) if match else ""
