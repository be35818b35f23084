"""A page that is named by its address becomes a document of the library."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from index import fetch as fetching
from index.fetch import fetch
from index.readers import FORMATS
from rag import Assistant
from tests.fakes import WordHashEmbedder
from tests.website import Site
from ui.cli import app


@pytest.fixture
def assistant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Assistant]:
    """A library that takes pages of this machine too."""
    monkeypatch.setattr(fetching, "fetch", partial(fetch, allowed=lambda address: True))
    with Assistant.open(tmp_path / "a.library", embedder=WordHashEmbedder()) as opened:
        yield opened


def test_a_page_becomes_a_document(site: Site, assistant: Assistant) -> None:
    """Its address is its URL and its path; the part behind # belongs to neither."""
    url = site.text("/2024/ferry.txt", "The ferry to Sarn left at dawn. Nobody slept.")
    report = assistant.add(f"{url}#top")
    assert (report.added, report.failed) == ((url,), ())
    (document,) = assistant.documents()
    assert (document.url, document.paths, document.text) == (url, (url,), site.pages["/2024/ferry.txt"][2].decode())
    assert [hit.text for hit in assistant.search("ferry", k=1)] == [document.text]


def test_adding_an_address_again_replaces_what_stood_there(site: Site, assistant: Assistant) -> None:
    """Unchanged it is passed over; changed, the old text is gone."""
    url = site.text("/a.txt", "The ferry left at dawn.")
    assistant.add(url)
    assert assistant.add(url).skipped == (url,)
    site.text("/a.txt", "The ferry left at noon.")
    assert assistant.add(url).changed == (url,)
    assert [(d.text, d.paths) for d in assistant.documents()] == [("The ferry left at noon.", (url,))]


def test_what_cannot_be_fetched_is_named_and_the_rest_goes_on(site: Site, assistant: Assistant, tmp_path: Path) -> None:
    """A page that is missing, another scheme, and a picture; the file and the page beside them are added."""
    site.pages["/gone"] = (404, {}, b"")
    site.pages["/a.png"] = (200, {"Content-Type": "image/png"}, b"\x89PNG")
    good = site.text("/a.txt", "The ferry left at dawn.")
    (tmp_path / "b.txt").write_text("Bread was dear.")
    bad = [f"{site.url}/gone", "ftp://127.0.0.1/a.txt", f"{site.url}/a.png"]
    report = assistant.add(bad[0], good, bad[1], tmp_path / "b.txt", bad[2])
    assert report.added == (good, str(tmp_path / "b.txt"))
    assert [(failure.path, failure.why) for failure in report.failed] == [
        (bad[0], "the server answered 404; check the address"),
        (bad[1], "'ftp' is not fetched, only http and https; add it as a file"),
        (
            bad[2],
            f"cannot read a page of the type 'image/png'; save it as one of {FORMATS} and add the file",
        ),
    ]


@pytest.mark.parametrize(
    ("path", "kind", "title"),
    [
        ("/notes", "text/markdown; charset=utf-8", "Ferry"),
        ("/notes.md", "text/plain", "Ferry"),  # as the servers of programmers do
        ("/notes.md", "", "Ferry"),
        ("/notes", "text/plain", "# Ferry"),
        ("/", "application/octet-stream", "# Ferry"),
    ],
)
def test_the_reader_follows_the_type_and_where_it_says_little_the_name(
    site: Site, assistant: Assistant, path: str, kind: str, title: str
) -> None:
    """Markdown has its heading for a title, plain text its first line."""
    assistant.add(site.text(path, "# Ferry\n\nIt left at dawn.", kind))
    assert [d.title for d in assistant.documents()] == [title]


def test_the_command_says_what_it_does_not_fetch(tmp_path: Path, connections: list[object]) -> None:
    """By default this machine is none of the internet's; one line, and the exit status of a failure."""
    done = CliRunner().invoke(app, ["add", "http://localhost:8080/admin", "--library", str(tmp_path / "a.library")])
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()[-1:]
    assert line.startswith("sayso: http://localhost:8080/admin: 'localhost' is ")
    assert line.endswith(", no public address; add what is there as a file")
    assert connections == []
