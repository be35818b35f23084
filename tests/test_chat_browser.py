"""The chat in Debian's Chromium: what a person sees and does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from index.types import DateInfo, Document
from rag import Assistant, Settings
from tests.hostile import PAYLOADS
from tests.live import running
from tests.openai_server import says, serving
from ui import chat

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip(f"{CHROMIUM} is missing (apt install chromium)", allow_module_level=True)

from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright  # noqa: E402

pytestmark = pytest.mark.browser

QUESTION = "Why does Putin want negotiations with Ukraine?"
NONSENSE = "What is the melting point of tungsten carbide?"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(seeds_assistant: Assistant) -> Iterator[str]:
    with running(chat.app(seeds_assistant)) as url:
        yield url


class Watch:
    """Everything that no page of ours may do."""

    def __init__(self, context: BrowserContext) -> None:
        self.seen: list[str] = []
        context.on("request", self._request)
        context.on("dialog", lambda dialog: (self.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        context.on("weberror", lambda error: self.seen.append(f"error {error.error}"))
        context.on("console", self._console)
        context.on("page", lambda page: self.seen.append(f"window {page.url}") if len(context.pages) > 1 else None)

    def _request(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not re.match(r"http://127\.0\.0\.1:\d+/|data:|blob:", url):
            self.seen.append(f"request {url}")

    def _console(self, message: object) -> None:
        if getattr(message, "type", "") == "error":
            self.seen.append(f"console {getattr(message, 'text', '')}")


def open_page(browser: Browser, address: str, width: int, height: int, scheme: str = "light") -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    watch = Watch(context)
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#ask textarea")).to_be_visible(timeout=30_000)
    yield page
    context.close()
    assert watch.seen == []


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address, 1440, 900)


@pytest.fixture
def telephone(browser: Browser, address: str) -> Iterator[Page]:
    yield from open_page(browser, address, 360, 740, "dark")


def ask(page: Page, question: str) -> None:
    """Ask and wait for the answer, or for the line that says why there is none."""
    turns = page.locator(".answer").count()
    page.locator("#ask textarea").fill(question)
    page.locator("#ask textarea").press("Enter")
    expect(page.locator(".answer").nth(turns).or_(page.locator("#log .error"))).to_be_visible()
    expect(page.locator(".searching")).to_have_count(0)


def assert_in_view(page: Page) -> None:
    """The marked sentence's first line lies inside the window and inside the panel that scrolls."""
    mark = page.locator("#cited").bounding_box()
    text = page.locator(".document .text").bounding_box()
    assert mark is not None
    assert text is not None
    height = min(mark["height"], 40)
    assert text["y"] <= mark["y"]
    assert mark["y"] + height <= text["y"] + text["height"]
    size = page.viewport_size
    assert size is not None
    assert 0 <= mark["x"] < size["width"]
    assert mark["y"] + height <= size["height"]


def test_each_citation_opens_its_document_at_the_very_sentence(page: Page, seeds_assistant: Assistant) -> None:
    answer = seeds_assistant.ask(QUESTION)
    ask(page, QUESTION)
    markers = page.locator(".cite")
    expect(markers).to_have_count(sum(len(claim.markers) for claim in answer.claims))
    for citation in answer.citations:
        page.locator(f'.cite[data-citation="{citation.marker}"]').first.click()
        document = seeds_assistant.document(citation.doc_id)
        expect(page.locator("#panel h2")).to_have_text(document.title)
        expect(page.locator("#cited")).to_have_count(1)
        page.wait_for_function("quote => document.querySelector('#cited')?.textContent === quote", arg=citation.quote)
        assert page.locator("#cited").text_content() == document.text[citation.start : citation.end]
        assert page.locator(".document .text").text_content() == document.text
        assert_in_view(page)


def test_the_keyboard_is_enough(page: Page) -> None:
    """Type, Enter; Tab to a marker, Enter; the sentence has the focus; Escape goes back to the marker."""
    expect(page.locator("#ask textarea")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".cite").first).to_be_visible()
    page.locator("body").evaluate("() => document.activeElement.blur()")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.classList.contains('cite')"):
            break
    marker = page.locator(".cite").first
    expect(marker).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#cited")).to_be_focused()
    assert_in_view(page)
    page.keyboard.press("Escape")
    expect(page.locator("#panel .document")).to_have_count(0)
    expect(marker).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator("#cited")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    if page.locator("#panel .facts a").count():
        page.keyboard.press("Shift+Tab")
    expect(page.locator("#panel .close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel .document")).to_have_count(0)


def test_a_search_under_way_is_seen_with_its_question(page: Page) -> None:
    page.evaluate(
        """() => { window.states = []; new MutationObserver(() => {
          const state = document.querySelector('.searching');
          if (state) window.states.push(document.querySelector('.turn .question').textContent + '|' + state.role);
        }).observe(document.querySelector('#log'), { childList: true, subtree: true, characterData: true }); }"""
    )
    ask(page, QUESTION)
    assert f"{QUESTION}|status" in page.evaluate("() => window.states")


def test_what_the_documents_do_not_say_is_said_and_the_closest_passages_open(page: Page) -> None:
    ask(page, NONSENSE)
    expect(page.locator('.answer[data-status="abstained"] .badge')).to_contain_text("Not in these documents")
    expect(page.locator(".cite")).to_have_count(0)
    passage = page.locator(".closest .title").first
    expect(passage).to_be_visible()
    passage.click()
    expect(page.locator("#cited")).to_be_focused()


@pytest.mark.parametrize("question", ["", "   "])
def test_a_blank_question_gets_one_line(page: Page, question: str) -> None:
    ask(page, question)
    problem = page.locator('#log .error[role="alert"]')
    expect(problem).to_contain_text("question")
    assert "Traceback" not in problem.inner_text()
    expect(page.locator(".answer")).to_have_count(0)
    ask(page, QUESTION)
    expect(problem).to_have_count(0)


def test_a_question_is_cut_off_at_its_longest_length(page: Page, seeds_assistant: Assistant) -> None:
    limit = str(seeds_assistant.settings.max_question_chars)
    expect(page.locator("#ask textarea")).to_have_attribute("maxlength", limit)


def test_an_example_is_asked_by_a_click(page: Page) -> None:
    example = page.locator(".example").first
    question = example.inner_text()
    example.click()
    expect(page.locator(".turn .question")).to_have_text(question)
    expect(page.locator(".cite").first).to_be_visible()
    expect(page.locator(".welcome")).to_have_count(0)


def test_a_conversation_goes_on_until_a_new_one_is_begun(page: Page) -> None:
    for question in (QUESTION, NONSENSE, "And what does Peskov say?"):
        ask(page, question)
    expect(page.locator(".turn .question")).to_have_text([QUESTION, NONSENSE, "And what does Peskov say?"])
    page.locator('.cite[data-turn="0"]').first.click()
    expect(page.locator("#cited")).to_be_visible()
    page.locator("#new").click()
    expect(page.locator(".welcome")).to_be_visible()
    expect(page.locator(".turn, #cited")).to_have_count(0)


def test_two_people_do_not_see_each_others_conversation(browser: Browser, address: str, page: Page) -> None:
    ask(page, QUESTION)
    for other in open_page(browser, address, 1440, 900):
        expect(other.locator(".welcome")).to_be_visible()
        ask(other, NONSENSE)
        expect(other.locator(".turn")).to_have_count(1)
    expect(page.locator(".turn")).to_have_count(1)


def test_nothing_is_wider_than_a_narrow_screen(telephone: Page) -> None:
    narrow = "() => document.documentElement.scrollWidth <= window.innerWidth"
    assert telephone.evaluate(narrow)
    ask(telephone, QUESTION)
    assert telephone.evaluate(narrow)
    telephone.locator(".cite").first.click()
    expect(telephone.locator("#cited")).to_be_focused()
    assert_in_view(telephone)
    panel = telephone.locator("#panel").bounding_box()
    assert panel is not None
    assert (panel["x"], panel["width"]) == (0, 360)


def test_an_opened_document_leaves_the_answer_readable(page: Page) -> None:
    ask(page, QUESTION)
    page.locator(".cite").first.click()
    expect(page.locator("#cited")).to_be_visible()
    answer = page.locator(".answer").bounding_box()
    panel = page.locator("#panel").bounding_box()
    assert answer is not None
    assert panel is not None
    assert answer["x"] + answer["width"] <= panel["x"]


def test_markup_that_reached_the_page_could_still_run_nothing(browser: Browser, address: str) -> None:
    """The second line of defence: the policy of ui/server.py, tried with markup put in by hand."""
    page = browser.new_context().new_page()
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))
    page.goto(address)
    page.wait_for_selector("#ask textarea")
    sent.clear()
    page.evaluate(
        """() => { const place = document.createElement('div'); document.body.append(place);
          place.innerHTML = '<img src="http://evil.example/a.png" onerror="window.ran = 1">'
            + '<svg onload="window.ran = 2"></svg><iframe srcdoc="<script>parent.ran = 3</script>"></iframe>'
            + '<form action="http://evil.example/b"><button id="evil">go</button></form>';
          const script = document.createElement('script'); script.textContent = 'window.ran = 4'; place.append(script);
        }"""
    )
    page.evaluate("() => document.querySelector('#evil').click()")
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.ran") is None
    # The image was stopped on its way out; the form was not even sent.
    assert [request.failure for request in sent if "evil" in request.url] == ["csp"]
    page.context.close()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Assistant, str]]:
    """A library in which every field of every document is an attack, and its chat."""
    assistant = Assistant.open(tmp_path_factory.mktemp("hostile") / "library")
    payloads = [payload for payload in PAYLOADS if payload.isprintable() or "\n" in payload]
    for doc_id, part in (("first", payloads[::2]), ("second", payloads[1::2])):
        assistant.add(
            Document(
                doc_id=doc_id,
                title=f"Report {' '.join(part)}",
                text="\n\n".join(f"The keeper of lighthouse {n} wrote: {payload}" for n, payload in enumerate(part)),
                source=" ".join(part),
                author="".join(part),
                url=part[0],
                published=DateInfo("2024-05", "month", "inferred", " ".join(part)),
            )
        )
    with running(chat.app(assistant)) as url:
        yield assistant, url
    assistant.close()


def test_hostile_documents_and_questions_are_shown_and_do_nothing(
    browser: Browser, hostile: tuple[Assistant, str]
) -> None:
    assistant, address = hostile
    made = "#log .html-container, #panel .html-container"
    foreign = "img, form, iframe, object, embed, video, svg, math, script, style, link, base, meta, input"
    for page in open_page(browser, address, 1440, 900):
        ask(page, "What did the keeper of lighthouse 3 write?")
        for number in range(page.locator(".cite").count()):
            page.locator(".cite").nth(number).click()
            expect(page.locator("#cited")).to_be_focused()
        assert page.locator("#panel h2").text_content() in {d.title for d in assistant.documents()}
        typed = [payload for payload in PAYLOADS if not re.search("[\ud800-\udfff]", payload)]
        for first in range(0, len(typed), 6):
            ask(page, " and ".join(typed[first : first + 6]))
            assert page.locator(made).locator(foreign).count() == 0
        assert page.locator(made).locator("[onerror], [onload], [onclick], [style], a[href^='j']").count() == 0
        page.wait_for_timeout(300)
    # What it watched for is asserted when the page is closed: no dialog, request, error or window.


def test_a_document_that_is_gone_is_said_to_be_gone(browser: Browser, hostile: tuple[Assistant, str]) -> None:
    assistant, address = hostile
    assistant.add(Document("gone", "Gone", "The bridge of Eastmere was painted green in spring by its three wardens."))
    for page in open_page(browser, address, 1440, 900):
        ask(page, "Which colour was the bridge of Eastmere painted?")
        expect(page.locator(".cite").first).to_be_visible()
        assistant.remove(*(d.doc_id for d in assistant.documents() if d.title == "Gone"))
        page.locator(".cite").first.click()
        expect(page.locator("#panel .error")).to_have_text("this document is no longer in the library")


def test_a_draft_is_seen_as_it_grows_and_goes_when_it_does_not_hold(
    browser: Browser, seeds_assistant: Assistant
) -> None:
    """What a model writes is shown as text, called unchecked, and replaced by what the quotes carry."""
    words = "<img src=x onerror=alert(1)> Bananas are blue and {{constructor.constructor('alert(1)')()}} [1]."
    with serving(says(words, pause_s=0.3)) as script:
        settings = Settings.load(model="openai/scripted", api_base=script.address, cache=False)
        with Assistant.open(seeds_assistant.path, settings=settings) as assistant, running(chat.app(assistant)) as url:
            assistant.warm_up()
            for page in open_page(browser, url, 1440, 900):
                page.locator("#ask textarea").fill(QUESTION)
                page.locator("#ask textarea").press("Enter")
                draft = page.locator(".draft")
                expect(draft).to_contain_text("Bananas are", timeout=30_000)
                expect(draft).to_contain_text("<img src=x onerror=alert(1)>")
                expect(page.locator(".searching")).to_contain_text("nothing of this is checked yet")
                expect(page.locator(".answer")).to_be_visible(timeout=30_000)
                expect(draft).to_have_count(0)
                expect(page.locator("#log")).not_to_contain_text("Bananas")
                expect(page.locator(".badge")).to_contain_text("quotes")
