"""What the page's events come back on: acknowledged when the last stream is let go of, and no stream for nothing."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from ui.streams import Streams

END = b'data: {"msg":"close_stream","event_id":null}\n\n'


async def gradio(scope: Scope, receive: Receive, send: Send) -> None:
    """Ends its streams at once; takes what joins."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"].endswith("/data"):
        await send({"type": "http.response.body", "body": END, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    else:
        taken = json.loads((await receive())["body"])
        await send({"type": "http.response.body", "body": json.dumps({"event_id": taken["session_hash"]}).encode()})


def waiting_for(**events: set[str]) -> Callable[[], Any]:
    """Gradio's queue: what each session waits for."""
    return lambda: SimpleNamespace(pending_messages_per_session=events, pending_event_ids_session=events)


class Page:
    """Both of its connections, with everything that came over them."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams
        self.closed = asyncio.Event()
        self.before_stream: asyncio.Event | None = None  # what the stream's first message waits for
        self.came: list[bytes] = []

    async def stream(self, session: str) -> None:
        async def receive() -> Message:
            await self.closed.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if self.before_stream:
                await self.before_stream.wait()
            await self._kept(message)

        query = f"session_hash={session}".encode()
        await self.streams({"type": "http", "path": "/gradio_api/queue/data", "query_string": query}, receive, send)

    async def join(self, session: str) -> None:
        bodies = iter([json.dumps({"session_hash": session, "data": []}).encode()])

        async def receive() -> Message:
            return {"type": "http.request", "body": next(bodies), "more_body": False}

        await self.streams({"type": "http", "path": "/gradio_api/queue/join"}, receive, self._kept)

    async def _kept(self, message: Message) -> None:
        if message.get("body"):
            self.came.append(message["body"])


def played(scene: Callable[[Page], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene(Page(Streams(gradio, waiting_for(one={"an event"})))))


def test_a_join_is_acknowledged_when_the_page_has_closed_the_stream_that_ended_before() -> None:
    async def scene(page: Page) -> None:
        ended = asyncio.create_task(page.stream("one"))
        await asyncio.sleep(0)
        joined = asyncio.create_task(page.join("one"))
        await asyncio.sleep(0.05)
        assert page.came == [END]
        page.closed.set()
        await asyncio.gather(ended, joined)
        assert page.came == [END, b'{"event_id": "one"}']

    played(scene)


def test_a_join_is_held_from_when_it_is_known_that_a_stream_is_for_nothing() -> None:
    """Not only once the page has been told, for which its connection may keep the server waiting."""

    async def scene() -> None:
        page, free = Page(Streams(gradio, waiting_for(one=set()))), asyncio.Event()
        page.before_stream = free
        ended = asyncio.create_task(page.stream("one"))
        await asyncio.sleep(0)
        joined = asyncio.create_task(page.join("one"))
        await asyncio.sleep(0.05)
        assert page.came == []
        free.set()
        await asyncio.sleep(0.05)
        assert [b"close_stream" in came for came in page.came] == [True]
        page.closed.set()
        await asyncio.gather(ended, joined)
        assert page.came[1:] == [b'{"event_id": "one"}']

    asyncio.run(scene())


def test_others_and_whoever_comes_later_are_not_held_up() -> None:
    async def scene(page: Page) -> None:
        ended = asyncio.create_task(page.stream("one"))
        await asyncio.sleep(0)
        await page.join("another")
        page.closed.set()
        await ended
        await page.join("one")
        assert page.came == [END, b'{"event_id": "another"}', b'{"event_id": "one"}']

    played(scene)


def test_a_page_that_is_never_seen_to_go_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.streams._PATIENCE_S", 0.05)

    async def scene(page: Page) -> None:
        ended = asyncio.create_task(page.stream("one"))
        await asyncio.sleep(0)
        await page.join("one")
        await ended
        assert page.came == [END, b'{"event_id": "one"}']

    played(scene)


@pytest.mark.parametrize(
    ("queue", "ended"),
    [
        (waiting_for(one=set()), True),
        (waiting_for(one={"an event"}), False),
        (waiting_for(another=set()), False),  # a page that is not known is told so by Gradio
    ],
)
def test_a_stream_that_nothing_would_come_on_is_ended_at_once(queue: Callable[[], Any], ended: bool) -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"heartbeat", "more_body": True})

    async def scene() -> None:
        page = Page(Streams(never, queue))
        stream = asyncio.create_task(page.stream("one"))
        while not page.came:
            await asyncio.sleep(0)
        page.closed.set()
        await stream
        assert [json.loads(came[6:]) if ended else came for came in page.came] == [
            {"msg": "close_stream"} if ended else b"heartbeat"
        ]

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"7", b"[]", b"{}", b'{"session_hash": []}', b'{"session_hash": null}', b"[" * 60_000]
)
def test_what_no_page_sends_is_left_to_gradio(body: bytes) -> None:
    async def took(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 422, "headers": []})
        await send({"type": "http.response.body", "body": (await receive())["body"]})

    async def scene() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        came: list[bytes] = []

        async def send(message: Message) -> None:
            came.append(message.get("body", b""))

        await Streams(took, waiting_for())({"type": "http", "path": "/gradio_api/queue/join"}, receive, send)
        assert came == [b"", body]

    asyncio.run(scene())
