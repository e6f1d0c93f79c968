"""The native engine: a problem is planned, printed as LLVM IR, compiled to its exact shape and run in spans.

Same bits: the result of a span depends on the state, the rows, the span and the precision alone; not on the number of
threads, nor on the vector width, nor on how steps are cut into spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.problem import LayerValues, Problem, Rows, Span, State
from ranvier.errors import EngineError, ShapeError
from ranvier.native.machine import barrier, cpu, memory
from ranvier.native.machine.target import Target
from ranvier.native.plan import cost
from ranvier.native.plan.lowering import GRADIENT, PREDICT, TRAIN, WATCH
from ranvier.native.plan.packing import pack, unpack
from ranvier.native.plan.plan import Machine, Plan, make_plan
from ranvier.native.plan.steps import Buffer
from ranvier.native.plan.tiles import PANEL, Registers
from ranvier.native.program import Program, Resident, check_shape, readable
from ranvier.network.layers import Dense

Array = NDArray[Any]
MANY_REGISTERS = 32
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True, slots=True)
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
        if problem.precision == "bfloat16":
            raise EngineError('The native engine computes in float32 and float64, not yet in bfloat16; use "float32".')
        return NativeExecutable(problem)

    def plan(self, problem: Problem) -> str:
        """What a training step does, as a readable loop nest; see `Plan.show`.

        Raises:
            EngineError: the problem asks for something that this engine does not have.
        """
        executable = self.compile(problem)
        return executable.plan.show(executable.threads)


def machine(target: Target, precision: str) -> Machine:
    """What plans need to know of a processor."""
    facts = cpu.facts()
    width = 64 if precision == "float64" else 32
    count = 16 if target.is_x86 and target.vector_bits < 512 else MANY_REGISTERS
    return Machine(Registers(count, max(1, PANEL * width // target.vector_bits)), facts.l1d, facts.l2)


class NativeExecutable:
    """A network ready to run. `load` comes first; the state is its own from then on."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.dtype: type[np.floating[Any]] = np.float64 if problem.precision == "float64" else np.float32
        self.target = cpu.target()
        self.machine = machine(self.target, problem.precision)
        self.available = cpu.threads() if problem.threads else cpu.default_threads()
        self._threads = cost.training_threads(problem, self.available)
        self._table = problem.network.parameter_table
        full_batch = problem.optimizer.full_batch
        self._slots = () if full_batch else tuple(name for name, _ in problem.optimizer.rule().slots)
        self._state: dict[str, Array] = {}
        self._kept_slots: Array | None = None
        self._step = 0
        self._loaded = False
        self._programs: dict[str, Program] = {}
        self._barrier = barrier.new_state(self._threads)
        self._resident: Resident | None = None
        # The parts that cannot be planned are found before anything runs.
        self._plan = make_plan(problem, GRADIENT if full_batch else TRAIN, self.machine, self.threads)
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

    def __reduce__(self) -> NoReturn:
        raise EngineError("Compiled code belongs to its process and cannot be pickled; pickle the state it reads.")

    # State

    def _reserve_state(self) -> None:
        plans = [self._plan, make_plan(self.problem, PREDICT, self.machine, 1)]
        names = {entry.name for entry in self._table}
        for plan in plans:
            for buffer in plan.buffers:
                owner, _, suffix = buffer.name.rpartition(".")
                mine = buffer.name in names or (owner in names and suffix in (*self._slots, "transposed"))
                if mine and buffer.name not in self._state:
                    self._state[buffer.name] = memory.zeros(buffer.size(1), self.dtype)
        self._buffers = {b.name: b for plan in plans for b in plan.buffers if b.name in self._state}

    def load(self, state: State) -> None:
        """Take a copy of a training state.

        Raises:
            ShapeError: the state does not belong to this network and optimizer.
        """
        size, slots = self._table.size, np.asarray(state.slots)
        rows = len(slots) if self.problem.optimizer.full_batch else len(self._slots)
        if np.shape(state.parameters) != (size,) or slots.shape != (rows, size):
            raise ShapeError(
                f"The state has parameters of shape {np.shape(state.parameters)} and slots of shape {slots.shape}; "
                f"this network and optimizer need {(size,)} and {(rows, size)}. Load a state made for them."
            )
        self._kept_slots = np.array(slots, self.dtype)
        self._step = state.step
        self._loaded = True
        parameters = np.asarray(state.parameters)
        for entry in self._table:
            self._pack(entry.name, parameters[entry.place].reshape(entry.shape))
            for name, slot in zip(self._slots, slots, strict=False):
                self._pack(f"{entry.name}.{name}", slot[entry.place].reshape(entry.shape))
            if f"{entry.name}.transposed" in self._state:
                self._pack(f"{entry.name}.transposed", parameters[entry.place].reshape(entry.shape).T)

    def _pack(self, name: str, values: Array) -> None:
        if name in self._state:
            pack(values, self._buffers[name], self._state[name])

    def read(self) -> State:
        """Give a copy of the training state."""
        self._check_loaded()
        assert self._kept_slots is not None
        parameters = np.empty(self._table.size, self.dtype)
        slots = self._kept_slots.copy()
        for entry in self._table:
            self._unpack(entry.name, parameters[entry.place].reshape(entry.shape))
            for name, slot in zip(self._slots, slots, strict=False):
                self._unpack(f"{entry.name}.{name}", slot[entry.place].reshape(entry.shape))
        return State(parameters, slots, self._step)

    def _unpack(self, name: str, out: Array) -> None:
        if name in self._state:
            unpack(self._state[name], self._buffers[name], out)

    def _check_loaded(self) -> None:
        if not self._loaded:
            raise EngineError("No training state is loaded; call load(state) first.")

    def _program(self, purpose: str) -> Program:
        """The compiled plan for a purpose, made when it is first asked for."""
        if purpose not in self._programs:
            plan = make_plan(self.problem, purpose, self.machine, self.threads)
            self._programs[purpose] = Program(plan, self.target, self._state)
        return self._programs[purpose]

    def _residents(self, rows: Rows) -> Resident:
        if self._resident is None or not self._resident.holds(rows):
            self._resident = Resident(rows, self.problem)
        return self._resident

    # Running

    def run(self, rows: Rows, span: Span) -> NDArray[np.float64]:
        """Make the steps of a span; gives each step's loss before its update, penalties left out, shape (k,).

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
        program.reserve(max(int(np.diff(starts).max(initial=1)), self.problem.batch_size))
        losses = self._steps(program, self._residents(rows), order, starts, span.scalars)
        self._step += span.steps
        return losses

    def _steps(
        self, program: Program, rows: Resident, order: Array, starts: Array, scalars: Array
    ) -> NDArray[np.float64]:
        """Run the steps of a plan that learns."""
        losses = np.zeros(len(starts) - 1)
        scalars = np.ascontiguousarray(scalars, np.float64)
        seed = np.array(self.problem.seed, np.uint64).astype(np.int64)
        program.set(
            barrier=memory.address(self._barrier),
            threads=self.threads,
            steps=len(losses),
            order=memory.address(order),
            starts=memory.address(starts),
            scalars=memory.address(scalars),
            results=memory.address(losses),
            first_step=self._step,
            seed=int(seed),
            **rows.words,
        )
        program.run(self.threads)
        return losses

    def objective(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows plus penalties, and its gradient (P,): no dropout, batch statistics in BatchNorm."""
        self._check_loaded()
        program = self._program(GRADIENT)
        program.reserve(max(len(rows), 1))
        order = np.arange(len(rows), dtype=np.int64)
        starts = np.array([0, len(rows)], np.int64)
        (loss,) = self._steps(program, self._residents(rows), order, starts, np.zeros((1, 0)))
        gradient = np.zeros(self._table.size, self.dtype)
        penalty = 0.0
        for trained in program.plan.trained:
            entry = trained.entry
            assert trained.gradient is not None
            memory_of = program.arrays[trained.gradient.name]
            unpack(memory_of, trained.gradient, gradient[entry.place].reshape(entry.shape))
            if entry.l1 or entry.l2:
                weights = np.empty(entry.shape, self.dtype)
                unpack(self._state[entry.name], trained.value, weights)
                exact = weights.astype(np.float64)
                penalty += float((entry.l1 * np.abs(exact) + 0.5 * entry.l2 * exact**2).sum())
        return float(loss) + penalty, gradient

    def _predict(self, program: Program, inputs: Array, targets: Array | None) -> tuple[Array, Array | None]:
        """Outputs and, where targets are given, row losses."""
        self._check_loaded()
        check_shape("inputs", inputs, self.problem.network.inputs)
        rows = len(inputs)
        inputs, kind = readable(inputs)
        outputs = np.empty((rows, self.problem.network.outputs), self.dtype)
        losses = None if targets is None else np.empty(rows, self.dtype)
        threads = self.threads_for(rows)
        program.reserve(program.plan.rows * threads)
        program.set(
            threads=threads,
            inputs=inputs.ctypes.data,
            kind=kind,
            outputs=outputs.ctypes.data,
            rows=rows,
            targets=0 if targets is None else targets.ctypes.data,
            results=0 if losses is None else losses.ctypes.data,
        )
        program.run(threads)
        return outputs, losses

    def threads_for(self, rows: int) -> int:
        """How many threads predictions of so many rows are worth."""
        wanted = min(self.available, self.problem.threads or self.available)
        work = 2 * self.problem.network.multiplications * rows
        return max(1, min(wanted, work // cost.SMALL_PREDICTION))

    def evaluate(self, rows: Rows) -> tuple[float, Array]:
        """The loss over all rows, penalties left out, and the outputs (rows, N), computed as for predictions."""
        targets = Resident(rows, self.problem).targets
        outputs, each = self._predict(self._program(PREDICT), rows.inputs, targets)
        assert each is not None
        weights = np.ones(len(rows)) if rows.weights is None else np.asarray(rows.weights, np.float64)
        mass = weights.sum()
        loss = float(each.astype(np.float64) @ weights / mass) if mass > 0 else 0.0
        return loss, outputs

    def outputs(self, inputs: Array) -> Array:
        """What the output layer says, shape (rows, N), computed as for predictions."""
        program = self._program(PREDICT)
        if self._loaded and 0 < len(inputs) <= program.plan.rows and inputs.dtype in FLOATS:
            check_shape("inputs", inputs, self.problem.network.inputs)
            return program.few(inputs)
        return self._predict(program, inputs, None)[0]

    def activations(self, inputs: Array) -> tuple[LayerValues, ...]:
        """What every layer computes, computed as for predictions; a residual block comes before its layers."""
        program = self._program(WATCH)
        plan, rows = program.plan, len(inputs)
        found = []
        for place in self.problem.network.walk():
            sums = np.empty((rows, place.outputs), self.dtype) if isinstance(place.layer, Dense) else None
            found.append(LayerValues(place.path, sums, np.empty((rows, place.outputs), self.dtype)))
        for start in range(0, rows, plan.rows):
            part = slice(start, min(start + plan.rows, rows))
            count = part.stop - start
            outputs, _ = self._predict(program, np.ascontiguousarray(inputs[part]), None)
            for values, (_, z, y) in zip(found, plan.layers, strict=True):
                values.outputs[part] = rows_of(program, y, count)
                if values.weighted_sums is not None and z is not None:
                    values.weighted_sums[part] = rows_of(program, z, count)
            if isinstance(self.problem.network.layers[-1], Dense):
                found[-1].outputs[part] = outputs
        return tuple(found)

    def close(self) -> None:
        """Free what the engine holds."""
        self._programs.clear()
        self._state.clear()
        self._kept_slots = self._resident = None
        self._loaded = False

    @property
    def plan(self) -> Plan:
        """What a training step does."""
        return self._plan


def rows_of(program: Program, buffer: Buffer, count: int) -> Array:
    """The first rows of a row buffer, without padding."""
    return program.arrays[buffer.name][: count * buffer.stride].reshape(count, buffer.stride)[:, : buffer.columns]


def check_span(span: Span, rows: int, scalars: int) -> None:
    """Raise a ShapeError where a span names rows or numbers that do not exist; compiled code would read foreign memory.

    Parameters:
        rows: how many resident rows there are.
        scalars: how many numbers the optimizer's rule takes in each step.
    """
    order, starts = span.order, span.starts
    if len(order) and (order.min() < 0 or order.max() >= rows):
        raise ShapeError(
            f"The order of the rows goes from {order.min()} to {order.max()}; there are rows 0 to {rows - 1}."
        )
    if len(starts) == 0 or starts[0] < 0 or starts[-1] > len(order) or (np.diff(starts) < 1).any():
        raise ShapeError(f"The batches must follow each other in an order of {len(order)} rows and hold at least one.")
    if span.scalars.shape != (span.steps, scalars):
        raise ShapeError(f"The scalars have shape {span.scalars.shape}; this span needs {(span.steps, scalars)}.")
