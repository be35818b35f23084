"""A real LiteLLM client against a server that behaves as real ones do on bad days, all on the loopback address."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from index.errors import ModelError, UsageError
from rag.llm import LiteLLMModel, load_keys, redact
from rag.types import Message, Usage
from tests.openai_server import Call, Script, breaks_off, fails, garbles, hangs, says, serving

ASKED = (Message("system", "Answer."), Message("user", "When?"))
KEY = "sk-test-0123456789abcdef"


def write(script: Script, *, seconds: float = 20.0) -> tuple[str, Usage]:
    model = LiteLLMModel("openai/scripted", api_base=script.address)
    text, used = "", None
    for piece in model.write(ASKED, max_tokens=50, deadline=time.monotonic() + seconds):
        if isinstance(piece, Usage):
            used = piece
        else:
            text += piece
    assert used is not None
    return text.strip(), used


def test_text_comes_in_pieces_and_then_what_was_used() -> None:
    """The messages arrive as they were given, at temperature 0; a price that is not known is none."""
    with serving(says("At dawn [1].")) as script:
        text, used = write(script)
    assert text == "At dawn [1]."
    assert (used.prompt_tokens, used.completion_tokens, used.cost_usd) == (90, 12, None)
    (request,) = script.requests
    assert request["messages"] == [{"role": "system", "content": "Answer."}, {"role": "user", "content": "When?"}]
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("scripted", 0.0, 50)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_at_fault_is_asked_again(status: int) -> None:
    """After a pause, while there is time."""
    with serving(fails(status), says("At dawn.")) as script:
        assert write(script)[0] == "At dawn."
    assert len(script.requests) == 2


def test_retry_after_is_obeyed() -> None:
    """The server's pause, not a shorter one of our own."""
    with serving(fails(429, retry_after="2"), says("At dawn.")) as script:
        started = time.monotonic()
        write(script)
    assert time.monotonic() - started >= 2


def test_a_pause_longer_than_the_budget_is_not_waited_for() -> None:
    """The error comes at once instead."""
    with (
        serving(fails(429, retry_after="60")) as script,
        pytest.raises(ModelError, match="cannot be used now") as refused,
    ):
        write(script, seconds=5)
    assert len(script.requests) == 1
    assert refused.value.retryable


@pytest.mark.parametrize(
    ("step", "reason", "says_what"),
    [
        (fails(401, f"bad key {KEY}"), "unavailable", "refused the key"),
        (fails(404), "unavailable", "there is no model"),
        (breaks_off("At"), "cut_off", "broke off in the middle"),
        (says("At", finish="content_filter"), "refused", "refused to answer"),
    ],
)
def test_what_cannot_be_mended_is_said_with_the_fix(step: Callable[[Call], None], reason: str, says_what: str) -> None:
    """One line, and asked only once."""
    with serving(step) as script, pytest.raises(ModelError, match=says_what) as refused:
        write(script)
    assert refused.value.reason == reason
    assert "\n" not in str(refused.value)
    assert len(script.requests) == 1


def test_what_is_no_json_is_an_error_of_the_model() -> None:
    """Not a traceback of the client."""
    with serving(garbles) as script, pytest.raises(ModelError):
        write(script, seconds=5)


def test_a_server_that_hangs_is_left_when_the_time_is_up() -> None:
    """Though it has begun its answer."""
    with serving(hangs(30)) as script:
        started = time.monotonic()
        with pytest.raises(ModelError, match="did not finish in time") as refused:
            write(script, seconds=2)
        assert time.monotonic() - started < 4
    assert refused.value.reason == "timeout"


def test_whoever_stops_reading_stops_the_model() -> None:
    """The server finds the connection gone."""
    with serving(says("word " * 400, pause_s=0.02)) as script:
        stream = LiteLLMModel("openai/scripted", api_base=script.address).write(
            ASKED, max_tokens=50, deadline=time.monotonic() + 20
        )
        next(iter(stream))
        stream.close()  # type: ignore[attr-defined]
        assert script.broken_off.wait(5)


@pytest.mark.parametrize(("told", "given", "window"), [(2048, 0, 2048), (2048, 1000, 1000), (0, 0, 4096)])
def test_the_window_is_asked_of_the_server_unless_it_is_set(told: int, given: int, window: int) -> None:
    """And is a cautious one when nobody knows."""
    with serving(says("x"), window=told) as script:
        assert LiteLLMModel("openai/scripted", api_base=script.address, window=given).window == window


def test_keys_come_from_a_file_that_only_its_owner_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the environment already stays."""
    monkeypatch.setenv("A_API_KEY", "mine")
    monkeypatch.delenv("B_API_KEY", raising=False)
    file = tmp_path / "keys"
    file.write_text('# of mine\nA_API_KEY=other\nexport B_API_KEY="b-secret"\n')
    file.chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others; run: chmod 600"):
        load_keys(file)
    file.chmod(0o600)
    load_keys(file)
    assert (os.environ["A_API_KEY"], os.environ.pop("B_API_KEY")) == ("mine", "b-secret")


def test_a_key_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it looks like one or stands in a variable."""
    monkeypatch.setenv("OTHER_API_KEY", "plainword99")
    assert redact(f"Bearer abc.def {KEY} and plainword99") == "… … and …"
    with serving(fails(401, f"bad key {KEY}")) as script, pytest.raises(ModelError) as refused:
        write(script)
    assert KEY not in str(refused.value)
