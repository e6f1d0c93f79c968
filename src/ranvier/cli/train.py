"""`ranvier train`: from a file to a trained model, with what a person wants to know on the way."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ranvier.cli.console import Output
from ranvier.cli.options import (
    ENCODING_HELP,
    HEADER_HELP,
    SKIP_HELP,
    FiniteRange,
    FractionOrFile,
    GroupedCommand,
    GroupedOption,
    Widths,
    column_kinds,
    json_option,
    names,
    quiet_option,
)
from ranvier.errors import InputError
from ranvier.settings import ENGINES

if TYPE_CHECKING:
    from ranvier.model.model import Model

F = TypeVar("F", bound="Callable[..., Any] | click.Command")
COUNT = click.IntRange(min=1)
FRACTION = FiniteRange(0, 1, max_open=True)
KINDS = ("binary", "multiclass", "multilabel", "regression")
RECIPES = ("auto", "table", "image", "sound", "text", "language", "plain")
AUGMENT = ("auto", "none", "affine", "flip")
EFFORTS = ("fast", "default", "best")
FORMATS = ("float32", "float64", "bfloat16")
TASKS = click.Choice(KINDS)
REPEATABLE, SWITCH = object(), object()
MAX_NAME = 100
"""The most characters of a model's name, which is made of the names of its data and its targets."""

# Title of the part -> flags, metavar, type, the default that `ranvier.train` takes, help.
OPTIONS: dict[str, tuple[tuple[str, str, Any, str, str], ...]] = {
    "Data": (
        ("--target -t", "COLUMN", REPEATABLE, "", "Column to predict; repeat it or use commas."),
        ("--ignore", "COLUMN", REPEATABLE, "", "Column to leave out; repeat it or use commas."),
        (
            "--kind",
            "COLUMN=KIND",
            REPEATABLE,
            "",
            "Kind of a column: number, category, boolean, date, text, image, sound, vector, or drop; repeat it.",
        ),
        (
            "--header/--no-header",
            "",
            SWITCH,
            "",
            HEADER_HELP,
        ),
        ("--encoding", "NAME", str, "", ENCODING_HELP),
        ("--skip-bad-rows", "", SWITCH, "", SKIP_HELP),
        ("--task", "KIND", TASKS, "", f"{', '.join(KINDS)}; inferred from the target by default."),
        (
            "--validation",
            "FRACTION|FILE",
            FractionOrFile(),
            "0.1",
            "Validation rows, for early stopping: a fraction of DATA, or a file.",
        ),
        (
            "--test",
            "FRACTION|FILE",
            FractionOrFile(),
            "0.2",
            "Test rows, for the metrics: a fraction of DATA, or a file.",
        ),
        (
            "--split",
            "time:COLUMN",
            str,
            "",
            "Take the latest rows for the test and those before them for validation.",
        ),
        (
            "--group",
            "COLUMN",
            str,
            "",
            "Keep rows with equal cells of COLUMN in one part; COLUMN:REGEX: equal matches, also in names of files.",
        ),
        ("--positive", "LABEL", str, "", "The class of two that F1, precision, recall and AUC are about."),
    ),
    "Recipe": (
        ("--recipe", "NAME", click.Choice(RECIPES), "auto", f"{', '.join(RECIPES)}; sets the options left open below."),
        ("--effort", "HOW", click.Choice(EFFORTS), "default", f"Of the recipe: {', '.join(EFFORTS)}."),
        ("--members", "N", COUNT, "", "How many networks are trained and merged into one."),
    ),
    "Pictures": (
        ("--image-size", "N", COUNT, "", "Height and width that pictures are brought to, in pixels."),
        ("--augment", "HOW", click.Choice(AUGMENT), "", f"Distorted copies: {', '.join(AUGMENT)}; auto by default."),
    ),
    "Network": (
        ("--hidden", "WIDTHS", Widths(), "", "Widths of the hidden layers, such as 256,256, or none."),
        ("--activation", "NAME", str, "", "Of the hidden layers: silu, relu, gelu, ..."),
        ("--dropout", "RATE", FRACTION, "", "Fraction of the hidden outputs set to 0 in each step."),
    ),
    "Training": (
        ("--epochs", "N", COUNT, "", "Maximum number of epochs."),
        (
            "--patience",
            "N",
            COUNT,
            "",
            "Epochs without improvement before stopping.",
        ),
        ("--batch-size", "N", COUNT, "", "Mini-batch size."),
        ("--optimizer", "NAME", str, "", "adamw, adam, sgd, lion, lbfgs, ..."),
        ("--learning-rate", "X", FiniteRange(0, min_open=True), "", "Learning rate."),
        ("--schedule", "NAME", str, "", "Of the learning rate: constant, cosine, ..."),
        ("--weight-decay", "X", FiniteRange(0), "", "Decoupled weight decay."),
        ("--clip-norm", "X", FiniteRange(0, min_open=True), "", "Maximum norm of the gradient."),
        (
            "--class-weight",
            "balanced",
            click.Choice(["balanced"]),
            "",
            "Weight classes inversely to their frequency.",
        ),
        (
            "--threshold",
            "RULE",
            str,
            "",
            "Probability that predicts the positive class: a number, f1, accuracy, balanced_accuracy, or cost:FN:FP.",
        ),
        ("--seed", "N", click.IntRange(min=0), "0", "The same seed gives the same model."),
    ),
    "Machine": (
        (
            "--engine",
            "NAME",
            click.Choice(ENGINES),
            "auto",
            "Compute engine: auto, native, reference.",
        ),
        ("--threads", "N", COUNT, "", "All cores by default; the result does not depend on it."),
        ("--precision", "FORMAT", click.Choice(FORMATS), "float32", f"{', '.join(FORMATS)}."),
    ),
    "Files": (
        ("--model -m", "OUT.rv", str, "", "Model file; NAME-TARGET.rv in this folder by default."),
        ("--run", "FOLDER", str, "", "Folder of the log and the checkpoints; under runs/ by default."),
        ("--view", "", SWITCH, "", "Watch the training in the browser, and look inside the model afterwards."),
    ),
}


def with_options(groups: Collection[str] = tuple(OPTIONS), flags: Collection[str] = ()) -> Callable[[F], F]:
    """A decorator that puts the options of OPTIONS on a command.

    Parameters:
        groups: all options of these groups.
        flags: other ones, by the beginning of their flags.
    """
    options = [(title, *entry) for title, entries in OPTIONS.items() for entry in entries]
    selection = [entry for entry in options if entry[0] in groups or entry[1].split()[0] in flags]

    def decorate(function: Any) -> Any:
        for title, flag_names, metavar, kind, default_text, help_text in reversed(selection):
            settings: dict[str, Any] = {"type": kind}
            if kind is REPEATABLE:
                settings = {"multiple": True}
            elif kind is SWITCH:
                settings = {"is_flag": True, "default": None}
            look = {"cls": GroupedOption, "group": title, "default_text": default_text}
            function = click.option(*flag_names.split(), metavar=metavar, help=help_text, **look, **settings)(function)
        return function

    return decorate


@click.command("train", cls=GroupedCommand)
@click.argument("data", metavar="DATA")
@with_options()
@click.option(
    "--report",
    "report_file",
    cls=GroupedOption,
    group="Files",
    metavar="OUT.html",
    help="Also write a report: one HTML file that needs no network.",
)
@quiet_option
@json_option
def command(
    data: str, model: str | None, run: str | None, report_file: str | None, quiet: bool, as_json: bool, **options: Any
) -> int:
    """Train a network on DATA.

    DATA is a CSV, TSV, Parquet, Arrow, JSONL, NPZ or IDX file; a folder, .zip or .tar.gz of class folders with
    pictures, of train/ and test/ with such, or of IDX files; a table with a column of paths; a plain text file; or the
    name of a set that needs no file: digits, iris, wine, breast_cancer, diabetes.
    """
    if data == "-":
        raise InputError(
            "Training reads its data more than once, and standard input can be read only once; write it to a file and "
            "give that file."
        )
    view = bool(options.pop("view"))
    passed = passed_options(data, options)
    model = default_model(data, passed["target"]) if model is None else model
    if report_file is not None:
        from ranvier.storage.atomic import check_writable
        from ranvier.view.report_file import check_name

        if Path(report_file).resolve() == Path(model).resolve():
            raise InputError(f'The model and the report are both to be written to "{report_file}"; give two names.')
        check_writable(report_file, [data])
        check_name(report_file)
    named = {**passed, "model": model, "run": run or True}
    return _train(Output(as_json, quiet), data, named, view, report_file)


def passed_options(data: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given on a command line, as `ranvier.train` and `ranvier.search` take them.

    Parameters:
        data: the source, as it was given.
        options: the value of each option of `with_options`; None where it was not given.
    """
    passed = {name: value for name, value in options.items() if value is not None}
    for name in ("target", "ignore"):
        passed[name] = names(passed[name], lambda: column_names(data, passed.get("header"), passed.get("encoding")))
    passed["kinds"] = column_kinds(passed.pop("kind")) or None
    return passed


def column_names(data: str, header: bool | None, encoding: str | None) -> tuple[str, ...]:
    """The columns of the data; none where they cannot be read, which training says."""
    from ranvier.data.sources import Reading, open_source

    try:
        return open_source(data, reading=Reading(header=header, encoding=encoding, skip_bad_rows=True)).column_names
    except InputError:
        return ()


def default_model(data: str, targets: Sequence[str] = ()) -> str:
    """The file in the current folder that a model of this data goes to; it holds the targets that were asked for.

    >>> default_model("digits"), default_model("there/adult.csv.gz", ["income"]), default_model("-", ["a / b", "c"])
    ('digits.rv', 'adult-income.rv', 'model-a-b-c.rv')
    >>> default_model("Adult.CSV.bz2"), default_model("notes.md"), default_model("v1.2.tar.xz")
    ('Adult.rv', 'notes.rv', 'v1.2.rv')
    """
    from ranvier.data.sources.readers import without_endings

    name = without_endings(Path(data).name)
    wanted = [re.sub(r"[^\w.]+", "-", target).strip("-.") for target in targets]
    parts = [name if name.strip("-") else "model", *(target for target in wanted if target)]
    return f"{'-'.join(parts)[:MAX_NAME]}.rv"


def _train(output: Output, data: str, options: dict[str, Any], view: bool, report_file: str | None) -> int:
    import ranvier
    from ranvier.cli.overview import progress_sink

    replaced = Path(options["model"]).exists()
    if not view:
        with progress_sink(output) as sink:
            trained = ranvier.train(data, progress=sink, **options)
        return _finish(output, trained, data, replaced, report_file)
    from ranvier.cli.view_process import ViewProcess
    from ranvier.training.events import tee

    with ViewProcess(output) as process:
        with progress_sink(output) as sink:
            trained = ranvier.train(data, progress=tee((process, sink)) if callable(sink) else process, **options)
        code = _finish(output, trained, data, replaced, report_file)
        sys.stdout.flush()
        if not trained.report.interrupted:
            process.wait()
    return code


def _finish(output: Output, trained: Model, data: str, replaced: bool, report_file: str | None) -> int:
    """Write the report where one was asked for, and print what came of the training."""
    from ranvier.cli.printed_report import print_report

    if report_file is not None:
        trained.write_report(report_file)
    return print_report(output, trained.report, data, replaced, report_file)
