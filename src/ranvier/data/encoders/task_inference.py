"""Infer the task from target values, binary, multiclass, multilabel or regression; and the reason."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.data.encoders.target_values import Values, label_counts, missing_rows, plain_values
from ranvier.errors import DataError, InputError, nearest
from ranvier.network.task import KINDS, Label, Task

MAX_CLASSES = 20
MIN_ROWS_PER_CLASS = {"i": 5, "f": 10}


def infer_task(values: Any, kind: str | None = None, names: tuple[str, ...] = ()) -> Task:
    """Infer the task from target values.

    Two different values are a binary task; other strings are multiclass; at most 20 different integers with enough rows
    of each are multiclass; other numbers are regression; several columns of 0 and 1 are multilabel.

    Parameters:
        values: a list, an array or a series (B,), or numbers (B, N); rows with a missing value are left out.
        kind: "binary", "multiclass", "multilabel" or "regression", where the user knows better.
        names: the names of the target columns.

    Raises:
        InputError: the values do not allow this kind, are all equal, or a class has one row.

    >>> infer_task(["yes", "no", "no", "yes"]).kind
    'binary'
    >>> infer_task([0.1, 2.5, 3.7]).kind
    'regression'
    """
    return explain_task(values, kind, names)[0]


def explain_task(values: Any, kind: str | None = None, names: tuple[str, ...] = ()) -> tuple[Task, str]:
    """The inferred task and the reason in words; parameters and errors as for `infer_task`.

    >>> explain_task([0, 1, 2] * 10, names=("species",))[1]
    'integers with 3 different values: one class each'
    """
    if kind is not None and kind not in KINDS:
        raise InputError(f'There is no task of kind "{kind}". {nearest(str(kind), KINDS)}')
    plain = plain_values(values, names)
    columns = plain.shape[1] if plain.ndim == 2 else 1
    names = names or (("y",) if columns == 1 else tuple(f"y{column}" for column in range(columns)))
    if len(names) != columns:
        raise InputError(f"The target has {columns} columns and {len(names)} names were given: {', '.join(names)}.")
    present = plain[~missing_rows(plain)]
    if len(present) == 0:
        raise InputError(f"Every row of the target {_called(names)} is missing. Choose another target column.")
    if columns > 1 or kind == "multilabel":
        return _several_columns(present.reshape(len(present), -1), kind, names)
    return _one_column(present, kind, names)


def _called(names: tuple[str, ...]) -> str:
    return f'column "{names[0]}"' if len(names) == 1 else f"columns {', '.join(names)}"


def _several_columns(values: Values, kind: str | None, names: tuple[str, ...]) -> tuple[Task, str]:
    """The task of several target columns."""
    if kind in ("binary", "multiclass"):
        raise InputError(f"A {kind} task has one target column; {len(names)} were given: {', '.join(names)}.")
    if values.dtype.kind not in "bif":
        raise InputError(f"The target {_called(names)} holds text; numbers were expected, 0 or 1 for labels.")
    labels = bool(np.isin(values, (0, 1)).all())
    if kind == "multilabel" and not labels:
        row, column = (int(index) for index in np.argwhere(~np.isin(values, (0, 1)))[0])
        raise InputError(f'The label column "{names[column]}" holds {values[row, column]}; 0 or 1 was expected.')
    if kind == "multilabel" or (kind is None and labels):
        for column, name in enumerate(names):
            _refuse_single(values[:, column], (name,))
        return Task(
            "multilabel", len(names), target_names=names
        ), f"{len(names)} columns of 0 and 1: labels, each present or not"
    for column, name in enumerate(names):
        _check_numbers(values[:, column], name)
    return Task("regression", len(names), target_names=names), f"{len(names)} columns of numbers"


def _one_column(values: Values, kind: str | None, names: tuple[str, ...]) -> tuple[Task, str]:
    """The task of one target column without missing values."""
    name = names[0]
    _refuse_single(values, names)
    form = values.dtype.kind
    if kind == "regression":
        if form == "O":
            raise InputError(f'The target column "{name}" holds text ("{values[0][:40]}"); regression needs numbers.')
        _check_numbers(values, name)
        return Task("regression", 1, target_names=names), "as requested"
    if form == "f":
        _check_numbers(values, name)
    counts = label_counts(values)
    if kind is None and form in "if":
        few = len(counts) <= MAX_CLASSES and all(label == int(label) for label in counts)
        if not few or (len(counts) > 2 and len(values) < MIN_ROWS_PER_CLASS[form] * len(counts)):
            return Task("regression", 1, target_names=names), f"numbers with {len(counts):,} different values"
    if kind == "binary" and len(counts) != 2:
        raise InputError(
            f'The target column "{name}" has {len(counts)} different values; a binary task has two. Ask for classes.'
        )
    _check_counts(counts, len(values), name)
    classes: tuple[Label, ...] = tuple(counts)
    what = {"b": "true and false", "O": "text"}.get(form, "integers")
    if len(classes) == 2 and kind != "multiclass":
        reason = f'two different values: "{classes[1]}" or not ("{classes[0]}")'
        return Task("binary", 1, classes, names), "as requested" if kind else reason
    reason = f"{what} with {len(classes):,} different values: one class each"
    return Task("multiclass", len(classes), classes, names), "as requested" if kind else reason


def _refuse_single(values: Values, names: tuple[str, ...]) -> None:
    first = values[0]
    if all(value == first for value in values.tolist()):
        shown = f'"{first}"' if isinstance(first, str) else str(first)
        raise InputError(
            f"The target {_called(names)} has the value {shown} in every row, so there is nothing to learn. "
            "Choose another target column or add rows with other values."
        )


def _check_numbers(values: Values, name: str) -> None:
    wrong = np.isinf(values)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f'The target column "{name}" has {values[row]} in row {row + 1}; a finite number was expected.')


def _check_counts(counts: dict[Label, int], rows: int, name: str) -> None:
    """Refuse labels that are nearly all different, and classes of a single row."""
    if len(counts) > 2 and (len(counts) == rows or (len(counts) > MAX_CLASSES and 2 * len(counts) > rows)):
        raise InputError(
            f'The target column "{name}" has {len(counts)} different values in {rows} rows; that is too many for '
            "classes. Choose another target column."
        )
    single = [label for label, count in counts.items() if count == 1]
    if single:
        others = len(single) - 1
        more = {0: "", 1: ", and so has 1 other class"}.get(others, f", and so have {others} other classes")
        raise InputError(
            f'The class "{single[0]}" of the target column "{name}" has one row{more}; at least two are needed, one to '
            "learn from and one to check on. Add rows of it, or leave it out."
        )
