"""What is shown in a terminal: answers, documents, dates and progress, and no command that a document may hold."""

import json

import pytest

from index.types import DateInfo, Document, Passage, Progress
from rag.types import Answer, Citation, Hit
from ui import terminal

HOSTILE = "\x1b]0;owned\x07\x9b31m[red]ev\u202eil[/red]\r\n\x08"
SHOWN = "]0;owned31m[red]evil[/red]"


def hostile_answer() -> tuple[Answer, dict[str, Document]]:
    text = f"{HOSTILE} says nothing."
    document = Document("d1", HOSTILE, text, source=HOSTILE, url=f"https://example.org/{HOSTILE}")
    citation = Citation.of(document, 0, len(text), marker=1)
    hit = Hit(Passage("d1", 0, 0, len(text)), 0.5, text)
    return Answer("?", f"“{text}” [1]", "abstained", "no_evidence", citations=(citation,), hits=(hit,)), {
        "d1": document
    }


def test_nothing_in_a_document_reaches_the_terminal_as_a_command() -> None:
    answer, documents = hostile_answer()
    shown = "\n".join([*terminal.answer_lines(answer, documents), terminal.document_line(documents["d1"])])
    assert [c for c in shown if c != "\n" and not c.isprintable()] == []
    assert f"[1] {SHOWN}, {SHOWN}, date unknown" in shown
    assert f"https://example.org/{SHOWN}" in shown


def test_json_escapes_what_a_terminal_obeys_and_loses_nothing() -> None:
    said = terminal.json_line({"title": HOSTILE + "\udce9“é”"})
    assert said.isprintable()
    assert "“é”" in said
    assert json.loads(said) == {"title": HOSTILE + "\udce9“é”"}


def test_the_reason_of_an_abstention_is_told_in_words_when_the_answer_has_none() -> None:
    told = list(terminal.answer_lines(Answer("?", "", "abstained", "out_of_range"), {}))
    assert told == ["No document lies in the dates or sources that were asked for."]


@pytest.mark.parametrize(
    ("published", "words"),
    [
        (DateInfo("2025-05-02", "day", "stated"), "2 May 2025 (stated)"),
        (
            DateInfo("2025-05", "month", "inferred", "a week after Istanbul"),
            "May 2025 (inferred)",
        ),
        (DateInfo("2025", "year", "metadata"), "2025 (metadata)"),
        (DateInfo(), "date unknown"),
    ],
)
def test_a_date_is_shown_with_how_it_is_known(published: DateInfo, words: str) -> None:
    assert terminal.format_date(published) == words


def test_progress_that_is_no_terminal_is_a_line_now_and_then_and_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress() as show:
        for done in range(1, 1001):
            show(Progress(done, 1000, done * 2, 0.1, f"{done}.txt"))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "1/1000 documents, 2 passages  1.txt"
    assert said[-1] == "1000/1000 documents, 2000 passages  1000.txt"
    assert len(said) < 10
