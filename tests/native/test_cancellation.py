"""Steps given up half-way: nothing has changed then, and going on gives the bits of never having stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranvier.engine import Cancelled, CompileSpec, Span, never_cancel
from ranvier.native import compiled, gradients
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.machine import memory
from ranvier.native.program import Program
from ranvier.native.scheduling import cost
from ranvier.native.scheduling import plan as planning
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import LBFGS, Adam
from ranvier.rows import CSR, Rows
from ranvier.training import loop
from ranvier.training.loop import train
from ranvier.training.loop_config import LoopConfig, LoopResult
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec, one_step, rows_for, span_for
from tests.training.trial import StopAfter, begin, digest, make_config, make_rows, timeless

pytestmark = pytest.mark.usefixtures("own_cache")
MIXED = [Dense(37, "gelu"), Dropout(0.3), BatchNorm(), Residual([LayerNorm(), Dense(37, "tanh")]), Dense(11, "softmax")]
OPTIONS: dict[str, dict[str, Any]] = {
    "stored": {},
    "fused": {"batch_size": 30},
    "clipped": {"optimizer": Adam(clip_norm=0.5, ema_decay=0.9)},
    "bfloat16": {"precision": "bfloat16"},
    "sparse": {"mean_nnz": 5},
    "sparse, clipped": {"mean_nnz": 5, "optimizer": Adam(clip_norm=0.5, ema_decay=0.9)},
}
WORKSPACE = ("rows", "column", "vector", "weight")


@pytest.fixture
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every step and prediction counts as long; those of 45 rows store their gradients first."""
    compiled.clear_memoized()
    monkeypatch.setattr(cost, "LONG", 1)
    monkeypatch.setattr(planning, "STORED_ROWS", 45)
    yield
    compiled.clear_memoized()


def task_of(options: dict[str, Any]) -> CompileSpec:
    settings: dict[str, Any] = {"optimizer": Adam(0.01, ema_decay=0.9), "batch_size": 45, "weighted": True, **options}
    return make_spec(29, MIXED, loss("categorical_cross_entropy"), **settings)


def some_rows(task: CompileSpec) -> Rows:
    """200 rows, sparse ones where the task takes such."""
    rows = rows_for(task, 200)
    if not task.sparse:
        return rows
    mask = np.random.default_rng(0).random(rows.inputs.shape) < 0.2
    return replace(rows, inputs=CSR.from_dense(np.where(mask, rows.inputs.dense, 0).astype(np.float32)))


def loaded(task: CompileSpec, threads: int) -> NativeExecutable:
    executable = NativeEngine().compile(task)
    executable.threads = threads
    executable.set_state(initial_state(task.network, task.optimizer, 1).engine)
    return executable


def state_bytes(executable: NativeExecutable) -> tuple[int, bytes, bytes]:
    state = executable.get_state()
    return state.step, state.parameters.tobytes(), state.slots.tobytes()


@pytest.mark.parametrize("name", OPTIONS)
def test_cancellable_steps_are_bit_identical(name: str, request: pytest.FixtureRequest) -> None:
    task = task_of(OPTIONS[name])
    rows, span = some_rows(task), span_for(task, 200, steps=4)
    usual = loaded(task, 2)
    losses = usual.run(rows, span)
    request.getfixturevalue("everything_is_long")
    for threads in (1, 2):
        executable = loaded(task, threads)
        assert (usual.plan.cancellable, executable.plan.cancellable) == (False, True)
        assert executable.run(rows, span).tobytes() == losses.tobytes()
        assert state_bytes(executable) == state_bytes(usual)


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", OPTIONS)
def test_no_step_runs_if_cancelled_before(name: str, threads: int) -> None:
    task = task_of(OPTIONS[name])
    rows, span = some_rows(task), span_for(task, 200, steps=4)
    executable, unasked = loaded(task, threads), loaded(task, threads)
    before = state_bytes(executable)
    executable.should_cancel = lambda: True
    assert executable.run(rows, span).shape == (0,)
    assert state_bytes(executable) == before
    executable.should_cancel = never_cancel
    assert executable.run(rows, span).tobytes() == unasked.run(rows, span).tobytes()
    assert state_bytes(executable) == state_bytes(unasked) != before


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", OPTIONS)
def test_step_cancelled_half_way_is_complete_or_absent(name: str, threads: int) -> None:
    """The word that asks lies where a step writes what it computed: so it is asked at that very moment."""
    task = task_of(OPTIONS[name])
    rows, span = some_rows(task), span_for(task, 200, steps=2)
    executable, unasked = loaded(task, threads), loaded(task, threads)
    start = executable.get_state()
    expected = [state_bytes(unasked)]
    for number in range(2):
        unasked.run(rows, one_step(span, number))
        expected.append(state_bytes(unasked))
    executable.run(rows, span)
    program = executable._programs["train"]
    asking = [b for b in program.plan.buffers if b.kind in WORKSPACE and b.name not in executable._state.arrays]
    cancelled_kinds = set()
    for buffer in asking:
        executable.set_state(start)
        for request in asking:
            program.arrays[request.name][:] = 0.0
        program.set(cancel_requested=memory.address(program.arrays[buffer.name]))
        made = len(executable.run(rows, one_step(span)))
        assert state_bytes(executable) == expected[made], buffer.name
        cancelled_kinds |= {buffer.kind} if not made else set()
        program.set(cancel_requested=memory.address(program.control))
        executable.run(rows, one_step(span, made))
        assert state_bytes(executable) == expected[made + 1], buffer.name
    # Gradients of weights are computed in the stage before the update, where there is one.
    assert cancelled_kinds >= {"rows", "column", "vector", *({"weight"} if name != "fused" else ())}


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize("threads", [1, 2])
def test_loss_and_gradient_is_cancelled(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "PART", 16)
    task = make_spec(5, [Dense(9, "tanh", l2=0.1), Dense(3, "softmax")], loss("categorical_cross_entropy"))
    executable, rows = loaded(task, threads), rows_for(task, 100)
    wanted = executable.loss_and_gradient(rows)
    before = state_bytes(executable)
    for times in (1, 2, 7):
        executable.should_cancel = StopAfter(times)
        with pytest.raises(Cancelled):
            executable.loss_and_gradient(rows)
        executable.should_cancel = never_cancel
        assert state_bytes(executable) == before
        value, gradient = executable.loss_and_gradient(rows)
        assert (value, gradient.tobytes()) == (wanted[0], wanted[1].tobytes())


@pytest.mark.usefixtures("everything_is_long")
def test_an_objective_goes_on_where_a_programs_handler_does_not_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_spec(5, [Dense(9, "tanh"), Dense(3)])
    executable, rows = loaded(task, 1), rows_for(task, 100)
    wanted, run = executable.loss_and_gradient(rows)[1], Program.run
    steps: list[int] = []

    def interrupted(program: Program, threads: int) -> None:
        if not steps:
            os.kill(os.getpid(), signal.SIGINT)
            program.control[0] = 1
        run(program, threads)

    monkeypatch.setattr(Program, "run", interrupted)
    before = signal.signal(signal.SIGINT, lambda number, frame: steps.append(number))
    try:
        assert executable.loss_and_gradient(rows)[1].tobytes() == wanted.tobytes()
    finally:
        signal.signal(signal.SIGINT, before)
    assert steps == [signal.SIGINT]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("threads", [1, 2])
def test_predictions_in_parts(threads: int, precision: str, request: pytest.FixtureRequest) -> None:
    task = task_of({"weighted": False, "precision": precision})
    rows = rows_for(task, 1000)
    full = loaded(task, threads)
    value, outputs = full.evaluate(rows)
    request.getfixturevalue("everything_is_long")
    executable = loaded(task, threads)
    executable.threads_for = lambda rows: threads  # type: ignore[method-assign]
    actual = executable.evaluate(rows)
    assert (actual[0], actual[1].tobytes()) == (value, outputs.tobytes())
    assert executable.outputs(rows.inputs).tobytes() == outputs.tobytes()
    executable.should_cancel = StopAfter(2)
    with pytest.raises(Cancelled):
        executable.evaluate(rows)


@pytest.mark.usefixtures("everything_is_long")
def test_predictions_of_sparse_rows_in_parts() -> None:
    task = replace(task_of({"weighted": False}), mean_nnz=5)
    rows = rows_for(task, 1000)
    thin = np.where(np.random.default_rng(0).random(rows.inputs.shape) < 0.2, rows.inputs.dense, 0).astype(np.float32)
    executable = loaded(task, 1)
    together = executable.outputs(CSR.from_dense(thin))
    alone = np.concatenate([executable.outputs(CSR.from_dense(thin[n : n + 1])) for n in range(0, 1000, 37)])
    assert together[::37].tobytes() == alone.tobytes()


@pytest.mark.usefixtures("everything_is_long")
def test_ctrl_c_is_raised_between_the_parts_of_a_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    task, run, calls = task_of({}), Program.run, []

    def interrupted(program: Program, threads: int) -> None:
        calls.append(threads)
        run(program, threads)
        os.kill(os.getpid(), signal.SIGINT)

    executable, inputs = loaded(task, 1), rows_for(task, 1000).inputs
    outputs = executable.outputs(inputs)
    monkeypatch.setattr(Program, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        executable.outputs(inputs)
    assert len(calls) == 1
    monkeypatch.undo()
    assert executable.outputs(inputs).tobytes() == outputs.tobytes()


# In the training loop


def native_run(config: LoopConfig, state: Any = None) -> LoopResult:
    executable = NativeEngine().compile(config.spec)
    outcome = train(executable, config, begin(config) if state is None else state)
    assert executable.should_cancel is never_cancel
    return outcome


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize("optimizer", [Adam(0.02, ema_decay=0.9), LBFGS()], ids=["adam", "lbfgs"])
def test_interrupted_run_continues_bit_identically(optimizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine asks, too: before each step, within an objective, and between the parts of a validation."""
    monkeypatch.setattr(loop, "SPAN_SECONDS", 0.0)
    rows = make_rows(230)
    config = make_config(optimizer, rows, batch_size=100, epochs=2, validation=make_rows(300, seed=5))
    config = replace(config, spec=replace(config.spec, threads=2))
    wanted = native_run(config)
    calls = []
    native_run(replace(config, stop_requested=lambda: bool(calls.append(1))))
    positions = set()
    for times in range(1, len(calls) + 1):
        outcome = native_run(replace(config, stop_requested=StopAfter(times)))
        positions.add((outcome.state.epoch, outcome.state.position))
        assert len(outcome.state.partial_losses) == outcome.state.position
        if outcome.reason == "interrupted":
            outcome = native_run(config, outcome.state)
        assert digest(outcome.state) == digest(wanted.state)
        assert timeless(outcome.state.history) == timeless(wanted.state.history)
    full = 1 if optimizer.full_batch else 3
    # Before the first step, after the last one of an epoch whose validation was given up, and after both epochs.
    assert positions >= {(0, 0), (0, full), (1, full), (2, 0)}
    if not optimizer.full_batch:
        assert positions >= {(0, 1), (0, 2), (1, 1)}


@pytest.mark.usefixtures("everything_is_long")
def test_cancelled_message_states_that_no_step_ran() -> None:
    outcome = native_run(make_config(Adam(), stop_requested=lambda: True))
    assert outcome.text == "Interrupted before the first step was made."
    assert outcome.state.engine.step == 0


@pytest.mark.usefixtures("everything_is_long")
def test_cancelling_short_epochs_of_one_span(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine makes fewer steps of a span that holds several epochs: whole epochs, and the beginning of one."""
    monkeypatch.setattr(
        loop.TrainingLoop, "_update_step_time", lambda self, spent, steps: setattr(self, "step_seconds", 1e-6)
    )
    config = make_config(Adam(0.02), epochs=6)
    wanted = native_run(config)
    executable = NativeEngine().compile(config.spec)
    run = executable.run

    def fewer(rows: Rows, span: Span) -> Any:
        if span.steps <= 12:
            return run(rows, span)
        last = span.starts[12]
        return run(rows, Span(span.order[:last], span.starts[:13], span.scalars[:12]))

    monkeypatch.setattr(executable, "run", fewer)
    outcome = train(executable, replace(config, stop_requested=StopAfter(7)), begin(config))
    assert (outcome.reason, outcome.state.epoch, outcome.state.position) == ("interrupted", 3, 2)
    assert digest(native_run(config, outcome.state).state) == digest(wanted.state)
