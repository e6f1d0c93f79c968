"""`ranvier resume`: go on with a training run that was stopped."""

from __future__ import annotations

import click

from ranvier.cli.console import Output
from ranvier.cli.options import json_option, quiet_option


@click.command("resume")
@click.argument("run", metavar="RUN")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Total number of epochs, in place of the planned one.",
)
@quiet_option
@json_option
def command(run: str, epochs: int | None, quiet: bool, as_json: bool) -> int:
    """Go on with the training run in the folder RUN.

    The result is bit-identical to that of a run that was never stopped.
    """
    import ranvier
    from ranvier.cli.overview import progress_sink
    from ranvier.cli.printed_report import print_report

    output = Output(as_json, quiet)
    with progress_sink(output) as sink:
        model = ranvier.resume(run, epochs=epochs, progress=sink)
    return print_report(output, model.report, model.report.data)
