"""Measured code: the same bits, a key of its own, times that add up; code that is not measured reads no clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranvier.native import compiled
from ranvier.native.machine import target as targets
from ranvier.network.layers import BatchNorm, Dense
from ranvier.network.optimizers import LBFGS, Adam
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec, rows_for, span_for

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native import measure  # noqa: E402
from ranvier.native.engine import NativeEngine  # noqa: E402
from ranvier.native.kernels.module import plan_ir  # noqa: E402
from ranvier.native.kernels.timing import TOTAL, timing_slots  # noqa: E402
from ranvier.native.machine import clock, cpu  # noqa: E402

LAYERS = [Dense(20, "tanh"), BatchNorm(), Dense(3)]
TASKS = {
    "one thread": make_spec(9, LAYERS, optimizer=Adam()),
    "two threads": make_spec(9, LAYERS, optimizer=Adam(clip_norm=1.0), threads=2, batch_size=64),
    "full batch": make_spec(9, LAYERS, optimizer=LBFGS()),
    "sparse": make_spec(90, [Dense(20, "tanh"), Dense(3)], optimizer=Adam(), mean_nnz=5),
    "cancellable": make_spec(9, LAYERS, batch_size=3000, precision="float64", weighted=True),
}


def loaded_executable(task: Any) -> Any:
    """An executable with as many threads as the task says; small steps run on one otherwise."""
    executable = NativeEngine().compile(task)
    executable.threads = task.threads
    executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
    return executable


@pytest.mark.parametrize("name", ["one thread", "two threads", "cancellable"])
def test_measured_code_gives_the_same_bits(name: str) -> None:
    task = TASKS[name]
    rows, span = rows_for(task, 300), span_for(task, 300)
    plain, measured = loaded_executable(task), loaded_executable(task)
    timings = measured.measured_program().timings
    assert np.array_equal(measured.run(rows, span), plain.run(rows, span))
    assert measured.get_state().parameters.tobytes() == plain.get_state().parameters.tobytes()
    slots = timing_slots(measured.plan.stages)
    parts = timings[:, sorted(slots.values())]
    assert timings.shape[0] == task.threads
    assert (timings[:, TOTAL] > 0).all()
    assert (parts.sum(axis=1) <= timings[:, TOTAL]).all()
    assert (parts.sum(axis=0) > 0).all()


@pytest.mark.parametrize("name", TASKS)
def test_times_of_all_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SECONDS", 0.0)
    executable = loaded_executable(TASKS[name])
    full, *parts = measure.measure(executable)
    stages = executable.plan.stages
    assert len(parts) == sum(len(stage.steps) + 1 for stage in stages)
    assert sum(part.label == "barrier" for part in parts) == len(stages)
    assert full.label == "training step"
    assert all(len(part.threads) == executable.threads for part in (full, *parts))
    assert full.ideal == pytest.approx(sum(part.ideal for part in parts))
    text = measure.table(7, [full, *parts])
    assert text.count("\n") == len(parts) + 4
    assert "us a training step of 7 rows" in text


def test_only_measured_code_reads_the_clock() -> None:
    """And without measuring the code is that of a plan that cannot be measured: the flag alone makes the difference."""
    plan, target = loaded_executable(TASKS["one thread"]).plan, cpu.target()
    reads = clock.clock_call(target)[0]
    plain, measured = plan.code, replace(plan.code, measured=True)
    assert not any(reads in text for text in plan_ir(plain, target))
    assert any(reads in text for text in plan_ir(measured, target))
    assert compiled.canonical_form(plain) != compiled.canonical_form(measured)


def test_ideal_times_are_those_of_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """2 x 6 rows x 9 x 20 operations at 10 GFLOP/s take 0.216 microseconds."""
    monkeypatch.setattr(measure, "SECONDS", 0.0)
    monkeypatch.setattr(measure, "measured_peak", lambda threads: 10.0 * threads)
    times = {part.label: part.ideal for part in measure.measure(loaded_executable(TASKS["one thread"]))}
    assert times["layers.0 forward"] == pytest.approx(0.216)
    assert times["barrier"] == 0.0


@pytest.mark.parametrize("triple", ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"])
def test_the_clock_compiles_everywhere(triple: str) -> None:
    name = "x86-64-v3" if triple.startswith("x86") else "generic"
    target = targets.Target(triple, name, (), 256, False)
    reads = "rdtsc" if target.is_x86 else "cntvct_el0"
    assert reads in llvm.assembly(clock.clock_ir(target), target).lower()


def test_the_clock_ticks() -> None:
    assert 1e6 < clock.ticks_per_second() < 1e11
