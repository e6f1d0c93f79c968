"""What columns of texts say by themselves: a linear model on each, whose scores are inputs of the networks.

Terms are many and most stand in few rows, so that networks overfit them before they have learned the other columns. A
few scores in their place cannot be overfitted: those of a training row come from a model that has not seen the row
(stacking). Since they are linear in the terms, a network on scores is also one on terms (`with_terms`).

n rows, S columns of the CSR block, N outputs, M scores, P parameters.

Source: Wolpert, "Stacked generalization", Neural Networks 1992.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.network.layers import Dense, LearnedScale
from ranvier.network.losses import Loss
from ranvier.network.losses import loss as find_loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Adam
from ranvier.network.schedules import schedule
from ranvier.network.task import Task
from ranvier.recipes.candidates import trained_parameters
from ranvier.recipes.out_of_fold import possible_folds, row_losses
from ranvier.recipes.recipe import OUTPUT_ACTIVATIONS, TrainingSetup
from ranvier.recipes.term_strength import mean_norm, scaled, term_strengths
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.rows.split import split_rows
from ranvier.training.inference import outputs_of
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.metrics import mean_targets
from ranvier.training.settings import TrainSettings, default_loss
from ranvier.training.standard_error import mean_and_error
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
FOLDS = 5
MIN_ROWS = 10
"""Of fewer rows a model on texts learns nothing that could be judged."""
LEARNING_RATE, BATCH_SIZE = 0.01, 32
MIN_STEPS, MAX_EPOCHS, MAX_STEPS = 500, 8, 4_000


@record(eq=False)
class TextScores:
    """Linear models on columns of texts, z = x W + b, and their scores of rows that they were not trained on.

    Fields:
        weights, biases: W (S, M) and b (M,).
        rows, validation: the scores of the training rows (n, M), each by a model that has not seen it, and those of the
            validation rows, if there are any.
        used, left_out: the names of the columns that have scores, and of those whose texts say nothing.
    """

    weights: Array
    biases: Array
    rows: Array
    validation: Array | None
    used: tuple[str, ...]
    left_out: tuple[str, ...]


def text_scores(setup: TrainingSetup) -> TextScores | None:
    """The scores of all columns in the CSR block that say something about the target.

    A column says something if the log loss (of a regression the squared error) of its model on the rows left out is
    less than that of the class fractions (the mean), by more than the standard error of the difference.

    Parameters:
        setup: of networks on the dense block and the CSR block.

    Returns None where rows are too few, or of too few groups, to leave some out.
    """
    rows, task = setup.rows, setup.task
    n_folds = possible_folds(rows, FOLDS)
    if n_folds < 2 or len(rows) < MIN_ROWS or rows.inputs.entries is None:
        return None
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    folds = split_rows(len(rows), (1.0 / n_folds,) * n_folds, setup.settings.seed, labels, rows.groups)
    weights, biases, own_scores, others = [], [], [], []
    used: list[str] = []
    left_out: list[str] = []
    for name, block in _blocks(setup):
        model = _ColumnModel.fit(setup, block, [fold for fold in folds if len(fold)])
        if not model.is_better_than_constant(task, rows):
            left_out.append(name)
            continue
        used.append(name)
        mean, deviation = model.scores.mean(axis=0), model.scores.std(axis=0)
        scale = 1.0 / np.where(deviation > 0.0, deviation, 1.0)
        column_weights = np.zeros((rows.inputs.n_csr, len(mean)))
        column_weights[block] = model.weights * scale
        weights.append(column_weights)
        biases.append((model.biases - mean) * scale)
        own_scores.append((model.scores - mean) * scale)
        if setup.validation is not None:
            others.append(
                (_linear(setup.settings, model.weights, model.biases, _part(setup.validation.inputs, block)) - mean)
                * scale
            )
    dtype = rows.inputs.dense.dtype
    if not used:
        nothing = np.zeros((len(rows), 0), dtype)
        return TextScores(np.zeros((rows.inputs.n_csr, 0)), np.zeros(0), nothing, None, (), tuple(left_out))
    joined = [np.concatenate(parts, axis=-1).astype(dtype) if parts else None for parts in (own_scores, others)]
    assert joined[0] is not None
    all_weights = np.concatenate(weights, axis=1)
    return TextScores(all_weights, np.concatenate(biases), joined[0], joined[1], tuple(used), tuple(left_out))


def on_scores(setup: TrainingSetup, scores: TextScores) -> TrainingSetup:
    """The same training with scores, behind the dense block, in the place of the CSR block."""
    rows = _beside(setup.rows, scores.rows)
    held = (
        None if setup.validation is None or scores.validation is None else _beside(setup.validation, scores.validation)
    )
    layers = [LearnedScale() if isinstance(layer, LearnedScale) else layer for layer in setup.network.layers]
    network = Network(rows.inputs.n_dense, layers)
    return replace(setup, network=network, settings=setup.settings.on(rows.inputs), rows=rows, validation=held)


def with_terms(flat: Array, on_scores: Network, scores: TextScores, network: Network) -> Array:
    """The parameters (P,) of a network on scores as those of one on the terms, which outputs the same.

    Formula: scores are x W + b, so that weights V on them, times their trained factors f, are W f V on the terms, and
    b f V is added to the bias.

    Parameters:
        flat, on_scores: the parameters and the network on the dense block and the scores.
        network: on the dense block and the CSR block.
    """
    n_dense = network.inputs - len(scores.weights)
    moved = np.zeros(network.parameter_table.size, flat.dtype)
    into, views = network.parameter_table.views(moved), on_scores.parameter_table.views(flat)
    first = next(number for number, layer in enumerate(network.layers) if isinstance(layer, Dense))
    gain = np.ones(len(scores.biases))
    for name, view in views.items():
        if name.endswith(".scale") and view.ndim == 1 and len(view) == on_scores.inputs:
            into[name][:] = view[:n_dense]
            gain *= view[n_dense:]
        elif name == f"layers.{first}.weight":
            into[name][:n_dense] = view[:n_dense]
        else:
            into[name][...] = view
    score_weights = gain[:, None] * views[f"layers.{first}.weight"][n_dense:]
    into[f"layers.{first}.weight"][n_dense:] = scores.weights @ score_weights
    into[f"layers.{first}.bias"][...] += (scores.biases @ score_weights).astype(flat.dtype)
    return moved


@record(eq=False)
class _ColumnModel:
    """The mean of linear models on one column of texts, of which each was trained on all folds but one.

    Fields:
        weights, biases: (S, N) and (N,).
        scores: of each row by the model that has not seen it, (n, N).
    """

    weights: Array
    biases: Array
    scores: Array

    @classmethod
    def fit(cls, setup: TrainingSetup, block: slice, folds: Sequence[NDArray[np.int64]]) -> _ColumnModel:
        """Train a model for each fold that is left out."""
        rows, task = setup.rows, setup.task
        texts = Rows(_part(rows.inputs, block), _standardized(task, rows.targets), rows.weights)
        network = Network(texts.inputs.n_csr, [Dense(task.outputs, OUTPUT_ACTIVATIONS.get(task.kind, "identity"))])
        scores = np.zeros((len(rows), task.outputs))
        weights, biases = np.zeros((texts.inputs.n_csr, task.outputs)), np.zeros(task.outputs)
        for fold in folds:
            learned = texts.take(np.setdiff1d(np.arange(len(rows)), fold, assume_unique=True))
            strengths = term_strengths(task, learned)
            strengths /= mean_norm(scaled(learned.inputs, strengths))
            learned = replace(learned, inputs=scaled(learned.inputs, strengths))
            settings = _settings(setup.settings, default_loss(network, task), len(learned)).on(learned.inputs)
            flat = trained_parameters(network, settings, task, learned)
            views = network.parameter_table.views(flat)
            term_weights, bias = (
                views["layers.0.weight"] * strengths[:, None],
                views["layers.0.bias"].astype(np.float64),
            )
            if task.kind == "multiclass":
                term_weights, bias = term_weights - term_weights.mean(axis=1, keepdims=True), bias - bias.mean()
            scores[fold] = _linear(setup.settings, term_weights, bias, texts.inputs[fold])
            weights += term_weights / len(folds)
            biases += bias / len(folds)
        return cls(weights, biases, scores)

    def is_better_than_constant(self, task: Task, rows: Rows) -> bool:
        """Whether the scores are better than the class fractions, or the mean, by more than a standard error."""
        targets = _standardized(task, rows.targets)
        factor = inverse_temperature(task, probabilities_of(task, self.scores), targets, rows.weights)
        usual = logits_of(task, np.broadcast_to(mean_targets(task, targets, rows.weights), self.scores.shape))
        losses = [row_losses(task, logits, targets) for logits in (usual, factor * self.scores)]
        gain, error = mean_and_error(losses[0] - losses[1], rows.weights)
        return gain > error


def _blocks(setup: TrainingSetup) -> list[tuple[str, slice]]:
    """The columns of texts, each with its part of the CSR block."""
    blocks, start = [], 0
    for encoder in column_encoders(setup.encoder):
        if encoder.csr_width:
            blocks.append((encoder.column, slice(start, start + encoder.csr_width)))
        start += encoder.csr_width
    return blocks or [("the CSR block", slice(0, setup.rows.inputs.n_csr))]


def _part(inputs: Inputs, block: slice) -> Inputs:
    """The columns of one text alone."""
    entries = inputs.entries
    assert entries is not None
    return Inputs(None, entries.columns(block.start, block.stop))


def _beside(rows: Rows, scores: Array) -> Rows:
    """The rows with scores in the place of the CSR block."""
    return replace(rows, inputs=Inputs(np.concatenate([rows.inputs.dense, scores], axis=1)))


def _standardized(task: Task, targets: Array) -> Array:
    """The targets of a regression with mean 0 and standard deviation 1; others as they are."""
    if task.kind != "regression":
        return targets
    deviation = np.nanstd(targets, axis=0)
    return np.asarray(
        (targets - np.nanmean(targets, axis=0)) / np.where(deviation > 0.0, deviation, 1.0), targets.dtype
    )


def _linear(settings: TrainSettings, weights: Array, biases: Array, texts: Inputs) -> Array:
    """x W + b, (n, N)."""
    network = Network(texts.n_csr, [Dense(len(biases))])
    flat = np.concatenate([weights.ravel(), biases]).astype(settings.row_dtype)
    outputs: Array = outputs_of(network, replace(settings.on(texts), loss=find_loss("squared_error")), flat, texts)
    return outputs.astype(np.float64)


def _settings(settings: TrainSettings, loss: Loss, rows: int) -> TrainSettings:
    """How a model on so many rows is trained."""
    epochs = max(min(MAX_EPOCHS, MAX_STEPS * BATCH_SIZE // rows), -(-MIN_STEPS * BATCH_SIZE // rows), 1)
    return replace(
        settings,
        loss=loss,
        optimizer=Adam(LEARNING_RATE),
        schedule=schedule("polynomial"),
        epochs=epochs,
        batch_size=BATCH_SIZE,
        callbacks=(),
    )
