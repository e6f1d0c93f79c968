"""What a model looks at, on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranvier.cli.console import Output, with_warnings

if TYPE_CHECKING:
    from ranvier.explain.importance import Importances
    from ranvier.model.model import Model


def importances_of_file(model: Model, data: str, metric: str | None, repeats: int, correlated: bool) -> Importances:
    """The importances of the columns on the rows of a file, its notes on standard error."""
    import click

    from ranvier.model.predictions import open_rows

    rows, targets, notes = open_rows(model, data)
    part = rows.part("test") if targets is None and model.encoder is not None else None
    groups = "correlated" if correlated else None
    importances, warned = with_warnings(
        lambda: model.importances(
            rows if part is None else part, targets, repeats=repeats, metric=metric, groups=groups
        )
    )
    for note in (*notes, *warned):
        click.echo(note, err=True)
    return importances


def print_importances(output: Output, importances: Importances) -> None:
    """A bar for each column, as long as its importance."""
    from rich.text import Text

    from ranvier.cli.report import heading
    from ranvier.display.tables import METRICS, bar, literal, metric, table

    title = METRICS.get(importances.metric, (importances.metric, ""))[0]
    heading(output, f"Importances on {importances.rows:,} rows")
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
    output.words.print(grid)
