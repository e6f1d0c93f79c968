"""The reference engine: the functions of this folder behind the engine interface.

It computes in float64 for every requested precision, on the threads of NumPy's BLAS, and rounds the operands of
products if the precision is bfloat16. B rows, K inputs, N outputs, P parameters, k steps.

Results are bit-identical for the same state, rows and span on the same machine with the same NumPy and BLAS, and k
steps in one span give the same bits as k spans of one step. Predictions run in blocks of exactly BLOCK rows, the last
one padded with zeros, so every product has the same shape, and the outputs of a row do not depend on other rows if BLAS
computes all rows of a product in the same way, as OpenBLAS does. Another BLAS, CPU or number of BLAS
threads may change the last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.problem import LayerValues, Problem, Span, State
from ranvier.engine.protocol import Stopped, never
from ranvier.errors import EngineError, ShapeError
from ranvier.network.layers import Dense
from ranvier.network.penalties import penalty, penalty_gradient
from ranvier.records import record
from ranvier.reference import losses, network, optimizers, sparse
from ranvier.reference.bfloat16 import to_bfloat16
from ranvier.rows import Inputs, Rows, as_inputs
from ranvier.rows.finite import check_finite

Array = NDArray[Any]
BLOCK = 32


@record
class ReferenceEngine:
    """The specification of all engines: readable, float64, slow.

    >>> ReferenceEngine().unavailable() is None
    True
    """

    name: str = "reference"

    def unavailable(self) -> str | None:
        """Always None: this engine runs wherever NumPy does."""
        return None

    def compile(self, problem: Problem) -> ReferenceExecutable:
        """Prepare a problem for running."""
        return ReferenceExecutable(problem)


class ReferenceExecutable:
    """A network ready to run. Call `load` first; it copies the state."""

    dtype: type[np.floating[Any]] = np.float64

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.stopped: Callable[[], bool] = never
        self._table = problem.network.parameter_table
        self._layer_infos = problem.network.layer_infos
        self._trained, self._decayed = self._table.trainable_mask(), self._table.decay_mask()
        self._l1, self._l2 = self._table.l1(), self._table.l2()
        self._penalized = bool(self._l1.any() or self._l2.any())
        full_batch = problem.optimizer.full_batch
        self._slot_names = None if full_batch else [name for name, _ in problem.optimizer.rule().slots]
        self._is_bfloat16 = problem.precision == "bfloat16"
        self._state: State | None = None
        self._parameters: dict[str, Array] = {}

    def load(self, state: State) -> None:
        """Load a copy of a training state.

        Raises:
            ShapeError: the state does not belong to this network and optimizer.
        """
        size, slots = self._table.size, np.array(state.slots, np.float64)
        rows = len(slots) if self._slot_names is None else len(self._slot_names)
        if np.shape(state.parameters) != (size,) or slots.shape != (rows, size):
            raise ShapeError(
                f"The state has parameters of shape {np.shape(state.parameters)} and slots of shape {slots.shape}; "
                f"this network and optimizer need {(size,)} and {(rows, size)}. Load a matching state."
            )
        self._state = State(np.array(state.parameters, np.float64), slots, state.step)
        self._parameters = self._table.views(self._state.parameters)

    def read(self) -> State:
        """A copy of the training state."""
        state = self._loaded()
        return State(state.parameters.copy(), state.slots.copy(), state.step)

    def finish(self) -> State:
        """The training state itself; frees the resources of the engine."""
        state = self._loaded()
        self.close()
        return state

    def run(self, rows: Rows, span: Span) -> NDArray[np.float64]:
        """Run the steps of a span; returns the loss of each step before its update, without penalties, shape (k,).

        Stops between two steps if `stopped()` is true. A diverging run returns infinite or NaN losses, without a
        warning.

        Raises:
            EngineError: the optimizer is L-BFGS, which the training loop runs through `objective`.
        """
        self._loaded()
        step_losses = np.empty(span.steps)
        with np.errstate(all="ignore"):
            for number in range(span.steps):
                if number and self.stopped():
                    return step_losses[:number]
                batch = span.order[span.starts[number] : span.starts[number + 1]]
                step_losses[number] = self._step(rows, batch, float(span.scalars[number, 0]))
        return step_losses

    def objective(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient (P,): no dropout, batch statistics in BatchNorm.

        Raises:
            Stopped: `stopped()` is true; it is called once.
        """
        w = self._loaded().parameters
        if self.stopped():
            raise Stopped
        with np.errstate(all="ignore"):
            x, targets = self._as_float64(rows.inputs), np.asarray(rows.targets, np.float64)
            mode = network.ForwardMode(batch_statistics=True, bfloat16=self._is_bfloat16)
            loss, gradient, _ = self._loss_and_gradient(x, targets, rows.weights, mode)
            penalized = loss + penalty(w, self._l1, self._l2)
            return penalized, gradient + penalty_gradient(w, self._l1, self._l2)

    def evaluate(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows, without penalties, and the outputs (rows, N), in inference mode.

        Raises:
            Stopped: `stopped()` is true.
        """
        outputs = np.empty((len(rows), self.problem.network.outputs))
        row_losses = np.empty(len(rows))
        with np.errstate(all="ignore"):
            for block, records in self._blocks(rows.inputs):
                if self.stopped():
                    raise Stopped
                count, last = block.stop - block.start, records[-1]
                y, z = last.y[:count], (last.y if last.z is None else last.z)[:count]
                outputs[block] = y
                row_losses[block] = losses.row_losses(
                    self.problem.loss, z, y, np.asarray(rows.targets[block], np.float64)
                )
            return losses.batch_loss(row_losses, _as_weights(rows.weights)), outputs

    def quick(self, inputs: Array) -> None:
        """None: this engine has no fast path."""

    def outputs(self, inputs: Any) -> Array:
        """The outputs, shape (rows, N), in inference mode."""
        inputs = as_inputs(inputs)
        check_finite(inputs.dense)
        outputs = np.empty((len(inputs), self.problem.network.outputs))
        with np.errstate(all="ignore"):
            for block, records in self._blocks(inputs):
                outputs[block] = records[-1].y[: block.stop - block.start]
        return outputs

    def activations(self, inputs: Any) -> tuple[LayerValues, ...]:
        """The values of every layer, in inference mode; a residual block comes before its layers."""
        inputs = as_inputs(inputs)
        rows = len(inputs)
        layer_values = [
            LayerValues(
                info.path,
                np.empty((rows, info.outputs)) if isinstance(info.layer, Dense) else None,
                np.empty((rows, info.outputs)),
            )
            for info in self.problem.network.iter_layers()
        ]
        with np.errstate(all="ignore"):
            for block, records in self._blocks(inputs):
                count = block.stop - block.start
                for values, layer_record in zip(layer_values, network.walk(records), strict=True):
                    values.outputs[block] = layer_record.y[:count]
                    if values.weighted_sums is not None and layer_record.z is not None:
                        values.weighted_sums[block] = layer_record.z[:count]
        return tuple(layer_values)

    def close(self) -> None:
        """Free the resources of the engine."""
        self._state, self._parameters = None, {}

    def _loaded(self) -> State:
        if self._state is None:
            raise EngineError("No training state is loaded; call load(state) first.")
        return self._state

    def _step(self, rows: Rows, batch: NDArray[np.int64], learning_rate: float) -> float:
        """One training step: forward, loss, backward, update. Returns the loss before the update."""
        if self._slot_names is None:
            raise EngineError(
                f"{self.problem.optimizer.name} trains on all rows at once; use objective in block of run."
            )
        state = self._loaded()
        w, t = state.parameters, state.step + 1
        x, targets = self._as_float64(rows.inputs[batch]), np.asarray(rows.targets[batch], np.float64)
        weights = None if rows.weights is None else rows.weights[batch]
        mode = network.ForwardMode(True, (self.problem.seed, state.step), self._is_bfloat16)
        loss, gradient, records = self._loss_and_gradient(x, targets, weights, mode)
        if self._penalized:
            gradient += penalty_gradient(w, self._l1, self._l2)
        updated_mask = self._trained
        if x.csr is not None:
            updated_mask = updated_mask & sparse.touched_mask(x.csr, self._table, f"{self._layer_infos[0].path}.weight")
            gradient = np.where(updated_mask, gradient, 0.0)
        slots = dict(zip(self._slot_names, state.slots, strict=True))
        updated, new_slots = optimizers.step(
            self.problem.optimizer, w, gradient, slots, learning_rate, t, self._decayed
        )
        np.copyto(w, updated, where=updated_mask)
        for name, slot in slots.items():
            np.copyto(slot, new_slots[name], where=updated_mask)
        network.update_running_statistics(records, self._parameters)
        self._state = State(w, state.slots, t)
        return loss

    def _loss_and_gradient(
        self, x: Inputs, targets: Array, weights: Array | None, mode: network.ForwardMode
    ) -> tuple[float, Array, tuple[network.LayerRecord, ...]]:
        """The loss of a batch, its gradient (P,), and the records of the layers."""
        loss, activation = self.problem.loss, self.problem.network.output_activation
        parameters = self._rounded_parameters()
        records = network.forward(self._layer_infos, parameters, x.dense, mode, x.csr)
        y = records[-1].y
        z = y if records[-1].z is None else records[-1].z
        row_weights = losses.normalized_weights(len(x), _as_weights(weights))
        value = losses.batch_loss(losses.row_losses(loss, z, y, targets), _as_weights(weights))
        delta = row_weights[:, None] * losses.output_delta(loss, activation, z, y, targets)
        gradients: dict[str, Array] = {}
        network.backward(records, parameters, delta, gradients)
        gradient = np.zeros(self._table.size)
        for entry in self._table:
            if entry.trainable:
                gradient[entry.slice] = gradients[entry.name].ravel()
        return value, gradient, records

    def _blocks(self, inputs: Inputs) -> Iterator[tuple[slice, tuple[network.LayerRecord, ...]]]:
        """The forward pass, BLOCK rows at a time: each slice of rows, and the records of its layers with padding."""
        self._loaded()
        parameters, mode = self._rounded_parameters(), network.ForwardMode(bfloat16=self._is_bfloat16)
        for start in range(0, len(inputs), BLOCK):
            block = slice(start, min(start + BLOCK, len(inputs)))
            rows = self._as_float64(inputs[block])
            x = np.zeros((BLOCK, rows.n_dense))
            x[: len(rows)] = rows.dense
            csr = None if rows.csr is None else rows.csr.pad_rows(BLOCK)
            yield block, network.forward(self._layer_infos, parameters, x, mode, csr)

    def _rounded_parameters(self) -> dict[str, Array]:
        """The parameters of the layers: weights are rounded if products take bfloat16."""
        if not self._is_bfloat16:
            return self._parameters
        return {name: to_bfloat16(value) if value.ndim == 2 else value for name, value in self._parameters.items()}

    def _as_float64(self, inputs: Inputs) -> Inputs:
        """Inputs as float64, in the blocks of the problem."""
        inputs = inputs.with_blocks(self.problem.n_dense, self.problem.sparse)
        return Inputs(inputs.dense.astype(np.float64), None if inputs.csr is None else inputs.csr.astype(np.float64))


def _as_weights(weights: Array | None) -> Array | None:
    return None if weights is None else np.asarray(weights, np.float64)
