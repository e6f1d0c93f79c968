"""The reference engine: the pages of this folder behind the interface that every engine has.

It computes in float64 whatever precision is asked for, on the threads of NumPy's BLAS, and rounds what goes into
products where that is bfloat16. B rows, K inputs, N outputs, P parameters, k steps.

Same bits: the same state, rows and span give the same bits on the same machine with the same NumPy and BLAS, and k
steps in one span the same as k spans of one step. Predictions run in blocks of exactly BLOCK rows, the last one filled
up with zeros, so every product has the same shape, and a row gives the same bits alone or among others as long as BLAS
treats all rows of a product alike, as OpenBLAS does; nothing here can force it to. Another BLAS, CPU or number of BLAS
threads may change the last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Cancelled, CompileSpec, LayerValues, PlacedRows, Span, State, check_separable, never_cancel
from ranvier.engine.serialize import Serialized, serialized
from ranvier.errors import EngineError, ShapeError
from ranvier.network.layers import Dense
from ranvier.network.penalties import penalty, penalty_gradient
from ranvier.records import record
from ranvier.reference import losses, network, optimizers, placed, sparse
from ranvier.reference.bfloat16 import to_bfloat16
from ranvier.rows import Inputs, Rows, as_inputs
from ranvier.rows.finite import check_finite

Array = NDArray[Any]
BLOCK = 32


@record
class ReferenceEngine:
    """Slow, float64, readable: what the other engines must agree with.

    >>> ReferenceEngine().why_unavailable() is None
    True
    """

    name: str = "reference"

    def why_unavailable(self) -> str | None:
        """Why this engine cannot run here; it runs wherever NumPy does."""
        return None

    def compile(self, spec: CompileSpec) -> ReferenceExecutable:
        """Make a spec ready to run."""
        return ReferenceExecutable(spec)


class ReferenceExecutable(Serialized):
    """A network ready to run; see `ranvier.engine.Executable`. Threads may share it: each method waits for its turn."""

    dtype: type[np.floating[Any]] = np.float64

    def __init__(self, spec: CompileSpec) -> None:
        super().__init__()
        self.spec = spec
        self.should_cancel: Callable[[], bool] = never_cancel
        self._table = spec.network.parameter_table
        self._layer_infos = spec.network.layer_infos
        self._trained, self._decayed = self._table.trainable_mask(), self._table.decay_mask()
        self._l1, self._l2 = self._table.l1(), self._table.l2()
        self._penalized = bool(self._l1.any() or self._l2.any())
        full_batch = spec.optimizer.full_batch
        self._slot_names = None if full_batch else [name for name, _ in spec.optimizer.rule().slots]
        self._is_bfloat16 = spec.precision == "bfloat16"
        self._state: State | None = None
        self._parameters: dict[str, Array] = {}

    @serialized
    def set_state(self, state: State) -> None:
        """Take a copy of a training state.

        Raises:
            ShapeError: the state does not belong to this network and optimizer.
        """
        size, slots = self._table.size, np.array(state.slots, np.float64)
        rows = len(slots) if self._slot_names is None else len(self._slot_names)
        if np.shape(state.parameters) != (size,) or slots.shape != (rows, size):
            raise ShapeError(
                f"The state has parameters of shape {np.shape(state.parameters)} and slots of shape {slots.shape}; "
                f"this network and optimizer need {(size,)} and {(rows, size)}. Load a state made for them."
            )
        self._state = State(np.array(state.parameters, np.float64), slots, state.step)
        self._parameters = self._table.views(self._state.parameters)

    @serialized
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

    def place(self, rows: Rows) -> placed.ReferenceRows:
        """Rows in the blocks that the spec says, checked and converted once.

        Raises:
            ShapeError: they are not as wide as the network.
        """
        return placed.place(rows, self.spec)

    @serialized
    def get_state(self) -> State:
        """Give a copy of the training state."""
        state = self._loaded()
        return State(state.parameters.copy(), state.slots.copy(), state.step)

    @serialized
    def release(self) -> State:
        """Give the training state itself and free what the engine holds."""
        state = self._loaded()
        self.close()
        return state

    @serialized
    def run(self, rows: Rows | PlacedRows, span: Span) -> NDArray[np.float64]:
        """Make the steps of a span; gives each step's loss before its update, penalties left out, shape (k,).

        Between two steps, it ends where `should_cancel` says so. A diverging run gives losses that are infinite or not
        a number, without a warning.

        Raises:
            EngineError: the optimizer is L-BFGS, which the training loop drives through `loss_and_gradient`.
        """
        self._loaded()
        rows, found = placed.rows_of(rows, self.spec), np.empty(span.steps)
        with np.errstate(all="ignore"):
            for number in range(span.steps):
                if number and self.should_cancel():
                    return found[:number]
                batch = span.order[span.starts[number] : span.starts[number + 1]]
                found[number] = self._step(rows, batch, float(span.scalars[number, 0]))
        return found

    @serialized
    def gradient(self, rows: Rows | PlacedRows, batch: NDArray[np.int64], step: int) -> tuple[float, Array]:
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
            loss, gradient, _ = self._step_gradient(placed.rows_of(rows, self.spec), batch, step)
        return loss, gradient

    @serialized
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
    def loss_and_gradient(self, rows: Rows | PlacedRows) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient (P,): no dropout, batch statistics in BatchNorm.

        Raises:
            Cancelled: `should_cancel` says so, which is asked once.
        """
        w = self._loaded().parameters
        rows = placed.rows_of(rows, self.spec)
        if self.should_cancel():
            raise Cancelled
        with np.errstate(all="ignore"):
            x, targets = self._as_float64(rows.inputs), np.asarray(rows.targets, np.float64)
            mode = network.Mode(batch_statistics=True, bfloat16=self._is_bfloat16)
            loss, gradient, _ = self._loss_and_gradient(x, targets, rows.weights, mode)
            penalized = loss + penalty(w, self._l1, self._l2)
            return penalized, gradient + penalty_gradient(w, self._l1, self._l2)

    @serialized
    def evaluate(self, rows: Rows | PlacedRows) -> tuple[float, Array]:
        """The loss over all rows, penalties left out, and the outputs (rows, N), computed as for predictions.

        Raises:
            Cancelled: `should_cancel` says so.
        """
        rows = placed.rows_of(rows, self.spec)
        outputs = np.empty((len(rows), self.spec.network.outputs))
        each = np.empty(len(rows))
        with np.errstate(all="ignore"):
            for place, passed in self._blocks(rows.inputs):
                if self.should_cancel():
                    raise Cancelled
                count, last = place.stop - place.start, passed[-1]
                y, z = last.y[:count], (last.y if last.z is None else last.z)[:count]
                outputs[place] = y
                each[place] = losses.row_losses(self.spec.loss, z, y, np.asarray(rows.targets[place], np.float64))
            return losses.batch_loss(each, _as_weights(rows.weights)), outputs

    def try_fast_outputs(self, inputs: Array) -> None:
        """Nothing is quick here."""

    @serialized
    def outputs(self, inputs: Any) -> Array:
        """What the output layer says, shape (rows, N), computed as for predictions."""
        inputs = as_inputs(inputs)
        check_finite(inputs.dense)
        found = np.empty((len(inputs), self.spec.network.outputs))
        with np.errstate(all="ignore"):
            for place, passed in self._blocks(inputs):
                found[place] = passed[-1].y[: place.stop - place.start]
        return found

    @serialized
    def activations(self, inputs: Any) -> tuple[LayerValues, ...]:
        """What every layer computes, computed as for predictions; a residual block comes before its layers."""
        inputs = as_inputs(inputs)
        rows = len(inputs)
        found = [
            LayerValues(
                place.path,
                np.empty((rows, place.outputs)) if isinstance(place.layer, Dense) else None,
                np.empty((rows, place.outputs)),
            )
            for place in self.spec.network.iter_layers()
        ]
        with np.errstate(all="ignore"):
            for place, passed in self._blocks(inputs):
                count = place.stop - place.start
                for values, one in zip(found, network.walk(passed), strict=True):
                    values.outputs[place] = one.y[:count]
                    if values.weighted_sums is not None and one.z is not None:
                        values.weighted_sums[place] = one.z[:count]
        return tuple(found)

    @serialized
    def close(self) -> None:
        """Free what the engine holds."""
        self._state, self._parameters = None, {}

    def _loaded(self) -> State:
        if self._state is None:
            raise EngineError("No training state is loaded; call set_state(state) first.")
        return self._state

    def _step(self, rows: Rows, batch: NDArray[np.int64], learning_rate: float) -> float:
        """One step of training: forward, loss, backward, update. Gives the loss before the update."""
        if self._slot_names is None:
            raise EngineError(
                f"{self.spec.optimizer.name} trains on all rows at once; use loss_and_gradient in place of run."
            )
        loss, gradient, x = self._step_gradient(rows, batch, self._loaded().step)
        moving = self._trained
        if x.csr is not None:
            moving = moving & sparse.touched_mask(x.csr, self._table, f"{self._layer_infos[0].path}.weight")
        self._update(gradient, learning_rate, moving)
        return loss

    def _step_gradient(self, rows: Rows, batch: NDArray[np.int64], step: int) -> tuple[float, Array, Inputs]:
        """The loss of a batch, the gradient (P,) of a step, and the batch's inputs.

        Where the flat array holds running statistics, the gradient holds those of the batch.
        """
        x, targets = self._as_float64(rows.inputs[batch]), np.asarray(rows.targets[batch], np.float64)
        weights = None if rows.weights is None else rows.weights[batch]
        mode = network.Mode(True, (self.spec.seed, step), self._is_bfloat16)
        loss, gradient, passed = self._loss_and_gradient(x, targets, weights, mode)
        if self._penalized:
            gradient += penalty_gradient(self._loaded().parameters, self._l1, self._l2)
        for name, statistic in network.batch_statistics(passed):
            gradient[self._table[name].slice] = statistic
        return loss, gradient, x

    def _update(self, gradient: Array, learning_rate: float, moving: NDArray[np.bool_]) -> None:
        """Move what `moving` says by a gradient (P,), let running statistics follow, and count the step."""
        assert self._slot_names is not None
        state = self._loaded()
        w, t = state.parameters, state.step + 1
        slots = dict(zip(self._slot_names, state.slots, strict=True))
        used = np.where(moving, gradient, 0.0)
        moved, new_slots = optimizers.step(self.spec.optimizer, w, used, slots, learning_rate, t, self._decayed)
        np.copyto(w, moved, where=moving)
        for name, slot in slots.items():
            np.copyto(slot, new_slots[name], where=moving)
        network.update_running_statistics(
            self.spec.network.iter_layers(), self._parameters, self._table.views(gradient)
        )
        self._state = State(w, state.slots, t)

    def _loss_and_gradient(
        self, x: Inputs, targets: Array, weights: Array | None, mode: network.Mode
    ) -> tuple[float, Array, tuple[network.Passed, ...]]:
        """The loss of a batch, its gradient (P,), and what the layers did."""
        loss, activation = self.spec.loss, self.spec.network.output_activation
        parameters = self._rounded_parameters()
        passed = network.forward(self._layer_infos, parameters, x.dense, mode, x.csr)
        y = passed[-1].y
        z = y if passed[-1].z is None else passed[-1].z
        shares = losses.row_shares(len(x), _as_weights(weights))
        value = losses.batch_loss(losses.row_losses(loss, z, y, targets), _as_weights(weights))
        error = shares[:, None] * losses.output_error(loss, activation, z, y, targets)
        found: dict[str, Array] = {}
        network.backward(passed, parameters, error, found)
        gradient = np.zeros(self._table.size)
        for entry in self._table:
            if entry.trainable:
                gradient[entry.slice] = found[entry.name].ravel()
        return value, gradient, passed

    def _blocks(self, inputs: Inputs) -> Iterator[tuple[slice, tuple[network.Passed, ...]]]:
        """Send rows forward BLOCK at a time: where they stand, and what the layers did with them and the filling."""
        self._loaded()
        parameters, mode = self._rounded_parameters(), network.Mode(bfloat16=self._is_bfloat16)
        for start in range(0, len(inputs), BLOCK):
            place = slice(start, min(start + BLOCK, len(inputs)))
            block = self._as_float64(inputs[place])
            x = np.zeros((BLOCK, block.n_dense))
            x[: len(block)] = block.dense
            csr = None if block.csr is None else block.csr.pad_rows(BLOCK)
            yield place, network.forward(self._layer_infos, parameters, x, mode, csr)

    def _rounded_parameters(self) -> dict[str, Array]:
        """The parameters as the layers see them: weights rounded where products take bfloat16."""
        if not self._is_bfloat16:
            return self._parameters
        return {name: to_bfloat16(value) if value.ndim == 2 else value for name, value in self._parameters.items()}

    def _as_float64(self, inputs: Inputs) -> Inputs:
        """Inputs as float64, in the blocks that the spec says."""
        inputs = inputs.with_blocks(self.spec.n_dense, self.spec.sparse)
        return Inputs(inputs.dense.astype(np.float64), None if inputs.csr is None else inputs.csr.astype(np.float64))


def _as_weights(weights: Array | None) -> Array | None:
    return None if weights is None else np.asarray(weights, np.float64)
