"""What if one column were otherwise? The response of a row to each of its columns. G points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import RanvierError
from ranvier.explain.explained import explained_output
from ranvier.rows import Inputs
from ranvier.view.row_form import Column
from ranvier.view.subject import Subject

MAX_COLUMNS, MAX_CATEGORIES = 100, 40
POINTS = 33
MIN_SPAN = 0.01


def responses(subject: Subject, inputs: Inputs, output: Any = None) -> dict[str, Any]:
    """For each column of numbers or categories what the model would say, the others staying as they are.

    Formula: r_c(v) = f(x with v in column c); see `Model.response`. Numbers go over the range of the column's slider.

    Parameters:
        inputs: the row, encoded, (1, K).
        output: a class, label or target; None for what the model predicts, of two classes for the second.

    Returns `explained`, what the values are of: the probability of a class or label, or a number; `low` and `high`,
    between which all curves lie, for probabilities at least a hundredth apart; and `curves`, column -> `grid` (G,) and
    `values` (G,).

    Raises:
        InputError: there is no such output.
    """
    model = subject.model
    outputs = model.outputs_of(inputs)
    at = explained_output(model.target, outputs, output)
    index, is_first = int(at.index[0]), bool(model.task.kind == "binary" and at.factor[0] < 0)
    curves = {}
    for column in subject.form.columns[:MAX_COLUMNS]:
        points = cells_of(column)
        if not points:
            continue
        try:
            outputs_there = model.response_of(inputs, column.name, points).average[:, index]
        except RanvierError:
            continue
        curves[column.name] = {"grid": points, "values": (1.0 - outputs_there if is_first else outputs_there).tolist()}
    flat = np.array([value for curve in curves.values() for value in curve["values"]])
    low, high = (float(flat.min()), float(flat.max())) if len(flat) else (0.0, 1.0)
    if model.task.kind != "regression" and high - low < MIN_SPAN:
        low = min(low, 1.0 - MIN_SPAN)
        high = low + MIN_SPAN
    return {"explained": str(at.labels[0]), "low": low, "high": high, "curves": curves}


def cells_of(column: Column) -> list[Any]:
    """The cells that a column's response is computed at: none for texts and dates.

    >>> cells_of(Column("a", "number", 0.0, 1.0))[:2], cells_of(Column("b", "text"))
    ([0.0, 0.03125], [])
    """
    if column.kind == "number":
        return [float(value) for value in np.linspace(column.low, column.high, POINTS)]
    if column.kind == "boolean":
        return [False, True]
    return list(column.choices[:MAX_CATEGORIES])
