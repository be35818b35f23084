"""A question on its way to an answer, as the page shows it: what is being done, and at the end the answer.

The pipeline runs in a thread of its own, so that whoever stops waiting is free at once. The work then ends with the
next thing that the pipeline has to say.
"""

import asyncio
import contextlib
import logging
import math
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Literal

from index.errors import SaysoError
from rag.assistant import Assistant
from rag.types import Answer, Done, Event, Filter, Retrieved, Rewritten, Token, Turn, Verified

_log = logging.getLogger(__name__)

Stage = Literal["searching", "reading", "writing", "checking"]
STAGES: tuple[Stage, ...] = ("searching", "reading", "writing", "checking")
_DRAFT_EVERY_S = 0.1
_SETTLES_S = 0.03


class Problem(Exception):
    """One line for the page that says why there is no answer."""


@dataclass(frozen=True, slots=True)
class Working:
    """What is being done now. asked_as: the question as it was understood, once that is known. draft: of a model."""

    stage: Stage = "searching"
    asked_as: str = ""
    passages: int = 0
    draft: str = ""

    def after(self, event: Event, *, writes: bool) -> "Working":
        """writes: a language model does; the sources' own words are no draft."""
        match event:
            case Rewritten(asked_as):
                return replace(self, asked_as=asked_as)
            case Retrieved(hits):
                return replace(self, stage="reading", passages=len(hits))
            case Token(""):
                return replace(self, stage="checking")
            case Token(text):
                return replace(self, stage="writing", draft=self.draft + text if writes else "")
            case Verified():
                return replace(self, stage="checking")
        return self


async def answering(
    assistant: Assistant, question: str, history: Sequence[Turn] = (), where: Filter | None = None
) -> AsyncGenerator[Working | Answer, None]:
    """What is being done whenever that changes, a draft now and then as it grows, and at the end the answer.

    Raises Problem. Closing the iterator, or cancelling who waits for it, ends the work.
    """
    working, said, said_at = Working(), False, -math.inf
    left = threading.Event()
    arrived = _start(assistant, question, history, where, left)
    try:
        while True:
            # What is over at once is not shown: each thing shown costs the page more time than it would stand there.
            rest = min(_SETTLES_S, said_at + _DRAFT_EVERY_S - time.monotonic())
            if not said and rest <= 0:
                said, said_at = True, time.monotonic()
                yield working
            try:
                # Not asyncio.wait_for: until Python 3.12 it forgets who cancels just as something arrives.
                async with asyncio.timeout(None if said else rest):
                    event = await arrived.get()
            except TimeoutError:
                said_at = -math.inf
                continue
            if isinstance(event, Exception):
                raise event
            if isinstance(event, Done):
                yield event.answer
                return
            before, working = working, working.after(event, writes=bool(assistant.settings.model))
            said = said and working == before
    except SaysoError as error:
        raise Problem(str(error)) from error
    except Exception as error:  # a bug: the page must not hang, nor show what a traceback may hold
        number = secrets.token_hex(4)
        _log.exception("question failed, number %s", number)
        raise Problem(
            f"something went wrong inside sayso (number {number}); the terminal it runs in says what"
        ) from error
    finally:
        left.set()


def _start(
    assistant: Assistant, question: str, history: Sequence[Turn], where: Filter | None, left: threading.Event
) -> asyncio.Queue[Event | Exception]:
    """Begin `Assistant.stream` in a thread; what it says arrives in the queue, Done or an exception last.

    left: once set, the stream is closed at the next thing it says.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[Event | Exception] = asyncio.Queue()

    def say(thing: Event | Exception) -> None:
        with contextlib.suppress(RuntimeError):  # the server, and with it the loop, has been closed
            loop.call_soon_threadsafe(arrived.put_nowait, thing)

    def work() -> None:
        try:
            with closing(assistant.stream(question, history=history, where=where)) as events:  # type: ignore[type-var]
                for event in events:
                    if left.is_set():
                        break
                    say(event)
        except Exception as error:
            say(error)

    threading.Thread(target=work, daemon=True, name="sayso-answer").start()
    return arrived
