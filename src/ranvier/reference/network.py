"""A whole network: forward through the layers, backward through the layers. B rows, K inputs, N outputs.

The forward pass makes a record of the input, the output and the cache of each layer. The backward pass goes through the
records from last to first: each layer computes the derivative of the loss with respect to its input from that with
respect to its output, and the gradients of its parameters. `parameters` and `gradients` are name -> array (see
ParameterTable).
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
from ranvier.network.layer_info import LayerInfo
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Rescale, Residual
from ranvier.network.parameters import RUNNING_STATISTICS
from ranvier.records import record
from ranvier.reference import activations, layers, sparse
from ranvier.reference.bfloat16 import to_bfloat16
from ranvier.rows import CSR

Array = NDArray[np.float64]
Arrays = Mapping[str, Array]


@record
class ForwardMode:
    """How a forward pass runs.

    Fields:
        batch_statistics: whether BatchNorm uses the mean and variance of the batch or the running ones.
        dropout: (seed, number of earlier steps) of the masks; None means no dropout.
        bfloat16: whether the operands of products are rounded, see `ranvier.engine.compile_spec`; the weights in
            `parameters` must be rounded then.
    """

    batch_statistics: bool = False
    dropout: tuple[int, int] | None = None
    bfloat16: bool = False


INFERENCE = ForwardMode()


@record
class LayerRecord:
    """The forward pass of one layer.

    Fields: `info`; `x`, the input; `z`, the weighted sums (Dense) or None; `y`, the output; `cache`, values for the
    backward pass; `children`, the records of the layers in a residual block; `statistics`, mean and variance of the
    batch (BatchNorm); `bfloat16`, whether the derivative along the weighted sums is rounded (Dense).
    """

    info: LayerInfo
    x: Array
    y: Array
    z: Array | None = None
    cache: Any = None
    children: tuple[LayerRecord, ...] = ()
    statistics: layers.Statistics | None = None
    bfloat16: bool = False


def forward(
    layer_infos: tuple[LayerInfo, ...],
    parameters: Arrays,
    x: Array,
    mode: ForwardMode = INFERENCE,
    csr: CSR | None = None,
) -> tuple[LayerRecord, ...]:
    """The forward pass through all layers.

    Parameters:
        x: the dense block of the inputs, (B, D).
        csr: the CSR block of the inputs, for the first Dense, before which layers see the dense block; None for none.

    >>> from ranvier.network.network import Network
    >>> network = Network(2, [Dense(1, "relu")])
    >>> parameters = {"layers.0.weight": np.array([[1.0], [2.0]]), "layers.0.bias": np.array([-1.0])}
    >>> forward(network.layer_infos, parameters, np.array([[3.0, 4.0]]))[-1].y
    array([[10.]])
    """
    records: list[LayerRecord] = []
    if mode.bfloat16 and feeds_dense(layer_infos[0]):
        x = to_bfloat16(x)
    if mode.bfloat16 and csr is not None:
        csr = replace(csr, data=to_bfloat16(csr.data))
    for info, following in zip_longest(layer_infos, layer_infos[1:]):
        if csr is not None and not isinstance(info.layer, (LearnedScale, Rescale)):
            layer_record, csr = blocks_forward(info, parameters, x, csr, mode), None
        else:
            layer_record = layer_forward(info, parameters, x, mode)
        if mode.bfloat16 and following is not None and feeds_dense(following):
            layer_record = replace(layer_record, y=to_bfloat16(layer_record.y))
        records.append(layer_record)
        x = layer_record.y
    return tuple(records)


def backward(records: tuple[LayerRecord, ...], parameters: Arrays, delta: Array, gradients: dict[str, Array]) -> Array:
    """The backward pass through all layers.

    Parameters:
        records: the records of the forward pass.
        parameters: as in the forward pass.
        delta: the derivative of the loss with respect to the weighted sums of the output layer, (B, N), or with
            respect to its outputs if the last layer is not a Dense.
        gradients: filled with the gradient of each parameter, frozen ones included.

    Returns the derivative of the loss with respect to the inputs of the network, (B, K).
    """
    last = records[-1]
    if last.z is not None:
        dx = weighted_sum_backward(last, parameters, delta, gradients)
    else:
        dx = layer_backward(last, parameters, delta, gradients)
    return chain_backward(records[:-1], parameters, dx, gradients)


def chain_backward(
    records: tuple[LayerRecord, ...], parameters: Arrays, dy: Array, gradients: dict[str, Array]
) -> Array:
    """The backward pass through hidden layers: dx from dy."""
    for layer_record in reversed(records):
        dy = layer_backward(layer_record, parameters, dy, gradients)
    return dy


def layer_forward(info: LayerInfo, parameters: Arrays, x: Array, mode: ForwardMode) -> LayerRecord:
    """The forward pass of one layer."""
    layer, path = info.layer, info.path
    if isinstance(layer, Dense):
        z = layers.dense(x, parameters[f"{path}.weight"], parameters.get(f"{path}.bias"), layer.groups)
        return LayerRecord(info, x, activations.forward(layer.activation, z), z, bfloat16=mode.bfloat16)
    if isinstance(layer, Dropout):
        if mode.dropout is None:
            return LayerRecord(info, x, x)
        seed, step = mode.dropout
        factors = layers.dropout_factors(layer.rate, len(x), info.inputs, seed, step, info.index)
        return LayerRecord(info, x, layers.dropout(x, factors), cache=factors)
    if isinstance(layer, Rescale):
        return LayerRecord(info, x, layers.rescale(x, layer))
    if isinstance(layer, Residual):
        children = forward(info.children, parameters, x, mode)
        return LayerRecord(info, x, x + children[-1].y, children=children)
    scale = parameters[f"{path}.scale"]
    if isinstance(layer, LearnedScale):
        return LayerRecord(info, x, layers.learned_scale(x, scale))
    bias = parameters[f"{path}.bias"]
    if isinstance(layer, LayerNorm):
        y, cache = layers.layer_norm(x, scale, bias, layer.epsilon)
        return LayerRecord(info, x, y, cache=cache)
    if isinstance(layer, BatchNorm):
        batch = layers.statistics(x, axis=0) if mode.batch_statistics and layer.trainable else None
        mean_and_variance = batch or (parameters[f"{path}.running_mean"], parameters[f"{path}.running_var"])
        y, cache = layers.batch_norm(x, scale, bias, *mean_and_variance, layer.epsilon)
        return LayerRecord(info, x, y, cache=cache, statistics=batch)
    raise EngineError(f"{path} is a {type(layer).__name__}, which the reference engine does not support.")


def blocks_forward(info: LayerInfo, parameters: Arrays, x: Array, csr: CSR, mode: ForwardMode) -> LayerRecord:
    """The forward pass of a first Dense layer with a CSR block, which becomes the cache; x is the dense block."""
    layer, path = info.layer, info.path
    if not isinstance(layer, Dense):
        raise EngineError(f"{path} is a {type(layer).__name__}; sparse rows need a Dense as their first layer.")
    z = sparse.dense(x, csr, parameters[f"{path}.weight"], parameters.get(f"{path}.bias"))
    return LayerRecord(info, x, activations.forward(layer.activation, z), z, cache=csr, bfloat16=mode.bfloat16)


def layer_backward(layer_record: LayerRecord, parameters: Arrays, dy: Array, gradients: dict[str, Array]) -> Array:
    """The backward pass of one layer: dx from dy."""
    layer, path = layer_record.info.layer, layer_record.info.path
    if isinstance(layer, Dense) and layer_record.z is not None:
        dz = activations.backward(layer.activation, layer_record.z, layer_record.y, dy, layer_record.bfloat16)
        return weighted_sum_backward(layer_record, parameters, dz, gradients)
    if isinstance(layer, Dropout):
        return dy if layer_record.cache is None else layers.dropout_backward(layer_record.cache, dy)
    if isinstance(layer, Rescale):
        return layers.rescale_backward(dy, layer)
    if isinstance(layer, Residual):
        return dy + chain_backward(layer_record.children, parameters, dy, gradients)
    scale = parameters[f"{path}.scale"]
    if isinstance(layer, LearnedScale):
        dx, gradients[f"{path}.scale"] = layers.learned_scale_backward(layer_record.x, scale, dy)
        return dx
    if isinstance(layer, BatchNorm) and layer_record.statistics is None:
        return layers.running_norm_backward(layer_record.cache, scale, dy)
    norm_backward = layers.layer_norm_backward if isinstance(layer, LayerNorm) else layers.batch_norm_backward
    dx, gradients[f"{path}.scale"], gradients[f"{path}.bias"] = norm_backward(layer_record.cache, scale, dy)
    return dx


def weighted_sum_backward(
    layer_record: LayerRecord, parameters: Arrays, dz: Array, gradients: dict[str, Array]
) -> Array:
    """The backward pass of the weighted sums of a Dense layer: dx from dz."""
    path = layer_record.info.path
    weight = parameters[f"{path}.weight"]
    if layer_record.bfloat16:
        dz = to_bfloat16(dz)
    if isinstance(layer_record.cache, CSR):
        dx, gradients[f"{path}.weight"], dbias = sparse.dense_backward(layer_record.x, layer_record.cache, weight, dz)
    else:
        dx, gradients[f"{path}.weight"], dbias = layers.dense_backward(
            layer_record.x, weight, dz, layer_record.info.groups
        )
    if f"{path}.bias" in parameters:
        gradients[f"{path}.bias"] = dbias
    return dx


def walk(records: tuple[LayerRecord, ...]) -> Iterator[LayerRecord]:
    """All records, depth first; a residual block comes before the layers in it."""
    for layer_record in records:
        yield layer_record
        yield from walk(layer_record.children)


def batch_statistics(records: tuple[LayerRecord, ...]) -> Iterator[tuple[str, Array]]:
    """The mean and variance of the batch in each BatchNorm, (N,), by the names of the running ones."""
    for layer_record in walk(records):
        if isinstance(layer_record.info.layer, BatchNorm) and layer_record.statistics is not None:
            for name, batch in zip(RUNNING_STATISTICS, layer_record.statistics, strict=True):
                yield f"{layer_record.info.path}.{name}", batch[0]


def update_running_statistics(layer_infos: Iterable[LayerInfo], parameters: Arrays, batch: Arrays) -> None:
    """Let the running mean and variance of each BatchNorm that is not frozen follow those of the batch, in place."""
    for info in layer_infos:
        if isinstance(info.layer, BatchNorm) and info.layer.trainable:
            for name in (f"{info.path}.{role}" for role in RUNNING_STATISTICS):
                parameters[name][:] = layers.running_statistics(parameters[name], batch[name], info.layer.momentum)
