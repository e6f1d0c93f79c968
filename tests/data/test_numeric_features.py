"""Columns of numbers together: what the formula says, one row like many, whole numbers once each."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

from ranvier.data.encoders.numeric_features import BLOCK, Numeric, Spelling, close_whole_numbers
from ranvier.data.encoders.scaling import soften

FARTHEST = 1e6
LIMIT = float(np.finfo(np.float64).max) / 4
PRESENT = some.one_of(
    some.floats(-LIMIT, LIMIT),
    some.integers(-20, 20).map(float),
    some.sampled_from([-0.0, 0.0, 2.0**52, 2.0**53 + 2, -LIMIT, LIMIT, 5e-324]),
)
NUMBERS = some.one_of(PRESENT, some.just(float("nan")))
SPELLINGS = some.builds(
    Spelling,
    center=some.one_of(some.integers(-9, 9).map(float), some.floats(-1e300, 1e300)),
    scale=some.one_of(some.just(0.0), some.floats(5e-324, 1e300)),
    waves=some.integers(0, 3),
    edges=some.lists(PRESENT, max_size=6)
    .map(lambda edges: tuple(sorted(set(edges))))
    .map(lambda edges: edges if len(edges) > 1 else ()),
    flag=some.booleans(),
    hats=some.booleans(),
)


def formula(spelling: Spelling, values: NDArray[np.float64]) -> NDArray[np.float32]:
    """What the docstring of `Spelling` says, feature by feature and for every ramp and hat."""
    out = np.zeros((len(values), spelling.width), np.float32)
    missing = np.isnan(values)
    values = np.where(missing, spelling.center, values)
    with np.errstate(over="ignore"):
        scaled = (values - spelling.center) / (spelling.scale or 1.0)
    scaled = np.clip(scaled, -FARTHEST, FARTHEST) if spelling.scale else np.zeros(len(values))
    soften(scaled)
    out[:, 0] = scaled
    for k in range(1, spelling.waves + 1):
        angle = out[:, 0] * (np.float32(k) * np.float32(np.pi / 8))
        out[:, 2 * k - 1], out[:, 2 * k] = np.cos(angle), np.sin(angle)
    with np.errstate(over="ignore"):
        shares = [(values - low) / (high - low) for low, high in pairwise(spelling.edges)]
    shares = [np.minimum(np.where(share > 0.0, share, 0.0), 1.0) for share in shares]
    for number, share in enumerate(shares):
        place = 1 + 2 * spelling.waves + number
        out[:, place] = share - 0.5
        if spelling.hats:
            after = 1.0 - shares[number + 1] if number + 1 < len(shares) else 1.0
            out[:, place] = np.where(values < spelling.edges[number + 1], share, after)
    if spelling.flag:
        out[:, -1] = missing
    return out


@given(some.lists(SPELLINGS, min_size=1, max_size=4), some.data())
def test_the_same_bits_as_the_formula_for_one_row_and_many(spellings: list[Spelling], data: some.DataObject) -> None:
    rows = data.draw(some.integers(1, 12))
    cells = some.lists(NUMBERS, min_size=rows, max_size=rows)
    values = np.array([data.draw(cells) for _ in spellings])
    expected = [formula(one, column) for one, column in zip(spellings, values, strict=True)]
    starts = np.cumsum([0, *(one.width for one in spellings)])
    numeric = Numeric(list(zip(starts[:-1].tolist(), spellings, strict=True)))
    out = np.zeros((rows, starts[-1]), np.float32)
    numeric.write(values, out)
    assert out.tobytes() == np.concatenate(expected, axis=1).tobytes()
    for row in range(rows):
        one = np.zeros(starts[-1], np.float32)
        numeric.write_row(values[:, row].tolist(), one)
        assert one.tobytes() == out[row].tobytes()
    for spelling, column, wanted in zip(spellings, values, expected, strict=True):
        for times in (1, 40):
            many = np.zeros((times * rows, spelling.width), np.float32)
            Numeric([(0, spelling)]).write_column(np.tile(column, times), many)
            assert many.tobytes() == np.tile(wanted, (times, 1)).tobytes()


@pytest.mark.parametrize("whole", [False, True])
def test_columns_of_several_blocks(whole: bool) -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(40.0, 15.0, 2 * BLOCK + 7)
    values = np.round(values) if whole else values
    values[::11] = np.nan
    assert (close_whole_numbers(values) is not None) == whole
    spelling = Spelling(40.0, 12.0, 4, (10.0, 30.0, 41.5, 60.0), True)
    out = np.zeros((len(values), spelling.width), np.float32)
    Numeric([(0, spelling)]).write_column(values, out)
    assert out.tobytes() == formula(spelling, values).tobytes()


@given(some.lists(NUMBERS, min_size=1, max_size=60))
def test_different_whole_numbers_stand_for_all(cells: list[float]) -> None:
    values = np.array(cells)
    found = close_whole_numbers(values)
    if found is not None:
        assert found[0].take(found[1]).tobytes() == np.where(np.isnan(values), np.nan, values).tobytes()


@pytest.mark.parametrize("odd", [0.5, -0.0, 2.0**60, 1e308])
def test_what_is_no_close_whole_number_is_told(odd: float) -> None:
    values = np.array([0.0, 1.0, 2.0] * 10)
    assert close_whole_numbers(values) is not None
    assert close_whole_numbers(np.append(values, odd)) is None
    assert close_whole_numbers(np.arange(30.0)) is None
    assert close_whole_numbers(np.full(3, np.nan)) is None
