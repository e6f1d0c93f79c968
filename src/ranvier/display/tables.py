"""The tables that the commands show, as rich renderables made from plain records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ranvier.display.format import number, percent

if TYPE_CHECKING:
    from rich.table import Table

Record = Mapping[str, Any]
MAX_CLASSES = 30
MAX_SHOWN_CLASSES = 12
METRICS = {
    "accuracy": ("Accuracy", "fraction of rows predicted correctly"),
    "log_loss": ("Log loss", "of the true class; lower is better"),
    "brier": ("Brier", "squared error of probabilities"),
    "ece": ("ECE", "calibration error in 15 bins; 0 is best"),
    "bits_per_character": ("Bits", "log loss a character in bits"),
    "perplexity": ("Perplexity", "as uncertain as between so many equally likely characters"),
    "f1": ("F1", "harmonic mean of precision and recall"),
    "auc": ("AUC", "area under the ROC curve; 0.5 is chance"),
    "r2": ("R²", "fraction of the variance explained"),
    "rmse": ("RMSE", "root mean squared error, in target units"),
    "mae": ("MAE", "mean absolute error, in target units"),
    "pinball_loss": ("Pinball loss", "mean loss of the quantiles, in target units; lower is better"),
    "coverage": ("Coverage", "fraction of targets from the lowest quantile to the highest"),
}


def table(*columns: str, numbers: Sequence[str] = (), flexible: Sequence[str] = ()) -> Table:
    """An empty table in the one style of all commands.

    Parameters:
        columns: the titles.
        numbers: the titles of the columns that are aligned to the right.
        flexible: the titles of the columns that give way where the terminal is narrow.
    """
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="dim", pad_edge=False, padding=(0, 1))
    for title in columns:
        grid.add_column(title, justify="right" if title in numbers else "left", no_wrap=title not in flexible)
    return grid


def literal(value: Any, style: str = "") -> Any:
    """Text on one line, cut with an ellipsis where it does not fit; brackets in it are not markup."""
    from rich.text import Text

    return Text(" ".join(str(value).split()), style, no_wrap=True, overflow="ellipsis")


def wrapped(value: Any, style: str = "") -> Any:
    """Text that goes on in further lines of its cell where it does not fit; brackets in it are not markup."""
    from rich.text import Text

    return Text(" ".join(str(value).split()), style, overflow="fold")


def metric(name: str, value: float | None) -> str:
    """A metric as people read it.

    >>> metric("accuracy", 0.9722), metric("rmse", 48211.7), metric("r2", -0.0), metric("auc", None)
    ('97.2 %', '48,212', '0.0000', '-')
    """
    if value is None or value != value:
        return "-"
    if name in ("accuracy", "coverage"):
        return percent(value)
    return number(value) if value else "0.0000"


def metrics_table(metrics: Record, baseline: Record | None, linear: Record | None = None) -> Table:
    """Each metric next to that of the baseline: the majority class, or the mean, of the training rows.

    Parameters:
        linear: the metrics of a linear model on the same inputs.
    """
    others = [(title, values) for title, values in (("Linear", linear), ("Baseline", baseline)) if values]
    titles = [title for title, _ in others]
    grid = table("", "Model", *titles, " ", numbers=("Model", *titles), flexible=(" ",))
    for name, value in metrics.items():
        title, meaning = METRICS.get(name, (name, ""))
        cells = [literal(metric(name, value), "bold")]
        cells += [literal(metric(name, values.get(name))) for _, values in others]
        grid.add_row(title, *cells, literal(meaning, "dim"))
    return grid


def class_table(records: Sequence[Record], singular: str = "Class") -> tuple[Table, str]:
    """Precision, recall and F1 of every class, and a sentence on the others where only some are shown."""
    grid = table(singular, "Rows", "Precision", "Recall", "F1", " ", numbers=("Rows", "Precision", "Recall", "F1"))
    summary = ""
    rows = list(records)
    if len(rows) > MAX_CLASSES:
        defined = [record for record in rows if record["f1"] is not None]
        ordered = sorted(defined, key=lambda record: (record["f1"], -record["rows"]))
        rows, others = ordered[:MAX_SHOWN_CLASSES], ordered[MAX_SHOWN_CLASSES:]
        summary = f"These are the {len(rows)} of {len(records):,} with the lowest F1"
        summary += f"; the others lie between {others[0]['f1']:.2f} and {others[-1]['f1']:.2f}." if others else "."
    for record in rows:
        label = literal(record["label"])
        label.truncate(30, overflow="ellipsis")
        grid.add_row(
            label,
            f"{record['rows']:,}",
            *("-" if record[name] is None else percent(record[name]) for name in ("precision", "recall")),
            "-" if record["f1"] is None else f"{record['f1']:.3f}",
            literal(bar(record["f1"] or 0.0, 16), "cyan"),
        )
    return grid, summary


def layer_table(layers: Sequence[Record]) -> Table:
    """The layers with their sizes."""
    grid = table("Layer", "What it is", "Outputs", "Parameters", numbers=("Outputs", "Parameters"))
    for layer in layers:
        grid.add_row(layer["path"], literal(layer["layer"]), f"{layer['outputs']:,}", f"{layer['parameters']:,}")
    return grid


def bar(fraction: float, width: int) -> str:
    """A bar of eighths of a character cell.

    >>> bar(0.5, 4), bar(0.03, 4), len(bar(1.0, 4))
    ('██', '▏', 4)
    """
    eighths = round(max(0.0, min(1.0, fraction)) * width * 8) or int(fraction > 0)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def sparkline(values: Sequence[float], width: int) -> str:
    """A curve in one line of characters, on the scale from its smallest to its largest value.

    >>> sparkline([3, 2, 1, 1], 4)
    '█▅▁▁'
    """
    finite = [value for value in values if value - value == 0]
    if not finite:
        return ""
    if len(finite) > width:
        edges = [column * len(finite) // width for column in range(width + 1)]
        finite = [sum(finite[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(finite), max(finite)
    scale = 7 / (high - low) if high > low else 0.0
    return "".join("▁▂▃▄▅▆▇█"[round((value - low) * scale)] for value in finite)


def curve(values: Sequence[float], width: int, encoding: str) -> str:
    """A loss as a sparkline, on a logarithmic scale where it can be; nothing where the terminal lacks the characters.

    >>> curve([2.0, 1.0], 8, "ascii"), curve([1.0, 0.1, 0.01], 8, "utf-8")
    ('', '█▅▁')
    """
    if not encoding.lower().startswith("utf"):
        return ""
    return sparkline([math.log(value) for value in values] if min(values) > 0 else values, width)
