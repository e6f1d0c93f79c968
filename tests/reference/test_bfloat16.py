"""Rounding to bfloat16 by its definition, and where the reference engine rounds."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.engine import CompileSpec, State
from ranvier.engine.bfloat16 import SMALLEST, SMALLEST_START
from ranvier.network.layers import Dense, Dropout, Layer, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD
from ranvier.reference import ReferenceEngine
from ranvier.reference.bfloat16 import products, to_bfloat16
from ranvier.rows import Rows

LARGEST = (2.0 - 2.0**-7) * 2.0**127


def to_bf16(x: float) -> float:
    with np.errstate(over="ignore"):
        return float(to_bfloat16(np.array(x)))


@given(st.floats(allow_nan=False, min_value=-LARGEST, max_value=LARGEST))
def test_to_bfloat16_rounds_to_nearest(x: float) -> None:
    rounded = to_bf16(x)
    if abs(x) < SMALLEST * (1 - 2.0**-9):
        assert rounded == 0.0
        assert math.copysign(1.0, rounded) == 1.0
        return
    full = rounded / math.ldexp(1.0, math.frexp(rounded)[1] - 8)
    assert full == int(full)
    assert abs(full) <= 256
    assert abs(rounded - x) <= math.ldexp(1.0, math.frexp(x)[1] - 9)


@pytest.mark.parametrize("scale", [2.0**-63, 2.0**-50, 1.0, 2.0**100, -1.0])
@pytest.mark.parametrize(("between", "even"), [(129.5, 130), (130.5, 130), (255.5, 256)])
def test_to_bfloat16_ties_to_even(between: float, even: float, scale: float) -> None:
    assert to_bf16(between * scale) == even * scale
    assert to_bf16(np.nextafter(between, 999) * scale) == math.ceil(between) * scale
    assert to_bf16(np.nextafter(between, 0) * scale) == math.floor(between) * scale


def test_to_bfloat16_at_the_ends_of_the_range() -> None:
    beyond = LARGEST + 2.0**119
    assert to_bf16(LARGEST) == LARGEST
    assert to_bf16(np.nextafter(beyond, 0)) == LARGEST
    assert to_bf16(beyond) == math.inf
    assert to_bf16(-1e300) == -math.inf
    assert to_bf16(-math.inf) == -math.inf
    assert math.isnan(to_bf16(math.nan))
    assert [to_bf16(SMALLEST), to_bf16(-SMALLEST), to_bf16(SMALLEST * (1 - 2.0**-9))] == [SMALLEST, -SMALLEST, SMALLEST]
    assert to_bf16(SMALLEST * (1 - 2.0**-8)) == 0.0


def exact_sum(terms: list[tuple[float, float]], start: float) -> float:
    """The sum with one rounding to float32 after each term, by integers: for results in the normal range."""
    total = Fraction(float(np.float32(start)))
    for a, b in terms:
        exact = total + Fraction(a) * Fraction(b)
        total = exact if exact == 0 else nearest(exact)
    return float(total)


def nearest(exact: Fraction) -> Fraction:
    """The nearest number of 24 bits, ties to even."""
    exponent = math.floor(math.log2(abs(exact)))
    exponent += (abs(exact) >= Fraction(2) ** (exponent + 1)) - (abs(exact) < Fraction(2) ** exponent)
    spacing = Fraction(2) ** (exponent - 23)
    return round(exact / spacing) * spacing


OPERANDS = st.builds(math.ldexp, st.sampled_from([-1, 1]), st.integers(-56, 40)) | st.floats(-4, 4)


@given(st.lists(st.tuples(OPERANDS, OPERANDS), min_size=1, max_size=6), st.floats(-4, 4, width=32))
def test_products_round_once_after_each_term(terms: list[tuple[float, float]], start: float) -> None:
    rounded = [(to_bf16(a), to_bf16(b)) for a, b in terms]
    a, b = (np.array(column) for column in zip(*rounded, strict=True))
    actual = products(a[None], b[:, None], np.float32(start))
    assert actual.dtype == np.float32
    assert float(actual[0, 0]) == exact_sum(rounded, start if abs(start) >= SMALLEST_START else 0.0)


def test_products_start_at_the_bias() -> None:
    biases = np.array([0.5, -0.0, SMALLEST_START, -SMALLEST_START / 2, np.inf], np.float32)
    actual = products(np.zeros((2, 3)), np.zeros((3, 5)), biases)
    assert actual.tolist() == [[0.5, 0.0, SMALLEST_START, 0.0, math.inf]] * 2
    assert not np.signbit(actual).any()


def gradient(layers: list[Layer], weights: list[float], x: float, precision: str) -> tuple[float, dict[str, float]]:
    """The output for one input of one number, and the gradient for the target 0."""
    network = Network(1, layers)
    task = CompileSpec(network, loss("squared_error"), SGD(), batch_size=1, precision=precision)
    executable = ReferenceEngine().compile(task)
    executable.set_state(State(np.array(weights), np.zeros((0, len(weights))), 0))
    rows = Rows(np.array([[x]]), np.zeros((1, 1)))
    _, flat = executable.loss_and_gradient(rows)
    actual = {name: float(value.ravel()[0]) for name, value in network.parameter_table.views(flat).items()}
    return float(executable.outputs(rows.inputs)[0, 0]), actual


def test_bfloat16_of_two_layers_by_hand() -> None:
    """256 numbers lie between 1 and 2 with 8 bits behind the first: 257/256 is a tie, and 259/256 another."""
    x, w, v, b = 257 / 256, 259 / 256, 1.0, 1 / 1024
    seen_x, seen_w = 1.0, 260 / 256
    y = seen_x * seen_w + b
    seen_y = 260 / 256
    outputs, actual = gradient([Dense(1), Dense(1, bias=False)], [w, b, v], x, "bfloat16")
    assert outputs == seen_y * v
    error = 2 * seen_y
    assert error == to_bfloat16(np.array(error))
    expected = {"layers.0.weight": seen_x * error, "layers.0.bias": error, "layers.1.weight": seen_y * error}
    assert actual == expected
    assert gradient([Dense(1), Dense(1, bias=False)], [w, b, v], x, "float64")[0] == (x * w + b) * v
    assert y != seen_y


def test_bfloat16_rounds_the_delta_of_the_bias_too() -> None:
    """The output is not rounded, so that the error 2 y has more bits than products see."""
    outputs, actual = gradient([Dense(1)], [1.0, 1 / 512], 1.0, "bfloat16")
    assert outputs == 1 + 1 / 512
    assert actual == {"layers.0.weight": 2.0, "layers.0.bias": 2.0}


def test_bfloat16_derivatives_use_the_rounded_output() -> None:
    """tanh(4) rounds to 1, where the slope of tanh is 0; softplus sees its weighted sum."""
    flat = gradient([Dense(1, "tanh", bias=False), Dense(1, bias=False)], [4.0, 1.0], 1.0, "bfloat16")[1]
    assert flat["layers.0.weight"] == 0.0
    assert gradient([Dense(1, "tanh"), Dense(1)], [4.0, 0.0, 1.0, 0.0], 1.0, "float64")[1]["layers.0.weight"] > 0.0
    steep = gradient([Dense(1, "softplus", bias=False), Dense(1, bias=False)], [4.0, 1.0], 1.0, "bfloat16")[1]
    assert steep["layers.0.weight"] > 0.0


@pytest.mark.parametrize(
    ("layers", "rounded"),
    [
        ([Dense(3), Dense(3)], [True, False]),
        ([Dense(3), LayerNorm(), Dense(3)], [False, True, False]),
        ([Dense(3), Dropout(0.5), Dense(3)], [False, True, False]),
        ([Dense(3), Residual([Dense(3)]), Dense(3)], [True, True, False, False]),
        ([Dense(3), Residual([Dropout(0.5), Dense(3)]), LayerNorm()], [False, False, True, False, False]),
    ],
    ids=["dense", "norm", "dropout", "residual", "residual_later"],
)
def test_bfloat16_rounds_outputs_that_feed_a_dense(layers: list[Layer], rounded: list[bool]) -> None:
    network = Network(4, layers)
    task = CompileSpec(network, loss("squared_error"), SGD(), batch_size=5, precision="bfloat16")
    executable = ReferenceEngine().compile(task)
    parameters = network.parameter_table.initial(1)
    executable.set_state(State(parameters, np.zeros((0, len(parameters))), 0))
    outputs = executable.activations(np.random.default_rng(0).standard_normal((5, 4)))
    assert [np.array_equal(layer.outputs, to_bfloat16(layer.outputs)) for layer in outputs] == rounded
