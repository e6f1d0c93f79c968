"""Scores of what networks on distorted pictures output for rows left out, and which of them are clearly better.

n rows, N outputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import row_losses
from ranvier.rows import Rows
from ranvier.training.logits import logits_of
from ranvier.training.standard_error import mean_and_error
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
MISLED = 2.0
"""By so many standard errors pictures are better than their mirror images where these mislead."""


def is_better(
    task: Task, first: Array, second: Array, targets: Array, weights: Array | None, margin: float = 1.0
) -> bool:
    """Whether the second outputs are better than the first by more than so many standard errors."""
    if not task.is_classifier:
        errors = [np.nanmean((outputs - targets) ** 2, axis=1) for outputs in (first, second)]
        gain, error = mean_and_error(errors[0] - errors[1], weights)
        return gain > margin * error
    actual = class_indices(task, targets)
    right = [class_indices(task, outputs) == actual for outputs in (first, second)]
    won = (right[1].astype(np.float64) - right[0]) * (1.0 if weights is None else weights)
    return bool(won.sum() > margin * math.sqrt(np.square(won).sum()))


def suits_mirror_images(
    task: Task, augmentation: str, outputs: Array, mirrored: Array, targets: Array, weights: Array | None
) -> bool:
    """Whether an augmentation, "flip" or "affine", suits what a network without copies says of mirror images.

    Where it is right about clearly fewer of them than about the pictures, mirror images mislead, and "affine" may be
    better than "flip"; elsewhere "flip" may be better than "affine".

    Parameters:
        outputs, mirrored: for the pictures left out and for their mirror images, (n, N).
        targets, weights: of these rows.
    """
    misled = is_better(task, mirrored, outputs, targets, weights, MISLED)
    return misled == (augmentation == "affine")


def score_of(task: Task, outputs: Array, targets: Array, weights: Array | None) -> float:
    """Accuracy, or minus the mean squared error, by the weights of the rows, of the first rows that have outputs."""
    targets, weights = targets[: len(outputs)], None if weights is None else weights[: len(outputs)]
    if task.is_classifier:
        return float(np.average(class_indices(task, outputs) == class_indices(task, targets), weights=weights))
    errors = (outputs - targets) ** 2
    if weights is None:
        return -float(np.nanmean(errors))
    finite = ~np.isnan(errors)
    return -float(np.average(errors[finite], weights=np.broadcast_to(weights[:, None], errors.shape)[finite]))


def calibrated_loss(task: Task, outputs: Array, targets: Array, weights: Array | None) -> float:
    """The mean log loss of calibrated outputs, or the mean squared error, by the weights of the rows."""
    factor = inverse_temperature(task, outputs, targets, weights)
    return mean_and_error(row_losses(task, factor * logits_of(task, outputs), targets), weights)[0]


def written(task: Task, score: float) -> str:
    """A score in a sentence."""
    return f"{score:.1%}" if task.is_classifier else f"{-score:.4g}"


def still_compared(
    task: Task, augmentations: Sequence[str], outputs: Mapping[str, Sequence[Array]], parts: Sequence[Rows]
) -> list[str]:
    """The augmentations without those that make copies, which takes time, and are behind the usual one so far.

    To be taken they would have to become better than it by more than chance.
    """
    if not parts:
        return list(augmentations)
    targets = np.concatenate([part.targets for part in parts])
    weights = [part.weights for part in parts if part.weights is not None]
    row_weights = np.concatenate(weights) if weights else None
    scores = {name: score_of(task, np.concatenate(outputs[name]), targets, row_weights) for name in augmentations}
    every = {name: len(outputs[name]) == len(parts) for name in augmentations}
    least = scores[augmentations[0]]
    return [name for name in augmentations if name == "none" or (every[name] and scores[name] >= least)]
