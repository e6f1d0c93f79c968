"""Which rows is this one like, and which is the nearest that gets another answer? n rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.explain.blocks import input_blocks
from ranvier.explain.nearest import column_distances, nearest_rows
from ranvier.rows import Inputs
from ranvier.view.questions.rows import describe_rows
from ranvier.view.subject import Subject

COUNT = 4


def near(subject: Subject, inputs: Inputs, row: int | None = None) -> dict[str, Any]:
    """The rows that a row is most like, and the nearest one with another answer; see `Model.nearest`.

    Parameters:
        inputs: the row, encoded, (1, K).
        row: its number, where it is a known one, which is then not compared with itself.

    Returns `reading`, whether the rows to compare with are still being read: then nothing else. `among`, which rows
    these are; `rows`, the nearest as `describe_rows` gives them, each with its `distance`; `other`, the nearest with
    another answer, None for numbers and where there is none.

    Raises:
        InputError: no rows are known, or none of this number.
    """
    if row is not None:
        subject.row(row)
    compared = subject.neighbours()
    if compared is None:
        return {"reading": True}
    model, others = subject.model, compared.known_rows()
    if others.inputs.n_csr != inputs.n_csr or others.inputs.n_dense != inputs.n_dense:
        raise InputError("These rows are stored in another way than the ones that are known.")
    distances = column_distances(inputs, others.inputs, input_blocks(model.encoder, inputs.n_dense, inputs.n_csr))
    answers = compared.cached(("answers",), lambda: model.target.decode(model.outputs_of(others.inputs)))
    allowed = np.ones(len(others), np.bool_)
    if compared is subject and row is not None:
        allowed[row] = False
    nearest = nearest_rows(distances, answers, allowed, COUNT)
    other = None
    if model.task.kind != "regression":
        equal = answers == model.target.decode(model.outputs_of(inputs))
        differs = allowed & ~(equal if equal.ndim == 1 else equal.all(axis=1))
        other = next(iter(nearest_rows(distances, answers, differs, 1)), None)
    neighbours = [*nearest, *([] if other is None else [other])]
    described = [
        {**record, "distance": neighbour.distance}
        for record, neighbour in zip(
            describe_rows(compared, np.array([neighbour.row for neighbour in neighbours])), neighbours, strict=True
        )
    ]
    return {
        "reading": False,
        "among": others.name,
        "own": compared is subject,
        "rows": described[: len(nearest)],
        "other": None if other is None else described[-1],
    }
