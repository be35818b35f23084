"""The report of an evaluation in Debian's Chromium: it asks nothing of any network, and is read by everybody."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

if not Path("/usr/bin/chromium").exists():
    pytest.skip("/usr/bin/chromium is missing (apt install chromium)", allow_module_level=True)

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from eval.compare import compare
from eval.report_html import write_report
from eval.runner import Asked, summarise
from tests.hostile import PAYLOADS
from tests.test_report_html import PAIRS, made, outcome

pytestmark = pytest.mark.browser


@pytest.fixture(params=[("light", 1280), ("dark", 1280), ("light", 400), ("dark", 400)], ids=str)
def page(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The report, by scheme and width; at the end it must have asked for nothing and complained of nothing."""
    scheme, width = request.param
    old = made()
    hostile = [replace(outcome(n), question=payload, text=payload) for n, payload in enumerate(PAYLOADS, 1)]
    new = summarise([Asked((*old.outcomes, *(replace(o, id=f"h{o.id}") for o in hostile)), PAIRS)], name="made")
    write_report(new, tmp_path / "report.html", compare(old, new))
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    seen: list[str] = []
    page = context.new_page()
    page.on("request", lambda asked: None if asked.url.startswith("file:") else seen.append(asked.url))
    page.on("console", lambda message: seen.append(message.text))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("dialog", lambda dialog: (seen.append("dialog"), dialog.dismiss()))
    page.goto((tmp_path / "report.html").as_uri())
    yield page
    assert seen == []
    context.close()


def test_rows_and_points_list_their_questions(page: Page) -> None:
    page.get_by_role("button", name="first citation is evidence").click()
    expect(page.locator("#list-heading")).to_have_text("first citation is evidence")
    expect(page.locator("#list-heading")).to_be_focused()
    expect(page.locator("#list li").first.locator("strong")).to_have_text("Falls short")
    point = page.locator("svg g[role=button]").first
    point.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list-heading")).to_have_text(point.get_attribute("aria-label") or "")
    page.locator("svg g[role=button]").last.click()
    expect(page.locator("#list li").first).to_be_visible()
    page.locator("tr.clickable", has_text="handbook").first.locator("td").first.click()
    expect(page.locator("#list-heading")).to_have_text("handbook")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert Axe().run(page).response["violations"] == []


def test_a_long_list_has_pages_and_the_way_back(page: Page) -> None:
    page.get_by_role("button", name="ask() p50").click()
    expect(page.locator("#list-note")).to_contain_text("1 to 50 of")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#list-note")).to_contain_text("51 to")
    if page.locator("#back").is_visible():
        page.locator("#back").click()
        expect(page.get_by_role("button", name="ask() p50")).to_be_focused()
