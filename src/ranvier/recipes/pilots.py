"""Pilots: the first networks of an ensemble, whose best epochs decide for how many epochs the others are trained.

Where few epochs are best, a schedule that is too long ends while its learning rate is still high, and all epochs after
the best one are spent on finding out. Along half a cosine from the learning rate to 0 over twice as many epochs, the
learning rates add up to the same as over these epochs at the full one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ranvier.training.runner import RunResult, best_epoch
from ranvier.training.settings import TrainSettings

EPOCHS_PER_BEST = 2
MIN_EPOCHS = 4


def after_pilots(settings: TrainSettings, pilots: Sequence[RunResult]) -> TrainSettings:
    """The settings of the other networks: twice the mean of the pilots' best epochs, and no more epochs than theirs.

    Parameters:
        settings: those of the pilots.
        pilots: how their training went; one at least.
    """
    epochs = epochs_after([best_epoch(pilot.outcome.state) for pilot in pilots])
    return replace(settings, epochs=min(epochs, settings.epochs))


def epochs_after(best: Sequence[int]) -> int:
    """For how many epochs the other networks are trained at most, by the best epochs of the pilots.

    >>> epochs_after([3, 8]), epochs_after([1])
    (11, 4)
    """
    return max(math.ceil(EPOCHS_PER_BEST * sum(best) / len(best)), MIN_EPOCHS)
