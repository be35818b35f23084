"""Documents, files that came in, filters and models -> HTML for the Library tab.

Foreign text goes through `safe` alone. Knows nothing of Gradio, of events or of the library: a button carries an id or
a number, which the server looks up.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from index.dates import from_iso
from index.errors import UsageError
from index.files import MAX_FILE_BYTES
from index.readers import FORMATS
from index.types import DateInfo, Summary
from rag.models import Usable
from rag.types import Filter
from ui.render import date_words, safe, safe_attribute
from ui.work import Result

PAGE = 100  # documents on a page of the list
_MOST_SOURCES = 60  # to choose from; the others are few documents each
_MOST_RESULTS = 200
_UNKNOWN = "publisher unknown"
_OUTCOMES = {
    "added": "Added",
    "changed": "Changed",
    "unchanged": "Unchanged",
    "failed": "Failed",
    "ignored": "Left out",
    "gone": "Gone",
    "removed": "Removed",
    "stopped": "Stopped",
}
_BASES = {"stated": "as the document states", "metadata": "from the file's own data"}


def drop_html(*, local: bool) -> str:
    """Where files are dropped or chosen, and a folder is named where the page is this machine's own."""
    folder = (
        '<form class="sync" data-event="sync_folder"><label for="folder">Keep in step with a folder of this computer'
        "</label>"
        '<div class="line"><input id="folder" name="folder" type="text" autocomplete="off" spellcheck="false" '
        'placeholder="/home/you/articles"><button type="submit">Sync</button></div>'
        '<label class="check"><input type="checkbox" name="prune"> Take out what is no more in it</label></form>'
    )
    return (
        '<section class="add"><h2>Add documents</h2>'
        '<label class="drop"><input type="file" multiple class="visually-hidden" aria-describedby="formats">'
        "<strong>Choose files</strong><span> or drop them here</span>"
        f'<span class="facts" id="formats">{safe(FORMATS)}, up to {MAX_FILE_BYTES / 1e6:.0f} MB each</span></label>'
        '<ul class="uploads" aria-label="Files being sent"></ul>'
        f"{folder if local else ''}</section>"
    )


def progress_html(done: int, total: int, at: str, doing: str) -> str:
    """How far the work is, and the way to end it. at: what it is at; doing: such as "Adding files"."""
    count = f"{done:,} of {total:,}" if total else "beginning"
    at = f'<span class="at" dir="auto">{safe(at[:200])}</span>' if at else ""
    value = f' value="{done}" max="{total}"' if total else ""
    return (
        f'<div class="work" role="status"><p><strong>{safe(doing)}</strong> <span class="facts">{count}</span></p>'
        f'<progress aria-label="{safe_attribute(doing)}"{value}></progress>{at}'
        '<button type="button" data-event="cancel_work">Cancel</button></div>'
    )


def results_html(results: Sequence[Result]) -> str:
    """A line a file, what failed first; a summary above."""
    counts = Counter(result.outcome for result in results)
    summary = ", ".join(f"{count:,} {_OUTCOMES[outcome].lower()}" for outcome, count in counts.items())
    items = "".join(
        f'<li data-outcome="{result.outcome}"><strong>{_OUTCOMES[result.outcome]}</strong> '
        f'<span class="name" dir="auto">{safe(result.name)}</span>'
        + (f'<span class="why" dir="auto">{safe(result.why)}</span>' if result.why else "")
        + "</li>"
        for result in results[:_MOST_RESULTS]
    )
    more = len(results) - _MOST_RESULTS
    items += f'<li class="facts">and {more:,} more</li>' if more > 0 else ""
    empty = "nothing to add was found"
    return f'<div class="results" role="status"><p class="label">{summary or empty}</p><ul>{items}</ul></div>'


def documents_html(summaries: Sequence[Summary], total: int, offset: int, contains: str = "") -> str:
    """One page of the list. total: how many there are in all; contains: what they were searched for."""
    if not total:
        none = (
            f"No document has “{safe(contains)}” in its title, publisher or file name."
            if contains
            else "This library holds no documents yet. Add some above, then ask them a question."
        )
        return f'<p class="empty">{none}</p>'
    items = "".join(_document_html(summary) for summary in summaries)
    last = offset + len(summaries)
    count = f"{total:,} document{'' if total == 1 else 's'}"
    shown = count if last - offset == total else f"{offset + 1:,}–{last:,} of {count}"
    pager = ""
    if total > PAGE:
        before, after = max(0, offset - PAGE), offset + PAGE
        pager = (
            '<nav class="pager" aria-label="Pages of the list">'
            f'<button type="button" data-event="turn_page" data-offset="{before}"{" disabled" if offset == 0 else ""}>'
            "Previous</button>"
            f'<button type="button" data-event="turn_page" data-offset="{after}"{" disabled" if last >= total else ""}>'
            "Next</button></nav>"
        )
    return f'<p class="label" role="status">{shown}</p><ol class="documents">{items}</ol>{pager}'


def _document_html(summary: Summary) -> str:
    files = [PurePath(path).name for path in summary.paths]
    facts = [
        safe(summary.source or _UNKNOWN),
        safe(date_words(summary.published)),
        f"{summary.passages:,} passage{'' if summary.passages == 1 else 's'}",
    ]
    if files:
        facts.append(safe(files[0]) + (f" and {len(files) - 1} more" if len(files) > 1 else ""))
    if summary.near:
        facts.append("near copy of another")
    title = summary.title or summary.doc_id
    label = safe_attribute(f"Remove {title}")
    return (
        f'<li class="document"><div class="about"><p class="title" dir="auto">{safe(title)}</p>'
        f'<p class="facts">{" · ".join(f"<bdi>{fact}</bdi>" for fact in facts)}</p>{_basis_html(summary.published)}'
        f'</div><div class="remove"><button type="button" data-confirm aria-label="{label}">Remove</button>'
        '<span class="confirm" hidden><span>Remove it for good?</span>'
        '<button type="button" data-event="remove_document" '
        f'data-doc="{safe_attribute(summary.doc_id)}">Remove</button>'
        '<button type="button" data-keep>Keep</button></span></div></li>'
    )


def _basis_html(published: DateInfo) -> str:
    if published.basis == "unknown":
        return ""
    known = f"inferred: {published.reason}" if published.basis == "inferred" else _BASES[published.basis]
    return f'<details class="basis"><summary>How the date is known</summary><p dir="auto">{safe(known)}</p></details>'


def source_id(source: str) -> str:
    """What the page calls a publisher; the name itself never comes back from it."""
    return hashlib.sha256(source.casefold().encode()).hexdigest()[:16]


def sources_of(summaries: Iterable[Summary]) -> list[tuple[str, int]]:
    """The publishers, names that differ by case only as one, with how many documents each has; the largest first."""
    names: dict[str, str] = {}
    counts = Counter(names.setdefault(s.source.casefold(), s.source) for s in summaries)
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0].casefold()))


def filter_of(sources: Sequence[tuple[str, int]], chosen: Iterable[str], since: str, until: str) -> Filter:
    """The filter that a question is asked with. chosen: ids of publishers; since, until: as somebody typed them.

    Raises UsageError for what is no date.
    """
    wanted = set(chosen)
    named = tuple(name for name, _ in sources if source_id(name) in wanted)
    return Filter(sources=named, since=_date(since), until=_date(until))


def _date(typed: str) -> str:
    try:
        return from_iso(typed).value
    except ValueError as error:
        raise UsageError(f"{typed.strip()!r} is not a date; write it as 2025, 2025-05 or 2025-05-20") from error


def filter_html(sources: Sequence[tuple[str, int]], where: Filter) -> str:
    """Publishers and dates to choose from, with what is chosen now."""
    chosen = {name.casefold() for name in where.sources}
    boxes = "".join(
        f'<label class="check"><input type="checkbox" name="source" value="{source_id(name)}"'
        f'{" checked" if name.casefold() in chosen else ""}> <span dir="auto">{safe(name or _UNKNOWN)}</span>'
        f' <span class="facts">{count:,}</span></label>'
        for name, count in sources[:_MOST_SOURCES]
    )
    more = len(sources) - _MOST_SOURCES
    boxes += f'<p class="facts">and {more:,} publishers with fewer documents</p>' if more > 0 else ""
    dates = "".join(
        f'<label>{words}<input type="text" name="{name}" value="{safe_attribute(value)}" inputmode="numeric" '
        'placeholder="2025-05-20" maxlength="10" autocomplete="off"></label>'
        for words, name, value in (("From", "since", where.since), ("Up to", "until", where.until))
    )
    return (
        f'<details class="fold filter"{" open" if where else ""}><summary>Ask only some of the documents</summary>'
        '<form data-event="use_filter"><fieldset><legend>Published by</legend>'
        f'<div class="boxes">{boxes}</div></fieldset><fieldset><legend>Published</legend><div class="dates">{dates}'
        '</div><p class="facts">A year, a month or a day; documents without a date are then left out.</p></fieldset>'
        '<div class="line"><button type="submit">Use for questions</button>'
        '<button type="button" data-event="use_all">All documents</button></div></form></details>'
    )


def scope_html(where: Filter) -> str:
    """What the questions are limited to, for the Ask tab; empty when to nothing."""
    if not where:
        return ""
    parts = [safe(", ".join(name or _UNKNOWN for name in where.sources))] if where.sources else []
    parts += [f"from {safe(where.since)}"] if where.since else []
    parts += [f"up to {safe(where.until)}"] if where.until else []
    return f'<p class="scope" role="status">Only documents of: {" · ".join(f"<bdi>{part}</bdi>" for part in parts)}</p>'


def models_html(models: Iterable[Usable], present: str) -> str:
    """What can write answers now, and what the rest needs. present: the model that the chat was started with."""
    rows = "".join(
        f'<tr><th scope="row" dir="auto">{safe(model.name or "quotes")}'
        f"{' <em>in use</em>' if model.name == present else ''}</th><td>{safe(model.about)}</td>"
        f"<td>{'needs: ' + safe(model.needs) if model.needs else '<strong>usable now</strong>'}</td></tr>"
        for model in models
    )
    return (
        '<details class="fold" open><summary>Models</summary><p class="facts">Keys are read from the environment, or '
        "from a file that only you can read (SAYSO_KEY_FILE); they are never typed here.</p>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Models"><table><thead><tr><th>Model</th>'
        f"<th>What it is</th><th>State</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
    )
