"""A linear model on the same inputs: what a network has to be better than. n rows, N outputs, P parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import RanvierError
from ranvier.network.layers import Dense, Rescale
from ranvier.network.network import Network
from ranvier.network.optimizers import LBFGS
from ranvier.network.schedules import schedule
from ranvier.network.task import Task
from ranvier.recipes.candidates import trained_parameters
from ranvier.recipes.recipe import OUTPUT_ACTIVATIONS
from ranvier.rows import Inputs, Rows, Windows
from ranvier.rows.some_rows import random_rows
from ranvier.training.inference import uncompiled
from ranvier.training.settings import TrainSettings, default_loss

Array = NDArray[Any]
STEPS = 40
EVALUATIONS = 14 * STEPS
"""Gradients that the line searches of so many steps take."""
MAX_CELLS = 6_000_000
"""So many inputs of all rows together are learned from; of more rows some are drawn."""
MIN_ROWS = 20
MAX_PARAMETERS = 500_000
BYTE_STEP = 1 / 255


def linear_baseline(settings: TrainSettings, task: Task, rows: Rows) -> tuple[Network, Array] | None:
    """A logistic or ridge regression on encoded rows, and its flat parameters (P,).

    Formula: z = x W + b; the mean loss over the rows plus |W|^2 / (2 n) is made as small as 40 steps of L-BFGS make it,
    which is scikit-learn's LogisticRegression, or Ridge, with the penalty of its default.

    Parameters:
        settings: of the networks; loss, engine, precision and threads count.
        task: what to learn.
        rows: training rows as the networks got them; bytes count as 0 to 1.

    Returns None for very few rows, for windows of a text, very many parameters, and where no such model can be trained.

    >>> import ranvier as rv
    >>> from ranvier.data import prepare
    >>> settings = rv.train("iris", recipe="plain", epochs=1, engine="reference").training
    >>> prepared = prepare("iris")
    >>> network, parameters = linear_baseline(settings, prepared.task, prepared.train)
    >>> parameters.shape
    (15,)
    """
    width = rows.inputs.shape[1]
    if len(rows) < MIN_ROWS or isinstance(rows.inputs.csr, Windows) or (width + 1) * task.outputs > MAX_PARAMETERS:
        return None
    rows = rows_to_learn(rows)
    activation = OUTPUT_ACTIVATIONS.get(task.kind, "identity")
    if task.kind == "regression" and settings.loss.units.output != "identity":
        return None
    bytes_first = [Rescale(BYTE_STEP)] if rows.inputs.dense.dtype == np.uint8 and not rows.inputs.n_csr else []
    network = Network(width, [*bytes_first, Dense(task.outputs, activation, l2=1.0 / len(rows))])
    products = 2 * EVALUATIONS * len(rows) * max(_cells_of_a_row(rows.inputs), 1) * task.outputs
    steps = replace(
        uncompiled(settings, products).on(rows.inputs),
        loss=default_loss(network, task),
        optimizer=LBFGS(),
        schedule=schedule("constant"),
        epochs=STEPS,
        callbacks=(),
    )
    try:
        return network, trained_parameters(network, steps, task, rows)
    except (RanvierError, KeyboardInterrupt):
        # The network is trained already; Ctrl-C ends the comparison alone.
        return None


def rows_to_learn(rows: Rows) -> Rows:
    """The rows in memory, or as many of them, drawn by chance, as there is time for."""
    cells = max(_cells_of_a_row(rows.inputs), 1)
    count = max(MAX_CELLS // cells, MIN_ROWS)
    some = rows if len(rows) <= count else rows.take(random_rows(len(rows), count))
    return replace(some, inputs=some.inputs.in_memory())


def _cells_of_a_row(inputs: Inputs) -> int:
    return inputs.n_dense + (inputs.mean_nnz or 0)
