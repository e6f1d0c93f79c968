"""The command `ranvier`: its sub-commands, loaded when asked for, and what every failure becomes.

`ranvier --help` loads click and nothing heavy; the summaries below are repeated by the commands' own help.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any, NoReturn, cast

import click

from ranvier.cli.exit_codes import DONE, INTERRUPTED, explain
from ranvier.errors import nearest
from ranvier.version import __version__

COMMANDS = {
    "look": "Look at data without training: kinds, missing and odd cells.",
    "train": "Train a network on a table, arrays or a named data set.",
    "search": "Search settings for some minutes, and train the best ones.",
    "predict": "Predict new rows with a trained model.",
    "evaluate": "Measure a trained model on rows with known targets.",
    "write": "Write text with a trained language model.",
    "show": "Look inside a trained model.",
    "view": "Look inside a trained model in the browser.",
    "report": "Write a report of a trained model as one HTML file.",
    "resume": "Go on with a training run that was stopped.",
    "doctor": "Check this machine and this installation.",
}
DEBUG = "--debug"
QUIET = {"-q", "--quiet"}


def _show(message: Warning | str, *where: Any, **more: Any) -> None:
    """A warning as a sentence, without the line of code that it comes from."""
    click.echo(f"Note: {message}", err=True)


def _keep_silent(message: Warning | str, *where: Any, **more: Any) -> None:
    """Say nothing: only errors are asked for."""


class Commands(click.Group):
    """A group whose commands are imported one at a time, and whose failures are sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file of one command; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, import_module(f"ranvier.cli.{cmd_name}").command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one the error names the nearest."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(f'There is no command "{name}". {nearest(name, COMMANDS)}', ctx)
        resolved, command, words = super().resolve_command(ctx, args)
        if command is not None:
            _check_values(click.Context(command, ctx, resolved), words)
        return resolved, command, words

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; when the reader of a pipe has gone there is nobody left to tell."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        return code

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = "ranvier", **extra: Any
    ) -> NoReturn:
        """Run a command line and leave with the exit code that the design promises."""
        extra.pop("standalone_mode", None)
        arguments = list(sys.argv[1:] if args is None else args)
        words = [word for word in arguments if word != DEBUG]
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _show if QUIET.isdisjoint(words) else _keep_silent
                code = super().main(words, prog_name, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            code = error.exit_code
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001
            if DEBUG in arguments and not isinstance(error, (click.ClickException, click.Abort)):
                click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
            sentence, code = explain(error)
            title = "" if code == INTERRUPTED else click.style("Error: ", fg="red", bold=True)
            click.echo(f"{title}{sentence}", err=True, color=False if os.environ.get("NO_COLOR") else None)
        sys.exit(code if isinstance(code, int) else DONE)


def _check_values(ctx: click.Context, words: Sequence[str]) -> None:
    """Raise a `click.UsageError` where another option stands in the place of the value of an option."""
    options = [parameter for parameter in ctx.command.params if isinstance(parameter, click.Option)]
    names = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    with_value = {name for option in options for name in option.opts if not option.is_flag and not option.count}
    optional = {name for option in options for name in option.opts if option._flag_needs_value}
    for word, after in pairwise(words[: words.index("--")] if "--" in words else words):
        if word in with_value - optional and after in names:
            raise click.UsageError(f"{word} needs a value, and {after} is an option.", ctx)


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="First steps: ranvier train digits, then ranvier show digits.rv",
)
@click.version_option(__version__, "-V", "--version", prog_name="ranvier", message="%(prog)s %(version)s")
@click.option(DEBUG, is_flag=True, help="Show the whole traceback of an error; may stand anywhere.")
def main(debug: bool) -> None:
    """Train fully connected neural networks on your own data, and look inside every neuron."""
