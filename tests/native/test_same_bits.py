"""The same bits for any number of threads, any vector width, any cut into spans, and a row alone or among others."""

from __future__ import annotations

import hashlib
import pickle
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ranvier.engine import CompileSpec, Span
from ranvier.errors import EngineError, RanvierError
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.kernels.module import plan_ir
from ranvier.native.machine import llvm, target
from ranvier.native.program import team
from ranvier.native.scheduling.plan import make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.tiles import Registers
from ranvier.native.thread_choice import ThreadChooser
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import LBFGS, Adam
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec, one_step, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
MIXED = [
    Dense(37, "gelu"),
    Dropout(0.3),
    BatchNorm(),
    Residual([LayerNorm(), Dense(38, "relu"), Dense(38, "silu", groups=2), Dense(37, "tanh")]),
    Dense(11, "softmax"),
]


def classifier(**options: Any) -> CompileSpec:
    settings = {"batch_size": 45, "weighted": True, **options}
    return make_spec(29, MIXED, loss("categorical_cross_entropy"), Adam(clip_norm=0.5, ema_decay=0.9), **settings)


def loaded(task: CompileSpec, threads: int | None = None) -> NativeExecutable:
    executable = NativeEngine().compile(task)
    if threads is not None:
        executable.threads = threads
    executable.set_state(initial_state(task.network, task.optimizer, 1).engine)
    return executable


def trained(task: CompileSpec, threads: int) -> str:
    executable = loaded(task, threads)
    losses = executable.run(rows_for(task, 200), span_for(task, 200, steps=5))
    state = executable.get_state()
    return hashlib.sha256(losses.tobytes() + state.parameters.tobytes() + state.slots.tobytes()).hexdigest()


@pytest.mark.parametrize("options", [{}, {"precision": "float64"}, {"precision": "bfloat16"}, {"batch_size": 3}])
def test_threads(options: dict[str, Any]) -> None:
    """The number of threads decides the tiles, too, since each has other rows to cover."""
    hashes = {trained(classifier(**options), threads) for threads in (1, 2, 4)}
    assert len(hashes) == 1


def test_the_hash_sees_a_changed_seed() -> None:
    assert trained(classifier(seed=1), 1) != trained(classifier(seed=2), 1)


def test_the_hash_sees_another_precision() -> None:
    assert trained(classifier(precision="bfloat16"), 1) != trained(classifier(), 1)


def test_vector_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without AVX-512 both are the same width, and this only shows that the setting is taken."""
    native = trained(classifier(), 1)
    monkeypatch.setenv("RANVIER_CPU", "x86-64-v3")
    assert trained(classifier(), 1) == native


@pytest.mark.parametrize("registers", [Registers(32, 1), Registers(32, 4), Registers(16, 4)])
def test_other_tiles(registers: Registers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles made for other registers spill on this machine, but give the same bits."""
    native = trained(classifier(), 1)
    monkeypatch.setattr("ranvier.native.prepared.this_machine", lambda *_: Machine(registers, 32 << 10, 32 << 10))
    assert trained(classifier(), 1) == native


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_cut_into_spans(precision: str) -> None:
    task = classifier(precision=precision)
    rows, span = rows_for(task, 200), span_for(task, 200, steps=5)
    full, cut = loaded(task), loaded(task)
    full.run(rows, span)
    for k in range(span.steps):
        cut.run(rows, one_step(span, k))
        middle = cut.get_state()
        cut.set_state(middle)
    assert full.get_state().parameters.tobytes() == cut.get_state().parameters.tobytes()
    assert full.get_state().slots.tobytes() == cut.get_state().slots.tobytes()


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_a_row_alone_or_among_others(precision: str) -> None:
    executable = loaded(classifier(precision=precision))
    inputs = rows_for(classifier(), 200).inputs
    together = executable.outputs(inputs)
    alone = np.concatenate([executable.outputs(inputs[row : row + 1]) for row in range(200)])
    assert together.tobytes() == alone.tobytes()
    executable.threads_for = lambda rows: 2  # type: ignore[method-assign]
    assert executable.outputs(inputs).tobytes() == together.tobytes()
    assert executable.activations(inputs)[-1].outputs.tobytes() == together.tobytes()


def test_the_values_of_layers_are_those_of_their_rows() -> None:
    """Each thread keeps the values of its rows in a place of its own; whichever is first takes a block."""
    executable, inputs = loaded(classifier()), rows_for(classifier(), 200).inputs
    alone = executable.activations(inputs)
    executable.uses_all_threads = True
    executable._choosers.clear()
    executable.threads_for = lambda rows: 3  # type: ignore[method-assign]
    for _ in range(50):
        for single, several in zip(alone, executable.activations(inputs), strict=True):
            assert single.outputs.tobytes() == several.outputs.tobytes()
            assert np.array_equal(single.weighted_sums, several.weighted_sums)


def test_steps_allocate_nothing() -> None:
    task = classifier()
    rows, span = rows_for(task, 200), span_for(task, 200, steps=50)
    executable = loaded(task)
    executable.run(rows, span)
    words = executable._programs["train"].words.copy()
    tracemalloc.start()
    executable.run(rows, span)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # What a span needs: the losses, and the scalars where they must be copied.
    assert most < 20_000
    moved = np.flatnonzero(executable._programs["train"].words != words)
    assert set(moved.tolist()) <= {6, 11}


def test_refusals() -> None:
    task = make_spec(3, [Dense(2)], optimizer=LBFGS())
    executable = loaded(task)
    with pytest.raises(EngineError, match="loss_and_gradient"):
        executable.run(rows_for(task), Span(np.arange(3), np.array([0, 3]), np.zeros((1, 1))))
    other, rows = loaded(classifier()), rows_for(classifier())
    for order, starts, scalars, text in (
        ([99], [0, 1], (1, 4), "order"),
        ([1], [0, 2], (1, 4), "batches"),
        ([1], [0, 1], (1, 1), "scalars"),
    ):
        with pytest.raises(RanvierError, match=text):
            other.run(rows, Span(np.array(order), np.array(starts), np.zeros(scalars)))
    for inputs in (np.zeros((1, 28)), np.zeros(29)):
        with pytest.raises(RanvierError, match="shape"):
            other.outputs(inputs)
    with pytest.raises(EngineError, match="load"):
        NativeEngine().compile(classifier()).outputs(np.zeros((1, 29)))
    with pytest.raises(EngineError, match="pickled"):
        pickle.dumps(executable)


def test_a_run_that_diverges_says_so() -> None:
    """What is not a number must come through every activation up to the loss."""
    task = make_spec(3, [Dense(4, "relu"), Dense(2, "relu6"), Dense(2)])
    rows = rows_for(task)
    rows.inputs.dense[:] = np.inf
    executable = loaded(task)
    losses = executable.run(rows, span_for(task))
    assert not np.isfinite(losses[-1])


def test_code_for_wide_vectors_can_be_made() -> None:
    """It cannot run everywhere, but its text must be sound and must use the wide registers."""
    wide = target.level("x86-64-v4", llvm.host().triple)
    plan = make_plan(classifier(), "train", Machine(Registers(32, 1), 32 << 10, 1 << 20), 2)
    if llvm.host().triple.startswith("x86_64"):
        text = "".join(llvm.assembly(text, wide) for text in plan_ir(plan.code, wide))
        assert "vfmadd231ps" in text
        assert "zmm31" in text


class AnyNumber(ThreadChooser):
    """Takes another number of threads for every few units of work."""

    def run(self, units: int, work: Callable[[int, int, int], int], most: int, per_thread: int | None = None) -> int:
        done, turn = 0, 0
        while done < units:
            count, threads = min(1 + turn % 2, units - done), 1 + turn % most
            done += work(done, count, threads)
            turn += 1
        return done


@pytest.mark.parametrize("options", [{}, {"precision": "float64"}, {"precision": "bfloat16"}, {"batch_size": 3}])
def test_a_number_of_threads_that_changes_between_steps(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trained(classifier(**options), 1)
    usual = loaded(classifier(**options))
    rows = rows_for(classifier(**options), 900)
    outputs, loss = usual.outputs(rows.inputs), usual.evaluate(rows)[0]
    monkeypatch.setattr("ranvier.native.prepared.ThreadChooser", AnyNumber)
    assert {trained(classifier(**options), threads) for threads in (2, 3, 4)} == {expected}
    changing = loaded(classifier(**options))
    changing.threads_for = lambda rows: 3  # type: ignore[method-assign]
    assert changing.outputs(rows.inputs).tobytes() == outputs.tobytes()
    assert changing.evaluate(rows)[0] == loss


def test_all_numbers_of_threads_share_one_team() -> None:
    executable, inputs = loaded(classifier()), rows_for(classifier(), 900).inputs
    for count in (7, 2, 5, 3, 6, 4):
        executable.threads_for = lambda rows, count=count: count  # type: ignore[method-assign, misc]
        executable.uses_all_threads = True
        executable._choosers.clear()
        executable.outputs(inputs)
    started = [thread for thread in threading.enumerate() if thread.name.startswith("ranvier-")]
    assert len([thread for thread in started if thread.name[8:].isdigit()]) == team().threads - 1
    assert team().threads >= 7
