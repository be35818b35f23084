"""Documents, hits and answers as lines for a terminal; progress as a bar or as plain lines on stderr.

Everything here that comes from a document or a file name is foreign: `plain` and `one_line` take out the characters a
terminal would obey, and nothing is read as rich's markup. Knows nothing of commands or of libraries.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from index.types import DateInfo, Document, Progress
from rag.types import Answer, Citation, Hit
from ui.render import date_words

REASONS = {
    "": "No reason was recorded.",
    "no_evidence": "Nothing in the documents answers this well enough to quote.",
    "unsupported": "The sources do not carry what the language model wrote; these are their own words.",
    "silent": "The language model found no answer; these are the nearest sentences, in the sources' own words.",
    "conflicting": "The documents contradict each other on this.",
    "out_of_range": "No document lies in the dates or sources that were asked for.",
    "unavailable": "The language model could not be used; these are the sources' own words.",
    "timeout": "The language model was too slow; these are the sources' own words.",
    "refused": "The language model refused; these are the sources' own words.",
    "cut_off": "The language model broke off; these are the sources' own words.",
    "empty_library": "The library has no documents yet; add some with: sayso add PATH",
}
_PARTIAL = "Some of what the language model wrote is not carried by the sources and was left out."
_CLOSEST = 3
_EXCERPT = 240
_LINE_EVERY_S = 2.0

# C0 without tab and newline, DEL, C1 (U+009B starts an escape sequence of its own), surrogates that no encoding can
# write, and the marks that make a terminal show text in another order than it stands.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """Text without the characters that a terminal obeys instead of showing; newlines and tabs stay."""
    return _OBEYED.sub("", text)


def one_line(text: str) -> str:
    """`plain`, with each run of whitespace one space."""
    return " ".join(plain(re.sub(r"\s+", " ", text)).split())


def excerpt(text: str, length: int = _EXCERPT) -> str:
    """The beginning of a text in one line, cut at a word."""
    line = one_line(text)
    return line if len(line) <= length else line[: length - 1].rsplit(" ", 1)[0] + "…"


def json_line(value: Mapping[str, Any] | str) -> str:
    """One JSON object on one line, the characters a terminal obeys as \\u escapes: the same object to a reader.

    A string is taken for JSON already.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


@contextmanager
def downloading(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while a file is fetched, where that is a terminal; else one line at the beginning."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:

        def show(done: int, total: int) -> None:
            if not bar.task_ids:
                bar.add_task(f"fetching {one_line(name)}", total=total or None)
                if not console.is_terminal:
                    sys.stderr.write(f"sayso: fetching {one_line(name)}, {total / 1e6:.0f} MB\n")
            bar.update(bar.task_ids[0], completed=done)

        yield show


def format_date(published: DateInfo) -> str:
    """The date and how it is known: "20 May 2025 (stated)", "May 2025 (inferred)", "date unknown"."""
    words = date_words(published)
    return f"{words} ({published.basis})" if published.basis in ("stated", "metadata") else words


def near_copies(documents: Iterable[Document]) -> dict[str, str]:
    """The id of each document that is a near copy of one before it -> the id of the first of these."""
    first: dict[str, str] = {}
    return {d.doc_id: first[d.near] for d in documents if d.near and first.setdefault(d.near, d.doc_id) != d.doc_id}


def document_line(document: Document, near_copy_of: str = "") -> str:
    copy = f"  (near copy of {near_copy_of})" if near_copy_of else ""
    return f"{document.doc_id}  {document.published.value or '-':10}  {_origin(document)}{copy}"


def document_summary(document: Document, near_copy_of: str = "") -> dict[str, Any]:
    """What is known about a document, its text left out but for its length."""
    return {
        "doc_id": document.doc_id,
        "title": document.title,
        "source": document.source,
        "author": document.author,
        "url": document.url,
        "published": {
            "value": document.published.value,
            "precision": document.published.precision,
            "basis": document.published.basis,
            "reason": document.published.reason,
        },
        "paths": list(document.paths),
        "characters": len(document.text),
        "near_copy_of": near_copy_of,
    }


def hit_lines(hits: Sequence[Hit], documents: Mapping[str, Document]) -> Iterator[str]:
    """Two lines a hit: where it stands, and how it begins. documents: by id, every hit's among them."""
    for number, hit in enumerate(hits, start=1):
        document, passage = documents[hit.passage.doc_id], hit.passage
        place = f"{document.doc_id} {passage.start}-{passage.end}"
        yield f"{number:2}. {_origin(document)}, {format_date(document.published)}, {place}, score {hit.score:.3f}"
        yield f"    {excerpt(hit.text)}"


def answer_lines(answer: Answer, documents: Mapping[str, Document]) -> Iterator[str]:
    """The answer and its numbered sources; for an abstention the reason in words and the closest passages."""
    if answer.text:
        yield from plain(answer.text).splitlines()
    if answer.status == "abstained":
        if not answer.text:
            yield REASONS[answer.reason]
        if answer.hits:
            yield ""
            yield "The closest passages:"
            yield from hit_lines(answer.hits[:_CLOSEST], documents)
    elif answer.reason:
        yield f"({REASONS[answer.reason]})"
    elif answer.status == "partial":
        yield f"({_PARTIAL})"
    if answer.citations:
        yield ""
        yield "Sources:"
        for citation in answer.citations:
            yield f"[{citation.marker}] {_origin(citation)}, {format_date(citation.published)}"
            if answer.model:  # a quoted answer shows its quotes already
                who = f"{one_line(citation.speaker)}: " if citation.speaker else ""
                yield f"    {who}“{one_line(citation.quote)}”"
            page = f", {citation.page_unit} {citation.page}" if citation.page else ""
            link = f"  {one_line(citation.url)}" if citation.url else ""
            yield f"    {citation.doc_id} {citation.start}-{citation.end}{page}{link}"


def _origin(of: Document | Citation) -> str:
    return ", ".join(part for part in (one_line(of.title) or of.doc_id, one_line(of.source)) if part)


@contextmanager
def progress() -> Iterator[Callable[[Progress], None]]:
    """A callback for `Assistant.add` that shows on stderr how far it is."""
    if not sys.stderr.isatty():
        yield _progress_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    # {task.fields[path]} would be read for markup; markup=False shows a file named "[red].txt" as what it is.
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents, {task.fields[speed]:.0f} passages/s,", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[path]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, path="", speed=0.0)

        def show(step: Progress) -> None:
            speed = step.passages / step.seconds if step.seconds else 0.0
            bar.update(task, completed=step.done, total=step.total, path=one_line(step.path), speed=speed)

        yield show


def _progress_lines() -> Callable[[Progress], None]:
    """One line now and then, and always the last one: a log of ten thousand files stays readable."""
    last = -_LINE_EVERY_S

    def show(step: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if step.done < step.total and now - last < _LINE_EVERY_S:
            return
        last = now
        print(f"{step.done}/{step.total} documents, {step.passages} passages  {one_line(step.path)}", file=sys.stderr)

    return show
