"""The command line: arguments to calls of `Assistant`, results to lines or to one JSON object.

The owner of typer. Results go to stdout, everything else to stderr. Exit status: 0 done (an abstention is that), 1
failed, 2 wrong use, 130 interrupted. Whatever is heavy is imported inside the commands, so that `--help` is quick.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from index.types import Document
    from rag import Assistant, Settings
    from rag.types import Hit


class _Sayso(TyperGroup):
    """Turns what a command raises into a line on stderr and an exit status; anything else is a bug and crashes."""

    def invoke(self, ctx: Any) -> Any:  # typer's own Context is not its public one
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe can still be met with silence
        except KeyboardInterrupt:
            _say("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # Python flushes stdout once more on its way out and would complain then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as error:
            from index.errors import SaysoError

            if not isinstance(error, SaysoError):
                raise
            _say(str(error))
            raise typer.Exit(error.exit_status) from None
        return result


app = typer.Typer(
    cls=_Sayso,
    help="Ask a pile of documents; every sentence of an answer carries an exact quote, who said it and when.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: quick, and the same in a pipe
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# No envvar here: Settings reads SAYSO_LIBRARY, for Python and for the command line alike.
LibraryOption = Annotated[
    str | None, typer.Option("--library", metavar="DIR", help="The library's folder. [env var: SAYSO_LIBRARY]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else, on stdout.")]
SourceOption = Annotated[
    list[str] | None, typer.Option("--source", metavar="NAME", help="Only what this source published; may be repeated.")
]
SinceOption = Annotated[
    str, typer.Option("--since", metavar="DATE", help="Only documents from this day, month or year on.")
]
UntilOption = Annotated[
    str, typer.Option("--until", metavar="DATE", help="Only documents up to this day, month or year.")
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="A language model writes the answer; see: sayso models. [env var: SAYSO_MODEL]"
    ),
]
ApiBaseOption = Annotated[
    str | None, typer.Option("--api-base", metavar="URL", help="An OpenAI-compatible server, for --model openai/NAME.")
]


@app.command(epilog="Example: sayso add articles/ notes/2025-05-20.md https://example.org/notes.txt")
def add(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Files, folders with everything in them, or addresses of pages."),
    ],
    prune: Annotated[bool, typer.Option("--prune", help="Take out what is no more in the folders.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and add what changes; Ctrl-C stops it.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add files, folders and web pages to the library.

    What has not changed since it was added is passed over; what cannot be read is named, and the rest goes on. Files
    that are no more in a folder leave the library with --prune only. Only pages that are named are fetched, and only
    from public addresses.
    """
    with _open(library) as assistant:
        if watch:
            _keep_in_step(assistant, paths, prune, as_json)
        elif _add(assistant, paths, prune, as_json):
            raise typer.Exit(1)


def _keep_in_step(assistant: "Assistant", paths: list[str], prune: bool, as_json: bool) -> None:
    """Add the paths, and the folders among them again whenever something in them changes, until Ctrl-C."""
    from index.watch import changes

    folders = [path for path in paths if "://" not in path]
    told = changes(folders)
    next(told)  # from here on nothing that changes is missed
    _add(assistant, paths, prune, as_json)
    _say("watching; Ctrl-C stops it")
    for _ in told:
        _add(assistant, folders, prune, as_json)


def _add(assistant: "Assistant", paths: list[str], prune: bool, as_json: bool) -> bool:
    """Whether something failed; what was done is printed."""
    from index.readers import FORMATS
    from rag.types import to_dict
    from ui.terminal import json_line, progress

    with progress() as show:
        report = assistant.add(*paths, prune=prune, progress=show)
    if as_json:
        _print(json_line(to_dict(report)))
    else:
        taken_out = f"{len(report.removed)} removed, " if prune else ""
        _print(
            f"{len(report.added)} added, {len(report.changed)} changed, {len(report.skipped)} unchanged, {taken_out}"
            f"{len(report.failed)} failed; {report.passages} passages embedded in {report.seconds:.1f} s"
        )
    if report.ignored:
        _say(f"{len(report.ignored)} of a format that is not read (only {FORMATS} are): {_some(report.ignored)}")
    if report.gone:
        gone = f"{len(report.gone)} no more in the folder and still in the library: {_some(report.gone)}"
        _say(f"{gone}; take them out with --prune")
    for failure in report.failed:
        _say(failure.why if failure.path in failure.why else f"{failure.path}: {failure.why}")
    return bool(report.failed)


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(Path(path).name for path in paths[:5]) + more


@app.command(epilog="Example: sayso remove 1f0c9a52b77d4e10")
def remove(
    doc_ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids as `sayso list` shows them.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from the library.

    The files they came from stay. An unknown id removes nothing.
    """
    from ui.terminal import json_line

    with _open(library) as assistant:
        assistant.remove(*doc_ids)
    _print(json_line({"removed": doc_ids}) if as_json else f"{len(doc_ids)} removed")


@app.command("list", epilog="Example: sayso list --json")
def list_documents(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the documents by date.

    A line each: id, date, title, source, and of which document it is a near copy, where it is one.
    """
    from ui.terminal import document_line, document_summary, json_line, near_copies

    with _open(library) as assistant:
        documents = assistant.documents()
    copies = near_copies(documents)
    if as_json:
        _print(json_line({"documents": [document_summary(d, copies.get(d.doc_id, "")) for d in documents]}))
    else:
        _print_lines(document_line(d, copies.get(d.doc_id, "")) for d in documents)


@app.command(epilog='Example: sayso ask "Who said Russia was open to talks?" --since 2025-05')
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In quotation marks, so that it is one word.")],
    source: SourceOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="For a written answer; then quotes.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Have it written anew.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question, each sentence with its source.

    Where the documents do not say, the answer says so and shows what came closest; the exit status is 0 all the same.
    """
    from rag.types import Filter, to_json
    from ui.terminal import answer_lines, json_line

    where = Filter(sources=tuple(source or ()), since=since, until=until)
    cache = False if no_cache else None
    with _open(library, model=model, api_base=api_base, timeout_s=timeout, cache=cache) as assistant:
        answer = assistant.ask(question, where=where or None)
        if as_json:
            _print(json_line(to_json(answer)))
        else:
            _print_lines(answer_lines(answer, _documents_of(assistant, answer.hits)))
    if answer.status == "error":
        raise typer.Exit(1)


@app.command(epilog='Example: sayso search "peace talks in Istanbul" -k 5')
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words or a question.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many passages at most.")] = 10,
    source: SourceOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find passages, best first, without answering anything."""
    from rag.types import Filter, to_dict
    from ui.terminal import hit_lines, json_line

    where = Filter(sources=tuple(source or ()), since=since, until=until)
    with _open(library) as assistant:
        hits = assistant.search(query, k=k, where=where or None)
        if as_json:
            _print(json_line({"query": query, "hits": [to_dict(hit) for hit in hits]}))
        else:
            _print_lines(hit_lines(hits, _documents_of(assistant, hits)))


@app.command(epilog="Example: sayso check --repair --library news.library")
def check(
    repair: Annotated[bool, typer.Option("--repair", help="Make again what can be made from the texts.")] = False,
    compact: Annotated[bool, typer.Option("--compact", help="Leave nothing of what was removed on the disk.")] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for damage in the library.

    Each problem is a line on stderr, and the exit status is then 1. A library made by other rules or another embedding
    model is made again by --repair too.
    """
    from rag import Assistant
    from rag.types import to_dict
    from ui.terminal import json_line

    done: dict[str, object] = {}
    if repair:
        repaired = Assistant.repair(library)
        done["repaired"] = to_dict(repaired)
        if repaired.made_again:
            _say(f"the library was made again with {repaired.documents} documents")
        for path in repaired.lost:
            _say(f"{path}: its text is lost; add it again with: sayso add PATH")
    with _open(library) as assistant:
        if compact:
            done["bytes_given_back"] = assistant.compact()
        report = assistant.check()
        folder = assistant.path
    if as_json:
        _print(json_line({**to_dict(report), **done}))
    else:
        counts = f"{report.documents} documents, {report.passages} passages, {report.sentences} sentences"
        _print(f"{folder}: {counts}, {len(report.problems) or 'no'} problems")
    for problem in report.problems:
        _say(problem)
    if report.problems:
        raise typer.Exit(1)


@app.command("export", epilog="Example: sayso export backup-2025-05-20.sayso --library news.library")
def export_library(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that is not there yet.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole library to one file: a backup, or a way to another machine."""
    from rag.types import to_dict
    from ui.terminal import json_line

    with _open(library) as assistant:
        report = assistant.export(file)
    size = file.stat().st_size
    _print(
        json_line({"file": str(file), "bytes": size, **to_dict(report)})
        if as_json
        else f"{file}: {report.documents} documents, {size / 1e6:.1f} MB"
    )


@app.command("import", epilog="Example: sayso import backup-2025-05-20.sayso --library news.library")
def import_library(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sayso export` wrote.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new library from an exported file, which is checked first."""
    from rag import Assistant
    from rag.types import to_dict
    from ui.terminal import json_line

    folder = _settings(library=library).library_path
    report = Assistant.restore(file, folder)
    _print(
        json_line({"library": str(folder), **to_dict(report)})
        if as_json
        else f"{folder}: {report.documents} documents, {report.passages} passages"
    )


@app.command(epilog="Example: sayso chat --port 8080")
def chat(
    host: Annotated[
        str, typer.Option(metavar="HOST", help="One that other machines can reach needs --auth.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="0 takes any free one.")] = 7860,
    auth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask for one of these name:password lines; only you may read the file."),
    ] = None,
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    library: Annotated[
        list[str] | None,
        typer.Option(
            "--library", metavar="DIR", help="A library's folder; may be repeated. [env var: SAYSO_LIBRARY, one]"
        ),
    ] = None,
) -> None:
    """Open the chat in the browser; Ctrl-C stops it.

    The first library is opened, and the page can change to the others. Where only this machine is served, it can also
    change to all that were made in it.
    """
    from ui.access import read_users
    from ui.server import check_address

    users = read_users(auth) if auth else None
    check_address(host, port, signed_in=users is not None)
    from ui.chat import serve

    named = library or []
    with _open(named[0] if named else None, model=model, api_base=api_base) as assistant:
        serve(assistant, [Path(other) for other in named[1:]], host=host, port=port, users=users)


@app.command("eval", epilog="Example: sayso eval eval/questions/seeds.jsonl --out seeds.json")
def evaluate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Questions, one JSON object a line.")],
    corpus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask these paragraphs, one JSON object a line, instead of a library."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the figures and every answer here, as JSON.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="Only the first N questions of each file.")] = 0,
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure answers against questions whose answers are known.

    How often the answer, its evidence and its abstentions are right, and how long they take. Questions about the
    documents in seeds/ are asked of those, others of the library, or of the paragraphs in --corpus.
    """
    from eval.report import print_report, run_file
    from rag.types import to_dict
    from ui.terminal import json_line

    if corpus and library:
        raise typer.BadParameter("give --corpus or --library, not both")
    if out and len(files) > 1:
        raise typer.BadParameter("--out holds the figures of one file; evaluate each on its own, or use --json")
    settings = _settings(model=model, api_base=api_base, cache=False if model else None)
    done = []
    for file in files:
        evaluation = run_file(file, corpus=corpus, library=library, out=out, limit=limit, settings=settings)
        done.append(evaluation)
        if not as_json:
            print_report(evaluation)
    if as_json:
        _print(json_line({"evaluations": [to_dict(evaluation) for evaluation in done]}))


@app.command(epilog="Example: sayso bench index --corpus corpus.jsonl --questions queries.jsonl --out bench.json")
def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="index, ask, cold, verifier, followups (these when none); chat, page, faults, scale."
        ),
    ] = None,
    corpus: Annotated[Path | None, typer.Option(metavar="FILE", help="Paragraphs, one JSON object a line.")] = None,
    questions: Annotated[Path | None, typer.Option(metavar="FILE", help="Questions about them, the same way.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the figures as JSON here.")] = None,
) -> None:
    """Measure what is fast, strict or found here, each beside something else in one run.

    index: passages a second; ask: a question, warm; cold: `sayso ask` from its start (`make bench` installs what these
    are compared with). verifier: altered sentences that pass. followups: what they find, alone and put in full.
    chat: many who ask the served chat at once. page: the chat in Chromium, how soon it is there and answers.
    faults: what a library survives, such as kills, damaged files and full disks.
    scale: a library of 200,000 passages (making it the first time takes many minutes and 2 GB).
    """
    from eval.bench import run

    raise typer.Exit(run(names or [], corpus=corpus, questions=questions, out=out))


models_app = typer.Typer(cls=_Sayso, invoke_without_command=True, rich_markup_mode=None)
app.add_typer(models_app, name="models")


@models_app.callback(epilog="Example: sayso models test ollama/llama3.2")
def models(context: typer.Context, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Show what can write answers now, what the rest needs, and which model searches."""
    if context.invoked_subcommand:
        return
    from rag.models import usable_models
    from rag.types import to_dict
    from ui.terminal import json_line, one_line

    with _open(library) as assistant:
        spec, named = assistant.spec, assistant.settings.embedder
    usable = list(usable_models())
    if as_json:
        answers = [to_dict(model) for model in usable]
        _print(json_line({"models": answers, "embedder": to_dict(spec) if spec else {"model": named}}))
        return
    for model in usable:
        needs = f"  needs: {one_line(model.needs)}" if model.needs else ""
        ready = "      " if model.needs else "usable"
        _print(f"{ready}  {one_line(model.name) or '(quotes)'}  {one_line(model.about)}{needs}")
    _print("")
    if spec:
        _print(f"embedder  {one_line(spec.model)}, {spec.dimension} dimensions, {spec.window} word pieces at once")
        _print(f"          sha256 of the weights: {spec.fingerprint}")
    else:
        _print(f"embedder  {one_line(named)}; the library has no documents yet")


@models_app.command("test", epilog="Example: sayso models test openai/qwen --api-base http://127.0.0.1:8080/v1")
def models_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As --model takes it.")],
    api_base: ApiBaseOption = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="For the whole answer.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a model one question about a small text of its own: speed, cost, and whether it cites as it is told to."""
    from rag.compose import try_model
    from rag.parts import open_model
    from rag.types import to_dict
    from ui.terminal import json_line, one_line

    settings = _settings(model=name, api_base=api_base, timeout_s=timeout)
    trial = try_model(open_model(settings), timeout_s=settings.timeout_s)
    if as_json:
        _print(json_line(to_dict(trial)))
        return
    _print(f"wrote     {one_line(trial.draft)}")
    kept = "kept: each sentence ends in its numbers" if trial.cites else "not kept; sentences are matched instead"
    _print(f"form      {kept}")
    cost = "price not known" if trial.cost_usd is None else f"{trial.cost_usd:.6f} USD"
    speed = f"{trial.first_s:.1f} s to the first word, {trial.seconds:.1f} s in all"
    _print(f"speed     {speed}, {trial.tokens_per_s:.0f} tokens a second; {cost}")
    _print(f"window    {trial.window} tokens")


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # quotes are not ASCII
    app(prog_name="sayso")


def _open(library: str | None, **given: object) -> "Assistant":
    """given: settings, None where the command line says nothing of them."""
    from rag import Assistant

    settings = _settings(**given)
    if library is None and not settings.library and not settings.library_path.exists():
        _say("no library yet; making one of the five documents of the seeds, which takes some seconds")
    return Assistant.open(library, settings=settings)


def _settings(**given: object) -> "Settings":
    """The settings. The file of a model that a command takes is fetched here, where a bar can be shown."""
    from rag import Settings
    from rag.parts import model_file
    from ui.terminal import downloading

    settings = Settings.load(**given)
    if "model" in given and settings.model.startswith("hf:"):
        with downloading(settings.model) as show:
            model_file(settings, show)
    return settings


def _documents_of(assistant: "Assistant", hits: Iterable["Hit"]) -> Mapping[str, "Document"]:
    return {doc_id: assistant.document(doc_id) for doc_id in {hit.passage.doc_id for hit in hits}}


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        _print(line)


def _say(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    from ui.terminal import one_line

    sys.stderr.write(f"sayso: {one_line(message)}\n")


if __name__ == "__main__":
    main()
