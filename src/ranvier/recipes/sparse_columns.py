"""How networks of an ensemble see columns of texts beside others: judged on rows outside training.

Columns whose texts say nothing are left out, so that a table with texts is no worse than one without. Of the others
some networks see the terms and as many see scores (`text_scores`): terms are best where they tell rows apart, such as
the name of a product, scores where there are many terms for the rows, such as a review.

n rows, N outputs, S columns of the CSR block, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import Member, first_left_out, row_losses
from ranvier.recipes.recipe import TrainingSetup
from ranvier.recipes.term_strength import scaled
from ranvier.recipes.text_scores import TextScores, on_scores, text_scores, with_terms
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.standard_error import mean_and_error
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
SCALE = 0.3
"""What terms beside a dense block are multiplied with: their weights, of which a row has many, then learn slower."""
TERMS, SCORES, DENSE, ALL = "terms", "scores", "dense", "all"
"""Networks that see the terms of texts or their scores, the dense block alone, or all inputs without a choice."""


@record(eq=False)
class View:
    """What networks of an ensemble see of the inputs.

    Fields:
        name: `TERMS`, `SCORES`, `DENSE` or `ALL`.
        setup: their training.
        on_inputs: from the parameters of a network, itself, and the same layers on all inputs, to the parameters of the
            latter with which it outputs the same.
    """

    name: str
    setup: TrainingSetup
    on_inputs: Callable[[Array, Network, Network], Array]


def whole_view(setup: TrainingSetup) -> View:
    """Networks that see all inputs as they are."""
    return View(ALL, setup, lambda flat, on_view, on_all: flat)


def views_of(setup: TrainingSetup) -> tuple[tuple[View, ...], tuple[str, ...]]:
    """What networks see, one or two views, and a sentence on the columns of texts if there are any beside others.

    Where rows are too few to judge by, all networks see all inputs.
    """
    scores = text_scores(setup) if 0 < setup.rows.inputs.n_csr < setup.network.inputs else None
    if scores is None:
        return (whole_view(setup),), ()
    n_dense = setup.rows.inputs.n_dense
    if not scores.used:
        return (View(DENSE, on_dense_block(setup), with_zeros),), (_note(scores),)
    factors = np.where(scores.weights.any(axis=1), SCALE, 0.0).astype(np.float32)

    def as_it_is(flat: Array, on_view: Network, on_all: Network) -> Array:
        return for_block_as_it_is(flat, on_all, n_dense, factors)

    def on_terms(flat: Array, on_view: Network, on_all: Network) -> Array:
        return with_terms(flat, on_view, scores, on_all)

    on_scaled_terms, scores_setup = with_factors(setup, factors), on_scores(setup, scores)
    return (View(TERMS, on_scaled_terms, as_it_is), View(SCORES, scores_setup, on_terms)), (_note(scores),)


def with_factors(setup: TrainingSetup, factors: Array) -> TrainingSetup:
    """The same training with each column of the CSR block times a factor, (S,)."""
    all_factors = np.concatenate([np.ones(setup.network.inputs - len(factors), np.float32), factors])
    rows, unscaled = setup.rows, setup.validation
    learned = replace(rows, inputs=scaled(rows.inputs, all_factors))
    validation = None if unscaled is None else replace(unscaled, inputs=scaled(unscaled.inputs, all_factors))
    return replace(setup, rows=learned, validation=validation)


def for_block_as_it_is(flat: Array, network: Network, n_dense: int, factors: Array) -> Array:
    """The parameters (P,) for a CSR block without the factors (S,)."""
    moved = flat.copy()
    first = next(number for number, layer in enumerate(network.layers) if isinstance(layer, Dense))
    weight = network.parameter_table.views(moved)[f"layers.{first}.weight"]
    weight[n_dense:] *= factors[:, None].astype(flat.dtype)
    return moved


def on_dense_block(setup: TrainingSetup) -> TrainingSetup:
    """The same training without the CSR block."""
    rows = dense_rows(setup.rows)
    network = Network(rows.inputs.n_dense, setup.network.layers)
    validation = None if setup.validation is None else dense_rows(setup.validation)
    return replace(setup, network=network, settings=setup.settings.on(rows.inputs), rows=rows, validation=validation)


def dense_rows(rows: Rows) -> Rows:
    """The rows without their CSR block."""
    return replace(rows, inputs=Inputs(rows.inputs.block))


def choose_views(task: Task, members: Mapping[str, Sequence[Member]]) -> tuple[tuple[str, ...], list[Member], str]:
    """The views whose networks are merged, their outputs for the rows outside training, and a sentence on the choice.

    Both are, unless one alone has a smaller loss by more than the standard error of the difference. Losses are those of
    calibrated outputs.

    Parameters:
        members: networks on the terms and as many on the scores, on the same validation rows one by one.

    >>> validation = Rows(np.zeros((2, 1)), np.array([[1.0], [2.0]]))
    >>> right, wrong = Member(validation, validation.targets), Member(validation, np.array([[9.0], [8.0]]))
    >>> choose_views(Task("regression", 1), {"terms": [right], "scores": [wrong]})[0]
    ('terms',)
    """
    both = (TERMS, SCORES)
    mean = [
        Member(
            first.validation,
            probabilities_of(task, (logits_of(task, first.outputs) + logits_of(task, second.outputs)) / 2),
            first.index,
        )
        for first, second in zip(*(members[name] for name in both), strict=True)
    ]
    options = {both: mean, (TERMS,): list(members[TERMS]), (SCORES,): list(members[SCORES])}
    weights = _joined([member.validation.weights for member in mean])
    weights = None if weights is None else weights[first_left_out(mean)]
    losses = {names: _losses(task, outputs, weights) for names, outputs in options.items()}
    means = {names: mean_and_error(values, weights)[0] for names, values in losses.items()}
    best = min(means, key=lambda names: means[names])
    gain, error = mean_and_error(losses[both] - losses[best], weights)
    best = both if gain <= error else best
    what = {
        both: "Networks on the terms of the texts and networks on their scores are merged",
        (TERMS,): "Networks see the terms of the texts",
        (SCORES,): "Networks see scores of the texts",
    }
    measure = "squared error" if task.kind == "regression" else "log loss"
    note = (
        f"{what[best]}: {measure} {means[TERMS,]:.4g} on terms, {means[SCORES,]:.4g} on scores, {means[both]:.4g} of "
        f"the mean, on {len(losses[both]):,} rows left out."
    )
    return best, options[best], note


def with_zeros(flat: Array, on_dense: Network, on_all: Network) -> Array:
    """The parameters (P,) of a network on the dense block as those of one on all columns, whose others weigh 0.

    >>> with_zeros(np.array([2.0, 1.0]), Network(1, [Dense(1)]), Network(3, [Dense(1)])).tolist()
    [2.0, 0.0, 0.0, 1.0]
    """
    moved = np.zeros(on_all.parameter_table.size, flat.dtype)
    into = on_all.parameter_table.views(moved)
    for name, view in on_dense.parameter_table.views(flat).items():
        into[name][: len(view)] = view
    return moved


def _losses(task: Task, members: Sequence[Member], weights: Array | None) -> NDArray[np.float64]:
    """The loss of each row that networks left out, by the first of these, with one temperature for all, (n,)."""
    is_first = first_left_out(members)
    outputs = np.concatenate([member.outputs for member in members])[is_first]
    targets = np.concatenate([member.validation.targets for member in members])[is_first]
    factor = inverse_temperature(task, outputs, targets, weights)
    return row_losses(task, factor * logits_of(task, outputs), targets)


def _joined(parts: Sequence[Array | None]) -> Array | None:
    """Weights of several networks' rows one after the other; None for none."""
    there = [part for part in parts if part is not None]
    return np.concatenate(there) if there else None


def _note(scores: TextScores) -> str:
    """Which texts say something, in a sentence."""
    used, left_out = (" and ".join(f'"{name}"' for name in names) for names in (scores.used, scores.left_out))
    if not left_out:
        return f"Texts that say something by themselves, on rows left out: {used}."
    what = "are left out, since their texts say" if len(scores.left_out) > 1 else "is left out, since its texts say"
    return f"{left_out} {what} nothing on rows left out{f'; {used} counts' if used else ''}."
