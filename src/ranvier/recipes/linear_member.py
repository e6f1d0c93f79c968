"""A linear model beside an ensemble on columns of pictures, recordings or texts: judged on the same rows left out.

Such columns have many more features than there are rows, of which networks learn less than a linear model with a
penalty does.

n rows, K inputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.candidates import WITH_LINEAR
from ranvier.recipes.linear_baseline import linear_baseline, rows_to_learn
from ranvier.recipes.linear_beside import all_beside_linear, mean_outputs, passes_linear
from ranvier.recipes.merge import merge_networks
from ranvier.recipes.out_of_fold import Member, first_left_out, member_splits, row_losses
from ranvier.recipes.recipe import TrainingSetup
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.rows.some_rows import random_rows
from ranvier.training.inference import outputs_of
from ranvier.training.logits import logits_of
from ranvier.training.settings import default_loss
from ranvier.training.standard_error import mean_and_error
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
NETWORKS, LINEAR = "networks", "linear"
KINDS = frozenset({"image", "sound", "text"})
"""Kinds of columns beside which a linear model is judged."""
SAMPLED = 2_000
"""Rows from which the sizes of the inputs are taken."""
WORDS = {
    NETWORKS: "Networks without a linear model are taken",
    WITH_LINEAR: "A linear model is merged with the networks",
    LINEAR: "A linear model is taken alone",
}


@record(eq=False)
class LinearChoice:
    """Whether a linear model stands beside the networks, or alone.

    Fields:
        name: `NETWORKS`, `WITH_LINEAR` or `LINEAR`.
        network, parameters: the linear model, trained on all rows, on the inputs that it was judged on.
        factor: of its logits in the mean.
        members: what was chosen, on the rows that were left out.
        note: the choice in a sentence.
    """

    name: str
    network: Network
    parameters: Array
    factor: float
    members: list[Member]
    note: str


def has_wide_columns(setup: TrainingSetup) -> bool:
    """Whether a column of pictures, recordings or texts is among the inputs."""
    return any(encoder.kind in KINDS for encoder in column_encoders(setup.encoder))


def choose_linear(
    setup: TrainingSetup, members: Sequence[Member], n_folds: int, overlap: bool = True
) -> LinearChoice | None:
    """The networks, unless a linear model or the mean of both has a smaller loss by more than the standard error.

    Parameters:
        setup: of the networks, on the inputs that the linear model gets.
        members: the outputs of networks for the validation rows of theirs, in the order of `member_splits`.
        n_folds, overlap: as for `member_splits`.

    Returns None where no linear model can be trained, or the loss is not the usual one.
    """
    task, settings = setup.task, setup.settings
    if not members or settings.loss != default_loss(setup.network, task):
        return None
    n_compared = 1 if setup.validation is not None else min(len(members), n_folds)
    compared = members[:n_compared]
    factors = column_factors(setup)
    outputs = []
    division = (task, setup.rows, setup.validation, n_compared, n_folds, settings.seed, overlap)
    for learned, held in member_splits(*division):
        model = balanced_linear(setup, learned, factors)
        if model is None or held is None:
            return None
        outputs.append(outputs_of(model[0], settings.on(held.inputs), model[1], held.inputs))
    final = balanced_linear(setup, setup.rows, factors)
    if final is None:
        return None
    targets = np.concatenate([member.validation.targets for member in compared])
    row_weights = [member.validation.weights for member in compared if member.validation.weights is not None]
    weights = np.concatenate(row_weights) if row_weights else None
    options = {NETWORKS: np.concatenate([member.outputs for member in compared]), LINEAR: np.concatenate(outputs)}
    mean, factor = mean_outputs(task, options[NETWORKS], options[LINEAR], targets, weights)
    if passes_linear(setup.network):
        options[WITH_LINEAR] = mean
    first, first_weights = first_left_out(compared), weights
    if weights is not None:
        first_weights = weights[first]
    losses = {name: _losses(task, values[first], targets[first], first_weights) for name, values in options.items()}
    means = {name: mean_and_error(values, first_weights)[0] for name, values in losses.items()}
    best = min(means, key=lambda name: means[name])
    gain, error = mean_and_error(losses[NETWORKS] - losses[best], first_weights)
    best = best if gain > error else NETWORKS
    ends = np.cumsum([len(member.validation) for member in compared])[:-1]
    parts = np.split(options[best], ends)
    best_members = [Member(member.validation, part, member.index) for member, part in zip(compared, parts, strict=True)]
    measure = "squared error" if task.kind == "regression" else "log loss"
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
    note = f"{WORDS[best]}, by the {measure} on {int(first.sum()):,} rows left out ({numbers})."
    return LinearChoice(best, *final, factor, list(members) if best == NETWORKS else best_members, note)


def column_factors(setup: TrainingSetup) -> NDArray[np.float32]:
    """For each input what makes the variances of all inputs of its column sum to 1, (K,).

    So the penalty of a linear model shrinks a picture, which is thousands of inputs, as much as a number.
    Inputs that belong to no column of the dense block keep their size.
    """
    inputs = setup.rows.inputs
    factors = np.ones(inputs.shape[1], np.float32)
    variances = inputs[random_rows(len(inputs), SAMPLED)].dense.var(axis=0, dtype=np.float64)
    start = 0
    for encoder in setup.encoder.encoders:
        columns = slice(start, start + encoder.width)
        total = float(variances[columns].sum())
        factors[columns] = 1.0 / np.sqrt(total) if total > 0.0 else 1.0
        start += encoder.width
    return factors


def balanced_linear(
    setup: TrainingSetup, rows: Rows, factors: NDArray[np.float32]
) -> tuple[Network, NDArray[Any]] | None:
    """A linear model on rows, trained on inputs times factors (K,); its parameters are for the inputs as they are."""
    rows = rows_to_learn(rows)
    inputs = rows.inputs
    scaled_rows = replace(rows, inputs=Inputs(inputs.dense * factors[: inputs.n_dense], inputs.csr))
    model = linear_baseline(setup.settings, setup.task, scaled_rows)
    if model is not None:
        model[0].parameter_table.views(model[1])["layers.0.weight"][:] *= factors[:, None].astype(model[1].dtype)
    return model


def with_linear(
    network: Network, flats: Sequence[Array], linear: Network, linear_flat: Array, choice: LinearChoice
) -> tuple[Network, list[Array]]:
    """The shape of the networks that were chosen, and the parameters (P,) of each.

    Parameters:
        network, flats: the networks on all inputs.
        linear, linear_flat: the linear model on all inputs.
    """
    if choice.name == NETWORKS:
        return network, list(flats)
    if choice.name == LINEAR:
        return linear, [linear_flat]
    unscaled = [merge_networks(network, [flat]) for flat in flats]
    shape = unscaled[0][0]
    parts = [flat for _, flat in unscaled]
    return all_beside_linear(shape, parts, linear, [linear_flat] * len(parts), choice.factor)


def _losses(task: Task, outputs: Array, targets: Array, weights: Array | None) -> NDArray[np.float64]:
    """The loss of each row (n,), in the calibration of all."""
    factor = inverse_temperature(task, outputs, targets, weights)
    return row_losses(task, factor * logits_of(task, outputs), targets)
