"""The chat in a browser for everybody: axe-core finds nothing serious in any state, light or dark, wide or narrow."""

import pytest

from tests.browsing import NONSENSE, QUESTION, Browser, ask, expect, violations, visiting

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "height", "scheme"), [(1440, 900, "light"), (1440, 900, "dark"), (360, 740, "dark")])
def test_no_state_of_the_page_shuts_anybody_out(
    browser: Browser, address: str, width: int, height: int, scheme: str
) -> None:
    """Empty, answered with a document beside it, abstained with every fold open, judged, and the list of
    conversations."""
    with visiting(browser, address, width, height, scheme) as page:
        dark = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert (sum(int(part) for part in dark[4:-1].split(",")[:3]) < 200) == (scheme == "dark")
        assert violations(page) == []
        ask(page, QUESTION)
        page.locator(".cite").first.click()
        expect(page.locator("#cited")).to_be_focused()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Helpful", exact=True).click()
        expect(page.locator(".comment")).to_be_visible()
        ask(page, NONSENSE)
        if width < 1200:
            page.locator("[data-toggle]").click()
        expect(page.locator("#conversation-list")).to_be_visible()
        page.evaluate("() => document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        assert violations(page) == []


def test_the_list_of_conversations_is_reached_and_left_by_the_keyboard_on_a_narrow_screen(
    browser: Browser, address: str
) -> None:
    with visiting(browser, address, 360, 740) as page:
        ask(page, QUESTION)
        toggle = page.locator("[data-toggle]")
        expect(toggle).to_have_attribute("aria-expanded", "false")
        toggle.focus()
        page.keyboard.press("Enter")
        expect(toggle).to_have_attribute("aria-expanded", "true")
        expect(page.locator("#conversation-list .open")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#conversation-list .open")).to_be_hidden()
        expect(toggle).to_be_focused()
