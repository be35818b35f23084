"""Several libraries in a browser: made, changed to, each with its own documents, conversations and files."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eval.bench.chatting import gradios_client
from rag import Assistant, Settings
from tests.browsing import QUESTION, Browser, Page, arrived, ask, expect, load_again, settle, violations, visiting
from tests.conftest import SEEDS
from tests.fakes import WordHashEmbedder
from tests.live import chatting
from ui.access import read_users

pytestmark = pytest.mark.browser

NAME = "Élysée notes"
ADDRESS = "/library/%C3%89lys%C3%A9e%20notes/"
WHEN = "When does the ferry to Runsala leave?"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds_assistant: Assistant) -> Iterator[str]:
    """The chat of the seeds for a user who has made no other library yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with chatting(seeds_assistant) as url:
        yield url


def make(page: Page, name: str) -> None:
    page.locator("#brand summary").click()
    page.get_by_label("New library").fill(name)
    page.get_by_label("New library").press("Enter")


def change_to(page: Page, name: str) -> None:
    settle(page)
    page.locator("#brand summary").click()
    page.locator("#brand nav").get_by_role("link", name=name, exact=True).click()
    expect(page.locator("#brand .named")).to_have_text(name)
    arrived(page)


def add(page: Page, name: str, text: str) -> None:
    page.get_by_role("tab", name="Library", exact=True).click()
    sent = [{"name": name, "mimeType": "text/plain", "buffer": text.encode()}]
    page.locator("#library-add .drop input").set_input_files(sent)  # type: ignore[arg-type]
    expect(page.locator("#library-documents")).to_contain_text("Runsala")
    page.get_by_role("tab", name="Ask", exact=True).click()


def test_a_library_is_made_filled_and_asked_and_nothing_of_two_is_mixed_up(browser: Browser, served: str) -> None:
    with visiting(browser, served) as page:
        ask(page, QUESTION)
        settle(page)
        make(page, NAME)
        expect(page.locator(".welcome .nothing")).to_contain_text("holds no documents yet")
        assert page.url.startswith(served + ADDRESS)
        expect(page.locator("#conversation-list .open")).to_have_count(0)
        add(page, "ferry.txt", "Runsala timetable\n\nThe ferry to Runsala leaves at nine.\n")
        expect(page.locator("#brand .held")).to_have_text("1 document")
        expect(page.locator(".welcome .nothing")).to_have_count(0)
        ask(page, WHEN)
        page.locator(".cite").first.click()
        expect(page.locator("#cited")).to_have_text("The ferry to Runsala leaves at nine.")
        page.keyboard.press("Escape")
        load_again(page)
        expect(page.locator(".turn .question")).to_have_text([WHEN])
        change_to(page, "seeds")
        expect(page.locator("#conversation-list .open")).to_have_text([QUESTION])
        ask(page, WHEN)
        expect(page.locator(".answer .badge")).to_contain_text("Not in these documents")
        change_to(page, NAME)
        expect(page.locator("#conversation-list .open")).to_have_text([WHEN])
        settle(page)
    answer = gradios_client(served + ADDRESS).predict(WHEN, api_name="/ask")
    assert [citation["quote"] for citation in answer["citations"]] == ["The ferry to Runsala leaves at nine."]


def test_a_bad_name_is_refused_beside_it_and_the_list_works_by_keyboard(browser: Browser, served: str) -> None:
    with visiting(browser, served, 360, 740) as page:
        page.locator("#brand summary").focus()
        page.keyboard.press("Enter")
        page.get_by_label("New library").fill("../x")
        page.keyboard.press("Enter")
        expect(page.locator("#brand .error")).to_contain_text("cannot be called '../x'")
        expect(page.get_by_label("New library")).to_have_value("../x")
        assert violations(page) == []
        page.get_by_label("New library").focus()
        page.keyboard.press("Escape")
        expect(page.locator("#brand nav")).to_be_hidden()
        expect(page.locator("#brand summary")).to_be_focused()


def test_no_way_leads_round_the_guards_of_a_library_that_is_not_the_first(served: str) -> None:
    assert httpx.get(f"{served}/library/none/").status_code == 404
    assert httpx.get(f"{served}/library/seeds/").headers["location"] == "/"
    for path in ("gradio_api/upload", "gradio_api/file=/etc/passwd", "gradio_api/api/converse", "monitoring", "login"):
        assert httpx.post(f"{served}/library/none/{path}").text == "not found"
    assert httpx.post(f"{served}/library/none/uploads/documents?name=a.txt", content=b"x").status_code == 404
    too_large = httpx.post(f"{served}/library/none/gradio_api/queue/join", content=b"x" * 100_000)
    assert too_large.status_code == 413


def test_who_signs_in_finds_their_conversations_in_any_browser_and_nobody_elses(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds_assistant: Assistant
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    passwords = tmp_path / "users"
    passwords.write_text("vera:correct horse\nlev:battery staple\n")
    passwords.chmod(0o600)
    with chatting(seeds_assistant, users=read_users(passwords)) as url:
        with visiting(browser, url, signed_in=("vera", "correct horse")) as page:
            ask(page, QUESTION)
            expect(page.locator("#brand nav")).to_have_count(0)  # no library but this one was named for them
            settle(page)
        with visiting(browser, url, signed_in=("vera", "correct horse")) as page:
            page.locator("#conversation-list .open").click()
            expect(page.locator(".turn .question")).to_have_text([QUESTION])
            settle(page)
        with visiting(browser, url, signed_in=("lev", "battery staple")) as page:
            expect(page.locator("#conversation-list .empty")).to_be_visible()
            settle(page)


def test_a_library_of_another_model_says_so_and_the_others_go_on(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seeds_assistant: Assistant
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with Assistant.open(tmp_path / "sayso" / "old.library", settings=Settings(), embedder=WordHashEmbedder()) as old:
        old.add(next(SEEDS.glob("000_*")))
    with chatting(seeds_assistant) as url, visiting(browser, url) as page:
        change_to(page, "old")
        ask(page, QUESTION)
        expect(page.locator(".trouble .error")).to_contain_text("was built with 'word-hash'")
        change_to(page, "seeds")
        ask(page, QUESTION)
        expect(page.locator(".answer")).to_be_visible()
        settle(page)
