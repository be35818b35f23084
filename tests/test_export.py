"""What is exported says where everything comes from, and foreign text in it stays text."""

import json
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from rag.types import Answer, Filter, from_json
from tests.hostile import BAD_URLS, PAYLOADS
from tests.test_render import ODD, answer, document
from ui import export
from ui.conversations import Exchange

WHERE = Filter(since="2024")


def test_an_answer_in_markdown_has_its_sources_with_who_when_and_where() -> None:
    made = replace(answer(document(pages=(0, 10))), timings={"total": 0.1, "read": 0.1}, library_version=2)
    assert export.answer_markdown(Exchange(made, WHERE)) == (
        "# Who?\n\n"
        "The Paper, May 2024: “The cited sentence stands here.” [1]\n\n"
        "Status: answered\n\n"
        "Only from: since 2024\n\n"
        "### Sources\n\n"
        "1. **A title**, The Paper, May 2024 (inferred: the summit in June is weeks away), page 2, speaker: A Speaker, "
        "via The Wire, <https://example.org/a>\n\n"
        "   > The cited sentence stands here.\n\n"
        "### How it was answered\n\n"
        "- Only from: since 2024\n"
        "- Written by: nobody: the sources' own words\n"
        "- Passages read: 1, scored 0.50\n"
        "- Scores: \\[1\\] 0.00\n"
        "- Time: 100 ms in all: read 100 ms\n"
        "- Library: version 2\n"
    )


def test_an_abstention_says_its_reason() -> None:
    made = replace(answer(document()), status="abstained", reason="no_evidence", citations=(), claims=())
    assert "Status: abstained (no evidence)" in export.answer_markdown(Exchange(made))


@pytest.mark.parametrize("payload", [p for p in PAYLOADS if not ODD.search(p)])
def test_no_mark_in_foreign_text_means_anything_in_markdown(payload: str) -> None:
    doc = document(title=payload, source=payload, text=f"{payload} The cited sentence. Last {payload}", url=payload)
    made = replace(answer(document()), question=payload, text=f"{payload} [1]")
    citation = replace(made.citations[0], title=payload, source=payload, url=payload, quote=doc.text, speaker=payload)
    written = export.conversation_markdown(payload, [Exchange(replace(made, citations=(citation,)))])
    tokens = MarkdownIt("commonmark").parse(written)
    kinds = {child.type for token in tokens for child in (token, *(token.children or ()))}
    assert not kinds & {"html_block", "html_inline", "image", "link_open", "fence", "code_block", "code_inline", "hr"}
    text = [child.content for token in tokens for child in token.children or () if child.content]
    shown = "".join(text)
    assert shown.count(" ".join(payload.split())) >= 5


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_address_that_is_no_web_page_is_left_out(url: str) -> None:
    made = answer(document())
    written = export.answer_markdown(Exchange(replace(made, citations=(replace(made.citations[0], url=url),))))
    assert "<" not in written


def test_json_is_the_answer_and_the_whole_conversation() -> None:
    made = answer(document())
    assert from_json(Answer, export.answer_json(Exchange(made))) == made
    whole = json.loads(export.conversation_json("Talks", [Exchange(made, WHERE, verdict=1)]))
    assert whole["title"] == "Talks"
    assert from_json(Exchange, json.dumps(whole["exchanges"][0])) == Exchange(made, WHERE, verdict=1)


def test_what_is_copied_is_the_answer_and_where_its_numbers_lead() -> None:
    assert export.answer_text(answer(document())) == (
        "The Paper, May 2024: “The cited sentence stands here.” [1]\n\n"
        "[1] A title, The Paper, May 2024 (inferred: the summit in June is weeks away), speaker: A Speaker, "
        "via The Wire, https://example.org/a"
    )
