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
    help="Train until this many epochs in all, instead of as planned.",
)
@quiet_option
@json_option
def command(run: str, epochs: int | None, quiet: bool, as_json: bool) -> int:
    """Go on with the training run in the folder RUN.

    The result has the same bits as if the run had never been stopped.
    """
    import ranvier
    from ranvier.cli.overview import watching
    from ranvier.cli.report import finish

    output = Output(as_json, quiet)
    with watching(output, quiet) as sink:
        model = ranvier.resume(run, epochs=epochs, progress=sink)
    return finish(output, model.report, model.report.get("data"))
