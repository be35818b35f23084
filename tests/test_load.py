"""Files become Documents: found in order, read, normalised and described, and what cannot be read is said."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import DocumentError
from index.load import FoundFile, document_id, find_files, load_document, normalise
from index.readers import parse
from index.types import DateInfo, Document, Failure
from tests.indexing import open_to_all, ordinary_user


def load(name: str, data: bytes, **said: object) -> Document:
    return load_document(FoundFile(Path(name), said), data, parse)


def names(folder: Path) -> list[str]:
    return [str(f.path.relative_to(folder)) for f in find_files(folder) if isinstance(f, FoundFile)]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("cafe\u0301", "caf\u00e9"),
        ("e\u200b\u0301", "\u00e9"),  # what stood between them is gone, so they belong together
        ("pay\u202e evil\u2066 now\u2069", "pay evil now"),
        ("\ufeffnul\x00 bell\x07 tab\t", "nul bell tab\t"),
        ("half\ud83d a pair", "half\ufffd a pair"),
    ],
)
def test_text_is_normalised_once_for_all(raw: str, text: str) -> None:
    """Line ends, composed characters, and nothing that hides or reorders what follows."""
    assert normalise(raw) == text


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    """Offsets into a normalised text stay true however often it passes through."""
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet=st.characters(codec=None)))
def test_normalised_text_can_be_stored(text: str) -> None:
    """Halves of UTF-16 pairs, which Python's strings allow and no file or database does, do not survive."""
    normalise(text).encode("utf-8")


def test_an_id_comes_from_the_text_alone() -> None:
    """The first sixteen digits of its SHA-256, whatever the file is called and whatever line ends it has."""
    expected = hashlib.sha256(b"Rain fell.\nThen snow.\n").hexdigest()[:16]
    assert document_id("Rain fell.\nThen snow.\n") == expected
    assert load("a.txt", b"Rain fell.\r\nThen snow.\r\n").doc_id == expected
    assert load("b.md", b"\xef\xbb\xbfRain fell.\nThen snow.\n", title="Weather").doc_id == expected


def test_files_are_found_below_a_folder_in_name_order(tmp_path: Path) -> None:
    """Known formats only; hidden files, links and the description itself are passed over."""
    (tmp_path / "inner").mkdir()
    for name in ("b.txt", "a.md", "inner/c.TXT", ".hidden.txt", "image.png", "sources.toml"):
        (tmp_path / name).write_text("")
    (tmp_path / "link.txt").symlink_to(tmp_path / "b.txt")
    assert names(tmp_path) == ["a.md", "b.txt", "inner/c.TXT"]


def test_a_file_named_alone_has_its_folders_description(tmp_path: Path) -> None:
    """`sources.toml` speaks for the file also when only the file is added."""
    (tmp_path / "sources.toml").write_text('[[document]]\nfile = "a.txt"\ntitle = "Frost"\n')
    (tmp_path / "a.txt").write_text("Cold.")
    (found,) = find_files(tmp_path / "a.txt")
    assert isinstance(found, FoundFile)
    assert found.said == {"file": "a.txt", "title": "Frost"}


def test_a_path_that_is_not_there_is_a_failure_that_names_it(tmp_path: Path) -> None:
    """Not an exception: the other paths of the same call go on."""
    missing = str(tmp_path / "nowhere")
    assert list(find_files(tmp_path / "nowhere")) == [
        Failure(missing, f"no file or folder at {missing!r}; check the spelling")
    ]


def test_a_name_too_long_for_the_disk_is_a_failure(tmp_path: Path) -> None:
    """The operating system's refusal is reported like any other."""
    (found,) = find_files(tmp_path / ("x" * 5000))
    assert isinstance(found, Failure)
    assert found.why == "cannot read it: File name too long; check the name and its permissions"


@pytest.mark.parametrize(
    "broken",
    [
        "[[document]\n",
        '[[document]]\ntitle = "no file"\n',
        'document = "a.txt"\n',
        '[document]\nfile = "a.txt"\n',
        '[[document]]\nfile = "a.txt"\npublished = "May 2025"\n',
        '[[document]]\nfile = "a.txt"\npublished = "2025-"\n',
        '[[document]]\nfile = "a.txt"\npublished = "2025"\nbasis = "guessed"\n',
    ],
)
def test_a_description_that_is_not_valid_stops_its_own_folder_only(tmp_path: Path, broken: str) -> None:
    """Its files would be described wrongly; the folders beside it are added, and the message shows the right form."""
    for name in ("bad", "good"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("Some text.")
    (tmp_path / "bad" / "sources.toml").write_text(broken)
    failed, found = find_files(tmp_path)
    assert isinstance(failed, Failure)
    assert failed.path == str(tmp_path / "bad")
    assert "is not valid" in failed.why
    assert 'published = "2025-05-20"' in failed.why
    assert "\n" not in failed.why
    assert found == FoundFile(tmp_path / "good" / "a.txt", {})


def test_a_folder_that_may_not_be_read_is_a_failure_and_the_rest_goes_on() -> None:
    """The permission is named as what is in the way."""
    with open_to_all() as folder:
        for name in ("closed", "open"):
            (folder / name).mkdir()
            (folder / name / "a.txt").write_text("Some text.")
        (folder / "open").chmod(0o755)
        (folder / "closed").chmod(0o000)
        with ordinary_user():
            failed, found = list(find_files(folder))
        (folder / "closed").chmod(0o700)
    assert isinstance(failed, Failure)
    assert failed.path == str(folder / "closed")
    assert failed.why == "cannot read it: Permission denied; check the name and its permissions"
    assert found == FoundFile(folder / "open" / "a.txt", {})


FRONT = (
    b"---\ntitle: 'From the file'\nauthor: Ann Lee\nurl: https://a.example/x\nsource: Daily\ndate: 2024-03-02\n---\n"
)


def test_what_a_file_says_of_itself_describes_it() -> None:
    """The front matter's title, author, address, publisher and date."""
    found = load("note.md", FRONT + b"# A heading\n\nWords.\n")
    assert (found.title, found.author, found.url, found.source) == (
        "From the file",
        "Ann Lee",
        "https://a.example/x",
        "Daily",
    )
    assert found.published == DateInfo("2024-03-02", "day", "metadata")


def test_what_the_user_says_overrides_what_the_file_says() -> None:
    """Field by field: what is not said stays as it was found."""
    found = load(
        "note.md",
        FRONT + b"Words.\n",
        title="Told",
        publisher="Weekly",
        published="2024-04",
        basis="inferred",
        reason="the events of that month",
    )
    assert (found.title, found.source, found.author) == ("Told", "Weekly", "Ann Lee")
    assert found.published == DateInfo("2024-04", "month", "inferred", "the events of that month")


def test_a_date_said_to_be_unknown_is_not_detected() -> None:
    """The user knows better than the byline."""
    assert load("a.txt", b"Rain\n20 May 2025\n\nIt rained.\n", published="").published == DateInfo()


@pytest.mark.parametrize(
    ("said", "date"),
    [
        (b"2 March 2024", DateInfo("2024-03-02", "day", "metadata")),
        (b"2024-03-02T10:00:00Z", DateInfo("2024-03-02", "day", "metadata")),
        (b"2024-03", DateInfo("2024-03", "month", "metadata")),
        (b"last Tuesday", DateInfo("2025-05-20", "day", "stated")),  # not a date: the byline speaks
    ],
)
def test_the_front_matters_date_may_be_written_in_words(said: bytes, date: DateInfo) -> None:
    """And what is no date at all does not stop the file from being read."""
    text = b"---\ndate: " + said + b"\n---\n\nBy Ann, 20 May 2025\n\nWords.\n"
    assert load("a.md", text).published == date


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Snow in May #\n\nIt fell.\n", "Snow in May"),
        ("\n\n  A plain first line  \nmore\n", "A plain first line"),
        ("word " * 30 + "\n", " ".join(["word"] * 20) + " …"),
        ("a, " * 40, ("a, " * 33).rstrip(", ") + " …"),
    ],
)
def test_a_text_without_a_title_is_called_by_its_heading_or_first_words(text: str, title: str) -> None:
    """A first line of up to a hundred characters whole, a longer one cut at a word."""
    assert load("a.md", text.encode()).title == title


def test_a_title_is_normalised_like_the_text() -> None:
    """A hidden change of direction in a heading or a description does not reach the page."""
    assert load("a.md", "# cafe\u0301 \u202eterces\n\nWords.".encode()).title == "caf\u00e9 terces"
    assert load("a.txt", b"Words.", title="safe\u202etxt.exe").title == "safetxt.exe"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_in_its_usual_encodings(encoding: str) -> None:
    """UTF-8 with and without a byte order mark, UTF-16 with one."""
    assert load("a.txt", "Çà et là.".encode(encoding)).text == "Çà et là."


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.txt", b"\x7fELF\x00\x01", "this is a binary file, not text; export it as .txt or .md"),
        ("a.md", b"\xff\xfe\x00\xd8a", "not UTF-16, though it begins like it (byte 2); save it again as UTF-8"),
        ("a.txt", b" \n\t\n", "the file holds no text; remove it from the folder or fill it"),
        ("a.txt", "\u200b\ufeff".encode(), "the file holds no text; remove it from the folder or fill it"),
        ("a.odt", b"PK", "cannot read '.odt'; save it as one of .txt, .md, .html, .pdf, .docx, .epub and .zip"),
        (
            "README",
            b"text",
            "cannot read 'files without a suffix'; save it as one of .txt, .md, .html, .pdf, .docx, .epub and .zip",
        ),
    ],
)
def test_what_is_not_text_is_refused_with_the_fix(name: str, data: bytes, why: str) -> None:
    """One line that says what is wrong with the file and what to do."""
    with pytest.raises(DocumentError) as refused:
        load(name, data)
    assert str(refused.value) == why


def test_a_changed_description_is_noticed() -> None:
    """The key follows what is said, not the order in which it is said; a file nothing is said of has none."""
    one = FoundFile(Path("a"), {"title": "x", "url": "y"})
    assert one.key == FoundFile(Path("b"), {"url": "y", "title": "x"}).key
    assert one.key != FoundFile(Path("a"), {"title": "z", "url": "y"}).key
    assert FoundFile(Path("a")).key == ""
