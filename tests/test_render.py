"""Foreign text reaches the page as text and as nothing else."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import DateInfo, Document, Passage
from rag.types import Answer, Attribution, Citation, Claim, Hit, Reason
from tests.hostile import BAD_URLS, PAYLOADS
from ui import render, terminal

TAGS = {
    "a",
    "article",
    "bdi",
    "blockquote",
    "button",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "h2",
    "h3",
    "header",
    "i",
    "label",
    "li",
    "mark",
    "ol",
    "nav",
    "option",
    "p",
    "q",
    "section",
    "select",
    "span",
    "strong",
    "summary",
    "textarea",
    "ul",
}
ATTRIBUTES = {
    "aria-controls",
    "aria-current",
    "aria-describedby",
    "aria-expanded",
    "aria-hidden",
    "aria-label",
    "aria-live",
    "aria-pressed",
    "class",
    "data-again",
    "data-citation",
    "data-close",
    "data-comment",
    "data-conversation",
    "data-delete",
    "data-example",
    "data-hand",
    "data-handed",
    "data-hit",
    "data-name",
    "data-new",
    "data-next",
    "data-over",
    "data-rename",
    "data-run",
    "data-status",
    "data-support",
    "data-text",
    "data-toggle",
    "data-turn",
    "data-verdict",
    "data-writer",
    "dir",
    "href",
    "id",
    "maxlength",
    "placeholder",
    "referrerpolicy",
    "rel",
    "role",
    "rows",
    "selected",
    "tabindex",
    "target",
    "title",
    "type",
    "value",
}
ODD = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]")


class Page(HTMLParser):
    """Collects what a browser would build: tags, attributes, text, and the text inside the mark."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = self.marked = self.quoted = ""
        self._inside: list[str] = []
        self.feed(markup)
        self.close()
        assert self._inside == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._inside.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self._inside:
            self.marked += data
        if "q" in self._inside:
            self.quoted += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl!r}")

    unknown_decl = handle_decl
    handle_pi = handle_comment

    def check(self) -> "Page":
        for tag, attributes in self.tags:
            assert tag in TAGS
            assert set(attributes) <= ATTRIBUTES
            if "href" in attributes:
                assert attributes["href"].startswith(("http://", "https://"))
                assert attributes["rel"] == "noopener noreferrer nofollow"
        return self


def document(**fields: object) -> Document:
    base = Document(
        doc_id="d1",
        title="A title",
        text="First sentence.\n\nThe cited sentence stands here. Last one.",
        source="The Paper",
        author="A. Author",
        url="https://example.org/a",
        published=DateInfo("2024-05", "month", "inferred", "the summit in June is weeks away"),
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def answer(doc: Document, **fields: object) -> Answer:
    start = doc.text.index("The cited")
    end = doc.text.index(" Last")
    citation = Citation.of(doc, start, end, marker=1, attribution=Attribution("A Speaker", "The Wire"))
    claim = Claim(f"The Paper, May 2024: “{citation.quote}” [1]", (1,), "quoted")
    hit = Hit(Passage("d1", 0, start, end), 0.5, citation.quote)
    base = Answer("Who?", claim.text, "answered", claims=(claim,), citations=(citation,), hits=(hit,), asked_as="Who?")
    return replace(base, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_hostile_string_in_any_field_stays_text(payload: str) -> None:
    """The question, every field of a document and of an answer, in every page that is made of them."""
    doc = document(
        title=payload,
        text=f"{payload}\n\nThe cited {payload} sentence. Last {payload}",
        source=payload,
        author=payload + " author",
        url=payload,
        published=DateInfo("2024-05", "month", "inferred", payload),
    )
    made = answer(doc, question=payload, asked_as=f"as {payload}", reason=payload)
    made = replace(
        made,
        citations=(replace(made.citations[0], speaker=payload, via=payload),),
        claims=(*made.claims, Claim(f"{payload} [1]", (1,), "unsupported", why=payload)),
    )
    nothing = replace(made, status="abstained", text=payload, citations=(), claims=())
    start, end = made.citations[0].start, made.citations[0].end
    pages = (
        render.answer_html(made),
        render.answer_html(replace(made, claims=(), status=payload)),  # type: ignore[arg-type]
        render.answer_html(nothing, titles={"d1": payload}),
        render.sources_html(made),
        render.document_html(doc, start, end),
        render.question_html(payload),
        render.error_html(payload),
    )
    for markup in pages:
        page = Page(markup).check()
        assert not any(tag == "a" for tag, _ in page.tags)  # no payload is an address
        assert not ODD.search(markup)
        assert "{{" not in markup
        assert "${" not in markup
        assert "`" not in markup
        assert "".join(markup.split()).count("<script") == 0
        if not ODD.search(payload):
            assert payload in page.text


@pytest.mark.parametrize("payload", [p for p in PAYLOADS if not ODD.search(p)])
def test_the_mark_holds_exactly_the_sentence_at_the_stored_offsets(payload: str) -> None:
    text = f"{payload}\n\nBefore {payload}. The {payload} sentence. After {payload}"
    start = text.index("The ")
    end = text.index(" After")
    page = Page(render.document_html(document(text=text), start, end)).check()
    assert page.marked == text[start:end]
    assert text in page.text
    assert ("mark", {"id": "cited", "tabindex": "0"}) in page.tags


@given(st.text(min_size=1), st.data())
def test_any_slice_of_any_text_is_marked_as_it_is(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    page = Page(render.document_html(document(text=text), start, end)).check()
    if not render._ODD.search(text):
        assert page.marked == text[start:end]
    else:
        assert page.marked == Page(render.safe(text[start:end])).text


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (3, 3), (4, 2), (0, 10_000)])
def test_offsets_outside_the_text_are_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="outside document 'd1'"):
        render.document_html(document(), start, end)


@pytest.mark.parametrize("url", BAD_URLS)
def test_an_address_that_is_no_web_page_is_not_a_link(url: str) -> None:
    page = Page(render.document_html(document(url=url), 0, 5)).check()
    assert not any(tag == "a" for tag, _ in page.tags)


def test_a_web_address_is_a_link_that_tells_the_site_nothing() -> None:
    page = Page(render.sources_html(answer(document(url="https://example.org/a?b=1&c='2'")))).check()
    (link,) = [attributes for tag, attributes in page.tags if tag == "a"]
    assert link["href"] == "https://example.org/a?b=1&c='2'"
    assert link["referrerpolicy"] == "no-referrer"


def test_invisible_characters_are_shown_by_their_numbers() -> None:
    assert Page(render.safe("a\u202eb")).text == "a⟨U+202E⟩b"
    assert Page(render.safe("a\U000e0041\U000e0042\U000e0043b")).text == "a⟨U+E0041 and 2 more⟩b"
    assert render.safe_attribute('"\x00') == "&quot;⟨U+0000⟩"


def test_joiners_and_line_ends_that_real_text_needs_are_kept() -> None:
    text = "می‌خواهم 👩‍👩‍👧 co\u00adop\n\ttab"
    assert render.safe(text) == text


@pytest.mark.parametrize(
    ("published", "short", "full"),
    [
        (DateInfo("2025-05-20", "day", "stated"), "20 May 2025", "20 May 2025"),
        (DateInfo("2024-05", "month", "inferred"), "May 2024 (inferred)", "May 2024 (inferred)"),
        (DateInfo("2024-05", "month", "inferred", "a clue"), "May 2024 (inferred)", "May 2024 (inferred: a clue)"),
        (DateInfo("2023", "year", "metadata"), "2023", "2023"),
        (DateInfo("2023-12-01", "day", "stated"), "1 December 2023", "1 December 2023"),
        (DateInfo(), "date unknown", "date unknown"),
    ],
)
def test_a_date_is_written_as_exactly_as_it_is_known(published: DateInfo, short: str, full: str) -> None:
    assert render.date_words(published) == short
    assert render.date_words(published, reason=True) == full


def test_a_source_says_who_when_how_it_is_known_where_and_in_which_words() -> None:
    doc = document(pages=(0, 10))
    page = Page(render.sources_html(answer(doc)))
    for part in (
        "A title",
        "The Paper · May 2024 (inferred) · page 2 · speaker: A Speaker · via The Wire · original",
        "inferred: the summit in June is weeks away",
        "The cited sentence stands here.",
    ):
        assert part in page.text


def test_a_quoted_claim_shows_its_quote_and_ends_in_its_marker() -> None:
    """The quote stands in the claim, over its marker, and marked in its passage."""
    page = Page(render.answer_html(answer(document()), turn=4))
    assert page.quoted == "The cited sentence stands here."
    assert page.marked == "The cited sentence stands here."
    (marker,) = [a for tag, a in page.tags if tag == "button" and a["class"] == "cite"]
    assert (marker["data-turn"], marker["data-citation"]) == ("4", "1")
    (tip,) = [a for tag, a in page.tags if a.get("role") == "tooltip"]
    assert tip["id"] == marker["aria-describedby"]
    assert page.text.count("[1]") == 1
    assert "Answeredfrom 1 document" in page.text


def test_a_sentence_is_marked_in_what_stands_around_it_cut_between_words() -> None:
    before, cited, after = "word " * 60, "The cited sentence.", " rest" * 60
    doc = document(text=before + cited + after)
    made = answer(document())
    citation = Citation.of(doc, len(before), len(before) + len(cited), marker=1)
    hit = Hit(Passage("d1", 0, 0, len(doc.text)), 0.5, doc.text)
    page = Page(render.sources_html(replace(made, citations=(citation,), hits=(hit,)))).check()
    assert page.marked == cited
    assert "… " + "word " * 39 + cited + " rest" * 39 + " …" in page.text


def test_a_source_that_was_not_read_as_a_passage_shows_its_sentence_alone() -> None:
    page = Page(render.sources_html(replace(answer(document()), hits=())))
    assert page.marked == "The cited sentence stands here."


def test_a_number_in_brackets_inside_a_quote_is_the_documents_own() -> None:
    made = answer(document(), claims=(Claim("It says “as [7] shows” here [7]", (1,), "supported"),))
    page = Page(render.answer_html(made))
    assert "as [7] shows” here [7] [1]" in page.text
    assert sum(tag == "button" and a["class"] == "cite" for tag, a in page.tags) == 1


def test_a_marker_that_names_no_citation_is_no_button() -> None:
    page = Page(render.answer_html(answer(document(), claims=(Claim("A sentence. [9]", (9,), "supported"),))))
    assert not any(a.get("class") == "cite" for _, a in page.tags)


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        ("abstained", "no_evidence", "Not in these documentsno sentence of the documents answers this"),
        ("abstained", "empty_library", "Not in these documentsthe library holds no documents yet"),
        ("partial", "conflicting", "Partly answeredthe sources contradict each other"),
        ("partial", "", "Partly answeredwhat the sources do not carry was left out"),
        ("error", "", "Failed"),
    ],
)
def test_status_and_reason_are_said_in_words(status: str, reason: str, words: str) -> None:
    made = answer(document(), status=status, reason=reason, text="Nothing.", citations=(), claims=())
    assert words in Page(render.answer_html(made)).text


def test_an_abstention_shows_the_closest_passages_to_open() -> None:
    made = answer(
        document(), status="abstained", reason="no_evidence", text="They do not say.", citations=(), claims=()
    )
    page = Page(render.answer_html(made, turn=2, titles={"d1": "A title"})).check()
    assert "They do not say." in page.text
    (button,) = [a for tag, a in page.tags if tag == "button"]
    assert (button["data-turn"], button["data-hit"]) == ("2", "1")
    assert "A title" in page.text


def test_a_rewritten_question_is_shown_as_it_was_understood() -> None:
    assert "Understood as: Who spoke?" in Page(render.answer_html(answer(document(), asked_as="Who spoke?"))).text


def test_every_reason_has_its_words_in_the_page_and_on_the_terminal() -> None:
    """A new one would else be shown as its name."""
    assert set(get_args(Reason)) - {""} <= render._REASONS.keys()
    assert set(get_args(Reason)) <= terminal.REASONS.keys()
