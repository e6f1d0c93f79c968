"""Which rows excite a neuron, and which leave it cold? From intervals of its outputs, not only the top. n rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.model.inspect import find_layer
from ranvier.rows.some_rows import evenly
from ranvier.view.questions.rows import describe_rows
from ranvier.view.subject import Subject

TOP, EACH, INTERVALS = 6, 3, 4


def neuron_examples(subject: Subject, path: str, number: int) -> list[dict[str, Any]]:
    """Rows of the sample by the output of a neuron, the largest first.

    Returns groups: `name`, "largest", "smallest" or the quarter of the rest; `low` and `high`, the outputs it spans;
    and `rows`, records as `describe_rows` gives them with the `output` of the neuron: the 6 largest, 3 that lie evenly
    in each quarter of the others, and the 3 smallest.

    Raises:
        InputError: there is no such neuron, or no rows are known.
    """
    info = find_layer(subject.model.network, path)
    if info not in subject.dense_layers or type(number) is not int or not 0 <= number < info.outputs:
        raise InputError(f"There is no neuron {number!r} in {path}.")
    subject.known_rows()
    sample = subject.sample
    outputs = np.asarray(subject.sample_values[info.path].outputs[:, number], np.float64)
    order = np.argsort(-outputs, kind="stable")
    groups = [("largest", order[:TOP])]
    middle = order[TOP : max(TOP, len(order) - EACH)]
    for at, quarter in enumerate(np.array_split(middle, INTERVALS)):
        if len(quarter):
            index = evenly(len(quarter), EACH)
            groups.append((f"quarter {at + 1}", quarter[index]))
    if len(order) > TOP:
        groups.append(("smallest", order[-min(EACH, len(order) - TOP) :]))
    answer = []
    for name, index in groups:
        records = describe_rows(subject, sample[index])
        for entry, value in zip(records, outputs[index].tolist(), strict=True):
            entry["output"] = value
        answer.append(
            {"name": name, "low": float(outputs[index].min()), "high": float(outputs[index].max()), "rows": records}
        )
    return answer
