"""The reference engine behind the interface: spans, batches, weights, predictions, diverging runs and refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.engine import Cancelled, CompileSpec, Engine, Executable, Span, State
from ranvier.errors import EngineError, ShapeError
from ranvier.expression import sigmoid
from ranvier.network.activations import activation
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import LBFGS, SGD, Adam, Optimizer, optimizer
from ranvier.reference import ReferenceEngine
from ranvier.reference.engine import BLOCK, ReferenceExecutable
from ranvier.rows import Rows
from tests.helpers import ALL_OPTIMIZERS, Array

GENERATOR = np.random.default_rng(5)
ROWS = Rows(GENERATOR.normal(size=(23, 4)), np.eye(3)[GENERATOR.integers(3, size=23)], GENERATOR.uniform(size=23))
EVERYTHING = Network(
    4,
    [
        Dense(8, "relu", l2=0.01),
        BatchNorm(),
        Dropout(0.3),
        Residual([LayerNorm(), Dense(8, "gelu")]),
        Dense(3, "softmax"),
    ],
)
CROSS_ENTROPY = loss("categorical_cross_entropy")


def make_spec(network: Network = EVERYTHING, rule: Optimizer | None = None, **options: Any) -> CompileSpec:
    return CompileSpec(network, options.pop("loss", CROSS_ENTROPY), rule or Adam(0.01), 5, **options)


def ready(described: CompileSpec, step: int = 0) -> ReferenceExecutable:
    executable = ReferenceEngine().compile(described)
    parameters = described.network.parameter_table.initial(described.seed)
    executable.set_state(State(parameters, described.optimizer.initial_slots(parameters), step))
    return executable


def epochs(rule: Optimizer, rows: int, batch: int, count: int, first: int = 0) -> Span:
    """Epochs in shuffled order with a ragged last batch."""
    inside = np.arange(0, rows, batch)
    starts = np.append((inside + rows * np.arange(count)[:, None]).ravel(), rows * count)
    order = np.concatenate([np.random.default_rng(epoch).permutation(rows) for epoch in range(count)])
    steps = first + np.arange(1, len(starts))
    return Span(order, starts, rule.scalar_values(steps, np.full(len(steps), 0.01)))


def part(span: Span, first: int, last: int) -> Span:
    begin, end = span.starts[first], span.starts[last]
    return Span(span.order[begin:end], span.starts[first : last + 1] - begin, span.scalars[first:last])


def same_state(a: State, b: State) -> bool:
    return np.array_equal(a.parameters, b.parameters) and np.array_equal(a.slots, b.slots) and a.step == b.step


def test_the_reference_engine_implements_the_protocol() -> None:
    engine: Engine = ReferenceEngine()
    executable: Executable = engine.compile(make_spec())
    executable.close()
    assert (engine.name, engine.why_unavailable()) == ("reference", None)


@pytest.mark.parametrize("name", ALL_OPTIMIZERS)
def test_one_span_equals_many_spans_of_one_step(name: str) -> None:
    described = make_spec(rule=ALL_OPTIMIZERS[name], weighted=True, seed=7)
    together, apart = ready(described), ready(described)
    span = epochs(described.optimizer, 23, 5, 2)
    expected = together.run(ROWS, span)
    actual = [apart.run(ROWS, part(span, k, k + 1))[0] for k in range(span.steps)]
    assert np.array_equal(expected, actual)
    assert same_state(together.get_state(), apart.get_state())
    assert together.get_state().step == span.steps == 10


def test_a_resumed_run_equals_an_uninterrupted_one() -> None:
    described = make_spec(rule=optimizer("nadam", ema_decay=0.9), seed=3)
    full, half = ready(described), ready(described)
    span = epochs(described.optimizer, 23, 5, 2)
    full.run(ROWS, span)
    half.run(ROWS, part(span, 0, 4))
    resumed = ReferenceEngine().compile(described)
    resumed.set_state(half.get_state())
    resumed.run(ROWS, part(span, 4, 10))
    assert same_state(full.get_state(), resumed.get_state())
    other = ready(described)
    other.set_state(replace(half.get_state(), step=3))
    other.run(ROWS, part(span, 4, 10))
    assert not same_state(full.get_state(), other.get_state()), "the step belongs to the state"


def test_the_loss_of_a_batch_is_the_mean_of_its_rows() -> None:
    """Seven rows in batches of three: the last batch is one row, and its loss is that row's."""
    described = make_spec(Network(4, [Dense(2)]), SGD(), loss=loss("squared_error"))
    rows = Rows(ROWS.inputs[:7], GENERATOR.normal(size=(7, 2)))
    executable = ready(described)
    row_losses = ((executable.outputs(rows.inputs) - rows.targets) ** 2).mean(axis=1)
    order = np.array([6, 1, 0, 3, 2, 4, 5])
    actual = executable.run(rows, Span(order, np.array([0, 3, 6, 7]), np.zeros((3, 1))))
    expected = [row_losses[order[:3]].mean(), row_losses[order[3:6]].mean(), row_losses[order[6]]]
    np.testing.assert_allclose(actual, expected, rtol=1e-14)


@given(repeats=st.lists(st.integers(0, 4), min_size=5, max_size=5).filter(any))
def test_an_integer_weight_equals_repeated_rows(repeats: list[int]) -> None:
    described = make_spec(Network(4, [Dense(3, "softmax", l1=0.1)]), SGD())
    executable = ready(described)
    few = Rows(ROWS.inputs[:5], ROWS.targets[:5], np.array(repeats, float))
    index = np.repeat(np.arange(5), repeats)
    many = Rows(ROWS.inputs[index], ROWS.targets[index])
    value, gradient = executable.loss_and_gradient(few)
    expected, expected_gradient = executable.loss_and_gradient(many)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-12, atol=1e-14)


def test_a_batch_without_weight_changes_nothing() -> None:
    executable = ready(make_spec(Network(4, [Dense(3, "softmax")]), SGD()))
    before = executable.get_state().parameters
    rows = Rows(ROWS.inputs, ROWS.targets, np.zeros(23))
    assert executable.run(rows, Span(np.arange(23), np.array([0, 23]), np.ones((1, 1))))[0] == 0.0
    assert np.array_equal(executable.get_state().parameters, before)


def test_evaluate_and_objective_return_the_same_loss() -> None:
    described = make_spec(Network(4, [Dense(6, "tanh", l2=0.4), Dense(3, "softmax")]), weighted=True)
    executable = ready(described)
    value, outputs = executable.evaluate(ROWS)
    weight = executable.get_state().parameters[: 4 * 6]
    np.testing.assert_allclose(executable.loss_and_gradient(ROWS)[0], value + 0.2 * (weight**2).sum(), rtol=1e-13)
    assert np.array_equal(outputs, executable.outputs(ROWS.inputs))
    assert ROWS.weights is not None
    by_hand = -(ROWS.weights * np.log((outputs * ROWS.targets).sum(axis=1))).sum() / ROWS.weights.sum()
    np.testing.assert_allclose(value, by_hand, rtol=1e-13)


def blas_name() -> str:
    configuration: Any = np.show_config(mode="dicts")
    return str(configuration["Build Dependencies"]["blas"]["name"])


@pytest.mark.skipif("openblas" not in blas_name(), reason="no promise is made for another BLAS than OpenBLAS")
@pytest.mark.parametrize(("inputs", "units"), [(4, 3), (17, 33), (100, 64), (300, 7)])
def test_outputs_of_a_row_are_bit_identical_alone_and_among_others(inputs: int, units: int) -> None:
    described = Network(inputs, [Dense(units, "tanh"), LayerNorm(), Dense(5, "softmax")])
    executable = ready(make_spec(described))
    many = np.random.default_rng(1).normal(size=(3 * BLOCK + 5, inputs))
    together = executable.outputs(many)
    for row in range(len(many)):
        assert np.array_equal(executable.outputs(many[row : row + 1])[0], together[row])


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_outputs_of_any_number_of_rows(count: int) -> None:
    executable = ready(make_spec())
    inputs = np.random.default_rng(2).normal(size=(count, 4))
    outputs = executable.outputs(inputs)
    assert outputs.shape == (count, 3)
    np.testing.assert_allclose(outputs.sum(axis=1), 1.0, rtol=1e-14)
    assert executable.evaluate(Rows(inputs, np.zeros((count, 3))))[1].shape == (count, 3)
    assert [values.outputs.shape for values in executable.activations(inputs)] == [
        (count, info.outputs) for info in EVERYTHING.iter_layers()
    ]


def test_activations_of_every_layer() -> None:
    executable = ready(make_spec())
    actual = {values.path: values for values in executable.activations(ROWS.inputs)}
    assert list(actual) == [info.path for info in EVERYTHING.iter_layers()]
    first, block = actual["layers.0"], actual["layers.3"]
    assert first.weighted_sums is not None
    assert np.array_equal(first.outputs, np.maximum(first.weighted_sums, 0.0))
    assert (actual["layers.1"].weighted_sums, block.weighted_sums) == (None, None)
    assert np.array_equal(actual["layers.2"].outputs, actual["layers.1"].outputs), "dropout is off"
    assert np.array_equal(block.outputs, actual["layers.2"].outputs + actual["layers.3.layers.1"].outputs)
    assert np.array_equal(actual["layers.4"].outputs, executable.outputs(ROWS.inputs))


def test_bytes_are_numbers_from_0_to_255() -> None:
    described = make_spec(seed=1)
    pixels = GENERATOR.integers(256, size=(23, 4)).astype(np.uint8)
    as_bytes, as_floats = ready(described), ready(described)
    span = epochs(described.optimizer, 23, 5, 1)
    losses = as_bytes.run(replace(ROWS, inputs=pixels), span)
    assert np.array_equal(losses, as_floats.run(replace(ROWS, inputs=pixels.astype(float)), span))
    assert np.array_equal(as_bytes.outputs(pixels), as_floats.outputs(pixels.astype(float)))
    assert np.array_equal(as_bytes.outputs(pixels), as_bytes.outputs(pixels.astype(np.int64)))


def test_float32_rows_and_states_are_computed_in_float64() -> None:
    described = make_spec(precision="float32")
    executable = ReferenceEngine().compile(described)
    parameters = EVERYTHING.parameter_table.initial(0).astype(np.float32)
    executable.set_state(State(parameters, described.optimizer.initial_slots(parameters).astype(np.float32), 0))
    rows = Rows(ROWS.inputs.dense.astype(np.float32), ROWS.targets.astype(np.float32))
    assert executable.run(rows, epochs(described.optimizer, 23, 5, 1)).dtype == np.float64
    assert executable.get_state().parameters.dtype == executable.outputs(rows.inputs).dtype == np.float64


def test_load_and_read_copy_the_state() -> None:
    described = make_spec()
    parameters = EVERYTHING.parameter_table.initial(0)
    executable = ReferenceEngine().compile(described)
    executable.set_state(State(parameters, described.optimizer.initial_slots(parameters), 0))
    first = executable.get_state()
    executable.run(ROWS, epochs(described.optimizer, 23, 5, 1))
    assert np.array_equal(first.parameters, parameters)
    assert not np.array_equal(executable.get_state().parameters, parameters)
    read = executable.get_state()
    read.parameters[:] = 0.0
    assert not np.array_equal(executable.get_state().parameters, read.parameters)


@pytest.mark.parametrize("hidden", ["relu", "exponential"])
def test_a_diverging_run_gives_losses_that_are_not_finite(hidden: str) -> None:
    """Without a warning, which would be an error here."""
    described = make_spec(Network(4, [Dense(8, hidden), Dense(3)]), SGD(), loss=loss("squared_error"))
    executable = ready(described)
    span = epochs(described.optimizer, 23, 5, 4)
    losses = executable.run(ROWS, replace(span, scalars=np.full((span.steps, 1), 1e6)))
    assert np.isfinite(losses[0])
    assert not np.isfinite(losses[-1])
    assert not np.isfinite(executable.evaluate(ROWS)[0])
    assert not np.isfinite(executable.loss_and_gradient(ROWS)[0])


def test_weight_decay_and_average_by_hand() -> None:
    """One weight of 1 and a bias of 1, gradient 0: decay takes 0.5 * 0.2 of the weight alone; average rate 2 / 11."""
    rule = SGD(0.5, weight_decay=0.2, ema_decay=0.9)
    described = make_spec(Network(1, [Dense(1)]), rule, loss=loss("squared_error"))
    executable = ReferenceEngine().compile(described)
    executable.set_state(State(np.ones(2), np.ones((1, 2)), 0))
    rows = Rows(np.zeros((1, 1)), np.ones((1, 1)))
    executable.run(
        rows, Span(np.zeros(1, np.int64), np.array([0, 1]), rule.scalar_values(np.array([1]), np.array([0.5])))
    )
    state = executable.get_state()
    np.testing.assert_allclose(state.parameters, [0.9, 1.0], rtol=1e-15)
    np.testing.assert_allclose(state.slots[0], [2 / 11 + 9 / 11 * 0.9, 1.0], rtol=1e-15)


def test_norm_clipping_takes_all_parameters_together() -> None:
    described = make_spec(Network(4, [Dense(8, "tanh"), Dense(3, "softmax")]), SGD(1.0, clip_norm=1e-3))
    executable = ready(described)
    before = executable.get_state().parameters
    executable.run(ROWS, Span(np.arange(23), np.array([0, 23]), np.ones((1, 1))))
    np.testing.assert_allclose(np.linalg.norm(executable.get_state().parameters - before), 1e-3, rtol=1e-10)


def test_custom_records_equal_the_built_in_ones() -> None:
    """A user's activation, loss and update rule, through their expressions, against the hand-written formulas."""
    swish = activation("swish", lambda x: x * sigmoid(x))
    own_loss = loss("my squared error", lambda output, target: (output - target) ** 2)
    own_rule = optimizer(
        "mine",
        update=lambda parameter, gradient, learning_rate, v: (
            parameter - learning_rate * (0.9 * v + gradient),
            0.9 * v + gradient,
        ),
        slots={"v": 0.0},
    )
    actual: list[tuple[Array, Array]] = []
    for shape, chosen_loss, rule in (("silu", loss("squared_error"), SGD(momentum=0.9)), (swish, own_loss, own_rule)):
        described = make_spec(
            Network(4, [Dense(6, shape, initializer="he_normal"), Dense(3)]),
            rule,
            loss=chosen_loss,
        )
        executable = ready(described)
        losses = executable.run(ROWS, epochs(rule, 23, 5, 2))
        actual.append((losses, executable.get_state().parameters))
    np.testing.assert_allclose(actual[1][0], actual[0][0], rtol=1e-12)
    np.testing.assert_allclose(actual[1][1], actual[0][1], rtol=1e-11, atol=1e-13)


def test_run_refuses_lbfgs() -> None:
    described = make_spec(rule=LBFGS())
    executable = ReferenceEngine().compile(described)
    parameters = EVERYTHING.parameter_table.initial(0)
    executable.set_state(State(parameters, np.zeros((20, parameters.size)), 0))
    assert executable.loss_and_gradient(ROWS)[1].shape == parameters.shape
    assert executable.get_state().slots.shape == (20, parameters.size)
    with pytest.raises(EngineError, match="all rows at once"):
        executable.run(ROWS, Span(np.arange(23), np.array([0, 23]), np.ones((1, 1))))


def test_a_state_of_another_network_is_refused() -> None:
    executable = ReferenceEngine().compile(make_spec())
    with pytest.raises(ShapeError, match="Load a matching state"):
        executable.set_state(State(np.zeros(3), np.zeros((2, 3)), 0))
    size = EVERYTHING.parameter_table.size
    with pytest.raises(ShapeError, match=rf"need \({size},\) and \(2, {size}\)"):
        executable.set_state(State(np.zeros(size), np.zeros((1, size)), 0))


def test_calls_without_a_loaded_state_are_refused() -> None:
    executable = ReferenceEngine().compile(make_spec())
    with pytest.raises(EngineError, match="No training state is loaded"):
        executable.outputs(ROWS.inputs)
    executable = ready(make_spec())
    executable.close()
    with pytest.raises(EngineError, match="No training state is loaded"):
        executable.get_state()


def test_run_stops_between_two_steps() -> None:
    executable, unasked = ready(make_spec()), ready(make_spec())
    span = epochs(Adam(0.01), len(ROWS), 5, count=1)
    executable.should_cancel = lambda: True
    losses = executable.run(ROWS, span)
    assert 0 < len(losses) < span.steps
    assert losses.tobytes() == unasked.run(ROWS, part(span, 0, len(losses))).tobytes()
    assert executable.get_state().parameters.tobytes() == unasked.get_state().parameters.tobytes()
    for work in (executable.loss_and_gradient, executable.evaluate):
        with pytest.raises(Cancelled):
            work(ROWS)
