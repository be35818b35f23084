"""Files of every format become text: their words are kept, citations name the right page, metadata is believed with
care, and what cannot be read is said."""

import io
import subprocess
import sys
from bisect import bisect_right
from datetime import UTC, datetime

import docx
import pytest

from index.errors import DocumentError
from index.readers import parse
from index.types import DateInfo, Document
from tests.made import (
    SEEDS,
    encrypted_pdf,
    epub,
    load,
    packed,
    page,
    pdf,
    prose,
    saved,
    scanned_pdf,
    sentences,
    typeset,
    word,
    words_kept,
)

PROSE = prose()


def check_slices(document: Document) -> None:
    """Every sentence is what stands at its offsets, and nothing stands between two."""
    found = sentences(document)
    assert found
    at = 0
    for sentence in found:
        assert at <= sentence.start < sentence.end
        assert not document.text[at : sentence.start].strip()
        assert not document.text[sentence.start].isspace()
        at = sentence.end
    assert not document.text[at:].strip()


# -- PDF ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def book() -> tuple[Document, list[str], list[int]]:
    paragraphs = PROSE * 3
    pages, starts = typeset(paragraphs, "The Book of News")
    assert len(pages) > 20
    info = {"Title": "The Book of News", "Author": "root", "CreationDate": "D:20240302101500Z"}
    return load("book.pdf", pdf(pages, info=info)), paragraphs, starts


def test_a_books_words_are_kept_and_its_lines_mended(book: tuple[Document, list[str], list[int]]) -> None:
    """Heads, numbers and hyphens at line ends are gone, paragraphs are whole: nearly all words are as they were."""
    document, paragraphs, _ = book
    assert words_kept(document.text, paragraphs) >= 0.99
    assert "A very odd book" not in document.text
    assert "- 7 -" not in document.text
    assert len(document.text.split()) <= 1.01 * sum(len(p.split()) for p in paragraphs)
    whole = set(document.text.split("\n\n"))
    assert sum(paragraph in whole for paragraph in paragraphs) >= 0.9 * len(paragraphs)


def test_every_sentence_of_a_book_has_its_page(book: tuple[Document, list[str], list[int]]) -> None:
    """The page on which it begins, for all of them."""
    document, paragraphs, starts = book
    check_slices(document)
    reference, at, found = "\n\n".join(paragraphs), 0, sentences(document)
    flat = " ".join(reference.split())  # a page that ends with a paragraph may part what is one, or the other way round
    places = [len(" ".join(reference[:start].split())) + (start > 0) for start in starts]
    for sentence in found:
        text = " ".join(document.text[sentence.start : sentence.end].split())
        at = flat.index(text, at)
        assert bisect_right(document.pages, sentence.start) == bisect_right(places, at), text
        at += len(text)
    assert document.page_unit == "page"
    assert len(document.pages) == len(starts)


def test_a_pdfs_properties_describe_it_when_they_can_be_true(book: tuple[Document, list[str], list[int]]) -> None:
    """A title that the pages show and a day that has been; "root" wrote nothing."""
    document, _, _ = book
    assert (document.title, document.author) == ("The Book of News", "")
    assert document.published == DateInfo("2024-03-02", "day", "metadata")


@pytest.mark.parametrize(
    "info",
    [
        {"Title": "Microsoft Word - final2.doc", "Author": "Admin", "CreationDate": "D:19700101000000"},
        {"Title": "A template for minutes", "Author": "user", "CreationDate": "D:20991231"},
        {"Title": "untitled", "Author": "x1", "CreationDate": "D:20241340"},
    ],
)
def test_properties_that_a_program_wrote_are_not_believed(info: dict[str, str]) -> None:
    """The first line is the title then, and nobody and no day is named."""
    document = load("a.pdf", pdf([[(72, 700, 16, "Notes on fog"), (72, 660, 11, "It was thick.")]], info=info))
    assert (document.title, document.author, document.published) == ("Notes on fog", "", DateInfo())


def lines(*texts: str, size: int = 11, top: int = 700) -> list[tuple[float, float, int, str]]:
    return [(72, top - 14 * n, size, text) for n, text in enumerate(texts)]


def test_a_word_that_is_written_with_a_hyphen_keeps_it() -> None:
    """When the document has it inside a line too; years and other numbers keep theirs always."""
    made = lines(
        "A well-known man came to the harbour, and it is said that the well-",
        "known man stayed at the old house by the water from the year 1990-",
        "1995, and that he was very glad of the peace and of all the gar-",
        "dens there.",
    )
    assert load("a.pdf", pdf([made])).text == (
        "A well-known man came to the harbour, and it is said that the well-known man stayed at the old house by the "
        "water from the year 1990-1995, and that he was very glad of the peace and of all the gardens there."
    )


def test_headings_lists_and_short_lines_stay_apart() -> None:
    """A line that leaves room for the next word ends its paragraph; a larger line and a bullet are their own."""
    made = [
        (72, 760, 16, "The harbour"),
        *lines("Ships come in at noon.", "They leave at night, when the tide is high", "and nobody sees them."),
        *lines("- bread", "- salt", top=640),
    ]  # fmt: skip
    assert load("a.pdf", pdf([made])).text.split("\n\n") == [
        "The harbour",
        "Ships come in at noon.",
        "They leave at night, when the tide is high and nobody sees them.",
        "- bread",
        "- salt",
    ]


def test_a_table_that_goes_on_overleaf_keeps_its_rows() -> None:
    """Rows of figures in the same place on each page are no running heads, though they look alike."""
    pages = [
        [(72.0, 800.0, 11, f"{n * n + 7} tons"), (72.0, 780.0, 11, f"Load {n * 37}"), (290.0, 40.0, 9, f"{n + 1}")]
        for n in range(6)
    ]
    assert load("a.pdf", pdf(pages)).text.split("\n\n") == [
        line for n in range(6) for line in (f"{n * n + 7} tons", f"Load {n * 37}")
    ]  # fmt: skip


def test_pages_numbered_in_roman_have_no_numbers_left() -> None:
    """The front of a book counts i, ii, iii."""
    names = {"iii": "first", "iv": "second", "v": "third"}
    pages = [[*lines(f"The {name} page says this."), (290.0, 40.0, 9, roman)] for roman, name in names.items()]
    document = load("a.pdf", pdf(pages))
    assert document.text.split("\n\n") == [f"The {name} page says this." for name in ("first", "second", "third")]
    assert document.pages == (0, 27, 55)


def test_an_empty_page_is_counted() -> None:
    """So that the pages behind it keep their numbers."""
    document = load("a.pdf", pdf([lines("One."), [], lines("Three.")]))
    assert (document.text, document.pages) == ("One.\n\nThree.", (0, 6, 6))
    assert bisect_right(document.pages, document.text.index("Three")) == 3


def test_columns_are_read_one_after_the_other() -> None:
    """In the order in which the file draws them; a sentence goes on at the top of the next."""
    left = [
        (72.0, 700.0 - 14 * n, 11, t)
        for n, t in enumerate(["The ferry left at the hour of dawn", "and nobody saw that it had the old"])
    ]
    right = [(320.0, 700.0 - 14 * n, 11, t) for n, t in enumerate(["mail on board, which was never", "found again."])]
    assert load("a.pdf", pdf([left + right])).text == (
        "The ferry left at the hour of dawn and nobody saw that it had the old mail on board, which was never found "
        "again."
    )


# -- web pages ----------------------------------------------------------------------------------------------------

HEAD = """<title>Fog over the harbour | Daily Tide</title><meta name="author" content="Ann Lee">
<meta property="og:title" content="Fog over the harbour"><meta property="og:site_name" content="Daily Tide">
<link rel="canonical" href="https://tide.example/fog">
<meta property="article:published_time" content="2024-03-02T10:00:00Z">"""
AROUND = (
    '<header><nav><a href="/">Home</a> <a href="/news">News</a> <a href="/sport">Sport</a></nav></header>',
    "<footer><p>All rights reserved. Cookie settings.</p></footer>",
)


def test_a_web_page_gives_its_article() -> None:
    """Its words and paragraphs, and none of the menus around them."""
    document = load("fog.html", page(PROSE, HEAD, AROUND).encode())
    assert words_kept(document.text, PROSE) >= 0.99
    assert set(PROSE) & set(document.text.split("\n\n")) == set(PROSE)
    assert "Cookie" not in document.text
    assert "Sport" not in document.text
    check_slices(document)


def test_a_web_page_says_who_published_it_and_when() -> None:
    """Title, site, author, address and day, from what it declares."""
    document = load("fog.htm", page(PROSE[:5], HEAD).encode())
    assert (document.title, document.source, document.author) == ("Fog over the harbour", "Daily Tide", "Ann Lee")
    assert document.url == "https://tide.example/fog"
    assert document.published == DateInfo("2024-03-02", "day", "metadata")


def test_a_day_that_a_page_does_not_state_is_not_guessed() -> None:
    """A year in its foot is not when it was published."""
    made = page(PROSE[:5], "<title>Fog</title>", ("", "<footer>Copyright 2011 Daily Tide</footer>"))
    assert load("fog.html", made.encode()).published.basis != "metadata"


def test_tables_and_lists_of_a_page_are_text() -> None:
    """A row a line, its cells apart."""
    table = "<table><tr><th>Port</th><th>Hour</th></tr><tr><td>Bergen</td><td>05:40</td></tr></table>"
    made = page(PROSE[:5]).replace("</article>", f"<ul><li>It rained in the night</li></ul>{table}</article>")
    text = load("a.html", made.encode()).text.split("\n\n")
    assert text[-3:] == ["- It rained in the night", "Port | Hour", "Bergen | 05:40"]


def test_a_page_of_one_line_is_read() -> None:
    """However little it is."""
    assert load("a.html", b"<html><body><div>Rain.</div></body></html>").text == "Rain."


def test_an_old_page_is_read_in_the_encoding_it_declares() -> None:
    """In quotes or without; what calls itself Latin-1 is read as browsers read it; UTF-8 is seen whatever it claims."""
    body = "<p>Он сказал: «да». Это было давно, и никто не помнит.</p>"
    for declared in ('charset="koi8-r"', 'http-equiv="Content-Type" content="text/html; charset=koi8-r"'):
        made = f"<html><head><meta {declared}></head><body>{body}</body></html>".encode("koi8-r", "replace")
        assert "Это было давно" in load("a.html", made).text
    claims = '<meta charset="iso-8859-1"><body><p>“Čas” – it’s late</p></body>'
    assert load("a.html", claims.encode()).text == "“Čas” – it’s late"
    assert load("a.html", claims.replace("Č", "C").encode("cp1252")).text == "“Cas” – it’s late"


# -- Word ---------------------------------------------------------------------------------------------------------


def test_a_word_files_words_are_kept() -> None:
    """Each paragraph on its own line."""
    document = load("a.docx", word(PROSE))
    assert document.text.split("\n\n") == PROSE
    check_slices(document)


def test_headings_and_tables_of_a_word_file_stand_in_their_order() -> None:
    """A heading a line, a row a line; merged cells once, empty ones not at all."""
    made = docx.Document()
    made.add_heading("The harbour", 1)
    made.add_paragraph("Ships come.")
    table = made.add_table(2, 3)
    for row, texts in zip(table.rows, (("Port", "Hour", ""), ("Bergen", "05:40", "x")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.rows[1].cells[1].merge(table.rows[1].cells[2])
    made.add_paragraph("Ships go.")
    text = parse(".docx", saved(made)).text.split("\n\n")
    assert text == ["The harbour", "Ships come.", "Port | Hour", "Bergen | 05:40 x", "Ships go."]


def test_what_was_struck_out_is_not_read_and_what_was_put_in_is() -> None:
    """Tracked changes, content controls, fields and hyperlinks: the text as it would be printed."""
    made = docx.Document()
    made.add_paragraph("X")
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = (
        f"<w:p {w}><w:r><w:t>The ferry </w:t></w:r><w:del><w:r><w:delText>never </w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>soon </w:t></w:r></w:ins>"
        "<w:sdt><w:sdtContent><w:r><w:t>left</w:t></w:r></w:sdtContent></w:sdt>"
        '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>PAGE</w:instrText></w:r>'
        "<w:hyperlink><w:r><w:t>.</w:t></w:r></w:hyperlink></w:p>"
    )
    from docx.oxml import parse_xml

    made.element.body.insert(0, parse_xml(body))
    assert parse(".docx", saved(made)).text == "The ferry soon left.\n\nX"


def test_a_word_file_says_who_wrote_it_and_when() -> None:
    """From its properties, when they are not the template's."""
    made = docx.Document()
    made.add_paragraph("Fog over the harbour")
    untold = load("a.docx", saved(made))
    assert (untold.author, untold.published) == ("", DateInfo())
    core = made.core_properties
    core.title, core.author, core.created = "Fog over the harbour", "Ann Lee", datetime(2024, 3, 2, tzinfo=UTC)
    document = load("a.docx", saved(made))
    assert (document.title, document.author) == ("Fog over the harbour", "Ann Lee")
    assert document.published == DateInfo("2024-03-02", "day", "metadata")


# -- EPUB ---------------------------------------------------------------------------------------------------------


def chapters() -> list[list[str]]:
    return [PROSE[n::7] for n in range(7)]


def test_a_books_chapters_stand_in_its_order() -> None:
    """Their words, and for every sentence the chapter that it is in; the table of contents is none."""
    bodies = [f"<h2>Part {n}</h2>" + "".join(f"<p>{p}</p>" for p in c) for n, c in enumerate(chapters(), 1)]
    document = load("a.epub", epub(bodies))
    assert document.page_unit == "chapter"
    assert [document.text[at:].split("\n\n")[0] for at in document.pages] == [f"Part {n}" for n in range(1, 8)]
    assert words_kept(document.text, PROSE) >= 0.99
    check_slices(document)
    for sentence in sentences(document):
        text = document.text[sentence.start : sentence.end]
        inside = chapters()[bisect_right(document.pages, sentence.start) - 1]
        assert text.startswith("Part ") or any(text in paragraph for paragraph in inside)


def test_a_book_says_who_wrote_and_published_it() -> None:
    """All its authors."""
    document = load("a.epub", epub(["<p>Rain&nbsp;fell &amp; fell.</p>", "", "<p>Snow.</p>"]))
    assert (document.title, document.author, document.source) == ("The Harbour", "Ann Lee, Bo Ek", "Quay Press")
    assert document.published == DateInfo("2019-05-01", "day", "metadata")
    assert document.text.replace("\xa0", " ") == "Rain fell & fell.\n\nSnow."


def test_a_page_that_is_no_good_xml_is_read_all_the_same() -> None:
    """Tags left open, and a table whose cells hold blocks."""
    body = "<p>One<p>Two <b>bold</i><br>three<table><tr><td><p>a</p><p>b</p></td><td>c</td></table><script>no</script>"
    assert load("a.epub", epub([body])).text.split("\n\n") == ["One", "Two bold", "three", "a b | c"]


def test_a_book_locked_by_its_shop_is_said_to_be() -> None:
    """Not taken for a damaged one."""
    lock = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><EncryptedData xmlns="http://www.w3.org/'
        '2001/04/xmlenc#"><CipherData><CipherReference URI="OEBPS/text%2001.xhtml"/></CipherData></EncryptedData>'
        "</encryption>"
    )
    with pytest.raises(DocumentError, match="encrypted by its shop"):
        parse(".epub", epub(["<p>x</p>"], {"META-INF/encryption.xml": lock}))


# -- what cannot be read ------------------------------------------------------------------------------------------


def test_a_scanned_pdf_is_said_to_be_one() -> None:
    """With the program that helps."""
    for made in (scanned_pdf(), pdf([[], []])):
        with pytest.raises(DocumentError, match=r"hold no text: it was scanned, or is blank; run OCR .* ocrmypdf"):
            parse(".pdf", made)


def test_an_encrypted_pdf_is_said_to_be_one() -> None:
    """It is made well: with an empty password it opens."""
    with pytest.raises(DocumentError, match="the PDF is encrypted; save a copy without its password"):
        parse(".pdf", encrypted_pdf(b"quay"))


GOOD = {".pdf": pdf([lines("Text.")]), ".docx": word(["Text."]), ".epub": epub(["<p>Text.</p>"])}


@pytest.mark.parametrize("suffix", GOOD)
@pytest.mark.parametrize("broken", ["empty", "noise", "half", "head"])
def test_a_broken_file_is_refused_in_one_line(suffix: str, broken: str) -> None:
    """Empty, noise, cut in half or only begun: what it is and what to do, or, where that is possible, its text."""
    good = GOOD[suffix]
    noise = bytes((n * n * 7 + n // 3) % 256 for n in range(5000))
    data = {"empty": b"", "noise": noise, "half": good[: len(good) // 2], "head": good[:20] + noise}[broken]
    with pytest.raises(DocumentError, match=r"(damaged|is no|hold no).*;") as refused:
        parse(suffix, data)
    assert "\n" not in str(refused.value)


def test_a_page_without_text_is_refused() -> None:
    """Empty, and filled by a script only."""
    for made in (b"", b"<html><body><script>fill()</script></body></html>"):
        with pytest.raises(DocumentError, match=r"no text|no HTML"):
            parse(".html", made)


def test_an_old_word_file_is_refused_with_the_fix() -> None:
    """Its first bytes are those of an encrypted one."""
    with pytest.raises(DocumentError, match=r"encrypted or an old \.doc.*without a password"):
        parse(".docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))


def test_a_zip_that_is_no_book_is_refused() -> None:
    """And one that is no Word file."""
    other = packed({"a.txt": "x"})
    for suffix in (".epub", ".docx"):
        with pytest.raises(DocumentError, match="damaged"):
            parse(suffix, other)


# -- all of them --------------------------------------------------------------------------------------------------


def test_importing_the_readers_loads_no_parser() -> None:
    """Listing a folder costs nothing of that."""
    heavy = "lxml", "trafilatura", "htmldate", "pypdfium2", "docx", "charset_normalizer", "pathspec"
    code = f"import sys; import index.readers, index.load, index.parsing; print(set(sys.modules) & set({heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SEEDS.parent)
    assert done.stdout.strip() == "set()"


def test_the_seeds_are_what_they_always_were() -> None:
    """Their ids, and so every citation of them, have not changed with the formats."""
    ids = {path.name: load(path.name, path.read_bytes()).doc_id for path in sorted(SEEDS.glob("*.txt"))}
    assert ids == {
        "000_9a905ca6a0996652.txt": "26eee7191f67bf79",
        "001_8e2108904c7ded15.txt": "43c33290ee1abc6d",
        "002_2cf5f96cdac84e8d.txt": "199da9f5d0a5aea9",
        "003_f8da73ef3b5548d2.txt": "15e2213e4ce699d4",
        "004_9f3620ed64dfd01e.txt": "cd8a5e1aa7ab6a11",
    }


def test_a_files_bytes_are_not_changed() -> None:
    """The same bytes, the same document."""
    made = io.BytesIO(epub(["<p>Rain.</p>"])).getvalue()
    assert parse(".epub", made) == parse(".epub", made)
