"""Every question that the page may ask, by name: what the server, the notebook and the report answer with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.rows import Inputs
from ranvier.view.frames import frame
from ranvier.view.questions.answer import answer
from ranvier.view.questions.calibration import calibration
from ranvier.view.questions.confusion import cell, confusion, measured, per_class
from ranvier.view.questions.connections import connections
from ranvier.view.questions.contributions import contributions
from ranvier.view.questions.data import data
from ranvier.view.questions.findings import findings
from ranvier.view.questions.importances import importances
from ranvier.view.questions.layer_health import layer_health
from ranvier.view.questions.near import near
from ranvier.view.questions.neuron import neuron
from ranvier.view.questions.neuron_examples import neuron_examples
from ranvier.view.questions.neuron_sizes import neuron_sizes
from ranvier.view.questions.neuron_statistics import neuron_statistics
from ranvier.view.questions.reasons import reasons
from ranvier.view.questions.residuals import residuals
from ranvier.view.questions.responses import responses
from ranvier.view.questions.result import result
from ranvier.view.questions.rows import rows_page
from ranvier.view.questions.sample import sample
from ranvier.view.questions.sound import heard, sound
from ranvier.view.questions.step import step, step_check
from ranvier.view.questions.surface import surface
from ranvier.view.questions.uncertainty import uncertainty
from ranvier.view.questions.weights import weights
from ranvier.view.questions.what import what
from ranvier.view.row_form import row_of_sound, row_of_values
from ranvier.view.subject import Subject


def _row(subject: Subject, body: dict[str, Any]) -> Inputs | None:
    """The row that a question is about: a known one, or one that was filled in or drawn."""
    if body.get("values") is not None or body.get("sound") is not None:
        return _whole_row(subject, body)[0]
    return None if body.get("row") is None else subject.row(body["row"])


def _answer(subject: Subject, body: dict[str, Any]) -> bytes:
    inputs = _row(subject, body)
    if inputs is None:
        raise InputError("Say which row: row, the number of a known one, or values.")
    return frame("answer", *answer(subject, inputs))


def _whole_row(subject: Subject, body: dict[str, Any]) -> tuple[Inputs, Any]:
    """The row that a question is about, encoded and as `Model.inputs` takes it."""
    model = subject.model
    if body.get("sound") is not None:
        row = row_of_sound(subject.form, model, body["sound"])
        return model.inputs(row), row
    if body.get("values") is not None:
        row = row_of_values(subject.form, model, body["values"])
        return model.inputs(row), row
    inputs = subject.row(body["row"])
    source = subject.known_rows().source.take(np.array([body["row"]]))
    return inputs, source if model.encoder is not None else inputs


def _output(subject: Subject, body: dict[str, Any]) -> Any:
    """Which output is asked about; of several numbers the first where none is said."""
    target = subject.model.target
    several = target.task.kind == "regression" and target.task.outputs != max(1, len(target.levels))
    return 0 if several and body.get("output") is None else body.get("output")


def _weights(subject: Subject, body: dict[str, Any]) -> bytes:
    return frame("weights", *weights(subject, str(body["path"]), body["height"], body["width"]))


def _neuron(subject: Subject, body: dict[str, Any]) -> dict[str, Any]:
    number = body["neuron"]
    if type(number) is not int:
        raise InputError(f"neuron is {number!r}; an integer was expected.")
    return neuron(subject, str(body["path"]), number, _row(subject, body))


def _health(subject: Subject, body: dict[str, Any]) -> dict[str, Any]:
    """Which neurons of each layer do not learn."""
    flags = {}
    for info in subject.dense_layers:
        records = neuron_statistics(subject, info.path)
        flags[info.path] = {
            "flags": {str(at): entry["flags"] for at, entry in enumerate(records) if entry["flags"]},
            "duplicates": {
                str(at): entry["duplicate_of"] for at, entry in enumerate(records) if entry["duplicate_of"] is not None
            },
        }
    return flags


def _sizes(subject: Subject) -> tuple[dict[str, Any], Any]:
    """The sizes of the weights of each neuron."""
    head, array = neuron_sizes(subject)
    return head | {"show": "weights"}, array


QUESTIONS: dict[str, Callable[[Subject, dict[str, Any]], Any]] = {
    "what": lambda subject, body: what(subject),
    "rows": lambda subject, body: rows_page(subject, body["start"], body["count"], body.get("order", "index")),
    "answer": _answer,
    "contributions": lambda subject, body: contributions(subject, *_whole_row(subject, body), _output(subject, body)),
    "responses": lambda subject, body: responses(subject, _whole_row(subject, body)[0], _output(subject, body)),
    "sound": lambda subject, body: frame("sound", *sound(subject, body["row"])),
    "heard": lambda subject, body: frame("sound", *heard(subject, body["sound"])),
    "near": lambda subject, body: near(subject, _whole_row(subject, body)[0], body.get("row")),
    "weights": _weights,
    "connections": lambda subject, body: connections(subject, str(body["path"]), body.get("count", 200)),
    "neuron": _neuron,
    "health": _health,
    "layers": lambda subject, body: layer_health(subject),
    "sizes": lambda subject, body: frame("network", *_sizes(subject)),
    "neuron_examples": lambda subject, body: neuron_examples(subject, str(body["path"]), body["neuron"]),
    "surface": lambda subject, body: frame("surface", *surface(subject)),
    "step": lambda subject, body: step(
        subject, body["step"], body.get("row", 0), body.get("path"), body.get("neuron", 0), body.get("seed")
    ),
    "step_check": lambda subject, body: step_check(
        subject, body["step"], str(body["path"]), body["neuron"], body.get("term"), body.get("seed")
    ),
    "result": lambda subject, body: result(subject),
    "data": lambda subject, body: data(subject),
    "confusion": lambda subject, body: confusion(subject),
    "cell": lambda subject, body: cell(subject, body["actual"], body["predicted"]),
    "classes": lambda subject, body: per_class(subject),
    "metrics": lambda subject, body: measured(subject),
    "importances": lambda subject, body: subject.kept(("importances",), lambda: importances(subject)),
    "findings": lambda subject, body: findings(subject),
    "uncertainty": lambda subject, body: subject.kept(("uncertainty",), lambda: uncertainty(subject)),
    "reasons": lambda subject, body: subject.kept(("reasons",), lambda: reasons(subject)),
    "calibration": lambda subject, body: calibration(subject),
    "sample": lambda subject, body: sample(subject),
    "residuals": lambda subject, body: residuals(subject, body.get("output", 0)),
}
"""Name -> what answers it, from a subject and a body: JSON values, or a frame."""
