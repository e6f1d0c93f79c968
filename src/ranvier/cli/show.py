"""`ranvier show`: a model from the outside in: task, columns, layers, training record, one layer, one neuron."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE
from ranvier.cli.options import json_option
from ranvier.plural import plural

if TYPE_CHECKING:
    from ranvier.model.inspect import ModelSummary
    from ranvier.model.model import Model
    from ranvier.training.report import TrainReport

MAX_SHOWN_COLUMNS = 20
RECIPE_PARTS = {
    "n_networks": "networks",
    "n_pilots": "pilot networks",
    "n_folds": "validation folds",
    "overlap": "validation folds overlap",
    "n_scaling_layers": "scaling layers",
    "hidden": "hidden layers",
    "beta2": "beta 2",
    "selection_metric": "epoch chosen by",
    "calibrate": "temperature",
    "min_steps": "steps, at least",
    "class_steps": "steps for each class, at least",
    "min_validation": "validation rows, at least",
    "max_epochs": "epochs with few rows, at most",
    "n_frequencies": "frequencies per number",
    "n_bins": "bins per number",
    "max_inputs": "inputs, at most",
    "min_frequency": "rows of a category, at least",
    "max_terms": "terms of a text column, each way, at most",
}
"""The parts of recipes in words, where their names are not."""


@click.command("show")
@click.argument("model", metavar="MODEL")
@click.option("--layer", "-l", metavar="L", help="One layer: its number from 0, or its name such as layers.0.")
@click.option("--neuron", "-n", type=click.IntRange(min=0), metavar="N", help="One neuron of that layer, from 0.")
@click.option("--diagnose", metavar="DATA", help="Say what is wrong with the model and with these rows.")
@click.option("--importances", metavar="DATA", help="Which columns it needs, measured on DATA with its targets.")
@click.option("--metric", metavar="NAME", help="With --importances: what gets worse; accuracy or r2 by default.")
@click.option("--repeats", type=click.IntRange(min=1), metavar="N", help="With --importances: shuffles a column, 5.")
@click.option("--correlated", is_flag=True, help="With --importances: correlated columns are shuffled together.")
@click.option("--plan", is_flag=True, help="What the native engine does in a step of training it, loop by loop.")
@click.option("--measure", is_flag=True, help="With --plan: how long each of its steps takes on this machine.")
@json_option
def command(
    model: str,
    layer: str | None,
    neuron: int | None,
    diagnose: str | None,
    importances: str | None,
    metric: str | None,
    repeats: int | None,
    correlated: bool,
    plan: bool,
    measure: bool,
    as_json: bool,
) -> int:
    """Look inside MODEL: what it predicts, the columns it takes, its layers and parameters, how it was trained."""
    _check_options(
        {
            "--neuron needs --layer, such as --layer 0.": neuron is not None and layer is None,
            "--plan is about the whole network; leave out --layer.": plan and layer is not None,
            "--measure needs --plan.": measure and not plan,
            "--metric, --repeats and --correlated need --importances DATA.": importances is None
            and (metric is not None or repeats is not None or correlated),
            "--importances is about the whole network; leave out --layer and --plan.": importances is not None
            and (plan or layer is not None),
            "--diagnose is about the whole model; leave out --layer, --plan and --importances.": diagnose is not None
            and (plan or layer is not None or importances is not None),
        }
    )
    import ranvier
    from ranvier.cli import neurons
    from ranvier.cli.weight_picture import draw, patch_drawer, pixel_shape

    output = Output(as_json)
    trained = ranvier.load(model)
    if plan:
        values: dict[str, Any] = {"plan": trained.plan(measure=measure)}
        output.console.print(values["plan"], end="", markup=False, soft_wrap=True)
    elif diagnose is not None:
        values = _diagnose(output, trained, diagnose)
    elif importances is not None:
        from ranvier.cli.explanations import importances_of_file, print_importances

        measured = importances_of_file(trained, importances, metric, 5 if repeats is None else repeats, correlated)
        values = {"importances": measured.to_dict()}
        print_importances(output, measured)
    elif layer is None:
        summary = trained.summary()
        values = _values(trained, summary)
        _print(output, trained, summary, values, model)
    elif neuron is None:
        values = trained.layer(layer).to_dict()
        neurons.print_layer(output, values)
    else:
        view = trained.neuron(layer, neuron)
        values = view.to_dict()
        shape = pixel_shape(trained, view)
        patches = patch_drawer(output, trained, view)
        picture = patches if shape is None else partial(draw, output, view.weights, shape)
        neurons.print_neuron(output, values, picture)
    output.finish(lambda: {"model": model, **values})
    return DONE


def _diagnose(output: Output, model: Model, data: str) -> dict[str, Any]:
    """Print what is wrong with the model and with rows; the findings as plain values."""
    from ranvier.cli.diagnosis import print_diagnosis
    from ranvier.model.predictions import open_rows

    rows, targets, notes = open_rows(model, data, test_rows=True)
    findings = [entry.to_dict() for entry in model.diagnose(rows, targets)]
    for note in notes:
        output.say(note, "dim")
    print_diagnosis(output, findings, f"Diagnosis, with the rows of {data}")
    if not findings:
        output.say("Nothing was found.")
    return {"diagnosis": findings}


def _check_options(wrong: dict[str, bool]) -> None:
    """Raise the first sentence whose condition is true."""
    for sentence, applies in wrong.items():
        if applies:
            raise click.UsageError(sentence, click.get_current_context())


def _values(model: Model, summary: ModelSummary) -> dict[str, Any]:
    """The whole model as plain values."""
    values = summary.to_dict()
    return {
        "task": model.task.to_dict(),
        "network": model.network.to_dict(),
        "parameters": model.network.parameter_count,
        "columns": values["columns"],
        "statistics": values["statistics"],
        "history": [epoch.to_dict() for epoch in model.history],
        "training": model.training.to_dict(),
        "report": model.report.to_dict(),
    }


def _print(output: Output, model: Model, summary: ModelSummary, values: dict[str, Any], path: str) -> None:
    from ranvier.cli.diagnosis import print_diagnosis
    from ranvier.display.tables import layer_table

    output.heading(path)
    output.say(summary.predicts)
    output.say()
    if values["columns"]:
        _print_columns(output, values["columns"], model.network.inputs)
    output.heading(f"Network, {plural(values['parameters'], 'parameter')}")
    output.console.print(layer_table([layer.to_dict() for layer in summary.network.layers]))
    output.say()
    if model.report.recipe_settings:
        _print_recipe(output, model.report)
    _print_statistics(output, values["statistics"])
    if model.history:
        output.say()
        _print_training(output, model)
    print_diagnosis(output, model.report.diagnosis)


def _print_columns(output: Output, columns: list[dict[str, Any]], inputs: int) -> None:
    from ranvier.display.tables import literal, table, wrapped

    output.heading(f"Columns, {plural(inputs, 'input')}")
    grid = table("Column", "Kind", "Encoded as", "Note", flexible=("Encoded as", "Note"))
    for column in columns[:MAX_SHOWN_COLUMNS]:
        name = literal(column["name"])
        name.truncate(24, overflow="ellipsis")
        note = "" if column["note"] == f"{column['kind']}s" else column["note"]
        grid.add_row(name, column["kind"], wrapped(column["encoded"]), wrapped(note or " ", "dim"))
    output.console.print(grid)
    if len(columns) > MAX_SHOWN_COLUMNS:
        output.say(f"and {len(columns) - MAX_SHOWN_COLUMNS:,} more columns; --json lists them all.", "dim")
    output.say()


def _print_recipe(output: Output, report: TrainReport) -> None:
    from ranvier.display.tables import literal, table

    output.heading(f"Recipe: {report.recipe}")
    grid = table("Part", "Value")
    for name, value in report.recipe_settings.items():
        grid.add_row(RECIPE_PARTS.get(name, name.replace("_", " ")), literal(_plain_value(value)))
    output.console.print(grid)
    output.say()


def _plain_value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain_value, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "-", True: "yes", False: "no"}[value]
    return value.replace("_", " ") if isinstance(value, str) else f"{value}"


def _print_statistics(output: Output, statistics: list[dict[str, Any]]) -> None:
    from ranvier.display.tables import table

    output.heading("Parameters")
    titles = ("Minimum", "Mean", "Maximum", "Zeros")
    grid = table("Name", "Shape", *titles, numbers=titles)
    for entry in statistics:
        cells = [f"{entry[key]:z,.4f}" for key in ("minimum", "mean", "maximum")]
        zeros = f"{100 * entry['zeros']:.1f} %" if entry["zeros"] else "-"
        grid.add_row(entry["name"], " × ".join(f"{size:,}" for size in entry["shape"]), *cells, zeros)
    output.console.print(grid)


def _print_training(output: Output, model: Model) -> None:
    from rich.text import Text

    from ranvier.display.format import duration, number
    from ranvier.display.tables import curve

    history = model.history
    seconds = history.total_seconds
    settings = model.training
    optimizer: Any = settings.optimizer
    output.heading(f"Training, {plural(len(history), 'epoch')} in {duration(seconds)}")
    output.say(
        f"{type(optimizer).__name__}, learning rate {optimizer.learning_rate:g}, batch size {settings.batch_size:,}, "
        f"{settings.loss.name.replace('_', ' ')}, seed {settings.seed}, {model.engine} engine"
    )
    width = max(10, min(48, output.console.width - 40))
    series = [("Loss", [epoch.loss for epoch in history])]
    checked = [epoch.validation_loss for epoch in history if epoch.validation_loss is not None]
    if checked:
        series.append(("Validation loss", checked))
    for title, losses in series:
        line = Text.assemble((f"{title:<17}", "dim"), (curve(losses, width, output.console.encoding), "cyan"))
        line.append(f"  {number(losses[0])} → {number(losses[-1])}")
        output.console.print(line, soft_wrap=True)
    report = model.report
    for name, value in report.metrics.items():
        _metric(output, name, value, report.evaluated_on, report.linear_baseline)
    _print_calibration(output, model)


def _print_calibration(output: Output, model: Model) -> None:
    """The temperature, the threshold and the rows for intervals or sets."""
    task, conformal = model.task, model.conformal
    if task.kind != "regression" and model.report.recipe_settings:
        fitted = ", fitted on rows that were not trained on" if model.report.temperature != 1.0 else ""
        output.say(f"Temperature      {model.report.temperature:.3g}{fitted}", "dim")
    if task.kind == "binary":
        output.say(f"Threshold        {task.threshold:.3g}, from which on {task.classes[1]} is predicted", "dim")
    if conformal is not None:
        what = "Sets" if conformal.kind == "classes" else "Intervals"
        how = ", each left out by one network" if conformal.folds else ""
        output.say(f"{what:<17}from {plural(conformal.rows, 'row')} that were not trained on{how}", "dim")


def _metric(
    output: Output, name: str, value: float | None, evaluated_on: str, linear: Mapping[str, float | None]
) -> None:
    from rich.text import Text

    from ranvier.display.tables import METRICS, metric

    title = METRICS.get(name, (name, ""))[0]
    beside = f"; a linear model {metric(name, linear[name])}" if name in linear else ""
    output.console.print(
        Text.assemble((f"{title:<17}", "dim"), metric(name, value), (f"  on {evaluated_on} rows{beside}", "dim"))
    )
