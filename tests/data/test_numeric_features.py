"""Columns of numbers together: equal to the formula, single rows like many, integer codes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.numeric_features import NumericFeatures, dense_integer_codes
from ranvier.data.encoders.row_blocks import BLOCK, row_blocks
from ranvier.data.encoders.scaling import smooth_clip

MAX_Z = 1e6
LIMIT = float(np.finfo(np.float64).max) / 4
PRESENT = some.one_of(
    some.floats(-LIMIT, LIMIT),
    some.integers(-20, 20).map(float),
    some.sampled_from([-0.0, 0.0, 2.0**52, 2.0**53 + 2, -LIMIT, LIMIT, 5e-324]),
)
NUMBERS = some.one_of(PRESENT, some.just(float("nan")))
ENCODERS = some.builds(
    NumberEncoder,
    column=some.just("x"),
    center=some.one_of(some.integers(-9, 9).map(float), some.floats(-1e300, 1e300)),
    scale=some.one_of(some.just(0.0), some.floats(5e-324, 1e300)),
    n_frequencies=some.integers(0, 3),
    knots=some.lists(PRESENT, max_size=6)
    .map(lambda knots: tuple(sorted(set(knots))))
    .map(lambda knots: knots if len(knots) > 1 else ()),
    missing_indicator=some.booleans(),
    spline=some.booleans(),
    single_values=some.lists(PRESENT, max_size=4).map(lambda values: tuple(sorted(set(values)))),
)


def formula(encoder: NumberEncoder, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """What the docstring of `NumberEncoder` says, feature by feature: every piece, hat and indicator."""
    out = np.zeros((len(values), encoder.width), np.float32)
    missing = np.isnan(values)
    values = np.where(missing, encoder.center, values)
    with np.errstate(over="ignore"):
        scaled = (values - encoder.center) / (encoder.scale or 1.0)
    scaled = np.clip(scaled, -MAX_Z, MAX_Z) if encoder.scale else np.zeros(len(values))
    smooth_clip(scaled)
    out[:, 0] = scaled
    for k in range(1, encoder.n_frequencies + 1):
        angle = out[:, 0] * (np.float32(k) * np.float32(np.pi / 8))
        out[:, 2 * k - 1], out[:, 2 * k] = np.cos(angle), np.sin(angle)
    with np.errstate(over="ignore"):
        fractions = [(values - low) / (high - low) for low, high in pairwise(encoder.knots)]
    fractions = [np.minimum(np.where(fraction > 0.0, fraction, 0.0), 1.0) for fraction in fractions]
    for number, fraction in enumerate(fractions):
        column_index = 1 + 2 * encoder.n_frequencies + number
        out[:, column_index] = fraction - 0.5
        if encoder.spline:
            after = 1.0 - fractions[number + 1] if number + 1 < len(fractions) else 1.0
            out[:, column_index] = np.where(values < encoder.knots[number + 1], fraction, after)
    for number, value in enumerate(encoder.single_values):
        out[:, 1 + 2 * encoder.n_frequencies + len(fractions) + number] = values == value
    if encoder.missing_indicator:
        out[:, -1] = missing
    return out


@given(some.lists(ENCODERS, min_size=1, max_size=4), some.data())
def test_rows_and_single_rows_are_bit_identical_to_the_formula(
    encoders: list[NumberEncoder], data: some.DataObject
) -> None:
    rows = data.draw(some.integers(1, 12))
    cells = some.lists(NUMBERS, min_size=rows, max_size=rows)
    values = np.array([data.draw(cells) for _ in encoders])
    expected = [formula(encoder, column) for encoder, column in zip(encoders, values, strict=True)]
    starts = np.cumsum([0, *(encoder.width for encoder in encoders)])
    numeric = NumericFeatures(list(zip(starts[:-1].tolist(), encoders, strict=True)))
    out = np.zeros((rows, starts[-1]), np.float32)
    numeric.write(values, out)
    assert out.tobytes() == np.concatenate(expected, axis=1).tobytes()
    for row in range(rows):
        single = np.zeros(starts[-1], np.float32)
        numeric.write_row(values[:, row].tolist(), single)
        assert single.tobytes() == out[row].tobytes()
    for encoder, column, wanted in zip(encoders, values, expected, strict=True):
        for times in (1, 40):
            many = np.zeros((times * rows, encoder.width), np.float32)
            encoder.writer(np.tile(column, times))(slice(None), many)
            assert many.tobytes() == np.tile(wanted, (times, 1)).tobytes()


@pytest.mark.parametrize("full", [False, True])
def test_columns_of_several_blocks(full: bool) -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(40.0, 15.0, 2 * BLOCK + 7)
    values = np.round(values) if full else values
    values[::11] = np.nan
    assert (dense_integer_codes(values) is not None) == full
    encoder = NumberEncoder("x", 40.0, 12.0, True, 4, (10.0, 30.0, 41.5, 60.0))
    out = np.zeros((len(values), encoder.width), np.float32)
    write = encoder.writer(values)
    for rows in row_blocks(len(values)):
        write(rows, out[rows])
    assert out.tobytes() == formula(encoder, values).tobytes()


@given(some.lists(NUMBERS, min_size=1, max_size=60))
def test_dense_integer_codes_reproduce_all_values(cells: list[float]) -> None:
    values = np.array(cells)
    compressed = dense_integer_codes(values)
    if compressed is not None:
        assert compressed[0].take(compressed[1]).tobytes() == np.where(np.isnan(values), np.nan, values).tobytes()


@pytest.mark.parametrize("odd", [0.5, -0.0, 2.0**60, 1e308])
def test_dense_integer_codes_are_refused_for_other_numbers(odd: float) -> None:
    values = np.array([0.0, 1.0, 2.0] * 10)
    assert dense_integer_codes(values) is not None
    assert dense_integer_codes(np.append(values, odd)) is None
    assert dense_integer_codes(np.arange(30.0)) is None
    assert dense_integer_codes(np.full(3, np.nan)) is None
