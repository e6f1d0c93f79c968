"""`ranvier report`: what the view shows, in one HTML file to send, print or keep."""

from __future__ import annotations

from pathlib import Path

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE
from ranvier.cli.options import json_option, quiet_option
from ranvier.errors import InputError


@click.command("report")
@click.argument("model", metavar="MODEL|RUN")
@click.argument("data", metavar="[DATA]", required=False)
@click.option("--output", "-o", metavar="OUT.html", help="The file; by default MODEL.html in this folder.")
@quiet_option
@json_option
def command(model: str, data: str | None, output: str | None, quiet: bool, as_json: bool) -> int:
    """Write a report of a trained model: one HTML file that needs no network.

    It holds the result, the data, the training, the mistakes and the network. Rows are the test rows of the model's
    run, or those of DATA.
    """
    from ranvier.cli.view import open_subject
    from ranvier.storage.atomic import check_writable
    from ranvier.view.report_file import write_report
    from ranvier.view.subject import Subject

    screen = Output(as_json, quiet)
    subject = open_subject(model, data)
    if not isinstance(subject, Subject):
        raise InputError(f'"{model}" has no finished model to report on; give a model file, or a run that has ended.')
    path = Path(output) if output else Path(f"{Path(subject.name).stem}.html")
    check_writable(path, [name for name in (model, data) if name])
    size = write_report(subject, path, f"ranvier view {model}")
    rows = "no rows are known" if subject.rows is None else subject.rows.name
    screen.say(f"{path}: {size / 1e6:.2f} MB; {rows}.")
    screen.finish(
        lambda: {"report": str(path), "bytes": size, "rows": 0 if subject.rows is None else len(subject.rows)}
    )
    return DONE
