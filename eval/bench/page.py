"""The chat in a real browser: how long its page takes to load, an answer to appear, and a large library to open."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from eval.bench.chatting import served
from eval.bench.measure import Result, Workload, timed
from index.errors import SaysoError
from index.types import Document
from rag import Assistant, Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHROMIUM = Path("/usr/bin/chromium")
_LOADS = 5
_MOST = 30  # questions; the first ones that need no conversation
_LARGE = 5_000  # documents
# Seconds from the key that asks to the frame in which the answer is there; a look from outside would add its own.
_WATCH = """() => {
  const answers = () => document.querySelectorAll(".answer").length;
  const before = answers();
  let asked = 0;
  window.took = 0;
  addEventListener("keydown", (key) => { if (key.key === "Enter") asked ||= performance.now(); }, true);
  const seen = new MutationObserver(() => {
    if (answers() <= before || !asked) return;
    seen.disconnect();
    requestAnimationFrame(() => { window.took = (performance.now() - asked) / 1000; });
  });
  seen.observe(document.body, { childList: true, subtree: true });
}"""


def measure_page(workload: Workload) -> Result:
    """Raises SaysoError where there is no browser to measure with."""
    asked = [question.question for question in workload.questions if not question.history][:_MOST]
    with _browser() as browser, tempfile.TemporaryDirectory(prefix="sayso-bench-") as folder:
        with served(workload.assistant.path) as (url, _):
            new, again = _loads(browser, url)
            answers = _answers(browser, url, asked)
        large = Path(folder) / "large.library"
        _fill(large)
        with served(large) as (url, _):
            opened = _opened(browser, url)
    samples = {"page, first visit": new, "page, again": again, "first words of an answer": answers, "library": opened}
    return Result(
        name="page",
        workload=workload.name,
        measurements=tuple(timed(name, seconds) for name, seconds in samples.items()),
        notes=(
            f"page: until a question can be typed, {_LOADS} visits each; first: with nothing kept by the browser",
            f"first words: from the key to the frame that shows the quoted answer, {len(asked)} questions, warm",
            f"library: its tab with {_LARGE:,} documents, from the click to the list",
        ),
    )


def _loads(browser: "Browser", url: str) -> tuple[list[float], list[float]]:
    new: list[float] = []
    again: list[float] = []
    for visit in range(_LOADS + 1):
        with _page(browser) as page:
            seconds = [_loaded(page, url), _loaded(page, url)]
        if visit:  # the first of all wakes the server
            new.append(seconds[0])
            again.append(seconds[1])
    return new, again


def _loaded(page: "Page", url: str) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("#ask textarea:enabled")
    return time.perf_counter() - started


def _answers(browser: "Browser", url: str, questions: list[str]) -> list[float]:
    """Each in a conversation of its own; the first is asked once more than it counts, to load the models."""
    took = []
    with _page(browser) as page:
        for question in [questions[0], *questions]:
            _loaded(page, url)
            page.evaluate(_WATCH)
            page.locator("#ask textarea").fill(question)
            page.locator("#ask textarea").press("Enter")
            page.wait_for_function("window.took > 0")
            took.append(float(page.evaluate("window.took")))
            page.wait_for_timeout(1000)  # what may be asked next is looked for after the answer
    return took[1:]


def _opened(browser: "Browser", url: str) -> list[float]:
    seconds = []
    for _ in range(_LOADS):
        with _page(browser) as page:
            _loaded(page, url)
            page.wait_for_timeout(1000)
            started = time.perf_counter()
            page.get_by_role("tab", name="Library", exact=True).click()
            page.wait_for_selector(".documents")
            seconds.append(time.perf_counter() - started)
    return seconds


def _fill(folder: Path) -> None:
    """A library of many short documents by fifty publishers."""
    documents = (
        Document(
            doc_id="",
            title=f"Log of day {n}",
            text=f"On day {n} the lamp of the lighthouse burned {n % 97} litres of oil.",
            source=f"Lighthouse {n % 50}",
        )
        for n in range(_LARGE)
    )
    with Assistant.open(folder, settings=Settings.load()) as assistant:
        assistant.add(*documents)


@contextmanager
def _browser() -> Iterator["Browser"]:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise SaysoError("this needs Playwright; install it with: pip install playwright") from None
    with sync_playwright() as playwright:
        own = str(_CHROMIUM) if _CHROMIUM.exists() else None
        try:
            browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        except Error as error:
            why = str(error).partition("\n")[0]
            raise SaysoError(f"this needs Chromium ({why}); install it with: playwright install chromium") from error
        yield browser
        browser.close()


@contextmanager
def _page(browser: "Browser") -> Iterator["Page"]:
    """Of a visitor who has never been here."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()
