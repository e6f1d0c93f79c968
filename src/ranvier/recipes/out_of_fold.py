"""What the networks of an ensemble say of the rows that they were not trained on, as the merged network would.

n rows of all folds together, N outputs, K networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.held_out import HeldOut
from ranvier.training.inference import compile_for_inference
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.settings import TrainSettings

Array = NDArray[Any]
MIN_SHARE = 0.6
"""The errors of an ensemble are taken to be at least this share of those of its networks."""
MAX_ROWS = 2_000
"""So many rows of each fold tell how large that share is."""


@record(eq=False)
class Member:
    """A trained network of an ensemble.

    Fields:
        parameters: flat, (P,).
        held: its validation rows.
        outputs: what it outputs for these, (rows, N).
    """

    parameters: Array
    held: Rows
    outputs: Array


def held_out_rows(
    network: Network, settings: TrainSettings, task: Task, members: Sequence[Member], inverse_temperature: float
) -> HeldOut | None:
    """Outputs for the rows that stood outside training, in the calibration of the merged network.

    Where all networks have the same validation rows, the outputs are those of the merged network. Where each has a fold
    of its own, a row has the output of the network that was not trained on it. Such a network alone errs more than all
    together; for numbers that are no quantiles, its errors are made smaller by the share that `merged_share` finds.

    Parameters:
        network, settings: of one network.
        members: the networks; of several that left out the same rows of another division, the first.
        inverse_temperature: the factor of the merged network's logits.
    """
    if not members:
        return None
    held = [member.held for member in members]
    weights = [rows.weights for rows in held if rows.weights is not None]
    if all(rows is held[0] for rows in held):
        logits = np.mean([logits_of(task, member.outputs) for member in members], axis=0)
        merged = HeldOut(probabilities_of(task, logits), held[0].targets, held[0].weights)
        return merged.calibrated(task, inverse_temperature)
    outputs = np.concatenate([member.outputs for member in members])
    targets = np.concatenate([rows.targets for rows in held])
    if task.kind == "regression" and settings.loss.units.output == "identity" and not settings.loss.levels:
        outputs = targets - merged_share(_all_errors(network, settings, members)) * (targets - outputs)
    joined = HeldOut(outputs, targets, np.concatenate(weights) if weights else None, folds=True)
    return joined.calibrated(task, inverse_temperature)


def _all_errors(network: Network, settings: TrainSettings, members: Sequence[Member]) -> list[Array]:
    """The errors of all networks on each fold, one array (K, rows, N) for each."""
    parts = [member.held.take(np.arange(0, len(member.held), len(member.held) // MAX_ROWS + 1)) for member in members]
    errors = [np.empty((len(members), *part.targets.shape)) for part in parts]
    for number, member in enumerate(members):
        executable = compile_for_inference(network, settings, member.parameters, parts[0].inputs)
        for part, into in zip(parts, errors, strict=True):
            into[number] = part.targets - executable.outputs(part.inputs)
        executable.close()
    return errors


def merged_share(errors: Sequence[Array]) -> float:
    """How large the errors of the mean of K networks are on new rows, as a share of those of one network.

    Formula: (mean squared error of one network) = (that of the mean of all) + (spread of the networks around their
    mean), where all are of new rows. A row is new to one network only, so that the spread is measured among the others,
    which were trained on it and are a little more alike there: errors are rather taken too large than too small.

    Parameters:
        errors: of all K networks on the fold that network k was not trained on, (K, rows, N), for each k.

    Returns a number from 0.6 to 1.

    Source: Krogh, Vedelsby, "Neural network ensembles, cross validation, and active learning", 1995.

    >>> noise = np.random.default_rng(0).standard_normal((4, 4, 5000, 1))
    >>> round(merged_share(list(noise)), 1)
    0.6
    >>> merged_share([np.ones((4, 500, 1))] * 4)
    1.0
    """
    count = len(errors)
    own = [np.square(of_all[fold]) for fold, of_all in enumerate(errors)]
    square = float(np.nanmean(np.concatenate(own)))
    if count < 3 or not square > 0:
        return 1.0
    others = [np.delete(of_all, fold, axis=0).var(axis=0, ddof=1) for fold, of_all in enumerate(errors)]
    spread = (1 - 1 / count) * float(np.nanmean(np.concatenate(others)))
    return float(np.sqrt(np.clip(1 - spread / square, MIN_SHARE**2, 1.0)))
