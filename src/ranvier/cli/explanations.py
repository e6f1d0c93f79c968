"""What a model looks at, on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.cli.console import Output, with_warnings

if TYPE_CHECKING:
    from ranvier.explain.importance import Importances
    from ranvier.model.model import Model
    from ranvier.model.predictions import Predictions

MAX_NAMED, MAX_CELL = 6, 24


def importances_of_file(model: Model, data: str, metric: str | None, repeats: int, correlated: bool) -> Importances:
    """The importances of the columns on the rows of a file, its notes on standard error."""
    import click

    from ranvier.model.predictions import open_rows

    rows, targets, notes = open_rows(model, data, test_rows=True)
    groups = "correlated" if correlated else None
    importances, warned = with_warnings(
        lambda: model.importances(rows, targets, repeats=repeats, metric=metric, groups=groups)
    )
    for note in (*notes, *warned):
        click.echo(note, err=True)
    return importances


def print_importances(output: Output, importances: Importances) -> None:
    """A bar for each column, as long as its importance."""
    from rich.text import Text

    from ranvier.display.tables import METRICS, bar, literal, metric, table

    title = METRICS.get(importances.metric, (importances.metric, ""))[0]
    output.heading(f"Importances on {importances.rows:,} rows")
    output.say(
        f"{title} is {metric(importances.metric, importances.score)}. An importance is how much worse it is where the "
        f"cells of the column are shuffled, the mean of {importances.repeats}.",
        "dim",
    )
    output.say()
    largest = max((abs(entry.importance) for entry in importances), default=0.0) or 1.0
    grid = table("Column", "Importance", "±", " ", numbers=("Importance", "±"))
    for entry in importances:
        name = literal(entry.column)
        name.truncate(40, overflow="ellipsis")
        error = "-" if entry.standard_error != entry.standard_error else f"{entry.standard_error:.4f}"
        colour = "cyan" if entry.importance >= 0 else "red"
        drawn = Text(bar(abs(entry.importance) / largest, 24), colour)
        grid.add_row(name, f"{entry.importance:+z.4f}", error, drawn)
    output.console.print(grid)


def print_explanations(output: Output, predictions: Predictions) -> None:
    """For each row the prediction, and below it what the columns that count most add to the output, as bars."""
    explanations = predictions.explanations or []
    for row, (entry, parts) in enumerate(zip(predictions.records(), explanations, strict=True)):
        name = entry.get("file", f"Row {row + 1}")
        if entry["explanation"] is None:
            output.say(f"{name}: no prediction.")
            continue
        output.heading(f"{name}: {_prediction(entry['prediction'])}")
        for part in parts:
            _print_explanation(output, part)


def _print_explanation(output: Output, explanation: dict[str, Any]) -> None:
    """The output of one row as a sum, and the columns that count most in it."""
    from rich.text import Text

    from ranvier.display.tables import bar, literal, table

    what = "logit of " if explanation["unit"] == "logit" else ""
    added = explanation["output"] - explanation["base"]
    output.say(
        f"{what}{explanation['explained']}: {explanation['output']:.4g} = {explanation['base']:.4g} of a typical "
        f"row {added:+.4g}, to which add",
        "dim",
    )
    shown = explanation["columns"]
    largest = max((abs(column["value"]) for column in shown), default=0.0) or 1.0
    grid = table("Column", "Cell", "Adds", " ", numbers=("Adds",))
    for column in shown:
        colour = "cyan" if column["value"] >= 0 else "red"
        drawn = Text(bar(abs(column["value"]) / largest, 24), colour)
        cell = "" if column["cell"] is None else _short(column["cell"])
        grid.add_row(literal(column["column"]), literal(cell), f"{column['value']:+z.4g}", drawn)
    rest = added - sum(column["value"] for column in shown)
    grid.add_row(literal("all others", "dim"), "", f"{rest:+z.4g}", "")
    output.console.print(grid)
    output.say()


def _prediction(value: Any) -> str:
    """A prediction in words; of several numbers or labels each with its name.

    >>> _prediction({"height": 1.5, "weight": 2.0})
    'height 1.5, weight 2'
    """
    if not isinstance(value, dict):
        return _short(value)
    named = [f"{name} {_short(part)}" for name, part in list(value.items())[:MAX_NAMED]]
    more = len(value) - MAX_NAMED
    return ", ".join([*named, *([f"and {more} more"] if more > 0 else [])])


def _short(value: Any) -> str:
    text = " ".join(f"{value:.6g}".split() if isinstance(value, float) else str(value).split())
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
