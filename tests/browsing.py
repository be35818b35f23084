"""The chat in Debian's Chromium, for the tests that look at it: a watched page, and what is done on every one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists():
    pytest.skip(f"{CHROMIUM} is missing (apt install chromium)", allow_module_level=True)

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright  # noqa: E402

expect.set_options(timeout=30_000)  # what never comes is an error; how soon it comes on a busy machine is not

QUESTION = "Why does Putin want negotiations with Ukraine?"
NONSENSE = "What is the melting point of tungsten carbide?"


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


_WATCHES: dict[BrowserContext, "Watch"] = {}


class Watch:
    """Everything that no page of ours may do."""

    def __init__(self, context: BrowserContext) -> None:
        self.seen: list[str] = []
        self.under_way = 0
        context.on("request", self._request)
        for ended in ("requestfinished", "requestfailed"):
            context.on(ended, self._ended)
        context.on("dialog", lambda dialog: (self.seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
        context.on("weberror", lambda error: self.seen.append(f"error {error.error}"))
        context.on("console", self._console)
        context.on("page", lambda page: self.seen.append(f"window {page.url}") if len(context.pages) > 1 else None)

    def _ended(self, request: object) -> None:
        self.under_way -= "/queue/data" in str(getattr(request, "url", ""))

    def _request(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        self.under_way += "/queue/data" in url
        if not re.match(r"http://127\.0\.0\.1:\d+/|data:|blob:", url):
            self.seen.append(f"request {url}")

    def _console(self, message: object) -> None:
        if getattr(message, "type", "") == "error":
            self.seen.append(f"console {getattr(message, 'text', '')}")


@contextmanager
def visiting(
    browser: Browser,
    address: str,
    width: int = 1440,
    height: int = 900,
    scheme: str = "light",
    signed_in: tuple[str, str] | None = None,
) -> Iterator[Page]:
    """A new visitor's page; at the end it must have done nothing that is watched for. signed_in: name and password."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        http_credentials={"username": signed_in[0], "password": signed_in[1]} if signed_in else None,
    )
    watch = _WATCHES[context] = Watch(context)
    page = context.new_page()
    page.goto(address)
    arrived(page)
    yield page
    context.close()
    del _WATCHES[context]
    assert not watch.seen, watch.seen


@contextmanager
def opened(
    browser: Browser, address: str, tab: str, *, width: int = 1440, height: int = 900, scheme: str = "light"
) -> Iterator[Page]:
    """The same, at one of the tabs."""
    with visiting(browser, address, width, height, scheme) as page:
        page.get_by_role("tab", name=tab, exact=True).click()
        yield page


def arrived(page: Page) -> None:
    expect(page.locator("#ask textarea")).to_be_enabled()


def load_again(page: Page) -> None:
    settle(page)
    page.reload()
    arrived(page)


def settle(page: Page) -> None:
    """Wait until nothing is under way: Gradio writes an error to the console for what leaving a page breaks off."""
    quiet = 0
    for _ in range(600):
        page.wait_for_timeout(100)
        quiet = 0 if _WATCHES[page.context].under_way else quiet + 1
        if quiet == 4:
            return
    raise AssertionError("something is under way for good")


def send(page: Page, question: str) -> None:
    page.locator("#ask textarea").fill(question)
    page.locator("#ask textarea").press("Enter")


def ask(page: Page, question: str) -> None:
    """Ask and wait for the answer, or for the line that says why there is none."""
    turns = page.locator(".answer").count()
    send(page, question)
    expect(page.locator(".answer").nth(turns).or_(page.locator(".trouble .error"))).to_be_visible()
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


def violations(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical: the rule and where it is broken."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
