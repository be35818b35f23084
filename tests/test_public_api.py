"""The face that scripts are written against: names, signatures, fields, and that an Answer is always an Answer."""

import asyncio
import dataclasses
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from index.errors import (
    DocumentError,
    LibraryBusy,
    LibraryEmpty,
    LibraryError,
    LibraryNotFound,
    LibraryReadOnly,
    ModelError,
    QuestionError,
    SpecMismatch,
    UsageError,
)
from index.minilm import MiniLM
from index.types import DateInfo, Passage
from rag import Answer, Assistant, Citation, Filter, SaysoError, Turn, ask
from rag.types import Claim, Done, Hit, from_json, to_dict, to_json

DOCUMENTS = {
    "ferry.txt": "By Ann Lee, 20 May 2024\n\nThe ferry to Bergen left at dawn. The crew of nine had slept ashore.\n",
    "mill.txt": "By Bob Ray, 3 June 2023\n\nThe old mill burnt down after lightning struck its roof.\n",
}


def signature(function: Callable[..., Any]) -> str:
    """Names, kinds and defaults, without the types."""
    found = inspect.signature(function)
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    return str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


QUESTION = "(self, question, *, history=(), where=None, as_of=None)"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (ask, "(question, *, docs=None, history=(), where=None, as_of=None)"),
        (Assistant.ask, QUESTION),
        (Assistant.aask, QUESTION),
        (Assistant.stream, QUESTION),
        (Assistant.search, "(self, query, *, k=10, where=None)"),
        (Assistant.add, "(self, *sources, prune=False, progress=None)"),
        (Assistant.remove, "(self, *doc_ids)"),
        (Assistant.documents, "(self, where=None)"),
        (Assistant.document, "(self, doc_id)"),
        (Assistant.check, "(self)"),
        (Assistant.close, "(self)"),
        (Assistant.open, "(library=None, *, settings=None, embedder=None, reader=None, model=None)"),
        (Filter, "(doc_ids=(), sources=(), since='', until='')"),
        (Turn, "(question, answer='')"),
    ],
)
def test_a_call_that_was_written_once_goes_on_working(function: Callable[..., Any], expected: str) -> None:
    """What is optional stays optional, and what must be named stays named."""
    assert signature(function) == expected


def test_an_answers_fields_are_those_promised() -> None:
    """In the order in which they are written as JSON."""
    assert [field.name for field in dataclasses.fields(Answer)] == [
        *("question", "text", "status", "reason", "claims", "citations", "hits", "probability", "asked_as", "as_of"),
        *("model", "usage", "timings", "settings_hash", "library_version"),
    ]
    assert [field.name for field in dataclasses.fields(Citation)] == [
        *("marker", "doc_id", "title", "source", "url", "published", "start", "end", "quote", "page", "speaker"),
        *("via", "score", "page_unit"),
    ]


WHOLE = Answer(
    question="When did “it” leave?\n",
    text="Daily, 20 May 2024: “At dawn.” [1]",
    status="answered",
    reason="",
    claims=(Claim("Daily, 20 May 2024: “At dawn.”", (1,), "quoted", "the words stand in the source"),),
    citations=(
        Citation(
            *(
                1,
                "d1",
                "Ferry",
                "Daily",
                "https://a.example/?x=1&y=<2>",
                DateInfo("2024-05", "month", "inferred", "why"),
            ),
            *(4, 12, "At dawn.", 2, "Ann Lee", "The Daily", 0.75),
        ),
        Citation(2, "d2", "Mill", "", "", DateInfo(), 0, 3, "🙂é\u2028"),
    ),
    hits=(Hit(Passage("d1", 0, 0, 12), 1.5, "It left. At dawn."),),
    asked_as="When did the ferry leave?",
    as_of="2025",
    model="m",
    usage={"tokens": 3.0},
    timings={"total": 0.25},
    settings_hash="abc",
    library_version=7,
)


def test_an_answer_goes_to_json_and_back_without_loss() -> None:
    """Every field filled; tuples are tuples again, and the quote is the same to the character."""
    assert from_json(Answer, to_json(WHOLE)) == WHOLE
    assert from_json(Answer, to_json(WHOLE, indent=2).encode()) == WHOLE
    assert to_dict(WHOLE)["citations"][1]["page"] is None


def test_foreign_json_is_not_taken_for_an_answer() -> None:
    """A status that does not exist, a missing text."""
    with pytest.raises(ValidationError, match="status"):
        from_json(Answer, '{"question": "q", "text": "t", "status": "sure"}')
    with pytest.raises(ValidationError, match="text"):
        from_json(Answer, '{"question": "q", "status": "answered"}')


def test_an_answer_prints_as_its_text() -> None:
    """With its markers."""
    assert str(WHOLE) == "Daily, 20 May 2024: “At dawn.” [1]"


def test_one_except_catches_every_error_of_ours() -> None:
    """And the exit status says whether the call itself was wrong."""
    ours = (DocumentError, LibraryBusy, LibraryEmpty, LibraryNotFound, LibraryReadOnly, SpecMismatch, ModelError)
    assert all(issubclass(kind, SaysoError) and kind.exit_status == 1 for kind in ours)
    assert issubclass(QuestionError, UsageError)
    assert UsageError.exit_status == QuestionError.exit_status == 2
    assert all(issubclass(kind, LibraryError) for kind in (LibraryBusy, LibraryEmpty, SpecMismatch))
    assert ModelError("down", retryable=True).retryable
    assert not ModelError("gone").retryable


# -- asked for real -----------------------------------------------------------------------------------------------


def written(folder: Path) -> Path:
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, embedder: MiniLM) -> Iterator[Assistant]:
    home = tmp_path_factory.mktemp("api")
    with Assistant.open(home / "a.library", embedder=embedder) as opened:
        opened.add(written(home / "docs"))
        yield opened


@pytest.mark.parametrize(
    "question",
    [
        "When did the ferry to Bergen leave?",
        "What is the boiling point of lead?",
        "Compare what the sources say over time",
        "?",
        "ferry OR NEAR(mill) AND \"quote' -- ; DROP TABLE documents",
        "Где мельница?",
        "🙂",
        "why " * 500,
        "\x00\u202e",
    ],
)
def test_whatever_is_asked_the_answer_is_an_answer(assistant: Assistant, question: str) -> None:
    """Answered or abstained, with its quotes standing in their documents and its JSON reading back."""
    answer = assistant.ask(question)
    assert isinstance(answer, Answer)
    assert answer.question == question
    assert answer.status in ("answered", "abstained")
    assert bool(answer.citations) == (answer.status == "answered")
    assert bool(answer.reason) == (answer.status == "abstained")
    assert all(c.stands_in(assistant.document(c.doc_id)) for c in answer.citations)
    assert from_json(Answer, to_json(answer)) == answer


def test_every_way_of_asking_gives_the_same_answer(assistant: Assistant) -> None:
    """`ask`, `aask` and the end of `stream` differ in nothing but the time they took."""
    question = "When did the ferry to Bergen leave?"
    events = list(assistant.stream(question))
    assert isinstance(events[-1], Done)
    answers = [assistant.ask(question), asyncio.run(assistant.aask(question)), events[-1].answer]
    timeless = [dataclasses.replace(answer, timings={}) for answer in answers]
    assert timeless[0] == timeless[1] == timeless[2]
    assert answers[0].citations[0].quote == "The ferry to Bergen left at dawn."


@pytest.mark.parametrize("question", ["", " \n\t", "x" * 20_000])
def test_no_question_is_refused_before_anything_is_loaded(tmp_path: Path, question: str) -> None:
    """By ask, search and stream alike, in one line, also where the library is empty."""
    with Assistant.open(tmp_path / "a.library") as empty:
        for call in (empty.ask, empty.search, lambda q: list(empty.stream(q))):
            with pytest.raises(QuestionError, match=r"^the question [^\n]+$"):
                call(question)


def test_an_empty_library_is_an_error_with_the_fix(tmp_path: Path) -> None:
    """Not an abstention: there was nothing to look in."""
    with (
        Assistant.open(tmp_path / "a.library") as empty,
        pytest.raises(LibraryEmpty, match="add some with: sayso add PATH"),
    ):
        empty.ask("When?")


def test_a_folder_is_asked_in_one_call_and_brought_in_step_at_the_next(tmp_path: Path) -> None:
    """A file that was edited answers anew; one that was deleted is quoted no more; other folders are not mixed in."""
    docs = written(tmp_path / "docs")
    answer = ask("When did the ferry to Bergen leave?", docs=docs)
    assert answer.citations[0].quote == "The ferry to Bergen left at dawn."
    assert answer.citations[0].published == DateInfo("2024-05-20", "day", "stated")

    (docs / "ferry.txt").write_text("By Ann Lee, 21 May 2024\n\nThe ferry to Bergen left at noon.\n")
    assert (
        ask("When did the ferry to Bergen leave?", docs=docs).citations[0].quote == "The ferry to Bergen left at noon."
    )

    (docs / "ferry.txt").unlink()
    after = ask("When did the ferry to Bergen leave?", docs=str(docs))
    assert not any("ferry" in c.quote for c in after.citations)
    assert not any("ferry" in hit.text for hit in after.hits)
    assert after.hits[0].text.endswith("The old mill burnt down after lightning struck its roof.")


def test_a_path_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(UsageError, match=r"nowhere.*check the spelling"):
        ask("When?", docs=tmp_path / "nowhere")


def test_a_folder_of_nothing_readable_is_said(tmp_path: Path) -> None:
    """With the first reason."""
    (tmp_path / "a.txt").write_bytes(b"\x00")
    with pytest.raises(UsageError, match="this is a binary file, not text"):
        ask("When?", docs=tmp_path)
