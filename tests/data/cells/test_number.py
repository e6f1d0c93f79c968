"""Expanded numbers: finite for any cells, bit-identical after writing and reading; piecewise-linear features."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ranvier.data import ColumnSchema, encoder_from_dict, prepare
from ranvier.data.encoders.category import CategoryEncoder
from ranvier.data.encoders.concat import ColumnConcat
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.table import TableEncoder
from ranvier.errors import DataError, ModelFileError

NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=False), st.sampled_from([0.0, 1.0, -2.5]))
FLOAT32 = float(np.finfo(np.float32).eps)


def fit(cells: pl.Series, n_frequencies: int, n_bins: int) -> NumberEncoder:
    return NumberEncoder.fit(cells, None, FeatureOptions(n_frequencies, n_bins, 1000, 1))


def encoded(encoder: NumberEncoder, cells: pl.Series) -> NDArray[np.float32]:
    """The features of the cells of a table of this column alone."""
    return ColumnConcat([encoder]).encode([cells])


@settings(max_examples=100, deadline=None)
@given(
    cells=st.lists(NUMBERS, min_size=1, max_size=40),
    others=st.lists(NUMBERS, min_size=1, max_size=40),
    n_frequencies=st.integers(0, 3),
    bins=st.integers(0, 5),
)
def test_features_are_finite_and_bit_identical_after_reloading(
    cells: list[Any], others: list[Any], n_frequencies: int, bins: int
) -> None:
    encoder = fit(pl.Series("x", cells, pl.Float64), n_frequencies, bins)
    reloaded = NumberEncoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert reloaded == encoder
    assert len(encoder.knots) <= bins + 2
    for given_cells in (cells, others):
        out = encoded(encoder, pl.Series("x", given_cells, pl.Float64))
        assert encoder.width == len(encoder.feature_names)
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 4.0 * (1 + FLOAT32)
        last = encoded(encoder, pl.Series("x", given_cells[-1:], pl.Float64))
        assert (last == out[-1]).all()


def test_piecewise_linear_features() -> None:
    encoder = fit(pl.Series("x", np.arange(101.0)), 0, 4)
    assert encoder.knots == (0.0, 25.0, 50.0, 75.0, 100.0)
    out = encoded(encoder, pl.Series("x", [-7.0, 30.0, 100.0, 1e30]))
    assert (out[:, 1:] + 0.5).round(6).tolist() == [
        [0, 0, 0, 0],
        [1, np.float32(0.2), 0, 0],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
    ]


def test_spline_features_at_the_knots() -> None:
    encoder = replace(fit(pl.Series("x", np.arange(101.0)), 0, 4), spline=True)
    out = encoded(encoder, pl.Series("x", [-7.0, 0.0, 5.0, 30.0, 75.0, 95.0, 100.0, 1e30]))
    assert out[:, 1:].round(6).tolist() == [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [np.float32(0.2), 0, 0, 0],
        [np.float32(0.8), np.float32(0.2), 0, 0],
        [0, 0, 1, 0],
        [0, 0, np.float32(0.2), np.float32(0.8)],
        [0, 0, 0, 1],
        [0, 0, 0, 1],
    ]
    assert encoder.feature_names == ("x", "x≈25 (hat)", "x≈50 (hat)", "x≈75 (hat)", "x≈100 (hat)")
    assert NumberEncoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder


def test_piecewise_linear_slices() -> None:
    frame = pl.DataFrame({"x": np.arange(100.0) / 4, "word": ["a", "b"] * 50, "z": np.arange(100.0) ** 2 / 4})
    encoder = TableEncoder.fit(frame, features=FeatureOptions(1, 2, 100, 1))
    assert encoder.piecewise_linear == (slice(3, 5), slice(12, 14))
    assert [encoder.feature_names[features] for features in encoder.piecewise_linear] == [
        ("x in [0, 12.375]", "x in [12.375, 24.75]"),
        ("z in [0, 612.625]", "z in [612.625, 2450.25]"),
    ]
    assert encoder.with_spline_basis().piecewise_linear == ()
    assert encoder.with_spline_basis().width == encoder.width


def test_periodic_features_equal_the_formula() -> None:
    encoder = fit(pl.Series("x", [0.0, 1.0, 2.0, 3.0, 4.0]), 2, 0)
    assert (encoder.center, encoder.scale) == (2.0, 2.0)
    out = encoded(encoder, pl.Series("x", [5.0]))
    z = 1.5 / np.sqrt(1 + (1.5 / 4) ** 2)
    angles = np.pi / 8 * z * np.array([1, 2])
    expected = [z, np.cos(angles[0]), np.sin(angles[0]), np.cos(angles[1]), np.sin(angles[1])]
    np.testing.assert_allclose(out[0], expected, rtol=0, atol=8 * FLOAT32)


def test_missing_indicator_where_training_rows_had_missing_cells() -> None:
    encoder = fit(pl.Series("x", [1.0, 2.0, 3.0, None]), 1, 2)
    out = encoded(encoder, pl.Series("x", [None, 2.0]))
    assert out[:, -1].tolist() == [1.0, 0.0]
    assert (out[0, :-1] == out[1, :-1]).all()
    without = fit(pl.Series("x", [1.0, 2.0, 3.0]), 1, 2)
    assert without.width == encoder.width - 1


def test_scale_of_equal_quartiles_and_equal_values() -> None:
    assert fit(pl.Series("x", [0.0] * 98 + [-2.0, 4.0]), 0, 0).scale == 3.0
    same = fit(pl.Series("x", [7.0] * 5), 1, 3)
    assert (same.center, same.scale, same.knots) == (7.0, 0.0, ())


def test_a_frequent_value_leaves_knots_for_the_others() -> None:
    crowded = fit(pl.Series("x", [0.0] * 97 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 0, 3)
    assert crowded.knots == (0.0, 1.0, 4.0, 7.0)


@pytest.mark.parametrize("change", [{"knots": [1.0, 1.0]}, {"knots": [1.0]}, {"scale": -1.0}, {"n_frequencies": -1}])
def test_a_damaged_description_is_refused(change: dict[str, Any]) -> None:
    encoder = fit(pl.Series("x", [1.0, 2.0, 3.0]), 1, 2)
    with pytest.raises(ModelFileError):
        NumberEncoder.from_dict({**encoder.to_dict(), **change})


def test_a_cell_that_is_not_a_number_is_named() -> None:
    encoder = fit(pl.Series("x", [1.0, 2.0, 3.0]), 1, 2)
    with pytest.raises(DataError, match='"old" in row 1'):
        encoded(encoder, pl.Series("x", ["old"]))


@given(
    columns=st.integers(0, 3000),
    n_frequencies=st.integers(0, 9),
    bins=st.integers(0, 64),
    max_inputs=st.integers(1, 900),
)
def test_many_columns_share_the_inputs(columns: int, n_frequencies: int, bins: int, max_inputs: int) -> None:
    limited = FeatureOptions(n_frequencies, bins, max_inputs, 1).limited(columns, 10_000)
    assert 0 <= limited.n_frequencies <= n_frequencies
    assert 0 <= limited.n_bins <= bins
    width = 1 + 2 * limited.n_frequencies + limited.n_bins
    assert width * columns <= max(max_inputs, columns)
    if (1 + 2 * n_frequencies + bins) * max(columns, 1) <= max_inputs:
        assert (limited.n_bins, limited.n_frequencies) == (bins, n_frequencies)


def test_rare_categories_share_a_feature() -> None:
    strings = pl.Series("x", ["a"] * 5 + ["b"] * 2 + ["c"])
    assert CategoryEncoder.fit(strings, None, FeatureOptions(0, 0, 1, 2)).categories == ("a", "b")
    assert CategoryEncoder.fit(strings, None, FeatureOptions(0, 0, 1, 9)).categories == ()
    assert CategoryEncoder.fit(strings).categories == ("a", "b", "c")


def test_an_expanded_table_is_written_and_read() -> None:
    frame = pl.DataFrame({"x": np.arange(100.0) / 3, "two": [1, 5] * 50, "word": ["a", "b", "a", "a", "c"] * 20})
    plans = [ColumnSchema("x", "number", "", 0, 100), ColumnSchema("two", "number", "", 0, 2)]
    encoder = TableEncoder.fit(
        frame, [*plans, ColumnSchema("word", "category", "", 0, 3)], features=FeatureOptions(2, 4, 100, 2)
    )
    assert [column.width for column in encoder.encoders] == [5, 1, 5]
    reloaded = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert (reloaded.transform(frame) == encoder.transform(frame)).all()


def test_arrays_become_tables_of_named_columns() -> None:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(400, 3)), np.array(["low", "high"] * 200)
    prepared = prepare(X, y, features=FeatureOptions(1, 4, 100, 1))
    assert prepared.encoder.feature_names[:3] == ("x0", "cos(1·x0)", "sin(1·x0)")
    assert prepared.encoder.transform(X).shape == (400, 3 * 7)
    assert prepared.task.classes == ("high", "low")
