"""What `train` finds about the model that it made, with the rows that it still has at hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Prepared
from ranvier.data.diagnosis.finding import Finding, in_order
from ranvier.engine import LayerValues
from ranvier.errors import RanvierError
from ranvier.model.diagnosis.fit import in_units, no_better, overfitting, underfitting, worse_than_linear
from ranvier.model.diagnosis.neurons import neuron_findings
from ranvier.model.parameters import flat_parameters
from ranvier.model.predictor import Predictor
from ranvier.recipes.recipe import Trained
from ranvier.rows import Inputs, Rows
from ranvier.rows.some_rows import random_rows
from ranvier.training.inference import compile_for_inference, outputs_of, uncompiled
from ranvier.training.report import TrainReport
from ranvier.training.settings import TrainSettings

Array = NDArray[Any]
MAX_ROWS = 2_000
"""So many training rows are measured."""
MAX_ACTIVATION_ROWS = 500


def with_diagnosis(
    report: TrainReport, model: Predictor, prepared: Prepared, trained: Trained, settings: TrainSettings, linear: Any
) -> TrainReport:
    """The report with what is wrong with the rows and with the model, and with the profile of the training rows.

    Parameters:
        report: of the training.
        model: what was made of `trained`.
        prepared, trained, settings: of the training.
        linear: what a linear model outputs for the evaluation set, (n, N); None where there is none.
    """
    guessing = next((sentence for sentence in report.findings if "no better than guessing" in sentence), "")
    finished = trained.stop_reason.startswith("All ")
    findings = [*prepared.findings, *no_better(guessing)]
    findings += underfitting(trained.history, single=not trained.members, finished=finished)
    if not (trained.interrupted or prepared.target.levels):
        with contextlib.suppress(RanvierError):
            findings.extend(_of_rows(model, prepared, trained, settings, linear))
    ordered = [entry.to_dict() for entry in in_order(findings)]
    return replace(report, diagnosis=ordered, profile=dict(prepared.profile))


def _activations(model: Predictor, settings: TrainSettings, inputs: Inputs) -> tuple[LayerValues, ...]:
    """What the neurons do with some rows; small networks are not compiled for it."""
    few = uncompiled(settings, len(inputs) * model.network.parameter_count)
    if few.engine != "reference":
        return model.activations_of(inputs)
    flat = flat_parameters(model.network, model.parameters)
    executable = compile_for_inference(model.network, few, flat, inputs)
    return executable.activations(inputs)


def _of_rows(
    model: Predictor, prepared: Prepared, trained: Trained, settings: TrainSettings, linear: Any
) -> Iterator[Finding]:
    """What the rows of the evaluation set show, where there are any: the linear model, training rows, neurons."""
    rows = prepared.evaluation_set
    if rows is None:
        return
    part = "validation" if prepared.test is None else "test"
    outputs = model.outputs_of(rows.inputs)
    if linear is not None:
        predictions = (_in_units(prepared, outputs), _in_units(prepared, linear))
        yield from worse_than_linear(model.task, *predictions, _in_units(prepared, rows.targets), part)
    if trained.encoder is None and prepared.encoder.width == trained.network.inputs:
        training = _some(prepared.train, MAX_ROWS)
        if prepared.inference_encoder is prepared.encoder:  # the model is ready to answer already
            training_outputs = model.outputs_of(training.inputs)
        else:
            training_outputs = outputs_of(trained.network, settings, trained.parameters, training.inputs)
        learned = _in_units(prepared, training_outputs), _in_units(prepared, training.targets)
        new = _in_units(prepared, outputs), _in_units(prepared, rows.targets)
        yield from overfitting(model.task, learned, new, part)
    yield from neuron_findings(model.network, _activations(model, settings, _sample(rows.inputs)))


def _in_units(prepared: Prepared, values: Array) -> Array:
    """Outputs or targets (n, N) in the units of the target, for a regression."""
    return in_units(prepared.target, values)


def _some(rows: Rows, count: int) -> Rows:
    """Rows that are drawn by chance, always the same."""
    if len(rows) <= count:
        return rows
    return rows.take(random_rows(len(rows), count))


def _sample(inputs: Inputs) -> Inputs:
    """Rows at equal distances, since rows may be in an order."""
    return inputs[np.arange(0, len(inputs), len(inputs) // MAX_ACTIVATION_ROWS + 1)]
