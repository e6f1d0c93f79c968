"""Which rows are known, and what is in them?"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.decoded_columns import names_of_rows
from ranvier.errors import InputError
from ranvier.view.row_form import cells_of_rows, pixels_of_rows
from ranvier.view.subject import Subject

MAX_ROWS = 200
ORDERS = ("index", "loss")


def rows_page(subject: Subject, start: int, count: int, order: str = "index") -> dict[str, Any]:
    """A page of the known rows, in their order or the most wrong first, as `describe_rows` gives them.

    Raises:
        InputError: none are known, or a number is out of range.
    """
    total = len(subject.known_rows())
    if not (type(start) is int and start >= 0 and type(count) is int and 1 <= count <= MAX_ROWS):
        raise InputError(f"Rows from {start!r}, {count!r} of them; give a start from 0 and 1 to {MAX_ROWS} rows.")
    if order not in ORDERS:
        raise InputError(f'The order is {order!r}; it must be "index" or "loss".')
    index = np.arange(total) if order == "index" else np.argsort(-subject.losses, kind="stable")
    return {"total": total, "rows": describe_rows(subject, index[start : start + count])}


def describe_rows(subject: Subject, index: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Records of some rows.

    Fields: `row` among the known ones; `number` in the data; `name` of its file; `cells` of a table, or `pixels` of a
    picture or a spectrogram in base64; `predicted` and, where the truth is known, `actual` and `loss`; for classes
    `probability` of the predicted class and `probability_of_actual`.
    """
    if not len(index):
        return []
    rows, form, task = subject.known_rows(), subject.form, subject.model.task
    pictures = form.kind != "table"
    names = names_of_rows(rows.source)
    shown: Any = pixels_of_rows(form, subject.model, rows, index) if pictures else cells_of_rows(form, rows, index)
    answers = subject.model.target.decode(subject.model.outputs_of(rows.inputs[index]))
    records = []
    for at, row in enumerate(index.tolist()):
        entry: dict[str, Any] = {"row": row, "number": int(rows.numbers[row])}
        if names is not None and names[row]:
            entry["name"] = names[row]
        if pictures:
            entry["pixels"] = base64.b64encode(np.ascontiguousarray(shown[at]).tobytes()).decode("ascii")
        else:
            entry["cells"] = shown[at]
        entry["predicted"] = _text(np.asarray(answers[at]).tolist())
        if task.is_classifier:
            entry["probability"] = float(subject.probabilities[row].max())
        if rows.targets is not None:
            entry["loss"] = float(subject.losses[row])
            entry["actual"] = _actual(subject, row)
            if task.is_classifier:
                entry["probability_of_actual"] = float(subject.probabilities[row, subject.actual[row]])
        records.append(entry)
    return records


def _actual(subject: Subject, row: int) -> Any:
    """The true answer of a row, as `predicted` is written."""
    task = subject.model.task
    if task.is_classifier:
        return _text(task.classes[subject.actual[row]])
    # Of each target with quantiles the truth stands beside each of them.
    values = subject.targets[row][:: max(1, len(subject.model.target.levels))].tolist()
    return values[0] if len(values) == 1 else values


def _text(answer: Any) -> Any:
    """Numbers stay numbers; classes are shown as text."""
    return answer if isinstance(answer, (float, list)) else str(answer)
