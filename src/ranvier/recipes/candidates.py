"""Choosing between networks on different features of the same rows, by rows or groups that are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.network.layers import Layer, Rescale
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.ensemble_calibration import calibration_of_mean, enough_parts, mean_of
from ranvier.recipes.linear_beside import mean_outputs
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.split import split_rows
from ranvier.training.held_out import HeldOut
from ranvier.training.inference import outputs_of
from ranvier.training.loop import final_parameters
from ranvier.training.runner import run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.standard_error import mean_and_error
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
MIN_ROWS = 40
"""For fewer rows a comparison would be chance."""
LINEAR_RATE = 5.0
"""How many times the learning rate of the networks a linear model has."""
MAX_ROWS, ENOUGH_ROWS, FOLDS = 8_000, 600, 5
WITH_LINEAR = "with linear"
"""The mean of a network and a linear model."""


@record(eq=False)
class Candidate:
    """A network, and how it is trained on which features.

    Fields:
        network, settings: what it is and how it is trained.
        features: of all rows, shape (B, K).
        held_features: of the validation rows, shape (V, K); None where there are none.
    """

    network: Network
    settings: TrainSettings
    features: Array
    held_features: Array | None = None


@record
class Choice:
    """The best candidate.

    Fields:
        name: its name.
        inverse_temperature: the factor that calibrates its logits, from the rows that were left out.
        scores: name -> accuracy, or for other tasks minus the mean squared error, by the weights of the rows; empty
            where nothing was compared.
        n_rows, n_groups: how many rows and groups were left out; 0 groups where rows have none.
        held_out: the outputs of the candidate for these rows, with the temperature; None for no rows.
        linear_factor: of the logits of the linear model in a mean; 1 for others.
    """

    name: str
    inverse_temperature: float
    scores: Mapping[str, float]
    n_rows: int = 0
    n_groups: int = 0
    held_out: HeldOut | None = None
    linear_factor: float = 1.0


def choose_candidate(
    candidates: Mapping[str, Candidate],
    rows: Rows,
    task: Task,
    seed: int,
    validation: Rows | None = None,
    mean_with: tuple[str, str] | None = None,
    n_networks: int = 1,
    second: Callable[[], Mapping[str, Candidate]] | None = None,
) -> Choice:
    """The candidate with the best score on rows that are left out, or the first where none is clearly better.

    Clearly is by more than one standard error of the difference, row by row (Breiman's
    rule). Rows of a group are left out together. With one candidate, what is found is its temperature. Rows count by
    their weights.

    Parameters:
        candidates: by name, the preferred one first.
        rows: targets, weights and groups.
        task: what to learn.
        seed: of the folds.
        validation: rows to compare on, whose features the candidates hold; None to leave out some of the others.
        mean_with: a candidate and a linear one, whose mean is a candidate called `WITH_LINEAR`, too; None for no mean.
        n_networks: how many networks like the chosen one are merged.
        second: what gives the candidates for the second of them, with which the temperature of their mean is found;
            None where one is trained.
    """
    first = next(iter(candidates))
    one_group = validation is None and rows.groups is not None and len(np.unique(rows.groups)) < 2
    if len(rows) < MIN_ROWS or one_group:
        return Choice(first, 1.0, {})
    outputs: dict[str, list[Array]] = {name: [] for name in candidates}
    others = rows if validation is None else validation
    folds = list(_folds(rows, task, seed) if validation is None else _against(rows, validation, task, seed))
    compared = [left_out for _, left_out in folds]
    for learned, left_out in folds:
        for name, candidate in candidates.items():
            outputs[name].append(_outputs(candidate, rows, task, learned, left_out))
    index = np.concatenate(compared)
    expected, weights = others.targets[index], None if others.weights is None else others.weights[index]
    held_groups = 0 if others.groups is None else sum(len(np.unique(others.groups[left_out])) for left_out in compared)
    joined, linear_factor = {name: np.concatenate(parts) for name, parts in outputs.items()}, 1.0
    if mean_with is not None:
        hidden, linear = (joined[name] for name in mean_with)
        joined[WITH_LINEAR], linear_factor = mean_outputs(task, hidden, linear, expected, weights)
    merits = {name: _merits(task, output, expected) for name, output in joined.items()}
    scores = {name: mean_and_error(values, weights)[0] for name, values in merits.items()}
    ahead = {name: mean_and_error(values - merits[first], weights) for name, values in merits.items()}
    clearly = [name for name, (gain, error) in ahead.items() if gain > error]
    best = max(clearly or [first], key=lambda name: scores[name])
    of_best = joined[best]
    if second is not None and n_networks > 1:
        again, names = second(), mean_with if best == WITH_LINEAR and mean_with else (best,)
        some = enough_parts(folds, (len(left_out) for left_out in compared))
        parts = [np.concatenate([_outputs(again[name], rows, task, *fold) for fold in some]) for name in names]
        fractions = (1.0,) if len(names) == 1 else (0.5, 0.5 * linear_factor)
        of_second = mean_of(task, parts, fractions)
        factor, held_out = calibration_of_mean(task, of_best, of_second, expected, weights, n_networks)
        return Choice(best, factor, scores, len(expected), held_groups, held_out, linear_factor)
    factor = inverse_temperature(task, of_best, expected, weights) if task.is_classifier else 1.0
    held_out = HeldOut(of_best, expected, weights, folds=True).calibrated(task, factor)
    return Choice(best, factor, scores, len(expected), held_groups, held_out, linear_factor)


def _against(
    rows: Rows, validation: Rows, task: Task, seed: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and validation rows to compare on, MAX_ROWS of each at most."""
    drawn = []
    for part in (rows, validation):
        labels = class_indices(task, part.targets) if task.is_classifier else None
        fraction = min(1.0, MAX_ROWS / len(part))
        drawn.append(split_rows(len(part), (fraction, 1.0 - fraction), seed, labels)[0])
    yield drawn[0], drawn[1]


def _folds(rows: Rows, task: Task, seed: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and rows to compare on: each fold once, or as many folds as give enough rows."""
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    index = np.arange(len(rows))
    if len(rows) > MAX_ROWS:
        fraction = MAX_ROWS / len(rows)
        index = split_rows(len(rows), (fraction, 1.0 - fraction), seed, labels)[0]
        labels = None if labels is None else labels[index]
    groups = None if rows.groups is None else rows.groups[index]
    n_folds = FOLDS if groups is None else min(FOLDS, len(np.unique(groups)))
    parts = split_rows(len(index), (1.0 / n_folds,) * n_folds, seed, labels, groups)
    if groups is None:
        parts = parts[: max(-(-ENOUGH_ROWS * FOLDS // len(index)), 1)]
    for part in parts:
        if 0 < len(part) < len(index):
            yield index[np.setdiff1d(np.arange(len(index)), part, assume_unique=True)], index[part]


def _outputs(
    candidate: Candidate, rows: Rows, task: Task, learned: NDArray[np.int64], held_out: NDArray[np.int64]
) -> Array:
    """What a candidate, trained on some rows, outputs for others."""
    network, settings = candidate.network, replace(candidate.settings, callbacks=())
    weights = None if rows.weights is None else rows.weights[learned]
    flat = trained_parameters(
        network, settings, task, Rows(candidate.features[learned], rows.targets[learned], weights)
    )
    others = candidate.features if candidate.held_features is None else candidate.held_features
    return outputs_of(network, settings, flat, Rows(others[held_out], np.zeros((len(held_out), 1))).inputs)


def trained_parameters(network: Network, settings: TrainSettings, task: Task, rows: Rows) -> Array:
    """The parameters (P,) of a network that is only trained to be compared, without events.

    Raises:
        KeyboardInterrupt: Ctrl-C came; half a comparison chooses nothing.
    """
    outcome = run_training(network, settings, task, rows).outcome
    if outcome.reason == "interrupted":
        raise KeyboardInterrupt
    return final_parameters(outcome.state, settings.optimizer, network)


def linear_layers(network: Network) -> list[Layer]:
    """The layers of a network of the same inputs and outputs without hidden layers.

    >>> from ranvier.network.layers import Dense
    >>> [layer.units for layer in linear_layers(Network(2, [Dense(3, "relu"), Dense(1)]))]
    [1]
    """
    return [*(layer for layer in network.layers if isinstance(layer, Rescale)), network.layers[-1]]


def linear_settings(settings: TrainSettings) -> TrainSettings:
    """How a linear model is trained, which has no neurons to break: with a larger learning rate than networks."""
    optimizer: Any = settings.optimizer
    if not hasattr(optimizer, "learning_rate"):
        return settings
    return replace(settings, optimizer=replace(optimizer, learning_rate=LINEAR_RATE * optimizer.learning_rate))


def _merits(task: Task, outputs: Array, targets: Array) -> Array:
    """Whether each row is right, or minus its mean squared error, shape (B,)."""
    if task.is_classifier:
        merits: Array = (class_indices(task, outputs) == class_indices(task, targets)).astype(np.float64)
        return merits
    errors: Array = np.asarray(np.nanmean(np.square(outputs - targets), axis=1, dtype=np.float64))
    return -errors
