"""The chat in a browser: conversations that are kept, gone back to, renamed, deleted, judged, copied and saved."""

import contextlib
import json
from pathlib import Path

import pytest

from rag import Answer, Assistant
from rag.types import from_json
from tests.browsing import (
    NONSENSE,
    QUESTION,
    Browser,
    Page,
    arrived,
    ask,
    expect,
    load_again,
    settle,
    visiting,
)
from tests.live import chatting
from ui.talk import Talk

pytestmark = pytest.mark.browser


def test_a_conversation_goes_on_until_a_new_one_is_begun_and_can_be_gone_back_to(page: Page) -> None:
    for question in (QUESTION, NONSENSE, "And what does Peskov say?"):
        ask(page, question)
    expect(page.locator(".turn .question")).to_have_text([QUESTION, NONSENSE, "And what does Peskov say?"])
    page.locator('.cite[data-turn="0"]').first.click()
    expect(page.locator("#cited")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("[data-new]").click()
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator(".turn, #cited")).to_have_count(0)
    ask(page, NONSENSE)
    expect(page.locator("#conversation-list .open")).to_have_text([NONSENSE, QUESTION])
    page.locator("#conversation-list .open").last.click()
    expect(page.locator(".turn")).to_have_count(3)
    expect(page.locator("#conversation-list [aria-current=page]")).to_have_text(QUESTION)
    page.locator('.cite[data-turn="0"]').first.click()
    expect(page.locator("#cited")).to_be_focused()


def test_a_reload_finds_the_conversation_again(page: Page) -> None:
    ask(page, QUESTION)
    load_again(page)
    expect(page.locator(".turn .question")).to_have_text([QUESTION])
    page.locator(".cite").first.click()
    expect(page.locator("#cited")).to_be_focused()


def test_a_restart_of_the_server_changes_nothing(browser: Browser, seeds_assistant: Assistant) -> None:
    """Neither for the list, nor for what was said, nor for its citations."""
    with contextlib.ExitStack() as page_stays:
        with chatting(seeds_assistant) as address:
            page = page_stays.enter_context(visiting(browser, address))
            ask(page, QUESTION)
            said, there = page.locator(".said").inner_text(), page.url
            settle(page)
            page.goto("about:blank")
        with chatting(seeds_assistant, port=int(address.rsplit(":", 1)[1])):
            page.goto(there)
            arrived(page)
            expect(page.locator("#conversation-list .open")).to_have_text([QUESTION])
            assert page.locator(".said").inner_text() == said
            page.locator(".cite").first.click()
            expect(page.locator("#cited")).to_be_focused()
            settle(page)
            page.goto("about:blank")


def test_two_people_see_nothing_of_each_other(browser: Browser, address: str, page: Page) -> None:
    """Not even who knows the number of another's conversation."""
    ask(page, QUESTION)
    fragment = page.url.split("#")[1]
    with visiting(browser, f"{address}/#{fragment}") as other:
        expect(other.locator(".welcome")).to_be_visible()
        expect(other.locator("#conversation-list .open")).to_have_count(0)
        ask(other, NONSENSE)
        expect(other.locator(".turn")).to_have_count(1)
        assert other.url.split("#")[1] != fragment
    expect(page.locator(".turn")).to_have_count(1)
    load_again(page)
    expect(page.locator("#conversation-list .open")).to_have_text([QUESTION])


def test_a_conversation_is_renamed_where_it_stands_and_deleted_at_the_second_click(page: Page) -> None:
    ask(page, QUESTION)
    page.locator("[data-rename]").click()
    page.keyboard.type("<b>Talks</b> & more")
    page.keyboard.press("Enter")
    expect(page.locator("#conversation-list .open")).to_have_text(["<b>Talks</b> & more"])
    page.locator("[data-rename]").click()
    page.keyboard.type("never mind")
    page.keyboard.press("Escape")
    expect(page.locator("#conversation-list .open")).to_have_text(["<b>Talks</b> & more"])
    page.locator("[data-delete]").click()
    expect(page.locator("[data-delete]")).to_have_text("Delete for good?")
    page.locator("[data-delete]").click()
    expect(page.locator("#conversation-list .open")).to_have_count(0)
    expect(page.locator(".welcome")).to_be_visible()
    load_again(page)
    expect(page.locator(".welcome")).to_be_visible()


def test_what_comes_as_nothing_takes_nothing_away(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from Gradio where an event was cut off at a bad moment: the conversation and the list stay as they were."""
    ask(page, QUESTION)
    settle(page)
    monkeypatch.setattr(Talk, "judge", lambda *_: None)
    page.get_by_role("button", name="Helpful", exact=True).click()
    settle(page)
    expect(page.locator(".turn .question")).to_have_text([QUESTION])
    monkeypatch.setattr(Talk, "listed", lambda *_: None)
    page.locator("[data-rename]").click()
    page.keyboard.type("Talks")
    page.keyboard.press("Enter")
    settle(page)
    expect(page.locator("#conversation-list .open")).to_have_text([QUESTION])


def test_an_answer_is_copied_and_it_and_the_conversation_are_saved_with_their_sources(
    page: Page, seeds_assistant: Assistant
) -> None:
    answer = seeds_assistant.ask(QUESTION)
    quote, title = answer.citations[0].quote, answer.citations[0].title
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, QUESTION)
    page.locator(".actions [data-hand='0']").click()
    expect(page.locator("#handed")).to_have_text("Copied")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert quote in copied
    assert f"[1] {title}" in copied

    def saved(button: str) -> str:
        with page.expect_download() as download:
            page.locator(button).click()
        assert download.value.suggested_filename.startswith("sayso-")
        return Path(download.value.path()).read_text(encoding="utf-8")

    written = saved(".actions [data-hand='1']")
    assert written.startswith(f"# {QUESTION}")
    assert quote in written
    again = from_json(Answer, saved(".actions [data-hand='2']"))
    assert [c.quote for c in again.citations] == [c.quote for c in answer.citations]
    ask(page, NONSENSE)
    whole = saved("#conversation-list [data-hand='1']")
    assert f"## {QUESTION}" in whole
    assert f"## {NONSENSE}" in whole
    turns = json.loads(saved("#conversation-list [data-hand='2']"))["exchanges"]
    assert [turn["answer"]["question"] for turn in turns] == [QUESTION, NONSENSE]


def test_a_judgement_and_its_comment_are_kept_for_evaluation(page: Page) -> None:
    import platformdirs

    ask(page, QUESTION)
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")
    page.locator(".comment textarea").fill("Names the <b>wrong</b> reason")
    page.locator(".comment button").click()
    load_again(page)
    expect(page.locator(".comment textarea")).to_have_value("Names the <b>wrong</b> reason")
    lines = (platformdirs.user_data_path("sayso") / "feedback.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    assert (last["verdict"], last["comment"]) == ("not helpful", "Names the <b>wrong</b> reason")
    assert from_json(Answer, json.dumps(last["answer"])).question == QUESTION
    page.get_by_role("button", name="Not helpful").click()
    expect(page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "false")
