"""Merge networks on terms and a linear model into one network, whose logits are a weighted sum of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.layers import Dense
from ranvier.network.network import Network
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
    linear = [_unscaled(part) for part in parts if part.is_linear]
    hidden = [_unscaled(part, len(parts)) for part in parts if not part.is_linear]
    sums = None
    if linear:
        network = next(part.network for part in parts if part.is_linear)
        sums = network, np.sum(linear, axis=0)
    if not hidden:
        assert sums is not None
        return sums
    network = next(part.network for part in parts if not part.is_linear)
    merged, flat = merge_networks(network, hidden, len(hidden) / len(parts))
    return (merged, flat) if sums is None else _with_linear(merged, flat, *sums)


def _with_linear(network: Network, parameters: Array, linear: Network, sums: Array) -> tuple[Network, Array]:
    """The network with two more hidden neurons for each output of a linear model."""
    own = network.parameter_table.views(parameters)
    weight, bias = (linear.parameter_table.views(sums)[f"layers.0.{name}"] for name in ("weight", "bias"))
    last = len(network.layers) - 1
    first = network.layers[0]
    assert isinstance(first, Dense)
    units, outputs = first.units, weight.shape[1]
    merged = Network(network.inputs, [replace(first, units=units + 2 * outputs), *network.layers[1:]])
    flat = np.zeros(merged.parameter_count, parameters.dtype)
    views = merged.parameter_table.views(flat)
    views["layers.0.weight"][:, :units] = own["layers.0.weight"]
    views["layers.0.weight"][:, units : units + outputs] = weight
    np.negative(weight, out=views["layers.0.weight"][:, units + outputs :])
    views["layers.0.bias"][:units] = own["layers.0.bias"]
    views["layers.0.bias"][units : units + outputs] = bias
    views["layers.0.bias"][units + outputs :] = -bias
    identity = np.eye(outputs, dtype=flat.dtype)
    views[f"layers.{last}.weight"][:] = np.concatenate([own[f"layers.{last}.weight"], identity, -identity])
    views[f"layers.{last}.bias"][:] = own[f"layers.{last}.bias"]
    return merged, flat


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
