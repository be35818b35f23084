"""An evaluation to one HTML file that needs no network: tables, charts in SVG, and the questions behind each figure.

A click on a row or a point lists its questions with their answers, those that fall short first. Foreign text is only
ever data: escaped in the page, or JSON that the script puts in as text.
"""

import json
from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path, PurePath

import numpy as np

from eval import measures
from eval.compare import Comparison, Turned
from eval.figures import MEASURES, Figure, Judged, judged_right
from eval.judge import Outcome
from eval.pairs import PairOutcome
from eval.report import (
    Grouped,
    cell,
    difference_rows,
    figure_rows,
    group_tables,
    interval_words,
    turned_lists,
    with_unit,
    write_whole,
)
from eval.runner import Evaluation

_LEFT, _TOP, _WIDTH, _HEIGHT = 44, 12, 300, 190  # of a chart's field, in user units
_POINTS = 12  # of a curve that can be clicked: no two closer than a finger
# Of a kind's questions the first of these that some question of it counts for.
_KIND_FIGURES = ("evidence_all", "near_misses", "premises", "accepted", "abstained_rightly", "recall_at_1")


def write_report(evaluation: Evaluation, out: Path, comparison: Comparison | None = None) -> None:
    """Raises DocumentError when it cannot be written."""
    write_whole(report_html(evaluation, comparison), out)


def report_html(evaluation: Evaluation, comparison: Comparison | None = None) -> str:
    """The whole page. comparison: with an older evaluation, shown first."""
    lists = _Lists(evaluation)
    parts = [
        _header(evaluation),
        "<div>",
        _comparison(comparison, lists) if comparison else "",
        _section("Figures", _figures_table(evaluation, lists)),
        _charts(evaluation, lists),
        *(_section(f"By {grouped.words}", _group_table(grouped, lists)) for grouped in group_tables(evaluation)),
        _section("Notes on the sets", "".join(f"<p>{escape(remark)}</p>" for remark in evaluation.remarks))
        if evaluation.remarks
        else "",
        "</div>",
        _QUESTIONS,
    ]
    # A script's content is raw text: "<" would be enough to end it.
    data = json.dumps(lists.data(), ensure_ascii=False).replace("<", "\\u003c")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">"
        f"<title>{escape(evaluation.name)} · evaluation</title><style>{_asset('report.css')}</style></head>"
        f'<body><main>{"".join(parts)}</main><script type="application/json" id="data">{data}</script>'
        f"<script>{_asset('report.js')}</script></body></html>\n"
    )


_QUESTIONS = (
    '<section id="list" aria-labelledby="list-heading" tabindex="0">'
    '<h2 id="list-heading" tabindex="-1">Questions</h2>'
    '<p id="list-note" class="soft" role="status">Click a row or a point to list its questions with their answers.</p>'
    '<button type="button" class="plain" id="back" hidden>Back to what was clicked</button>'
    '<ol id="list-items"></ol><div id="list-pages"></div></section>'
)


class _Lists:
    """The questions behind everything that can be clicked, as numbers of rows."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.judged: list[Judged] = [*evaluation.outcomes, *evaluation.pairs]
        self._number = {id(one): number for number, one in enumerate(self.judged)}
        self._by_id = {(type(one), one.domain, one.id): number for number, one in enumerate(self.judged)}
        self._right = [judged_right(one) for one in self.judged]
        self._lists: dict[str, list[int]] = {}

    def button(self, key: str, words: str, of: Callable[[Judged], bool]) -> str:
        """A button that lists the questions of which `of` holds."""
        return f'<button type="button" {self.attributes(key, words, of)}>{escape(words)}</button>'

    def attributes(self, key: str, words: str, of: Callable[[Judged], bool]) -> str:
        return self._attributes(key, words, [number for number, one in enumerate(self.judged) if of(one)])

    def of_turned(self, key: str, words: str, turned: Sequence[Turned]) -> str:
        named = [(type(one.new), one.domain, one.id) for one in turned]
        numbers = [self._by_id[one] for one in named if one in self._by_id]
        return f'<button type="button" class="plain" {self._attributes(key, words, numbers)}>{escape(words)}</button>'

    def _attributes(self, key: str, words: str, numbers: list[int]) -> str:
        self._lists[key] = sorted(numbers, key=lambda number: self._right[number])
        return f'data-list="{escape(key)}" data-words="{escape(words)}"'

    def data(self) -> dict[str, object]:
        return {"lists": self._lists, "rows": [_row(one) for one in self.judged]}


def _row(judged: Judged) -> dict[str, object]:
    """What is listed of one question or pair. Without texts there is its number and the judgement."""
    about = [judged.domain, judged.id, judged.kind]
    if isinstance(judged, PairOutcome):
        facts = [
            ("Quote", judged.quote),
            ("Known", "supported" if judged.supported else "not supported"),
            ("Verifier", " – ".join(filter(None, ["passed" if judged.passed else "refused", judged.why]))),
        ]
        return _listed(judged.sentence, judged.id, judged_right(judged), about, facts)
    if judged.probability is not None:
        about.append(f"probability {judged.probability:.2f}")
    if judged.right is not None and judged.status == "abstained":
        about.append(f"what was kept back was {'right' if judged.right else 'wrong'}")
    expected = " / ".join(judged.expected) or ("" if judged.answerable else "the documents do not say")
    given = judged.text or judged.status or (f"at rank {judged.rank}" if judged.rank else "not among the first ten")
    facts = [("Expected", expected), ("Given", given), ("From", " / ".join(judged.documents))]
    if judged.asked_as not in ("", judged.question):
        facts.insert(0, ("Asked as", judged.asked_as))
    return _listed(judged.question, judged.id, judged_right(judged), about, facts)


def _listed(
    asked: str, number: str, right: bool, about: Sequence[str], facts: Sequence[tuple[str, str]]
) -> dict[str, object]:
    told = [fact for fact in facts if fact[1]]
    return {"id": number, "asked": asked, "right": right, "about": " · ".join(filter(None, about)), "facts": told}


def _header(evaluation: Evaluation) -> str:
    asked, pairs = len(evaluation.outcomes), len(evaluation.pairs)
    answerable = sum(outcome.answerable for outcome in evaluation.outcomes)
    facts = [
        f"{asked:,} questions, {answerable:,} answerable" if asked else "",
        f"{pairs:,} pairs" if pairs else "",
        f"{evaluation.documents:,} documents" if evaluation.documents else "",
        " and ".join(use.replace("_", " ") for use in evaluation.uses if use),
        f"written by {PurePath(evaluation.model).name}" if evaluation.model else "quoted answers",
        f"{evaluation.seconds:.1f} s of asking" if asked else "",
        f"code and weights {evaluation.code}" if evaluation.code else "",
    ]
    held_out = (
        '<p class="soft">Held out: neither questions nor answers are kept.</p>' if "held_out" in evaluation.uses else ""
    )
    facts_words = escape(" · ".join(filter(None, facts)))
    return f'<header><h1>{escape(evaluation.name)}</h1><p class="soft">{facts_words}</p>{held_out}</header>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _table(label: str, headings: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _tr(first: str, values: Sequence[str], *, title: str = "") -> str:
    """first: of HTML, a button; the whole row is clicked for it."""
    cells = "".join(f"<td>{escape(value)}</td>" for value in values)
    named = f' title="{escape(title)}"' if title else ""
    return f'<tr class="clickable"{named}><th scope="row">{first}</th>{cells}</tr>'


def _class(value: str, verdict: str) -> str:
    return f' class="{verdict}"' if verdict and value == verdict else ""


def _figures_table(evaluation: Evaluation, lists: _Lists) -> str:
    headings = ["figure", *(["quoted"] if evaluation.quoted else []), "value", "95 %", "n"]
    rows = []
    for (name, _), (words, *values) in zip(evaluation.overall.items(), figure_rows(evaluation), strict=True):
        measure = MEASURES[name]
        first = lists.button(f"figure:{name}", words, lambda one, of=measure.of: of(one) is not None)  # type: ignore[misc]
        rows.append(_tr(first, values, title=measure.source))
    return _table("Figures", headings, rows)


def _group_table(grouped: Grouped, lists: _Lists) -> str:
    rows = []
    of_pairs = grouped.words == "kind of change"
    for name, figures in grouped.groups.items():
        field = "domain" if grouped.words == "set" else "kind"

        def member(one: Judged, name: str = name, field: str = field) -> bool:
            return isinstance(one, PairOutcome) == of_pairs and getattr(one, field) == name

        first = lists.button(f"{grouped.words}:{name}", name or "-", member)
        cells = [str(grouped.sizes[name]), *(_with_interval(figures.get(measure)) for measure, _, _ in grouped.columns)]
        rows.append(_tr(first, cells))
    headings = [grouped.words, "n", *(long for _, _, long in grouped.columns)]
    return _table(f"By {grouped.words}", headings, rows)


def _with_interval(figure: Figure | None) -> str:
    spread = interval_words(figure, "") if figure else ""
    return f"{cell(figure)} ({spread})" if spread else cell(figure)


def _comparison(comparison: Comparison, lists: _Lists) -> str:
    groups = [("", comparison.differences)]
    groups += [(f"kind {name}: ", found) for name, found in comparison.kinds.items()]
    groups += [(f"set {name}: ", found) for name, found in comparison.domains.items()]
    rows = []
    for prefix, differences in groups:
        for words, *values in difference_rows(differences):
            verdict = values[-1]
            cells = "".join(f"<td{_class(value, verdict)}>{escape(value)}</td>" for value in values)
            rows.append(f'<tr><th scope="row">{escape(prefix + words)}</th>{cells}</tr>')
    turned = "".join(
        lists.of_turned(f"turned:{words}", f"{words} ({len(found)})", found)
        for words, found in turned_lists(comparison)
    )
    left_out = f"<p>{comparison.missing} questions stand in only one of the runs.</p>" if comparison.missing else ""
    title = f"Compared: {comparison.old or 'before'} → {comparison.new or 'now'}"
    table = _table("Differences", ["figure", "before", "now", "difference", "95 %", "verdict"], rows)
    return _section(title, f"<p>{turned}</p>{left_out}{table}")


# -- charts ------------------------------------------------------------------------------------------------------------


def _charts(evaluation: Evaluation, lists: _Lists) -> str:
    judged = [outcome for outcome in evaluation.outcomes if _is_judged(outcome)]
    charts = []
    if judged:
        probabilities = np.array([o.probability for o in judged], dtype=float)
        right = np.array([bool(o.right) for o in judged])
        charts.append(_coverage_chart(probabilities, right, lists))
        charts.append(_reliability_chart(probabilities, right, lists))
    if len(evaluation.kinds) > 1:
        charts.append(_kinds_chart(evaluation, lists))
    return f'<section><h2>Charts</h2><div class="charts">{"".join(charts)}</div></section>' if charts else ""


def _is_judged(judged: Judged) -> bool:
    """Whether a question has a probability, and it is known whether what is quoted for it is right."""
    return isinstance(judged, Outcome) and judged.probability is not None and judged.right is not None


def _coverage_chart(probabilities: np.ndarray, right: np.ndarray, lists: _Lists) -> str:
    curve = measures.error_by_coverage(probabilities, right)
    line = " ".join(f"{_x(coverage):.1f},{_y(error):.1f}" for coverage, error, _ in curve)
    marks = []
    ends = sorted({min(range(len(curve)), key=lambda i: abs(curve[i][0] - k / _POINTS)) for k in range(1, _POINTS + 1)})
    for coverage, error, least in (curve[i] for i in ends):
        words = f"answered {coverage:.0%}, wrong {error:.0%}: probability from {least:.2f}"

        def member(one: Judged, least: float = least) -> bool:
            return _is_judged(one) and one.probability >= least  # type: ignore[union-attr,operator]

        marks.append(_dot(_x(coverage), _y(error), words, f"cover:{coverage:.4f}", member, lists))
    content = (
        f'{_field("share that is answered", "share of these that is wrong")}<polyline class="curve" points="{line}"/>'
    )
    caption = "Error against coverage: of the questions with at least some probability, how many are answered wrong"
    return _chart(caption, content + "".join(marks))


def _reliability_chart(probabilities: np.ndarray, right: np.ndarray, lists: _Lists) -> str:
    bins = measures.reliability(probabilities, right)
    line = " ".join(f"{_x(said):.1f},{_y(true):.1f}" for said, true, _ in bins)
    marks = []
    for said, true, n in bins:
        low = min(9, int(said * 10)) / 10
        words = f"probability {low:.1f} to {low + 0.1:.1f}: said {said:.2f}, right {true:.2f}, {n} questions"

        def member(one: Judged, low: float = low) -> bool:
            return _is_judged(one) and min(9, int(one.probability * 10)) == round(low * 10)  # type: ignore[union-attr,operator]

        marks.append(_dot(_x(said), _y(true), words, f"bin:{low:.1f}", member, lists, radius=3 + 9 * n / len(right)))
    ideal = f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    content = (
        f'{_field("probability that is given", "share that is right")}{ideal}<polyline class="curve" points="{line}"/>'
    )
    return _chart(
        "Reliability: whether a probability means what it says; a dot's size is how many", content + "".join(marks)
    )


def _kinds_chart(evaluation: Evaluation, lists: _Lists) -> str:
    rows: list[tuple[str, str, Figure]] = []
    for kind, figures in evaluation.kinds.items():
        name = next((name for name in _KIND_FIGURES if name in figures), None)
        if name and figures[name].value is not None:
            rows.append((kind, name, figures[name]))
    left, right, step = 104, _LEFT + _WIDTH, 22
    height = step * len(rows) + 34

    def x(value: float) -> float:
        return left + value * (right - left)

    content = "".join(
        f'<line class="axis" x1="{x(v):.1f}" y1="4" x2="{x(v):.1f}" y2="{height - 26}"/>'
        f'<text x="{x(v):.1f}" y="{height - 12}" text-anchor="middle">{v:g}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    for at, (kind, name, figure) in enumerate(rows):
        y = 15 + step * at
        value, low, high = figure.value or 0.0, figure.low, figure.high
        spread = interval_words(figure, "")
        words = f"{kind}: {MEASURES[name].words} {with_unit(figure, '')}, {spread}, {figure.n} questions"

        def member(one: Judged, kind: str = kind) -> bool:
            return isinstance(one, Outcome) and one.kind == kind

        if low is not None and high is not None:
            content += f'<line class="range" x1="{x(low):.1f}" y1="{y}" x2="{x(high):.1f}" y2="{y}"/>'
        shown = kind if len(kind) <= 15 else kind[:14] + "…"
        content += f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(shown or "-")}</text>'
        content += _dot(x(value), y, words, f"kind:{kind}", member, lists)
    caption = "Each kind with its 95 % interval: all evidence quoted; near misses abstained from; false premises met"
    return _chart(caption, content, height)


def _x(share: float) -> float:
    return _LEFT + share * _WIDTH


def _y(share: float) -> float:
    return _TOP + (1 - share) * _HEIGHT


def _field(across: str, up: str) -> str:
    """Axes from 0 to 1 with their names."""
    lines = "".join(
        f'<line class="axis" x1="{_x(0)}" y1="{_y(v):.1f}" x2="{_x(1)}" y2="{_y(v):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{_y(v) + 4:.1f}" text-anchor="end">{v:g}</text>'
        f'<text x="{_x(v):.1f}" y="{_y(0) + 16}" text-anchor="middle">{v:g}</text>'
        for v in (0, 0.25, 0.5, 0.75, 1)
    )
    middle = _TOP + _HEIGHT / 2
    return (
        f'{lines}<text x="{_x(0.5)}" y="{_y(0) + 33}" text-anchor="middle">{across}</text>'
        f'<text x="11" y="{middle}" text-anchor="middle" transform="rotate(-90 11 {middle})">{up}</text>'
    )


def _dot(
    x: float,
    y: float,
    words: str,
    key: str,
    member: Callable[[Judged], bool],
    lists: _Lists,
    radius: float = 4.5,
) -> str:
    return (
        f'<g role="button" tabindex="0" aria-label="{escape(words)}" {lists.attributes(key, words, member)}>'
        f'<title>{escape(words)}</title><circle class="hit" cx="{x:.1f}" cy="{y:.1f}" r="{max(11.0, radius):.1f}"/>'
        f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/></g>'
    )


def _chart(caption: str, content: str, height: float = _TOP + _HEIGHT + 42) -> str:
    return (
        f'<figure><figcaption>{escape(caption)}</figcaption><svg viewBox="0 0 {_LEFT + _WIDTH + 16} {height:g}" '
        f'role="group" aria-label="{escape(caption)}">{content}</svg></figure>'
    )


def _asset(name: str) -> str:
    return (files("eval") / name).read_text(encoding="utf-8")
