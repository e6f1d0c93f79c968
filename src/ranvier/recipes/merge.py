"""Merge several networks of one shape into one network, whose logits are the mean of theirs.

K networks (members) of layers of widths n become one network of widths K n. Its first layer is theirs side by side over
the same inputs; further hidden layers, also those in residual blocks, have a group for each member, and batch
normalization goes column by column; its output layer takes the mean of their weighted sums. So a softmax or sigmoid
network gives the normalized geometric mean of their probabilities (Hinton, "Training products of experts by minimizing
contrastive divergence", 2002), and a network with plain outputs the mean of their outputs, exactly. Trained factors in
front of the first layer are multiplied into its weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LearnedScale, Rescale, Residual
from ranvier.network.network import Network
from ranvier.network.parameters import block_diagonal_weight

Array = NDArray[Any]


def merge_networks(
    network: Network, members: Sequence[Array], inverse_temperature: float = 1.0, shared_inputs: bool = True
) -> tuple[Network, Array]:
    """One network whose output logits are the mean of those of all members, times the inverse temperature.

    Parameters:
        network: what every member is: rescale and scale layers, then dense layers with biases, the first and the last
            of them in no block; batch normalization, dropout, and residual blocks of these between them.
        members: the flat parameters of each, shape (P,).
        inverse_temperature: what the mean of the logits is multiplied by.
        shared_inputs: whether all members have the same inputs; else each has its own, one block after the other.

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
    views = [network.parameter_table.views(flat) for flat in members]
    gains = [np.ones(network.inputs, flat.dtype) for flat in members]
    layers: list[Layer] = []
    pieces: list[Array] = []
    last = len(network.layers) - 1
    for index, layer in enumerate(network.layers):
        if isinstance(layer, LearnedScale):
            for gain, view in zip(gains, views, strict=True):
                gain[: layer.columns] *= view[f"layers.{index}.scale"]
        elif isinstance(layer, Dense):
            first = shared_inputs and not any(isinstance(earlier, Dense) for earlier in layers)
            weights = [view[f"layers.{index}.weight"] for view in views]
            if first or index == last:
                weights = [block_diagonal_weight(weight, layer.groups) for weight in weights]
            if first:
                weights = [weight * np.reshape(gain, (-1, 1)) for gain, weight in zip(gains, weights, strict=True)]
            biases = [view[f"layers.{index}.bias"] for view in views]
            if index == last:
                pieces += _output(weights, biases, first, inverse_temperature)
                layers.append(replace(layer, groups=1))
            elif first:
                pieces += [np.concatenate(weights, axis=1), np.concatenate(biases)]
                layers.append(replace(layer, units=layer.units * len(members), groups=1))
            else:
                layers.append(_beside(layer, f"layers.{index}", views, pieces))
        else:
            layers.append(_beside(layer, f"layers.{index}", views, pieces))
    merged = Network(network.inputs if shared_inputs else len(members) * network.inputs, layers)
    return merged, np.concatenate([piece.reshape(-1) for piece in pieces]).astype(members[0].dtype)


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


def _beside(layer: Layer, path: str, views: Sequence[Mapping[str, Array]], pieces: list[Array]) -> Layer:
    """The layer of all members side by side, whose parameters are added to the pieces.

    Parameters:
        layer, path: of a member, and where its parameters are in the views of each.
    """
    if isinstance(layer, Residual):
        inner = enumerate(layer.layers)
        return Residual([_beside(child, f"{path}.layers.{index}", views, pieces) for index, child in inner])
    roles = {Dense: ("weight", "bias"), BatchNorm: ("scale", "bias", "running_mean", "running_var")}.get(
        type(layer), ()
    )
    pieces += [np.concatenate([view[f"{path}.{role}"] for view in views], axis=-1) for role in roles]
    if isinstance(layer, Dense):
        return replace(layer, units=layer.units * len(views), groups=layer.groups * len(views))
    return layer


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


def _output(weights: list[Array], biases: list[Array], first: bool, inverse_temperature: float) -> list[Array]:
    """Weight and bias of the output layer: the mean of the members', times the inverse temperature."""
    weight = np.mean(weights, axis=0) if first else np.concatenate(weights) / len(weights)
    return [weight * inverse_temperature, np.mean(biases, axis=0) * inverse_temperature]
