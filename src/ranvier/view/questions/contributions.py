"""Why this answer? What each column of a row adds to the output, from a typical row to this one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.errors import InputError
from ranvier.explain.attributions import Attributions
from ranvier.rows import Inputs
from ranvier.view.subject import Subject

MAX_BARS = 9
MAX_WORDS = 400


def contributions(subject: Subject, inputs: Inputs, row: Any, output: Any = None) -> dict[str, Any]:
    """The bars of a waterfall: `base`, what each column adds, and `output`, in which all of it adds up.

    Formula: output = base + sum over the columns of value, up to `error`; see `Model.attributions`.

    Parameters:
        inputs: the row, encoded, (1, K).
        row: the same row as `Model.inputs` takes it.
        output: a class, label or target; None for what the model predicts.

    Returns `explained`, which output it is; `unit`, "logit" or "value"; `base`, `output`, `error`; `columns`, the
    largest in size first, each with `column` and `value`; `others`, how many more there are, and `rest`, what these
    add. Where the inputs are a picture or a recording `map` has what each pixel, or band and frame, adds, row by row
    with low bands below, and `map_shape`. `words` has for each column of texts the pairs of word and value.

    Raises:
        InputError: there is no such output, or the model is one of texts without columns.
    """
    model, form = subject.model, subject.form
    attributed = model.attributions_of(inputs, output=output)
    entries = attributed.largest(0)
    shown = entries if len(entries) <= MAX_BARS + 1 else entries[:MAX_BARS]
    more = entries[len(shown) :]
    explained = attributed.to_dict(0, 0)
    answer = explained | {
        "explained": str(explained["explained"]),
        "columns": [{"column": name, "value": value} for name, value in shown],
        "others": len(more),
        "rest": math.fsum(value for _, value in more),
        "words": _words(subject, row, output),
    }
    values = _map(subject, attributed, row, output)
    if values is None:
        return answer
    height, width, *_ = form.shape
    return answer | {"map": values.reshape(-1).tolist(), "map_shape": [height, width]}


def _map(subject: Subject, attributed: Attributions, row: Any, output: Any) -> Any:
    """What each pixel, or band and frame, adds, (H, W); None for a table."""
    model, form = subject.model, subject.form
    if form.kind == "table":
        return None
    height, width, *channels = form.shape
    if form.pixels:
        values = dict(zip(attributed.columns, attributed.values[0].tolist(), strict=True))
        return np.array([values.get(name, 0.0) for name in form.pixels]).reshape(height, width)
    if attributed.values.shape[1] == math.prod(form.shape):
        return attributed.values[0].reshape(height, width, *channels).sum(axis=tuple(range(2, 2 + len(channels))))
    try:
        maps = model.part_attributions(row, output=output).maps
    except InputError:
        return None
    if maps is None:
        return None
    return maps[0, ::-1] if form.kind == "sound" else maps[0]


def _words(subject: Subject, row: Any, output: Any) -> dict[str, list[list[Any]]]:
    """For each column of texts the words in reading order with what they add."""
    model = subject.model
    parts = [part for part in column_encoders(model.encoder) if part.kind == "text"]
    words = {}
    for part in parts[:4]:
        pairs = model.part_attributions(row, part.column, output=output).words[0]
        words[part.column] = [[word, value] for word, value in pairs[:MAX_WORDS]]
    return words
