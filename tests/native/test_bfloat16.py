"""bfloat16 in the native engine: it rounds what the reference rounds, and gives the same bits however it is run.

The engines sum in float32 and in float64, so that a number very close to the middle of two may fall on different sides.
Of a thousand numbers that were 2^-24 of themselves away a few times over, about one does, and moves by 2^-7 of itself
at most. So an agreement has two bounds: that of float32, which one of a few draws of the data must keep to, and that of
operands which fell on different sides, which all of them must.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier.engine import CompileSpec, Span, State
from ranvier.native.engine import NativeEngine
from ranvier.native.machine import cpu
from ranvier.network.activations import ACTIVATIONS
from ranvier.network.layers import Dense, Dropout, LayerNorm, LearnedScale, Residual
from ranvier.network.losses import LOSSES, loss
from ranvier.network.optimizers import LBFGS, SGD, Adam, optimizer
from ranvier.reference.bfloat16 import to_bfloat16
from ranvier.reference.engine import ReferenceEngine
from ranvier.rows import CSR, Rows
from ranvier.training.state import initial_state
from tests.helpers import ALL_OPTIMIZERS
from tests.native.against_reference import LAYERS, OUTPUT, TOLERANCE, LoopResult, make_spec, outcome, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
OTHER_SIDE = 2.0**-7
DRAWS = 4


def rounded(inputs: int, layers: list[Any], rule: Any = None, rule_or_none: Any = None, **options: Any) -> CompileSpec:
    return make_spec(inputs, layers, rule, rule_or_none, **{"precision": "bfloat16", **options})


def drawn(task: CompileSpec, draw: int) -> Rows:
    rows = rows_for(task, seed=draw)
    if not task.sparse:
        return rows
    mask = np.random.default_rng(draw + 1).random(rows.inputs.shape) < 0.1
    return replace(rows, inputs=CSR.from_dense(np.where(mask, rows.inputs.dense, 0.0).astype(np.float32)))


def difference(actual: LoopResult, wanted: LoopResult) -> float:
    """The largest error of all numbers, as a share of the size of their kind."""
    pairs = [(np.asarray(getattr(actual, f.name)), np.asarray(getattr(wanted, f.name))) for f in fields(LoopResult)]
    return max(float(np.abs(a - b).max()) / max(1.0, float(np.abs(b).max())) for a, b in pairs if b.size)


def agree(task: CompileSpec, steps: int = 3, reference_task: CompileSpec | None = None) -> None:
    """Check that the native engine makes of a spec what the reference makes of it, or of another one."""
    span = span_for(task, steps=steps)
    for draw in range(DRAWS):
        rows = drawn(task, draw)
        actual = outcome(NativeEngine(), task, rows, span, gradients=True)
        error = difference(actual, outcome(ReferenceEngine(), reference_task or task, rows, span, gradients=True))
        assert error <= OTHER_SIDE
        if error <= TOLERANCE["float32"]:
            return
    pytest.fail(f"None of {DRAWS} draws keeps to the bound of float32.")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    hidden = [Dense(9, name), Dense(5, "tanh")] if name != "softmax" else [Dense(5, "tanh")]
    agree(rounded(7, [*hidden, Dense(3, name)]))


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str) -> None:
    agree(rounded(6, [Dense(8, "tanh"), Dense(3, OUTPUT[LOSSES[name].applied_to])], LOSSES[name], weighted=True))


@pytest.mark.parametrize("name", ALL_OPTIMIZERS)
def test_optimizers(name: str) -> None:
    layers = [Dense(9, "tanh", l1=0.01, l2=0.1), Dense(17, "gelu"), Dense(2)]
    agree(rounded(7, layers, rule_or_none=ALL_OPTIMIZERS[name], threads=2), steps=2)


LATE = [Residual([Dropout(0.4), Dense(7)]), LearnedScale(), Dense(5), LayerNorm()]
GROUPS = [Dense(34, "tanh"), Dense(34, "relu", groups=2), Residual([Dense(34, "gelu", groups=17)]), Dense(3)]


@pytest.mark.parametrize("layers", [*LAYERS.values(), LATE, GROUPS], ids=[*LAYERS, "late", "more groups"])
def test_layers(layers: list[Any]) -> None:
    agree(rounded(7, layers, rule_or_none=Adam(0.01), threads=2))


@pytest.mark.parametrize("rule_or_none", [SGD(0.05), Adam(clip_norm=0.5, ema_decay=0.9)], ids=["fused", "clipped"])
def test_sparse_rows(rule_or_none: Any) -> None:
    layers = [Dense(19, "tanh"), Dropout(0.3), Residual([Dense(19, "relu")]), Dense(3)]
    agree(rounded(60, layers, rule_or_none=rule_or_none, mean_nnz=6, threads=2))


def test_slots_may_have_any_name() -> None:
    mine = optimizer(
        "mine",
        lambda parameter, gradient, learning_rate, rounded, transposed: (
            parameter - learning_rate * (rounded + transposed),
            0.5 * rounded + gradient,
            0.25 * transposed + gradient,
        ),
        {"rounded": 0.0, "transposed": 0.0},
    )
    agree(rounded(5, [Dense(6, "tanh"), Dense(6, "tanh"), Dense(2)], rule_or_none=mine))


def test_the_check_sees_what_is_not_rounded() -> None:
    """An engine that does not round fails against one that does, and the other way round."""
    task = rounded(7, [Dense(9, "tanh"), Dense(5, "gelu"), Dense(3)])
    for native_task, reference_task in (
        (replace(task, precision="float32"), task),
        (task, replace(task, precision="float32")),
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            agree(native_task, reference_task=reference_task)


def exact_case(inputs: int, units: int, rows: int, seed: int) -> tuple[CompileSpec, Rows, State]:
    """Integers whose sums and products float32 holds without rounding, but not bfloat16.

    Inputs and weights have 10 bits, so that 8 remain; relu and a summed squared error keep integers.
    """
    generator = np.random.default_rng(seed)
    layers = [Dense(units, "relu"), Dense(2)]
    rule = loss("squared_error", reduction="sum")
    task = rounded(inputs, layers, rule, SGD(2.0**-10), batch_size=rows, threads=1 + seed % 3)
    size = task.network.parameter_table.size
    weights = generator.integers(-600, 600, size) * 2.0**-8
    given_rows = Rows(
        generator.integers(-1000, 1000, (rows, inputs)).astype(np.float32), np.zeros((rows, 2), np.float32)
    )
    return task, given_rows, State(weights, np.zeros((0, size)), 0)


@settings(max_examples=20, deadline=None)
@given(inputs=st.integers(1, 40), units=st.integers(1, 40), rows=st.sampled_from([1, 2, 8]), seed=st.integers(0, 10**6))
def test_equal_to_the_reference_where_nothing_else_rounds(inputs: int, units: int, rows: int, seed: int) -> None:
    """Weighted sums of the first layer and errors of the output hold all their bits in float32; so must their sums."""
    task, given_rows, state = exact_case(inputs, units, rows, seed)
    results = []
    for engine in (NativeEngine(), ReferenceEngine()):
        executable = engine.compile(task)
        executable.set_state(state)
        results.append(executable.activations(given_rows.inputs)[0])
    assert np.array_equal(results[0].weighted_sums, results[1].weighted_sums)
    assert np.array_equal(results[0].outputs, to_bfloat16(np.maximum(results[1].weighted_sums, 0.0)))
    assert np.array_equal(results[0].outputs, results[1].outputs)


def test_a_step_of_one_layer_is_exact() -> None:
    """Weights of 12 bits, inputs of 10: what moves them is the error, rounded, times the inputs, rounded."""
    generator = np.random.default_rng(3)
    x = generator.integers(-1000, 1000, (4, 20)).astype(np.float32)
    w = generator.integers(-2000, 2000, (20, 3)) * 2.0**-10
    rate = 2.0**-20
    task = rounded(20, [Dense(3)], loss("squared_error", reduction="sum"), SGD(rate), batch_size=4, threads=2)
    executable = NativeEngine().compile(task)
    executable.set_state(State(np.concatenate([w.ravel(), np.zeros(3)]), np.zeros((0, 63)), 0))
    rows = Rows(x, np.zeros((4, 3), np.float32))
    executable.run(rows, Span(np.arange(4), np.array([0, 4]), np.array([[rate]])))
    operands = to_bfloat16(x.astype(np.float64))
    error = to_bfloat16(2.0 * (operands @ to_bfloat16(w)) / 4.0)
    moved = executable.get_state().parameters
    assert np.array_equal(moved[:60].reshape(20, 3), (w - rate * (operands.T @ error)).astype(np.float32))
    assert np.array_equal(moved[60:], (-rate * error.sum(axis=0)).astype(np.float32))
    assert not np.array_equal(operands, x)


@pytest.mark.parametrize("threads", [1, 3])
def test_full_batch_gradients(threads: int) -> None:
    task = rounded(7, [Dense(9, "tanh", l2=0.1), Dense(3)], rule_or_none=LBFGS(), threads=threads)
    rows, state = rows_for(task), initial_state(task.network, task.optimizer, 0).engine
    actual = []
    for engine in (NativeEngine(), ReferenceEngine()):
        executable = engine.compile(task)
        executable.set_state(state)
        actual.append(executable.loss_and_gradient(rows))
    assert actual[0][1].dtype == np.float32
    assert actual[0][0] == pytest.approx(actual[1][0], rel=OTHER_SIDE)
    np.testing.assert_allclose(actual[0][1], actual[1][1], rtol=0, atol=OTHER_SIDE)


def test_activations_of_layers() -> None:
    """What goes into a Dense is rounded, though dropout only hands it on; the output is not."""
    layers = [Dense(9, "tanh"), Dropout(0.5), Residual([Dense(9, "gelu")]), Dense(3)]
    task = rounded(7, layers)
    results = []
    for engine in (NativeEngine(), ReferenceEngine()):
        executable = engine.compile(task)
        executable.set_state(initial_state(task.network, task.optimizer, 0).engine)
        results.append(executable.activations(rows_for(task).inputs))
    for actual, wanted in zip(*results, strict=True):
        assert actual.path == wanted.path
        assert actual.outputs.dtype == np.float32
        np.testing.assert_allclose(actual.outputs, wanted.outputs, rtol=OTHER_SIDE, atol=OTHER_SIDE)
    mask = [np.array_equal(layer.outputs, to_bfloat16(layer.outputs.astype(np.float64))) for layer in results[0]]
    assert mask == [False, True, True, False, False]


def test_what_is_not_a_number_comes_through() -> None:
    task = rounded(3, [Dense(4, "relu"), Dense(2)])
    executable = NativeEngine().compile(task)
    first = initial_state(task.network, task.optimizer, 0).engine
    executable.set_state(replace(first, parameters=np.full_like(first.parameters, np.nan)))
    assert np.isnan(executable.outputs(np.ones((2, 3), np.float32))).all()
    executable.set_state(first)
    rows = rows_for(task)
    rows.inputs.dense[:] = np.inf
    assert not np.isfinite(executable.run(rows, span_for(task))[-1])


@pytest.mark.parametrize("optimizer", [Adam(), LBFGS()], ids=["adam", "lbfgs"])
@pytest.mark.parametrize("width", [6, 400])
@pytest.mark.parametrize("frozen", range(4))
@pytest.mark.parametrize("sparse", [False, True])
def test_weights_that_nothing_moves_come_out_as_they_went_in(
    sparse: bool, frozen: int, width: int, optimizer: Any
) -> None:
    trainable = [layer != frozen for layer in range(3)]
    layers: list[Any] = [
        Dense(width, "relu", trainable=trainable[0]),
        Dense(12, "relu", groups=2, trainable=trainable[1]),
        Dense(3, trainable=trainable[2]),
    ]
    task = rounded(24, layers, None, optimizer, **({"mean_nnz": 5, "n_dense": 4} if sparse else {}))
    executable = NativeEngine().compile(task)
    parameters = task.network.parameter_table.initial(0, np.float32)
    rows = 0 if optimizer.full_batch else 2
    state = State(parameters, np.ones((rows, parameters.size), np.float32), 3)
    executable.set_state(state)
    assert np.array_equal(executable.snapshot(), parameters)
    assert np.array_equal(executable.get_state().parameters, parameters)
    assert np.array_equal(executable.release().parameters, parameters)


def test_a_model_predicts_as_it_was_trained_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """Predictions round, after loading too; what a checkpoint keeps gives the same bits as never having stopped."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((60, 7)).astype(np.float32)
    y = X[:, 0] > X[:, 1]
    network = rv.Network(7, [rv.Dense(20, "gelu"), rv.Dense(1, "sigmoid")])
    options: dict[str, Any] = {"engine": "native", "precision": "bfloat16", "progress": False, "batch_size": 16}
    model = network.fit(X, y, epochs=4, **options)
    network.fit(X, y, epochs=2, checkpoint=tmp_path / "kept", **options)
    again = network.fit(X, y, epochs=4, checkpoint=tmp_path / "kept", **options)
    assert len(again.history) == 4
    model.save(tmp_path / "model.rv")
    for other in (again, rv.load(tmp_path / "model.rv")):
        assert other.outputs(X).tobytes() == model.outputs(X).tobytes()
    state = State(np.concatenate([part.ravel() for part in model.parameters.values()]), np.zeros((2, 181)), 0)
    other = NativeEngine().compile(make_spec(7, list(network.layers), loss("binary_cross_entropy"), Adam()))
    other.set_state(state)
    assert np.abs(other.outputs(X) - model.outputs(X)).max() > TOLERANCE["float32"]


def test_a_plan_says_how_it_is_computed() -> None:
    results = NativeEngine().plan(rounded(7, [Dense(9, "tanh"), Dense(3)]))
    how = ", two terms of a sum at once" if cpu.target().has_bf16_dot else " emulated in float32"
    assert f"bfloat16{how}" in results
    assert "inputs = inputs rounded to bfloat16" in results
    assert "emulated" not in NativeEngine().plan(rounded(7, [Dense(3)], precision="float32"))
