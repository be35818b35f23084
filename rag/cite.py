"""Citations to claims and the answer's text. The only place that words an introduction."""

import calendar
from collections.abc import Sequence
from dataclasses import replace

from index.types import DateInfo
from rag.types import Citation, Claim

_MONTHS = tuple(calendar.month_name)[1:]


def say_date(published: DateInfo) -> str:
    """ "20 May 2025", "May 2024 (inferred)", "undated"."""
    if not published.value:
        return "undated"
    year, *rest = published.value.split("-")
    words = [str(int(rest[1]))] if len(rest) == 2 else []
    words += [_MONTHS[int(rest[0]) - 1]] if rest else []
    inferred = " (inferred)" if published.basis == "inferred" else ""
    return " ".join([*words, year]) + inferred


def introduce(citation: Citation) -> str:
    """Where the words come from: publisher (else title), date, then who speaks through whom."""
    words = f"{citation.source or f'‘{citation.title}’'}, {say_date(citation.published)}"
    if citation.speaker or citation.via:
        words += f" — {citation.speaker or 'unnamed'}" + (f", via {citation.via}" if citation.via else "")
    return words


def introduce_document(citation: Citation) -> str:
    """What a model is told of the document: title, publisher, date."""
    source = f", {citation.source}" if citation.source else ""
    return f"‘{citation.title}’{source}, {say_date(citation.published)}"


def renumbered(
    claims: Sequence[Claim], citations: Sequence[Citation]
) -> tuple[tuple[Claim, ...], tuple[Citation, ...]]:
    """The citations that the claims use, numbered from 1 in the order of their first use."""
    by_marker = {c.marker: c for c in citations}
    used = list(dict.fromkeys(marker for claim in claims for marker in claim.markers))
    number = {marker: i for i, marker in enumerate(used, 1)}
    return (
        tuple(replace(claim, markers=tuple(number[m] for m in claim.markers)) for claim in claims),
        tuple(replace(by_marker[marker], marker=number[marker]) for marker in used),
    )


def quoted_claims(citations: Sequence[Citation]) -> tuple[Claim, ...]:
    """A claim for each citation: its introduction and its exact words."""
    return tuple(
        Claim(f"{introduce(c)}: “{c.quote}”", (c.marker,), "quoted", "the words stand in the source") for c in citations
    )


def answer_text(claims: Sequence[Claim]) -> str:
    """One claim a line, each followed by its markers."""
    return "\n".join(f"{claim.text} {''.join(f'[{marker}]' for marker in claim.markers)}".rstrip() for claim in claims)
