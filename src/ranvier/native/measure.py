"""How long each step of a plan takes on this machine, measured inside compiled code on random rows.

A span of some training steps runs again and again for about half a second. Each step's time is that of the span in
which it was shortest, so that other processes on the machine count as little as possible.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, Span, State
from ranvier.native.executable import NativeExecutable
from ranvier.native.kernels.timing import TOTAL, timing_slots
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.sparse import SparseForward, SparseGradient
from ranvier.native.machine.clock import ticks_per_second
from ranvier.native.machine.peak import measured_peak
from ranvier.native.resident import ResidentRows
from ranvier.native.scheduling.plan import Plan
from ranvier.native.scheduling.scheduled import Scheduled, ScheduledProduct
from ranvier.records import record
from ranvier.rows import CSR, Inputs, Rows

SECONDS = 0.5
MIN_SPANS, MAX_STEPS = 5, 64
SPAN_SECONDS = 0.005
BATCHES = 4


@record
class StepTime:
    """A step, or the barrier after a stage.

    Fields: `label`; `threads`, the microseconds that each thread spends on it in a training step; `ideal`, the
    microseconds of its products at the measured peak of all threads, 0 where it has none.
    """

    label: str
    threads: tuple[float, ...]
    ideal: float

    @property
    def microseconds(self) -> float:
        """The mean over the threads."""
        return sum(self.threads) / len(self.threads)


def measure(executable: NativeExecutable) -> list[StepTime]:
    """Measure a freshly compiled executable; the first record is the whole training step.

    Its state is random afterwards, and its code stays the measured one.
    """
    spec, threads = executable.spec, executable.threads
    program = executable.measured_program()
    plan = program.plan
    parameters = spec.network.parameter_table.initial(0, executable.dtype)
    executable.set_state(State.before_training(parameters, spec.optimizer))
    rows, best = ResidentRows(_rows(spec), spec), np.full(program.timings.shape, np.inf)
    steps, spans, end = 1, 0, time.perf_counter() + SECONDS
    while spans < MIN_SPANS or time.perf_counter() < end:
        program.timings[:] = 0
        start = time.perf_counter()
        steps_done = _run(executable, rows, steps)
        seconds = time.perf_counter() - start
        if seconds < SPAN_SECONDS and steps < MAX_STEPS and not spec.optimizer.full_batch:
            steps *= 2
            continue
        latest = program.timings / steps_done
        shorter = latest.sum(axis=0) < best.sum(axis=0)
        best[:, shorter] = latest[:, shorter]
        spans += 1
    micro = best * 1e6 / ticks_per_second()
    return [_time(plan, label, flops, micro[:, slot], threads) for label, flops, slot in _labels(plan)]


def measured_text(executable: NativeExecutable) -> str:
    """The times of a freshly compiled executable as a table."""
    return table(executable.spec.batch_size, measure(executable))


def table(batch_size: int, times: list[StepTime]) -> str:
    """The times of a training step of so many rows, in lines."""
    step, *parts = times
    threads = len(step.threads)
    width = max(len(part.label) for part in parts)
    heading = "each thread" if threads > 1 else ""
    lines = [
        f"measured: {step.microseconds:,.2f} us a training step of {batch_size} rows, shortest of all spans",
        f"    {'':{width}s} {'us':>10s} {'ideal':>10s} {'peak':>6s}   {heading}".rstrip(),
    ]
    for part in (*parts, step):
        ideal = f"{part.ideal:10,.2f} {part.ideal / max(part.microseconds, 1e-9):6.0%}" if part.ideal else f"{'':17s}"
        apart = "  ".join(f"{value:,.2f}" for value in part.threads) if threads > 1 else ""
        lines.append(f"    {part.label:{width}s} {part.microseconds:10,.2f} {ideal}   {apart}".rstrip())
    lines.append("ideal: the products at the measured peak of the threads used; peak: ideal / us")
    return "\n".join(lines) + "\n"


def _time(plan: Plan, label: str, flops: float, micro: NDArray[np.float64], threads: int) -> StepTime:
    peak = measured_peak(threads) * (0.5 if plan.dtype == "float64" else 1.0)
    return StepTime(label, tuple(float(value) for value in micro), flops / peak / 1e3)


def _labels(plan: Plan) -> list[tuple[str, float, int]]:
    """(label, FLOPs of its products, slot) of the training step, then of its steps and barriers."""
    slots = []
    for (number, at), slot in timing_slots(plan.stages).items():
        stage = plan.stages[number]
        if at == len(stage.steps):
            slots.append(("barrier", 0.0, slot))
        else:
            scheduled = stage.steps[at]
            slots.append((_label(scheduled.step), _flops(plan, scheduled), slot))
    return [("training step", sum(flops for _, flops, _ in slots), TOTAL), *slots]


def _label(step: s.Step) -> str:
    names = {s.Forward: "forward", SparseForward: "forward", s.Back: "data gradient"}
    names |= {s.WeightGradient: "weight gradient", SparseGradient: "weight gradient"}
    if type(step) in names:
        return f"{step.path} {names[type(step)]}{', update' if step.changes_state else ''}"  # type: ignore[attr-defined]
    piece = getattr(step, "trained", None)
    return f"{piece.entry.name} gradient" if isinstance(piece, s.Trained) else type(step).__name__


def _flops(plan: Plan, scheduled: Scheduled) -> float:
    """Of the products of a step over the whole batch; a group's columns see the inputs of their group alone."""
    batch, step = plan.spec.batch_size, scheduled.step
    if isinstance(scheduled, ScheduledProduct):
        return 2.0 * batch * scheduled.length * scheduled.step.matrix.columns
    if isinstance(step, s.WeightGradient):
        return 2.0 * batch * step.trained.value.rows * step.trained.value.columns
    if isinstance(step, SparseForward | SparseGradient):
        weight = step.weight if isinstance(step, SparseForward) else step.trained.value
        return 2.0 * batch * (plan.spec.mean_nnz or 1) * weight.columns
    return 0.0


def _rows(spec: CompileSpec) -> Rows:
    """Random rows whose targets suit every loss."""
    generator = np.random.default_rng(0)
    count, network = BATCHES * spec.batch_size, spec.network
    targets = generator.random((count, network.outputs)) + 0.05
    targets /= targets.sum(axis=1, keepdims=True) if network.outputs > 1 else 1.1
    weights = np.ones(count) if spec.weighted else None
    return Rows(_inputs(spec, count, generator), targets.astype(spec.dtype), weights)


def _inputs(spec: CompileSpec, count: int, generator: np.random.Generator) -> Inputs:
    n_dense, n_csr = spec.input_blocks
    dense = generator.standard_normal((count, n_dense), np.float32)
    if not n_csr:
        return Inputs(dense)
    entries = min(spec.mean_nnz or 1, n_csr)
    indices = np.concatenate([np.sort(generator.choice(n_csr, entries, replace=False)) for _ in range(count)])
    values = generator.standard_normal(len(indices), np.float32)
    return Inputs(dense, CSR(values, indices.astype(np.int32), np.arange(count + 1, dtype=np.int64) * entries, n_csr))


def _run(executable: NativeExecutable, rows: ResidentRows, steps: int) -> int:
    """Make some training steps on batches in random order, or one gradient over all rows; gives how many."""
    spec = executable.spec
    if spec.optimizer.full_batch:
        executable.loss_and_gradient(rows)
        return 1
    size, optimizer = spec.batch_size, spec.optimizer
    order = np.random.default_rng(1).permutation(len(rows))
    scalars = optimizer.scalar_values(np.arange(1, steps + 1), np.zeros(steps))
    losses = executable.run(rows, Span(np.resize(order, steps * size), np.arange(steps + 1) * size, scalars))
    return max(1, len(losses))
