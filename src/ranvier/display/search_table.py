"""Showing a search: the best trials so far, and how much time is left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ranvier.display.format import duration, number
from ranvier.display.tables import METRICS, table, wrapped

if TYPE_CHECKING:
    from rich.table import Table

MAX_SHOWN = 8


def search_table(rows: Sequence[dict[str, Any]], metric: str) -> Table:
    """The best trials, the best first.

    Parameters:
        rows: number, value (None where training diverged), epochs, seconds and options of each, in their order.
        metric: what they are compared by.

    >>> row = {"number": 0, "value": 0.25, "epochs": 9, "seconds": 1.5, "options": {}}
    >>> search_table([row], "log_loss").row_count
    1
    """
    columns = ("Trial", METRICS[metric][0], "Epochs", "Time", "Settings")
    grid = table(*columns, numbers=columns[:4], flexible=("Settings",))
    for row in rows[:MAX_SHOWN]:
        settings = ", ".join(f"{name}={_short(value)}" for name, value in row["options"].items())
        value = "diverged" if row["value"] is None else number(row["value"])
        cells = (str(row["number"]), value, str(row["epochs"]), duration(row["seconds"]))
        grid.add_row(*cells, wrapped(settings or "the recipe's own"))
    return grid


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
