"""The chat in a browser against hostile documents, questions and titles: all of it is shown, and none of it does
anything."""

import re
from collections.abc import Iterator

import pytest

from index.types import DateInfo, Document
from rag import Assistant
from tests.browsing import Browser, ask, expect, visiting
from tests.hostile import PAYLOADS
from tests.live import chatting

pytestmark = pytest.mark.browser


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
    with chatting(assistant) as url:
        yield assistant, url
    assistant.close()


def test_markup_that_reached_the_page_could_still_run_nothing(browser: Browser, hostile: tuple[Assistant, str]) -> None:
    """The second line of defence: the policy of ui/server.py, tried with markup put in by hand."""
    _, address = hostile
    page = browser.new_context().new_page()
    sent = []
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


def test_hostile_documents_and_questions_are_shown_and_do_nothing(
    browser: Browser, hostile: tuple[Assistant, str]
) -> None:
    assistant, address = hostile
    made = "#log .html-container, #panel .html-container"
    foreign = "img, form, iframe, object, embed, video, svg, math, script, style, link, base, meta, input"
    with visiting(browser, address) as page:
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
    with visiting(browser, address) as page:
        ask(page, "Which colour was the bridge of Eastmere painted?")
        expect(page.locator(".cite").first).to_be_visible()
        assistant.remove(*(d.doc_id for d in assistant.documents() if d.title == "Gone"))
        page.locator(".cite").first.click()
        expect(page.locator("#panel .error")).to_have_text("this document is no longer in the library")
