"""Joining networks: the joined one says the mean of their weighted sums, whatever their number, depth and scales."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ranvier as rv
from ranvier.data import ColumnSchema, TableEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.number import NumberEncoder
from ranvier.engine import CompileSpec, State
from ranvier.errors import InputError
from ranvier.network.losses import loss
from ranvier.recipes.merge import merge_networks, ple_to_linear_spline
from ranvier.training.engines import compile_network
from tests.helpers import EPSILON

OUTPUTS = {"identity": "squared_error", "sigmoid": "binary_cross_entropy", "softmax": "categorical_cross_entropy"}


def says(network: rv.Network, flat: np.ndarray, X: np.ndarray) -> np.ndarray:
    """The outputs of the reference engine."""
    name = network.output_activation.name
    problem = CompileSpec(network, loss(OUTPUTS[name]), rv.SGD(0.1), 4)
    executable = compile_network("reference", problem)[1]
    executable.set_state(State(flat, np.zeros((0, flat.size)), 0))
    return np.asarray(executable.outputs(X))


def logits(outputs: np.ndarray, name: str) -> np.ndarray:
    """Weighted sums from outputs, up to a constant a row for softmax."""
    if name == "sigmoid":
        return np.asarray(np.log(outputs) - np.log1p(-outputs))
    return np.asarray(np.log(outputs) if name == "softmax" else outputs)


@pytest.mark.parametrize("name", OUTPUTS)
@settings(max_examples=25, deadline=None)
@given(
    members=st.integers(1, 4),
    hidden=st.lists(st.integers(1, 4), max_size=3),
    groups=st.integers(1, 2),
    scales=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_the_logits_of_the_merged_network_are_the_mean(
    name: str, members: int, hidden: list[int], groups: int, scales: int, seed: int
) -> None:
    widths = [groups * width for width in hidden]
    layers = [layer for width in widths for layer in (rv.Dense(width, "tanh", groups=groups), rv.Dropout(0.1))]
    network = rv.Network(4, [*[rv.LearnedScale()] * scales, *layers, rv.Dense(2, name, groups=groups)])
    generator = np.random.default_rng(seed)
    flats = [generator.normal(size=network.parameter_table.size) for _ in range(members)]
    X = generator.normal(size=(5, 4))
    joined, flat = merge_networks(network, flats)
    member_logits = [logits(says(network, member_flat, X), name) for member_flat in flats]
    expected = np.mean(member_logits, axis=0)
    actual = logits(says(joined, flat, X), name)
    # A sum z is read from an output that is rounded, which costs e^|z| roundings of a sigmoid, in each of the networks.
    far = np.exp(max(np.abs(sums).max() for sums in (*member_logits, actual))) if name == "sigmoid" else 1.0
    if name == "softmax":
        expected, actual = (values - values.mean(axis=1, keepdims=True) for values in (expected, actual))
    steps = 64 * members * (max(widths, default=1) + 4)
    size = 1.0 + max(np.abs(expected).max(), np.abs(flat).max() ** (2 + scales))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=steps * EPSILON * size * far)


def test_blocks_with_batch_normalization_are_merged() -> None:
    block = rv.Residual([rv.BatchNorm(), rv.Dense(6, "silu", groups=2), rv.Dropout(0.2), rv.Dense(4)])
    network = rv.Network(3, [rv.Dense(4, "silu"), block, rv.BatchNorm(), rv.Dense(2, "softmax")])
    generator = np.random.default_rng(0)
    flats = [generator.uniform(0.2, 1.0, network.parameter_table.size) for _ in range(3)]
    X = generator.normal(size=(5, 3))
    joined, flat = merge_networks(network, flats, 0.5)
    expected = 0.5 * np.mean([logits(says(network, member_flat, X), "softmax") for member_flat in flats], axis=0)
    actual = logits(says(joined, flat, X), "softmax")
    np.testing.assert_allclose(np.diff(actual), np.diff(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("layers", [[rv.BatchNorm(), rv.Dense(2)], [rv.Dense(3), rv.LayerNorm(), rv.Dense(2)]])
def test_other_normalization_cannot_be_merged(layers: list[rv.Layer]) -> None:
    network = rv.Network(3, layers)
    with pytest.raises(InputError, match="cannot be merged"):
        merge_networks(network, [network.parameter_table.initial(0)])


def test_the_merged_network_holds_the_weights_of_its_members_and_no_others() -> None:
    """Their mean at the output has one bias, and the factors of their inputs are in their weights."""
    network = rv.Network(
        5, [rv.LearnedScale(), rv.Dense(7, "relu"), rv.Dense(4, "tanh"), rv.Dense(3, "relu"), rv.Dense(2)]
    )
    joined, flat = merge_networks(network, [network.parameter_table.initial(seed) for seed in range(6)])
    assert [layer.groups for layer in joined.layers if isinstance(layer, rv.Dense)] == [1, 6, 6, 1]
    assert flat.size == joined.parameter_count == 6 * (network.parameter_count - 5) - 5 * 2


def test_members_that_differ_are_distinguished() -> None:
    network = rv.Network(1, [rv.Dense(1)])
    joined, flat = merge_networks(network, [np.array([1.0, 0.0]), np.array([3.0, 2.0])])
    assert joined == network
    assert flat.tolist() == [2.0, 1.0]


@given(
    widths=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    n_frequencies=st.integers(0, 2),
    units=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_linear_splines_in_place_of_piecewise_linear_columns_change_roundings_only(
    widths: list[int], n_frequencies: int, units: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    frame = {f"x{column}": generator.normal(size=60) for column in range(len(widths))}
    encoders = tuple(
        NumberEncoder.fit(pl.Series(name, cells), None, FeatureOptions(n_frequencies, bins, 1000, 1))
        for (name, cells), bins in zip(frame.items(), widths, strict=True)
    )
    plans = tuple(ColumnSchema(name, "number", "", 0, 60) for name in frame)
    encoder = TableEncoder(plans, encoders)
    network = rv.Network(encoder.width, [rv.Dense(units), rv.Dense(1)])
    flat = generator.normal(size=network.parameter_table.size)
    rows = pl.DataFrame({name: generator.normal(size=40) * 2 for name in frame})
    expected = says(network, flat, encoder.transform(rows))
    converted = ple_to_linear_spline(network, flat, encoder.piecewise_linear)
    actual = says(network, converted, encoder.with_spline_basis().transform(rows))
    largest = 1.0 + np.abs(flat).max()
    # The inputs are rounded to float32, about once for each of them in either form, before float64 takes over.
    tolerance = 2 * encoder.width * units * 2.0**-23 * largest**2
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)
    assert np.abs(says(network, flat, encoder.with_spline_basis().transform(rows)) - expected).max() > tolerance


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(InputError, match="no networks to merge"):
        merge_networks(rv.Network(1, [rv.Dense(1)]), [])
    network = rv.Network(2, [rv.LayerNorm(), rv.Dense(1)])
    with pytest.raises(InputError, match="LayerNorm layers cannot be merged"):
        merge_networks(network, [network.parameter_table.initial(0)])
