"""A question that names the source it asks is for that source alone; one that only speaks of it is for all."""

from pathlib import Path

import pytest

from index.minilm import MiniLM
from index.types import Document
from rag import Assistant
from rag.sources import source_asked

SOURCES = ("Lumen Gazette", "The Harbour Post")


@pytest.mark.parametrize(
    ("question", "source", "plain"),
    [
        ("According to the Harbour Post, who closed the pier?", "The Harbour Post", "who closed the pier?"),
        ("Who closed the pier, according to the Harbour Post?", "The Harbour Post", "Who closed the pier?"),
        ("who closed the pier going by the harbour post's report", "The Harbour Post", "who closed the pier"),
        ("What does the Lumen Gazette say about it?", "Lumen Gazette", ""),
        ("When was the Lumen Gazette article written?", "Lumen Gazette", ""),
        ("In the Harbour Post’s story, who spoke?", "The Harbour Post", ""),
        ("why does the harbour post guy think so", "The Harbour Post", ""),
        ("According to the Harbour Post?", "The Harbour Post", ""),
        ("Who told the Harbour Post about it?", "", ""),
        ("Do Ada Quill and the Harbour Post speaker agree?", "", ""),
        ("What do the Harbour Post and the Lumen Gazette say?", "", ""),
        ("Does the Harbour Posture report matter?", "", ""),
    ],
)
def test_the_source_that_a_question_asks(question: str, source: str, plain: str) -> None:
    """plain: the question without "according to" it, "" where nothing is taken away."""
    assert source_asked(question, SOURCES) == (source, plain or question)


def test_the_longer_name_is_meant() -> None:
    names = ["Harbour Post", "The Old Harbour Post"]
    assert source_asked("What does the Old Harbour Post say?", names)[0] == "The Old Harbour Post"


@pytest.mark.parametrize(
    "question",
    [
        "What does the Old Harbour Post say?",
        "According to Harbour Post Radio, who closed the pier?",
        "Why does BBC Science say so?",
    ],
)
def test_a_longer_name_is_another(question: str) -> None:
    assert source_asked(question, ["Harbour Post", "Science"])[0] == ""


@pytest.mark.parametrize(
    "question",
    [
        "Does Harbour Post say so?",
        "According to The Harbour Post, who left?",
        "Does the Harbour Post report that Quill left?",
    ],
)
def test_a_capital_that_begins_the_question_or_is_an_article_makes_no_longer_name(question: str) -> None:
    assert source_asked(question, ["Harbour Post"])[0] == "Harbour Post"


@pytest.mark.parametrize("source", ["News (+)", "(a+)+$", "[Post]"])
def test_a_name_with_signs_is_spelled_as_it_is(source: str) -> None:
    assert source_asked(f"What does {source} say?", [source])[0] == source


def test_a_name_that_is_a_word_is_meant_when_it_is_written_as_one() -> None:
    assert source_asked("What does Science say about it?", ["Science"])[0] == "Science"
    assert source_asked("What does science say about it?", ["Science"])[0] == ""


def test_what_another_source_says_is_not_put_into_its_mouth(tmp_path: Path, embedder: MiniLM) -> None:
    said = "The pier was closed by {} on Monday after the storm had broken its northern wall."
    with Assistant.open(tmp_path / "a.library", embedder=embedder) as assistant:
        assistant.add(
            Document("", "Pier", said.format("Ada Quill"), source="Harbour Post"),
            Document("", "Pier", said.format("Tomas Reve"), source="Lumen Gazette"),
        )
        for source, name in (("Harbour Post", "Ada Quill"), ("Lumen Gazette", "Tomas Reve")):
            answer = assistant.ask(f"According to the {source}, who closed the pier?")
            assert {c.source for c in answer.citations} == {source}
            assert name in answer.text
