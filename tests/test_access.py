"""Names, passwords and patience: who may come in to a served chat, and how often."""

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message

from index.errors import UsageError
from tests.live import running
from ui import server
from ui.access import Allowance, Gate, read_users

PASSWORD = "correct horse: battery"  # noqa: S105  # a colon is part of it


@pytest.fixture
def users(tmp_path: Path) -> dict[str, bytes]:
    return read_users(passwords(tmp_path, f"# ours\n\nvera:{PASSWORD}\nlev:päss wörd\n"))


def passwords(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "passwords"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


@pytest.fixture
def address(users: dict[str, bytes]) -> Iterator[str]:
    app: FastAPI = server.new_app("127.0.0.1", users, health=lambda: {"documents": 5})

    @app.get("/full")
    @app.post("/full")
    def full() -> None:
        raise HTTPException(503, "Queue is full. Max size is 256 and size is 256.")

    with running(app) as url:
        yield url


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/config", "/gradio_api/info", "/uploads/documents?name=a.txt"])
def test_nothing_is_served_to_who_has_not_signed_in(client: httpx.Client, path: str) -> None:
    """Every route, and the answer still carries the security headers."""
    for method in ("GET", "POST"):
        answer = client.request(method, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Basic realm="sayso", charset="UTF-8"'
        assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("user", [("vera", PASSWORD), ("lev", "päss wörd")])
def test_who_has_the_password_is_let_in(client: httpx.Client, user: tuple[str, str]) -> None:
    basic = base64.b64encode(":".join(user).encode()).decode()
    assert client.get("/favicon.ico", headers={"Authorization": f"Basic {basic}"}).status_code == 200


@pytest.mark.parametrize("given", ["Basic", "Basic !", "Basic dmVyYQ==", "Bearer dmVyYTp4", "Basic /w==", "x" * 9000])
def test_credentials_that_make_no_sense_are_refused(client: httpx.Client, given: str) -> None:
    assert client.get("/favicon.ico", headers={"Authorization": given}).status_code == 401


def test_a_health_check_needs_no_password_and_then_says_no_more_than_ok(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/healthz", auth=("vera", PASSWORD)).json() == {"status": "ok", "documents": 5}


def test_a_wrong_password_can_be_tried_five_times(client: httpx.Client) -> None:
    """After that nothing is let in for a while, the right one neither: a guess would be known by it."""
    assert [client.get("/favicon.ico", auth=("vera", f"guess {n}")).status_code for n in range(5)] == [401] * 5
    for password in ("guess 6", PASSWORD):
        later = client.get("/favicon.ico", auth=("vera", password))
        assert later.status_code == 429
        assert 1 <= int(later.headers["retry-after"]) <= 10
        assert "too many wrong passwords" in later.json()["detail"]


def test_a_client_that_posts_without_end_is_told_to_wait() -> None:
    """Three hundred at once are fine; reading is not limited, nor is anybody else."""
    gate = Gate(PlainTextResponse("in"))
    statuses = [status(gate, "POST", "10.0.0.1") for _ in range(400)]
    assert statuses[:300] == [200] * 300
    assert 429 in statuses
    assert status(gate, "GET", "10.0.0.1") == status(gate, "POST", "10.0.0.2") == 200


def test_one_machines_many_addresses_are_one_client() -> None:
    """Of an IPv6 network of 64 bits, any machine in it can take every address."""
    gate = Gate(PlainTextResponse("in"))
    statuses = [status(gate, "POST", f"2001:db8::{n:x}") for n in range(400)]
    assert 429 in statuses
    assert status(gate, "POST", "2001:db8:0:1::1") == 200


def status(app: ASGIApp, method: str, client: str) -> int:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/", "headers": [], "client": (client, 1)}
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


def test_a_full_queue_is_said_in_words(client: httpx.Client) -> None:
    answer = client.post("/full", auth=("vera", PASSWORD))
    assert answer.status_code == 503
    waiting = "256 questions are waiting already, which is as many as sayso keeps; ask again in a minute"
    assert answer.json() == {"detail": waiting}


def test_an_allowance_comes_back_with_time_and_is_each_clients_own() -> None:
    """Two at once and one every two seconds: at 0 s two go, the third waits 2 s, and at 2 s one goes again."""
    now = 0.0
    allowance = Allowance(2, 0.5, clock=lambda: now)
    assert [allowance.take("a"), allowance.take("a"), allowance.take("a")] == [0.0, 0.0, 2.0]
    assert allowance.take("b") == 0.0
    now = 1.5
    assert allowance.wait_s("a") == 0.5
    now = 2.0
    assert [allowance.take("a"), allowance.take("a")] == [0.0, 2.0]
    now = 1000.0
    assert [allowance.take("a"), allowance.take("a"), allowance.take("a")] == [0.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("vera:secret", 0o640, "can be read by others; run: chmod 600"),
        ("vera secret", 0o600, "line 1 of .* is not name:password"),
        ("\nvera:secret\n:secret", 0o600, "line 3 of .* is not name:password"),
        ("vera:secret\nvera:other", 0o600, "line 2 of .* names 'vera' again"),
        ("# nobody\n", 0o600, "names nobody"),
    ],
)
def test_a_password_file_that_is_not_right_is_refused_in_one_line(
    tmp_path: Path, text: str, mode: int, why: str
) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        read_users(passwords(tmp_path, text, mode))
    assert "secret" not in str(refused.value)


def test_a_password_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the passwords in '.*none': No such file"):
        read_users(tmp_path / "none")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.1.5:7860", 200),
        ("[fe80::1]:7860", 200),
        ("localhost", 200),
        ("evil.example", 400),
        ("1.2.3.evil", 400),
    ],
)
def test_on_every_address_it_answers_to_figures_and_not_to_strange_names(
    users: dict[str, bytes], host: str, status: int
) -> None:
    """Somebody's own name can be pointed at this machine; figures cannot."""
    app = server.new_app("0.0.0.0", users)  # noqa: S104
    with running(app) as url:
        assert httpx.get(f"{url}/healthz", headers={"Host": host}, trust_env=False).status_code == status
