"""The commands that ask a library and measure the answers: ask, search, chat, eval, bench, models."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.console import (
    ApiBaseOption,
    CommandGroup,
    JsonOption,
    LibraryOption,
    ModelOption,
    SinceOption,
    SourceOption,
    UntilOption,
    opened,
    put,
    put_lines,
    say,
    settings_of,
)

if TYPE_CHECKING:
    from index.types import Document
    from rag import Assistant
    from rag.types import Hit

commands = typer.Typer()


@commands.command(epilog='Example: sayso ask "Who said Russia was open to talks?" --since 2025-05')
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
    with opened(library, model=model, api_base=api_base, timeout_s=timeout, cache=cache) as assistant:
        answer = assistant.ask(question, where=where or None)
        if as_json:
            put(json_line(to_json(answer)))
        else:
            put_lines(answer_lines(answer, _documents_of(assistant, answer.hits)))
    if answer.status == "error":
        raise typer.Exit(1)


@commands.command(epilog='Example: sayso search "peace talks in Istanbul" -k 5')
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
    with opened(library) as assistant:
        hits = assistant.search(query, k=k, where=where or None)
        if as_json:
            put(json_line({"query": query, "hits": [to_dict(hit) for hit in hits]}))
        else:
            put_lines(hit_lines(hits, _documents_of(assistant, hits)))


@commands.command(epilog="Example: sayso chat --port 8080")
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
    with opened(named[0] if named else None, model=model, api_base=api_base) as assistant:
        serve(assistant, [Path(other) for other in named[1:]], host=host, port=port, users=users)


@commands.command("eval", epilog="Example: sayso eval handbook --out new.json --compare old.json --report new.html")
def evaluate(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="SET", help="A file, a folder, or one that comes with sayso; these are listed without."),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask these paragraphs, one JSON object a line, instead of a library."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the figures and every answer here, as JSON.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write a page that shows them, one HTML file.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="OLD", help="Say what differs from this evaluation, a file of --out.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="Only the first N questions of each set.")] = 0,
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure answers against questions whose answers are known, and the verifier against pairs whose labels are.

    A set is a file of questions or pairs, one JSON object a line, or a folder with questions.jsonl, pairs.jsonl and
    docs/; several are measured together and one by one. Questions about the documents in seeds/ are asked of those,
    others of docs/ beside them, of the library, or of the paragraphs in --corpus. A run that was cut off goes on where
    it stopped.
    """
    from eval import compare as comparing
    from eval.report import check_writable, print_comparison, print_report, print_sets, read_json, run_sets, write_json
    from eval.report_html import write_report
    from rag.types import to_dict
    from ui.terminal import json_line

    if corpus and library:
        raise typer.BadParameter("give --corpus or --library, not both")
    if not names:
        print_sets()
        return
    for file in filter(None, (out, report)):
        check_writable(file)
    old = read_json(compare) if compare else None
    settings = settings_of(model=model, api_base=api_base)
    try:
        evaluation = run_sets(names, corpus=corpus, library=library, limit=limit, settings=settings)
    except KeyboardInterrupt:
        say("what was asked is kept; the same command goes on from there")
        raise
    if out:
        write_json(evaluation, out)
    if not as_json:
        print_report(evaluation)
    comparison = comparing.compare(old, evaluation) if old else None
    if report:
        write_report(evaluation, report, comparison)
    if as_json:
        found = {"comparison": to_dict(comparison)} if comparison else {}
        put(json_line({"evaluation": to_dict(evaluation), **found}))
        for remark in evaluation.remarks:
            say(remark)
    elif comparison:
        print_comparison(comparison)


@commands.command(epilog="Example: sayso bench index --corpus corpus.jsonl --questions queries.jsonl --out bench.json")
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


models_app = typer.Typer(cls=CommandGroup, invoke_without_command=True, rich_markup_mode=None)
commands.add_typer(models_app, name="models")


@models_app.callback(epilog="Example: sayso models test ollama/llama3.2")
def models(context: typer.Context, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Show what can write answers now, what the rest needs, and which model searches."""
    if context.invoked_subcommand:
        return
    from rag.models import usable_models
    from rag.types import to_dict
    from ui.terminal import json_line, one_line

    with opened(library) as assistant:
        spec, named = assistant.spec, assistant.settings.embedder
    usable = list(usable_models())
    if as_json:
        answers = [to_dict(model) for model in usable]
        put(json_line({"models": answers, "embedder": to_dict(spec) if spec else {"model": named}}))
        return
    for model in usable:
        needs = f"  needs: {one_line(model.needs)}" if model.needs else ""
        ready = "      " if model.needs else "usable"
        put(f"{ready}  {one_line(model.name) or '(quotes)'}  {one_line(model.about)}{needs}")
    put("")
    if spec:
        put(f"embedder  {one_line(spec.model)}, {spec.dimension} dimensions, {spec.window} word pieces at once")
        put(f"          sha256 of the weights: {spec.fingerprint}")
    else:
        put(f"embedder  {one_line(named)}; the library has no documents yet")


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

    settings = settings_of(model=name, api_base=api_base, timeout_s=timeout)
    trial = try_model(open_model(settings), timeout_s=settings.timeout_s)
    if as_json:
        put(json_line(to_dict(trial)))
        return
    put(f"wrote     {one_line(trial.draft)}")
    kept = "kept: each sentence ends in its numbers" if trial.cites else "not kept; sentences are matched instead"
    put(f"form      {kept}")
    cost = "price not known" if trial.cost_usd is None else f"{trial.cost_usd:.6f} USD"
    speed = f"{trial.first_s:.1f} s to the first word, {trial.seconds:.1f} s in all"
    put(f"speed     {speed}, {trial.tokens_per_s:.0f} tokens a second; {cost}")
    put(f"window    {trial.window} tokens")


def _documents_of(assistant: "Assistant", hits: Iterable["Hit"]) -> Mapping[str, "Document"]:
    return {doc_id: assistant.document(doc_id) for doc_id in {hit.passage.doc_id for hit in hits}}
