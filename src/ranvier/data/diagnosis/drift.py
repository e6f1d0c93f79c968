"""Do new rows look like the training rows? A small profile of each column is kept, and compared. B rows.

The population stability index compares the fractions of bins: sum (q - p) log(q / p), with p those of the training rows
and q those of the new ones. Bins are tenths of the training rows, or categories, and one of missing cells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.diagnosis.finding import Finding
from ranvier.data.diagnosis.table import as_numbers, plain_columns
from ranvier.plural import plural

Floats = NDArray[np.float64]
MAX_COLUMNS, MAX_CATEGORIES, TENTHS = 200, 20, 10
MAX_PROFILED_ROWS = 50_000
MIN_ROWS = 20
MIN_INDEX = 0.25
"""From this index on the literature calls a change large."""
MIN_SIGMAS = 5.0
"""By chance a sum of squares is so far above its mean in one of three million columns."""
MAX_NAMED = 10


def profile_of(frame: pl.DataFrame | None) -> dict[str, Any]:
    """How the cells of each column are distributed, as plain JSON values: rows, and for each column bins and fractions.

    >>> profile_of(pl.DataFrame({"a": ["x", "y", "x"]}))["columns"]["a"]
    {'values': ['x', 'y'], 'fractions': [0.6667, 0.3333, 0.0, 0.0]}
    """
    if frame is None or not len(frame):
        return {}
    columns: dict[str, Any] = {}
    # Rows may be in an order, so that the first ones are like no others.
    frame = plain_columns(frame).gather_every(len(frame) // MAX_PROFILED_ROWS + 1)
    for cells in frame.iter_columns():
        if len(columns) == MAX_COLUMNS:
            break
        columns[cells.name] = _profile(cells)
    return {"rows": len(frame), "columns": {name: entry for name, entry in columns.items() if entry}}


def _profile(cells: pl.Series) -> dict[str, Any]:
    numbers = None if cells.dtype == pl.Boolean else as_numbers(cells)
    if numbers is None:
        counted = _counted(cells)
        top = counted.drop_nulls()
        values = sorted(top["value"].head(MAX_CATEGORIES).to_list())
        if len(top) > MAX_CATEGORIES and top["rows"].head(MAX_CATEGORIES).sum() < len(cells) / 2:
            return {}
        entry: dict[str, Any] = {"values": values}
        counts = _in_categories(counted, values)
    else:
        finite = numbers[np.isfinite(numbers)]
        if not len(finite):
            return {}
        edges = np.unique(np.quantile(finite, np.arange(1, TENTHS) / TENTHS, method="lower"))
        entry = {"edges": [float(edge) for edge in edges]}
        counts = _in_bins(numbers, entry["edges"])
    return {**entry, "fractions": np.round(counts / len(cells), 4).tolist()}


def _counts(cells: pl.Series, entry: Mapping[str, Any]) -> Floats:
    """How many cells are in each bin of a profile, missing ones last."""
    if "values" in entry:
        return _in_categories(_counted(cells), entry["values"])
    numbers = as_numbers(cells)
    return np.zeros(len(entry["edges"]) + 2) if numbers is None else _in_bins(numbers, entry["edges"])


def _counted(cells: pl.Series) -> pl.DataFrame:
    """The different cells as texts, "value", and how often each is there, "rows", the most frequent first."""
    return cells.cast(pl.String, strict=False).rename("value").value_counts(sort=True, name="rows")


def _in_categories(counted: pl.DataFrame, values: Sequence[str]) -> Floats:
    """How many cells have each of the values, another one or none."""
    index_of = {value: at for at, value in enumerate(values)}
    counts = np.zeros(len(index_of) + 2)
    for value, rows in counted.iter_rows():
        counts[len(index_of) + 1 if value is None else index_of.get(value, len(index_of))] += rows
    return counts


def _in_bins(numbers: Floats, edges: Sequence[float]) -> Floats:
    """How many numbers are up to each edge, above all of them, or missing."""
    bins = np.searchsorted(np.array(edges), numbers, side="left")
    bins[~np.isfinite(numbers)] = len(edges) + 1
    return np.bincount(bins, minlength=len(edges) + 2).astype(np.float64)


def drift(profile: Mapping[str, Any], frame: pl.DataFrame | None) -> list[Finding]:
    """A finding for each column whose cells are distributed otherwise than in training, the ten largest changes.

    A change counts if the index is at least 0.25 and chance does not give such a one.

    Source: Siddiqi, "Credit risk scorecards", 2006.

    >>> training = profile_of(pl.DataFrame({"a": np.arange(1000.0)}))
    >>> [finding.column for finding in drift(training, pl.DataFrame({"a": np.arange(900.0, 1900.0)}))]
    ['a']
    """
    if frame is None or not profile or len(frame) < MIN_ROWS:
        return []
    measured = []
    for name, entry in profile["columns"].items():
        if name not in frame.columns:
            continue
        counts = _counts(frame[name], entry)
        index, sigmas = _compared(_fractions(entry), counts, profile["rows"])
        if counts.sum() and index >= MIN_INDEX and sigmas >= MIN_SIGMAS:
            measured.append((index, name, entry, counts))
    measured.sort(key=lambda pair: -pair[0])
    return [_finding(name, entry, counts, index) for index, name, entry, counts in measured[:MAX_NAMED]]


def _fractions(entry: Mapping[str, Any]) -> Floats:
    """The fractions of a profile; older ones call them shares."""
    return np.array(entry["fractions"] if "fractions" in entry else entry["shares"])


def _compared(fractions: Floats, counts: Floats, rows: int) -> tuple[float, float]:
    """The population stability index, and by how many standard deviations chi-square is above its mean."""
    total = max(float(counts.sum()), 1.0)
    bins = len(fractions)
    p = (fractions * rows + 0.5) / (rows + 0.5 * bins)
    q = (counts + 0.5) / (total + 0.5 * bins)
    index = float(((q - p) * np.log(q / p)).sum())
    pooled = (fractions * rows + counts) / (rows + total)
    there = pooled > 0
    difference = (counts / total - fractions)[there]
    chi_square = total * rows / (total + rows) * float((difference**2 / pooled[there]).sum())
    degrees = max(int(there.sum()) - 1, 1)
    return index, (chi_square - degrees) / math.sqrt(2 * degrees)


def _finding(name: str, entry: Mapping[str, Any], counts: Floats, index: float) -> Finding:
    fractions = counts / counts.sum()
    change = int(np.abs(fractions - _fractions(entry)).argmax())
    what = _bin_text(entry, change)
    return Finding(
        "drift",
        name,
        f'Column "{name}" is distributed otherwise than in training (population stability index {index:.2f}): '
        f"{what} in {100 * fractions[change]:.3g} % of {plural(int(counts.sum()), 'row')}, and in "
        f"{100 * _fractions(entry)[change]:.3g} % of the training rows.",
        "Where inputs differ from those of training, metrics, probabilities and intervals need not hold.",
        "Find out what changed, and train again with rows like these.",
    )


def _bin_text(entry: Mapping[str, Any], at: int) -> str:
    bins: Sequence[Any] = entry.get("values", entry.get("edges", ()))
    if "values" in entry:
        return f'"{bins[at]}"' if at < len(bins) else ("other values" if at == len(bins) else "missing cells")
    if at == len(bins) + 1:
        return "missing cells"
    if at == 0:
        return f"values up to {bins[0]:.4g}"
    return f"values above {bins[at - 1]:.4g}" + ("" if at == len(bins) else f" and up to {bins[at]:.4g}")
