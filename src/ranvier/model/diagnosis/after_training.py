"""What `train` finds about the model that it made, with the rows that it still has at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Prepared
from ranvier.data.diagnosis.finding import Finding, in_order
from ranvier.engine import LayerValues
from ranvier.errors import RanvierError
from ranvier.model.diagnosis.fit import in_units, no_better, overfitting, underfitting, worse_than_linear
from ranvier.model.diagnosis.neurons import neuron_findings
from ranvier.model.linear import linear_metrics
from ranvier.model.parameters import flat_parameters
from ranvier.model.predictor import Predictor
from ranvier.model.report import train_report
from ranvier.random import SAMPLE, permutation
from ranvier.recipes.recipe import Trained
from ranvier.rows import Inputs, Rows
from ranvier.rows.row_names import rows_called
from ranvier.training.events import DataEvent
from ranvier.training.inference import compile_for_inference, outputs_of, uncompiled
from ranvier.training.report import TrainReport
from ranvier.training.settings import TrainSettings

if TYPE_CHECKING:
    from ranvier.model.model import Model

Array = NDArray[Any]
MAX_ROWS = 2_000
"""So many training rows are measured."""
MAX_ACTIVATION_ROWS = 500


def report_with_diagnosis(
    read: DataEvent,
    model: Model,
    prepared: Prepared,
    trained: Trained,
    recipe: dict[str, Any],
    paths: dict[str, str | None],
    settings: TrainSettings,
    linear: Array | None,
) -> TrainReport:
    """The report of a training, with what is wrong with the rows and with the model.

    Parameters:
        read, model, prepared, trained, recipe, paths: as for `train_report`.
        settings: of the networks.
        linear: what a linear model outputs for the evaluation set; None where there is none.
    """
    measured = prepared.validation_rows if prepared.test_rows is None else prepared.test_rows
    with rows_called(prepared.indexed, measured):
        report = train_report(read, model, prepared, trained, recipe, paths, linear_metrics(prepared, linear))
    return diagnosed(report, model, prepared, trained, settings, linear)


def diagnosed(
    report: TrainReport,
    model: Predictor,
    prepared: Prepared,
    trained: Trained,
    settings: TrainSettings,
    linear: Array | None,
) -> TrainReport:
    """The report with what is wrong with the rows and with the model, and with the profile of the training rows.

    Parameters:
        model: what was made of `trained`.
        prepared, trained, settings: of the training.
        linear: what a linear model outputs for the evaluation set; None where there is none.
    """
    findings = _findings(report, model, prepared, trained, settings, linear)
    return replace(report, diagnosis=[entry.to_dict() for entry in findings], profile=dict(prepared.profile))


def _activations(model: Predictor, settings: TrainSettings, inputs: Inputs) -> tuple[LayerValues, ...]:
    """What the neurons do with some rows; small networks are not compiled for it."""
    few = uncompiled(settings, len(inputs) * model.network.parameter_count)
    if few.engine != "reference":
        return model.activations_of(inputs)
    flat = flat_parameters(model.network, model.parameters)
    executable = compile_for_inference(model.network, few, flat, inputs)
    return executable.activations(inputs)


def _findings(
    report: TrainReport,
    model: Predictor,
    prepared: Prepared,
    trained: Trained,
    settings: TrainSettings,
    linear: Array | None,
) -> list[Finding]:
    guessing = next((sentence for sentence in report.findings if "no better than guessing" in sentence), "")
    findings = [*prepared.findings, *no_better(guessing)]
    finished = trained.stop_reason.startswith("All ")
    findings += underfitting(trained.history, single=not trained.members, finished=finished)
    rows = prepared.evaluation_set
    if rows is None or trained.interrupted or prepared.target.levels:
        return in_order(findings)
    part = "validation" if prepared.test is None else "test"
    try:
        outputs = model.outputs_of(rows.inputs)
        if linear is not None:
            own = (_in_units(prepared, outputs), _in_units(prepared, linear))
            findings += worse_than_linear(model.task, *own, _in_units(prepared, rows.targets), part)
        if trained.encoder is None and prepared.encoder.width == trained.network.inputs:
            known = _some(prepared.train, MAX_ROWS)
            of_known = outputs_of(trained.network, settings, trained.parameters, known.inputs)
            learned = _in_units(prepared, of_known), _in_units(prepared, known.targets)
            new = _in_units(prepared, outputs), _in_units(prepared, rows.targets)
            findings += overfitting(model.task, learned, new, part)
        findings += neuron_findings(model.network, _activations(model, settings, _sample(rows.inputs)))
    except RanvierError:
        return in_order(findings)
    return in_order(findings)


def _in_units(prepared: Prepared, values: Array) -> Array:
    """Outputs or targets (n, N) in the units of the target, for a regression."""
    return in_units(prepared.target, values)


def _some(rows: Rows, count: int) -> Rows:
    """Rows that are drawn by chance, always the same."""
    if len(rows) <= count:
        return rows
    return rows.take(np.sort(permutation(0, SAMPLE, 0, len(rows))[:count]))


def _sample(inputs: Inputs) -> Inputs:
    """Rows at equal distances, since rows may be in an order."""
    return inputs[np.arange(0, len(inputs), len(inputs) // MAX_ACTIVATION_ROWS + 1)]
