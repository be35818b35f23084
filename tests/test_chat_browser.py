"""The chat in a browser: asking, answers, their citations and documents."""

from collections.abc import Iterator

import pytest

from rag import Assistant
from tests.browsing import (
    NONSENSE,
    QUESTION,
    Browser,
    Page,
    ask,
    assert_in_view,
    expect,
    settle,
    visiting,
)

pytestmark = pytest.mark.browser


@pytest.fixture
def telephone(browser: Browser, address: str) -> Iterator[Page]:
    with visiting(browser, address, 360, 740, "dark") as page:
        yield page


def test_each_citation_opens_its_document_at_the_very_sentence(page: Page, seeds_assistant: Assistant) -> None:
    """By its number and by its title among the sources; there too the sentence is marked in its passage."""
    answer = seeds_assistant.ask(QUESTION)
    ask(page, QUESTION)
    expect(page.locator(".cite")).to_have_count(sum(len(claim.markers) for claim in answer.claims))
    expect(page.locator(".sources mark")).to_have_text([citation.quote for citation in answer.citations])
    for citation in answer.citations:
        document = seeds_assistant.document(citation.doc_id)
        for opener in (".cite", ".title"):
            page.locator(f'{opener}[data-citation="{citation.marker}"]').first.click()
            expect(page.locator("#panel h2")).to_have_text(document.title)
            expect(page.locator("#cited")).to_have_count(1)
            page.wait_for_function("q => document.querySelector('#cited')?.textContent === q", arg=citation.quote)
            assert page.locator(".document .text").text_content() == document.text
            expect(page.locator("#cited")).to_be_focused()
            assert_in_view(page)
            page.keyboard.press("Escape")


def test_a_number_shows_its_quote_when_it_is_hovered_or_focused_until_escape(
    page: Page, seeds_assistant: Assistant
) -> None:
    quote = seeds_assistant.ask(QUESTION).citations[0].quote
    ask(page, QUESTION)
    number, tip = page.locator(".cite").first, page.locator(".tip").first
    expect(tip).to_be_hidden()
    number.hover()
    expect(tip).to_be_visible()
    assert tip.text_content() == quote
    tip.hover()  # it can be reached without going away
    expect(tip).to_be_visible()
    page.mouse.move(0, 0)
    expect(tip).to_be_hidden()
    number.focus()
    expect(tip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_the_keyboard_is_enough(page: Page) -> None:
    """Type, Enter; Tab to a marker, Enter; the sentence has the focus; Escape goes back to the marker."""
    expect(page.locator("#ask textarea")).to_be_focused()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    expect(page.locator(".cite").first).to_be_visible()
    settle(page)
    page.locator("body").evaluate("() => document.activeElement.blur()")
    for _ in range(14):
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


def test_each_stage_of_the_work_is_said_with_its_question_and_nothing_jumps(page: Page) -> None:
    """Both for the first question and for the next; a shift in the layout counts unless it follows the keyboard."""
    page.evaluate(
        """() => { window.states = []; window.shifts = 0;
          new MutationObserver(() => {
            const state = document.querySelector('.searching');
            if (state) window.states.push(document.querySelector('#live .question').textContent + '|' + state.role
              + '|' + state.textContent);
          }).observe(document.querySelector('#live'), { childList: true, subtree: true, characterData: true });
          new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
            if (!entry.hadRecentInput) window.shifts += entry.value;
          })).observe({ type: 'layout-shift' }); }"""
    )
    ask(page, QUESTION)
    assert f"{QUESTION}|status|Searching the documents" in page.evaluate("() => window.states")
    ask(page, NONSENSE)
    expect(page.locator(".turn .question")).to_have_text([QUESTION, NONSENSE])
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.shifts") < 0.05


def test_what_the_documents_do_not_say_is_said_and_the_closest_passages_open(page: Page) -> None:
    ask(page, NONSENSE)
    badge = page.locator('.answer[data-status="abstained"] .badge')
    expect(badge).to_contain_text("Not in these documents")
    expect(badge).to_contain_text("no sentence of the documents answers this")
    expect(page.locator(".cite")).to_have_count(0)
    passage = page.locator(".closest .title").first
    expect(passage).to_be_hidden()
    page.locator(".closest summary").click()
    passage.click()
    expect(page.locator("#cited")).to_be_focused()


def test_how_it_was_answered_is_told_under_a_fold_that_stays_open(page: Page) -> None:
    ask(page, QUESTION)
    page.locator(".how summary").click()
    how = page.locator(".how dl").first
    for words in ("the sources' own words", "ms in all", "read", "[1] 0."):
        expect(how).to_contain_text(words)
    ask(page, NONSENSE)
    expect(how).to_be_visible()


@pytest.mark.parametrize("question", ["", "   "])
def test_a_blank_question_gets_one_line(page: Page, question: str) -> None:
    ask(page, question)
    problem = page.locator('.trouble .error[role="alert"]')
    expect(problem).to_contain_text("question")
    assert "Traceback" not in problem.inner_text()
    expect(page.locator(".answer")).to_have_count(0)
    ask(page, QUESTION)
    expect(problem).to_have_count(0)


def test_a_question_is_cut_off_at_its_longest_length(page: Page, seeds_assistant: Assistant) -> None:
    limit = str(seeds_assistant.settings.max_question_chars)
    expect(page.locator("#ask textarea")).to_have_attribute("maxlength", limit)


def test_an_example_and_what_is_suggested_next_are_asked_by_a_click(page: Page) -> None:
    """What is suggested comes from the evidence, and the library answers it."""
    example = page.locator(".example").last
    question = example.inner_text()
    example.click()
    expect(page.locator(".turn .question")).to_have_text([question])
    expect(page.locator(".welcome")).to_have_count(0)
    following = page.locator(".next").first
    following.wait_for()
    asked = following.inner_text()
    following.click()
    expect(page.locator(".turn .question")).to_have_text([question, asked])
    expect(page.locator('.answer[data-status="answered"]')).to_have_count(2)


def test_a_follow_up_is_understood_in_the_light_of_what_was_said(page: Page) -> None:
    ask(page, "What did Peskov say about the outcome of the negotiations?")
    ask(page, "And what about the ceasefire?")
    expect(page.locator(".said .asked-as")).to_contain_text("Understood as: ")


def test_nothing_is_wider_than_a_narrow_screen(telephone: Page) -> None:
    """The sources stand below the answer there, and the document covers the window."""
    narrow = "() => document.documentElement.scrollWidth <= window.innerWidth"
    assert telephone.evaluate(narrow)
    ask(telephone, QUESTION)
    assert telephone.evaluate(narrow)
    said, sources = (telephone.locator(place).bounding_box() for place in (".said", ".evidence"))
    assert said is not None
    assert sources is not None
    assert said["y"] + said["height"] <= sources["y"]
    number = telephone.locator(".cite").first
    number.focus()
    tip = telephone.locator(".tip").first.bounding_box()
    assert tip is not None
    assert tip["x"] >= 0
    assert tip["x"] + tip["width"] <= 360
    number.click()
    expect(telephone.locator("#cited")).to_be_focused()
    assert_in_view(telephone)
    panel = telephone.locator("#panel").bounding_box()
    assert panel is not None
    assert (panel["x"], panel["width"]) == (0, 360)


def test_on_a_wide_screen_the_sources_stand_beside_the_answer_and_the_document_beside_both(page: Page) -> None:
    ask(page, QUESTION)
    said, sources = (page.locator(place).bounding_box() for place in (".said", ".evidence"))
    assert said is not None
    assert sources is not None
    assert said["x"] + said["width"] <= sources["x"]
    page.locator(".cite").first.click()
    expect(page.locator("#cited")).to_be_visible()
    answer, panel = (page.locator(place).bounding_box() for place in (".answer", "#panel"))
    assert answer is not None
    assert panel is not None
    assert answer["x"] + answer["width"] <= panel["x"]


def test_the_page_is_light(page: Page) -> None:
    """How soon it is there is the machine's affair (`sayso bench page` measures it); what has to be sent is ours."""
    sent = page.evaluate("() => performance.getEntriesByType('resource').map((entry) => entry.transferSize)")
    assert 0 < len(sent) < 70
    assert sum(sent) < 600_000
