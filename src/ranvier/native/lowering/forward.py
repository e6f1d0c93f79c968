"""Lowering of the forward pass, layer by layer, and what each layer leaves for its backward pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from ranvier.engine import feeds_dense
from ranvier.errors import EngineError
from ranvier.native.lowering import first_layer
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.builder import Builder
from ranvier.native.lowering.lowered import INPUT_GRADIENTS, ROUNDED, STEPS, WATCH, batch_statistic
from ranvier.native.lowering.scalars import Scalar
from ranvier.network.activations import activation
from ranvier.network.layer_info import LayerInfo
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Rescale, Residual

FROM_OUTPUT = ("identity", "relu", "sigmoid", "tanh")
"""Activations whose derivative follows from their output, so that the weighted sums need not be kept."""


@dataclass(slots=True)
class Done:
    """What the forward pass of one layer leaves for its backward pass."""

    info: LayerInfo
    x: Buffer
    y: Buffer
    z: Buffer | None = None
    n: Buffer | None = None
    deviation: Buffer | None = None
    statistics: tuple[Buffer, Buffer] | None = None
    inner: list[Done] = field(default_factory=list)


def forward(lowering: Builder, layer_infos: tuple[LayerInfo, ...], x: Buffer, output: bool = False) -> list[Done]:
    """Lower a chain of layers; `output` says whether its last layer is the network's."""
    chain: list[Done] = []
    for position, info in enumerate(layer_infos):
        done = _layer(lowering, info, x, output and position == len(layer_infos) - 1)
        if position + 1 < len(layer_infos) and feeds_dense(layer_infos[position + 1]):
            # A layer that hands on what it was given must not change it for others.
            done.y = lowering.rounded(done.y, f"{info.path}.output" if done.y == x else done.y.name)
        chain.append(done)
        x = done.y
    return chain


def _layer(lowering: Builder, info: LayerInfo, x: Buffer, output: bool) -> Done:
    """Lower one layer, forward."""
    layer, path = info.layer, info.path
    if isinstance(layer, Dense):
        return _dense(lowering, info, layer, x, output)
    if isinstance(layer, Dropout):
        return _dropout(lowering, info, layer, x)
    if isinstance(layer, Residual):
        inner = forward(lowering, info.children, x)
        y = lowering.buffer(f"{path}.output", info.outputs)
        lowering.add(s.Add(x, inner[-1].y, y))
        return Done(info, x, y, inner=inner)
    if isinstance(layer, Rescale) and info == lowering.spec.network.layer_infos[0]:
        return Done(info, x, x)  # The rows were scaled while they were gathered.
    y = lowering.buffer(f"{path}.output", x.columns)
    if isinstance(layer, Rescale):
        lowering.add(s.Rescale(x, y, layer))
        return Done(info, x, y)
    if isinstance(layer, LearnedScale):
        if layer.columns not in (None, x.columns):
            raise EngineError(
                f"{path} scales {layer.columns} of {x.columns} columns; the native engine scales all columns of "
                "the dense block, and reads others from a CSR block. Choose engine='reference'."
            )
        lowering.add(s.Multiply(x, lowering.piece(f"{path}.scale"), y))
        return Done(info, x, y)
    if isinstance(layer, LayerNorm):
        scale, bias = lowering.piece(f"{path}.scale"), lowering.piece(f"{path}.bias")
        n, deviation = lowering.buffer(f"{path}.standard", info.outputs), lowering.buffer(f"{path}.deviation", 1)
        lowering.add(s.NormalizeRow(x, scale, bias, n, deviation, y, layer.epsilon))
        return Done(info, x, y, n=n, deviation=deviation)
    if isinstance(layer, BatchNorm):
        return _batch_norm(lowering, info, layer, x, y)
    raise EngineError(
        f"{path} is a {type(layer).__name__}, which the native engine does not know. Choose engine='reference'."
    )


def _dense(lowering: Builder, info: LayerInfo, layer: Dense, x: Buffer, output: bool) -> Done:
    path, keep = info.path, lowering.purpose == WATCH
    shape = activation("identity") if output else layer.activation
    back = lowering.learns or lowering.purpose in INPUT_GRADIENTS
    needs_z = keep or output or (back and shape.name not in FROM_OUTPUT)
    z = lowering.buffer(f"{path}.sums", info.outputs) if needs_z else None
    y = None if output else lowering.buffer(f"{path}.output", info.outputs)
    bias = lowering.piece(f"{path}.bias") if layer.bias else None
    weight = lowering.piece(f"{path}.weight", copy=ROUNDED if lowering.rounds else "")
    if first_layer.reads_csr(lowering, path):
        first_layer.forward(lowering, path, x, weight, bias, (y, z, shape))
    else:
        lowering.add(s.Forward(path, x, weight, bias, y, z, shape, lowering.rounds))
    return Done(info, x, y or z or x, z)


def _dropout(lowering: Builder, info: LayerInfo, layer: Dropout, x: Buffer) -> Done:
    if lowering.purpose not in STEPS or layer.rate == 0.0:
        return Done(info, x, x)
    y = lowering.buffer(f"{info.path}.output", info.outputs)
    factors = lowering.buffer(f"{info.path}.factors", info.outputs)
    lowering.add(s.Drop(x, factors, y, Scalar(f"{info.path}.rate", float(layer.rate)), info.index))
    return Done(info, x, y, n=factors)


def _batch_norm(lowering: Builder, info: LayerInfo, layer: BatchNorm, x: Buffer, y: Buffer) -> Done:
    path, width = info.path, info.outputs
    scale, bias = lowering.piece(f"{path}.scale"), lowering.piece(f"{path}.bias")
    running = lowering.piece(f"{path}.running_mean"), lowering.piece(f"{path}.running_var")
    if not (lowering.learns and layer.trainable):
        lowering.add(s.NormalizeColumn(x, *running, scale, bias, None, y, layer.epsilon))
        return Done(info, x, y)
    mean, variance = (lowering.buffer(batch_statistic(old.name), width, "vector") for old in running)
    lowering.add(s.ColumnStatistics(x, mean, variance))
    n = lowering.buffer(f"{path}.standard", width)
    lowering.add(s.NormalizeColumn(x, mean, variance, scale, bias, n, y, layer.epsilon))
    if lowering.purpose in STEPS:
        pairs = zip(running, (mean, variance), strict=True)
        lowering.last += [s.RunningStatistics(old, new, layer.momentum) for old, new in pairs]
    return Done(info, x, y, n=n, statistics=(mean, variance))
