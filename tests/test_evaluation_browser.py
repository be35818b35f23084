"""The Evaluation tab in Debian's Chromium: a question set is asked, judged, filtered and exported."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eval.runner import Evaluation
from rag.types import from_json
from tests.hostile import PAYLOADS
from ui.work import offered_sets

if not Path("/usr/bin/chromium").exists():
    pytest.skip("/usr/bin/chromium is missing (apt install chromium)", allow_module_level=True)

from playwright.sync_api import Browser, Page, expect

from tests.browsing import opened

pytestmark = pytest.mark.browser

KNOWN = "Which Chinese official turned up in Moscow at the end of May 2023?"
UNKNOWN = "What is the melting point of tungsten carbide?"
WRONG = "Who is Ilya Grashchenkov?"


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address, "Evaluation") as page:
        yield page


def question_set(folder: Path) -> Path:
    """Two that are answered rightly, and one whose accepted answer is not in the seeds."""
    hostile = "".join(payload for payload in PAYLOADS[:24] if payload.isprintable())
    rows = [
        {"id": "a", "question": KNOWN, "answers": ["Li Hui"], "answerable": True, "kind": f"fact {hostile}"},
        {"id": "b", "question": UNKNOWN, "answerable": False, "kind": "far off"},
        {"id": "c", "question": WRONG, "answers": [f"a baker {hostile}"], "answerable": True, "kind": "fact"},
    ]
    file = folder / "three.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_a_set_is_asked_shown_filtered_and_exported(page: Page, tmp_path: Path) -> None:
    page.get_by_label("A file of this computer").fill(str(question_set(tmp_path)))
    page.locator('[data-event="run_file"] button').click()
    expect(page.locator(".outcomes > li")).to_have_count(3, timeout=60_000)
    figures = page.locator(".figures")
    expect(figures.locator("tr", has_text="first quote contains an accepted answer")).to_contain_text("0.500")
    expect(figures.locator("tr", has_text="abstention recall")).to_contain_text("1.000")
    first = page.locator(".outcomes > li").first
    expect(first.locator(".title")).to_have_text(KNOWN)
    expect(first.locator("dd")).to_contain_text(["Li Hui", "Li Hui"])
    expect(page.locator(".outcomes > li").nth(1).locator("dd").first).to_have_text("the documents do not say")
    page.get_by_role("button", name="Falling short (1)").click()
    expect(page.locator(".outcomes .title")).to_have_text([WRONG])
    expect(page.locator(".outcomes dd").first).to_contain_text("a baker <script>alert(1)</script>")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as JSON").click()
    assert download.value.suggested_filename == "evaluation.json"
    evaluation = from_json(Evaluation, Path(download.value.path()).read_bytes())
    assert (evaluation.name, evaluation.overall["first_accepted"].value) == ("three.jsonl", 0.5)
    assert [outcome.id for outcome in evaluation.outcomes] == ["a", "b", "c"]
    page.get_by_role("tab", name="Ask", exact=True).click()
    page.get_by_role("tab", name="Evaluation", exact=True).click()
    expect(page.locator(".outcomes")).to_be_visible()


def test_an_uploaded_set_is_asked_and_one_with_a_mistake_is_refused(page: Page, tmp_path: Path) -> None:
    """The line says where the mistake is, and nothing of where the server put the file."""
    chooser = page.locator("#evaluation-choose input[type=file]")
    chooser.set_input_files(question_set(tmp_path))
    expect(page.locator(".outcomes > li")).to_have_count(3, timeout=60_000)
    chooser.set_input_files([{"name": "bad.jsonl", "mimeType": "", "buffer": b'{"id": "a"}\n'}])
    expect(page.locator(".sending .why")).to_contain_text("'bad.jsonl' line 1: 'answerable'")
    expect(page.locator(".sending .why")).not_to_contain_text("uploads")


def test_the_questions_that_come_with_sayso_can_be_cancelled(page: Page) -> None:
    expect(page.locator("#set option")).to_have_text([name for name, _ in offered_sets()])
    page.get_by_label("A question set").select_option("seeds")
    page.locator('[data-event="run_set"] button').click()
    expect(page.locator(".work .facts")).to_contain_text("of 78", timeout=60_000)
    page.locator(".work").get_by_role("button", name="Cancel").click()
    expect(page.locator("#evaluation-report .error")).to_contain_text("of 78 questions")


def test_questions_about_other_documents_are_refused_with_the_reason(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"id": "a", "question": "Who?", "answerable": true, "gold_docs": ["nowhere"]}\n')
    page.get_by_label("A file of this computer").fill(str(file))
    page.locator('[data-event="run_file"] button').click()
    expect(page.locator("#evaluation-report .error")).to_contain_text("names the document 'nowhere'", timeout=60_000)


def test_nothing_is_wider_than_a_narrow_screen(browser: Browser, address: str, tmp_path: Path) -> None:
    with opened(browser, address, "Evaluation", width=360, height=740, scheme="dark") as page:
        page.locator("#evaluation-choose input[type=file]").set_input_files(question_set(tmp_path))
        expect(page.locator(".outcomes > li")).to_have_count(3, timeout=60_000)
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
