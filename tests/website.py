"""A web server on this machine, for what is fetched by its address."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Site:
    """A server on this machine: path -> (status, headers, body). What it was asked for is remembered."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, dict(self.headers)))
                status, headers, body = site.pages[self.path]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # who hangs up early is what is tested

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def text(self, path: str, body: str, kind: str = "text/plain; charset=utf-8") -> str:
        self.pages[path] = (200, {"Content-Type": kind}, body.encode())
        return self.url + path

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        self.pages[path] = (status, {"Location": to, "Set-Cookie": "seen=1"}, b"")
        return self.url + path

    @contextmanager
    def running(self) -> Iterator["Site"]:
        thread = threading.Thread(target=partial(self.server.serve_forever, poll_interval=0.01))
        thread.start()
        yield self
        self.server.shutdown()
        self.server.server_close()
        thread.join()
