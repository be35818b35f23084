"""The Library tab in Debian's Chromium: files in, documents seen, found, asked for and removed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from index.minilm import MiniLM
from index.types import PassageInput, PassageVectors
from rag import Assistant, Settings
from tests.fakes import WordHashEmbedder
from tests.hostile import PAYLOADS
from tests.live import chatting
from tests.made import pdf

if not Path("/usr/bin/chromium").exists():
    pytest.skip("/usr/bin/chromium is missing (apt install chromium)", allow_module_level=True)

from playwright.sync_api import Browser, Page, expect

from tests.browsing import opened, settle
from ui.talk import Talk

pytestmark = pytest.mark.browser

LOG = "Keeper's log\n20 May 2024\n\nThe lighthouse of Skerra burned 40 litres of oil in May.\n"
MAIL = "Post\n3 March 2022\n\nThe mail boat of Skerra carried 12 sacks of letters in March.\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, embedder: MiniLM) -> Iterator[SimpleNamespace]:
    """A library of two dated documents, and its chat."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "log.txt").write_text(LOG)
    (folder / "mail.txt").write_text(MAIL)
    said = '[[document]]\nfile = "log.txt"\npublisher = "The Beacon <b>\\"{{x}}\\"</b>"\n'
    (folder / "sources.toml").write_text(said)
    path = tmp_path_factory.mktemp("served") / "a.library"
    with Assistant.open(path, settings=Settings(), embedder=embedder) as assistant:
        assistant.add(folder)
        with chatting(assistant) as url:
            yield SimpleNamespace(assistant=assistant, url=url)


@pytest.fixture
def page(browser: Browser, served: SimpleNamespace) -> Iterator[Page]:
    with opened(browser, served.url, "Library") as page:
        expect(page.locator(".documents")).to_be_visible()
        yield page


def choose(page: Page, *named: tuple[str, bytes]) -> None:
    sent = [{"name": name, "mimeType": "application/octet-stream", "buffer": data} for name, data in named]
    page.locator("#library-add .drop input").set_input_files(sent)  # type: ignore[arg-type]


def ask(page: Page, question: str) -> None:
    page.get_by_role("tab", name="Ask", exact=True).click()
    page.locator("#ask textarea").fill(question)
    page.locator("#ask textarea").press("Enter")
    expect(page.locator(".answer")).to_be_visible()


def results(page: Page) -> list[str]:
    """After the next report: outcome and name of each file."""
    expect(page.locator(".results")).to_be_visible()
    lines = page.locator(".results li")
    return [" ".join(line.locator("strong, .name").all_inner_texts()) for line in lines.all()]


def test_a_pdf_is_added_and_its_page_is_cited(page: Page, served: SimpleNamespace) -> None:
    """One of two files is broken: it fails alone, with its reason."""
    second = "The harbour master of Skerra counted 73 herring boats on Friday."
    data = pdf([[(72, 700, 11, "The harbour report of Skerra has two pages.")], [(72, 700, 11, second)]])
    choose(page, ("harbour.pdf", data), ("broken.pdf", b"%PDF-1.4 nothing more"))
    assert results(page) == ["Failed broken.pdf", "Added harbour.pdf"]
    expect(page.locator('.results [data-outcome="failed"] .why')).to_contain_text("PDF")
    expect(page.locator(".documents")).to_contain_text("harbour.pdf")
    ask(page, "How many herring boats did the harbour master count?")
    expect(page.locator(".answer")).to_contain_text("73 herring boats")
    expect(page.locator(".answer .sources")).to_contain_text("page 2")
    stored = [path for document in served.assistant.documents() for path in document.paths if "harbour" in path]
    assert [Path(path).read_bytes() for path in stored] == [data]
    assert len(list((served.assistant.path / "uploads").iterdir())) == 1  # of the broken one nothing is kept


def test_the_same_file_again_is_unchanged(page: Page) -> None:
    choose(page, ("log again.txt", LOG.encode()), ("notes.exe", b"MZ"))
    assert results(page) == ["Unchanged log again.txt"]
    expect(page.locator('.uploads [data-outcome="failed"]')).to_contain_text("of a format that is not read")


def test_files_are_dropped(page: Page) -> None:
    dropped = page.evaluate_handle(
        """() => { const data = new DataTransfer();
          data.items.add(new File(['The bell of Skerra weighs 90 kilos.'], 'bell.txt')); return data; }"""
    )
    page.locator("#library-add .drop").dispatch_event("drop", {"dataTransfer": dropped})
    assert results(page) == ["Added bell.txt"]
    expect(page.locator(".documents")).to_contain_text("The bell of Skerra weighs 90 kilos.")


def test_hostile_names_are_shown_as_what_they_are(page: Page, served: SimpleNamespace) -> None:
    """They leave the folder of uploads by no way, and do nothing on the page."""
    names = ["../../../../etc/cron.d/x.txt", "C:\\Windows\\x.txt", "/etc/passwd", "..\\..", "a\0b.txt", ".bashrc"]
    names += [f"{payload}.txt" for payload in PAYLOADS if payload.isprintable()][:40]
    before = len(served.assistant.documents())
    choose(page, *((name, f"The pilot of Skerra wrote letter number {n}.".encode()) for n, name in enumerate(names)))
    expect(page.locator(".results .label")).to_contain_text("added", timeout=60_000)
    uploads = served.assistant.path / "uploads"
    added = [Path(p) for d in served.assistant.documents() for p in d.paths if p.startswith(str(uploads))]
    assert len(served.assistant.documents()) - before == len(names) - 3  # those without a suffix are not read
    assert all(path.parent.parent == uploads and path.is_file() for path in added)
    foreign = "img, form:not([data-event]), iframe, object, embed, video, svg, math, script, style, link, base, meta"
    assert page.locator(".page .html-container").locator(foreign).count() == 0
    assert page.locator(".page").locator("[onerror], [onload], [onclick], a[href^='j']").count() == 0
    served.assistant.remove(*(d.doc_id for d in served.assistant.documents() if "letter number" in d.text))


def test_questions_are_limited_by_date_and_by_publisher(page: Page) -> None:
    page.locator("#library-filter summary").first.click()
    page.locator('[name="since"]').fill("2023")
    page.get_by_role("button", name="Use for questions").click()
    expect(page.locator("#library-scope")).to_contain_text("from 2023")
    ask(page, "How many sacks of letters did the mail boat carry?")
    expect(page.locator("#scope")).to_contain_text("Only documents of: from 2023")
    expect(page.locator(".answer")).not_to_contain_text("12 sacks")
    page.get_by_role("tab", name="Library", exact=True).click()
    page.locator('[name="since"]').fill("soon")
    page.get_by_role("button", name="Use for questions").click()
    expect(page.locator("#library-scope .error")).to_contain_text("'soon' is not a date; write it as 2025")
    page.get_by_role("button", name="All documents").click()
    expect(page.locator("#library-scope")).to_contain_text("all documents")
    page.locator("#library-filter .fold:not([open]) > summary").click()
    page.get_by_label('The Beacon <b>"{{x}}"</b> 1').check()
    page.get_by_role("button", name="Use for questions").click()
    expect(page.locator("#library-scope")).to_contain_text('The Beacon <b>"{{x}}"</b>')
    ask(page, "How many litres of oil did the lighthouse burn?")
    expect(page.locator(".answer").last).to_contain_text("40 litres")


def test_a_document_is_removed_only_after_a_second_word(page: Page, served: SimpleNamespace) -> None:
    """Its uploaded file goes too."""
    choose(page, ("anchor.txt", b"The anchor of Skerra was lost in 1911."))
    assert results(page) == ["Added anchor.txt"]
    document = page.locator(".documents > li", has_text="anchor.txt")
    (path,) = [Path(p) for d in served.assistant.documents() for p in d.paths if "anchor" in p]
    document.get_by_role("button", name="Remove The anchor").click()
    document.get_by_role("button", name="Keep").click()
    document.get_by_role("button", name="Remove The anchor").click()
    assert path.exists()
    document.locator("[data-doc]").click()
    expect(document).to_have_count(0)
    assert not path.exists()
    assert "anchor" not in str(served.assistant.documents())


def test_documents_are_found_by_title_publisher_or_file(page: Page) -> None:
    for typed, title in (("BEACON", "Keeper's log"), ("mail.t", "Post")):
        page.get_by_label("Find by title").fill(typed)
        expect(page.locator(".documents .title")).to_have_text([title])
    page.get_by_label("Find by title").fill("<img src=x>")
    expect(page.locator("#library-documents .empty")).to_contain_text("No document has “<img src=x>”")


def test_a_folder_is_kept_in_step(page: Page, tmp_path: Path) -> None:
    (tmp_path / "tide.txt").write_text("The tide table of Skerra was printed in green.")
    (tmp_path / "gull.txt").write_text("The gull of Skerra nests on the pier.")
    page.get_by_label("Keep in step with a folder").fill(str(tmp_path))
    page.get_by_role("button", name="Sync").click()
    assert sorted(results(page)) == ["Added gull.txt", "Added tide.txt"]
    (tmp_path / "tide.txt").write_text("The tide table of Skerra was printed in blue.")
    (tmp_path / "gull.txt").unlink()
    page.get_by_label("Take out what is no more in it").check()
    page.get_by_role("button", name="Sync").click()
    expect(page.locator(".results .label")).to_have_text("1 changed, 1 removed")
    page.get_by_label("Keep in step with a folder").fill("articles")
    page.get_by_role("button", name="Sync").click()
    expect(page.locator("#library-problem .error")).to_contain_text("'articles' is no whole path")


def test_models_are_listed_with_what_they_need(page: Page) -> None:
    page.locator("#library-models summary").click()
    expect(page.locator("#library-models tbody tr").first).to_contain_text("quotes in use")
    expect(page.locator("#library-models table")).to_contain_text("openai/NAME")
    assert page.locator("#library-models input").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_narrow_screen(browser: Browser, served: SimpleNamespace, scheme: str) -> None:
    with opened(browser, served.url, "Library", width=360, height=740, scheme=scheme) as page:
        expect(page.locator(".documents")).to_be_visible()
        page.locator("#library-filter summary").first.click()
        page.locator("#library-models summary").click()
        expect(page.locator("#library-models table")).to_be_visible()
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")


class Waiting(WordHashEmbedder):
    """Embeds nothing while the gate is shut."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Event()
        self.gate.set()

    def encode_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        self.gate.wait()
        return super().encode_passages(passages)


def test_asking_goes_on_while_documents_are_added(browser: Browser, tmp_path: Path) -> None:
    """A second person sees that it is going on and is told to wait; cancelling leaves the rest out."""
    (tmp_path / "log.txt").write_text(LOG)
    embedder = Waiting()
    with Assistant.open(tmp_path / "a.library", settings=Settings(), embedder=embedder) as assistant:
        assistant.add(tmp_path / "log.txt")
        embedder.gate.clear()
        with chatting(assistant) as url, opened(browser, url, "Library") as page:
            choose(page, *((f"{n}.txt", f"The pilot of Skerra wrote letter {n}.".encode()) for n in range(3)))
            expect(page.locator(".work")).to_contain_text("Adding documents")
            ask(page, "How many litres of oil did the lighthouse burn?")
            expect(page.locator(".answer")).to_contain_text("40 litres")
            with opened(browser, url, "Library") as other:
                expect(other.locator(".work")).to_be_visible()
                choose(other, ("x.txt", b"Something else."))
                expect(other.locator("#library-problem .error")).to_contain_text("being added already")
            page.get_by_role("tab", name="Library", exact=True).click()
            page.locator(".work").get_by_role("button", name="Cancel").click()
            embedder.gate.set()
            expect(page.locator(".results")).to_contain_text("2.txt")


def test_an_answer_stays_when_other_examples_come_late(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New documents bring a new welcome; it was asked for before the answer, and arrives behind it."""
    (tmp_path / "log.txt").write_text(LOG)
    asked_for, answered, late = Event(), Event(), Talk.welcome

    def welcome(talk: Talk, problem: str = "", *, again: bool = False) -> str:
        if again:
            asked_for.set()
            answered.wait()
        return late(talk, problem, again=again)

    with Assistant.open(tmp_path / "a.library", settings=Settings(), embedder=WordHashEmbedder()) as assistant:
        assistant.add(tmp_path / "log.txt")
        with chatting(assistant) as url, opened(browser, url, "Library") as page:
            settle(page)
            monkeypatch.setattr(Talk, "welcome", welcome)
            monkeypatch.setattr(Talk, "suggest", lambda *_: False)  # they would bring the answer back
            choose(page, ("mail.txt", MAIL.encode()))
            expect(page.locator("#library-documents")).to_contain_text("mail")
            assert asked_for.wait(30)
            ask(page, "How many litres of oil did the lighthouse burn?")
            expect(page.locator(".answer")).to_contain_text("40 litres")
            answered.set()
            settle(page)
            expect(page.locator(".answer")).to_contain_text("40 litres")
            expect(page.locator(".welcome")).to_have_count(0)
