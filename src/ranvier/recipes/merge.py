"""Merge several networks of one shape into one network, whose logits are the mean of theirs.

K networks (members) of layers of widths n become one network of widths K n. Its first layer is theirs side by side over
the same inputs; further hidden layers, also those in residual blocks, have a group for each member, and batch
normalization goes column by column; its output layer takes the mean of their weighted sums. So a softmax or sigmoid
network gives the normalized geometric mean of their probabilities (Hinton, "Training products of experts by minimizing
contrastive divergence", 2002), and a network with plain outputs the mean of their outputs, exactly. Trained factors in
front of the first layer are multiplied into its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LearnedScale, Rescale, Residual
from ranvier.network.network import Network
from ranvier.network.parameters import block_diagonal_weight

Array = NDArray[Any]
BATCH_NORM = ("scale", "bias", "running_mean", "running_var")


def merge_networks(
    network: Network,
    members: Sequence[Array | Callable[[], Array]],
    inverse_temperature: float = 1.0,
    shared_inputs: bool = True,
    extra_units: int = 0,
) -> tuple[Network, Array]:
    """One network whose output logits are the mean of those of all members, times the inverse temperature.

    Parameters:
        network: what every member is: rescale and scale layers, then dense layers with biases, the first and the last
            of them in no block; batch normalization, dropout, and residual blocks of these between them.
        members: the flat parameters of each, shape (P,), or a function that makes them, which is called when those
            before are done, so that large ones are in memory one at a time.
        inverse_temperature: what the mean of the logits is multiplied by.
        shared_inputs: whether all members have the same inputs; else each has its own, one block after the other.
        extra_units: of a network with one hidden layer, so many more neurons in it, with weights of 0.

    Returns the network and its flat parameters.

    Raises:
        InputError: there is no member, or the network has layers of another kind.

    >>> network = Network(2, [LearnedScale(), Dense(3, "tanh"), Dense(1)])
    >>> flat = network.parameter_table.initial(0)
    >>> merged, parameters = merge_networks(network, [flat, flat])
    >>> [layer.units for layer in merged.layers], parameters.size
    ([6, 1], 25)
    """
    if not members:
        raise InputError("There are no networks to merge; give at least one.")
    _check_layers(network)
    count, last = len(members), len(network.layers) - 1
    dense = [index for index, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    first = dense[0] if shared_inputs else -1
    numbered_layers = [
        (index, layer) for index, layer in enumerate(network.layers) if not isinstance(layer, LearnedScale)
    ]
    layers = [_beside(layer, count, index == first, index == last, extra_units) for index, layer in numbered_layers]
    merged = Network(network.inputs if shared_inputs else count * network.inputs, layers)
    flat: Array = np.zeros(0)
    outputs: list[tuple[Array, Array]] = []
    for number, member in enumerate(members):
        parameters = member() if callable(member) else member
        if not number:
            flat = np.zeros(merged.parameter_table.size, parameters.dtype)
            into = merged.parameter_table.views(flat)
        views = network.parameter_table.views(parameters)
        gain = _gain(network, views, parameters.dtype)
        for position, (index, layer) in enumerate(numbered_layers):
            path = f"layers.{index}"
            if index not in (first, last):
                _put(layer, path, f"layers.{position}", views, into, number)
                continue
            assert isinstance(layer, Dense)
            weight, bias = block_diagonal_weight(views[f"{path}.weight"], layer.groups), views[f"{path}.bias"]
            if index == last:
                outputs.append((weight * gain if index == first else weight.copy(), bias.copy()))
            else:
                units = slice(number * layer.units, (number + 1) * layer.units)
                np.multiply(weight, gain, out=into[f"layers.{position}.weight"][:, units])
                into[f"layers.{position}.bias"][units] = bias
        del parameters, views
    weight, bias = _output(outputs, last == first, inverse_temperature)
    into[f"layers.{len(numbered_layers) - 1}.weight"][: len(weight)] = weight
    into[f"layers.{len(numbered_layers) - 1}.bias"][...] = bias
    return merged, flat


def _gain(network: Network, views: Mapping[str, Array], dtype: Any) -> Array:
    """The product of the trained factors of each input, as a column."""
    gain = np.ones((network.inputs, 1), dtype)
    for index, layer in enumerate(network.layers):
        if isinstance(layer, LearnedScale):
            gain[: layer.columns, 0] *= views[f"layers.{index}.scale"]
    return gain


def _check_layers(network: Network) -> None:
    """Raise an `InputError` for a network with layers that cannot be merged."""
    dense = [index for index, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    first = min(dense, default=len(network.layers))
    for info in network.iter_layers():
        between = isinstance(info.layer, (BatchNorm, Residual)) and first < int(info.path.split(".")[1])
        if not between and not isinstance(info.layer, (Rescale, LearnedScale, Dense, Dropout)):
            raise InputError(
                f"Networks with {type(info.layer).__name__} layers cannot be merged; only Rescale, LearnedScale, Dense "
                "and Dropout ones can, and BatchNorm and Residual ones behind the first Dense one."
            )


def _beside(layer: Layer, count: int, first: bool, last: bool, extra_units: int) -> Layer:
    """The layer of so many members side by side."""
    if isinstance(layer, Residual):
        return Residual([_beside(child, count, False, False, 0) for child in layer.layers])
    if not isinstance(layer, Dense):
        return layer
    if last:
        return replace(layer, groups=1)
    if first:
        return replace(layer, units=layer.units * count + extra_units, groups=1)
    return replace(layer, units=layer.units * count, groups=layer.groups * count)


def _put(layer: Layer, path: str, to: str, views: Mapping[str, Array], into: Mapping[str, Array], number: int) -> None:
    """Write the parameters of a layer of one member into the columns that are its own.

    Parameters:
        path, to: where they are among those of the member and of the merged network.
        views, into: the parameters of these.
        number: which of the members it is.
    """
    if isinstance(layer, Residual):
        for index, child in enumerate(layer.layers):
            _put(child, f"{path}.layers.{index}", f"{to}.layers.{index}", views, into, number)
    for role in {Dense: ("weight", "bias"), BatchNorm: BATCH_NORM}.get(type(layer), ()):
        part = views[f"{path}.{role}"]
        width = part.shape[-1]
        into[f"{to}.{role}"][..., number * width : (number + 1) * width] = part


def ple_to_linear_spline(network: Network, parameters: Array, encodings: Sequence[slice]) -> Array:
    """The parameters of the same function, on a linear spline basis in place of piecewise-linear encodings.

    Between edges 0 to n, encoding i is the sum of the splines at the edges above i, less 1/2: below it all of these are
    0, and above it they add up to 1. So the spline at edge j gets the sum of the weights of the encodings that end at j
    or below, and the bias loses half of all weights.

    Parameters:
        network: begins with a dense layer that has a bias, as merged networks do.
        parameters: flat, shape (P,).
        encodings: which inputs encode a column piecewise linearly, for each such column.

    >>> network = Network(3, [Dense(1)])
    >>> ple_to_linear_spline(network, np.array([2.0, 3.0, 5.0, 7.0]), [slice(1, 3)]).tolist()
    [2.0, 3.0, 8.0, 3.0]
    """
    changed = parameters.copy()
    views = network.parameter_table.views(changed)
    weight, bias = views["layers.0.weight"], views["layers.0.bias"]
    for inputs in encodings:
        sums = np.cumsum(weight[inputs], axis=0, dtype=np.float64)
        weight[inputs] = sums
        bias -= (sums[-1] / 2).astype(bias.dtype)
    return changed


def _output(outputs: Sequence[tuple[Array, Array]], first: bool, inverse_temperature: float) -> tuple[Array, Array]:
    """Weight and bias of the output layer: the mean of the members', times the inverse temperature."""
    weights, biases = ([pair[which] for pair in outputs] for which in (0, 1))
    weight: Array = np.mean(weights, axis=0) if first else np.concatenate(weights) / len(weights)
    bias: Array = np.mean(biases, axis=0) * inverse_temperature
    return weight * inverse_temperature, bias
