"""What the page's events come back on, mended: Gradio's page opens one stream for all of its events under way.

Gradio ends the stream with a last message when nothing is under way any more. An event that is sent just then is taken
by the server after that message was written, and acknowledged to the page before the page has read it: the page takes
the stream for open, waits for an answer on it, and waits for good. So the acknowledgement is held until the page has
let go of its stream. (In Chromium, of 60 questions sent up to 60 ms after another event 11 were never answered, all of
them within 10 ms; with this, none.)

An answer can also overtake its acknowledgement, on a stream that is open for another event. The page then shows it, and
opens a stream for what it has already; nothing would ever come on that, and a browser has few connections to spare. So
it is ended at once.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LAST = b'"msg":"close_stream"'  # a quotation mark in anything that somebody wrote has a backslash before it
_PATIENCE_S = 10.0  # for a page on a busy machine; all that is waited behind a proxy that does not say who has gone


class Streams:
    """ASGI middleware around one page of Gradio's. The page lets go of a stream by closing its connection.

    queue: gives the page's gradio.queueing.Queue, which knows what each session waits for.
    """

    def __init__(self, app: ASGIApp, queue: Callable[[], Any]) -> None:
        self.app = app
        self._queue = queue
        self._ending: dict[str, asyncio.Event] = {}  # by session: set when the page has let go of it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/gradio_api/queue/data"):
            await self._stream(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].endswith("/gradio_api/queue/join"):
            await self._join(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = QueryParams(scope["query_string"]).get("session_hash", "")
        gone = asyncio.Event()

        async def until_let_go(message: Message) -> None:
            if _LAST in message.get("body", b""):
                self._ending[session] = gone
            done = message["type"] == "http.response.body" and not message.get("more_body")
            if done and self._ending.get(session) is gone:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE_S):
                        while (await receive())["type"] != "http.disconnect":
                            pass
            await send(message)

        try:
            if self._has_all(session):
                self._ending[session] = gone  # now, not when it has been said: an event may be taken between
                await _end(until_let_go)
            else:
                await self.app(scope, receive, until_let_go)
        finally:
            gone.set()
            if self._ending.get(session) is gone:
                del self._ending[session]

    def _has_all(self, session: str) -> bool:
        """Whether the page has been sent everything that it asked for. A page that is unknown is Gradio's to refuse."""
        queue = self._queue()
        return session in queue.pending_messages_per_session and not queue.pending_event_ids_session.get(session)

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = await receive()  # the whole body: the guard has read it
        session = _session(taken.get("body", b""))
        first = True

        async def replayed() -> Message:
            nonlocal first
            if first:
                first = False
                return taken
            return await receive()

        async def when_let_go(message: Message) -> None:
            ending = self._ending.get(session) if message["type"] == "http.response.start" else None
            if ending is not None:
                await ending.wait()
            await send(message)

        await self.app(scope, replayed, when_let_go)


async def _end(send: Send) -> None:
    """A stream with Gradio's last message only. Not one of Starlette's, which waits for a thread to be free."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"data: {" + _LAST + b"}\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _session(body: bytes) -> str:
    """The page's own word for itself; "" for what Gradio will refuse."""
    try:
        return str(json.loads(body)["session_hash"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
