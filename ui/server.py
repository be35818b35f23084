"""The web server around the chat: who may talk to it, and from where. Knows nothing of Gradio, answers or documents.

Refused: a Host that is not ours (DNS rebinding), an Origin that is not ours (another site's page), a large body, and
every Gradio route that the chat does not use. What is served carries a content security policy under which no markup
can run a script or reach another machine. Beyond this machine it serves those alone who can sign in (ui/access.py).
"""

import errno
import ipaddress
import os
import re
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import SaysoError, UsageError
from index.files import MAX_FILE_BYTES
from ui.access import HEALTH, Gate

MAX_BODY_BYTES = 65_536  # a question of the longest allowed length, written as JSON escapes, is 24 kB
_LIBRARY = re.compile(r"/library/([^/]+)(/.*)?", re.DOTALL)  # of one that is not served at "/"
UPLOADS = "/uploads/"  # below this a body is a file, which its route reads piece by piece and counts
MAX_QUEUE = 256  # questions and clicks that wait; each is at most MAX_BODY_BYTES
_MAX_CONNECTIONS = 1000
_QUEUE_IS_FULL = f"{MAX_QUEUE} questions are waiting already, which is as many as sayso keeps; ask again in a minute"
_SHUTDOWN_S = 2  # open pages hold a connection; Ctrl-C does not wait for them

# Gradio serves files, fetches addresses, takes uploads and shows a dashboard; the chat needs none of it. Files are
# added by a route of our own (ui/work.py), so that no path on this machine goes to a page or comes back from one.
# "private" hides a function of the page from the list of those for programs, yet it can be called by its name: only
# these can here.
PUBLIC = ("ask", "documents", "search")
_UNUSED = re.compile(
    r"/(?:monitoring|login|logout|svelte|pwa_icon"
    rf"|gradio_api/(?:run|api|call)/(?!(?:v2/)?(?:{'|'.join(PUBLIC)})(?:/|$))"
    r"|gradio_api/(?:upload|file|proxy|stream|component_server|custom_component|deep_link|process_recording|runs|"
    r"run-history|vibe|undo-vibe|profiling|dev|token))"
)
# 'unsafe-eval': gr.HTML compiles its (constant) template with Function(). Inline scripts need the page's nonce, so an
# event handler or a <script> that got into the page as text would still not run.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'self'; "
    "form-action 'none'; frame-src 'none'; frame-ancestors 'none'; object-src 'none'"
)
_IN_FIGURES = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0f766e"/>'
    '<path d="M9 20c3 0 5-2 5-6V9H8v6h3c0 2-1 3-2 3zm10 0c3 0 5-2 5-6V9h-6v6h3c0 2-1 3-2 3z" fill="#fff"/></svg>'
)


def in_library(path: str) -> tuple[str, str]:
    """The name of the library whose page this path belongs to, "" for the one at "/", and the path within that page."""
    found = _LIBRARY.fullmatch(path)
    return (found[1], found[2] or "") if found else ("", path)


def new_app(
    host: str,
    users: Mapping[str, bytes] | None = None,
    health: Callable[[], Mapping[str, Any]] = dict,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """An app that answers only for this host and its own pages; the chat is mounted on it.

    host: as given to `open_socket`. users: as `access.read_users` gives them, None where everybody may come in. health:
    what `/healthz` adds for those who may. lifespan: of what is mounted.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.get(HEALTH, include_in_schema=False)
    def healthy() -> dict[str, Any]:
        return {"status": "ok", **health()}

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return Response(_ICON, media_type="image/svg+xml")

    app.add_middleware(Gate, users=users)
    app.add_middleware(Guard)
    # Added last, so it is asked first.
    allowed = ["localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host]
    if _is_everywhere(host):
        app.add_middleware(OwnHosts, allowed_hosts=[*allowed, socket.gethostname().lower(), socket.getfqdn().lower()])
    else:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=allowed, www_redirect=False)
    return app


def open_socket(host: str, port: int, *, signed_in: bool = False) -> socket.socket:
    """Bind before anything else is built. port 0 takes any free one. signed_in: those alone are served.

    Raises UsageError for an address that other machines can reach unless they must sign in, SaysoError when the port
    is taken.
    """
    check_address(host, port, signed_in=signed_in)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        other = port + 1 if 1024 <= port < 65_535 else 7861
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror or error})"
        raise SaysoError(f"port {port} on {host} {why}; choose another: sayso chat --port {other}") from error
    return listener


def check_address(host: str, port: int, *, signed_in: bool) -> None:
    """Raises UsageError as `open_socket` would, before anything is opened."""
    if not 0 <= port <= 65_535:
        raise UsageError(f"there is no port {port}; choose one from 1024 to 65535: sayso chat --port 7861")
    if not (signed_in or is_loopback(host)):
        raise UsageError(
            f"--host {host} needs --auth FILE, with a name:password on each line; or leave --host out and reach this "
            f"machine through a tunnel: ssh -L {port}:127.0.0.1:{port} THIS_MACHINE"
        )


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def address(listener: socket.socket, host: str) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


class ChatServer(uvicorn.Server):
    """A uvicorn server that says when it is ready."""

    def __init__(self, app: FastAPI, *, ready: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=_SHUTDOWN_S,
                limit_concurrency=_MAX_CONNECTIONS,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def run(app: FastAPI, listener: socket.socket, host: str) -> None:
    """Serve until Ctrl-C, and open the page in a browser when there is a display to show one on."""
    url = address(listener, socket.gethostname() if _is_everywhere(host) else host)
    in_clear = "" if is_loopback(host) else "; passwords travel in clear: put a TLS proxy in front"

    def ready() -> None:
        print(f"sayso chat: {url} (Ctrl-C stops it{in_clear})", file=sys.stderr, flush=True)
        if has_display():
            webbrowser.open(url)

    with listener:
        try:
            ChatServer(app, ready=ready).run(sockets=[listener])
        except KeyboardInterrupt:  # uvicorn passes Ctrl-C on once it has shut down
            return


def has_display() -> bool:
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class OwnHosts(TrustedHostMiddleware):
    """For a server on every address: its names, and any address in figures, which no name can be pointed at."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        await (self.app if _IN_FIGURES.fullmatch(host) else super().__call__)(scope, receive, send)


class Guard:
    """ASGI middleware: refuses what has no business here and adds the security headers to everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return  # the chat has none; returning closes it
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        guarded = _with_headers(send, nonce)
        headers = Headers(scope=scope)
        _, path = in_library(scope["path"])
        refused = _refusal(scope, headers, path)
        if refused is not None:
            await refused(scope, receive, guarded)
            return
        if path == "/":
            # The page is rewritten below, so it must not arrive compressed.
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}
            guarded = _with_nonces(guarded, nonce)
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not path.startswith(UPLOADS):
            guarded = _with_clear_words(guarded)
            body = await _read_body(receive)
            if body is None:
                await PlainTextResponse("request too large", 413)(scope, receive, guarded)
                return
            receive = _replay(body, receive)
        await self.app(scope, receive, guarded)


def _refusal(scope: Scope, headers: Headers, path: str) -> PlainTextResponse | None:
    """path: within the library's page."""
    origin = headers.get("origin")
    # The Host was checked before. Browsers send an Origin with every POST; programs such as curl send none.
    if origin is not None and origin.lower() != f"{scope['scheme']}://{headers.get('host', '')}".lower():
        return PlainTextResponse("requests from other sites are refused", 403)
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["method"] not in ("GET", "HEAD"):
        return PlainTextResponse("requests from other sites are refused", 403)
    if _UNUSED.match(path):
        return PlainTextResponse("not found", 404)
    length = headers.get("content-length", "0")
    most = MAX_FILE_BYTES if path.startswith(UPLOADS) else MAX_BODY_BYTES
    if not length.isdecimal() or int(length) > most:
        return PlainTextResponse("request too large", 413)
    return None


def _with_headers(send: Send, nonce: str) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
        await send(message)

    return guarded


def _with_nonces(send: Send, nonce: str) -> Send:
    """Give the page's own inline scripts the nonce. Gradio writes its config there with every "<" as an escape."""
    start: Message = {}
    body = bytearray()

    async def rewriting(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        body.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        page = bytes(body).replace(b"<script", b'<script nonce="' + nonce.encode() + b'"')
        headers = MutableHeaders(scope=start)
        headers["Cache-Control"] = "no-store"
        if start["status"] == 200 and body:
            headers["Content-Length"] = str(len(page))
        await send(start)
        await send({"type": "http.response.body", "body": page})

    return rewriting


def _with_clear_words(send: Send) -> Send:
    """Say in words when Gradio's queue takes no more."""
    full = False

    async def clear(message: Message) -> None:
        nonlocal full
        if message["type"] == "http.response.start" and message["status"] == 503:
            full = True
            answer = JSONResponse({"detail": _QUEUE_IS_FULL}, 503, {"Retry-After": "60"})
            for name, value in answer.headers.items():
                MutableHeaders(scope=message)[name] = value
            await send(message)
            await send({"type": "http.response.body", "body": bytes(answer.body)})
        elif not full:
            await send(message)

    return clear


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body, or None as soon as it grows too large, whatever its Content-Length claimed."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body)
        body.extend(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
