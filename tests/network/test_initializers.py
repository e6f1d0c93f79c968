"""Every initializer of INITIALIZERS: moments, reproducibility, storage, refusals."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError, ShapeError
from ranvier.network.activations import ACTIVATIONS
from ranvier.network.initializers import INITIALIZERS, default_initializer, initializer, initializer_from_dict

K, N = 400, 250
FIXED = ("zeros", "constant")


@pytest.mark.parametrize(
    ("name", "options", "deviation"),
    [
        ("normal", {}, 0.01),
        ("normal", {"stddev": 1.0}, 1.0),
        ("uniform", {}, 0.05 / math.sqrt(3)),
        ("glorot_normal", {}, math.sqrt(2 / (K + N))),
        ("glorot_uniform", {}, math.sqrt(2 / (K + N))),
        ("he_normal", {}, math.sqrt(2 / K)),
        ("he_normal", {"slope": 0.5}, math.sqrt(2 / (1.25 * K))),
        ("he_uniform", {}, math.sqrt(2 / K)),
        ("he_uniform", {"slope": 0.5}, math.sqrt(2 / (1.25 * K))),
        ("lecun_normal", {}, math.sqrt(1 / K)),
        ("lecun_uniform", {}, math.sqrt(1 / K)),
        ("orthogonal", {}, math.sqrt(1 / K)),
        ("zeros", {}, 0.0),
        ("constant", {"value": 3.0}, 0.0),
    ],
)
def test_initializer_standard_deviation(name: str, options: dict[str, float], deviation: float) -> None:
    """The standard error of a deviation estimated from K N draws is deviation / sqrt(2 K N): 0.2 %; five of these."""
    weights = initializer(name, **options).sample(K, N, seed=3, layer=1)
    assert weights.std() == pytest.approx(deviation, rel=0.012)
    assert weights.mean() == pytest.approx(options.get("value", 0.0), abs=5 * deviation / math.sqrt(K * N))


def test_uniform_initializers_fill_their_range() -> None:
    for name, limit in (
        ("uniform", 0.05),
        ("glorot_uniform", math.sqrt(6 / (K + N))),
        ("he_uniform", math.sqrt(6 / K)),
    ):
        weights = INITIALIZERS[name].sample(K, N, seed=0, layer=0)
        assert np.abs(weights).max() <= limit
        assert np.abs(weights).max() > 0.999 * limit
        assert weights.min() < -0.999 * limit


@given(inputs=st.integers(1, 12), units=st.integers(1, 12), gain=st.sampled_from([1.0, 2.5]))
def test_orthogonal(inputs: int, units: int, gain: float) -> None:
    weights = initializer("orthogonal", gain=gain).sample(inputs, units, seed=1, layer=0)
    product = weights.T @ weights if inputs >= units else weights @ weights.T
    np.testing.assert_allclose(product, gain**2 * np.eye(min(inputs, units)), atol=1e-12)


@pytest.mark.parametrize("name", INITIALIZERS)
@given(inputs=st.integers(1, 9), units=st.integers(1, 9), seed=st.integers(0, 2**64 - 1), layer=st.integers(0, 50))
def test_samples_depend_only_on_seed_layer_and_index(name: str, inputs: int, units: int, seed: int, layer: int) -> None:
    entry = INITIALIZERS[name]
    weights = entry.sample(inputs, units, seed, layer)
    assert weights.shape == (inputs, units)
    assert weights.dtype == np.float64
    assert weights.flags.c_contiguous
    np.testing.assert_array_equal(weights, entry.sample(inputs, units, seed, layer, index=0))


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name not in FIXED])
def test_seed_layer_and_index_each_change_the_samples(name: str) -> None:
    entry = INITIALIZERS[name]
    draws = [
        entry.sample(5, 4, 0, 0),
        entry.sample(5, 4, 1, 0),
        entry.sample(5, 4, 0, 1),
        entry.sample(5, 4, 0, 0, 1),
    ]
    assert len({draw.tobytes() for draw in draws}) == 4


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializer_to_dict_and_from_dict_round_trip(name: str) -> None:
    entry = INITIALIZERS[name]
    assert initializer_from_dict(json.loads(json.dumps(entry.to_dict()))) == entry == initializer(entry)
    assert entry.formula
    assert entry.source


def test_default_initializer_for_each_activation() -> None:
    entry = {name: default_initializer(name).name for name in ACTIVATIONS}
    he = {"relu", "leaky_relu", "relu6", "elu", "gelu", "silu", "mish", "softplus"}
    assert {name for name, kind in entry.items() if kind == "he_normal"} == he
    assert {name for name, kind in entry.items() if kind == "lecun_normal"} == {"selu"}
    assert default_initializer("my own").name == "glorot_uniform"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("he_norml", {}, 'There is no initializer "he_norml". Did you mean "he_normal"'),
        (None, {}, 'There is no initializer "None"'),
        ("normal", {"stddev": -1}, "normal: stddev is -1; it must be a number of at least 0."),
        ("normal", {"std": 1}, 'normal has no option "std"'),
        ("orthogonal", {"gain": 0}, "gain is 0"),
        ("constant", {"value": math.inf}, "value is inf; it must be a finite number."),
        (INITIALIZERS["normal"], {"stddev": 1}, "cannot be passed with a record; write initializer"),
    ],
)
def test_initializer_errors(name: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        initializer(name, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_empty_matrix_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ShapeError, match="both must be at least 1"):
        INITIALIZERS["normal"].sample(*shape, seed=0, layer=0)
