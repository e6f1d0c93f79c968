"""A training step taken apart: what goes forward, the loss, what goes backward, the update. B rows, N outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, State
from ranvier.network.layers import Dense
from ranvier.records import record
from ranvier.reference import activations, losses, network
from ranvier.reference.engine import ReferenceEngine
from ranvier.rows import Rows
from ranvier.rows.class_numbers import one_hot

Array = NDArray[np.float64]


@record(eq=False)
class LayerTrace:
    """A layer within a step; arrays have a row for each row of the batch.

    Fields:
        path: of the layer.
        x, y: what goes in and what comes out, (B, K) and (B, N).
        z: the weighted sums of a Dense, (B, N); None for other layers.
        derivative: of the activation at z, (B, N); None where it has none, as softmax.
        dy, dz: the derivatives of the loss of the batch along y and z, (B, N). The output layer has no dy, where loss
            and activation are differentiated together.
    """

    path: str
    x: Array
    y: Array
    z: Array | None
    derivative: Array | None
    dy: Array | None
    dz: Array | None


@record(eq=False)
class StepTrace:
    """A step.

    Fields:
        layers: the layers in order, a Residual behind those that it holds.
        row_losses: the loss of each row, (B,).
        loss, loss_after: of the batch, before the step and after it, with the same dropout masks.
        gradients: name -> the derivative of the loss along each parameter, without penalties.
        gradient: what the optimizer gets, (P,): with penalties.
        before, after: the training state.
    """

    layers: tuple[LayerTrace, ...]
    row_losses: Array
    loss: float
    loss_after: float
    gradients: dict[str, Array]
    gradient: Array
    before: State
    after: State


def trace_step(spec: CompileSpec, state: State, rows: Rows, batch: NDArray[np.int64], scalars: Array) -> StepTrace:
    """Make one step of the reference engine, and keep what it computes on the way.

    Parameters:
        spec: as for the engine; its rows are dense.
        state: the training state before the step.
        batch: the numbers of the rows of the batch, (B,).
        scalars: of the optimizer for this step, (H,).

    Raises:
        EngineError: the inputs are sparse rows, or the optimizer trains on all rows at once.
    """
    executable = ReferenceEngine().compile(spec)
    executable.set_state(state)
    loss, gradient = executable.gradient(rows, batch, state.step)
    executable.apply(gradient, scalars)
    after = executable.get_state()
    loss_after, _ = executable.gradient(rows, batch, state.step)
    with np.errstate(all="ignore"):
        layers, row_losses, gradients = _taken_apart(spec, state, rows, batch)
    return StepTrace(layers, row_losses, loss, loss_after, gradients, gradient, state, after)


def batch_loss_at(spec: CompileSpec, state: State, rows: Rows, batch: NDArray[np.int64]) -> tuple[float, list[Array]]:
    """The loss of a batch without penalties, and the derivatives of the activations of each layer that has them."""
    with np.errstate(all="ignore"):
        records, targets, weights = _forward(spec, state, rows, batch)
        last = records[-1]
        row_losses = losses.row_losses(spec.loss, last.y if last.z is None else last.z, last.y, targets)
        slopes = []
        for entry in _with_children(records):
            layer: Any = entry.info.layer
            if entry.z is not None and layer.activation.name != "softmax":
                slopes.append(activations.derivative(layer.activation, entry.z))
        return losses.batch_loss(row_losses, weights), slopes


def _with_children(records: Sequence[network.LayerRecord]) -> Iterator[network.LayerRecord]:
    """The records in order, those within a Residual before its own."""
    for entry in records:
        yield from _with_children(entry.children)
        yield entry


def _forward(
    spec: CompileSpec, state: State, rows: Rows, batch: NDArray[np.int64]
) -> tuple[tuple[network.LayerRecord, ...], Array, Array | None]:
    """The records of the layers, the targets and the weights of a batch."""
    parameters = spec.network.parameter_table.views(np.asarray(state.parameters, np.float64))
    mode = network.ForwardMode(True, (spec.seed, state.step))
    x = rows.inputs[batch].dense.astype(np.float64)
    targets = one_hot(rows.targets[batch], spec.network.outputs)
    weights = None if rows.weights is None else np.asarray(rows.weights[batch], np.float64)
    return network.forward(spec.network.layer_infos, parameters, x, mode), targets, weights


def _taken_apart(
    spec: CompileSpec, state: State, rows: Rows, batch: NDArray[np.int64]
) -> tuple[tuple[LayerTrace, ...], Array, dict[str, Array]]:
    """The layers, the loss of each row, and the gradients of the parameters."""
    records, targets, weights = _forward(spec, state, rows, batch)
    parameters: Any = spec.network.parameter_table.views(np.asarray(state.parameters, np.float64))
    last = records[-1]
    z = last.y if last.z is None else last.z
    row_losses = losses.row_losses(spec.loss, z, last.y, targets)
    delta = losses.output_delta(spec.loss, spec.network.output_activation, z, last.y, targets)
    delta = losses.normalized_weights(len(batch), weights)[:, None] * delta
    gradients: dict[str, Array] = {}
    layers: list[LayerTrace] = []

    def backward(chain: Sequence[network.LayerRecord], dy: Array) -> Array:
        """The derivative along what goes into a chain of layers, which are written down from the last one on."""
        for entry in reversed(chain):
            layer: Any = entry.info.layer
            path, x, y, z = entry.info.path, entry.x, entry.y, entry.z
            if isinstance(layer, Dense) and z is not None:
                ends, is_softmax = entry is last, layer.activation.name == "softmax"
                dz = dy if ends else activations.backward(layer.activation, z, y, dy)
                derivative = None if is_softmax else activations.derivative(layer.activation, z)
                layers.append(LayerTrace(path, x, y, z, derivative, None if ends else dy, dz))
                dy = network.weighted_sum_backward(entry, parameters, dz, gradients)
                continue
            layers.append(LayerTrace(path, x, y, None, None, dy, None))
            # The input of a Residual goes on beside its layers, too.
            inner = entry.children
            dy = dy + backward(inner, dy) if inner else network.layer_backward(entry, parameters, dy, gradients)
        return dy

    backward(records, delta)
    return tuple(reversed(layers)), row_losses, gradients
