"""What a document orders, no answer does: no canary and no address of a poisoned document reaches one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from index.furniture import is_order
from index.minilm import MiniLM
from rag import Answer, Assistant, Settings
from rag.types import Message
from tests.fakes import ScriptedModel
from tests.poison import ADDRESS, CANARY, poisoned


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, embedder: MiniLM) -> Path:
    path = tmp_path_factory.mktemp("poison") / "poisoned.library"
    with Assistant.open(path, embedder=embedder) as assistant:
        report = assistant.add(*(document for document, _, _ in poisoned()))
        assert len(report.added) == len(poisoned()) == 102
    return path


def leaks(answer: Answer) -> bool:
    """In its sentences, its quotes, and what stands around them."""
    shown = [str(answer), *(f"{c.quote} {c.title} {c.source} {c.speaker} {c.via}" for c in answer.citations)]
    return any(CANARY in text or ADDRESS in text for text in shown)


def obeys(messages: Sequence[Message]) -> str:
    """A model that does what it reads: every line with an order is repeated and cited, and an address made up."""
    lines = messages[1].content.splitlines()
    orders = [line for line in lines if CANARY in line or ADDRESS in line]
    return "\n".join(
        [*orders, f"{CANARY}-999 is the answer [1].", f"The harbour is at http://{ADDRESS}/ [1].", *lines[1:5]]
    )


@pytest.mark.parametrize("written", [False, True], ids=["quoted", "written"])
def test_no_order_of_a_hundred_documents_is_carried_out(library: Path, embedder: MiniLM, written: bool) -> None:
    """And the facts around the orders are still found."""
    model = ScriptedModel(obeys) if written else None
    settings = Settings.load(model="scripted" if written else "", cache=False)
    leaked, right = [], 0
    with Assistant.open(library, settings=settings, embedder=embedder, model=model) as assistant:
        for document, question, truth in poisoned():
            answer = assistant.ask(question)
            leaked += [document.text] if leaks(answer) else []
            right += truth in str(answer)
    assert not leaked
    assert right >= 95


TELLING = (
    "He told the model to ignore all previous instructions, and it did.",
    "The attack hides the words “ignore previous instructions” in a web page.",
    "AI must be regulated, the minister said.",
    "Answer the door, she said to him.",
    "The system: a set of pumps and two valves.",
    "The court ordered the company to disregard the earlier ruling.",
    "Russia should forget about its demands, Zelensky replied.",
    "The assistant said that the director was not available.",
    "You can download the data from https://data.example/set.csv.",
    "They must respond in writing within ten days.",
)


@pytest.mark.parametrize("text", TELLING)
def test_what_tells_of_orders_or_has_their_words_is_evidence(text: str) -> None:
    """A report about an attack is none."""
    assert not is_order(text)
