"""A real web server on a free port for the length of a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from rag import Assistant
from ui import chat, server


@contextmanager
def running(app: FastAPI, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve the app in a thread; gives its address. port 0 takes any free one."""
    ready = threading.Event()
    with server.open_socket(host, port) as listener:
        served = server.ChatServer(app, ready=ready.set)
        thread = threading.Thread(target=served.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert ready.wait(30)
            yield server.address(listener, host)
        finally:
            served.should_exit = True
            thread.join()


@contextmanager
def chatting(assistant: Assistant, port: int = 0, **how: Any) -> Iterator[str]:
    """The chat, its models loaded as `sayso chat` loads them, so that no browser waits for that. how: of `chat.app`."""
    assistant.warm_up()
    with running(chat.app(assistant, **how), port=port) as url:
        yield url


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """The address of a server of the folder's files."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
