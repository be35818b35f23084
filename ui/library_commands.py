"""The commands that keep a library: add, remove, list, check, export, import."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ui.console import JsonOption, LibraryOption, opened, put, put_lines, say, settings_of

if TYPE_CHECKING:
    from rag import Assistant

commands = typer.Typer()


@commands.command(epilog="Example: sayso add articles/ notes/2025-05-20.md https://example.org/notes.txt")
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
    with opened(library) as assistant:
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
    say("watching; Ctrl-C stops it")
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
        put(json_line(to_dict(report)))
    else:
        taken_out = f"{len(report.removed)} removed, " if prune else ""
        put(
            f"{len(report.added)} added, {len(report.changed)} changed, {len(report.skipped)} unchanged, {taken_out}"
            f"{len(report.failed)} failed; {report.passages} passages embedded in {report.seconds:.1f} s"
        )
    if report.ignored:
        say(f"{len(report.ignored)} of a format that is not read (only {FORMATS} are): {_some(report.ignored)}")
    if report.gone:
        gone = f"{len(report.gone)} no more in the folder and still in the library: {_some(report.gone)}"
        say(f"{gone}; take them out with --prune")
    for failure in report.failed:
        say(failure.why if failure.path in failure.why else f"{failure.path}: {failure.why}")
    return bool(report.failed)


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(Path(path).name for path in paths[:5]) + more


@commands.command(epilog="Example: sayso remove 1f0c9a52b77d4e10")
def remove(
    doc_ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids as `sayso list` shows them.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from the library.

    The files they came from stay. An unknown id removes nothing.
    """
    from ui.terminal import json_line

    with opened(library) as assistant:
        assistant.remove(*doc_ids)
    put(json_line({"removed": doc_ids}) if as_json else f"{len(doc_ids)} removed")


@commands.command("list", epilog="Example: sayso list --json")
def list_documents(library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """List the documents by date.

    A line each: id, date, title, source, and of which document it is a near copy, where it is one.
    """
    from ui.terminal import document_line, document_summary, json_line, near_copies

    with opened(library) as assistant:
        documents = assistant.documents()
    copies = near_copies(documents)
    if as_json:
        put(json_line({"documents": [document_summary(d, copies.get(d.doc_id, "")) for d in documents]}))
    else:
        put_lines(document_line(d, copies.get(d.doc_id, "")) for d in documents)


@commands.command(epilog="Example: sayso check --repair --library news.library")
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
            say(f"the library was made again with {repaired.documents} documents")
        for path in repaired.lost:
            say(f"{path}: its text is lost; add it again with: sayso add PATH")
    with opened(library) as assistant:
        if compact:
            done["bytes_given_back"] = assistant.compact()
        report = assistant.check()
        folder = assistant.path
    if as_json:
        put(json_line({**to_dict(report), **done}))
    else:
        counts = f"{report.documents} documents, {report.passages} passages, {report.sentences} sentences"
        put(f"{folder}: {counts}, {len(report.problems) or 'no'} problems")
    for problem in report.problems:
        say(problem)
    if report.problems:
        raise typer.Exit(1)


@commands.command("export", epilog="Example: sayso export backup-2025-05-20.sayso --library news.library")
def export_library(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that is not there yet.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the whole library to one file: a backup, or a way to another machine."""
    from rag.types import to_dict
    from ui.terminal import json_line

    with opened(library) as assistant:
        report = assistant.export(file)
    size = file.stat().st_size
    put(
        json_line({"file": str(file), "bytes": size, **to_dict(report)})
        if as_json
        else f"{file}: {report.documents} documents, {size / 1e6:.1f} MB"
    )


@commands.command("import", epilog="Example: sayso import backup-2025-05-20.sayso --library news.library")
def import_library(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sayso export` wrote.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new library from an exported file, which is checked first."""
    from rag import Assistant
    from rag.types import to_dict
    from ui.terminal import json_line

    folder = settings_of(library=library).library_path
    report = Assistant.restore(file, folder)
    put(
        json_line({"library": str(folder), **to_dict(report)})
        if as_json
        else f"{folder}: {report.documents} documents, {report.passages} passages"
    )
