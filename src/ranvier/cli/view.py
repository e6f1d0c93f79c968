"""`ranvier view`: look inside a trained model in the browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE
from ranvier.cli.options import json_option

if TYPE_CHECKING:
    from ranvier.view.subject import Subject


@click.command("view")
@click.argument("model", metavar="MODEL|RUN")
@click.argument("data", metavar="[DATA]", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="0, the default, takes a free one.")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@json_option
def command(model: str, data: str | None, port: int, no_browser: bool, as_json: bool) -> int:
    """Look inside a trained model in the browser: its neurons, its mistakes, and its answers to your own rows.

    Rows are the test rows of the model's run, or those of DATA. The page is served on this machine only, until Ctrl-C.
    """
    from ranvier.view.serve import RunningView, over_ssh, tunnel_command

    output = Output(as_json)
    subject = open_subject(model, data)
    with RunningView(subject, port) as running:
        rows = "no rows are known" if subject.rows is None else subject.rows.name
        output.say(f"{subject.name}: {rows}.")
        output.words.print(running.address, markup=False, soft_wrap=True)
        if over_ssh():
            output.say("From the machine with the browser, open the tunnel first:")
            output.words.print(f"  {tunnel_command(running.port)}", markup=False, soft_wrap=True)
        output.say("Ctrl-C ends it.")
        output.finish(lambda: {"address": running.address})
        sys.stdout.flush()
        if not no_browser and not over_ssh():
            running.open_browser()
        try:
            running.wait()
        except KeyboardInterrupt:
            output.say("Closed.")
    return DONE


def open_subject(path: str, data: str | None) -> Subject:
    """The model of a file or a run folder, with the rows that are known.

    Raises:
        InputError: there is no such model, or the rows cannot be read.
    """
    import ranvier
    from ranvier.view.known_rows import rows_from_file, rows_of
    from ranvier.view.run_model import model_file_of
    from ranvier.view.subject import Subject

    file = model_file_of(path) if Path(path).is_dir() else Path(path)
    model = ranvier.load(file)
    rows = rows_of(model, file) if data is None else rows_from_file(model, data)
    return Subject(model, rows, file.name)
