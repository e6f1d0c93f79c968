"""A network ready to run: what the engine promises, on compiled plans and the memory of one network."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Cancelled, LayerValues, RowsHandle, Span, State, check_separable
from ranvier.engine.serialize import changes_state, serialized
from ranvier.errors import EngineError, ShapeError
from ranvier.native import gradients
from ranvier.native.input_gradients import input_gradients
from ranvier.native.lowering.lowered import (
    GRADIENT,
    PREDICT,
    STEP_GRADIENT,
    TRAIN,
    UPDATE,
    WATCH,
)
from ranvier.native.members import NetworkWithMembers
from ranvier.native.program import Few, Program, check_span, rows_of, worth_few
from ranvier.native.ready_step import ReadyStep
from ranvier.native.resident import (
    AT_ONCE,
    DeferredRows,
    ResidentRows,
    check_shape,
    readable_rows,
    resident_rows,
    rows_of_span,
    uploaded,
)
from ranvier.native.scheduling import cost
from ranvier.network.layers import Dense
from ranvier.rows import Inputs, Rows, as_inputs

Array = NDArray[Any]


class NativeExecutable(NetworkWithMembers):
    """A network ready to run; see `ranvier.engine.Executable`. Threads may share it: each method waits for its turn."""

    def upload(self, rows: Rows) -> ResidentRows | DeferredRows:
        """Rows in the layout that compiled code reads, checked and converted once; they live as long as the handle.

        Raises:
            ShapeError: they are not as wide as the network.
        """
        return uploaded(rows, self.spec)

    @changes_state
    def run(self, rows: Rows | RowsHandle, span: Span) -> NDArray[np.float64]:
        """Make the steps of a span; gives each step's loss before its update, penalties left out, shape (k,).

        A Ctrl-C ends it early where steps are long: then there are fewer losses, one for each step that was made.

        Raises:
            EngineError: the optimizer is L-BFGS, which the training loop drives through `loss_and_gradient`.
        """
        self._check_loaded()
        if self.spec.optimizer.full_batch:
            name = self.spec.optimizer.name
            raise EngineError(f"{name} trains on all rows at once; use loss_and_gradient in place of run.")
        starts = np.ascontiguousarray(span.starts, np.int64)
        largest = check_span(span, len(rows), self._plans.n_scalars)
        program, (resident, order) = self._program(TRAIN), rows_of_span(rows, span, self.spec)
        program.reserve(max(largest, self.spec.batch_size), resident.entries(order, starts), self.threads)
        self._state.touch()
        self._weights_checked = False
        losses = self._learn(program, resident.words, (order, starts, span.scalars), self._state.steps_done, largest)
        if type(rows) is Rows and len(rows) == len(losses) == 1 and self._makes_fast_steps(rows):
            self._ready_step = ReadyStep(program, self._own_memory(), resident)
        return losses

    def _makes_fast_steps(self, rows: Rows) -> bool:
        """Whether steps on single rows like these are made ready once."""
        small = self._plans.layout.map is not None and self.threads == 1 and not self.plan.cancellable
        return small and rows.weights is None and not self.spec.sparse and rows.inputs.csr is None

    def try_fast_step(self, row: Array, target: Array, scalars: NDArray[np.float64]) -> tuple[float, State] | None:
        """A step on one row like one before, and the state after it; see `ranvier.engine.Executable`."""
        with self.lock:
            ready = self._ready_step
            if self.entered or ready is None or ready.memory is not self._memory or not ready.takes(row, target):
                return None
            self._check_loaded()
            state = ready.memory.state
            self.entered = self._changing = True
            try:
                state.update_copies(self.plan)
                state.touch()
                self._weights_checked = False
                return ready(row, target, scalars), state.get()
            finally:
                self.entered = self._changing = False

    def _learn(
        self,
        program: Program,
        words: dict[str, int],
        batches: tuple[Array, Array, Array],
        steps_done: Array,
        largest: int,
    ) -> NDArray[np.float64]:
        """Make steps, in pieces whose number of threads is chosen as they go; `largest` is the largest batch."""
        (order, starts, scalars), losses, barrier = batches, [], self._own_memory().barrier

        def some(first: int, count: int, threads: int) -> int:
            piece = order, starts[first : first + count + 1], scalars[first : first + count]
            losses.append(program.learn(words, piece, steps_done, barrier, threads, self.should_cancel, largest))
            return len(losses[-1])

        steps, most = len(starts) - 1, min(self.threads, self.thread_limit())
        if most == 1:
            return program.learn(words, batches, steps_done, barrier, 1, self.should_cancel, largest)
        self._chooser(program.plan).run(steps, some, most)
        return losses[0] if len(losses) == 1 else np.concatenate([np.zeros(0), *losses])

    @serialized
    def gradient(self, rows: Rows | RowsHandle, batch: NDArray[np.int64], step: int) -> tuple[float, Array]:
        """The loss of a batch and the gradient (P,) that step number `step` of `run` would move by; nothing moves.

        See `ranvier.engine.Executable` for what it holds.

        Raises:
            Cancelled: `should_cancel` says so.
            EngineError: the optimizer is L-BFGS, or the inputs have a CSR block.
        """
        self._check_loaded()
        check_separable(self.spec)
        order, starts = np.ascontiguousarray(batch, np.int64), np.array([0, len(batch)], np.int64)
        check_span(Span(order, starts, np.zeros((1, 0))), len(rows), 0)
        program, resident = self._program(STEP_GRADIENT), resident_rows(rows, self.spec)
        program.reserve(max(len(order), self.spec.batch_size), 0, self.threads)
        loss = self._one_batch(program, resident, (order, starts, np.zeros((1, 0))), step)
        return loss, gradients.stored_gradient(program)

    @changes_state
    def apply(self, gradient: Array, scalars: NDArray[np.float64]) -> None:
        """Make a step by a gradient (P,), as `run` does: clip it, decay the weights, move, count the step.

        Parameters:
            scalars: what the optimizer's rule needs at this step, shape (H,), a row of `Span.scalars`.

        Raises:
            ShapeError: the gradient or the scalars have another shape.
            EngineError: the optimizer is L-BFGS, or the inputs have a CSR block.
        """
        self._check_loaded()
        check_separable(self.spec)
        if np.shape(gradient) != (self._state.size,):
            raise ShapeError(
                f"The gradient has shape {np.shape(gradient)}; this network has {self._state.size} parameters, (P,)."
            )
        batches = np.zeros(1, np.int64), np.array([0, 1], np.int64), np.asarray(scalars, np.float64)[None]
        check_span(Span(*batches), 1, len(self.spec.optimizer.rule().scalars))
        program = self._program(UPDATE)
        program.reserve(1, 0, self.threads)
        gradients.store_gradient(program, np.asarray(gradient, self.dtype))
        self._state.touch()
        self._weights_checked = False
        self._learn(program, {"weights": 0}, batches, self._state.steps_done, 1)

    @serialized
    def loss_and_gradient(self, rows: Rows | RowsHandle) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient (P,): no dropout, batch statistics in BatchNorm.

        Raises:
            Cancelled: `should_cancel` says so.
        """
        self._check_loaded()
        program, resident = self._program(GRADIENT), resident_rows(rows, self.spec)
        starts = gradients.part_starts(self.spec.network, len(rows))
        order = np.arange(len(rows), dtype=np.int64)
        program.reserve(int(np.diff(starts).max()) or 1, resident.entries(order, starts), self.threads)
        loss, gradient = 0.0, np.zeros(self._state.size)
        fractions = gradients.part_fractions(resident.weights, starts)
        for first, last, fraction in zip(starts[:-1], starts[1:], fractions, strict=True):
            if fraction > 0:
                batch = (order[first:last], np.array([0, last - first], np.int64), np.zeros((1, 0)))
                loss += fraction * self._one_batch(program, resident, batch, 0)
                gradients.add_gradient(program, fraction, gradient)
        loss += gradients.add_penalties(program, gradient)
        return float(loss), gradient.astype(self.dtype)

    def _one_batch(self, program: Program, rows: ResidentRows, batch: tuple[Array, Array, Array], step: int) -> float:
        """The loss of a batch, whose gradient the program stores."""
        while True:
            program.clear_tables()
            losses = self._learn(program, rows.words, batch, np.full(1, step, np.int64), int(batch[1][-1]))
            if len(losses):
                return float(losses[0])
            if self.should_cancel():
                raise Cancelled

    def _predict(
        self, program: Program, rows: tuple[Inputs, dict[str, int]], targets: Array | None, threads: int | None = None
    ) -> tuple[Array, Array | None]:
        """Outputs and, where targets are given, row losses, by so many threads; None for as many as they are worth."""
        self._check_loaded()
        self._check_weights()
        threads = self.threads_for(len(rows[0])) if threads is None else threads
        return program.predict(rows, targets, threads, self._chooser(program.plan), self.should_cancel)

    @property
    def allowed(self) -> int:
        """How many threads predictions may use."""
        return min(self.available, self.spec.threads or self.available, self.thread_limit())

    def threads_for(self, rows: int) -> int:
        """How many threads predictions of so many rows are worth."""
        work = 2 * cost.row_products(self.spec) * rows
        return max(1, min(self.allowed, work // cost.SMALL_PREDICTION))

    @serialized
    def evaluate(self, rows: Rows | RowsHandle) -> tuple[float, Array]:
        """The loss over all rows, penalties left out, and the outputs (rows, N), computed as for predictions.

        Raises:
            Cancelled: `should_cancel` says so.
        """
        blocks = rows.blocks(self.spec) if isinstance(rows, DeferredRows) else [resident_rows(rows, self.spec)]
        parts = [self._evaluate_block(block) for block in blocks]
        total, mass = sum(part[0] for part in parts), sum(part[1] for part in parts)
        outputs = parts[0][2] if len(parts) == 1 else np.concatenate([part[2] for part in parts])
        return float(total / mass) if mass > 0 else 0.0, outputs

    def _evaluate_block(self, rows: ResidentRows) -> tuple[Any, Any, Array]:
        """The weighted sum of the losses of rows, the sum of their weights, and their outputs."""
        inputs = rows.inputs, rows.input_words
        outputs, losses = self._predict(self._program(PREDICT), inputs, rows.targets)
        assert losses is not None
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
        return losses.astype(np.float64) @ weights, weights.sum(), outputs

    def outputs(self, inputs: Any) -> Array:
        """The outputs of the last layer, shape (rows, N), computed as for predictions."""
        # What is not inputs yet is converted in our floating-point mode.
        ready = type(inputs) is Inputs and inputs.csr is None and type(inputs.block) is np.ndarray
        fast = self.try_fast_outputs(inputs.block) if ready else None
        return self._outputs(inputs) if fast is None else fast

    @serialized
    def _outputs(self, inputs: Any) -> Array:
        inputs = as_inputs(inputs)
        if inputs.is_deferred and len(inputs) > AT_ONCE:
            parts = (inputs[start : start + AT_ONCE] for start in range(0, len(inputs), AT_ONCE))
            return np.concatenate([self._outputs_at_once(part.in_memory()) for part in parts])
        return self._outputs_at_once(inputs.in_memory())

    def _outputs_at_once(self, inputs: Inputs) -> Array:
        """The outputs of rows whose numbers are in memory."""
        fast = self._fast_outputs(inputs.dense) if inputs.csr is None else None
        if fast is not None:
            return fast
        self._check_loaded()
        program = self._program(PREDICT)
        outputs = self._predict(program, self._readable(inputs), None)[0]
        dense = inputs.dense
        alone = inputs.csr is None and not self.spec.sparse and self.threads_for(len(dense)) == 1
        if alone and worth_few(dense):
            self._few[dense.shape, dense.dtype] = Few(program, dense.shape, dense.dtype, self.allowed > 1)
        return outputs

    @serialized
    def input_gradients(self, inputs: Any, output_gradients: Array | None = None, logits: bool = False) -> Array:
        """The derivative of sum_j v_j y_j along the inputs, (rows, K); see `ranvier.engine.Executable`."""
        self._check_loaded()
        return input_gradients(self.spec, as_inputs(inputs), output_gradients, logits, self._derive)

    def _derive(self, purpose: str, inputs: Inputs, output_gradients: Array | None, numbers: int) -> Array:
        program = self._input_program(purpose)
        self._check_weights()
        work = self.threads_for(2 * len(inputs)), self._chooser(program.plan), self.should_cancel
        return program.predict(readable_rows(inputs, self.spec), output_gradients, *work, numbers)[0]

    def try_fast_outputs(self, inputs: Array) -> Array | None:
        """The outputs of a few rows of a shape and kind that was asked for before; None for all others."""
        with self.lock:
            if self.entered:
                return None
            self.entered = True
            try:
                return self._fast_outputs(inputs)
            finally:
                self.entered = False

    def _fast_outputs(self, inputs: Array) -> Array | None:
        few = self._few.get((inputs.shape, inputs.dtype))
        if few is None:
            return None
        if not self._weights_checked:
            self._check_weights()
        return few(inputs)

    def _readable(self, inputs: Inputs) -> tuple[Inputs, dict[str, int]]:
        check_shape("inputs", inputs, self.spec.network.inputs)
        return readable_rows(inputs, self.spec)

    @serialized
    def activations(self, inputs: Any, averaged: bool = False) -> tuple[LayerValues, ...]:
        """What every layer computes, computed as for predictions; a residual block comes before its layers."""
        self._check_loaded()
        program = self._program(WATCH)
        self._check_weights()
        inputs = self._readable(as_inputs(inputs))[0]
        with self._with_averages(program) if averaged else nullcontext():
            return self._activations(program, inputs)

    def _activations(self, program: Program, inputs: Inputs) -> tuple[LayerValues, ...]:
        plan, rows = program.plan, len(inputs)
        values_of_layers = []
        for info in self.spec.network.iter_layers():
            sums = np.empty((rows, info.outputs), self.dtype) if isinstance(info.layer, Dense) else None
            outputs = np.empty((rows, self.spec.output_width(info)), self.dtype)
            values_of_layers.append(LayerValues(info.path, sums, outputs))
        for start in range(0, rows, plan.rows):
            part = slice(start, min(start + plan.rows, rows))
            count = part.stop - start
            # Each thread has a workspace of its own; the values are read from that of this one.
            outputs, _ = self._predict(program, self._readable(inputs[part]), None, threads=1)
            for values, (_, z, y) in zip(values_of_layers, plan.layers, strict=True):
                values.outputs[part] = rows_of(program, y, count)
                if values.weighted_sums is not None and z is not None:
                    values.weighted_sums[part] = rows_of(program, z, count)
            if isinstance(self.spec.network.layers[-1], Dense):
                values_of_layers[-1].outputs[part] = outputs
        return tuple(values_of_layers)
