"""Work that threads take from each other: whoever is late finds it done, and no bit tells who did it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ranvier.engine import CompileSpec, Span
from ranvier.native import compiled
from ranvier.native.lowering.lowered import TRAIN
from ranvier.native.lowering.steps import WeightGradient
from ranvier.native.program import Program
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.plan import PREDICT_ROWS
from ranvier.native.scheduling.stages import COLUMNS, COUNTER_STRIDE, ROWS, Stage, stealable
from ranvier.network.layers import BatchNorm, Dense, Dropout
from ranvier.network.losses import loss
from ranvier.network.optimizers import Adam
from tests.native.against_reference import make_spec, one_step, rows_for, span_for
from tests.native.test_same_bits import loaded

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(autouse=True, scope="module")
def small_steps_steal() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "MIN_STEALING", 0)
        compiled.clear_memoized()
        yield
    compiled.clear_memoized()


LAYERS = [Dense(50, "gelu"), Dropout(0.3), BatchNorm(), Dense(11, "softmax")]


def task_of(**options: Any) -> CompileSpec:
    return make_spec(29, LAYERS, loss("categorical_cross_entropy"), Adam(), **{"batch_size": 150, **options})


@pytest.mark.parametrize("late", [0, 1, 2])
def test_idle_threads_steal_work_of_a_late_thread(late: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of three threads comes when the others wait at the first barrier."""
    task = task_of(threads=3)
    on_time = loaded(task, 3)
    losses = on_time.run(rows_for(task, 200), span_for(task, 200, steps=3))
    names = []

    def run_late(program: Program, threads: int) -> None:
        callers = [Thread(target=program.call, args=(number, program.address)) for number in range(threads)]
        for number, caller in enumerate(callers):
            if number != late:
                caller.start()
        while program.chunk_counters.reshape(-1, 2, threads, COUNTER_STRIDE)[0, 0, late, 0] < 50:
            time.sleep(0.001)
        names.append(late)
        callers[late].start()
        for caller in callers:
            caller.join()

    monkeypatch.setattr(Program, "run", run_late)
    executable = loaded(task, 3)
    assert executable.run(rows_for(task, 200), span_for(task, 200, steps=3)).tobytes() == losses.tobytes()
    assert names == [late]
    assert executable.get_state().parameters.tobytes() == on_time.get_state().parameters.tobytes()


@pytest.mark.parametrize("late", [0, 1, 2])
def test_predictions_do_not_wait_for_a_late_thread(late: int, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of()
    executable, inputs = loaded(task, 1), rows_for(task, 700).inputs
    expected = executable.outputs(inputs)
    blocks = []

    def run_late(program: Program, threads: int) -> None:
        for number in range(threads):
            if number != late:
                program.call(number, program.address)
        blocks.append(program.chunk_counters.reshape(2, threads, COUNTER_STRIDE)[0, late, 0])
        program.arrays["inputs"][:] = np.nan
        program.call(late, program.address)

    monkeypatch.setattr(Program, "run", run_late)
    executable.threads_for = lambda rows: 3  # type: ignore[method-assign]
    actual = executable.outputs(inputs)
    assert actual.tobytes() == expected.tobytes()
    # Somebody else asked for the late one's blocks until there were none.
    assert blocks[0] > 700 // PREDICT_ROWS // 3


@given(some.lists(some.integers(1, 200), min_size=1, max_size=4), some.sampled_from([2, 3, 5]))
def test_batches_of_any_size_on_any_number_of_threads(sizes: list[int], threads: int) -> None:
    """Shares of one part and of several, also empty ones."""
    task = task_of()
    rows, starts = rows_for(task, sum(sizes)), np.cumsum([0, *sizes])
    span = Span(
        np.arange(sum(sizes)),
        starts,
        task.optimizer.scalar_values(np.arange(len(sizes)) + 1, np.full(len(sizes), 0.01)),
    )
    actual = []
    for count in (1, threads):
        executable = loaded(task, count)
        losses = executable.run(rows, span)
        actual.append(losses.tobytes() + executable.get_state().parameters.tobytes())
    assert actual[0] == actual[1]


def test_pieces_are_numbered() -> None:
    task = task_of()
    stages = loaded(task, 2)._program(TRAIN).plan.stages
    kinds = [
        type(stages[stage].steps[at].step).__name__ if stages[stage].kind == COLUMNS else "rows"
        for stage, at in stealable(stages)
    ]
    assert kinds.count("rows") == sum(stage.kind == ROWS for stage in stages)
    assert kinds.count(WeightGradient.__name__) == 2
    assert list(stealable(stages).values()) == list(range(len(kinds)))
    assert not stealable((Stage(COLUMNS, ()),))


def test_one_thread_steals_no_work() -> None:
    assert [loaded(task_of(), threads)._program(TRAIN).plan.steals for threads in (1, 2)] == [False, True]


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_small_steps_without_stealing_give_the_same_bits(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    task, outcomes = task_of(), []
    rows, span = rows_for(task, 400), span_for(task, 400, steps=4)
    for least in (0, 10**9):
        monkeypatch.setattr(cost, "MIN_STEALING", least)
        compiled.clear_memoized()
        executable = loaded(task, threads)
        assert executable._program(TRAIN).plan.steals == (least == 0)
        losses = executable.run(rows, span)
        outcomes.append(losses.tobytes() + executable.get_state().parameters.tobytes())
    assert outcomes[0] == outcomes[1]


def test_words_are_cleared_for_every_run() -> None:
    """A run that begins at any step finds nothing taken."""
    task = task_of()
    full, cut = loaded(task, 2), loaded(task, 2)
    rows = rows_for(task, 200)
    span = span_for(task, 200, steps=4)
    full.run(rows, span)
    for first in range(4):
        cut.run(rows, one_step(span, first))
    np.testing.assert_array_equal(full.get_state().parameters, cut.get_state().parameters)
