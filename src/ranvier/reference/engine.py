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

from ranvier.engine import Cancelled, CompileSpec, LayerValues, RowsHandle, Span, State, check_separable
from ranvier.engine.fast_paths import NoFastPaths
from ranvier.engine.protocol import never_cancel, unlimited
from ranvier.engine.serialize import Serialized, changes_state, serialized
from ranvier.errors import EngineError, ShapeError
from ranvier.network.layers import Dense
from ranvier.network.penalties import penalty, penalty_gradient
from ranvier.records import record
from ranvier.reference import activations, losses, network, optimizers, rows_handle, sparse
from ranvier.reference.bfloat16 import to_bfloat16
from ranvier.rows import Inputs, Rows, as_inputs
from ranvier.rows.class_numbers import one_hot

Array = NDArray[Any]
BLOCK = 32


@record
class ReferenceEngine:
    """The specification of all engines: readable, float64, slow.

    >>> ReferenceEngine().why_unavailable() is None
    True
    """

    name: str = "reference"

    def why_unavailable(self) -> str | None:
        """Always None: this engine runs wherever NumPy does."""
        return None

    def compile(self, spec: CompileSpec) -> ReferenceExecutable:
        """Prepare a spec for running."""
        return ReferenceExecutable(spec)

    def at_once(self, spec: CompileSpec, trainings: int) -> int:
        """Always 1: Python runs one thread at a time."""
        return 1


class ReferenceExecutable(NoFastPaths, Serialized):
    """A network ready to run; see `ranvier.engine.Executable`. Threads may share it: each method waits for its turn."""

    dtype: type[np.floating[Any]] = np.float64

    def __init__(self, spec: CompileSpec) -> None:
        super().__init__()
        self.spec = spec
        self.should_cancel: Callable[[], bool] = never_cancel
        self.thread_limit: Callable[[], int] = unlimited
        self._table, self._layer_infos = spec.network.parameter_table, spec.network.layer_infos
        self._trained, self._decayed = self._table.trainable_mask(), self._table.decay_mask()
        self._l1, self._l2 = self._table.l1(), self._table.l2()
        self._factors = self._table.learning_rate_factors()
        self._penalized = bool(self._l1.any() or self._l2.any())
        self._slot_names = None if spec.optimizer.full_batch else [name for name, _ in spec.optimizer.rule().slots]
        self._is_bfloat16, self.step_seconds = spec.precision == "bfloat16", 0.0
        self._state: State | None = None
        self._parameters: dict[str, Array] = {}

    @changes_state
    def set_state(self, state: State) -> None:
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
        self.incomplete = False
        self._parameters = self._table.views(self._state.parameters)

    @changes_state
    def restore(self, parameters: Array) -> None:
        """Take a copy of parameters, shape (P,); the slots and the step stay.

        Raises:
            ShapeError: they do not belong to this network.
        """
        w = self._loaded().parameters
        if np.shape(parameters) != w.shape:
            raise ShapeError(
                f"The parameters have shape {np.shape(parameters)}; this network has {len(w)}, shape (P,)."
            )
        w[:] = parameters

    @serialized
    def snapshot(self, averaged: bool = False) -> Array:
        """A copy of the parameters alone, (P,); `averaged` as in `ranvier.engine.Executable`."""
        state = self._loaded()
        if not averaged or self.spec.optimizer.ema_decay is None or self._slot_names is None:
            return state.parameters.copy()
        return np.where(self._trained, state.slots[self._slot_names.index("average")], state.parameters)

    def upload(self, rows: Rows) -> rows_handle.ReferenceRows:
        """Rows in the blocks that the spec says, checked and converted once.

        Raises:
            ShapeError: they are not as wide as the network.
        """
        return rows_handle.upload(rows, self.spec)

    @serialized
    def get_state(self) -> State:
        """A copy of the training state."""
        state = self._loaded()
        return State(state.parameters.copy(), state.slots.copy(), state.step)

    @changes_state
    def release(self) -> State:
        """The training state itself; frees the resources of the engine."""
        state = self._loaded()
        self.close()
        return state

    @changes_state
    def run(self, rows: Rows | RowsHandle, span: Span) -> NDArray[np.float64]:
        """Run the steps of a span; returns the loss of each step before its update, without penalties, shape (k,).

        Stops between two steps if `should_cancel()` is true. A diverging run returns infinite or NaN losses, without a
        warning.

        Raises:
            EngineError: the optimizer is L-BFGS, which the training loop runs through `loss_and_gradient`.
        """
        self._loaded()
        rows, step_losses = rows_handle.rows_of(rows, self.spec), np.empty(span.steps)
        with np.errstate(all="ignore"):
            for number in range(span.steps):
                if number and self.should_cancel():
                    return step_losses[:number]
                batch = span.order[span.starts[number] : span.starts[number + 1]]
                step_losses[number] = self._step(rows, batch, float(span.scalars[number, 0]))
        return step_losses

    @serialized
    def gradient(self, rows: Rows | RowsHandle, batch: NDArray[np.int64], step: int) -> tuple[float, Array]:
        """The loss of a batch and the gradient (P,) that step number `step` of `run` would move by; nothing moves.

        See `ranvier.engine.Executable` for what it holds.

        Raises:
            Cancelled: `should_cancel` says so, which is asked once.
            EngineError: the optimizer is L-BFGS, or the inputs have a CSR block.
        """
        self._loaded()
        check_separable(self.spec)
        if self.should_cancel():
            raise Cancelled
        with np.errstate(all="ignore"):
            loss, gradient, _ = self._step_gradient(rows_handle.rows_of(rows, self.spec), batch, step)
        return loss, gradient

    @changes_state
    def apply(self, gradient: Array, scalars: NDArray[np.float64]) -> None:
        """Make a step by a gradient (P,), as `run` does: clip it, decay the weights, move, count the step.

        Parameters:
            scalars: what the optimizer's rule needs at this step, shape (H,); here the learning rate, the first one.

        Raises:
            ShapeError: the gradient or the scalars have another shape.
            EngineError: the optimizer is L-BFGS, or the inputs have a CSR block.
        """
        w = self._loaded().parameters
        check_separable(self.spec)
        n_scalars = len(self.spec.optimizer.rule().scalars)
        if np.shape(gradient) != w.shape or np.shape(scalars) != (n_scalars,):
            raise ShapeError(
                f"The gradient has shape {np.shape(gradient)} and the scalars {np.shape(scalars)}; this network and "
                f"optimizer need {w.shape} and {(n_scalars,)}."
            )
        with np.errstate(all="ignore"):
            self._update(np.asarray(gradient, np.float64), float(scalars[0]), self._trained)

    @serialized
    def loss_and_gradient(self, rows: Rows | RowsHandle) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient (P,): no dropout, batch statistics in BatchNorm.

        Raises:
            Cancelled: `should_cancel()` is true; it is called once.
        """
        w = self._loaded().parameters
        rows = rows_handle.rows_of(rows, self.spec)
        if self.should_cancel():
            raise Cancelled
        with np.errstate(all="ignore"):
            x, targets = self._as_float64(rows.inputs), one_hot(rows.targets, self.spec.network.outputs)
            mode = network.ForwardMode(batch_statistics=True, bfloat16=self._is_bfloat16)
            loss, gradient, _ = self._loss_and_gradient(x, targets, rows.weights, mode)
            penalized = loss + penalty(w, self._l1, self._l2)
            return penalized, gradient + penalty_gradient(w, self._l1, self._l2)

    @serialized
    def evaluate(self, rows: Rows | RowsHandle) -> tuple[float, Array]:
        """The loss over all rows, without penalties, and the outputs (rows, N), in inference mode.

        Raises:
            Cancelled: `should_cancel()` is true.
        """
        rows = rows_handle.rows_of(rows, self.spec)
        outputs = np.empty((len(rows), self.spec.network.outputs))
        row_losses = np.empty(len(rows))
        with np.errstate(all="ignore"):
            for block, records in self._blocks(rows.inputs):
                if self.should_cancel():
                    raise Cancelled
                count, last = block.stop - block.start, records[-1]
                y, z = last.y[:count], (last.y if last.z is None else last.z)[:count]
                outputs[block] = y
                row_losses[block] = losses.row_losses(
                    self.spec.loss, z, y, one_hot(rows.targets[block], self.spec.network.outputs)
                )
            return losses.batch_loss(row_losses, losses.as_weights(rows.weights)), outputs

    @serialized
    def outputs(self, inputs: Any) -> Array:
        """The outputs, shape (rows, N), in inference mode."""
        inputs = as_inputs(inputs, finite=True)
        outputs = np.empty((len(inputs), self.spec.network.outputs))
        with np.errstate(all="ignore"):
            for block, records in self._blocks(inputs):
                outputs[block] = records[-1].y[: block.stop - block.start]
        return outputs

    @serialized
    def input_gradients(self, inputs: Any, output_gradients: Array | None = None, logits: bool = False) -> Array:
        """The derivative of sum_j v_j y_j along the inputs, shape (rows, K); see `ranvier.engine.Executable`."""
        inputs = as_inputs(inputs)
        if output_gradients is None:
            unit_rows = [np.broadcast_to(row, (len(inputs), len(row))) for row in np.eye(self.spec.network.outputs)]
            return np.stack([self.input_gradients(inputs, unit, logits) for unit in unit_rows], axis=1)
        inputs = as_inputs(inputs, finite=True)
        gradients, parameters = np.empty(inputs.shape), self._rounded_parameters()
        with np.errstate(all="ignore"):
            for block, records in self._blocks(inputs, dense=True):
                count, last = block.stop - block.start, records[-1]
                delta = np.zeros((BLOCK, self.spec.network.outputs))
                delta[:count] = output_gradients[block]
                if last.z is not None and not logits:
                    delta = activations.backward(self.spec.network.output_activation, last.z, last.y, delta)
                gradients[block] = network.backward(records, parameters, delta, {})[:count]
        return gradients

    @serialized
    def activations(self, inputs: Any, averaged: bool = False) -> tuple[LayerValues, ...]:
        """The values of every layer, in inference mode; a residual block comes before its layers."""
        inputs, parameters = as_inputs(inputs), self._table.views(self.snapshot(True)) if averaged else None
        rows = len(inputs)
        layer_values = [
            LayerValues(
                info.path,
                np.empty((rows, info.outputs)) if isinstance(info.layer, Dense) else None,
                np.empty((rows, self.spec.output_width(info))),
            )
            for info in self.spec.network.iter_layers()
        ]
        with np.errstate(all="ignore"):
            for block, records in self._blocks(inputs, parameters=parameters):
                count = block.stop - block.start
                for values, layer_record in zip(layer_values, network.walk(records), strict=True):
                    values.outputs[block] = layer_record.y[:count]
                    if values.weighted_sums is not None and layer_record.z is not None:
                        values.weighted_sums[block] = layer_record.z[:count]
        return tuple(layer_values)

    @changes_state
    def close(self) -> None:
        """Free the resources of the engine."""
        self._state, self._parameters = None, {}

    def _loaded(self) -> State:
        self.check_complete()
        if self._state is None:
            raise EngineError("No training state is loaded; call set_state(state) first.")
        return self._state

    def _step(self, rows: Rows, batch: NDArray[np.int64], learning_rate: float) -> float:
        """One training step: forward, loss, backward, update. Returns the loss before the update."""
        if self._slot_names is None:
            raise EngineError(
                f"{self.spec.optimizer.name} trains on all rows at once; use loss_and_gradient in place of run."
            )
        loss, gradient, x = self._step_gradient(rows, batch, self._loaded().step)
        updated_mask = self._trained
        if x.entries is not None:
            first = f"{self.spec.csr_layer.path}.weight"
            updated_mask = updated_mask & sparse.touched_mask(x.entries, self._table, first)
        self._update(gradient, learning_rate, updated_mask)
        return loss

    def _step_gradient(self, rows: Rows, batch: NDArray[np.int64], step: int) -> tuple[float, Array, Inputs]:
        """The loss of a batch, the gradient (P,) of a step, and the batch's inputs.

        Where the flat array holds running statistics, the gradient holds those of the batch.
        """
        x, targets = self._as_float64(rows.inputs[batch]), one_hot(rows.targets[batch], self.spec.network.outputs)
        weights = None if rows.weights is None else rows.weights[batch]
        mode = network.ForwardMode(True, (self.spec.seed, step), self._is_bfloat16)
        loss, gradient, records = self._loss_and_gradient(x, targets, weights, mode)
        if self._penalized:
            gradient += penalty_gradient(self._loaded().parameters, self._l1, self._l2)
        for name, statistic in network.batch_statistics(records):
            gradient[self._table[name].slice] = statistic
        return loss, gradient, x

    def _update(self, gradient: Array, learning_rate: float, updated_mask: NDArray[np.bool_]) -> None:
        """Update the numbers of a mask by a gradient (P,), let running statistics follow, and count the step."""
        assert self._slot_names is not None
        state = self._loaded()
        w, t = state.parameters, state.step + 1
        slots = dict(zip(self._slot_names, state.slots, strict=True))
        used = np.where(updated_mask, gradient, 0.0)
        rates = learning_rate if self._factors is None else learning_rate * self._factors
        updated, new_slots = optimizers.step(self.spec.optimizer, w, used, slots, rates, t, self._decayed)
        updated = self._table.constrained(updated)
        if "average" in new_slots:
            new_slots["average"] = self._table.constrained(new_slots["average"])
        np.copyto(w, updated, where=updated_mask)
        for name, slot in slots.items():
            np.copyto(slot, new_slots[name], where=updated_mask)
        network.update_running_statistics(
            self.spec.network.iter_layers(), self._parameters, self._table.views(gradient)
        )
        self._state = State(w, state.slots, t)

    def _loss_and_gradient(
        self, x: Inputs, targets: Array, weights: Array | None, mode: network.ForwardMode
    ) -> tuple[float, Array, tuple[network.LayerRecord, ...]]:
        """The loss of a batch, its gradient (P,), and the records of the layers."""
        loss, activation = self.spec.loss, self.spec.network.output_activation
        parameters = self._rounded_parameters()
        records = network.forward(self._layer_infos, parameters, x.dense, mode, x.entries)
        y = records[-1].y
        z = y if records[-1].z is None else records[-1].z
        row_weights = losses.normalized_weights(len(x), losses.as_weights(weights))
        value = losses.batch_loss(losses.row_losses(loss, z, y, targets), losses.as_weights(weights))
        delta = row_weights[:, None] * losses.output_delta(loss, activation, z, y, targets)
        gradients: dict[str, Array] = {}
        network.backward(records, parameters, delta, gradients)
        gradient = np.zeros(self._table.size)
        for entry in self._table:
            if entry.trainable:
                gradient[entry.slice] = gradients[entry.name].ravel()
        return value, gradient, records

    def _blocks(
        self, inputs: Inputs, dense: bool = False, parameters: dict[str, Array] | None = None
    ) -> Iterator[tuple[slice, tuple[network.LayerRecord, ...]]]:
        """The forward pass, BLOCK rows at a time: each slice of rows, and the records of its layers with padding."""
        self._loaded()
        parameters, mode = self._rounded_parameters(parameters), network.ForwardMode(bfloat16=self._is_bfloat16)
        for start in range(0, len(inputs), BLOCK):
            block = slice(start, min(start + BLOCK, len(inputs)))
            rows = self._as_float64(inputs[block], dense)
            x = np.zeros((BLOCK, rows.n_dense))
            x[: len(rows)] = rows.dense
            csr = None if rows.entries is None else rows.entries.pad_rows(BLOCK)
            yield block, network.forward(self._layer_infos, parameters, x, mode, csr)

    def _rounded_parameters(self, parameters: dict[str, Array] | None = None) -> dict[str, Array]:
        """The parameters of the layers, or those given: weights are rounded if products take bfloat16."""
        parameters = parameters or self._parameters
        if not self._is_bfloat16:
            return parameters
        return {name: to_bfloat16(value) if value.ndim == 2 else value for name, value in parameters.items()}

    def _as_float64(self, inputs: Inputs, dense: bool = False) -> Inputs:
        """Inputs as float64, in the blocks of the spec, or all in the dense one."""
        spec = self.spec
        inputs = inputs.with_blocks(*((spec.network.inputs, False) if dense else (spec.n_dense, spec.sparse)))
        csr = inputs.entries
        return Inputs(inputs.dense.astype(np.float64), None if csr is None else csr.astype(np.float64))
