"""The report of an evaluation: one page that loads nothing, whose rows and points list their questions."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from eval.compare import compare
from eval.judge import Outcome
from eval.pairs import PairOutcome
from eval.report_html import report_html, write_report
from eval.runner import Asked, Evaluation, summarise, without_texts
from index.errors import DocumentError
from tests.hostile import PAYLOADS


def outcome(number: int) -> Outcome:
    right, answerable = number % 3 != 0, number % 5 != 0
    return Outcome(
        f"q{number}",
        "fact" if answerable else "unanswerable",
        answerable,
        domain="handbook" if number % 2 else "statute",
        question=f"What is {number}?",
        expected=(f"{number} euros",),
        text=f"It is {number} euros.",
        documents=("Fees",),
        status="answered" if number % 7 else "abstained",
        seconds=0.05,
        evidence=right if answerable else None,
        evidence_all=right if answerable else None,
        first=right if answerable else None,
        citations=1,
        citations_right=int(right) if answerable else None,
        accepted=right if answerable else None,
        probability=number % 20 / 20,
        right=right and answerable,
    )


PAIRS = (
    PairOutcome("p1", "unit", True, True, "handbook", "12 weeks", "It is twelve weeks.", "numbers agree"),
    PairOutcome("p2", "name", False, True, "handbook", "Ada came.", "Eda came.", ""),
)


def made() -> Evaluation:
    asked = Asked(tuple(outcome(number) for number in range(1, 61)), PAIRS, library="lib", documents=3)
    return summarise([asked], name="made")


def data(page: str) -> dict[str, dict[str, list[int]]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_a_row_lists_the_questions_that_count_for_its_figure_wrong_ones_first() -> None:
    evaluation = made()
    held = data(report_html(evaluation))
    rows: list[dict[str, object]] = held["rows"]  # type: ignore[assignment]
    listed = [rows[number] for number in held["lists"]["figure:evidence"]]
    assert {row["id"] for row in listed} == {o.id for o in evaluation.outcomes if o.evidence is not None}
    rights = [row["right"] for row in listed]
    assert rights == sorted(rights)
    assert {row["id"] for row in (rows[n] for n in held["lists"]["kind of change:name"])} == {"p2"}
    assert {row["id"] for row in (rows[n] for n in held["lists"]["figure:pairs_refused"])} == {"p2"}


def test_a_figure_of_a_kind_or_a_set_stands_with_its_interval() -> None:
    evaluation = made()
    figure = evaluation.kinds["fact"]["evidence"]
    page = report_html(evaluation)
    assert f"<td>{figure.value:.2f} ({figure.low:.2f} – {figure.high:.2f})</td>" in page


def test_a_point_lists_the_questions_that_it_stands_for() -> None:
    evaluation = made()
    held = data(report_html(evaluation))
    rows: list[dict[str, object]] = held["rows"]  # type: ignore[assignment]
    kind = {rows[number]["id"] for number in held["lists"]["kind:unanswerable"]}
    assert kind == {o.id for o in evaluation.outcomes if not o.answerable}
    tenth = {rows[number]["id"] for number in held["lists"]["bin:0.3"]}
    assert tenth == {o.id for o in evaluation.outcomes if o.probability in (0.3, 0.35)}
    covers = {key: len(numbers) for key, numbers in held["lists"].items() if key.startswith("cover:")}
    assert {round(60 * float(key.partition(":")[2])): n for key, n in covers.items()} == {n: n for n in covers.values()}


def test_the_page_names_no_address_and_forbids_to_load_anything() -> None:
    page = report_html(made())
    assert not re.search(r"https?://|//[a-z]|url\(|@import|<img|<link|src=", page)
    assert "default-src 'none'" in page


def test_what_differs_from_an_earlier_run_stands_first_with_its_questions() -> None:
    old = made()
    worse = [replace(o, evidence=False, accepted=False) if o.kind == "fact" else o for o in old.outcomes]
    new = summarise([Asked(tuple(worse), PAIRS)], name="made")
    page = report_html(new, compare(old, new))
    held = data(page)
    turned = {
        o.id for o, before in zip(worse, old.outcomes, strict=True) if before.evidence and before.status == "answered"
    }
    rows: list[dict[str, object]] = held["rows"]  # type: ignore[assignment]
    assert {rows[number]["id"] for number in held["lists"]["turned:became wrong"]} == turned
    assert page.index("Compared") < page.index("<h2>Figures</h2>")
    assert '<td class="worse">worse</td>' in page


def test_foreign_text_is_only_ever_text() -> None:
    hostile = "".join(PAYLOADS) + "</script><script>alert(1)</script>"
    first = replace(outcome(1), question=hostile, text=hostile, kind=hostile, domain=hostile, documents=(hostile,))
    evaluation = replace(summarise([Asked((first, outcome(2)), remarks=(hostile,))], name=hostile), model=hostile)
    page = report_html(evaluation)
    assert page.count("<script") == page.count("</script>") == 2
    assert "<script>alert" not in page
    assert not re.search(r"<(?:img|svg on|iframe|form|input|object|embed|video|math)\b", page)
    rows: list[dict[str, object]] = data(page)["rows"]  # type: ignore[assignment]
    assert rows[0]["asked"] == hostile


def test_a_set_that_is_never_looked_at_shows_judgements_alone() -> None:
    page = report_html(replace(without_texts(made()), uses=("held_out",)))
    assert "Held out: neither questions nor answers are kept." in page
    assert "What is" not in page
    assert "twelve" not in page


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot write"):
        write_report(made(), tmp_path / "no" / "page.html")
    write_report(made(), tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
