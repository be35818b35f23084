"""Files of each format made from known text, and the text that a reader has to find in them."""

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import docx

from index.chunk import split_sentences
from index.load import FoundFile, load_document
from index.readers import parse
from index.types import Document, Sentence
from tests.fakes import WordHashEmbedder

SEEDS = Path(__file__).parents[1] / "seeds"
Placed = tuple[float, float, int, str]  # x, y and size in points, and a line of text

_SIZE, _LEADING, _LEFT, _TOP, _COLUMNS, _ROWS = 11, 14, 72, 740, 68, 44
_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def prose() -> list[str]:
    """The paragraphs of the seeds: real sentences, quotes and all, in Windows-1252's letters."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(SEEDS.glob("*.txt")))
    lines = [" ".join(line.split()) for text in texts for line in text.split("\n")]
    return [line.encode("cp1252", "ignore").decode("cp1252") for line in lines if line.endswith(".")]


def load(name: str, data: bytes) -> Document:
    return load_document(FoundFile(Path(name)), data, parse)


def sentences(document: Document) -> list[Sentence]:
    embedder = WordHashEmbedder()
    return split_sentences(document, embedder.count_tokens, embedder.spec.window)


def words_kept(text: str, reference: Sequence[str]) -> float:
    """The share of the reference's words, each as often as it stands there, that the text holds too."""
    wanted = Counter(word for paragraph in reference for word in paragraph.split())
    return sum((wanted & Counter(text.split())).values()) / wanted.total()


# -- PDF ----------------------------------------------------------------------------------------------------------


def pdf(pages: Sequence[Sequence[Placed]], *, info: Mapping[str, str] | None = None, trailer: str = "") -> bytes:
    """Pages of 595 by 842 points in Courier, each of whose letters is 0.6 of its size wide."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    font = add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>")
    kids = []
    for lines in pages:
        drawn = b"\n".join(
            b"BT /F1 %d Tf 1 0 0 1 %.1f %.1f Tm (%s) Tj ET" % (s, x, y, _escaped(t)) for x, y, s, t in lines
        )
        content = add(b"<< /Length %d >>\nstream\n" % len(drawn) + drawn + b"\nendstream")
        resources = b"/Resources << /Font << /F1 %d 0 R >> >> /MediaBox [0 0 595 842]" % font
        kids.append(add(b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R " % content + resources + b" >>"))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    if info:
        number = add(b"<< " + b" ".join(b"/%s (%s)" % (k.encode(), _escaped(v)) for k, v in info.items()) + b" >>")
        trailer += f" /Info {number} 0 R"
    return assembled(objects, trailer)


def assembled(objects: Sequence[bytes], trailer: str = "") -> bytes:
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer.encode(), len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end


def _escaped(text: str) -> bytes:
    return text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def typeset(paragraphs: Sequence[str], head: str) -> tuple[list[list[Placed]], list[int]]:
    """Pages of a book, and where each begins in "\\n\\n".join(paragraphs).

    Lines wrap where the next word does not fit, long words are divided, first lines are indented; heads differ on
    even and odd pages, and each page has its number at the foot.
    """
    rows = [
        row
        for number, text in enumerate(paragraphs)
        for row in _rows(text, sum(map(len, paragraphs[:number])) + 2 * number)
    ]
    pages, starts = [], []
    for first in range(0, len(rows), _ROWS):
        number = len(pages) + 1
        page: list[Placed] = [(_LEFT, 800, 9, f"{head} {number}" if number % 2 else f"{number} A very odd book")]
        for row, (_, indent, line) in enumerate(rows[first : first + _ROWS]):
            page.append((_LEFT + indent, _TOP - row * _LEADING, _SIZE, line))
        page.append((290, 40, 9, f"- {number} -"))
        pages.append(page)
        starts.append(rows[first][0])
    return pages, starts


def _rows(text: str, offset: int) -> Iterator[tuple[int, int, str]]:
    """(offset of its first letter, indent in points, the line) for each line."""
    at, indent = 0, 20
    while at < len(text):
        room = _COLUMNS - indent // 7
        end = len(text) if len(text) - at <= room else text.rfind(" ", at, at + room + 1)
        rest = text[end + 1 :].split(" ")[0]
        part = min(len(rest) - 3, at + room - end - 2)
        if end < len(text) and part >= 3 and rest[: part + 3].isalpha():
            yield offset + at, indent, text[at : end + 1 + part] + "-"
            at = end + 1 + part
        else:
            yield offset + at, indent, text[at:end]
            at = end + 1
        indent = 0


def scanned_pdf() -> bytes:
    """A page that is a grey picture."""
    drawn = b"q 595 0 0 842 0 0 cm /Im Do Q"
    image = (
        b"<< /Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 4 >>"
    )
    return assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /XObject << /Im 5 0 R >> >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
            image + b"\nstream\n\x80\x90\xa0\xb0\nendstream",
        ]
    )


def encrypted_pdf(password: bytes) -> bytes:
    """With the standard handler, 40-bit RC4 (PDF 1.7, 7.6.3): it opens with the password only."""
    padded, identity, permissions = (password + _PAD)[:32], b"0123456789abcdef", -4
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)  # noqa: S324  # as the format prescribes
    key = hashlib.md5(padded + owner + permissions.to_bytes(4, "little", signed=True) + identity).digest()[:5]  # noqa: S324
    user = _rc4(key, _PAD)
    handler = f"/Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P {permissions}"
    return pdf(
        [[(72, 700, 11, "Secret.")]], trailer=f"/Encrypt << {handler} >> /ID [<{identity.hex()}> <{identity.hex()}>]"
    )


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i, j = (i + 1) % 256, (j + state[(i + 1) % 256]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


# -- the others ---------------------------------------------------------------------------------------------------


def word(paragraphs: Sequence[str]) -> bytes:
    made = docx.Document()
    for paragraph in paragraphs:
        made.add_paragraph(paragraph)
    return saved(made)


def saved(made: "docx.document.Document") -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def page(paragraphs: Sequence[str], head: str = "", around: tuple[str, str] = ("", "")) -> str:
    """A web page with an article."""
    body = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in paragraphs)
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{head}</head>\n'
        f"<body>{around[0]}<article>{body}</article>{around[1]}</body></html>"
    )


OPF = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata
xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Harbour</dc:title><dc:creator>Ann Lee</dc:creator>
<dc:creator>Bo Ek</dc:creator><dc:publisher>Quay Press</dc:publisher><dc:date>2019-05-01</dc:date></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>{items}</manifest>
<spine><itemref idref="nav"/>{spine}</spine></package>"""
CONTAINER = """<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
XHTML = (
    '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head>'
    "<title>x</title></head><body>{}</body></html>"
)


def epub(chapters: Sequence[str], extra: Mapping[str, str] | None = None) -> bytes:
    """chapters: what stands in the body of each; their files' order is not that of the book."""
    names = [f"text {len(chapters) - n:02d}.xhtml" for n in range(len(chapters))]
    items = "".join(
        f'<item id="c{n}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": OPF.format(items=items, spine=spine),
        "OEBPS/nav.xhtml": XHTML.format("<nav><ol><li>Contents of it</li></ol></nav>"),
        **{f"OEBPS/{name}": XHTML.format(body) for name, body in zip(names, chapters, strict=True)},
    }
    return packed({**files, **(extra or {})})


def packed(files: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()
