"""How an answer names its sources."""

import pytest

from index.types import DateInfo, Document
from rag.cite import answer_text, introduce, quoted_claims, say_date
from rag.types import Attribution, Citation

DOCUMENT = Document(
    "d1",
    "The bridge",
    "It opened in March. “We are glad,” the mayor said.",
    source="The Courier",
    published=DateInfo("2025-05-20", "day", "stated"),
    pages=(0, 20),
)


@pytest.mark.parametrize(
    ("date", "words"),
    [
        (DateInfo("2025-05-20", "day", "stated"), "20 May 2025"),
        (DateInfo("2024-05", "month", "inferred", "the summit"), "May 2024 (inferred)"),
        (DateInfo("2023", "year", "metadata"), "2023"),
        (DateInfo(), "undated"),
    ],
)
def test_a_date_is_said_no_more_exactly_than_it_is_known(date: DateInfo, words: str) -> None:
    """A month stays a month, and what was inferred says so."""
    assert say_date(date) == words


def test_a_quote_is_introduced_by_source_date_and_speaker() -> None:
    """The publisher, the day, who speaks and through whom."""
    citation = Citation.of(DOCUMENT, 20, 50, marker=1, attribution=Attribution("the mayor", "the radio", True))
    assert introduce(citation) == "The Courier, 20 May 2025 — the mayor, via the radio"
    assert citation.page == 2


def test_without_a_publisher_the_title_stands_for_it() -> None:
    """An unknown publisher is not made up."""
    nameless = Document("d2", "Notes", "It rained.")
    assert introduce(Citation.of(nameless, 0, 10, marker=1)) == "‘Notes’, undated"


def test_a_claim_is_the_introduction_and_the_exact_words() -> None:
    """Each line ends in the marker of its citation."""
    claims = quoted_claims([Citation.of(DOCUMENT, 0, 19, marker=3)])
    assert answer_text(claims) == "The Courier, 20 May 2025: “It opened in March.” [3]"
    assert claims[0].support == "quoted"


@pytest.mark.parametrize(("start", "end"), [(-1, 4), (4, 4), (5, 2), (0, 51)])
def test_a_citation_outside_its_document_cannot_be_made(start: int, end: int) -> None:
    """Offsets must lie in the text and in order."""
    with pytest.raises(ValueError, match="outside document 'd1'"):
        Citation.of(DOCUMENT, start, end, marker=1)


def test_a_citation_knows_whether_it_still_stands() -> None:
    """The same offsets in another text are not the same quote."""
    citation = Citation.of(DOCUMENT, 0, 19, marker=1)
    assert citation.stands_in(DOCUMENT)
    assert not citation.stands_in(Document("d1", "The bridge", "It closed in March. And so on, and so on, and on."))
