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
        model: the linear model and its parameters (P,), trained on all rows, on the inputs that it was judged on; None
            where the networks stand alone.
        factor: of its logits in the mean.
        members: what was chosen, on the rows that were left out.
        note: the choice in a sentence.
    """

    name: str
    model: tuple[Network, Array] | None
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
    if not members or setup.settings.loss != default_loss(setup.network, setup.task):
        return None
    compared = members[: 1 if setup.validation is not None else min(len(members), n_folds)]
    factors = column_factors(setup)
    outputs = _linear_outputs(setup, factors, len(compared), n_folds, overlap)
    if outputs is None:
        return None
    options, factor = _options(setup, compared, np.concatenate(outputs))
    name, note = _best_option(setup.task, compared, options)
    if name == NETWORKS:
        return LinearChoice(name, None, 1.0, list(members), note)
    model = balanced_linear(setup, setup.rows, factors)
    if model is None:
        return None
    parts = np.split(options[name], np.cumsum([len(member.validation) for member in compared])[:-1])
    best_members = [Member(member.validation, part, member.index) for member, part in zip(compared, parts, strict=True)]
    return LinearChoice(name, model, factor, best_members, note)


def _linear_outputs(
    setup: TrainingSetup, factors: NDArray[np.float32], n_compared: int, n_folds: int, overlap: bool
) -> list[Array] | None:
    """What a linear model, trained on the rows of each of some networks, outputs for the rows that this left out."""
    outputs = []
    division = (setup.task, setup.rows, setup.validation, n_compared, n_folds, setup.settings.seed, overlap)
    for learned, held in member_splits(*division):
        model = balanced_linear(setup, learned, factors)
        if model is None or held is None:
            return None
        outputs.append(outputs_of(model[0], setup.settings.on(held.inputs), model[1], held.inputs))
    return outputs


def _options(setup: TrainingSetup, compared: Sequence[Member], linear: Array) -> tuple[dict[str, Array], float]:
    """What each option outputs for the rows left out, by its name, and the factor of a linear model in the mean."""
    networks = np.concatenate([member.outputs for member in compared])
    targets, weights = _targets_and_weights(compared)
    mean, factor = mean_outputs(setup.task, networks, linear, targets, weights)
    options = {NETWORKS: networks, LINEAR: linear}
    return options | ({WITH_LINEAR: mean} if passes_linear(setup.network) else {}), factor


def _best_option(task: Task, compared: Sequence[Member], options: dict[str, Array]) -> tuple[str, str]:
    """The option with the smallest loss, each row counted once, unless networks are as good; and why, in a sentence."""
    targets, weights = _targets_and_weights(compared)
    first = first_left_out(compared)
    first_weights = weights if weights is None else weights[first]
    losses = {name: _losses(task, values[first], targets[first], first_weights) for name, values in options.items()}
    means = {name: mean_and_error(values, first_weights)[0] for name, values in losses.items()}
    best = min(means, key=lambda name: means[name])
    gain, error = mean_and_error(losses[NETWORKS] - losses[best], first_weights)
    best = best if gain > error else NETWORKS
    measure = "squared error" if task.kind == "regression" else "log loss"
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
    return best, f"{WORDS[best]}, by the {measure} on {int(first.sum()):,} rows left out ({numbers})."


def _targets_and_weights(compared: Sequence[Member]) -> tuple[Array, Array | None]:
    """The targets and weights of the rows that networks left out, one network's after the other's."""
    weights = [member.validation.weights for member in compared if member.validation.weights is not None]
    return np.concatenate([m.validation.targets for m in compared]), np.concatenate(weights) if weights else None


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
    """The shape of what was chosen with a linear model in it, and the parameters (P,) of each part.

    Parameters:
        network, flats: the networks on all inputs.
        linear, linear_flat: the linear model on all inputs.
    """
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
