"""A whole network: forward through the layers, backward through the layers. B rows, K inputs, N outputs.

Forward, every layer leaves a record of what went in, what came out and what its backward pass needs. Backward, the
records are read from the last to the first; each turns the derivative along its outputs into that along its inputs and
writes down the derivatives along its parameters. `parameters` and `gradients` are name -> array (see ParameterTable).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import feeds_dense
from ranvier.errors import EngineError
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Rescale, Residual
from ranvier.network.network import LayerInfo
from ranvier.records import record
from ranvier.reference import activations, layers, sparse
from ranvier.reference.bfloat16 import to_bfloat16
from ranvier.rows import CSR

Array = NDArray[np.float64]
Arrays = Mapping[str, Array]
RUNNING = ("running_mean", "running_var")


@record
class Mode:
    """How a forward pass runs.

    Fields:
        batch_statistics: whether BatchNorm uses the mean and variance of the batch, or the running ones.
        dropout: (seed, steps made before) of the masks; None drops nothing.
        bfloat16: whether what goes into a product is rounded, see `ranvier.engine.compile_spec`; `parameters` then hold
            rounded weights.
    """

    batch_statistics: bool = False
    dropout: tuple[int, int] | None = None
    bfloat16: bool = False


INFERENCE = Mode()


@record
class Passed:
    """What a layer did: `place`; `x` in, `z` the weighted sums (Dense) or None, `y` out; `kept` for the way back;
    `inner`, the records inside a residual block; `statistics`, mean and variance of the batch (BatchNorm); `bfloat16`,
    whether the error of the weighted sums will be rounded (Dense)."""

    place: LayerInfo
    x: Array
    y: Array
    z: Array | None = None
    kept: Any = None
    inner: tuple[Passed, ...] = ()
    statistics: layers.Statistics | None = None
    bfloat16: bool = False


def forward(
    layer_infos: tuple[LayerInfo, ...], parameters: Arrays, x: Array, mode: Mode = INFERENCE, csr: CSR | None = None
) -> tuple[Passed, ...]:
    """Send rows through the layers: what comes out of one goes into the next.

    Parameters:
        x: the dense block of the inputs, (B, D).
        csr: their CSR block, which the first layer, a Dense, reads beside it; None for none.

    >>> from ranvier.network.network import Network
    >>> network = Network(2, [Dense(1, "relu")])
    >>> parameters = {"layers.0.weight": np.array([[1.0], [2.0]]), "layers.0.bias": np.array([-1.0])}
    >>> forward(network.layer_infos, parameters, np.array([[3.0, 4.0]]))[-1].y
    array([[10.]])
    """
    passed: list[Passed] = []
    if mode.bfloat16 and feeds_dense(layer_infos[0]):
        x, csr = to_bfloat16(x), None if csr is None else replace(csr, data=to_bfloat16(csr.data))
    for place, following in zip_longest(layer_infos, layer_infos[1:]):
        if csr is not None:
            one, csr = blocks_forward(place, parameters, x, csr, mode), None
        else:
            one = layer_forward(place, parameters, x, mode)
        if mode.bfloat16 and following is not None and feeds_dense(following):
            one = replace(one, y=to_bfloat16(one.y))
        passed.append(one)
        x = one.y
    return tuple(passed)


def backward(passed: tuple[Passed, ...], parameters: Arrays, error: Array, gradients: dict[str, Array]) -> Array:
    """Send the error of the output layer back through all layers.

    Parameters:
        passed: the records of the forward pass.
        parameters: as in the forward pass.
        error: how the loss changes along the weighted sums of the output layer, (B, N); along its outputs where the
            last layer is not a Dense.
        gradients: filled with the derivative of the loss along each trained parameter.

    Returns how the loss changes along the inputs of the network, (B, K).
    """
    last = passed[-1]
    if last.z is not None:
        dx = weighted_sum_backward(last, parameters, error, gradients)
    else:
        dx = layer_backward(last, parameters, error, gradients)
    return chain_backward(passed[:-1], parameters, dx, gradients)


def chain_backward(passed: tuple[Passed, ...], parameters: Arrays, dy: Array, gradients: dict[str, Array]) -> Array:
    """The chain rule, from the last of these layers to the first."""
    for one in reversed(passed):
        dy = layer_backward(one, parameters, dy, gradients)
    return dy


def layer_forward(place: LayerInfo, parameters: Arrays, x: Array, mode: Mode) -> Passed:
    """One layer, forward."""
    layer, path = place.layer, place.path
    if isinstance(layer, Dense):
        z = layers.dense(x, parameters[f"{path}.weight"], parameters.get(f"{path}.bias"), layer.groups)
        return Passed(place, x, activations.forward(layer.activation, z), z, bfloat16=mode.bfloat16)
    if isinstance(layer, Dropout):
        if mode.dropout is None:
            return Passed(place, x, x)
        seed, step = mode.dropout
        factors = layers.dropout_factors(layer.rate, len(x), place.inputs, seed, step, place.index)
        return Passed(place, x, layers.dropout(x, factors), kept=factors)
    if isinstance(layer, Rescale):
        return Passed(place, x, layers.rescale(x, layer))
    if isinstance(layer, Residual):
        inner = forward(place.children, parameters, x, mode)
        return Passed(place, x, x + inner[-1].y, inner=inner)
    gain = parameters[f"{path}.scale"]
    if isinstance(layer, LearnedScale):
        return Passed(place, x, layers.scale(x, gain))
    shift = parameters[f"{path}.bias"]
    if isinstance(layer, LayerNorm):
        y, kept = layers.layer_norm(x, gain, shift, layer.epsilon)
        return Passed(place, x, y, kept=kept)
    if isinstance(layer, BatchNorm):
        batch = layers.statistics(x, axis=0) if mode.batch_statistics else None
        used = batch or (parameters[f"{path}.running_mean"], parameters[f"{path}.running_var"])
        y, kept = layers.batch_norm(x, gain, shift, *used, layer.epsilon)
        return Passed(place, x, y, kept=kept, statistics=batch)
    raise EngineError(f"{path} is a {type(layer).__name__}, a kind of layer that the reference engine does not know.")


def blocks_forward(place: LayerInfo, parameters: Arrays, x: Array, csr: CSR, mode: Mode) -> Passed:
    """The first layer, a Dense, of inputs with a CSR block, which is `kept`; x is the dense block."""
    layer, path = place.layer, place.path
    if not isinstance(layer, Dense):
        raise EngineError(f"{path} is a {type(layer).__name__}; sparse rows need a Dense as their first layer.")
    z = sparse.dense(x, csr, parameters[f"{path}.weight"], parameters.get(f"{path}.bias"))
    return Passed(place, x, activations.forward(layer.activation, z), z, kept=csr, bfloat16=mode.bfloat16)


def layer_backward(passed: Passed, parameters: Arrays, dy: Array, gradients: dict[str, Array]) -> Array:
    """One layer, backward: dx from dy."""
    layer, path = passed.place.layer, passed.place.path
    if isinstance(layer, Dense) and passed.z is not None:
        dz = activations.backward(layer.activation, passed.z, passed.y, dy, passed.bfloat16)
        return weighted_sum_backward(passed, parameters, dz, gradients)
    if isinstance(layer, Dropout):
        return dy if passed.kept is None else layers.dropout_backward(passed.kept, dy)
    if isinstance(layer, Rescale):
        return layers.rescale(dy, layer)
    if isinstance(layer, Residual):
        return dy + chain_backward(passed.inner, parameters, dy, gradients)
    gain = parameters[f"{path}.scale"]
    if isinstance(layer, LearnedScale):
        dx, gradients[f"{path}.scale"] = layers.scale_backward(passed.x, gain, dy)
        return dx
    back = layers.layer_norm_backward if isinstance(layer, LayerNorm) else layers.batch_norm_backward
    dx, gradients[f"{path}.scale"], gradients[f"{path}.bias"] = back(passed.kept, gain, dy)
    return dx


def weighted_sum_backward(passed: Passed, parameters: Arrays, dz: Array, gradients: dict[str, Array]) -> Array:
    """The weighted sums of a Dense layer, backward: dx from dz."""
    path = passed.place.path
    weight = parameters[f"{path}.weight"]
    if passed.bfloat16:
        dz = to_bfloat16(dz)
    if isinstance(passed.kept, CSR):
        dx, gradients[f"{path}.weight"], dbias = sparse.dense_backward(passed.x, passed.kept, weight, dz)
    else:
        dx, gradients[f"{path}.weight"], dbias = layers.dense_backward(passed.x, weight, dz, passed.place.groups)
    if f"{path}.bias" in parameters:
        gradients[f"{path}.bias"] = dbias
    return dx


def walk(passed: tuple[Passed, ...]) -> Iterator[Passed]:
    """Every record, depth first; a residual block comes before what is inside it."""
    for one in passed:
        yield one
        yield from walk(one.inner)


def batch_statistics(passed: tuple[Passed, ...]) -> Iterator[tuple[str, Array]]:
    """The mean and variance of the batch in each BatchNorm, (N,), by the names of the running ones."""
    for one in walk(passed):
        if isinstance(one.place.layer, BatchNorm) and one.statistics is not None:
            for name, batch in zip(RUNNING, one.statistics, strict=True):
                yield f"{one.place.path}.{name}", batch[0]


def update_running_statistics(layer_infos: Iterable[LayerInfo], parameters: Arrays, batch: Arrays) -> None:
    """Let each BatchNorm's running mean and variance, changed in place, follow those of the batch."""
    for place in layer_infos:
        if isinstance(place.layer, BatchNorm):
            for name in (f"{place.path}.{role}" for role in RUNNING):
                parameters[name][:] = layers.running_statistics(parameters[name], batch[name], place.layer.momentum)
