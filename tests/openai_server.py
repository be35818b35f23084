"""A scripted server that speaks OpenAI's protocol on the loopback address, for what real ones do on bad days."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Script:
    """What the server does at each request, the last step again and again. requests: the bodies it was sent."""

    steps: Sequence[Callable[["Call"], None]]
    window: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    broken_off: threading.Event = field(default_factory=threading.Event)
    address: str = ""


class Call(BaseHTTPRequestHandler):
    """One request; the steps below answer it."""

    script: Script

    def do_GET(self) -> None:
        model: dict[str, Any] = {"id": "scripted", "object": "model"}
        if self.script.window:
            model["max_model_len"] = self.script.window
        self.reply(200, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.script.requests.append({**body, "authorization": self.headers.get("authorization", "")})
        steps = self.script.steps
        try:
            steps[min(len(self.script.requests), len(steps)) - 1](self)
        except (BrokenPipeError, ConnectionResetError):
            self.script.broken_off.set()

    def reply(self, status: int, body: object, **headers: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def send(self, data: object) -> None:
        self.wfile.write(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


def says(text: str, *, pause_s: float = 0.0, finish: str = "stop") -> Callable[[Call], None]:
    """The text word by word, then what was used."""

    def step(call: Call) -> None:
        _begin(call)
        for word in text.split(" "):
            call.send(_chunk({"role": "assistant", "content": word + " "}))
            time.sleep(pause_s)
        call.send(_chunk({}, finish))
        call.send(
            {**_chunk({}), "choices": [], "usage": {"prompt_tokens": 90, "completion_tokens": 12, "total_tokens": 102}}
        )
        call.send("[DONE]")

    return step


def fails(status: int, message: str = "no", **headers: str) -> Callable[[Call], None]:
    return lambda call: call.reply(status, {"error": {"message": message, "type": "error", "code": None}}, **headers)


def hangs(seconds: float) -> Callable[[Call], None]:
    """Begins and says nothing."""

    def step(call: Call) -> None:
        _begin(call)
        time.sleep(seconds)

    return step


def breaks_off(text: str) -> Callable[[Call], None]:
    """Half a stream, and the connection is gone."""

    def step(call: Call) -> None:
        _begin(call)
        call.send(_chunk({"role": "assistant", "content": text}))
        call.close_connection = True

    return step


def garbles(call: Call) -> None:
    """What is no JSON."""
    _begin(call)
    call.send("{not json")
    call.send("[DONE]")


def _begin(call: Call) -> None:
    call.send_response(200)
    call.send_header("content-type", "text/event-stream")
    call.send_header("connection", "close")
    call.end_headers()
    call.close_connection = True


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "scripted", "choices": [choice]}


@contextmanager
def serving(*steps: Callable[[Call], None], window: int = 0) -> Iterator[Script]:
    script = Script(steps, window)
    handler = type("ScriptedCall", (Call,), {"script": script})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        script.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
