"""Somebody's words: only theirs are an answer, on the topic that is asked for, and whatever a reader makes of them."""

from collections.abc import Iterator

import pytest

from index.minilm import MiniLM
from index.types import Document
from rag import Assistant

TEXT = """\
The council has not decided yet. The harbour office is "carefully studying" the plan for the pier, according to Ada \
Quill, its spokeswoman. She suggested that the council and the builders could meet again.

Tomas Reve, a pensioner from Sarn, claims that the pier has never been safe. The mill opened in 1931.

Reve told the Post about the ferry:

“The ferry is as old as I am.”
"""
QUILL = 'The harbour office is "carefully studying" the plan for the pier, according to Ada Quill, its spokeswoman.'
MEET = "She suggested that the council and the builders could meet again."
FERRY = "“The ferry is as old as I am.”"
REVE = "Tomas Reve, a pensioner from Sarn, claims that the pier has never been safe."


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, embedder: MiniLM) -> Iterator[Assistant]:
    with Assistant.open(tmp_path_factory.mktemp("words") / "a.library", embedder=embedder) as opened:
        opened.add(
            Document("", "Pier", TEXT, source="Harbour Post"),
            Document("", "Harvest", "Anna Brand said that the choir would sing on Sunday.", source="Harbour Post"),
            Document("", "Bread", "Bread was dear that spring.", source="Lumen Gazette"),
        )
        yield opened


@pytest.mark.parametrize(
    ("question", "quotes"),
    [
        ("What did Quill say?", [QUILL, MEET]),
        ("What did Ada Quill say about the pier?", [QUILL, MEET]),
        ("what did quill say about a meeting", [MEET, QUILL]),
        ("What is the exact wording of Quill's statement?", [QUILL, MEET]),
        ("What were Ada Quill's own words about the pier?", [QUILL, MEET]),
        ("What are the comments of Ada Quill on the pier?", [QUILL, MEET]),
        ("What did Reve claim about the pier?", [REVE, FERRY]),
        ("What is Reve's view of the pier?", [REVE, FERRY]),
        ("What did Reve say about the ferry?", [FERRY]),
        ("What did Quill say about the price of bread?", []),
        ("What is Quill's position on the mill's opening hours?", []),
        ("What did Lind say about the pier?", []),
        ("What did Brand say?", ["Anna Brand said that the choir would sing on Sunday."]),
        ("What did Brand say about the harvest?", []),  # only her article's title does
    ],
)
def test_whose_words_they_are_and_on_what_decides(assistant: Assistant, question: str, quotes: list[str]) -> None:
    """quotes: what comes first, and what may stand behind it; "Reve told the Post about the ferry:" is never quoted."""
    found = [citation.quote for citation in assistant.ask(question).citations]
    assert found[:1] == quotes[:1]
    assert set(found) <= set(quotes)


def test_who_somebody_is_is_told_by_what_stands_behind_the_name(assistant: Assistant) -> None:
    for question, quote in (("Who is Quill?", QUILL), ("Who is Tomas Reve?", REVE)):
        assert assistant.ask(question).citations[0].quote == quote
    assert assistant.ask("Who is Anna Lind?").status == "abstained"
