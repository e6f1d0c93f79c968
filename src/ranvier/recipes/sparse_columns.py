"""Whether networks of an ensemble see the CSR block, such as terms of texts: judged on rows outside training.

Terms are many, so that networks overfit them before they have learned the other columns. Networks on
the dense block alone cost little beside the others. n rows, N outputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.candidates import mean_and_error
from ranvier.recipes.out_of_fold import Member, row_losses
from ranvier.recipes.recipe import TrainingSetup
from ranvier.recipes.term_strength import scaled
from ranvier.rows import Inputs, Rows
from ranvier.training.logits import logits_of, probabilities_of

Array = NDArray[Any]
SCALE = 0.3
"""What a CSR block beside a dense one is multiplied with: its weights, of which a row has many, then learn slower."""
BOTH, ALL, DENSE = "both", "all", "dense"
"""Which networks are merged: those on all columns and those on the dense block, or one of the two kinds."""


def with_slower_block(setup: TrainingSetup) -> TrainingSetup:
    """The same training with the CSR block times `SCALE`."""
    factors = np.full(setup.network.inputs, SCALE, np.float32)
    rows, unscaled = setup.rows, setup.validation
    slower = replace(rows, inputs=scaled(rows.inputs, factors))
    validation = None if unscaled is None else replace(unscaled, inputs=scaled(unscaled.inputs, factors))
    return replace(setup, rows=slower, validation=validation)


def for_block_as_it_is(flat: Array, network: Network, n_dense: int) -> Array:
    """The parameters (P,) for a CSR block without the factor, in place."""
    first = next(number for number, layer in enumerate(network.layers) if isinstance(layer, Dense))
    network.parameter_table.views(flat)[f"layers.{first}.weight"][n_dense:] *= np.asarray(SCALE, flat.dtype)
    return flat


def on_dense_block(setup: TrainingSetup) -> TrainingSetup:
    """The same training without the CSR block."""
    rows = dense_rows(setup.rows)
    network = Network(rows.inputs.n_dense, setup.network.layers)
    validation = None if setup.validation is None else dense_rows(setup.validation)
    return replace(setup, network=network, settings=setup.settings.on(rows.inputs), rows=rows, validation=validation)


def dense_rows(rows: Rows) -> Rows:
    """The rows without their CSR block."""
    return replace(rows, inputs=Inputs(rows.inputs.dense))


def choose_columns(task: Task, on_all: Sequence[Member], on_dense: Sequence[Member]) -> tuple[str, list[Member], str]:
    """Which networks are merged, what they say of the rows outside training, and a sentence on the choice.

    Both kinds are, unless one alone has a smaller loss by more than the standard error of the difference.

    Parameters:
        on_all, on_dense: networks with and without the CSR block, on the same validation rows one by one.

    >>> validation = Rows(np.zeros((2, 1)), np.array([[1.0], [2.0]]))
    >>> right, wrong = Member(validation, validation.targets), Member(validation, np.array([[9.0], [8.0]]))
    >>> choose_columns(Task("regression", 1), [right], [wrong])[0]
    'all'
    """
    mean = [
        Member(
            first.validation,
            probabilities_of(task, (logits_of(task, first.outputs) + logits_of(task, second.outputs)) / 2),
        )
        for first, second in zip(on_all, on_dense, strict=True)
    ]
    options = {BOTH: mean, ALL: list(on_all), DENSE: list(on_dense)}
    losses = {name: _losses(task, members) for name, members in options.items()}
    own = [member.validation.weights for member in on_all if member.validation.weights is not None]
    weights = np.concatenate(own) if own else None
    means = {name: mean_and_error(values, weights)[0] for name, values in losses.items()}
    best = min(means, key=lambda name: means[name])
    gain, error = mean_and_error(losses[BOTH] - losses[best], weights)
    if gain <= error:
        best = BOTH
    what = {
        BOTH: "Networks on all columns and networks without the texts are merged",
        ALL: "All networks see the texts",
        DENSE: "The texts are left out",
    }
    measure = "squared error" if task.kind == "regression" else "log loss"
    note = (
        f"{what[best]}: {measure} {means[ALL]:.4g} with the texts, {means[DENSE]:.4g} without, {means[BOTH]:.4g} of "
        f"the mean, on {len(losses[BOTH]):,} rows left out."
    )
    return best, options[best], note


def with_zeros(flat: Array, on_dense: Network, on_all: Network) -> Array:
    """The parameters (P,) of a network on the dense block as those of one on all columns, whose others weigh 0.

    >>> from ranvier.network.layers import Dense
    >>> with_zeros(np.array([2.0, 1.0]), Network(1, [Dense(1)]), Network(3, [Dense(1)])).tolist()
    [2.0, 0.0, 0.0, 1.0]
    """
    moved = np.zeros(on_all.parameter_table.size, flat.dtype)
    into = on_all.parameter_table.views(moved)
    for name, view in on_dense.parameter_table.views(flat).items():
        into[name][: len(view)] = view
    return moved


def _losses(task: Task, members: Sequence[Member]) -> NDArray[np.float64]:
    """The loss of each validation row of each network, (n,)."""
    return np.concatenate(
        [row_losses(task, logits_of(task, member.outputs), member.validation.targets) for member in members]
    )
