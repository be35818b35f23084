"""Who may talk to the chat's server, and what it tells them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eval.bench.chatting import ask_together, gradios_client
from index.errors import SaysoError, UsageError
from rag import Answer, Assistant
from rag.types import from_json, to_dict
from tests.live import chatting
from ui import server


@pytest.fixture(scope="module")
def address(seeds_assistant: Assistant) -> Iterator[str]:
    with chatting(seeds_assistant) as url:
        yield url


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
        yield client


def ask(client: httpx.Client, question: str) -> tuple[str, str]:
    """Through the public endpoint: the last event's name and its data."""
    started = client.post("/gradio_api/call/ask", json={"data": [question]})
    assert started.status_code == 200, started.text
    events = client.get(f"/gradio_api/call/ask/{started.json()['event_id']}").text.strip().split("\n\n")
    name, data = events[-1].split("\n", 1)
    return name.removeprefix("event: "), data.removeprefix("data: ")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[::1"])
def test_a_host_that_is_not_this_machine_is_refused(client: httpx.Client, host: str) -> None:
    """A page that points its own name at 127.0.0.1 gets nothing."""
    assert client.get("/", headers={"Host": host}).status_code == 400
    assert client.post("/gradio_api/call/ask", headers={"Host": host}, json={"data": ["x"]}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_by_any_of_its_names_is_served(client: httpx.Client, address: str, host: str) -> None:
    assert client.get("/", headers={"Host": f"{host}:{address.rsplit(':', 1)[1]}"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:3000", "http://127.0.0.1:1", "x"]
)
def test_another_sites_page_is_refused(client: httpx.Client, origin: str) -> None:
    """Also one on this machine at another port."""
    for path in ("/gradio_api/call/ask", "/gradio_api/queue/join"):
        answer = client.post(path, headers={"Origin": origin}, json={"data": ["x"]})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    assert client.options("/gradio_api/queue/join", headers={"Origin": origin}).status_code == 403
    assert client.get("/config", headers={"Origin": origin}).status_code == 403


def test_a_cross_site_form_without_an_origin_is_refused(client: httpx.Client) -> None:
    answer = client.post("/gradio_api/call/ask", headers={"Sec-Fetch-Site": "cross-site"}, json={"data": ["x"]})
    assert answer.status_code == 403


def test_the_chats_own_page_may_post(client: httpx.Client, address: str) -> None:
    answer = client.post("/gradio_api/call/ask", headers={"Origin": address}, json={"data": ["Who spoke?"]})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/config", "/theme.css", "/gradio_api/upload", "/nothing"])
def test_every_answer_carries_the_security_headers(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]


def test_the_nonce_of_the_pages_scripts_is_never_used_twice(client: httpx.Client) -> None:
    first, second = (client.get("/") for _ in range(2))
    for page in (first, second):
        nonce = page.headers["content-security-policy"].split("'nonce-")[1].split("'")[0]
        assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') > 0
    assert first.headers["content-security-policy"] != second.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file=../../../../etc/passwd"),
        ("GET", "/gradio_api/file=%2e%2e%2fetc%2fpasswd"),
        ("GET", "/gradio_api/%66ile=/etc/passwd"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://169.254.169.254/"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/component_server"),
        ("GET", "/gradio_api/deep_link"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/monitoring"),
        ("GET", "/svelte/x"),
        ("POST", "/login"),
    ],
)
def test_what_the_chat_does_not_use_is_not_there(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 404


def test_five_megabytes_are_refused_before_they_are_sent(address: str) -> None:
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port or 0), timeout=30) as connection:
        head = ("POST /gradio_api/call/ask HTTP/1.1", f"Host: {url.netloc.decode()}", "Content-Length: 5000000")
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_long(client: httpx.Client) -> None:
    pieces = (b"x" * 10_000 for _ in range(100))
    assert client.post("/gradio_api/call/ask", content=pieces).status_code == 413


def test_three_functions_are_public_and_nothing_else(client: httpx.Client, address: str) -> None:
    """What the page itself uses cannot be called by its name."""
    info = client.get("/gradio_api/info").json()
    assert sorted(info["named_endpoints"]) == ["/ask", "/documents", "/search"]
    assert info["unnamed_endpoints"] == {}
    for name in ("converse", "add", "sync", "remove", "cancel", "predict"):
        for path in (f"call/{name}", f"call/v2/{name}", f"run/{name}", f"api/{name}/", f"call/{name}/ask"):
            assert client.post(f"/gradio_api/{path}", json={"data": []}).status_code == 404


def test_programs_search_and_list_through_gradios_own_client(address: str, seeds_assistant: Assistant) -> None:
    client = gradios_client(address)
    hits = client.predict("Ilya Grashchenkov", 2, api_name="/search")["hits"]
    assert hits == [to_dict(hit) for hit in seeds_assistant.search("Ilya Grashchenkov", k=2)]
    listed = client.predict(0, 2, "", api_name="/documents")
    documents = seeds_assistant.documents()
    assert listed["total"] == len(documents) == 5
    assert [document["doc_id"] for document in listed["documents"]] == [d.doc_id for d in documents[:2]]
    assert "text" not in listed["documents"][0]


def test_gradios_own_client_reports_to_nobody(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself it tells its makers of each time that it is opened, in a thread that hides its errors."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def listening(host: str, *arguments: object, **options: object) -> object:
        asked.append(host)
        return look_up(host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", listening)
    client = gradios_client(address)
    client.predict("Ilya Grashchenkov", 2, api_name="/search")
    assert not client.analytics_enabled
    assert set(asked) <= {"127.0.0.1"}


def test_questions_asked_at_once_by_several_are_each_answered(address: str, seeds_assistant: Assistant) -> None:
    """12 questions from 4 clients: none lost, none mixed up; `sayso bench chat` asks 200 from 20."""
    questions = [f"Who is Ilya Grashchenkov, number {n}?" for n in range(12)]
    answers = [answer for answer, _ in ask_together(address, questions, clients=4)]
    assert [answer and answer["question"] for answer in answers] == questions


def test_health_says_that_it_serves_and_how_much(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok", "documents": 5}


def test_an_answer_through_the_public_endpoint_is_whole(client: httpx.Client, seeds_assistant: Assistant) -> None:
    name, data = ask(client, "Why does Putin want negotiations with Ukraine?")
    assert name == "complete"
    answer = from_json(Answer, json.dumps(json.loads(data)[0]))
    assert answer.citations
    for citation in answer.citations:
        assert citation.stands_in(seeds_assistant.document(citation.doc_id))


@pytest.mark.parametrize("question", ["", "   ", "x" * 20_000])
def test_a_question_that_cannot_be_asked_is_answered_in_one_line(client: httpx.Client, question: str) -> None:
    name, data = ask(client, question)
    assert name == "error"
    assert "Traceback" not in data
    assert len(data.splitlines()) == 1
    assert "question" in data


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])  # noqa: S104  # refused
def test_an_address_others_can_reach_is_refused_with_the_way_round(host: str) -> None:
    with pytest.raises(UsageError, match=r"--auth FILE.*ssh -L 7860:127\.0\.0\.1:7860") as refused:
        server.open_socket(host, 7860)
    assert host in str(refused.value)
    assert refused.value.exit_status == 2


def test_the_command_refuses_it_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ui.cli", "chat", "--host", "0.0.0.0", "--library", str(tmp_path / "a.library")]  # noqa: S104
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith("sayso: --host 0.0.0.0 needs --auth FILE")


def test_with_passwords_it_may_be_reached_from_elsewhere() -> None:
    with server.open_socket("0.0.0.0", 0, signed_in=True) as listener:  # noqa: S104
        assert listener.getsockname()[0] == "0.0.0.0"  # noqa: S104


def test_a_port_in_use_is_named_with_another_to_take() -> None:
    with server.open_socket("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SaysoError, match=rf"port {port} on 127\.0\.0\.1 is in use.*sayso chat --port {port + 1}"):
            server.open_socket("127.0.0.1", port)


def test_a_port_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no port 70000"):
        server.open_socket("127.0.0.1", 70_000)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LOCALHOST", True), ("0.0.0.0", False), ("a.b", False)],  # noqa: S104
)
def test_loopback_is_told_from_the_rest(host: str, loopback: bool) -> None:
    assert server.is_loopback(host) is loopback


def test_ctrl_c_stops_it_quietly_and_soon() -> None:
    """It says where it serves, and afterwards nothing more, open connections or not."""
    code = (
        "from ui import server; listener = server.open_socket('127.0.0.1', 0); "
        "server.run(server.new_app('127.0.0.1'), listener, '127.0.0.1')"
    )
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("sayso chat: http://127.0.0.1:")
    assert line.endswith("(Ctrl-C stops it)\n")
    with httpx.Client(base_url=line.split()[2], trust_env=False) as client:
        assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
