"""The command line: arguments to calls of `Assistant`, results to lines or to one JSON object.

The commands stand in ui/library_commands.py and ui/question_commands.py. Whatever is heavy is imported inside them, so
that `--help` is quick.
"""

import sys

import typer

from ui import library_commands, question_commands
from ui.console import CommandGroup

app = typer.Typer(
    cls=CommandGroup,
    help="Ask a pile of documents; every sentence of an answer carries an exact quote, who said it and when.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: quick, and the same in a pipe
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(library_commands.commands)
app.add_typer(question_commands.commands)


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        # Quotes are not ASCII; and who reads a pipe or a log waits for no buffer to fill, least of all with --watch.
        stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    app(prog_name="sayso")


if __name__ == "__main__":
    main()
