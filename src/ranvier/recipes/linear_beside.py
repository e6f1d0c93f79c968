"""A linear model beside hidden layers, in one network: its logits are the mean of both.

K inputs, N outputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.layers import Dense, Dropout, LearnedScale, Rescale
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
ODD_PARTS = ("relu", "silu", "gelu")
"""Activations f with f(z) - f(-z) = z, so that two neurons hand a number on."""


def mean_outputs(
    task: Task, outputs: Array, linear: Array, targets: Array, weights: Array | None = None
) -> tuple[Array, float]:
    """The outputs (n, N) of the mean of the logits of a network and r times those of a linear model; and r.

    r is what gives both models logits of one temperature, so that the surer one does not decide alone.

    Parameters:
        outputs, linear: what both output for rows outside training, (n, N).
        targets, weights: of these rows.

    >>> mean_outputs(Task("regression", 1), np.array([[1.0]]), np.array([[3.0]]), np.array([[2.0]]))
    (array([[2.]]), 1.0)
    """
    factors = [inverse_temperature(task, model_outputs, targets, weights) for model_outputs in (outputs, linear)]
    factor = factors[1] / factors[0]
    return probabilities_of(task, (logits_of(task, outputs) + factor * logits_of(task, linear)) / 2), factor


def all_beside_linear(
    network: Network,
    flats: Sequence[Array],
    linear: Network,
    linear_flats: Sequence[Array],
    factor: float,
    first_input: int = 0,
) -> tuple[Network, list[Array]]:
    """The one shape of several networks with a linear model of its own beside each, and the parameters of each.

    Parameters:
        network, flats: what they are, and the parameters (P,) of each; one at least.
        linear, linear_flats: the linear models; those of networks that were not finished are left over.
        factor, first_input: as for `beside_linear`.
    """
    pairs = zip(flats, linear_flats, strict=False)
    both = [beside_linear(network, flat, linear, linear_flat, factor, first_input) for flat, linear_flat in pairs]
    return both[0][0], [flat for _, flat in both]


def passes_linear(network: Network) -> bool:
    """Whether a linear model fits into the hidden layers of this network: dense ones whose neurons hand numbers on.

    >>> [passes_linear(Network(2, [Dense(4, "silu"), Dense(3, name), Dense(1)])) for name in ("relu", "tanh")]
    [True, False]
    """
    hidden = [layer for layer in network.layers if isinstance(layer, Dense)][:-1]
    plain = all(isinstance(layer, (Rescale, LearnedScale, Dense, Dropout)) for layer in network.layers)
    return plain and bool(hidden) and all(layer.activation.name in ODD_PARTS and layer.groups == 1 for layer in hidden)


def beside_linear(
    network: Network, flat: Array, linear: Network, linear_flat: Array, factor: float, first_input: int = 0
) -> tuple[Network, Array]:
    """One network whose logits are the mean of those of a network and `factor` times those of a linear model.

    A linear model z becomes two neurons an output in each hidden layer, since z = f(z) - f(-z) for `ODD_PARTS`.

    Parameters:
        network, flat: with hidden layers as in `passes_linear`, behind a `Rescale` layer or none; its parameters (P,).
        linear, linear_flat: the last layer alone, behind the same `Rescale`; its parameters.
        first_input: the linear model is on as many inputs as it has, from this one on.

    >>> network, linear = Network(2, [Dense(3, "relu"), Dense(1)]), Network(2, [Dense(1)])
    >>> parts = [(member, member.parameter_table.initial(0)) for member in (network, linear)]
    >>> beside_linear(*parts[0], *parts[1], 1.0)[0].layers[0].units
    5
    """
    first, *others, last = (number for number, layer in enumerate(network.layers) if isinstance(layer, Dense))
    assert passes_linear(network)
    linear_views = linear.parameter_table.views(linear_flat)
    last_linear = len(linear.layers) - 1
    weight, bias = linear_views[f"layers.{last_linear}.weight"], linear_views[f"layers.{last_linear}.bias"]
    outputs = len(bias)
    layers = [
        replace(layer, units=layer.units + 2 * outputs) if isinstance(layer, Dense) and number != last else layer
        for number, layer in enumerate(network.layers)
    ]
    wide = Network(network.inputs, layers)
    moved = np.zeros(wide.parameter_table.size, flat.dtype)
    into, views = wide.parameter_table.views(moved), network.parameter_table.views(flat)
    for number in (first, *others, last):
        rows, columns = views[f"layers.{number}.weight"].shape
        into[f"layers.{number}.weight"][:rows, :columns] = views[f"layers.{number}.weight"]
        into[f"layers.{number}.bias"][:columns] = views[f"layers.{number}.bias"]
    into[f"layers.{last}.weight"][:] /= 2
    into[f"layers.{last}.bias"][:] /= 2
    set_linear_neurons(into, (first, *others, last), weight, bias, factor / 2, first_input)
    return wide, moved


def set_linear_neurons(
    views: Mapping[str, Array],
    numbers: Sequence[int],
    weight: Array,
    bias: Array,
    factor: float = 1.0,
    first_input: int = 0,
) -> None:
    """Make the last neurons of each hidden layer, two for each output, add `factor` times a linear model to the logits.

    Parameters:
        views: the parameters of the network, by name; those of the neurons are written, the others stay.
        numbers: of the dense layers, at least two.
        weight, bias: of the linear model, (n, N) and (N,), which reads n inputs from `first_input` on.
    """
    first, *others, last = numbers
    added = slice(-2 * len(bias), None)
    sides = np.concatenate([weight, -weight], axis=1)
    views[f"layers.{first}.weight"][first_input : first_input + len(sides), added] = sides
    views[f"layers.{first}.bias"][added] = np.concatenate([bias, -bias])
    difference = np.concatenate([np.eye(len(bias)), -np.eye(len(bias))])
    for number in others:
        views[f"layers.{number}.weight"][added, added] = np.hstack([difference, -difference])
    views[f"layers.{last}.weight"][added] = difference * factor
