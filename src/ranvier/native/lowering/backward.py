"""Lowering of the backward pass, layer by layer from last to first.

What is trained gets steps for its gradient; what is frozen gets none, and no error is handed to layers before which
nothing is trained. For the gradients of outputs along inputs, errors go back to the inputs and nothing is trained.
"""

from __future__ import annotations

from dataclasses import replace

from ranvier.errors import EngineError
from ranvier.native.lowering import first_layer
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.builder import Builder
from ranvier.native.lowering.forward import FROM_OUTPUT, Done
from ranvier.native.lowering.lowered import INPUT_GRADIENTS
from ranvier.network.activations import Activation
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Rescale, Residual


def chain_backward(lowering: Builder, layers: list[Done], dy: Buffer, is_dz: bool, needed: bool) -> Buffer:
    """Lower the backward pass of a chain of layers.

    Parameters:
        dy: the derivative along what the chain gave, or along its last weighted sums where `is_dz` holds.
        needed: whether somebody before the chain needs the derivative along what went in.

    Returns that derivative, or a buffer without meaning where nobody needs it.
    """
    for index in range(len(layers) - 1, -1, -1):
        done = layers[index]
        wanted = needed or any(has_trained(lowering, before) for before in layers[:index])
        if not (wanted or has_trained(lowering, done)):
            break
        if isinstance(done.info.layer, Dense):
            before = layers[index - 1] if index else None
            dy, is_dz = dense_back(lowering, done, before, dy, is_dz, wanted)
        else:
            dy, is_dz = layer_back(lowering, done, dy, wanted), False
    return dy


def is_trained(lowering: Builder, name: str) -> bool:
    """Whether the parameter of this name is trained."""
    return lowering.purpose not in INPUT_GRADIENTS and lowering.entries[name].trainable


def has_trained(lowering: Builder, done: Done) -> bool:
    """Whether something is trained in a layer."""
    names = (name for name, entry in lowering.entries.items() if entry.layer == done.info.index)
    return any(is_trained(lowering, name) for name in names) or any(
        has_trained(lowering, inner) for inner in done.inner
    )


def dense_back(
    lowering: Builder, done: Done, before: Done | None, dy: Buffer, is_dz: bool, wanted: bool
) -> tuple[Buffer, bool]:
    """Lower the backward pass of a Dense layer; returns the error before it, and whether that is one of sums."""
    layer, path = done.info.layer, done.info.path
    assert isinstance(layer, Dense)
    dz = dy if is_dz else derivative(lowering, done, layer.activation, dy)
    # Where the derivative is 1, the error is `dy`, which other layers may share.
    dz = lowering.rounded(dz, dz.name if is_dz or dz != dy else f"{path}.error")
    name, reads_csr = f"{path}.weight", first_layer.reads_csr(lowering, path)
    if reads_csr and lowering.purpose in INPUT_GRADIENTS:
        if before is not None:
            raise EngineError(
                f"The gradients along inputs with a CSR block go back to {path} alone, and layers stand "
                "before it. Choose engine='reference'."
            )
        return first_layer.csr_back(lowering, path, dz), False
    copy = lowering.transposed(name) if wanted else None
    if is_trained(lowering, name):
        weight = lowering.train(name, copy)
        if weight.value.kind != "table":
            lowering.last.append(s.WeightGradient(path, done.x, dz, weight, lowering.store))
        if reads_csr:
            lowering.last.append(first_layer.gradient(lowering, path, dz, weight))
    if layer.bias and is_trained(lowering, f"{path}.bias"):
        lowering.last.append(s.VectorGradient(dz, None, lowering.train(f"{path}.bias"), lowering.store))
    if copy is None:
        return dz, False
    dx = lowering.buffer(f"{path}.before", done.x.columns)
    if before is not None and isinstance(before.info.layer, Dense):
        shape = before.info.layer.activation
        derivative_input, direct = derivative_input_of(before, shape)
        lowering.add(s.Back(path, dz, copy, dx, shape, derivative_input, direct))
        return dx, True
    lowering.add(s.Back(path, dz, copy, dx, None, None, False))
    return dx, False


def derivative_input_of(done: Done, shape: Activation) -> tuple[Buffer, bool]:
    """What the derivative of an activation is computed from, and whether that is the output."""
    direct = shape.name in FROM_OUTPUT
    return (done.y if direct or done.z is None else done.z), direct


def derivative(lowering: Builder, done: Done, shape: Activation, dy: Buffer) -> Buffer:
    """The error of the weighted sums, from that of the outputs."""
    if shape.name == "identity":
        return dy
    dz = lowering.buffer(f"{done.info.path}.error", done.info.outputs)
    derivative_input, direct = derivative_input_of(done, shape)
    lowering.add(s.Derivative(dy, derivative_input, dz, shape, direct))
    return dz


def layer_back(lowering: Builder, done: Done, dy: Buffer, wanted: bool) -> Buffer:
    """Lower the backward pass of a layer that is not Dense."""
    layer, path = done.info.layer, done.info.path
    dx = dy
    if isinstance(layer, Residual):
        inner = chain_backward(lowering, done.inner, dy, False, wanted)
        if wanted:
            dx = lowering.buffer(f"{path}.before", done.info.inputs)
            lowering.add(s.Add(dy, inner, dx))
        return dx
    if isinstance(layer, Dropout):
        if done.n is not None and wanted:
            dx = lowering.buffer(f"{path}.before", done.info.inputs)
            lowering.add(s.Multiply(dy, done.n, dx))
        return dx
    if isinstance(layer, Rescale):
        if wanted:
            dx = lowering.buffer(f"{path}.before", done.info.inputs)
            lowering.add(s.Rescale(dy, dx, replace(layer, offset=0.0)))
        return dx
    if is_trained(lowering, f"{path}.scale"):
        normalized = done.x if isinstance(layer, LearnedScale) or done.n is None else done.n
        lowering.last.append(s.VectorGradient(dy, normalized, lowering.train(f"{path}.scale"), lowering.store))
        if not isinstance(layer, LearnedScale):
            lowering.last.append(s.VectorGradient(dy, None, lowering.train(f"{path}.bias"), lowering.store))
    if wanted:
        dx = lowering.buffer(f"{path}.before", done.x.columns)
        norm_back(lowering, done, dy, dx)
    return dx


def norm_back(lowering: Builder, done: Done, dy: Buffer, dx: Buffer) -> None:
    """Lower the data gradient of a layer that normalizes or scales."""
    layer, path, scale = done.info.layer, done.info.path, lowering.piece(f"{done.info.path}.scale")
    if isinstance(layer, LayerNorm) and done.n and done.deviation:
        lowering.add(s.NormalizeRowBack(dy, scale, done.n, done.deviation, dx))
    elif isinstance(layer, BatchNorm) and done.n and done.statistics:
        width = done.info.outputs
        dscale, dbias = (lowering.buffer(f"{path}.{name}", width, "vector") for name in ("dscale", "dbias"))
        lowering.add(s.ColumnSums(dy, done.n, dscale), s.ColumnSums(dy, None, dbias))
        variance = done.statistics[1]
        lowering.add(s.NormalizeColumnBack(dy, done.n, scale, variance, dscale, dbias, dx, layer.epsilon))
    elif isinstance(layer, BatchNorm):
        lowering.add(s.ScaleColumn(dy, scale, lowering.piece(f"{path}.running_var"), dx, layer.epsilon))
    else:
        lowering.add(s.Multiply(dy, scale, dx))
