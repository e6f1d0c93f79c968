"""`ranvier train`: from a file to a trained model, with what a person wants to know on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ranvier.cli.console import Output
from ranvier.cli.options import ShareOrFile, Widths, decorate, json_option, names, quiet_option
from ranvier.settings import ENGINES

_data = decorate(
    click.option(
        "--target",
        "-t",
        multiple=True,
        metavar="COLUMN",
        help="The column to predict; may be repeated, or a list with commas.",
    ),
    click.option(
        "--ignore",
        multiple=True,
        metavar="COLUMN",
        help="A column to leave out; may be repeated, or a list with commas.",
    ),
    click.option(
        "--task",
        type=click.Choice(["binary", "classes", "multilabel", "regression"]),
        help="The kind of answer; read from the target otherwise.",
    ),
    click.option(
        "--validation",
        type=ShareOrFile(),
        metavar="SHARE|FILE",
        show_default="0.1", help="Rows that decide when to stop: a share of the rows, or a file.",
    ),
    click.option(
        "--held-out",
        type=ShareOrFile(),
        metavar="SHARE",
        help="Share of the rows kept apart to measure the model. [default: 0.2]",
    ),
)
_network = decorate(
    click.option(
        "--hidden", type=Widths(), metavar="WIDTHS", help="Widths of the hidden layers, such as 256,256, or none."
    ),
    click.option(
        "--activation",
        metavar="NAME",
        help="Activation of the hidden layers: relu, gelu, silu, tanh, ... [default: relu]",
    ),
    click.option(
        "--dropout",
        type=click.FloatRange(0, 1, max_open=True),
        metavar="RATE",
        help="Share of the hidden outputs set to 0 while training.",
    ),
)
_course = decorate(
    click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="How many times all rows are seen."),
    click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Rows a step."),
    click.option("--optimizer", metavar="NAME", help="adam, adamw, sgd, lion, lbfgs, ... [default: adam]"),
    click.option("--learning-rate", type=click.FloatRange(0, min_open=True), metavar="X", help="Size of a step."),
    click.option("--schedule", metavar="NAME", help="How the learning rate changes: constant, cosine, one_cycle, ..."),
    click.option(
        "--weight-decay", type=click.FloatRange(0), metavar="X", help="Pull of the weights towards 0 at every step."
    ),
    click.option(
        "--patience", type=click.IntRange(min=1), metavar="N", help="Stop after this many epochs without improvement."
    ),
    click.option(
        "--class-weight", type=click.Choice(["balanced"]), help="Give rare classes as much weight as common ones."
    ),
    click.option(
        "--seed", type=click.IntRange(min=0), metavar="N", help="The same seed gives the same model. [default: 0]"
    ),
)
_machine = decorate(
    click.option("--engine", type=click.Choice(ENGINES), help="What does the arithmetic. [default: auto]"),
    click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Number of threads; all cores otherwise."),
    click.option(
        "--precision", type=click.Choice(["float32", "float64", "bfloat16"]), help="Number format. [default: float32]"
    ),
    click.option(
        "--model",
        "-m",
        type=click.Path(),
        metavar="OUT.rv",
        help="Where the model goes. [default: DATA's name with .rv, here]",
    ),
    click.option("--run", type=click.Path(), metavar="FOLDER", help="Where the log and the checkpoints go."),
)


@click.command("train")
@click.argument("data", metavar="DATA")
@_data
@_network
@_course
@_machine
@quiet_option
@json_option
def command(data: str, model: str | None, run: str | None, quiet: bool, as_json: bool, **options: Any) -> int:
    """Train a network on DATA.

    DATA is a CSV, TSV, Parquet or JSONL file, IDX or NPZ arrays, or one of the sets digits, iris, wine, breast_cancer
    and diabetes.
    """
    output = Output(as_json, quiet)
    place = default_model(data) if model is None else model
    chosen = {name: value for name, value in options.items() if value is not None}
    for name in ("target", "ignore"):
        chosen[name] = names(chosen[name])
    return _train(output, data, {**chosen, "model": place, "run": run or True}, quiet)


def default_model(data: str) -> str:
    """The file in the current folder that a model of this data goes to.

    >>> default_model("digits"), default_model("there/adult.csv.gz")
    ('digits.rv', 'adult.rv')
    """
    name = Path(data).name
    while Path(name).suffix.lower() in _SUFFIXES:
        name = Path(name).stem
    return f"{name or 'model'}.rv"


_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".jsonl", ".ndjson", ".npz", ".npy", ".idx", ".gz")


def _train(output: Output, data: str, options: dict[str, Any], quiet: bool) -> int:
    import ranvier
    from ranvier.cli.report import finish
    from ranvier.cli.reading import watching

    with watching(output, quiet) as sink:
        trained = ranvier.train(data, progress=sink, **options)
    return finish(output, trained.report, data)
