"""Who may come in, and how often: names and passwords over HTTP Basic, and an allowance for each client.

Knows nothing of Gradio, answers or documents.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from index.errors import UsageError

HEALTH = "/healthz"
USER = "sayso.user"  # in the scope: who has signed in
_CLIENTS = 10_000  # remembered; the one that has been quiet longest is forgotten first

# What a client may do at once, and how much of it comes back in a second.
_REQUESTS = (300, 5.0)  # POSTs: questions, clicks and uploads
_FAILURES = (5, 0.1)  # wrong passwords: five, then one every ten seconds


def read_users(file: Path) -> dict[str, bytes]:
    """The name:password lines of a file that only its owner can read, as names and sha256 of the passwords.

    Blank lines and lines that begin with "#" are passed over. Raises UsageError, which never shows a password.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise UsageError(f"{str(file)!r} can be read by others; run: chmod 600 {file}")
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UsageError(f"cannot read the passwords in {str(file)!r}: {why}; check the file") from error
    users: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, password = line.strip().partition(":")
        if not (name and colon and password):
            raise UsageError(f"line {number} of {str(file)!r} is not name:password; mend it")
        if name in users:
            raise UsageError(f"line {number} of {str(file)!r} names {name!r} again; give each person one line")
        users[name] = _digest(password)
    if not users:
        raise UsageError(f"{str(file)!r} names nobody; write one name:password on a line")
    return users


class Allowance:
    """So much at once for each client, and so much a second after that. Safe to share between threads."""

    def __init__(self, at_once: int, per_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = at_once
        self._per_s = per_s
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how many, and when that was
        self._turn = Lock()

    def wait_s(self, client: str) -> float:
        """Seconds until the client may go on, 0.0 when it may now."""
        with self._turn:
            return max(0.0, (1.0 - self._now(client)) / self._per_s)

    def take(self, client: str) -> float:
        """Use one up where there is one; else the seconds until there is."""
        with self._turn:
            left = self._now(client)
            if left < 1.0:
                return (1.0 - left) / self._per_s
            self._left[client] = (left - 1.0, self._clock())
            self._left.move_to_end(client)
            if len(self._left) > _CLIENTS:
                self._left.popitem(last=False)
            return 0.0

    def _now(self, client: str) -> float:
        left, since = self._left.get(client, (float(self._most), self._clock()))
        return min(float(self._most), left + (self._clock() - since) * self._per_s)


class Gate:
    """ASGI middleware: asks for a name and a password where there are users, and for patience where needed.

    Without credentials `/healthz` says that the server is up, and no more.
    """

    def __init__(self, app: ASGIApp, users: Mapping[str, bytes] | None = None) -> None:
        self.app = app
        self._users = users
        self._requests = Allowance(*_REQUESTS)
        self._failures = Allowance(*_FAILURES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(scope) if scope["type"] == "http" else None
        await (refused or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        """Notes in the scope who it is that may come in."""
        client = _client(scope)
        if self._users is not None:
            given = Headers(scope=scope).get("authorization", "")
            # Also with the right password: whoever guesses must not learn that from being let in.
            if given and (wait := self._failures.wait_s(client)):
                return _later("too many wrong passwords", wait)
            name = _known(self._users, given)
            if not name:
                if given:
                    self._failures.take(client)
                elif scope["path"] == HEALTH:
                    return JSONResponse({"status": "ok"})
                ask = {"WWW-Authenticate": 'Basic realm="sayso", charset="UTF-8"'}
                return JSONResponse({"detail": "sign in with a name and a password"}, 401, ask)
            scope[USER] = name
        if scope["method"] == "POST" and (wait := self._requests.take(client)):
            return _later("too many requests at once", wait)
        return None


def _later(what: str, wait_s: float) -> JSONResponse:
    seconds = math.ceil(wait_s)
    return JSONResponse({"detail": f"{what}; try again in {seconds} s"}, 429, {"Retry-After": str(seconds)})


def _known(users: Mapping[str, bytes], authorization: str) -> str:
    """The user whose password the header has, else ""; takes as long for an unknown name as for a wrong password."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return ""
    right = hmac.compare_digest(_digest(password), users.get(name, b"\0" * 32))
    return name if right and colon and scheme.lower() == "basic" else ""


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()


def _client(scope: Scope) -> str:
    """The address; for IPv6 its /64, of which one machine has all."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host
