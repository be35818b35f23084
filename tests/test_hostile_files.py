"""Files made to use up the memory, the time or the disk of whoever reads them: each fails alone, within limits."""

import json
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from index.errors import DocumentError
from index.parsing import Parser
from tests.made import CONTAINER, OPF, XHTML, assembled, epub, packed, word

ROOT = Path(__file__).parents[1]
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def zeros(megabytes: int, name: str, others: bytes = b"") -> bytes:
    """A zip file with a member of so many zeros, deflated to a thousandth, beside those of another zip file.

    The member is put in as it is packed; then its headers are made to say so, all but the checksum.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    out = BytesIO(others)
    with zipfile.ZipFile(out, "a") as made:
        place = made.start_dir
        made.writestr(name, one * megabytes + b"\x03\x00")
    data = bytearray(out.getvalue())
    entry = data.rindex(b"PK\x01\x02")
    size = (megabytes * 1_000_000).to_bytes(4, "little")
    data[place + 8], data[place + 22 : place + 26] = 8, size
    data[entry + 10], data[entry + 24 : entry + 28] = 8, size
    return bytes(data)


def overlapping() -> bytes:
    """42 kB that unpack to a gigabyte: 25 names for one member of 40 MB."""
    one = zeros(40, "a.txt")
    end = one.rindex(b"PK\x05\x06")
    start = one.rindex(b"PK\x01\x02")
    entry = one[start:end]
    count, size, place = 25, 25 * len(entry), start
    tail = b"PK\x05\x06" + bytes(4) + count.to_bytes(2, "little") * 2 + size.to_bytes(4, "little")
    return one[:start] + entry * count + tail + place.to_bytes(4, "little") + bytes(2)


def lying() -> bytes:
    """Says that its member is 100 bytes long, where a gigabyte would come."""
    return zeros(1000, "a.txt").replace((1_000_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))


def nested() -> bytes:
    data = packed({"a.txt": "Inside."})
    for _ in range(20):
        data = packed({"inner.zip": data})
    return data


def replaced(package: bytes, name: str, content: str | bytes) -> bytes:
    with zipfile.ZipFile(BytesIO(package)) as held:
        return packed({**{part: held.read(part) for part in held.namelist()}, name: content})


def laughs(body: str) -> str:
    """Entities of entities: a few hundred bytes for three billion laughs."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{entities}]>{body}'


def looping_pdf(count: int) -> bytes:
    """A page tree that is its own branch."""
    return assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count %d /Kids [3 0 R 2 0 R] >>" % count,
            b"<< /Type /Pages /Count %d /Parent 2 0 R /Kids [2 0 R 3 0 R] >>" % count,
        ]
    )


def swelling_pdf(content: bytes) -> bytes:
    packed_content = zlib.compress(content, 1)
    return assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>",
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed_content), packed_content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
        ]
    )


BOMBS: dict[str, Callable[[], bytes]] = {
    "overlap.zip": overlapping,
    "lying.zip": lying,
    "gigabyte.zip": lambda: zeros(1000, "a.txt"),
    "nested.zip": nested,
    "gigabyte.docx": lambda: zeros(1000, "word/media/a.png", word(["Text."])),
    "wide.docx": lambda: replaced(
        word(["Text."]),
        "word/document.xml",
        f'<w:document xmlns:w="{W}"><w:body>{"<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 2_000_000}</w:body></w:document>',
    ),
    "laughs.docx": lambda: replaced(
        word(["Text."]),
        "word/document.xml",
        laughs(f'<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>&l9;</w:t></w:r></w:p></w:body></w:document>'),
    ),
    "gigabyte.epub": lambda: zeros(1000, "OEBPS/big.xhtml", epub(["x"])),
    "zeros.epub": lambda: replaced(epub(["<p>x</p>"]), "OEBPS/text 01.xhtml", b"<p>" * 12_000_000),
    "laughs.epub": lambda: packed(
        {"META-INF/container.xml": CONTAINER, "OEBPS/book.opf": laughs("<package>&l9;</package>")}
    ),
    "looping.pdf": lambda: looping_pdf(5),
    "endless.pdf": lambda: looping_pdf(9_999),
    "countless.pdf": lambda: looping_pdf(2_000_000_000),
    "swelling.pdf": lambda: swelling_pdf(b"BT /F1 9 Tf (" + b"A" * 100_000_000 + b") Tj ET"),
    "crowded.pdf": lambda: swelling_pdf(b"BT /F1 9 Tf 9 9 Td " + b"(A) Tj 0 -1 Td " * 3_000_000 + b"ET"),
    "deep.html": lambda: b"<div>" * 1_000_000 + b"text",
    "wide.html": lambda: b"<p>word</p>" * 3_000_000,
    "attributes.html": lambda: b"<a " + b" x=1" * 6_000_000 + b">t</a>",
}

ADD = """
import json, resource, sys, time
from pathlib import Path
from index import sync
from index.library import Library
from tests.fakes import WordHashEmbedder
started, steps, last = time.perf_counter(), {}, 0.0
def progress(step):
    global last
    steps[Path(step.path).name] = step.seconds - last
    last = step.seconds
library = Library.open(Path(sys.argv[1]) / "a.library")
report = sync.add(library, WordHashEmbedder, [Path(sys.argv[1]) / "docs"], progress)
print(json.dumps({
    "failed": {failure.path: failure.why for failure in report.failed},
    "texts": [document.text[:40] for document in library.documents()],
    "seconds": steps,
    "parent_mb": int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1e3,
    "child_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3,
}))
"""


def test_bombs_stay_within_memory_and_time_and_the_rest_is_added(tmp_path: Path) -> None:
    """Under 512 MB and 30 s each, in parent and child; the two good files between them are in the library."""
    docs = tmp_path / "docs"
    docs.mkdir()
    for name, made in BOMBS.items():
        (docs / name).write_bytes(made())
    (docs / "a first.docx").write_bytes(word(["The ferry left at dawn."]))
    (docs / "z last.html").write_bytes(b"<p>The mill burnt down in the night.</p>")
    done = subprocess.run(
        [sys.executable, "-c", ADD, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT, timeout=300
    )
    told = json.loads(done.stdout)
    assert told["parent_mb"] < 512
    assert told["child_mb"] < 512
    assert max(told["seconds"].values()) < 30
    assert {"The ferry left at dawn.", "The mill burnt down in the night."} <= set(told["texts"])
    bad = {Path(path).name for path in told["failed"]} | {Path(path).parent.name for path in told["failed"]}
    assert bad >= set(BOMBS)
    assert not [why for why in told["failed"].values() if "\n" in why or ";" not in why]


def test_a_reader_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock, and the next file is read."""
    monkeypatch.setattr("index.parsing.TIME_LIMIT_S", 1.0)
    slow = b"<html><body>" + b"<p>The ferry left at dawn and nobody knew why it had gone so soon.</p>" * 60_000
    started = time.perf_counter()
    with Parser() as parser:
        with pytest.raises(DocumentError, match=r"reading this \.html file took more than 1 s; split it"):
            parser.parse(".html", slow)
        assert time.perf_counter() - started < 5
        monkeypatch.setattr("index.parsing.TIME_LIMIT_S", 20.0)
        assert parser.parse(".epub", epub(["<p>Rain.</p>"])).text == "Rain."


def test_entities_and_outer_files_are_not_read(tmp_path: Path) -> None:
    """A book cannot quote /etc/passwd, nor a page or a Word file."""
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    outer = f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{secret}">]>'
    chapter = outer + XHTML.format("<p>Word &s; end.</p>").partition("<!DOCTYPE html>")[2]
    package = outer + OPF.format(items="", spine="").partition("?>")[2].replace("The Harbour", "T &s;")
    letter = (
        f'{outer}<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>Word &s; end.</w:t></w:r></w:p></w:body></w:document>'
    )
    with Parser() as parser:
        for suffix, data in (
            (".epub", replaced(epub(["x"]), "OEBPS/text 01.xhtml", chapter)),
            (".epub", replaced(epub(["x"]), "OEBPS/book.opf", package)),
            (".docx", replaced(word(["x"]), "word/document.xml", letter)),
            (".html", chapter.encode()),
        ):
            try:
                told = str(parser.parse(suffix, data))
            except DocumentError as error:
                told = str(error)
            assert "hunter2" not in told
