"""What the pages beside the chat do: files that come in, and work in threads of its own."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import Event

import httpx
import pytest

from index.errors import DocumentError, UsageError
from rag import Assistant, Settings
from tests.fakes import WordHashEmbedder
from tests.indexing import BREAD
from tests.live import running
from ui import server
from ui.work import Cancelled, Job, Result, Work, safe_name


@pytest.fixture
def assistant(tmp_path: Path) -> Iterator[Assistant]:
    with Assistant.open(tmp_path / "a.library", settings=Settings(), embedder=WordHashEmbedder()) as assistant:
        yield assistant


@pytest.fixture
def work(assistant: Assistant) -> Work:
    return Work(assistant, local=True)


def upload(work: Work, name: str, *pieces: bytes) -> str:
    async def sent() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return asyncio.run(work.receive(name, sent()))


def added(work: Work, *tokens: str) -> list[Result]:
    job = work.add(tokens)
    assert job.wait(60)
    return job.result()


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("/etc/shadow.md", "shadow.md"),
        ("C:\\Users\\x\\a.docx", "a.docx"),
        ("a\0b.txt", "ab.txt"),
        ("...hidden.txt", "hidden.txt"),
        ("two\nlines .txt", "two lines .txt"),
        ("2025-05-20 Бюллетень.PDF", "2025-05-20 Бюллетень.PDF"),
        ("‮gnp.txt", "gnp.txt"),
        ("..", "file"),
        ("", "file"),
    ],
)
def test_a_clients_name_becomes_a_harmless_one(given: str, stored: str) -> None:
    assert safe_name(given) == stored


def test_a_name_of_any_length_fits_a_folder() -> None:
    name = safe_name("я" * 4000 + ".txt")
    assert name.endswith("я.txt")
    assert len(name.encode()) <= 154


def test_an_uploaded_file_is_added_once_and_goes_with_its_document(work: Work, assistant: Assistant) -> None:
    """Stored below the hash of its bytes and under its own name, which may say when it is from."""
    token = upload(work, "2025-05-20 bread.txt", BREAD.encode()[:10], BREAD.encode()[10:])
    assert added(work, token) == [Result("2025-05-20 bread.txt", "added")]
    (document,) = assistant.documents()
    path = Path(document.paths[0])
    assert path.parent.parent == assistant.path / "uploads"
    assert path.read_bytes() == BREAD.encode()
    assert document.published.value == "2025-05-20"
    assert added(work, upload(work, "2025-05-20 bread.txt", BREAD.encode())) == [
        Result("2025-05-20 bread.txt", "unchanged")
    ]
    work.remove(document.doc_id)
    assert list((assistant.path / "uploads").iterdir()) == []


def test_what_cannot_be_read_is_not_kept(work: Work, assistant: Assistant) -> None:
    results = added(work, upload(work, "a.pdf", b"no PDF"), upload(work, "b.txt", BREAD.encode()))
    assert [(result.name, result.outcome) for result in results] == [("a.pdf", "failed"), ("b.txt", "added")]
    assert [path.name for path in (assistant.path / "uploads").rglob("*.*")] == ["b.txt"]


def test_files_that_are_not_here_are_not_added(work: Work) -> None:
    """A number is good once, and none can be made up."""
    token = upload(work, "b.txt", BREAD.encode())
    added(work, token)
    for gone in (token, "0" * 32, "../b.txt"):
        with pytest.raises(UsageError, match="upload them again"):
            work.add([gone])


def test_a_link_in_place_of_a_file_is_not_followed(work: Work, assistant: Assistant, tmp_path: Path) -> None:
    """Somebody else's file stays as it is."""
    token = upload(work, "b.txt", BREAD.encode())
    (stored,) = (assistant.path / "uploads").rglob("b.txt")
    other = tmp_path / "other.txt"
    other.write_text("mine")
    stored.unlink()
    stored.symlink_to(other)
    upload(work, "b.txt", BREAD.encode())
    assert other.read_text() == "mine"
    assert not stored.is_symlink()
    assert added(work, token) == [Result("b.txt", "added")]


def test_what_was_uploaded_long_ago_and_never_added_is_deleted(work: Work, assistant: Assistant) -> None:
    upload(work, "old.txt", b"The old one.")
    added(work, upload(work, "kept.txt", BREAD.encode()))
    upload(work, "new.txt", b"The new one.")
    for entry in (assistant.path / "uploads").iterdir():
        if not (entry / "new.txt").exists():
            os.utime(entry, (0, 0))
    Work(assistant, local=True)
    assert sorted(path.name for path in (assistant.path / "uploads").rglob("*.txt")) == ["kept.txt", "new.txt"]


def test_paths_can_be_named_only_on_this_machine(assistant: Assistant, tmp_path: Path) -> None:
    """Who reaches the chat from elsewhere must not have its files read."""
    for start in (
        lambda: Work(assistant, local=False).sync(str(tmp_path), prune=False),
        lambda: Work(assistant, local=False).evaluate_path(str(tmp_path / "a.jsonl")),
    ):
        with pytest.raises(UsageError, match="served to this machine alone"):
            start()


def test_a_job_ends_where_it_is_cancelled() -> None:
    """At its next step; what it raised is what asking for its result raises."""
    reached, go_on = Event(), Event()

    def work(step: object) -> None:
        step(1, 3, "one")  # type: ignore[operator]
        reached.set()
        go_on.wait()
        step(2, 3, "two")  # type: ignore[operator]
        raise AssertionError("not reached")

    job = Job(work)
    assert reached.wait(10)
    assert (job.done, job.total, job.at, job.running) == (1, 3, "one", True)
    job.cancel()
    go_on.set()
    assert job.wait(10)
    with pytest.raises(Cancelled):
        job.result()


@pytest.fixture
def client(work: Work) -> Iterator[httpx.Client]:
    app = server.new_app("127.0.0.1")
    work.add_routes(app)
    with running(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(client: httpx.Client) -> None:
    request = f"POST /uploads/documents?name=a.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: {50_000_001}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(request.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_file_that_does_not_say_how_large_it_is_is_counted(client: httpx.Client, assistant: Assistant) -> None:
    pieces = (b"x" * 1_000_000 for _ in range(60))
    answer = client.post("/uploads/documents?name=a.txt", content=pieces)
    assert answer.json() == {"detail": "'a.txt' is larger than 50 MB; split it"}
    assert list((assistant.path / "uploads").iterdir()) == []


def test_only_files_that_can_be_read_are_taken(client: httpx.Client) -> None:
    for name in ("a.exe", "sources.toml", ".saysoignore", "a", "a.jsonl"):
        detail = client.post("/uploads/documents", params={"name": name}, content=b"x").json()["detail"]
        assert "of a format that is not read" in detail
    assert "only .jsonl are" in client.post("/uploads/questions?name=a.txt", content=b"x").json()["detail"]


def test_another_sites_page_cannot_send_a_file(client: httpx.Client) -> None:
    headers = {"Origin": "https://evil.example"}
    assert client.post("/uploads/documents?name=a.txt", headers=headers, content=b"x").status_code == 403


def test_nothing_that_was_uploaded_is_served(client: httpx.Client, work: Work) -> None:
    token = client.post("/uploads/documents?name=a.txt", content=BREAD.encode()).json()["id"]
    for path in (f"/uploads/{token}", f"/uploads/documents/{token}", "/uploads/documents?name=a.txt", "/uploads/"):
        assert client.get(path).status_code in (404, 405)
    assert client.get(f"/exports/{token}.json").status_code == 404


def test_no_more_waits_than_there_is_room_for(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.work._WAITING_BYTES", 100)
    first = upload(work, "a.txt", b"x" * 60)
    with pytest.raises(DocumentError, match="too many files wait"):
        upload(work, "b.txt", b"y" * 60)
    added(work, first)
    upload(work, "b.txt", b"y" * 60)
