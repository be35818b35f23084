"""The chat in a browser with a language model: its draft, what is kept of it, and stopping it."""

import re
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from rag import Assistant, Settings
from rag.types import Message
from tests.browsing import QUESTION, Browser, ask, expect, load_again, send, settle, violations, visiting
from tests.fakes import ScriptedModel
from tests.live import chatting

pytestmark = pytest.mark.browser

DRAFT = "<img src=x onerror=alert(1)> Bananas are blue and {{constructor.constructor('alert(1)')()}} [1]."


class Models:
    """What the assistant's one model does next."""

    name = "scripted"
    window = 4096

    def __init__(self) -> None:
        self.model = ScriptedModel(lambda messages: DRAFT)

    def count_tokens(self, text: str) -> int:
        return self.model.count_tokens(text)

    def write(self, messages: Sequence[Message], *, max_tokens: int, deadline: float):  # type: ignore[no-untyped-def]
        return self.model.write(messages, max_tokens=max_tokens, deadline=deadline)


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


@pytest.fixture(scope="module")
def address(seeds_assistant: Assistant, models: Models) -> Iterator[str]:
    settings = Settings.load(model="scripted", cache=False)
    with (
        Assistant.open(
            seeds_assistant.path, settings=settings, model=models, embedder=seeds_assistant._parts.embedder()
        ) as assistant,
        chatting(assistant) as url,
    ):
        yield url


def test_a_draft_is_seen_as_it_grows_and_goes_when_it_does_not_hold(
    browser: Browser, models: Models, address: str
) -> None:
    """What a model writes is shown as text, called unchecked, and replaced by what the quotes carry."""
    seen = threading.Event()
    models.model = ScriptedModel(lambda messages: DRAFT, held=seen)
    with visiting(browser, address) as page:
        send(page, QUESTION)
        draft = page.locator(".draft")
        expect(draft).to_contain_text("Bananas are")
        expect(draft).to_contain_text("<img src=x onerror=alert(1)>")
        expect(page.locator(".searching")).to_contain_text("nothing of this is checked yet")
        expect(page.locator(".stages .now")).to_have_text("Writing")
        page.locator("#ask textarea").press_sequentially("And then")
        asked = page.locator("#live .question").bounding_box()
        seen.set()
        expect(page.locator(".answer")).to_be_visible()
        assert page.locator("#log .question").bounding_box() == asked  # nothing has moved
        expect(draft).to_have_count(0)
        expect(page.locator("#log")).not_to_contain_text("Bananas")
        expect(page.locator(".badge")).to_contain_text("quotes")
        expect(page.locator("#ask textarea")).to_have_value("And then")  # typed while the answer came


def test_what_holds_of_a_draft_is_a_partial_answer_with_its_sources(
    browser: Browser, models: Models, address: str
) -> None:
    models.model = ScriptedModel(
        lambda messages: "Putin wants negotiations about a ceasefire [1]. Bananas are blue [1]."
    )
    with visiting(browser, address) as page:
        ask(page, QUESTION)
        expect(page.locator('.answer[data-status="partial"] .badge')).to_contain_text("Partly answered")
        expect(page.locator(".claim")).to_contain_text(["Putin wants negotiations about a ceasefire"])
        expect(page.locator("#log .said")).not_to_contain_text("Bananas")
        page.locator(".how summary").click()
        expect(page.locator(".how")).to_contain_text("100 read")


def test_stop_ends_the_models_work_and_puts_the_question_back(browser: Browser, models: Models, address: str) -> None:
    models.model = slow = ScriptedModel(lambda messages: "word " * 1200, pause_s=0.05)
    with visiting(browser, address) as page:
        send(page, QUESTION)
        expect(page.locator(".draft")).to_contain_text("word")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".stopped")).to_have_text("Stopped. The question is in the box again.")
        expect(page.locator("#ask textarea")).to_have_value(QUESTION)
        for _ in range(200):
            if slow.closed:
                break
            time.sleep(0.05)
        assert slow.closed
        expect(page.get_by_role("button", name="Ask")).to_be_visible()
        expect(page.locator(".draft, .searching, .answer")).to_have_count(0)
        models.model = ScriptedModel(lambda messages: "Putin wants negotiations about a ceasefire [1].")
        ask(page, QUESTION)  # and all goes on as if nothing had been
        expect(page.locator(".turn .question")).to_have_text([QUESTION])
        expect(page.locator(".stopped")).to_have_count(0)


def test_a_model_that_says_nothing_is_not_waited_for(browser: Browser, models: Models, address: str) -> None:
    """Stop is heard at once while the model is silent."""
    silent = threading.Event()

    def hang(messages: Sequence[Message]) -> str:
        silent.wait(60)
        return "late"

    models.model = ScriptedModel(hang)
    with visiting(browser, address) as page:
        send(page, QUESTION)
        expect(page.locator(".searching")).to_contain_text("Reading")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".stopped")).to_be_visible()
        silent.set()
        models.model = ScriptedModel(lambda messages: "Putin wants negotiations about a ceasefire [1].")
        ask(page, QUESTION)
        expect(page.locator(".answer")).to_have_count(1)


def test_who_writes_can_be_chosen_and_a_question_asked_again(browser: Browser, models: Models, address: str) -> None:
    """Each answer keeps who wrote it; the second is given in the light of what came before the first."""
    models.model = ScriptedModel(lambda messages: "Putin wants negotiations about a ceasefire [1].")
    with visiting(browser, address) as page:
        writers = page.get_by_label("Answers")
        expect(writers.locator("option")).to_have_text(["written by scripted", "quoted"])
        writers.select_option("quoted")
        ask(page, QUESTION)
        expect(page.locator(".claim").first).to_have_attribute("data-support", "quoted")
        writers.select_option("written by scripted")
        page.get_by_role("button", name="Ask again").click()
        expect(page.locator(".turn .question")).to_have_text([QUESTION, QUESTION])
        written = page.locator(".answer").nth(1)
        expect(written.locator(".claim")).to_have_text([re.compile("Putin wants negotiations about a ceasefire")])
        written.locator(".how summary").click()
        expect(written.locator(".how")).to_contain_text("Written byscripted")
        assert violations(page) == []
        load_again(page)
        expect(page.locator(".answer")).to_have_count(2)


def test_a_question_sent_just_as_another_event_ends_is_answered(browser: Browser, models: Models, address: str) -> None:
    """What ui/streams.py is for: without it most of these are never answered."""
    with visiting(browser, address) as page:
        writers = page.get_by_label("Answers")
        expect(writers.locator("option")).to_have_count(2)
        for turn in range(1, 5):
            settle(page)
            page.locator("#ask textarea").fill(QUESTION)
            writers.select_option("quoted")
            page.wait_for_timeout(5)
            page.locator("#ask textarea").press("Enter")
            expect(page.locator(".answer")).to_have_count(turn)
