"""Sparse rows in the native engine: it agrees with the reference, and gives the same bits however it is run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.engine import CompileSpec, Span
from ranvier.errors import EngineError, ShapeError
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.kernels.module import plan_ir
from ranvier.native.machine import llvm, target
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.plan import make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.show import show_plan
from ranvier.native.scheduling.tiles import Registers
from ranvier.network.activations import ACTIVATIONS
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import LBFGS, Adam, optimizer
from ranvier.rows import CSR, Rows
from ranvier.training.state import initial_state
from tests.helpers import ALL_OPTIMIZERS
from tests.native.against_reference import agree, make_spec, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
DEEP = [Dense(37, "gelu", l2=0.01), Dropout(0.3), BatchNorm(), Residual([LayerNorm(), Dense(37)]), Dense(5, "softmax")]


def sparse_problem(inputs: int, layers: Any, rule: Any = None, entry: Any = None, **options: Any) -> CompileSpec:
    return make_spec(inputs, layers, rule, entry, mean_nnz=3, **options)


def sparse(task: CompileSpec, rows: int = 37, fraction: float = 0.1, seed: int = 0) -> Rows:
    """Rows of which a share is not zero; some rows, some columns, or everything may be empty."""
    given = rows_for(task, rows, seed=seed)
    mask = np.random.default_rng(seed + 1).random(given.inputs.shape) < fraction
    return replace(given, inputs=CSR.from_dense(np.where(mask, given.inputs.dense, 0.0).astype(np.float32)))


def with_zeros(rows: Rows) -> Rows:
    return replace(rows, inputs=rows.inputs.toarray())


def deep(**options: Any) -> CompileSpec:
    entry = Adam(clip_norm=0.5, ema_decay=0.9, weight_decay=0.1)
    return sparse_problem(
        200, DEEP, loss("categorical_cross_entropy"), entry, **{"batch_size": 45, "weighted": True, **options}
    )


def loaded(task: CompileSpec, threads: int = 1) -> NativeExecutable:
    executable = NativeEngine().compile(task)
    executable.threads = threads
    executable.set_state(initial_state(task.network, task.optimizer, 1).engine)
    return executable


def trained(task: CompileSpec, threads: int = 1) -> str:
    executable = loaded(task, threads)
    losses = executable.run(sparse(task, 200), span_for(task, 200, steps=5))
    state = executable.get_state()
    return hashlib.sha256(losses.tobytes() + state.parameters.tobytes() + state.slots.tobytes()).hexdigest()


@pytest.mark.parametrize("name", ALL_OPTIMIZERS)
def test_optimizers(name: str) -> None:
    layers = [Dense(9, "tanh", l1=0.01, l2=0.1), Dense(2)]
    task = sparse_problem(40, layers, entry=ALL_OPTIMIZERS[name], threads=2, precision="float64")
    # Roundings grow where a rule divides by the root of a square that is still small.
    agree(task, sparse(task), span_for(task, steps=4), slack=10.0, gradients=True)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "softmax"])
def test_activations(name: str) -> None:
    task = sparse_problem(40, [Dense(9, name), Dense(3)])
    agree(task, sparse(task))


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("layers", [DEEP, [Dense(5, "softmax")], [Dense(5, bias=False), BatchNorm()]])
def test_layers(layers: Any, precision: str) -> None:
    task = sparse_problem(60, layers, entry=Adam(0.01, clip_norm=0.1), precision=precision, threads=2)
    agree(task, sparse(task), slack=8.0, gradients=True)


@settings(max_examples=10)
@given(
    st.sampled_from([1, 2, 15, 17, 70, 300]),
    st.sampled_from([1, 3, 16, 17, 64, 65, 150]),
    st.sampled_from([1, 2, 7, 33]),
    st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    st.integers(1, 3),
)
def test_sizes(inputs: int, units: int, batch: int, fraction: float, threads: int) -> None:
    """Empty rows, empty columns, nothing at all, and rows without a zero."""
    layers = [Dense(units, "relu"), Dense(2, "tanh")]
    task = sparse_problem(inputs, layers, entry=Adam(clip_norm=0.5), batch_size=batch, threads=threads)
    count = 2 * batch + 3
    rows = sparse(task, count, fraction)
    agree(task, rows, span_for(task, count, steps=2), slack=4.0, gradients=True)


@pytest.mark.parametrize("options", [{}, {"precision": "float64"}, {"precision": "bfloat16"}, {"batch_size": 3}])
def test_threads(options: dict[str, Any]) -> None:
    assert len({trained(deep(**options), threads) for threads in (1, 2, 4)}) == 1


def test_the_hash_sees_a_changed_seed() -> None:
    assert trained(deep(seed=1)) != trained(deep(seed=2))


@pytest.mark.parametrize("registers", [Registers(32, 1), Registers(32, 4), Registers(16, 4)])
def test_other_tiles(registers: Registers, monkeypatch: pytest.MonkeyPatch) -> None:
    native = trained(deep())
    monkeypatch.setattr("ranvier.native.prepared.this_machine", lambda *_: Machine(registers, 32 << 10, 32 << 10))
    assert trained(deep()) == native


def test_cut_into_spans_with_more_entries_in_each() -> None:
    """The room for entries grows on the way, and nothing is left behind in it."""
    task = deep()
    rows, span = sparse(task, 200), span_for(task, 200, steps=5)
    rows = replace(rows, inputs=CSR.from_dense(np.triu(np.ones((200, 200))) * np.arange(200)[:, None] / 2e4))
    full, cut = loaded(task), loaded(task)
    order = np.concatenate([np.arange(200)[::-1], np.arange(25)])
    full.run(rows, replace(span, order=order))
    for k in range(span.steps):
        first, last = span.starts[k : k + 2]
        cut.run(rows, Span(order[first:last], np.array([0, last - first]), span.scalars[k : k + 1]))
    assert full.get_state().parameters.tobytes() == cut.get_state().parameters.tobytes()
    assert full.get_state().slots.tobytes() == cut.get_state().slots.tobytes()


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
def test_the_bits_of_predictions(precision: str) -> None:
    """A row alone, among others, on two threads, and with all its zeros; and what the layers say."""
    task = deep(precision=precision)
    rows, executable = sparse(task, 200), loaded(task)
    together = executable.outputs(rows.inputs).tobytes()
    alone = [executable.outputs(rows.inputs[row : row + 1]) for row in range(200)]
    assert np.concatenate(alone).tobytes() == together
    assert executable.activations(rows.inputs)[-1].outputs.tobytes() == together
    assert executable.outputs(rows.inputs.toarray()).tobytes() == together
    dense = loaded(replace(task, mean_nnz=None))
    assert dense.outputs(rows.inputs.toarray()).tobytes() == together
    assert dense.outputs(rows.inputs).tobytes() == together
    executable.threads_for = lambda rows: 2  # type: ignore[method-assign]
    assert executable.outputs(rows.inputs).tobytes() == together


@pytest.mark.parametrize(("name", "precision"), [("sgd", "float32"), ("adagrad", "float32"), ("sgd", "bfloat16")])
def test_the_bits_of_steps_with_all_the_zeros(name: str, precision: str) -> None:
    """Rules that leave a number alone whose gradient is zero make the same steps either way."""
    entry = optimizer(name, learning_rate=0.1)
    task = sparse_problem(70, [Dense(20, "tanh"), Dense(3)], entry=entry, precision=precision)
    rows, span, skipping, other = sparse(task), span_for(task), loaded(task), loaded(replace(task, mean_nnz=None))
    assert skipping.run(rows, span).tobytes() == other.run(with_zeros(rows), span).tobytes()
    assert skipping.get_state().parameters.tobytes() == other.get_state().parameters.tobytes()
    assert skipping.loss_and_gradient(rows)[1].tobytes() == other.loss_and_gradient(with_zeros(rows))[1].tobytes()


def test_gradients_of_other_rows_leave_nothing_behind() -> None:
    task = deep()
    executable, fresh = loaded(task), loaded(task)
    executable.loss_and_gradient(sparse(task, fraction=0.5))
    few = sparse(task, 9, fraction=0.02)
    assert executable.loss_and_gradient(few)[1].tobytes() == fresh.loss_and_gradient(few)[1].tobytes()


def test_full_batch_gradients() -> None:
    task = sparse_problem(40, [Dense(5, "tanh", l1=0.1), Dense(2)], entry=LBFGS())
    executable = loaded(task, 2)
    objective, gradient = executable.loss_and_gradient(sparse(task))
    expected = loaded(replace(task, mean_nnz=None)).loss_and_gradient(with_zeros(sparse(task)))
    assert objective == pytest.approx(expected[0], rel=1e-6)
    assert np.allclose(gradient, expected[1], rtol=0, atol=1e-6)


def test_a_plan_names_its_sparse_steps() -> None:
    text = show_plan(loaded(deep()).plan, 2)
    assert "45 x 3 of 200 x 37" in text
    assert "add the squares" in text
    assert "adam updates the row" in text
    assert "links" in text


def test_few_entries_are_not_worth_more_threads() -> None:
    """The size of the weight does not count, what a batch reaches of it does."""
    layers = [Dense(16, "relu"), Dense(2)]
    small = sparse_problem(100_000, layers, batch_size=8, threads=None)
    assert cost.training_threads(small, 4) == 1
    assert cost.training_threads(replace(small, mean_nnz=None), 4) == 4
    assert cost.step_flops(small) == 8 * (4 * 3 * 16 + 6 * 16 * 2)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    task = deep()
    executable, rows = loaded(task), sparse(task)
    narrow = CSR(rows.inputs.csr.data[:0], rows.inputs.csr.indices[:0], np.zeros(2, np.int64), 199)
    with pytest.raises(ShapeError, match="199"):
        executable.outputs(narrow)
    monkeypatch.setattr("ranvier.native.resident.MAX_ENTRIES", 50)
    with pytest.raises(EngineError, match="smaller batches"):
        executable.run(rows, span_for(task))


def test_code_for_wide_vectors_can_be_made() -> None:
    wide = target.level("x86-64-v4", llvm.host().triple)
    plan = make_plan(deep(), "train", Machine(Registers(32, 1), 32 << 10, 1 << 20), 2)
    if llvm.host().triple.startswith("x86_64"):
        assert any("zmm" in llvm.assembly(text, wide) for text in plan_ir(plan.code, wide))
