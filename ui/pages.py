"""The page of each library at its own address: made when it is first asked for, there until the server ends.

So a page, its functions and its files in and out belong to one library, and nothing of two can be mixed up; to change
to another library is to follow a link.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from index.errors import SaysoError
from rag.assistant import Assistant
from ui.libraries import Libraries, Place
from ui.server import in_library


class Pages:
    """An ASGI app. make: a library -> the app of its page, whose lifespan is run here."""

    def __init__(self, libraries: Libraries, make: Callable[[Assistant], FastAPI]) -> None:
        self._libraries = libraries
        self._make = make
        self._first = libraries.places()[0]
        # At once: what is wrong with it shall be known before anything is served.
        self._made: dict[Path, FastAPI] = {self._first.folder: make(libraries.own)}
        self._under_way: dict[Path, FastAPI] = {}
        self._turn = asyncio.Lock()
        self._open = AsyncExitStack()

    @asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """The lifespan of the server."""
        try:
            async with self._open:
                await self._page(self._first)
                yield
        finally:
            self._under_way.clear()
            await asyncio.to_thread(self._libraries.close)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, rest = in_library(scope["path"])
        if not name:
            await (await self._page(self._first))(scope, receive, send)
            return
        try:
            place = await asyncio.to_thread(self._libraries.find, name)
            if place.address == "/" or not rest:
                await RedirectResponse(place.address)(scope, receive, send)
                return
            page = await self._page(place)
        except SaysoError as error:
            await PlainTextResponse(str(error), 404)(scope, receive, send)
            return
        root = scope.get("root_path", "") + f"/library/{name}"
        await page({**scope, "root_path": root}, receive, send)

    async def _page(self, place: Place) -> FastAPI:
        """Of the library, running."""
        if place.folder not in self._under_way:
            async with self._turn:
                if place.folder not in self._under_way:
                    if place.folder not in self._made:
                        self._made[place.folder] = await asyncio.to_thread(self._new, place)
                    page = self._made[place.folder]
                    await self._open.enter_async_context(page.router.lifespan_context(page))
                    self._under_way[place.folder] = page
        return self._under_way[place.folder]

    def _new(self, place: Place) -> FastAPI:
        return self._make(self._libraries.open(place))
