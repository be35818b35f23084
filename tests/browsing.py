"""Debian's Chromium for a test: a page that is watched for everything that no page of ours may do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


class Watch:
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


@contextmanager
def opened(
    browser: Browser, address: str, tab: str, *, width: int = 1440, height: int = 900, scheme: str = "light"
) -> Iterator[Page]:
    """The chat at one of its tabs. No dialog, error, window or request off the machine has been seen at the end."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    watch = Watch(context)
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#ask textarea")).to_be_visible(timeout=30_000)
    page.get_by_role("tab", name=tab, exact=True).click()
    yield page
    context.close()
    if watch.seen:
        raise AssertionError(watch.seen)
