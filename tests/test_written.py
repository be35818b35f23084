"""An answer in a model's prose: what stands is what the evidence carries, and without a model there are quotes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from index.errors import ModelError
from index.minilm import MiniLM
from rag import Answer, Assistant, Settings
from rag.assistant import seeds_folder
from rag.types import Done, Event, Message, Token, Turn, Verified
from tests.fakes import ScriptedModel

QUESTION = "Who met Naryshkin?"
TRUE = "According to Russian news sources, C.I.A. director John Ratcliffe met with Sergei Naryshkin on Tuesday"
FALSE = "According to Russian news sources, C.I.A. director John Ratcliffe met with Sergei Naryshkin on Friday"
UNATTRIBUTED = "C.I.A. director John Ratcliffe met with Sergei Naryshkin on Tuesday"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, embedder: MiniLM) -> Path:
    path = tmp_path_factory.mktemp("written") / "seeds.library"
    with Assistant.open(path, embedder=embedder) as assistant:
        assistant.add(seeds_folder())
    return path


def marker_of(messages: Sequence[Message], words: str) -> str:
    """The number that the prompt gives the sentence with these words."""
    line = next(line for line in messages[1].content.splitlines() if words in line)
    return line.partition("]")[0] + "]"


def ask(library: Path, embedder: MiniLM, *drafts: str | ModelError, question: str = QUESTION) -> Answer:
    """drafts: what the model writes, "@" standing for the number of the sentence about Ratcliffe."""

    def filled(messages: Sequence[Message]) -> str:
        draft = drafts[0]
        if isinstance(draft, ModelError):
            raise draft
        return draft.replace("@", marker_of(messages, "Ratcliffe"))

    settings = Settings.load(model="scripted", cache=False)
    with Assistant.open(library, settings=settings, embedder=embedder, model=ScriptedModel(filled)) as assistant:
        return assistant.ask(question)


def test_prose_that_the_evidence_carries_is_the_answer(library: Path, embedder: MiniLM) -> None:
    """With the exact quote behind its number, and what the model used."""
    answer = ask(library, embedder, f"{TRUE} @.")
    assert (answer.status, answer.reason, answer.model) == ("answered", "", "scripted")
    assert answer.text == f"{TRUE}. [1]"
    (claim,) = answer.claims
    assert (claim.support, claim.markers) == ("supported", (1,))
    assert "Ratcliffe met with Sergei Naryshkin" in answer.citations[0].quote
    assert answer.usage["completion_tokens"] > 0


def test_a_sentence_that_is_not_carried_is_dropped(library: Path, embedder: MiniLM) -> None:
    """And the answer is called partial."""
    answer = ask(library, embedder, f"{TRUE} @. {FALSE} @.")
    assert (answer.status, answer.text) == ("partial", f"{TRUE}. [1]")


def test_a_wrong_number_is_mended_where_another_sentence_carries_it(library: Path, embedder: MiniLM) -> None:
    """So is one that is missing; the claim says so."""
    for draft in (f"{TRUE}.", f"{TRUE} [11]."):
        answer = ask(library, embedder, draft)
        assert answer.status == "answered"
        assert "Ratcliffe" in answer.citations[0].quote
        assert "the draft cited" in answer.claims[0].why


@pytest.mark.parametrize("draft", [f"{FALSE} @.", f"{UNATTRIBUTED} @.", "Bananas are blue @.", "", '{"a": 1}'])
def test_nothing_that_is_not_carried_reaches_the_answer(library: Path, embedder: MiniLM, draft: str) -> None:
    """Quotes instead, and the reason."""
    answer = ask(library, embedder, draft)
    assert (answer.status, answer.reason, answer.model) == ("answered", "unsupported", "")
    assert {claim.support for claim in answer.claims} == {"quoted"}


def test_where_the_model_finds_nothing_the_nearest_sentences_are_no_full_answer(
    library: Path, embedder: MiniLM
) -> None:
    """The reader found them probable, the model did not: both are said."""
    answer = ask(library, embedder, "NOT IN THE SOURCES")
    assert (answer.status, answer.reason, answer.model) == ("partial", "silent", "")
    assert answer.claims[0].support == "quoted"


@pytest.mark.parametrize(
    ("question", "kept"), [(f"Who is it of whom {TRUE}?", False), (f"Is it so that {TRUE}?", True)]
)
def test_what_only_repeats_the_question_is_no_answer(
    library: Path, embedder: MiniLM, question: str, kept: bool
) -> None:
    """Except to a question that is answered with yes or no: the same sentence, carried by its quote, both times."""
    answer = ask(library, embedder, f"{TRUE} @.", question=question)
    assert answer.citations
    assert bool(answer.model) == kept


@pytest.mark.parametrize("reason", ["timeout", "refused", "unavailable", "cut_off"])
def test_a_model_that_fails_leaves_quotes_that_say_why(library: Path, embedder: MiniLM, reason: str) -> None:
    """Never an exception for a model's sake."""
    answer = ask(library, embedder, ModelError("no", reason=reason))  # type: ignore[arg-type]
    assert (answer.status, answer.reason) == ("answered", reason)
    assert answer.claims[0].support == "quoted"


def test_the_stream_is_provisional_until_it_is_verified(library: Path, embedder: MiniLM) -> None:
    """The draft comes as it is written, the false sentence too; what is verified and done holds the true one alone."""
    model = ScriptedModel(lambda messages: f"{TRUE} {marker_of(messages, 'Ratcliffe')}. Bananas are blue [1].")
    settings = Settings.load(model="scripted", cache=False)
    with Assistant.open(library, settings=settings, embedder=embedder, model=model) as assistant:
        events: list[Event] = list(assistant.stream(QUESTION))
    assert "Bananas" in "".join(e.text for e in events if isinstance(e, Token))
    (verified,) = (e for e in events if isinstance(e, Verified))
    assert [claim.text for claim in verified.claims] == [f"{TRUE}."]
    assert isinstance(events[-1], Done)


def test_closing_the_stream_ends_the_models_work(library: Path, embedder: MiniLM) -> None:
    """As when somebody presses stop."""
    model = ScriptedModel(lambda _: "word " * 1000)
    settings = Settings.load(model="scripted", cache=False)
    with Assistant.open(library, settings=settings, embedder=embedder, model=model) as assistant:
        stream = assistant.stream(QUESTION)
        while not isinstance(next(stream), Token):
            pass
        stream.close()  # type: ignore[attr-defined]
    assert model.closed


def test_a_written_answer_is_kept_for_the_same_question(
    library: Path, embedder: MiniLM, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Until the library, the filter or a setting changes."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path)
    model = ScriptedModel(lambda messages: f"{TRUE} {marker_of(messages, 'Ratcliffe')}.")
    with Assistant.open(library, settings=Settings.load(model="scripted"), embedder=embedder, model=model) as assistant:
        first, second = assistant.ask(QUESTION), assistant.ask(QUESTION)
        assert (first.text, first.claims, first.citations) == (second.text, second.claims, second.citations)
        assert model.asked == 1
        assistant.ask(QUESTION, as_of="2025-12")
        assert model.asked == 2


def follow_up(library: Path, embedder: MiniLM, script: Callable[[Sequence[Message]], str]) -> Answer:
    settings = Settings.load(model="scripted", cache=False)
    with Assistant.open(library, settings=settings, embedder=embedder, model=ScriptedModel(script)) as assistant:
        return assistant.ask("And when did they meet?", history=[Turn(QUESTION, "John Ratcliffe did.")])


def test_a_follow_up_is_asked_in_the_models_words(library: Path, embedder: MiniLM) -> None:
    """Where they say nothing new; what the rewriting used is counted."""

    def script(messages: Sequence[Message]) -> str:
        if "In full:" in messages[-1].content:
            return "When did Ratcliffe and Naryshkin meet?"
        return f"{TRUE} {marker_of(messages, 'Ratcliffe')}."

    answer = follow_up(library, embedder, script)
    assert answer.asked_as == "When did Ratcliffe and Naryshkin meet?"
    assert answer.text == f"{TRUE}. [1]"
    assert answer.usage["prompt_tokens"] == 200


def test_a_follow_up_is_put_in_full_by_rule_where_the_model_fails(library: Path, embedder: MiniLM) -> None:
    """Or invents: the conversation names no Lavrov."""

    def fails(messages: Sequence[Message]) -> str:
        raise ModelError("no", reason="unavailable")

    for script in (fails, lambda messages: "When did Lavrov meet Naryshkin?"):
        answer = follow_up(library, embedder, script)
        assert answer.asked_as == f"{QUESTION} And when did they meet?"
        assert answer.claims[0].support == "quoted"


def test_one_library_is_asked_of_several_models(library: Path, embedder: MiniLM) -> None:
    """One that cannot be loaded leaves quotes, and says so; who has been opened stays as it was."""
    settings = Settings.load(model="scripted", cache=False)
    model = ScriptedModel(lambda messages: TRUE + " " + marker_of(messages, "Ratcliffe") + ".")
    with Assistant.open(library, settings=settings, embedder=embedder, model=model) as assistant:
        assert assistant.writing_with("scripted") is assistant
        quoted = assistant.writing_with("").ask(QUESTION)
        assert (quoted.model, quoted.reason, quoted.claims[0].support) == ("", "", "quoted")
        missing = assistant.writing_with("gguf:/nowhere.gguf").ask(QUESTION)
        assert (missing.status, missing.model) == ("answered", "")
        assert missing.reason
        assert assistant.ask(QUESTION).model == "scripted"
