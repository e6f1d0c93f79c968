"""Inputs with a dense and a CSR block in the native engine: it agrees with the reference, and blocks tell no bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranvier.engine import CompileSpec
from ranvier.errors import InputError
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import LBFGS, SGD, Adam, AdamW
from ranvier.rows import CSR, Inputs, Rows
from ranvier.training.state import initial_state
from tests.native.against_reference import agree, make_spec, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
LAYERS: dict[str, list[Any]] = {
    "one": [Dense(3)],
    "dropout": [Dense(21, "relu"), Dropout(0.4), Dense(3)],
    "no bias": [Dense(37, "gelu", bias=False, l2=0.01), BatchNorm(), Dense(3, "tanh")],
    "deep": [Dense(18, "tanh"), Residual([LayerNorm(), Dense(18)]), Dense(40, "silu"), Dense(3)],
}
OPTIMIZERS = {
    "sgd": SGD(0.05),
    "momentum": SGD(0.05, momentum=0.9, nesterov=True),
    "adam": Adam(0.01),
    "adamw": AdamW(0.01, weight_decay=0.1, ema_decay=0.9),
    "clipped": Adam(0.01, clip_norm=0.5),
}
BROAD = settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def mixed(task: CompileSpec, rows: int = 37, fraction: float = 0.15, seed: int = 0) -> Rows:
    """Rows whose last columns are a CSR block with a share of entries."""
    made = rows_for(task, rows, seed=seed)
    numbers = made.inputs.dense
    there = np.random.default_rng(seed + 1).random(numbers.shape) < fraction
    words = np.where(there, numbers, 0.0).astype(np.float32)[:, task.n_dense :]
    return replace(made, inputs=Inputs(numbers[:, : task.n_dense], CSR.from_dense(words)))


def loaded(task: CompileSpec, threads: int = 1) -> NativeExecutable:
    executable = NativeEngine().compile(task)
    executable.threads = threads
    executable.set_state(initial_state(task.network, task.optimizer, 3).engine)
    return executable


def run_bits(task: CompileSpec, rows: Rows, threads: int = 1) -> bytes:
    executable = loaded(task, threads)
    losses = executable.run(rows, span_for(task))
    state = executable.get_state()
    outputs = executable.outputs(rows.inputs)
    return b"".join(array.tobytes() for array in (losses, state.parameters, state.slots, outputs))


@BROAD
@given(
    n_dense=st.sampled_from([1, 2, 15, 16, 17, 40]),
    n_csr=st.sampled_from([1, 3, 16, 50, 130]),
    layers=st.sampled_from(list(LAYERS)),
    rule=st.sampled_from(list(OPTIMIZERS)),
    batch=st.sampled_from([1, 5, 12, 37]),
    options=st.fixed_dictionaries(
        {
            "weighted": st.booleans(),
            "threads": st.integers(1, 3),
            "precision": st.sampled_from(["float32", "float64"]),
        }
    ),
)
def test_it_agrees_with_the_reference(
    n_dense: int, n_csr: int, layers: str, rule: str, batch: int, options: dict[str, Any]
) -> None:
    task = make_spec(
        n_dense + n_csr,
        LAYERS[layers],
        None,
        OPTIMIZERS[rule],
        batch_size=batch,
        mean_nnz=3,
        n_dense=n_dense,
        **options,
    )
    agree(task, mixed(task))


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("rule", list(OPTIMIZERS))
def test_the_number_of_threads_tells_no_bits(precision: str, rule: str) -> None:
    layers = [Dense(75, "relu", l2=0.01), Dropout(0.2), Dense(40, "tanh"), Dense(3, "softmax")]
    task = make_spec(
        140,
        layers,
        loss("categorical_cross_entropy"),
        OPTIMIZERS[rule],
        batch_size=24,
        weighted=True,
        mean_nnz=3,
        n_dense=33,
        precision=precision,
    )
    rows = mixed(task, 60)
    expected = run_bits(task, rows)
    assert all(run_bits(task, rows, threads) == expected for threads in (2, 3))


def test_an_empty_block_gives_the_bits_of_the_other_one() -> None:
    """No column in the CSR block that a row holds: the bits of dense rows. No dense column: those of CSR rows."""
    dense = make_spec(20, [Dense(33, "tanh"), Dense(3)], None, SGD(0.05), threads=1)
    rows = rows_for(dense)
    both = replace(dense, mean_nnz=1, n_dense=20 - 7)
    zeros = rows.inputs.dense.copy()
    zeros[:, 13:] = 0.0
    plain = Rows(zeros, rows.targets)
    assert run_bits(dense, plain) == run_bits(both, plain)
    thin = Rows(Inputs(None, CSR.from_dense(zeros)), rows.targets)
    csr = replace(dense, mean_nnz=13, n_dense=0)
    assert run_bits(csr, thin) == run_bits(dense, plain)


def test_weights_of_dense_columns_move_always_and_those_of_others_with_their_column() -> None:
    task = make_spec(6, [Dense(3)], None, Adam(0.1, weight_decay=0.1), batch_size=2, mean_nnz=1, n_dense=2)
    words = np.zeros((2, 4))
    words[0, 2] = 1.0
    rows = Rows(Inputs(np.zeros((2, 2), np.float32), CSR.from_dense(words)), np.ones((2, 3)))
    executable = loaded(task)
    before = executable.get_state().parameters[:18].reshape(6, 3)
    executable.run(
        rows,
        replace(span_for(task), order=np.array([0, 1]), starts=np.array([0, 2]), scalars=span_for(task).scalars[:1]),
    )
    moved = (executable.get_state().parameters[:18].reshape(6, 3) != before).any(axis=1)
    assert moved.tolist() == [True, True, False, False, True, False]


def test_one_gradient_over_all_rows() -> None:
    task = make_spec(60, [Dense(20, "tanh", l2=0.1, l1=0.01), Dense(3)], None, LBFGS(), mean_nnz=4, n_dense=9)
    rows = mixed(task, 50)
    full = loaded(replace(task, mean_nnz=None, n_dense=0)).loss_and_gradient(Rows(rows.inputs.toarray(), rows.targets))
    value, gradient = loaded(task).loss_and_gradient(rows)
    assert value == pytest.approx(full[0], rel=1e-6)
    np.testing.assert_allclose(gradient, full[1], rtol=2e-5, atol=1e-7)


def test_dense_block_may_be_bytes_and_rows_may_come_in_other_blocks() -> None:
    task = make_spec(30, [Dense(20, "relu"), Dense(3)], mean_nnz=2, n_dense=10)
    rows = mixed(task)
    executable = loaded(task)
    together = executable.outputs(rows.inputs)
    assert np.array_equal(executable.outputs(rows.inputs.toarray()), together)
    assert np.array_equal(executable.activations(rows.inputs)[-1].outputs, together)
    alone = [executable.outputs(rows.inputs[row : row + 1]) for row in range(len(rows))]
    assert np.array_equal(np.concatenate(alone), together)


def test_groups_and_other_first_layers_are_refused() -> None:
    with pytest.raises(InputError, match="first layer has 2 groups"):
        make_spec(6, [Dense(4, groups=2)], mean_nnz=1, n_dense=2)
    with pytest.raises(InputError, match="first layer is LayerNorm"):
        make_spec(6, [LayerNorm(), Dense(4)], mean_nnz=1, n_dense=2)
    with pytest.raises(InputError, match="must have columns"):
        make_spec(6, [Dense(4)], mean_nnz=1, n_dense=6)
