"""A question on its way to an answer: its stages, and that whoever leaves ends the work."""

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rag import Answer, Assistant, Settings
from rag.types import Message, Reading, Rewritten, Token, Verified
from tests.fakes import ScriptedModel, WordHashEmbedder
from ui.answering import Problem, Working, answering

QUESTION = "When did the ferry to Bergen leave?"


class Anything:
    """A reader that finds the answer in the first sentence of every text."""

    def read(self, question: str, texts, spans):  # type: ignore[no-untyped-def]
        return [Reading(np.array([0.05, 0.9, *[0.01] * (len(s) - 1)]), ("",) * len(s)) for s in spans]


def opened(folder: Path, tmp_path: Path, model: ScriptedModel | None = None) -> Assistant:
    settings = Settings(model="scripted" if model else "", cache=False)
    assistant = Assistant.open(
        tmp_path / "a.library", settings=settings, embedder=WordHashEmbedder(), reader=Anything(), model=model
    )
    assistant.add(folder)
    return assistant


async def steps(assistant: Assistant, question: str) -> list[Working | Answer]:
    return [step async for step in answering(assistant, question)]


def test_the_stages_come_in_order_and_the_answer_last(folder: Path, tmp_path: Path) -> None:
    with opened(folder, tmp_path, ScriptedModel(lambda messages: "The ferry left [1].", pause_s=0.06)) as assistant:
        *working, answer = asyncio.run(steps(assistant, QUESTION))
    stages = list(dict.fromkeys(step.stage for step in working if isinstance(step, Working)))
    assert stages[:3] == ["searching", "reading", "writing"]  # checking one sentence is over at once
    assert isinstance(answer, Answer)
    drafts = [step.draft for step in working if isinstance(step, Working) and step.draft]
    assert all(later.startswith(earlier) for earlier, later in pairwise(drafts))


def test_the_sources_own_words_are_no_draft() -> None:
    working = Working().after(Token("“It left.” [1]"), writes=False)
    assert (working.stage, working.draft) == ("writing", "")
    assert Working().after(Token("It left"), writes=True).draft == "It left"
    assert Working().after(Token(""), writes=True).stage == "checking"
    assert Working().after(Verified(()), writes=False).stage == "checking"
    assert Working().after(Rewritten("Who left?"), writes=False) == Working(asked_as="Who left?")


def test_what_is_wrong_with_a_question_is_one_line(folder: Path, tmp_path: Path) -> None:
    with opened(folder, tmp_path) as assistant, pytest.raises(Problem, match="the question is blank"):
        asyncio.run(steps(assistant, "  "))


def test_a_bug_shows_a_number_and_nothing_of_itself(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(messages: Sequence[Message]) -> str:
        raise RuntimeError("secret things")

    with (
        opened(folder, tmp_path, ScriptedModel(breaks)) as assistant,
        pytest.raises(Problem, match=r"something went wrong inside sayso \(number [0-9a-f]{8}\)") as problem,
    ):
        asyncio.run(steps(assistant, QUESTION))
    assert "secret" not in str(problem.value)
    assert "secret things" in caplog.text


def test_whoever_leaves_ends_the_models_work(folder: Path, tmp_path: Path) -> None:
    model = ScriptedModel(lambda messages: "word " * 500, pause_s=0.02)

    async def leave(assistant: Assistant) -> None:
        async with aclosing(answering(assistant, QUESTION)) as going:
            async for step in going:
                if isinstance(step, Working) and step.draft:
                    return

    with opened(folder, tmp_path, model) as assistant:
        asyncio.run(leave(assistant))
        for _ in range(100):
            if model.closed:
                break
            time.sleep(0.02)
    assert model.closed


def test_who_cancels_does_not_wait_for_a_silent_model(folder: Path, tmp_path: Path) -> None:
    asked, may_speak, spoke = threading.Event(), threading.Event(), threading.Event()

    def hang(messages: Sequence[Message]) -> str:
        asked.set()
        may_speak.wait(60)
        spoke.set()
        return "late"

    async def cancel(assistant: Assistant) -> None:
        task = asyncio.create_task(steps(assistant, QUESTION))
        await asyncio.to_thread(asked.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with opened(folder, tmp_path, ScriptedModel(hang)) as assistant:
        asyncio.run(cancel(assistant))
        assert not spoke.is_set()
        may_speak.set()
        for thread in threading.enumerate():
            if thread.name == "sayso-answer":
                thread.join()  # it leaves the library before that is closed


def test_who_cancels_just_as_something_arrives_is_gone_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancel(assistant: Assistant) -> bool:
        arrived: asyncio.Queue[Rewritten] = asyncio.Queue()
        monkeypatch.setattr("ui.answering._start", lambda *_: arrived)
        task = asyncio.create_task(steps(assistant, QUESTION))
        arrived.put_nowait(Rewritten(QUESTION))
        while not arrived.empty():
            await asyncio.sleep(0)
        arrived.put_nowait(Rewritten("When?"))
        task.cancel()
        await asyncio.wait([task], timeout=10)
        return task.cancelled()

    with opened(folder, tmp_path) as assistant:
        assert asyncio.run(cancel(assistant))
