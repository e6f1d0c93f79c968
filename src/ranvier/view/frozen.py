"""Answers frozen for a report: what its panels ask, computed once, within a number of bytes."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from ranvier.errors import RanvierError
from ranvier.view.dispatch import ask_model
from ranvier.view.questions.examples import example_rows
from ranvier.view.subject import Subject

MAX_WORST, MAX_CELL_ROWS, MAX_CELLS = 24, 12, 20
MANY_INPUTS, SHOWN_INPUTS = 1000, 14
"""Of more inputs than the first, the network of a report draws the second, as the page does (`inputs.tsx`)."""
MAX_NEURONS, MAX_TERMS, MAX_WEIGHTS = 64, 24, 1024
DIGITS = 5
"""How many significant digits curves, weights and histograms keep; what is shown as a number keeps all of them."""
BUDGET = 1_400_000
"""How many bytes of answers a report holds at most; with the page itself it stays below 2 MB."""
ALWAYS = (
    "what",
    "result",
    "data",
    "health",
    "confusion",
    "classes",
    "metrics",
    "calibration",
    "residuals",
    "sample",
    "importances",
    "findings",
    "uncertainty",
    "reasons",
)


def frozen_answers(subject: Subject, budget: int = BUDGET) -> dict[str, Any]:
    """Question -> its answer; frames as {"frame": base64}. What does not apply, or does not fit, is left out.

    A question is `question_key(name, body)`. Files are named without the folder of the data: a report is made to be
    sent. Besides what is always asked these are the worst rows, the largest cells of the confusion matrix, the largest
    weights, and as many example rows and neurons as the budget allows.
    """
    answers: dict[str, Any] = {}
    left, folder = budget, _folder(subject.model.report.data)
    for name, body, needed in _questions(subject):
        try:
            answer = ask_model(subject, name, body)
        except RanvierError:
            continue
        if isinstance(answer, bytes):
            answer = {"frame": base64.b64encode(answer).decode("ascii")}
        answer = _without(folder, _shortened(name, answer))
        size = len(json.dumps(answer))
        if size > left and not needed:
            continue
        left -= size
        answers[question_key(name, body)] = answer
    answers[question_key("examples", {})] = {
        "rows": [row for row in example_rows(subject) if question_key("answer", {"row": row}) in answers]
    }
    return answers


def question_key(name: str, body: dict[str, Any]) -> str:
    """The name of a question with its body, as the page writes it: keys in order, without nulls and counts.

    >>> question_key("rows", {"start": 0, "count": 24, "order": "loss"}), question_key("what", {"row": None})
    ('rows {"order":"loss","start":0}', 'what {}')
    """
    fields = {key: value for key, value in sorted(body.items()) if value is not None and key != "count"}
    return f"{name} {json.dumps(fields, separators=(',', ':'))}"


def _questions(subject: Subject) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Name, body, and whether it is answered whatever its size."""
    layers = [info.path for info in subject.dense_layers]
    for name in ALWAYS:
        yield name, {}, True
    for path in layers:
        yield "connections", {"path": path, "count": 200}, False
    if subject.rows is not None:
        yield "rows", {"start": 0, "count": MAX_WORST, "order": "loss"}, False
        for row in np.argsort(-subject.losses, kind="stable")[:MAX_WORST].tolist() if subject.rows.recordings else []:
            yield from _sound(subject, row)
        for row in example_rows(subject):
            yield "rows", {"start": row, "count": 1}, False
            yield "answer", {"row": row}, False
            if subject.form.kind == "table" and subject.model.network.inputs > MANY_INPUTS:
                yield "inputs", {"row": row, "count": SHOWN_INPUTS, "pinned": []}, False
            if subject.form.kind != "table":  # of tables "reasons" explains all examples at once
                yield "contributions", {"row": row}, False
            yield from _sound(subject, row)
        for actual, predicted in confused_cells(subject):
            yield "cell", {"actual": actual, "predicted": predicted}, False
    neurons = [(path, number) for number in range(MAX_NEURONS) for path in reversed(layers)]
    units = {info.path: info.outputs for info in subject.dense_layers}
    for path, number in [entry for entry in neurons if entry[1] < units[entry[0]]][:MAX_NEURONS]:
        yield "neuron", {"path": path, "neuron": number}, False


def _sound(subject: Subject, row: int) -> Iterator[tuple[str, dict[str, Any], bool]]:
    if subject.rows is not None and subject.rows.recordings is not None:
        yield "sound", {"row": row}, False


def confused_cells(subject: Subject) -> list[tuple[int, int]]:
    """The cells of the confusion matrix with the most mistakes; none where there are no classes."""
    task, rows = subject.model.task, subject.rows
    if task.kind not in ("binary", "multiclass") or rows is None or rows.targets is None:
        return []
    wrong = subject.actual != subject.predicted
    pairs, counts = np.unique(
        np.stack([subject.actual[wrong], subject.predicted[wrong]], axis=1), axis=0, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")[:MAX_CELLS]
    return [(int(actual), int(predicted)) for actual, predicted in pairs[order]]


def _shortened(name: str, answer: Any) -> Any:
    """An answer of fewer parts and digits, where it is long."""
    if name == "cell":
        return {**answer, "rows": answer["rows"][:MAX_CELL_ROWS]}
    if name == "neuron":
        weights = answer["weights"]
        short = None if weights is None or len(weights) > MAX_WEIGHTS else _rounded(weights)
        return {**answer, "terms": answer["terms"][:MAX_TERMS], "weights": short, "curve": _rounded(answer["curve"])}
    if name == "residuals":
        return {**answer, **{part: _rounded(answer[part]) for part in ("actual", "predicted")}}
    if name == "contributions" and "map" in answer:
        return {**answer, "map": _rounded(answer["map"])}
    if name == "connections":
        return {**answer, "lines": _rounded(answer["lines"])}
    return answer


def _folder(data: str | None) -> str:
    """The folder of a file with the sign after it, as texts name it; empty where there is none.

    >>> _folder("there/adult.csv"), _folder("adult.csv"), _folder(None)
    ('there/', '', '')
    """
    return "" if data is None else data.removesuffix(PurePath(data).name)


def _without(folder: str, value: Any) -> Any:
    """JSON values whose texts do not name a folder."""
    if isinstance(value, str):
        return value.replace(folder, "") if folder else value
    if isinstance(value, dict):
        return {key: _without(folder, part) for key, part in value.items()}
    return [_without(folder, part) for part in value] if isinstance(value, list) else value


def _rounded(value: Any) -> Any:
    """Numbers with `DIGITS` significant digits.

    >>> _rounded([1.23456789, [2, None]])
    [1.2346, [2, None]]
    """
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value
