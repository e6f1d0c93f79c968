"""Findings on how a model fits: over- and underfitting, worse than a linear model, no better than guessing.

n rows, N outputs; outputs and targets (n, N) as for `training.metrics`, in the units of the target for a regression.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.data.diagnosis.finding import Finding
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.training.against_baseline import loss_gain
from ranvier.training.history import History
from ranvier.training.metrics import headline_metric, headline_metric_name, mean_targets
from ranvier.training.standard_error import mean_and_error

Array = NDArray[Any]
STANDARD_ERRORS = 3.0
"""So many standard errors a difference must have, so that clean data raise no alarm,"""
MIN_GAIN = 0.1
"""and so large a fraction of the loss it must be."""
MIN_ROWS = 20
GAP = {"accuracy": 0.2, "r2": 0.3}
"""How much better the metric of an overfitting model is on its training rows."""
FALLING = 0.03
"""The fraction by which the loss of the last epochs fell where training ended too early."""
LAST_EPOCHS = 3
MAX_SAMPLE = 5_000
MAX_SIZE = 30.0
"""The root mean square of an input from which on it is called unscaled."""
WRITTEN = {"accuracy": ("Accuracy", "{:.1%}"), "r2": ("R²", "{:.3f}")}


def in_units(target: TargetEncoder, values: Array) -> Array:
    """Outputs or targets (n, N), of a regression in the units of the target."""
    return target.values(values).reshape(len(values), -1) if target.task.kind == "regression" else values


def overfitting(
    task: Task, training: tuple[Array, Array], new: tuple[Array, Array], part: str = "test"
) -> list[Finding]:
    """A finding where the model is far better on its training rows than on others.

    Parameters:
        training, new: outputs and targets of training rows and of others.
        part: what the others are called.
    """
    if min(len(training[1]), len(new[1])) < MIN_ROWS:
        return []
    name = headline_metric_name(task)
    if name not in GAP or task.kind == "multilabel":
        return []
    training_score, new_score = (headline_metric(task, *pair)[name] for pair in (training, new))
    constant = mean_targets(task, training[1])
    gains = [
        mean_and_error(loss_gain(task, *pair, _broadcast(constant, pair[1]))[1], None, ddof=1)
        for pair in (training, new)
    ]
    error = float(np.hypot(gains[0][1], gains[1][1]))
    if training_score - new_score < GAP[name] or gains[0][0] - gains[1][0] < STANDARD_ERRORS * error:
        return []
    metric, decimals = WRITTEN[name]
    first, second = (decimals.format(value).replace("%", " %") for value in (training_score, new_score))
    return [
        Finding(
            "overfitting",
            None,
            f"{metric} is {first} on training rows and {second} on {plural(len(new[1]), f'{part} row')}.",
            "It has memorised its training rows, with their noise.",
            "Stop early (validation rows), take a smaller network, dropout or weight decay, or give more rows.",
        )
    ]


def _broadcast(constant: Array, targets: Array) -> Array:
    """A constant prediction (N,) for every row, in the shape of outputs."""
    return np.broadcast_to(constant, (len(targets), len(constant)))


def underfitting(history: History, single: bool, finished: bool) -> list[Finding]:
    """A finding where the loss was still falling when training ended.

    Parameters:
        history: the epochs of one network.
        single: whether they are.
        finished: whether training ended because all epochs were done.
    """
    losses = [epoch.loss for epoch in history]
    checked = [epoch.validation_loss for epoch in history if epoch.validation_loss is not None]
    if not single or not finished or len(losses) <= LAST_EPOCHS:
        return []
    series = checked if len(checked) == len(losses) else losses
    before, last = series[-1 - LAST_EPOCHS], series[-1]
    falls = all(later < earlier for earlier, later in pairwise(series[-1 - LAST_EPOCHS :]))
    if not falls or before <= 0 or (before - last) < FALLING * before:
        return []
    which = "validation loss" if series is checked else "loss"
    return [
        Finding(
            "underfitting",
            None,
            f"The {which} fell by {100 * (before - last) / before:.2g} % in the last {LAST_EPOCHS} of "
            f"{plural(len(losses), 'epoch')}.",
            "Training ended before the network had learned what it can.",
            "Train for more epochs, or take a larger learning rate.",
        )
    ]


def worse_than_linear(task: Task, outputs: Array, linear: Array, targets: Array, part: str = "") -> list[Finding]:
    """A finding where a linear model on the same inputs has a clearly smaller loss, row by row.

    Parameters:
        outputs, linear: what the model and the linear model say.
        targets: the truth.
        part: what the rows are called.
    """
    if len(targets) < MIN_ROWS:
        return []
    name, gain = loss_gain(task, linear, targets, outputs)
    mean, error = mean_and_error(gain, None, ddof=1)
    constant = _broadcast(mean_targets(task, targets), targets)
    scale = abs(mean_and_error(loss_gain(task, linear, targets, constant)[1], None)[0])
    if mean <= STANDARD_ERRORS * error or mean < MIN_GAIN * max(scale, 1e-12):
        return []
    rows = plural(len(targets), f"{part} row".strip())
    return [
        Finding(
            "worse_than_linear",
            None,
            f"On {rows} a linear model on the same inputs has a {name} that is smaller by {mean:.2g} (standard error "
            f"{error:.1g}).",
            "The hidden layers lose more than they add: training was too short or too long, or inputs are unscaled.",
            "Look at the other findings, train with the usual recipe, or take the linear model: --hidden none.",
        )
    ]


def no_better(sentence: str) -> list[Finding]:
    """The finding of a sentence that `no_better_sentence` gave; none of an empty one."""
    if not sentence:
        return []
    evidence, _, advice = sentence.rpartition(". ")
    meaning = "What the model predicts for a row does not depend on the row in a way that helps."
    return [Finding("no_better_than_guessing", None, f"{evidence}.", meaning, advice)]


def unscaled_inputs(inputs: Array, names: list[str]) -> list[Finding]:
    """A finding where the inputs of a network without scaling are large.

    Parameters:
        inputs: (n, K), as the first dense layer gets them.
        names: of the K inputs.
    """
    if len(inputs) < MIN_ROWS:
        return []
    sample = np.asarray(inputs[:: len(inputs) // MAX_SAMPLE + 1], np.float64)
    size = np.sqrt(np.square(sample).mean(axis=0))
    largest = int(size.argmax())
    if size[largest] <= MAX_SIZE:
        return []
    count = int((size > MAX_SIZE).sum())
    return [
        Finding(
            "unscaled_inputs",
            names[largest],
            f"{plural(count, 'input has', 'inputs have')} a root mean square above {MAX_SIZE:g}; that of "
            f'"{names[largest]}" is {size[largest]:.4g}.',
            "Large inputs make large weighted sums: neurons saturate or die, and other columns hardly count.",
            "Scale them to mean 0 and standard deviation 1, put rv.BatchNorm() first, or use rv.train, which does it.",
        )
    ]
