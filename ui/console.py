"""What the commands share: options, how a library is opened, lines on stdout and stderr, errors as exit statuses.

Results go to stdout, everything else to stderr. Exit status: 0 done (an abstention is that), 1 failed, 2 wrong use, 130
interrupted.
"""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from rag import Assistant, Settings


class CommandGroup(TyperGroup):
    """Turns what a command raises into a line on stderr and an exit status; anything else is a bug and crashes."""

    def invoke(self, ctx: Any) -> Any:  # typer's own Context is not its public one
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe can still be met with silence
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(130) from None
        except BrokenPipeError:
            # Python flushes stdout once more on its way out and would complain then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as error:
            from index.errors import SaysoError

            if not isinstance(error, SaysoError):
                raise
            say(str(error))
            raise typer.Exit(error.exit_status) from None
        return result


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


def opened(library: str | None, **given: object) -> "Assistant":
    """given: settings, None where the command line says nothing of them."""
    from rag import Assistant

    settings = settings_of(**given)
    if library is None and not settings.library and not settings.library_path.exists():
        say("no library yet; making one of the five documents of the seeds, which takes some seconds")
    return Assistant.open(library, settings=settings)


def settings_of(**given: object) -> "Settings":
    """The settings. The file of a model that a command takes is fetched here, where a bar can be shown."""
    from rag import Settings
    from rag.parts import model_file
    from ui.terminal import downloading

    settings = Settings.load(**given)
    if "model" in given and settings.model.startswith("hf:"):
        with downloading(settings.model) as show:
            model_file(settings, show)
    return settings


def put(line: str) -> None:
    sys.stdout.write(line + "\n")


def put_lines(lines: Iterable[str]) -> None:
    for line in lines:
        put(line)


def say(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    from ui.terminal import one_line

    sys.stderr.write(f"sayso: {one_line(message)}\n")
