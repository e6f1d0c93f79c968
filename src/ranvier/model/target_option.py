"""What `target` of `train` means: names of columns, or an array of target values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.sources.row_lists import is_row_list
from ranvier.data.sources.source import Source
from ranvier.scalars import as_integer


def column_labels(data: Any, target: Any) -> Any:
    """Integers as names of columns, where they can be nothing else, and texts as labels; another target unchanged.

    A list of texts names columns where the data have all of these columns and none stands twice. Else it holds labels,
    where there are as many as rows, where one stands twice, or where the data have no names of columns.

    A single number is a name. A list of them is one of names where the data have columns that are called by numbers,
    and more rows than the list has numbers.

    >>> column_labels([[1.0, 2.0]], 3), column_labels({0: [1, 2], 1: [3, 4]}, [1]), column_labels({"x": [5]}, [1])
    ('3', ['1'], [1])
    >>> column_labels({"x": [5, 6]}, ["low", "high"]), column_labels({"x": [5, 6], "y": [7, 8]}, ["x", "y"])
    (array(['low', 'high'], dtype=object), ['x', 'y'])
    """
    if are_names(target) and target:
        return np.array(target, object) if _are_labels(data, target) else target
    if _is_label(target):
        return str(target)
    if not isinstance(target, (list, tuple)) or not target or not all(map(_is_label, target)):
        return target
    columns = data if isinstance(data, dict) else getattr(data, "columns", ())
    labels = {label for label in columns if not isinstance(label, str)}
    return [str(label) for label in target] if labels >= set(target) and len(target) < _rows(data) else target


def _are_labels(data: Any, target: Sequence[str]) -> bool:
    """Whether texts are labels of rows and no names of columns."""
    repeated = len(set(target)) < len(target)
    if isinstance(data, (str, Path)):
        return repeated and len(target) > 2
    columns, many = _columns(data), len(target) == _rows(data)
    return not columns or (repeated and many) or (not set(target) <= columns and (repeated or many))


def _columns(data: Any) -> set[str]:
    """The names of the columns of data in memory; none where they have none."""
    if isinstance(data, Source):
        return {*data.column_names, *data.target_names}
    if is_row_list(data):
        return {str(name) for row in data for name in row}
    columns = data if isinstance(data, Mapping) else getattr(data, "columns", ())
    columns = getattr(data, "column_names", columns)  # pyarrow
    return {str(name) for name in columns}


def _rows(data: Any) -> int:
    """The number of rows of data in memory; 0 where it is not known yet."""
    if isinstance(data, Source):
        return data.rows
    if isinstance(data, Mapping):
        data = next(iter(data.values()), ())
    shape = getattr(data, "shape", None)
    if shape:
        return int(shape[0])
    return len(data) if hasattr(data, "__len__") and not isinstance(data, (str, Path)) else 0


def are_names(target: Any) -> bool:
    """Whether the target is a list of columns, in place of an array of values.

    >>> are_names(["a", "b"]), are_names([0, 1])
    (True, False)
    """
    return isinstance(target, (list, tuple)) and all(isinstance(name, str) for name in target)


def is_in_columns(target: Any) -> bool:
    """Whether the target values stand in columns of the data.

    >>> is_in_columns("a"), is_in_columns(None), is_in_columns([0, 1])
    (True, True, False)
    """
    return target is None or isinstance(target, str) or are_names(target)


def target_names(target: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    """The names of the target columns; None where there are none.

    >>> target_names(["a"]), target_names(["a", "b"]), target_names([])
    ('a', ('a', 'b'), None)
    """
    if target is None or isinstance(target, str):
        return target
    return (target[0] if len(target) == 1 else tuple(target)) if target else None


def _is_label(value: Any) -> bool:
    return as_integer(value) is not None
