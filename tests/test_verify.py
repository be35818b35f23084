"""What a cited quote carries and what it does not, one reason at a time."""

import pytest

from index.lexical import analyse
from index.types import DateInfo
from rag.types import Citation
from rag.verify import check


def citation(quote: str, *, speaker: str = "", via: str = "", published: str = "2025-03-12") -> Citation:
    precision = ("unknown", "year", "month", "day")[len(published.split("-")) if published else 0]
    date = DateInfo(published, precision, "stated" if published else "unknown")  # type: ignore[arg-type]
    return Citation(1, "a", "The harbour", "Daily", "", date, 0, len(quote), quote, speaker=speaker, via=via)


def why(sentence: str, *cited: Citation, close: float = 1.0) -> str:
    """The reason of a refusal, "" when the sentence is carried."""
    verdict = check(sentence, cited, analyse=analyse, closeness=lambda *_: close)
    return "" if verdict.supported else verdict.why


FERRY = citation("On Tuesday Jana Horak offered a 30-day pause, but she did not close the 2,500 berths in Bergen.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Horak offered a pause of thirty days.",
        "On 11 March 2025 Jana Horak offered a 30-day pause.",
        "Horak did not close the 2500 berths.",
        "The offer was made on Tuesday, 11 March.",
        "In March 2025 Horak offered a pause.",
    ],
)
def test_a_faithful_sentence_is_carried(sentence: str) -> None:
    """Numbers in words, dates that follow from the document's own, a last name alone."""
    assert why(sentence, FERRY) == ""


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Horak offered a 60-day pause.", "the number 60 is not in the quote"),
        ("Horak offered a pause of 2,500 days.", "the number 2,500 is of something else in the quote"),
        ("On 12 April Horak offered a pause.", "a date in it is neither in the quote nor follows"),
        ("On Friday Horak offered a 30-day pause.", "Friday is not in the quote"),
        ("Olsen was told that Horak offered a pause.", "Olsen is not in the quote"),
        ("Horak offered a pause in Oslo.", "Oslo is not in the quote"),
        ("Horak did close the 2,500 berths in Bergen.", "leaves out a denial of the quote"),
        ("Horak never offered a 30-day pause.", "denies what the quote does not deny"),
    ],
)
def test_an_altered_sentence_is_refused_with_what_differs(sentence: str, reason: str) -> None:
    """Number, unit, date, weekday, name, negation."""
    assert why(sentence, FERRY).startswith(reason)


CLAIM = citation("Horak claimed that the harbour may reopen soon.", speaker="Jana Horak", via="Radio Bergen")


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Horak claimed that the harbour may reopen soon.", ""),
        ("The harbour may reopen soon, Horak said.", ""),
        ("The harbour may reopen soon.", "states as a fact what Jana Horak says"),
        ("The minister said that the harbour may reopen soon.", "the quote gives it as what Jana Horak says"),
        ("Horak is here, and the harbour will reopen soon.", "states as certain what the quote calls possible"),
    ],
)
def test_a_claim_stays_a_claim_of_whoever_made_it(sentence: str, reason: str) -> None:
    """Told as a fact, put into another mouth, or made certain, it is no longer what the source says."""
    assert why(sentence, CLAIM) == reason


def test_a_document_without_a_date_gives_relative_days_no_meaning() -> None:
    """What "Tuesday" was cannot be known."""
    undated = citation("On Tuesday Horak left.", published="")
    assert why("Horak left on 11 March 2025.", undated).startswith("a date in it")
    assert why("Horak left on Tuesday.", undated) == ""


def test_a_sentence_that_cites_nothing_is_not_carried() -> None:
    """However true."""
    assert why("Horak left.") == "cites nothing"


def test_a_sentence_far_from_its_quote_is_refused() -> None:
    """When nothing else differs, the meaning still must be near."""
    assert why("Horak offered a pause.", FERRY, close=0.2) == "its meaning is too far from the quote (0.20)"


def test_a_verdict_says_what_agreed() -> None:
    """In a few words."""
    verdict = check("On Tuesday Horak offered a 30-day pause.", [FERRY], analyse=analyse, closeness=lambda *_: 1.0)
    assert (verdict.supported, verdict.why) == (True, "numbers, dates, names, meaning agree")
