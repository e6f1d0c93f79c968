"""The learning curve: would more rows help? Networks trained on parts of the rows, measured on rows left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ranvier.data.diagnosis.finding import Finding
from ranvier.data.encoders.decoding import class_indices
from ranvier.model.diagnosis.fit import in_units
from ranvier.recipes.candidates import trained_parameters
from ranvier.rows import Rows
from ranvier.rows.split import split_rows
from ranvier.training.against_baseline import loss_gain
from ranvier.training.inference import outputs_of
from ranvier.training.metrics import mean_targets
from ranvier.training.standard_error import mean_and_error

if TYPE_CHECKING:
    from ranvier.model.trained_predictor import TrainedPredictor

HELD_FRACTION = 0.3
MIN_ROWS = 60
STANDARD_ERRORS = 2.0
MIN_GAIN = 0.02


def learning_curve_finding(model: TrainedPredictor, rows: Rows) -> list[Finding]:
    """Whether more rows would help, by networks of this shape on half of the rows and on all of them.

    Both are trained with the settings of the model, for as many steps, and measured on three tenths of the rows.
    """
    if len(rows) < MIN_ROWS or model.target.levels:
        return []
    task, network = model.task, model.network
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    held_out, rest = split_rows(len(rows), (HELD_FRACTION, 1 - HELD_FRACTION), 0, labels)
    evaluation = rows.take(held_out)
    targets = in_units(model.target, evaluation.targets)
    outputs = {}
    for fraction in (2, 1):
        index = rest[::fraction]
        settings = replace(model.training, callbacks=(), epochs=fraction * model.training.epochs).on(rows.inputs)
        flat = trained_parameters(network, settings, task, rows.take(index))
        outputs[fraction] = in_units(model.target, outputs_of(network, settings, flat, evaluation.inputs))
    name, gain = loss_gain(task, outputs[1], targets, outputs[2])
    mean, error = mean_and_error(gain, None, ddof=1)
    constant = np.broadcast_to(mean_targets(task, targets), (len(targets), task.outputs))
    scale = abs(mean_and_error(loss_gain(task, outputs[1], targets, constant)[1], None)[0])
    helps = mean > STANDARD_ERRORS * error and mean > MIN_GAIN * scale
    words = "smaller" if mean > 0 else "larger"
    evidence = (
        f"Trained on {len(rest):,} rows instead of {len(rest[::2]):,}, the network has a {name} that is {words} by "
        f"{abs(mean):.2g} (standard error {error:.1g}) on {len(held_out):,} others."
    )
    if helps:
        meaning, advice = "The learning curve still falls.", "More rows would help: gather more."
    else:
        meaning = "The learning curve is flat as far as these rows can tell."
        advice = "More rows would not help much; better columns, or another network, might."
    return [Finding("learning_curve", None, evidence, meaning, advice)]
