"""Merge networks on terms and a linear model into one network, whose logits are a weighted sum of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.recipes.linear_beside import set_linear_neurons
from ranvier.recipes.merge import merge_networks
from ranvier.records import record

Array = NDArray[Any]


@record(eq=False)
class Part:
    """A trained network that becomes a part of the merged one.

    Fields:
        network: dense layers with biases, and dropout; a single layer for a linear model.
        parameters: flat, (P,).
        factor: of its logits in the sum.
        strengths: what its inputs were multiplied with before it saw them, (K,); None for nothing.
    """

    network: Network
    parameters: Array
    factor: float
    strengths: Array | None

    @property
    def is_linear(self) -> bool:
        """Whether there is no hidden layer."""
        return _n_dense(self.network) == 1


def can_hold_linear(network: Network) -> bool:
    """Whether a linear model fits into the hidden layer of this network: a single one, of ReLU neurons.

    >>> [can_hold_linear(Network(2, [Dense(4, activation), Dense(1)])) for activation in ("relu", "tanh")]
    [True, False]
    """
    hidden = [layer for layer in network.layers if isinstance(layer, Dense)][:-1]
    return len(hidden) == 1 and hidden[0].activation.name == "relu" and hidden[0].groups == 1


def merge_parts(parts: Sequence[Part]) -> tuple[Network, Array]:
    """One network that outputs the sum of the logits of all parts, each times its factor, and its flat parameters.

    A linear model z becomes two ReLU neurons an output, since z = relu(z) - relu(-z).

    Parameters:
        parts: hidden networks of one shape, linear models of one shape, or both where `can_hold_linear`.

    >>> hidden, linear = Network(2, [Dense(3, "relu"), Dense(1)]), Network(2, [Dense(1)])
    >>> parts = [Part(n, n.parameter_table.initial(0), 0.5, None) for n in (hidden, linear)]
    >>> merge_parts(parts)[0].layers[0].units
    5
    """
    linear = [part for part in parts if part.is_linear]
    hidden = [part for part in parts if not part.is_linear]
    if not hidden:
        return linear[0].network, _sum(linear)
    outputs = linear[0].network.layers[-1].units if linear else 0  # type: ignore[attr-defined]
    made = [partial(_unscaled, part, len(parts)) for part in hidden]
    merged, flat = merge_networks(hidden[0].network, made, len(hidden) / len(parts), extra_units=2 * outputs)
    if linear:
        sums = linear[0].network.parameter_table.views(_sum(linear))
        weight, bias = sums["layers.0.weight"], sums["layers.0.bias"]
        set_linear_neurons(merged.parameter_table.views(flat), (0, len(merged.layers) - 1), weight, bias)
    return merged, flat


def _sum(linear: Sequence[Part]) -> Array:
    """The parameters of the sum of linear models."""
    sums: Array = np.sum([_unscaled(part) for part in linear], axis=0)
    return sums


def _unscaled(part: Part, count: int = 1) -> Array:
    """The parameters for inputs as they are, with logits times the factor, times `count` where a mean is taken."""
    flat = part.parameters.copy()
    views = part.network.parameter_table.views(flat)
    last = len(part.network.layers) - 1
    factor = np.asarray(part.factor * count, flat.dtype)
    views[f"layers.{last}.weight"][:] *= factor
    views[f"layers.{last}.bias"][:] *= factor
    if part.strengths is not None:
        views["layers.0.weight"][:] *= part.strengths[:, None].astype(flat.dtype)
    return flat


def _n_dense(network: Network) -> int:
    return sum(isinstance(layer, Dense) for layer in network.layers)
