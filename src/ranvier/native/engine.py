"""The native engine: a problem is planned, printed as LLVM IR, compiled to its exact shape and run in spans.

Same bits: the result of a span depends on the state, the rows, the span and the precision alone; not on the number of
threads, nor on the vector width, nor on how steps are cut into spans.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.problem import LayerValues, Problem, Span, State
from ranvier.engine.protocol import Stopped, never
from ranvier.errors import EngineError, ShapeError
from ranvier.native import objective as parts
from ranvier.native.compiled import planned
from ranvier.native.lowering.lowered import GRADIENT, PREDICT, ROUNDED, TRAIN, TRANSPOSED, WATCH
from ranvier.native.lowering.sparse import entries
from ranvier.native.machine import barrier, cpu, memory
from ranvier.native.processor import machine
from ranvier.native.program import Few, Program, Resident, check_shape, check_span, rows_of, worth_few
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.layouts import size_of
from ranvier.native.scheduling.packing import bfloat16_of, pack, transposed, unpack
from ranvier.native.scheduling.plan import Plan
from ranvier.native.serialize import Serialized, serialized
from ranvier.network.layers import Dense
from ranvier.records import record
from ranvier.rows import Inputs, Rows, as_inputs
from ranvier.rows.finite import seem_finite

Array = NDArray[Any]


@record
class NativeEngine:
    """Machine code made for each network.

    >>> NativeEngine().name
    'native'
    """

    name: str = "native"

    def unavailable(self) -> str | None:
        """Why this engine cannot run here, as a sentence without its full stop; None where it can."""
        reason = cpu.available()
        if reason is None:
            try:
                cpu.target()
            except EngineError as error:
                reason = str(error).rstrip(".")
        return reason

    def compile(self, problem: Problem) -> NativeExecutable:
        """Make a problem ready to run.

        Raises:
            EngineError: the problem asks for something that this engine does not have.
        """
        return NativeExecutable(problem)

    def plan(self, problem: Problem, measure: bool = False) -> str:
        """What a training step does, as a readable loop nest; see `Plan.show`.

        Parameters:
            measure: add how long each step takes here, see `native.measure`.

        Raises:
            EngineError: the problem asks for something that this engine does not have.
        """
        executable = self.compile(problem)
        text = executable.plan.show(executable.threads)
        if measure:
            from ranvier.native.measure import measured_text

            text += "\n" + measured_text(executable)
        return text


class NativeExecutable(Serialized):
    """A network ready to run. `load` comes first; the state is its own from then on. Threads may share it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem
        self.stopped: Callable[[], bool] = never
        self.dtype: type[np.floating[Any]] = np.float64 if problem.dtype == "float64" else np.float32
        self.target = cpu.target()
        self.machine = machine(self.target, problem.precision)
        self.available = cpu.threads() if problem.threads else cpu.default_threads()
        self._threads = cost.training_threads(problem, self.available)
        self._size, self._table = problem.network.parameter_table.size, entries(problem)
        full_batch = problem.optimizer.full_batch
        self._slots = () if full_batch else tuple(name for name, _ in problem.optimizer.rule().slots)
        self._state: dict[str, Array] = {}
        self._untouched: set[str] = set()
        self._kept_slots: dict[str, Array] = {}
        self._steps_done = memory.zeros(1, np.int64)
        self._finite = True
        self._loaded = False
        self._programs: dict[str, Program] = {}
        self._barrier = barrier.new_state(self._threads)
        self._resident: Resident | None = None
        self._few: dict[tuple[tuple[int, ...], np.dtype[Any]], Few] = {}
        # The parts that cannot be planned are found before anything runs.
        self._plan = planned(problem, GRADIENT if full_batch else TRAIN, self.machine, self.threads)
        self._reserve_state()

    @property
    def threads(self) -> int:
        """How many threads make the steps."""
        return self._threads

    @threads.setter
    def threads(self, count: int) -> None:
        self._threads = count
        self._barrier = barrier.new_state(count)
        self._programs.clear()
        self._few.clear()

    def __reduce__(self) -> NoReturn:
        raise EngineError("Compiled code belongs to its process and cannot be pickled; pickle the state it reads.")

    # State

    def _reserve_state(self) -> None:
        plans = [self._plan, planned(self.problem, PREDICT, self.machine, 1)]
        names = {entry.name for entry in self._table}
        for plan in plans:
            for buffer in plan.buffers:
                owner, _, suffix = buffer.name.rpartition(".")
                copy, _, copied = buffer.name.partition(".")
                mine = buffer.name in names or (owner in names and suffix in self._slots)
                mine = mine or (copied in names and copy in (ROUNDED, TRANSPOSED))
                if mine and buffer.name not in self._state:
                    self._state[buffer.name] = memory.zeros(size_of(buffer, 1), self.dtype)
                    self._untouched.add(buffer.name)
        self._buffers = {b.name: b for plan in plans for b in plan.buffers if b.name in self._state}

    @serialized
    def load(self, state: State) -> None:
        """Take a copy of a training state.

        Raises:
            ShapeError: the state does not belong to this network and optimizer.
        """
        size, slots = self._size, np.asarray(state.slots)
        rows = len(slots) if self.problem.optimizer.full_batch else len(self._slots)
        if np.shape(state.parameters) != (size,) or slots.shape != (rows, size):
            raise ShapeError(
                f"The state has parameters of shape {np.shape(state.parameters)} and slots of shape {slots.shape}; "
                f"this network and optimizer need {(size,)} and {(rows, size)}. Load a state made for them."
            )
        if not self._state:
            self._reserve_state()
        self._slot_rows, self._steps_done[0] = rows, state.step
        self._loaded = True
        parameters = np.asarray(state.parameters)
        kept = [entry for entry in self._table if self.problem.optimizer.full_batch or not entry.trainable]
        self._kept_slots = {entry.name: np.array(slots[:, entry.slice], self.dtype) for entry in kept}
        self._finite = seem_finite(parameters)
        self._few.clear()
        for program in self._programs.values():
            program.set(may_skip_zeros=self._finite)
        for entry in self._table:
            self._pack(entry.name, parameters[entry.slice].reshape(entry.shape))
            for name, slot in zip(self._slots, slots, strict=False):
                self._pack(f"{entry.name}.{name}", slot[entry.slice].reshape(entry.shape))
            if len(entry.shape) == 2:
                seen = parameters[entry.slice].reshape(entry.shape)
                if self.problem.precision == "bfloat16":
                    seen = bfloat16_of(seen)
                self._pack(f"{ROUNDED}.{entry.name}", seen)
                self._pack(f"{TRANSPOSED}.{entry.name}", transposed(seen, entry.groups))

    def _pack(self, name: str, values: Array) -> None:
        # Memory that nobody wrote to is zero and takes no room yet.
        if name in self._state and not (name in self._untouched and not values.any()):
            self._untouched.discard(name)
            pack(values, self._buffers[name], self._state[name])

    @serialized
    def read(self) -> State:
        """Give a copy of the training state."""
        return self._read(self._state.get)

    @serialized
    def finish(self) -> State:
        """Give the training state and free everything else; each piece is freed as soon as it is unpacked.

        `load` comes before anything else again.
        """
        self._check_loaded()
        self._programs.clear()
        self._few.clear()
        self._resident = None
        for name in [name for name in self._state if name.startswith((f"{ROUNDED}.", f"{TRANSPOSED}."))]:
            del self._state[name]
        state = self._read(lambda name: self._state.pop(name, None))
        self.close()
        return state

    def _read(self, take: Callable[[str], Array | None]) -> State:
        self._check_loaded()
        parameters = np.empty(self._size, self.dtype)
        slots = np.empty((self._slot_rows, self._size), self.dtype)
        for entry in self._table:
            if entry.name in self._kept_slots:
                slots[:, entry.slice] = self._kept_slots[entry.name]
            pieces = {entry.name: parameters}
            pieces |= {f"{entry.name}.{name}": slot for name, slot in zip(self._slots, slots, strict=False)}
            for name, flat in pieces.items():
                packed = take(name)
                if packed is not None:
                    unpack(packed, self._buffers[name], flat[entry.slice].reshape(entry.shape))
                del packed
        return State(parameters, slots, int(self._steps_done[0]))

    def _check_loaded(self) -> None:
        if not self._loaded:
            raise EngineError("No training state is loaded; call load(state) first.")

    def _program(self, purpose: str) -> Program:
        """The compiled plan for a purpose, made when it is first asked for."""
        if purpose not in self._programs:
            plan = planned(self.problem, purpose, self.machine, self.threads)
            self._programs[purpose] = Program(plan, self.target, self._state)
            seed = int(np.array(self.problem.seed, np.uint64).astype(np.int64))
            self._programs[purpose].set(seed=seed, may_skip_zeros=self._finite)
        return self._programs[purpose]

    def measured_program(self) -> Program:
        """The program of training steps, compiled so that it measures the time of each of them."""
        program = Program(self._plan, self.target, self._state, measured_threads=self.threads)
        return self._programs.setdefault(self._plan.purpose, program)

    def _residents(self, rows: Rows) -> Resident:
        if self._resident is None or not self._resident.holds(rows):
            self._resident = Resident(rows, self.problem)
        return self._resident

    # Running

    @serialized
    def run(self, rows: Rows, span: Span) -> NDArray[np.float64]:
        """Make the steps of a span; gives each step's loss before its update, penalties left out, shape (k,).

        A Ctrl-C ends it early where steps are long: then there are fewer losses, one for each step that was made.

        Raises:
            EngineError: the optimizer is L-BFGS, which the training loop drives through `objective`.
        """
        self._check_loaded()
        if self.problem.optimizer.full_batch:
            name = self.problem.optimizer.name
            raise EngineError(f"{name} trains on all rows at once; use objective in place of run.")
        order = np.ascontiguousarray(span.order, np.int64)
        starts = np.ascontiguousarray(span.starts, np.int64)
        check_span(span, len(rows), len(self.problem.optimizer.rule().scalars))
        program = self._program(TRAIN)
        resident = self._residents(rows)
        most = max(int(np.diff(starts).max(initial=1)), self.problem.batch_size)
        program.reserve(most, resident.entries(order, starts), self.threads)
        batches = (order, starts, span.scalars)
        self._untouched.clear()
        return program.learn(resident, batches, self._steps_done, self._barrier, self.threads, self.stopped)

    @serialized
    def objective(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient (P,): no dropout, batch statistics in BatchNorm.

        Raises:
            Stopped: `stopped` says so.
        """
        self._check_loaded()
        program, resident = self._program(GRADIENT), self._residents(rows)
        starts = parts.part_starts(self.problem.network, len(rows))
        order = np.arange(len(rows), dtype=np.int64)
        program.reserve(int(np.diff(starts).max()) or 1, resident.entries(order, starts), self.threads)
        loss, gradient = 0.0, np.zeros(self._size)
        for first, last, share in zip(starts[:-1], starts[1:], parts.part_shares(rows, starts), strict=True):
            if share > 0:
                batch = (order[first:last], np.array([0, last - first], np.int64), np.zeros((1, 0)))
                loss += share * self._part(program, resident, batch)
                parts.add_gradient(program, share, gradient)
        loss += parts.add_penalties(program, gradient)
        return float(loss), gradient.astype(self.dtype)

    def _part(self, program: Program, rows: Resident, batch: tuple[Array, Array, Array]) -> float:
        """The loss of a part of the objective, whose gradient the program stores."""
        while True:
            program.clear_tables()
            steps_done = np.zeros(1, np.int64)
            losses = program.learn(rows, batch, steps_done, self._barrier, self.threads, self.stopped)
            if len(losses):
                return float(losses[0])
            if self.stopped():
                raise Stopped

    def _predict(self, program: Program, inputs: Inputs, targets: Array | None) -> tuple[Array, Array | None]:
        """Outputs and, where targets are given, row losses."""
        self._check_loaded()
        check_shape("inputs", inputs, self.problem.network.inputs)
        return program.predict(inputs, targets, self.threads_for(len(inputs)), self.stopped)

    @property
    def allowed(self) -> int:
        """How many threads predictions may use."""
        return min(self.available, self.problem.threads or self.available)

    def threads_for(self, rows: int) -> int:
        """How many threads predictions of so many rows are worth."""
        work = 2 * cost.row_products(self.problem) * rows
        return max(1, min(self.allowed, work // cost.SMALL_PREDICTION))

    @serialized
    def evaluate(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows, penalties left out, and the outputs (rows, N), computed as for predictions.

        Raises:
            Stopped: `stopped` says so.
        """
        targets = Resident(rows, self.problem).targets
        outputs, each = self._predict(self._program(PREDICT), rows.inputs, targets)
        assert each is not None
        weights = np.ones(len(rows)) if rows.weights is None else np.asarray(rows.weights, np.float64)
        mass = weights.sum()
        loss = float(each.astype(np.float64) @ weights / mass) if mass > 0 else 0.0
        return loss, outputs

    def outputs(self, inputs: Any) -> Array:
        """The outputs of the last layer, shape (rows, N), computed as for predictions."""
        with self.lock:
            inputs = as_inputs(inputs)
            known = self.quick(inputs.dense) if inputs.csr is None else None
            if known is not None:
                return known
            self._check_loaded()
            check_shape("inputs", inputs, self.problem.network.inputs)
            program = self._program(PREDICT)
            outputs = self._predict(program, inputs, None)[0]
            dense = inputs.dense
            alone = inputs.csr is None and not self.problem.sparse and self.threads_for(len(dense)) == 1
            if alone and worth_few(dense):
                self._few[dense.shape, dense.dtype] = Few(program, dense.shape, dense.dtype, self.allowed > 1)
            return outputs

    def quick(self, inputs: Array) -> Array | None:
        """The outputs of a few rows of a shape and kind that was asked for before; None for all others."""
        with self.lock:
            few = self._few.get((inputs.shape, inputs.dtype))
            return None if few is None else few(inputs)

    @serialized
    def activations(self, inputs: Any) -> tuple[LayerValues, ...]:
        """What every layer computes, computed as for predictions; a residual block comes before its layers."""
        program = self._program(WATCH)
        inputs = as_inputs(inputs).with_blocks(self.problem.n_dense, self.problem.sparse)
        plan, rows = program.plan, len(inputs)
        values_of_layers = []
        for info in self.problem.network.iter_layers():
            sums = np.empty((rows, info.outputs), self.dtype) if isinstance(info.layer, Dense) else None
            values_of_layers.append(LayerValues(info.path, sums, np.empty((rows, info.outputs), self.dtype)))
        for start in range(0, rows, plan.rows):
            part = slice(start, min(start + plan.rows, rows))
            count = part.stop - start
            outputs, _ = self._predict(program, inputs[part], None)
            for values, (_, z, y) in zip(values_of_layers, plan.layers, strict=True):
                values.outputs[part] = rows_of(program, y, count)
                if values.weighted_sums is not None and z is not None:
                    values.weighted_sums[part] = rows_of(program, z, count)
            if isinstance(self.problem.network.layers[-1], Dense):
                values_of_layers[-1].outputs[part] = outputs
        return tuple(values_of_layers)

    @serialized
    def close(self) -> None:
        """Free what the engine holds."""
        self._programs.clear()
        self._few.clear()
        self._state.clear()
        self._untouched.clear()
        self._kept_slots.clear()
        self._resident = None
        self._loaded = False

    @property
    def plan(self) -> Plan:
        """What a training step does."""
        return self._plan
