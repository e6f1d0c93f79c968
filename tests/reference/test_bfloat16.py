"""Rounding to bfloat16 by its definition, and where the reference engine rounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.engine import CompileSpec, State
from ranvier.network.layers import Dense, Dropout, Layer, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD
from ranvier.reference import ReferenceEngine
from ranvier.reference.bfloat16 import to_bfloat16
from ranvier.rows import Rows

LARGEST = (2.0 - 2.0**-7) * 2.0**127
SPACE = 2.0**-133
"""Between the smallest numbers."""


def one(x: float) -> float:
    with np.errstate(over="ignore"):
        return float(to_bfloat16(np.array(x)))


@given(st.floats(allow_nan=False, min_value=-LARGEST, max_value=LARGEST))
def test_to_bfloat16_rounds_to_nearest(x: float) -> None:
    rounded = one(x)
    exponent = max(math.frexp(rounded)[1], -125)
    whole = rounded / math.ldexp(1.0, exponent - 8)
    assert whole == int(whole)
    assert abs(whole) <= 256
    assert abs(rounded - x) <= math.ldexp(1.0, max(math.frexp(x)[1], -125) - 9)
    assert math.copysign(1.0, rounded) == math.copysign(1.0, x)


NORMAL = [(129.5, 130), (130.5, 130), (255.5, 256)]


@pytest.mark.parametrize(
    ("between", "even", "scale"),
    [(*case, scale) for case in NORMAL for scale in (SPACE, 2.0**-119, 1.0, 2.0**100, -1.0)]
    + [(0.5, 0, SPACE), (1.5, 2, -SPACE), (77.5, 78, SPACE)],
)
def test_to_bfloat16_ties_to_even(between: float, even: float, scale: float) -> None:
    assert one(between * scale) == even * scale
    assert one(np.nextafter(between, 999) * scale) == math.ceil(between) * scale
    assert one(np.nextafter(between, 0) * scale) == math.floor(between) * scale


def test_to_bfloat16_at_the_ends_of_the_range() -> None:
    beyond = LARGEST + 2.0**119
    assert one(LARGEST) == LARGEST
    assert one(np.nextafter(beyond, 0)) == LARGEST
    assert one(beyond) == math.inf
    assert one(-1e300) == -math.inf
    assert one(-math.inf) == -math.inf
    assert math.isnan(one(math.nan))
    assert [one(SPACE), one(0.75 * SPACE), one(0.5 * SPACE)] == [SPACE, SPACE, 0.0]


def gradient(layers: list[Layer], weights: list[float], x: float, precision: str) -> tuple[float, dict[str, float]]:
    """The output for one input of one number, and the gradient for the target 0."""
    network = Network(1, layers)
    task = CompileSpec(network, loss("squared_error"), SGD(), batch_size=1, precision=precision)
    executable = ReferenceEngine().compile(task)
    executable.set_state(State(np.array(weights), np.zeros((0, len(weights))), 0))
    rows = Rows(np.array([[x]]), np.zeros((1, 1)))
    _, flat = executable.loss_and_gradient(rows)
    found = {name: float(value.ravel()[0]) for name, value in network.parameter_table.views(flat).items()}
    return float(executable.outputs(rows.inputs)[0, 0]), found


def test_bfloat16_of_two_layers_by_hand() -> None:
    """256 numbers lie between 1 and 2 with 8 bits behind the first: 257/256 is a tie, and 259/256 another."""
    x, w, v, b = 257 / 256, 259 / 256, 1.0, 1 / 1024
    seen_x, seen_w = 1.0, 260 / 256
    y = seen_x * seen_w + b
    seen_y = 260 / 256
    said, found = gradient([Dense(1), Dense(1, bias=False)], [w, b, v], x, "bfloat16")
    assert said == seen_y * v
    error = 2 * seen_y
    assert error == to_bfloat16(np.array(error))
    expected = {"layers.0.weight": seen_x * error, "layers.0.bias": error, "layers.1.weight": seen_y * error}
    assert found == expected
    assert gradient([Dense(1), Dense(1, bias=False)], [w, b, v], x, "float64")[0] == (x * w + b) * v
    assert y != seen_y


def test_bfloat16_rounds_the_delta_of_the_bias_too() -> None:
    """The output is not rounded, so that the error 2 y has more bits than products see."""
    said, found = gradient([Dense(1)], [1.0, 1 / 512], 1.0, "bfloat16")
    assert said == 1 + 1 / 512
    assert found == {"layers.0.weight": 2.0, "layers.0.bias": 2.0}


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
    said = executable.activations(np.random.default_rng(0).standard_normal((5, 4)))
    assert [np.array_equal(one.outputs, to_bfloat16(one.outputs)) for one in said] == rounded
