"""`ranvier resume`: go on with a training run that was stopped."""

from __future__ import annotations

from typing import Any

import click

from ranvier.cli.console import Output
from ranvier.cli.failures import DONE, INTERRUPTED
from ranvier.cli.options import json_option, quiet_option


@click.command("resume")
@click.argument("run", metavar="RUN")
@click.option(
    "--epochs", type=click.IntRange(min=1), help="Train until this many epochs in all, instead of as planned."
)
@quiet_option
@json_option
def command(run: str, epochs: int | None, quiet: bool, as_json: bool) -> int:
    """Go on with the training run in the folder RUN.

    The result has the same bits as if the run had never been stopped.
    """
    import ranvier
    from ranvier.cli.report import after_training, interrupted
    from ranvier.training.progress import Display

    output = Output(as_json, quiet)
    options: dict[str, Any] = {} if epochs is None else {"epochs": epochs}
    with Display() as display:
        model = ranvier.resume(run, progress=False if quiet else display, **options)
    report = model.report
    output.say()
    after_training(output, report, None)
    if report.get("interrupted"):
        interrupted(output, report)
    output.finish(lambda: report)
    return INTERRUPTED if report.get("interrupted") else DONE
