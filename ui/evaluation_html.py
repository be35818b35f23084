"""Question sets and evaluations -> HTML for the Evaluation tab. Foreign text goes through `safe` alone.

Knows nothing of Gradio or of events: a button carries a number, which the server looks up.
"""

from collections.abc import Sequence

from eval.judge import Outcome, is_right
from eval.report import figure_rows
from eval.runner import Evaluation
from ui.render import safe

PAGE = 100  # questions on a page
_CHARS = 600  # of an answer


def choose_html(sets: Sequence[str], *, local: bool) -> str:
    """The question sets that come with sayso, and ways to name another."""
    options = "".join(f'<option value="{number}">{safe(name)}</option>' for number, name in enumerate(sets))
    path = (
        '<form data-event="run_file"><label for="questions-path">A file of this computer</label><div class="line">'
        '<input id="questions-path" name="path" type="text" autocomplete="off" spellcheck="false" '
        'placeholder="/home/you/questions.jsonl"><button type="submit">Run</button></div></form>'
    )
    return (
        '<section class="choose"><h2>Measure the answers</h2><p class="facts">Questions whose answers are known are '
        "asked one after the other; each is judged by its answer, its citations and whether it stayed silent where the "
        'documents do.</p><form data-event="run_set"><label for="set">A question set</label><div class="line">'
        f'<select id="set" name="set">{options}</select><button type="submit">Run</button></div></form>'
        f"{path if local else ''}"
        '<label class="file"><input type="file" accept=".jsonl" class="visually-hidden">'
        "<strong>Choose a file</strong><span> of questions about this library, one JSON object a line "
        "(id, question, answerable, answers, docs, evidence)</span></label>"
        '<p class="sending" role="status"></p></section>'
    )


def run_html(evaluation: Evaluation, token: str, *, failures: bool = False, offset: int = 0) -> str:
    """The figures and one page of the questions. failures: only those that fell short."""
    rows = "".join(
        f'<tr><th scope="row">{safe(words)}</th>' + "".join(f"<td>{safe(value)}</td>" for value in values) + "</tr>"
        for words, *values in figure_rows(evaluation)
    )
    headings = ["figure", *(["quoted"] if evaluation.quoted else []), "value", "95 %", "n"]
    heads = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    asked, answerable = len(evaluation.outcomes), sum(outcome.answerable for outcome in evaluation.outcomes)
    short = [outcome for outcome in evaluation.outcomes if not is_right(outcome)]
    listed = short if failures else list(evaluation.outcomes)
    items = "".join(_outcome_html(outcome) for outcome in listed[offset : offset + PAGE])
    empty = "" if listed or not evaluation.outcomes else '<p class="empty">None of the answers falls short.</p>'
    tabs = "".join(
        f'<button type="button" data-event="show_questions" data-failures="{int(only)}" data-offset="0" '
        f'aria-pressed="{str(only == failures).lower()}">{words} ({count:,})</button>'
        for only, words, count in ((False, "All", len(evaluation.outcomes)), (True, "Falling short", len(short)))
    )
    pager = "".join(
        f'<button type="button" data-event="show_questions" data-failures="{int(failures)}" data-offset="{at}"'
        f"{'' if possible else ' disabled'}>{words}</button>"
        for words, at, possible in (
            ("Previous", max(0, offset - PAGE), offset > 0),
            ("Next", offset + PAGE, offset + PAGE < len(listed)),
        )
    )
    pager = f'<nav class="pager" aria-label="Pages of the list">{pager}</nav>' if len(listed) > PAGE else ""
    return (
        f'<section class="run"><h2 dir="auto">{safe(evaluation.name)}</h2><p class="facts">{asked:,} '
        f"questions, {answerable:,} answerable · asked of {evaluation.documents:,} documents in "
        f"<bdi>{safe(evaluation.library)}</bdi> · {safe(evaluation.model or 'quotes')} · {evaluation.seconds:.1f} s · "
        f'<a class="export" href="exports/{token}.html" download="evaluation.html">Report as a page</a> · '
        f'<a class="export" href="exports/{token}.json" download="evaluation.json">Export as JSON</a></p>'
        f'<div class="scroll"><table class="figures"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        f'<div class="tabs" role="group" aria-label="Which questions">{tabs}</div>{empty}'
        f'<ol class="outcomes" start="{offset + 1}">{items}</ol>{pager}</section>'
    )


def _outcome_html(outcome: Outcome) -> str:
    bad = not is_right(outcome)
    expected = " / ".join(outcome.expected) or ("" if outcome.answerable else "the documents do not say")
    given = outcome.text or (f"evidence passage at rank {outcome.rank}" if outcome.rank else "not among the first ten")
    kind = f'<span class="facts">{safe(outcome.kind)}</span>' if outcome.kind else ""
    return (
        f'<li data-falls-short="{int(bad)}"><p class="title" dir="auto">{safe(outcome.question)}</p>'
        f'<p class="state"><strong>{"Falls short" if bad else "Right"}</strong> {kind}</p>'
        f'<dl><dt>Expected</dt><dd dir="auto">{safe(_cut(expected))}</dd>'
        f'<dt>Given</dt><dd dir="auto">{safe(_cut(given))}</dd></dl></li>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= _CHARS else text[:_CHARS].rsplit(" ", 1)[0] + " …"
