"""Question sets to an evaluation in JSON, on the terminal and, by `eval.report_html`, on a page.

`run_sets` is what `sayso eval` calls. Knows nothing of how a figure is made.
"""

import gzip
import os
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from eval import sets
from eval.compare import Comparison, Turned
from eval.figures import MEASURES, Difference, Figure
from eval.journal import Journals
from eval.libraries import Opener, brought_library, corpus_library, progress_bar
from eval.pairs import Pair, is_pairs, read_pairs
from eval.questions import Question, read_questions
from eval.runner import Asked, ByName, Evaluation, ask_set, summarise, without_texts
from index.errors import DocumentError
from rag import Assistant, Settings
from rag.types import from_json, to_json

# A measure, its heading on a terminal, its heading on a page.
_COLUMNS = (
    ("evidence", "evid.", "any evidence"),
    ("evidence_all", "all", "all evidence"),
    ("first", "first", "first is evidence"),
    ("citations_right", "cit.", "citations right"),
    ("accepted", "answ.", "answer"),
    ("abstained_wrongly", "wrong.", "wrongly silent"),
    ("near_misses", "n.miss", "near misses"),
    ("premises", "prem.", "false premises"),
)
_PAIR_COLUMNS = (("pairs_refused", "refused", "refused"), ("pairs_passed", "passed", "passed"))
_LISTED = 12  # questions that turned, on the terminal


def run_sets(
    names: Sequence[str],
    *,
    corpus: Path | None = None,
    library: str | None = None,
    limit: int | None = None,
    settings: Settings | None = None,
    opener: Opener | None = None,
) -> Evaluation:
    """Evaluate question sets together: files, folders, or names of `eval.sets` (the first `limit` questions of each).

    A set's documents stand in docs/ beside it, in `corpus` or in `library`; questions about the seeds are asked of
    the seeds alone, whatever else the default library holds. Where the settings name a language model, the quoted
    answers are evaluated too, to be compared with. Of sets that are never looked at no text is kept. Progress goes to
    stderr, where it is a terminal; nothing is printed on stdout. opener: opens a library; by default with `settings`.
    """
    chosen = sets.resolve_sets(names)
    held_out = any(sets.is_held_out(path) for _, path in chosen)
    # What was answered before would be no measurement, and of a set that is never looked at nothing may be kept.
    settings = (settings or Settings.load()).model_copy(update={"cache": False})
    opener = opener or _sharing_models(settings)
    read = [(domain, path, *read_set(path, limit)) for domain, path in chosen]  # each is read before the first is asked

    def asked_with(model: str) -> Evaluation:
        asked: list[Asked] = []
        with progress_bar() as bar:
            task = bar.add_task(f"asking {model or 'for quotes'}", total=sum(len(row[2]) for row in read) or None)
            for domain, path, questions, all_pairs in read:
                pairs = all_pairs if model == settings.model else []  # they are the same whoever writes
                if not (questions or pairs):
                    continue
                with _open(path, questions, corpus, library, opener) as assistant:
                    asked.append(
                        ask_set(
                            assistant.writing_with(model),
                            questions,
                            pairs,
                            journals=journals,
                            keep_texts=not held_out,
                            domain=domain,
                            progress=lambda _, __: bar.advance(task),
                        )
                    )
        name = ", ".join(names) if len(names) > 1 or len(chosen) > 1 else chosen[0][1].name or chosen[0][0]
        return summarise(asked, name=name, model=model, uses=sets.uses([path for _, path in chosen]))

    with Journals() as journals:
        evaluation = asked_with(settings.model)
        if settings.model and evaluation.outcomes:
            evaluation = replace(evaluation, quoted=asked_with(""))
    return without_texts(evaluation) if held_out else evaluation


def run_file(
    file: Path, *, corpus: Path | None = None, library: str | None = None, settings: Settings | None = None
) -> Evaluation:
    """`run_sets` of one file or folder."""
    return run_sets([str(file.absolute())], corpus=corpus, library=library, settings=settings)


def _sharing_models(settings: Settings) -> Opener:
    """Opens the first library, and every other one beside it with the same models."""
    opened: list[Assistant] = []

    def open_library(folder: Path | None) -> Assistant:
        if opened and folder is not None:
            return opened[0].beside(folder)
        opened.append(Assistant.open(folder, settings=settings))
        return opened[-1]

    return open_library


def read_set(path: Path, limit: int | None = None) -> tuple[list[Question], list[Pair]]:
    """The questions and the pairs of a folder, or of a file that holds the one or the other."""
    if path.is_dir():
        files = [path / "questions.jsonl", path / "pairs.jsonl"]
        questions = read_questions(files[0]) if files[0].is_file() else []
        pairs = read_pairs(files[1]) if files[1].is_file() else []
    elif is_pairs(path):
        questions, pairs = [], read_pairs(path)
    else:
        questions, pairs = read_questions(path), []
    return (questions[:limit] if limit else questions), pairs


def _open(
    path: Path, questions: Sequence[Question], corpus: Path | None, library: str | None, opener: Opener
) -> Assistant:
    if corpus:
        return corpus_library(corpus, opener=opener)
    brought = brought_library(path, questions, opener) if library is None else None
    return brought or opener(Path(library) if library is not None else None)


# -- files -------------------------------------------------------------------------------------------------------------


def check_writable(out: Path) -> None:
    """Raises DocumentError when a file cannot be written, before anything is asked for it."""
    part = _part(out)
    try:
        if out.exists() and not out.is_file():
            raise DocumentError(f"cannot write {str(out)!r}: it is no plain file; name another file")
        part.write_bytes(b"")
        if out.exists():
            with out.open("ab"):
                pass
    except OSError as error:
        raise DocumentError(f"cannot write {str(out)!r}: {error.strerror}; name another file") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_json(evaluation: Evaluation, out: Path) -> None:
    """For `read_json`; compressed where the name ends in .gz. Raises DocumentError when it cannot be written.

    What stood there before stays until the new file is whole.
    """
    text = to_json(evaluation, indent=None if out.suffix == ".gz" else 1) + "\n"
    write_whole(text, out)


def write_whole(text: str, out: Path) -> None:
    """Raises DocumentError when it cannot be written."""
    data = text.encode(errors="replace")  # half a character, as a model may write it, is none
    part = _part(out)
    try:
        part.write_bytes(gzip.compress(data, mtime=0) if out.suffix == ".gz" else data)
        part.replace(out)
    except OSError as error:
        raise DocumentError(f"cannot write {str(out)!r}: {error.strerror}; name another file") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _part(out: Path) -> Path:
    """Where a file is written until it is whole."""
    return out.with_name(f".{out.name}.{os.getpid()}")


def read_json(path: Path) -> Evaluation:
    """Raises DocumentError when there is no evaluation there."""
    try:
        data = path.read_bytes()
        return from_json(Evaluation, gzip.decompress(data) if path.suffix == ".gz" else data)
    except FileNotFoundError:
        raise DocumentError(f"no file at {str(path)!r}; check the spelling") from None
    except (OSError, ValidationError, EOFError, zlib.error) as error:
        raise DocumentError(
            f"{str(path)!r} is not an evaluation of this version; make one with: sayso eval SET --out {path.name}"
        ) from error


# -- the terminal ------------------------------------------------------------------------------------------------------


def print_report(evaluation: Evaluation, console: Console | None = None) -> None:
    console = console or Console()
    console.print(*render(evaluation), sep="\n")
    for remark in evaluation.remarks:
        note = _plain(f"note: {remark}")
        Console(stderr=True).print(note, style="yellow", soft_wrap=True, markup=False, highlight=False)
    where = f" in {evaluation.library}" if evaluation.library else ""
    words = f"{evaluation.documents} documents{where}, {evaluation.seconds:.1f} s of asking"
    console.print(_plain(words), soft_wrap=True, markup=False)


def print_sets(console: Console | None = None) -> None:
    """The table of what comes with sayso."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("set", "use", "drawn", "what it holds"):
        table.add_column(heading)
    for found in sets.question_sets():
        table.add_row(found.name, found.use.replace("_", " "), found.drawn, found.about)
    (console or Console()).print(table)


def render(evaluation: Evaluation) -> list[RenderableType]:
    """The tables for a terminal: all questions together, then by kind and by corpus where there are several."""
    asked, pairs = len(evaluation.outcomes), len(evaluation.pairs)
    counts = [f"{asked} questions, {sum(o.answerable for o in evaluation.outcomes)} answerable"] if asked else []
    title = f"{_cell(evaluation.name)}: " + ", ".join([*counts, *([f"{pairs} pairs"] if pairs else [])])
    table = Table(title=title, box=SIMPLE_HEAD, min_width=len(title))
    table.add_column("figure")
    headings = ["value"] if evaluation.quoted is None else ["quoted", PurePath(evaluation.model).name]
    for heading in [*map(_cell, headings), "95 %", "n"]:
        table.add_column(heading, justify="right")
    for row in figure_rows(evaluation):
        table.add_row(*row)
    tables: list[RenderableType] = [table]
    return tables + [_groups_table(grouped) for grouped in group_tables(evaluation)]


def figure_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """What is measured, its value, its interval and how many count; the quoted answers' value before it, if any."""
    rows = []
    for name, figure in evaluation.overall.items():
        measure = MEASURES[name]
        quoted = evaluation.quoted.overall.get(name) if evaluation.quoted else None
        values = ([with_unit(quoted, measure.unit)] if evaluation.quoted else []) + [with_unit(figure, measure.unit)]
        rows.append((measure.words, *values, interval_words(figure, measure.unit), f"{figure.n:,}"))
    return rows


@dataclass(frozen=True, slots=True)
class Grouped:
    """A table by kind or by set. columns: a measure with its short and its long heading.

    sizes: questions or pairs of each group.
    """

    words: str
    groups: ByName
    sizes: Mapping[str, int]
    columns: Sequence[tuple[str, str, str]]


def group_tables(evaluation: Evaluation) -> list[Grouped]:
    """One for each way of grouping with more than one group, with the columns that some group has a figure for."""
    outcomes, pairs = evaluation.outcomes, evaluation.pairs
    in_domains = Counter(o.domain for o in outcomes)
    domains = {name: figures for name, figures in evaluation.domains.items() if name in in_domains}
    ways = (
        ("kind", evaluation.kinds, Counter(o.kind for o in outcomes), _COLUMNS),
        ("set", domains, in_domains, _COLUMNS),
        ("kind of change", evaluation.pair_kinds, Counter(p.kind for p in pairs), _PAIR_COLUMNS),
    )
    return [
        Grouped(words, groups, sizes, [c for c in columns if any(c[0] in figures for figures in groups.values())])
        for words, groups, sizes, columns in ways
        if len(sizes) > 1
    ]


def with_unit(figure: Figure | None, unit: str) -> str:
    if figure is None or figure.value is None:
        return ""
    return f"{figure.value:.1f} {unit}" if unit else f"{figure.value:.3f}"


def interval_words(figure: Figure, unit: str) -> str:
    if figure.low is None or figure.high is None:
        return ""
    digits = 1 if unit else 2
    return f"{figure.low:.{digits}f} – {figure.high:.{digits}f}"


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Every figure with its difference, then kinds and sets that differ clearly, then the questions that turned."""
    console = console or Console()
    table = Table(title=_cell(f"{comparison.old or 'before'} → {comparison.new or 'now'}"), box=SIMPLE_HEAD)
    for heading in ("figure", "before", "now", "difference", "95 %", ""):
        table.add_column(heading, justify="left" if heading in ("figure", "") else "right")
    for row in difference_rows(comparison.differences):
        table.add_row(*row)
    for words, groups in (("kind", comparison.kinds), ("set", comparison.domains)):
        for name, found in groups.items():
            for row in difference_rows(found):
                table.add_row(_cell(f"{words} {name}: {row[0]}"), *row[1:])
    console.print(table)
    if comparison.missing:
        console.print(f"{comparison.missing} questions stand in only one of the two runs and are left out")
    for words, turned in turned_lists(comparison):
        console.print(f"{len(turned)} {words}", style="bold")
        for one in turned[:_LISTED]:
            console.print(f"  {_plain(turned_words(one))}", markup=False, highlight=False)
        if len(turned) > _LISTED:
            console.print(f"  … and {len(turned) - _LISTED} more")


def difference_rows(differences: Sequence[Difference]) -> list[tuple[str, ...]]:
    rows = []
    for found in differences:
        measure = MEASURES[found.name]
        digits = 1 if measure.unit else 3
        verdict = "" if not found.is_clear else "worse" if found.is_worse else "better"
        values = (f"{v:.{digits}f}" for v in (found.old, found.new))
        spread = f"{found.low:+.{digits}f} – {found.high:+.{digits}f}"
        rows.append((measure.words, *values, f"{found.new - found.old:+.{digits}f}", spread, verdict))
    return rows


def turned_lists(comparison: Comparison) -> list[tuple[str, Sequence[Turned]]]:
    return [
        ("became right", comparison.became_right),
        ("became wrong", comparison.became_wrong),
        ("changed otherwise", comparison.changed),
    ]


def turned_words(turned: Turned) -> str:
    asked = getattr(turned.new, "question", "") or getattr(turned.new, "sentence", "")
    return " · ".join(filter(None, [turned.domain, turned.id, turned.kind, asked]))


def _groups_table(grouped: Grouped) -> Table:
    table = Table(title=f"by {grouped.words}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(grouped.words)
    for heading in ("n", *(short for _, short, _ in grouped.columns)):
        table.add_column(heading, justify="right")
    for name, figures in grouped.groups.items():
        cells = [cell(figures.get(measure)) for measure, _, _ in grouped.columns]
        table.add_row(_cell(name) or "-", str(grouped.sizes[name]), *cells)
    return table


def _plain(text: str) -> str:
    """Without what a terminal obeys: question sets come from anywhere."""
    return "".join(character if character.isprintable() else " " for character in text)


def _cell(text: str) -> str:
    """A table's cell takes mark-up."""
    return escape(_plain(text))


def cell(figure: Figure | None) -> str:
    return "" if figure is None or figure.value is None else f"{figure.value:.2f}"
