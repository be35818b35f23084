"""When a text was published is read, never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.dates import day_range, find_date, from_iso, stated_date
from index.types import DateInfo


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2025", DateInfo("2025", "year", "stated")),
        ("2025-05", DateInfo("2025-05", "month", "stated")),
        (" 2025-05-20 ", DateInfo("2025-05-20", "day", "stated")),
        ("2025-05-20T23:59:00+02:00", DateInfo("2025-05-20", "day", "stated")),
        ("2025-05-20 23:59", DateInfo("2025-05-20", "day", "stated")),
        ("2024-02-29", DateInfo("2024-02-29", "day", "stated")),
        ("", DateInfo()),
    ],
)
def test_a_date_is_as_exact_as_it_is_written(value: str, date: DateInfo) -> None:
    """A year, a month or a day; a time behind a day is cut off; nothing is unknown."""
    assert from_iso(value) == date


@pytest.mark.parametrize(
    "value",
    ["2025-", "2025-0", "2025-05-", "2025-05-2", "20250520", "2025-W21-2", "2025-140", "2025-13", "2025-02-29", "25",
     "May 2025", "0000", "２０２５", "2025-05-20x"],
)  # fmt: skip
def test_what_is_not_an_iso_date_is_refused(value: str) -> None:
    """Half-typed dates, days that do not exist, weeks, ordinal days, words."""
    with pytest.raises(ValueError, match=r"."):
        from_iso(value)


def test_a_basis_is_one_of_three_words() -> None:
    """How a date is known is itself known."""
    assert from_iso("2025", "inferred", "the events") == DateInfo("2025", "year", "inferred", "the events")
    with pytest.raises(ValueError, match="basis 'guessed'"):
        from_iso("2025", "guessed")  # type: ignore[arg-type]


@given(st.text(alphabet="0123456789-TW: ", max_size=12))
def test_every_accepted_date_has_the_precision_of_its_length(value: str) -> None:
    """Whatever is typed is refused with ValueError or is a whole date."""
    try:
        found = from_iso(value)
    except ValueError:
        return
    assert found.precision == {0: "unknown", 4: "year", 7: "month", 10: "day"}[len(found.value)]


def test_a_date_does_not_claim_a_precision_it_lacks() -> None:
    """The type itself refuses "2025" as a day."""
    with pytest.raises(ValueError, match="'2025' does not have the precision 'day'"):
        DateInfo("2025", "day", "stated")


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Published 20 May 2025", "2025-05-20"),
        ("Tue, 3rd of nothing; 3rd June, 2024", "2024-06-03"),
        ("May 20, 2025", "2025-05-20"),
        ("SEPT. 1st 2023", "2023-09-01"),
        ("log_2023-05-26", "2023-05-26"),
        ("2023.05.26", "2023-05-26"),
        ("on 31 June 2024 or 1 July 2024", "2024-07-01"),  # June has no 31st
        ("May 20, 2025, updated 22 May 2025", "2025-05-20"),
        ("2024-01-02, that is 1 February 2023", "2024-01-02"),
        ("May 2025", ""),
        ("in 2025, 20 people", ""),
        ("call 555-2023-05-266", ""),
        ("20 May 1825", ""),
    ],
)
def test_the_first_full_date_in_a_text_is_found(text: str, date: str) -> None:
    """Day first, month first or ISO, whichever comes first; not a month alone, not a day that does not exist."""
    assert find_date(text) == date


def test_a_byline_states_the_date() -> None:
    """A short line near the top that is no sentence."""
    text = "Talks resume\n\nBy Ann Lee | 20 May 2025\n\nOn 1 May 2025 it rained.\n"
    assert stated_date(text) == DateInfo("2025-05-20", "day", "stated")


@pytest.mark.parametrize(
    "text",
    [
        "Talks resume\n\nThey met on 20 May 2025.\n",
        "Talks resume\n\n" + "Before 20 May 2025 " * 7 + "\n",
        "\n".join(f"line {n}" for n in range(8)) + "\n20 May 2025\n",
    ],
)
def test_a_date_in_a_sentence_or_further_down_is_not_the_texts_own(text: str) -> None:
    """What the text speaks of is not when it was published."""
    assert stated_date(text) == DateInfo()


def test_a_files_name_dates_it_where_the_text_does_not() -> None:
    """And says that it was the name."""
    assert stated_date("No date.", "report_2023-05-26_final") == DateInfo(
        "2023-05-26", "day", "metadata", "the file's name"
    )
    assert stated_date("20 May 2025\nWords.", "2023-05-26").value == "2025-05-20"


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        ("2025", "2025-01-01", "2025-12-31"),
        ("2025-02", "2025-02-01", "2025-02-31"),
        ("2025-02-03", "2025-02-03", "2025-02-03"),
        ("", "", ""),
    ],
)
def test_a_coarse_date_stands_for_all_its_days(value: str, first: str, last: str) -> None:
    """From the first to the last day that it can mean."""
    assert day_range(value) == (first, last)
