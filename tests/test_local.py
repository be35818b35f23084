"""A real small language model in this process, over llama.cpp's server and LiteLLM; and how its file is fetched."""

import hashlib
import sys
import time
from pathlib import Path

import httpx
import pytest

from index.errors import ModelError, UsageError
from index.minilm import MiniLM
from rag import Assistant, Settings, local
from rag.assistant import seeds_folder
from rag.compose import try_model
from rag.llm import LiteLLMModel
from rag.local import fetch, serve
from rag.models import models_here
from rag.types import Message, Usage
from tests.live import hub

SMALL = Path(sys.prefix) / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
STORY = (Message("user", "Write a story of a thousand words about a ferry."),)


@pytest.fixture(scope="module")
def small() -> LiteLLMModel:
    if not SMALL.is_file():
        pytest.skip(f"{SMALL.name} is not in {SMALL.parent}; make test fetches it")
    return LiteLLMModel("openai/small", api_base=serve(SMALL, 4096))


def soon(seconds: float = 120) -> float:
    return time.monotonic() + seconds


def test_it_writes_piece_by_piece_and_says_what_it_used(small: LiteLLMModel) -> None:
    """And it is the server that knows how much fits."""
    *pieces, used = small.write(STORY, max_tokens=24, deadline=soon())
    assert len(pieces) > 3
    assert isinstance(used, Usage)
    assert (used.completion_tokens, used.cut, used.cost_usd) == (24, True, None)
    assert small.window == 4096


def test_whoever_stops_reading_frees_the_model(small: LiteLLMModel) -> None:
    """It works on nothing any more, long before it could have written all."""
    slots = str(small._api_base).removesuffix("/v1") + "/slots"

    def works() -> bool:
        return any(slot["is_processing"] for slot in httpx.get(slots).json())

    pieces = small.write(STORY, max_tokens=3000, deadline=soon())
    for _ in range(3):
        next(pieces)
    assert works()
    pieces.close()  # type: ignore[attr-defined]
    end = soon(10)
    while works() and time.monotonic() < end:
        time.sleep(0.05)
    assert not works()


def test_it_is_tried_and_what_it_wrote_is_shown(small: LiteLLMModel) -> None:
    """Whether it keeps the form is the model's affair; that this is found out is ours."""
    trial = try_model(small, timeout_s=120)
    assert trial.draft
    assert 0 < trial.first_s <= trial.seconds
    assert trial.window == 4096


def test_nonsense_that_it_writes_does_not_reach_an_answer(
    small: LiteLLMModel, embedder: MiniLM, tmp_path: Path
) -> None:
    """Of a model that cannot do the task there is left what its citations carry, and quotes for the rest."""
    settings = Settings.load(model="openai/small", cache=False, timeout_s=120)
    with Assistant.open(tmp_path / "seeds.library", settings=settings, embedder=embedder, model=small) as assistant:
        assistant.add(seeds_folder())
        answer = assistant.ask("Which Chinese official turned up in Moscow at the end of May 2023?")
        assert answer.usage["completion_tokens"]
        assert all(claim.support in ("quoted", "supported") and claim.markers for claim in answer.claims)
        for citation in answer.citations:
            text = assistant.document(citation.doc_id).text
            assert text[citation.start : citation.end] == citation.quote


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "no file at "), (b"PK zipped", "is not a GGUF file"), (b"GGUF but no more", "cannot load ")],
)
def test_a_file_that_cannot_be_served_is_named(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """Missing, of another kind, or broken off: one line."""
    file = tmp_path / "some.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match=problem) as refused:
        serve(file)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_of_the_hub_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its progress, checked against the sha256 that was given; the second time nothing is asked of the network."""
    there = tmp_path / "hub" / "owner" / "repo" / "resolve" / "main"
    there.mkdir(parents=True)
    content = b"GGUF" + bytes(3 << 20)
    (there / "m.gguf").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    seen: list[tuple[int, int]] = []
    with hub(tmp_path / "hub") as address:
        monkeypatch.setattr(local, "_HUB", address)
        with pytest.raises(ModelError, match=r"has sha256 .*, not 000000000000…; it was deleted"):
            fetch(f"owner/repo/m.gguf@{'0' * 64}", tmp_path / "kept")
        with pytest.raises(ModelError, match=r"cannot fetch 'hf:owner/repo/other.gguf': .*404.*; check"):
            fetch("owner/repo/other.gguf", tmp_path / "kept")
        assert not [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
        path = fetch(f"owner/repo/m.gguf@{digest}", tmp_path / "kept", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == content
    assert seen[-1] == (len(content), len(content))
    assert len(seen) > 1
    assert fetch("owner/repo/m.gguf", tmp_path / "kept") == path
    with pytest.raises(ModelError, match="not 000000000000…"):  # what lies there is looked at too
        fetch(f"owner/repo/m.gguf@{'0' * 64}", tmp_path / "kept")


def test_the_models_that_are_here_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in the folder of models, and what Ollama holds where it runs; nothing that still needs something."""
    there = tmp_path / "ollama" / "api"
    there.mkdir(parents=True)
    (there / "tags").write_text('{"models": [{"name": "llama3.2", "size": 2000000000}]}')
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.gguf").write_bytes(b"GGUF")
    with hub(tmp_path / "ollama") as address:
        monkeypatch.setenv("OLLAMA_HOST", address)
        assert models_here(tmp_path / "models") == ["ollama/llama3.2", f"gguf:{tmp_path / 'models' / 'm.gguf'}"]
    monkeypatch.setattr("rag.models._installed", lambda: False)
    assert models_here(tmp_path / "models") == []


@pytest.mark.parametrize("name", ["m.gguf", "owner/m.gguf", "owner/repo/m.bin", "../../repo/m.gguf", "a/b/c/m.gguf"])
def test_what_names_no_file_of_the_hub_is_wrong_use(tmp_path: Path, name: str) -> None:
    """The right form is shown."""
    with pytest.raises(UsageError, match=r"write hf:OWNER/REPO/FILE\.gguf"):
        fetch(name, tmp_path)
