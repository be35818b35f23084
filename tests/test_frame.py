"""The page around the answers: foreign text stays text there too, and what is going on is said."""

import base64
from dataclasses import replace

import pytest

from rag.types import Filter
from tests.hostile import PAYLOADS
from tests.test_render import ODD, Page, answer, document
from ui import frame
from ui.answering import Working
from ui.conversations import Exchange, Summary
from ui.explain import explained

WHERE = Filter(sources=("The Paper",), since="2024")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_string_stays_text_wherever_it_stands(payload: str) -> None:
    made = replace(answer(document()), question=payload, asked_as=f"as {payload}", model=payload, as_of=payload)
    exchange = Exchange(made, Filter(sources=(payload,)), suggested=(payload,), verdict=-1, comment=payload)
    pages = (
        frame.log_html([exchange], {}, conversation=3, problem=payload),
        frame.log_html([], {}, [payload]),
        frame.working_html(payload, Working("writing", f"as {payload}", 3, payload), 1),
        frame.stopped_html(payload, 1),
        frame.writers_html([payload, ""], payload),
        frame.conversations_html([Summary(3, payload, "2025-01-01T00:00:00+00:00")], 3),
        frame.handed_html(payload, name=payload, said=payload, number=1),
    )
    for markup in pages:
        page = Page(markup).check()
        assert not ODD.search(markup)
        assert "{{" not in markup
        assert "${" not in markup
        assert "`" not in markup
        if not ODD.search(payload):
            assert payload in page.text


def test_what_is_handed_over_arrives_to_the_last_character() -> None:
    page = Page(frame.handed_html("<b>“é”\u202e\x00", name="a.md", said="Saved", number=1))
    ((_, attributes),) = page.tags
    assert base64.b64decode(attributes["data-text"]).decode() == "<b>“é”\u202e\x00"


@pytest.mark.parametrize(
    ("working", "words"),
    [
        (Working(), "Searching the documents"),
        (Working("reading", passages=8), "Reading 8 passages"),
        (Working("reading", passages=1), "Reading 1 passage"),
        (Working("writing", draft="It"), "Writing; nothing of this is checked yet"),
        (Working("writing"), "Writing"),
        (Working("checking", draft="It"), "Checking each sentence against its sources"),
    ],
)
def test_each_stage_has_its_words(working: Working, words: str) -> None:
    page = Page(frame.working_html("Who?", working, 1))
    assert words in page.text
    assert [a["class"] for tag, a in page.tags if tag == "li"].count("now") == 1


def test_a_question_is_shown_as_it_was_understood_only_where_that_differs() -> None:
    assert "Understood" not in frame.working_html("Who?", Working("reading", "Who?"), 1)
    assert "Understood as: Who spoke?" in Page(frame.working_html("Who?", Working("reading", "Who spoke?"), 1)).text


def test_of_a_long_conversation_the_last_turns_are_shown_under_their_own_numbers() -> None:
    """A number that the page sends names the same turn however long the conversation is."""
    exchanges = [Exchange(answer(document()))] * 53
    page = Page(frame.log_html(exchanges, {}, conversation=1)).check()
    turns = [a["data-turn"] for tag, a in page.tags if tag == "button" and a.get("class") == "cite"]
    assert (turns[0], turns[-1], len(turns)) == ("3", "52", 50)
    assert "The 3 turns before these are in the export" in page.text


def test_how_an_answer_was_made_is_told_in_words() -> None:
    made = replace(
        answer(document()),
        asked_as="Who spoke?",
        model="ollama/llama3.2",
        usage={"prompt_tokens": 1200, "completion_tokens": 80, "cost_usd": 0.00123, "evidence_left_out": 2},
        timings={"embed": 0.012, "read": 0.1, "choose": 0.0, "total": 0.1125},
        library_version=7,
    )
    assert explained(made, WHERE) == [
        ("Understood as", "Who spoke?"),
        ("Only from", "The Paper; since 2024"),
        ("Written by", "ollama/llama3.2"),
        ("Passages read", "1, scored 0.50"),
        ("Scores", "[1] 0.00"),
        ("Time", "112 ms in all: embed it 12 ms, read 100 ms"),
        ("Tokens", "1,200 read, 80 written; 2 sentences did not fit"),
        ("Cost", "$0.0012"),
        ("Library", "version 7"),
    ]


def test_what_is_not_known_of_an_answer_is_not_told() -> None:
    made = replace(answer(document()), hits=(), citations=(), usage={"prompt_tokens": 9}, timings={})
    told = dict(explained(made))
    assert told == {
        "Written by": "nobody: the sources' own words",
        "Passages read": "none",
        "Tokens": "9 read, 0 written",
        "Cost": "not known",
        "Library": "version 0",
    }
