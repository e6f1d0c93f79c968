"""Initialise the output biases to the weighted class priors, for weighted rows.

With weights that differ much, small random weights begin far from the class fractions, and a short training does not
reach them.
"""

from __future__ import annotations

import numpy as np

from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.network.task import Task
from ranvier.portable_math import column_sums
from ranvier.rows import Rows
from ranvier.rows.class_numbers import are_class_numbers, class_fractions
from ranvier.training.metrics import mean_targets
from ranvier.training.state import TrainingState, initial_state


def class_prior_state(
    network: Network, optimizer: Optimizer, task: Task, rows: Rows, seed: int
) -> TrainingState | None:
    """The initial state for weighted rows of a task with classes or labels; None for other tasks and without weights.

    The weights are the usual initial ones. The biases of the output layer give the fraction p of each class among the
    weighted rows: log p for softmax, log(p / (1 - p)) for sigmoid, where p stays 1 / (n + 1) away from 0 and 1.

    Parameters:
        network: ends with a dense layer of softmax or sigmoid outputs.
        rows: n rows, targets of 0 and 1.
        seed: of the initial weights.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.optimizers import SGD
    >>> rows = Rows(np.zeros((3, 1)), np.array([[1.0], [0.0], [0.0]]), np.array([2.0, 1.0, 1.0]))
    >>> network = Network(1, [Dense(1, "sigmoid")])
    >>> state = class_prior_state(network, SGD(), Task("binary", 1, ("no", "yes")), rows, seed=0)
    >>> float(network.parameter_table.views(state.engine.parameters)["layers.0.bias"][0])
    0.0
    """
    name = f"layers.{len(network.layers) - 1}.bias"
    if rows.weights is None or task.kind == "regression" or not any(e.name == name for e in network.parameter_table):
        return None
    weights = np.asarray(rows.weights, np.float64)
    if not weights.any():
        return None
    if are_class_numbers(rows.targets):
        fractions = class_fractions(rows.targets, task.outputs, weights)
    elif task.kind == "multilabel" and np.isnan(rows.targets).any():
        fractions = mean_targets(task, rows.targets, weights)
    else:
        fractions = column_sums(weights, rows.targets) / weights.sum()
    margin = 1.0 / (len(weights) + 1)
    fractions = np.clip(fractions, margin, 1.0 - margin)
    state = initial_state(network, optimizer, seed)
    bias = np.log(fractions) if task.kind == "multiclass" else np.log(fractions) - np.log1p(-fractions)
    network.parameter_table.views(state.engine.parameters)[name][:] = bias
    return state
