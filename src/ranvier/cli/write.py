"""`ranvier write`: a language model writes."""

from __future__ import annotations

import sys
import warnings

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE
from ranvier.cli.options import FiniteRange, json_option


@click.command("write")
@click.argument("model", metavar="MODEL")
@click.option("--start", metavar="TEXT", default="", help="Text to go on from.")
@click.option("--length", metavar="N", type=click.IntRange(min=0), default=400, help="Characters to write; 400.")
@click.option(
    "--temperature",
    metavar="T",
    type=FiniteRange(0),
    default=0.8,
    help="0 takes the most probable character, 1 draws as the probabilities say; 0.8.",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, help="The same seed writes the same; 0.")
@json_option
def command(model: str, start: str, length: int, temperature: float, seed: int, as_json: bool) -> int:
    """Write text with a trained language model.

    MODEL is trained on a plain text file: ranvier train book.txt. What it writes appears as it is written.
    """
    import ranvier
    from ranvier.model.writing import check_writes, start_note

    trained = ranvier.load(model)
    note = start_note(check_writes(trained), start)
    if note:
        click.echo(f"Note: {note}", err=True)
    stream = None if as_json else sys.stdout
    try:
        with warnings.catch_warnings(action="ignore"):
            text = trained.write(start, length, temperature, seed, stream)
    except KeyboardInterrupt:
        sys.stdout.write("\n")
        sys.stdout.flush()
        raise
    if stream is not None:
        stream.write("\n")
    Output(as_json).finish(lambda: {"model": model, "text": text})
    return DONE
