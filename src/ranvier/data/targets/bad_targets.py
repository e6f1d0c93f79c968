"""Rows whose target cannot be used: cells that are no number among numbers, labels that nothing can be learned of.

Each of them is an error, or a class of few rows, unless the caller asked for such rows to be left out and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.cell_lists import listed_cells
from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.decoded_columns import rows_of
from ranvier.data.encoders.target_values import Values, label_index, missing_rows, not_numbers, plain_values
from ranvier.data.encoders.task_inference import as_read, stray_labels
from ranvier.data.sources.source import Source
from ranvier.data.targets.target_column import MAX_TARGET, target_columns
from ranvier.network.task import Task
from ranvier.plural import plural


def bad_target_rows(columns: Sequence[Values], task: Task | str | None = None) -> tuple[NDArray[np.int64], list[str]]:
    """The indices of the rows with a target that cannot be used, and that target as text; missing ones are not bad.

    Parameters:
        columns: the values of each target column, (B,) each.
        task: of a finished model or a separate file of rows; or what is asked for; None to infer it.

    >>> bad_target_rows([plain_values([*map(str, range(40)), "12..5"])])
    (array([40]), ['12..5'])
    """
    cells: dict[int, str] = {}
    for values in columns:
        for row in _bad_rows(values, task, several=len(columns) > 1):
            cells.setdefault(int(row), str(values[row]))
    rows = np.array(sorted(cells), np.int64)
    return rows, [cells[row] for row in rows.tolist()]


def _bad_rows(values: Values, task: Task | str | None, several: bool) -> NDArray[np.int64]:
    """The indices of the bad ones among the values of one column."""
    kind = task.kind if isinstance(task, Task) else task
    if isinstance(task, Task) and task.is_classifier:
        is_label = label_index(values, task.classes) >= 0
        return np.flatnonzero(~is_label & ~missing_rows(values))
    if kind in ("regression", "multilabel") or several:
        texts = not_numbers(values)
        if len(texts) and not (isinstance(task, Task) or _mostly_numbers(values, texts)):
            return np.zeros(0, np.int64)
        if kind == "multilabel":
            numbers = _numbers(values)
            return np.flatnonzero(~np.isin(numbers, (0.0, 1.0)) & ~missing_rows(values))
    else:
        texts = stray_labels(values, kind)
    if values.dtype.kind == "f":
        return np.flatnonzero(np.abs(values) > MAX_TARGET)
    return texts


def _mostly_numbers(values: Values, texts: NDArray[np.int64]) -> bool:
    """Whether more than half of the values are numbers."""
    return 2 * (len(values) - len(texts) - int(missing_rows(values).sum())) > len(values)


def _numbers(values: Values) -> NDArray[np.float64]:
    """The values as numbers, NaN where they are text or missing."""
    if values.dtype.kind != "O":
        return values.astype(np.float64)
    texts = set(not_numbers(values).tolist())
    return np.array(
        [np.nan if value is None or row in texts else float(value) for row, value in enumerate(values.tolist())]
    )


def bad_targets_note(cells: Sequence[str], rows: NDArray[np.int64]) -> str:
    """What to say of rows that were left out because of their target.

    Parameters:
        cells: the targets, as text.
        rows: the indices of their rows, as `row_name` takes them.

    >>> bad_targets_note(["12..5"], np.array([40]))
    '1 row was left out because its target cannot be used: "12..5" in row 41.'
    """
    what = plural(len(rows), "row was left out because its target", "rows were left out because their targets")
    return f"{what} cannot be used: {listed_cells(pl.Series(list(cells), dtype=pl.String), rows)}."


def without_bad_targets(
    source: Source,
    names: tuple[str, ...],
    target_array: Any,
    row_numbers: NDArray[np.int64],
    task: Task | str | None = None,
    formats: Sequence[NumberFormat] = (),
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """The indices of the rows whose target can be used or is missing, None for all; and a sentence on the others.

    Parameters:
        source, names: the rows, and the columns of their targets.
        target_array: the target values beside the source; None for those in it.
        row_numbers: the index of each row in the user's data.
        task, formats: as for `bad_target_rows` and `target_values`.

    >>> from ranvier.data.sources import open_source
    >>> table = open_source({"x": range(41), "price": [*map(str, range(40)), "12..5"]})
    >>> good, notes = without_bad_targets(table, ("price",), None, np.arange(41))
    >>> len(good), notes
    (40, ('1 row was left out because its target cannot be used: "12..5" in row 41.',))
    """
    if target_array is None and source.column_names:
        classes = task.classes if isinstance(task, Task) else None
        columns = target_columns(source, names, classes, formats or None)
    else:
        values = plain_values(source.targets if target_array is None else target_array, names)
        columns = [values] if values.ndim == 1 else list(values.T)
    rows, cells = bad_target_rows(columns, task)
    if not len(rows):
        return None, ()
    return np.setdiff1d(np.arange(source.rows), rows), (bad_targets_note(cells, row_numbers[rows]),)


def with_usable_targets(
    skip_bad: bool,
    source: Source,
    names: tuple[str, ...],
    target_array: Any,
    weight: Any,
    row_numbers: NDArray[np.int64],
    task: str | Task | None,
) -> tuple[Source, Any, Any, NDArray[np.int64]]:
    """The rows whose target can be used, with their target values, weights and numbers; the notes count the others.

    Parameters:
        skip_bad: whether the others are left out; else all stay, and are refused later.
    """
    good, notes = without_bad_targets(source, names, target_array, row_numbers, task) if skip_bad else (None, ())
    if good is None:
        return source, target_array, weight, row_numbers
    usable = source.take(good).with_notes(notes)
    if target_array is None and not source.column_names:
        usable = usable.with_target(as_read(plain_values(usable.targets)))
    target_array, weight, row_numbers = (rows_of(values, good) for values in (target_array, weight, row_numbers))
    return usable, target_array, weight, row_numbers
