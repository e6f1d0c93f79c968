"""Every question about a model, by name: the record of its body, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from ranvier.errors import InputError
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.view.bodies import (
    CellBody,
    ConnectionsBody,
    HeardBody,
    InputsBody,
    NeuronBody,
    NoBody,
    OutputBody,
    PictureBody,
    RowBody,
    RowsBody,
    SampleBody,
    SoundBody,
    StepBody,
    StepCheckBody,
    WeightsBody,
    read_body,
)
from ranvier.view.frames import frame
from ranvier.view.questions.answer import answer
from ranvier.view.questions.calibration import calibration
from ranvier.view.questions.confusion import cell, confusion, measured, per_class
from ranvier.view.questions.connections import connections
from ranvier.view.questions.contributions import contributions
from ranvier.view.questions.data import data
from ranvier.view.questions.findings import findings
from ranvier.view.questions.importances import importances
from ranvier.view.questions.inputs import inputs
from ranvier.view.questions.layer_health import layer_health
from ranvier.view.questions.near import near
from ranvier.view.questions.neuron import neuron
from ranvier.view.questions.neuron_examples import neuron_examples
from ranvier.view.questions.neuron_sizes import neuron_sizes
from ranvier.view.questions.neuron_statistics import neuron_statistics
from ranvier.view.questions.picture import decoded_picture
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

B = TypeVar("B")


@record
class Question(Generic[B]):
    """A question about a model.

    Fields:
        kind: the record of its body.
        answer: gives JSON values, or a frame as bytes.
    """

    kind: type[B]
    answer: Callable[[Subject, B], Any]

    def __call__(self, subject: Subject, body: Mapping[str, Any]) -> Any:
        """The answer to a body as it was sent.

        Raises:
            InputError: the body is not what the question needs, or there is no answer.
        """
        return self.answer(subject, read_body(self.kind, body))


def _about(answer: Callable[[Subject], Any], cache_name: str | None = None) -> Question[NoBody]:
    """A question without a body; its answer is kept under `cache_name`, and computed each time without one."""
    if cache_name is None:
        return Question(NoBody, lambda subject, body: answer(subject))
    return Question(NoBody, lambda subject, body: subject.cached((cache_name,), lambda: answer(subject)))


def _whole_row(subject: Subject, body: RowBody | NeuronBody | InputsBody) -> tuple[Inputs, Any]:
    """The row that a question is about, encoded and as `Model.inputs` takes it.

    Raises:
        InputError: none is said, or it cannot be read.
    """
    model = subject.model
    if body.sound is not None:
        row = row_of_sound(subject.form, model, body.sound)
        return model.inputs(row), row
    if body.values is not None:
        row = row_of_values(subject.form, model, body.values)
        return model.inputs(row), row
    if body.row is None:
        raise InputError("Say which row: row, the number of a known one, values, or a sound.")
    inputs = subject.row(body.row)
    source = subject.known_rows().source.take(np.array([body.row]))
    return inputs, source if model.encoder is not None else inputs


def _output(subject: Subject, body: RowBody) -> Any:
    """Which output is asked about; of several numbers the first where none is said."""
    target = subject.model.target
    several = target.task.kind == "regression" and target.task.outputs != max(1, len(target.levels))
    return 0 if several and body.output is None else body.output


def _row(subject: Subject, body: NeuronBody | InputsBody) -> Inputs | None:
    """The row of a question that can do without one."""
    has_row = any(value is not None for value in (body.row, body.values, body.sound))
    return _whole_row(subject, body)[0] if has_row else None


def _neuron(subject: Subject, body: NeuronBody) -> dict[str, Any]:
    return neuron(subject, body.path, body.neuron, _row(subject, body))


def _inputs(subject: Subject, body: InputsBody) -> dict[str, Any]:
    return inputs(subject, _row(subject, body), body.count, body.search, body.pinned or ())


def _health(subject: Subject) -> dict[str, Any]:
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


def _sizes(subject: Subject) -> bytes:
    """The sizes of the weights of each neuron."""
    head, array = neuron_sizes(subject)
    return frame("network", head | {"show": "weights"}, array)


QUESTIONS: dict[str, Question[Any]] = {
    "what": _about(what),
    "rows": Question(RowsBody, lambda subject, body: rows_page(subject, body.start, body.count, body.order)),
    "answer": Question(RowBody, lambda subject, body: frame("answer", *answer(subject, _whole_row(subject, body)[0]))),
    "contributions": Question(
        RowBody, lambda subject, body: contributions(subject, *_whole_row(subject, body), _output(subject, body))
    ),
    "responses": Question(
        RowBody, lambda subject, body: responses(subject, _whole_row(subject, body)[0], _output(subject, body))
    ),
    "near": Question(RowBody, lambda subject, body: near(subject, _whole_row(subject, body)[0], body.row)),
    "sound": Question(SoundBody, lambda subject, body: frame("sound", *sound(subject, body.row))),
    "picture": Question(PictureBody, lambda subject, body: frame("picture", *decoded_picture(subject, body.picture))),
    "heard": Question(HeardBody, lambda subject, body: frame("sound", *heard(subject, body.sound))),
    "weights": Question(
        WeightsBody, lambda subject, body: frame("weights", *weights(subject, body.path, body.height, body.width))
    ),
    "connections": Question(ConnectionsBody, lambda subject, body: connections(subject, body.path, body.count)),
    "neuron": Question(NeuronBody, _neuron),
    "inputs": Question(InputsBody, _inputs),
    "health": _about(_health),
    "layers": _about(layer_health),
    "sizes": _about(_sizes),
    "neuron_examples": Question(NeuronBody, lambda subject, body: neuron_examples(subject, body.path, body.neuron)),
    "surface": _about(lambda subject: frame("surface", *surface(subject))),
    "step": Question(
        StepBody, lambda subject, body: step(subject, body.step, body.row, body.path, body.neuron, body.seed)
    ),
    "step_check": Question(
        StepCheckBody,
        lambda subject, body: step_check(subject, body.step, body.path, body.neuron, body.term, body.seed),
    ),
    "result": _about(result),
    "data": _about(data),
    "confusion": _about(confusion),
    "cell": Question(CellBody, lambda subject, body: cell(subject, body.actual, body.predicted)),
    "classes": _about(per_class),
    "metrics": _about(measured),
    "importances": _about(importances, "importances"),
    "findings": _about(findings),
    "uncertainty": _about(uncertainty, "uncertainty"),
    "reasons": _about(reasons, "reasons"),
    "calibration": _about(calibration),
    "sample": Question(SampleBody, lambda subject, body: sample(subject, body.start)),
    "residuals": Question(OutputBody, lambda subject, body: residuals(subject, body.output)),
}
"""Name -> question."""
