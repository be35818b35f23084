"""When a text says it was published: text -> DateInfo. Guesses nothing: what is not stated stays unknown."""

import re
from datetime import date

from index.types import Basis, DateInfo, Precision

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY_FIRST = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+{_MONTH},?\s+(?P<year>(?:19|20)\d\d)\b", re.IGNORECASE
)
_MONTH_FIRST = re.compile(
    rf"\b{_MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>(?:19|20)\d\d)\b", re.IGNORECASE
)
_ISO = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)[-_.](?P<month>0[1-9]|1[0-2])[-_.](?P<day>0[1-9]|[12]\d|3[01])(?!\d)")
_ISO_DATE = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
_HEAD_LINES = 8
_BYLINE_CHARS = 120
_PRECISIONS: dict[int, Precision] = {0: "unknown", 4: "year", 7: "month", 10: "day"}


def from_iso(value: str, basis: Basis = "stated", reason: str = "") -> DateInfo:
    """ "2025", "2025-05", "2025-05-20" (a time behind it is cut off) or "". Raises ValueError for anything else."""
    value = value.strip()
    if len(value) > 10 and value[10] in "T ":
        value = value[:10]
    if not value:
        return DateInfo()
    if not _ISO_DATE.fullmatch(value):  # date.fromisoformat alone would also take weeks, "2025-W21-2"
        raise ValueError(f"date {value!r} is not written as 2025, 2025-05 or 2025-05-20")
    date.fromisoformat(value + "-01-01"[len(value) - 4 :])
    if basis not in ("stated", "metadata", "inferred"):
        raise ValueError(f"basis {basis!r} is not stated, metadata or inferred")
    return DateInfo(value, _PRECISIONS[len(value)], basis, reason)


def stated_date(text: str, file_stem: str = "") -> DateInfo:
    """The first full date in a short line near the top (a byline, not a sentence), else one in the file's name."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    for line in lines[:_HEAD_LINES]:
        if len(line) <= _BYLINE_CHARS and not line.endswith((".", "?", "!", ",", ";")):
            found = find_date(line)
            if found:
                return DateInfo(found, "day", "stated")
    named = _ISO.search(file_stem)
    if named:
        return DateInfo("-".join(named.group("year", "month", "day")), "day", "metadata", "the file's name")
    return DateInfo()


def find_date(text: str) -> str:
    """The first full date in the text as ISO 8601, or ""."""
    matches = [match for pattern in (_DAY_FIRST, _MONTH_FIRST, _ISO) for match in pattern.finditer(text)]
    for match in sorted(matches, key=lambda match: match.start()):
        month = match["month"].lower()
        number = int(month) if month.isdigit() else _MONTHS.index(month[:3]) + 1
        try:
            return date(int(match["year"]), number, int(match["day"])).isoformat()
        except ValueError:  # 31 June: not a date, look on
            continue
    return ""


def day_range(value: str) -> tuple[str, str]:
    """First and last ISO day that a value of any precision can mean: "2025-05" -> ("2025-05-01", "2025-05-31").

    The last day of a month is given as 31 whatever its length: the strings are compared, never parsed.
    """
    return {0: ("", ""), 4: (f"{value}-01-01", f"{value}-12-31"), 7: (f"{value}-01", f"{value}-31")}.get(
        len(value), (value, value)
    )
