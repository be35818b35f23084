"""A question file to figures on the terminal and in a JSON file; the libraries it needs are built once and kept.

`run_file` is what `sayso eval` calls. Knows nothing of how a figure is made.
"""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from platformdirs import user_cache_path
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from eval.questions import Question, read_corpus, read_questions
from eval.runner import Evaluation, Figures, Outcome, evaluate
from index.errors import DocumentError, LibraryDamaged, LibraryNotFound, LibraryReadOnly, SpecMismatch
from index.types import Document
from rag import Assistant, Settings
from rag.assistant import seeds_folder
from rag.types import to_json

# (field of Figures, words, unit)
_OVERALL = (
    ("recall_at_1", "evidence passage first", ""),
    ("recall_at_4", "… among the first 4", ""),
    ("recall_at_5", "… among the first 5", ""),
    ("recall_at_10", "… among the first 10", ""),
    ("mrr", "MRR of the evidence passage", ""),
    ("ndcg_at_10", "nDCG@10 of the documents", ""),
    ("first_quote_right", "first quote contains an accepted answer", ""),
    ("any_quote_right", "any quote does", ""),
    ("evidence_cited", "citations contain the evidence", ""),
    ("docs_cited", "gold documents quoted", ""),
    ("accepted", "answer contains an accepted answer", ""),
    ("carried", "sentences whose numbers, names and negations are in their quotes", ""),
    ("citation_precision", "citations that are evidence", ""),
    ("citation_recall", "evidence that is cited", ""),
    ("abstention_precision", "abstention precision", ""),
    ("abstention_recall", "abstention recall", ""),
    ("false_abstention_rate", "false abstention rate", ""),
    ("ask_p50_ms", "ask() p50", "ms"),
    ("ask_p95_ms", "ask() p95", "ms"),
    ("tokens_p50", "tokens p50", "tokens"),
)
_BY_KIND = (
    ("recall_at_1", "R@1"),
    ("recall_at_4", "R@4"),
    ("mrr", "MRR"),
    ("ndcg_at_10", "nDCG"),
    ("first_quote_right", "1st"),
    ("any_quote_right", "any"),
    ("evidence_cited", "evid."),
)


def run_file(
    file: Path,
    *,
    corpus: Path | None = None,
    library: str | None = None,
    out: Path | None = None,
    limit: int | None = None,
    settings: Settings | None = None,
) -> Evaluation:
    """Evaluate the questions of a file (the first `limit` of them, when given) and write the figures to `out`.

    With a corpus its library is built in the user's cache at the first run. Without one the named library is asked;
    questions about the seeds are asked of the seeds alone, whatever else the default library holds. Where the settings
    name a language model, the quoted answers are evaluated too, to be compared with. Progress goes to stderr, where it
    is a terminal; nothing is printed on stdout.
    """
    questions = read_questions(file)
    questions = questions[:limit] if limit else questions
    settings = settings or Settings.load()

    def asked_with(settings: Settings) -> Evaluation:
        with _open(questions, corpus, library, settings) as assistant, _progress() as bar:
            task = bar.add_task(f"asking {settings.model or 'for quotes'}", total=len(questions))
            return evaluate(
                assistant,
                questions,
                name=file.name,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )

    evaluation = asked_with(settings)
    if settings.model:
        quoted = asked_with(settings.model_copy(update={"model": ""})).overall
        evaluation = replace(evaluation, model=settings.model, quoted=quoted)
    if out:
        write_json(evaluation, out)
    return evaluation


def write_json(evaluation: Evaluation, out: Path) -> None:
    """Read it back with `rag.types.from_json(Evaluation, text)`. Raises DocumentError when it cannot be written."""
    try:
        out.write_text(to_json(evaluation, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise DocumentError(f"cannot write {str(out)!r}: {error.strerror}; name another file with --out") from error


def render(evaluation: Evaluation) -> list[RenderableType]:
    """The tables for a terminal: all questions together, then by kind where there are several."""
    overall = evaluation.overall
    title = f"{evaluation.name}: {overall.questions} questions, {overall.answerable} answerable"
    table = Table(title=title, box=SIMPLE_HEAD, min_width=len(title))
    table.add_column("figure")
    for heading in ["value"] if evaluation.quoted is None else ["quoted", PurePath(evaluation.model).name]:
        table.add_column(heading, justify="right")
    for row in figure_rows(evaluation):
        table.add_row(*row)
    tables: list[RenderableType] = [table]
    if len(evaluation.kinds) > 1:
        tables.append(_kinds_table(evaluation))
    return tables


def figure_rows(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """What is measured and its value, of those that this run has; with the quoted answers' value between, if any."""
    columns = [evaluation.overall] if evaluation.quoted is None else [evaluation.quoted, evaluation.overall]
    rows = [(words, unit, [getattr(figures, name) for figures in columns]) for name, words, unit in _OVERALL]
    return [
        (words, *(_with_unit(value, unit) for value in values))
        for words, unit, values in rows
        if any(value is not None for value in values)
    ]


def falls_short(outcome: Outcome) -> bool:
    """Whether a question was answered where it has no answer, or neither its answer nor its evidence was found."""
    if not outcome.status:  # only searched for
        return outcome.ranked and outcome.rank is None
    if not outcome.answerable:
        return outcome.status != "abstained"
    judged = (outcome.accepted, outcome.any_quote_right, outcome.evidence_cited)
    return outcome.status in ("abstained", "error") or (any(j is not None for j in judged) and not any(judged))


def print_report(evaluation: Evaluation, console: Console | None = None) -> None:
    console = console or Console()
    console.print(*render(evaluation), sep="\n")
    console.print(
        f"{evaluation.documents} documents in {evaluation.library}, {evaluation.seconds:.1f} s", soft_wrap=True
    )


def corpus_library(corpus: Path, settings: Settings | None = None) -> Assistant:
    """The library of a corpus file, built at the first call and kept under the sha256 of the file."""
    documents = read_corpus(corpus)
    digest = hashlib.sha256(corpus.read_bytes()).hexdigest()
    return _kept_library(digest, documents, settings)


def seeds_library(settings: Settings | None = None) -> Assistant:
    """The library of the five seed documents and of nothing else, kept under their sha256."""
    folder = seeds_folder()
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".txt", ".toml"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return _kept_library(digest.hexdigest(), [folder], settings)


def _open(
    questions: Sequence[Question], corpus: Path | None, library: str | None, settings: Settings | None
) -> Assistant:
    if corpus:
        return corpus_library(corpus, settings)
    if library is None and about_the_seeds(questions):
        return seeds_library(settings)
    return Assistant.open(library, settings=settings)


def about_the_seeds(questions: Sequence[Question]) -> bool:
    """Whether they name documents of seeds/ and no others."""
    stems = {entry.stem for entry in seeds_folder().iterdir()}
    named = {name for question in questions for name in question.gold_docs}
    return bool(named) and named <= stems


def _kept_library(digest: str, sources: Sequence[Path | Document], settings: Settings | None) -> Assistant:
    """The cached library with these sources in it. One made by other rules or another model is made again."""
    folder = user_cache_path("sayso") / "eval" / f"{digest}.library"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LibraryReadOnly(
            f"cannot make {str(folder.parent)!r}: {error.strerror}; name a folder that can be written in XDG_CACHE_HOME"
        ) from error
    try:
        return _filled_library(folder, sources, settings)
    except (SpecMismatch, LibraryNotFound, LibraryDamaged):  # the second: of another version
        shutil.rmtree(folder)  # only what this function made: the folder is named by the digest
        return _filled_library(folder, sources, settings)


def _filled_library(folder: Path, sources: Sequence[Path | Document], settings: Settings | None) -> Assistant:
    """Adds what is missing, so that a build that was cut off goes on where it stopped."""
    assistant = Assistant.open(folder, settings=settings)
    try:
        held = {document.doc_id for document in assistant.documents()}
        missing = [source for source in sources if not isinstance(source, Document) or source.doc_id not in held]
        if missing:
            with _progress() as bar:
                task = bar.add_task("indexing", total=None)
                report = assistant.add(
                    *missing, progress=lambda step: bar.update(task, completed=step.done, total=step.total)
                )
            if report.failed:
                raise DocumentError(f"cannot index {report.failed[0].path!r}: {report.failed[0].why}")
        assistant.search("warm up", k=1)  # a library made with another model is noticed when it is read
    except BaseException:
        assistant.close()
        raise
    return assistant


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _kinds_table(evaluation: Evaluation) -> Table:
    table = Table(title="by kind", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("kind")
    table.add_column("n", justify="right")
    for _, words in _BY_KIND:
        table.add_column(words, justify="right")
    table.add_column("silent", justify="right")  # the share that was abstained from, wanted or not
    for kind, found in evaluation.kinds.items():
        values = [getattr(found, name) for name, _ in _BY_KIND]
        table.add_row(kind or "-", str(found.questions), *map(_cell, values), _cell(_silent(found)))
    return table


def _silent(found: Figures) -> float | None:
    return found.abstention_recall if found.false_abstention_rate is None else found.false_abstention_rate


def _with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.1f} {unit}" if unit else f"{value:.3f}"


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
