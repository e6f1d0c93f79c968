"""What did the answers for some example rows come from?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.errors import InputError
from ranvier.model.predictions import explanations_of
from ranvier.view.json_values import finite_or_none
from ranvier.view.questions.examples import example_rows
from ranvier.view.questions.rows import describe_rows
from ranvier.view.subject import Subject

MAX_COLUMNS, MAX_WORDS = 6, 120
NOTHING = 1e-3
"""The fraction of the largest value below which what others add is not shown."""


def reasons(subject: Subject) -> list[dict[str, Any]]:
    """What each column adds to the answers for the example rows, by integrated gradients.

    Fields: `row`, `predicted`, and where the truth is known `actual`, as `describe_rows` gives them; `parts`: for the
    predicted class or for each number `explained`, `unit`, `base`, `output`, the `columns` that count most with their
    `cell` and `value`, and `rest`, what all others add, None for next to nothing. Of a single column of texts also
    `words`, pairs of a word and what it adds.

    Raises:
        InputError: no rows are known, or they are pictures or recordings.
    """
    rows, model = subject.known_rows(), subject.model
    index = np.array(example_rows(subject), np.int64)
    if subject.form.kind != "table" or not len(index):
        raise InputError("Answers are explained for rows of tables and for texts.")
    sample: Any = rows.source.take(index) if model.encoder is not None else rows.inputs[index]
    described = describe_rows(subject, index)
    words = _words(model, sample)
    records = []
    for at, (entry, parts) in enumerate(zip(described, explanations_of(model, sample, MAX_COLUMNS), strict=True)):
        for part in parts:
            for column in part["columns"]:
                column["cell"] = finite_or_none(column["cell"])
            part["rest"] = _rest(part)
        record: dict[str, Any] = {name: entry[name] for name in ("row", "predicted", "actual") if name in entry}
        record["parts"] = parts
        if words:
            record["words"] = words[at]
        records.append(record)
    return records


def _rest(part: dict[str, Any]) -> float | None:
    """What the columns that are not shown add."""
    values = [column["value"] for column in part["columns"]]
    rest = float(part["output"] - part["base"] - sum(values))
    return None if abs(rest) <= max(part["error"], NOTHING * max(map(abs, values), default=0.0)) else rest


def _words(model: Any, rows: Any) -> list[list[list[Any]]]:
    """Of a model of one column of texts: of each text the words with what they add; else nothing."""
    encoders = column_encoders(model.encoder)
    if len(encoders) != 1 or encoders[0].kind != "text":
        return []
    explained = model.part_attributions(rows)
    return [[[word, value] for word, value in pairs[:MAX_WORDS]] for pairs in explained.words]
