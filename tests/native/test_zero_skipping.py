"""Predictions leave out inputs that are 0 where they are many, which nobody can tell from the bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ranvier.engine import Span, State
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.lowering.lowered import PREDICT, WATCH
from ranvier.native.scheduling.schedule import SKIPPED_INPUTS
from ranvier.network.layers import Dense, Layer, LearnedScale
from ranvier.rows import Rows
from tests.native.against_reference import make_spec

pytestmark = pytest.mark.usefixtures("own_cache")
KINDS: dict[str, type] = {"float32": np.float32, "float64": np.float64, "uint8": np.uint8}


def made(inputs: int, layers: list[Layer], **options: Any) -> NativeExecutable:
    """A network with random parameters, some of them 0 and -0."""
    task = make_spec(inputs, layers, **options)
    executable = NativeEngine().compile(task)
    generator = np.random.default_rng(0)
    flat = generator.normal(size=task.network.parameter_table.size).astype(task.dtype)
    flat[generator.random(flat.size) < 0.2] *= 0.0
    flat[generator.random(flat.size) < 0.2] *= -0.0
    executable.set_state(State(flat, np.zeros((0, flat.size), flat.dtype), 0))
    return executable


def rows_with_zeros(rows: int, inputs: int, fraction: float, kind: str = "float32") -> np.ndarray:
    """Rows with about such a share of numbers that are not 0; some zeros are negative."""
    generator = np.random.default_rng(1)
    numbers = generator.normal(size=(rows, inputs)) * 40
    numbers = np.abs(numbers) if kind == "uint8" else numbers
    numbers[generator.random(numbers.shape) >= fraction] *= 0.0
    return numbers.astype(KINDS[kind])


@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    inputs=st.sampled_from([32, 33, 47, 100, 257]),
    units=st.sampled_from([17, 31, 33, 100, 130]),
    rows=st.sampled_from([1, 2, 15, 97, 200]),
    fraction=st.sampled_from([0.0, 0.01, 0.1, 0.3]),
    kind=st.sampled_from(sorted(KINDS)),
    precision=st.sampled_from(["float32", "float64"]),
    deep=st.booleans(),
)
def test_zero_skipping_is_bit_identical(
    inputs: int, units: int, rows: int, fraction: float, kind: str, precision: str, deep: bool
) -> None:
    layers: list[Layer] = [Dense(units, "tanh"), Dense(3)] if deep else [Dense(units)]
    executable = made(inputs, layers, precision=precision)
    given_rows = rows_with_zeros(rows, inputs, fraction, kind)
    outputs, layer_values = executable.outputs(given_rows), executable.activations(given_rows)
    for purpose in (PREDICT, WATCH):
        executable._program(purpose).set(may_skip_zeros=0)
    assert executable.outputs(given_rows).tobytes() == outputs.tobytes()
    for a, b in zip(executable.activations(given_rows), layer_values, strict=True):
        assert a.weighted_sums is not None
        assert b.weighted_sums is not None
        assert a.outputs.tobytes() == b.outputs.tobytes()
        assert a.weighted_sums.tobytes() == b.weighted_sums.tobytes()


@pytest.mark.parametrize("layers", [[Dense(40, "relu"), Dense(3)], [Dense(40)], [Dense(18, bias=False), Dense(2)]])
def test_a_row_has_the_same_outputs_alone_among_others_and_among_full_rows(layers: list[Layer]) -> None:
    executable = made(64, layers)
    few, many = rows_with_zeros(50, 64, 0.05), rows_with_zeros(50, 64, 1.0)
    together = executable.outputs(few)
    mixed = executable.outputs(np.concatenate([few, many]))[:50]
    alone = np.concatenate([executable.outputs(few[row : row + 1]) for row in range(50)])
    assert together.tobytes() == mixed.tobytes() == alone.tobytes()


def infinite_below(executable: NativeExecutable) -> None:
    """Make the weights of the last input infinite."""
    state = executable.get_state()
    executable.spec.network.parameter_table.views(state.parameters)["layers.0.weight"][-1] = np.inf
    executable.set_state(State(state.parameters, np.zeros((0, state.parameters.size)), 0))


def test_zero_skipping_runs_where_zeros_are_many() -> None:
    executable = made(SKIPPED_INPUTS, [Dense(40), Dense(3)])
    infinite_below(executable)
    few, many = (rows_with_zeros(20, SKIPPED_INPUTS, fraction) for fraction in (0.05, 1.0))
    few[:, -1] = many[:, -1] = 0.0
    executable._program(PREDICT).set(may_skip_zeros=1)
    assert np.isfinite(executable.outputs(few)).all()
    assert np.isnan(executable.outputs(many)).all()
    executable._program(PREDICT).set(may_skip_zeros=0)
    assert np.isnan(executable.outputs(few)).all()


def test_nothing_is_left_out_where_a_weight_is_infinite() -> None:
    executable = made(SKIPPED_INPUTS, [Dense(40), Dense(3)])
    zeros = np.zeros((20, SKIPPED_INPUTS))
    assert np.isfinite(executable.outputs(zeros)).all()
    infinite_below(executable)
    assert np.isnan(executable.outputs(zeros)).all()


def push(executable: NativeExecutable, how: str) -> None:
    """Make the weights of one input infinite, by a step or without one."""
    network, dtype = executable.spec.network, executable.spec.dtype
    flat = executable.get_state().parameters
    direction = np.zeros_like(flat)
    network.parameter_table.views(direction)["layers.0.weight"][-1] = -np.finfo(dtype).max
    if how == "apply":
        for _ in range(2):
            executable.apply(direction, np.array([1.5]))
    elif how == "restore":
        executable.restore(np.where(direction != 0, np.inf, flat).astype(flat.dtype))
    else:
        # One input and the errors are 1e20, so that the gradient of its weights overflows and no other does.
        executable.restore(np.where(direction != 0, 0.0, flat).astype(flat.dtype))
        inputs = np.zeros((6, SKIPPED_INPUTS), dtype)
        inputs[:, -1] = 1e20
        targets = np.full((6, network.outputs), 1e20, dtype)
        executable.run(Rows(inputs, targets), Span(np.arange(6), np.array([0, 6]), np.array([[1e-20]])))


@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("how", ["run", "apply", "restore"])
def test_what_is_left_out_follows_the_weights(how: str, rows: int) -> None:
    """After weights become infinite, and after they are finite again, as in an executable that begins so."""
    executable = made(SKIPPED_INPUTS, [Dense(40), Dense(3)])
    finite, given_rows = executable.get_state(), rows_with_zeros(rows, SKIPPED_INPUTS, 0.05)
    given_rows[:, -1] = 0.0

    def bits_of_outputs() -> tuple[bytes, bytes]:
        _, outputs = executable.evaluate(Rows(given_rows, np.zeros((rows, 3), np.float32)))
        return executable.outputs(given_rows).tobytes(), outputs.tobytes()

    def told_afresh() -> tuple[bytes, bytes]:
        fresh = made(SKIPPED_INPUTS, [Dense(40), Dense(3)])
        fresh.set_state(executable.get_state())
        return (fresh.outputs(given_rows).tobytes(),) * 2

    before = bits_of_outputs()
    assert before == told_afresh()
    push(executable, how)
    assert not np.isfinite(executable.get_state().parameters).all()
    assert bits_of_outputs() == told_afresh() != before
    executable.restore(finite.parameters)
    assert bits_of_outputs() == before


@pytest.mark.parametrize(
    ("inputs", "layers", "options", "skips"),
    [
        (32, [Dense(17), Dense(2)], {}, True),
        (31, [Dense(17), Dense(2)], {}, False),
        (32, [Dense(16), Dense(2)], {}, False),
        (32, [Dense(34, groups=2), Dense(2)], {}, False),
        (32, [LearnedScale(), Dense(17), Dense(2)], {}, False),
        (32, [Dense(17), Dense(2)], {"precision": "bfloat16"}, False),
        (32, [Dense(17), Dense(2)], {"mean_nnz": 3}, False),
    ],
)
def test_which_networks_look_for_zeros(inputs: int, layers: list[Layer], options: dict[str, Any], skips: bool) -> None:
    executable = made(inputs, layers, **options)
    names = [buffer.name for buffer in executable._program(PREDICT).plan.buffers]
    assert ("nonzeros" in names) == skips
