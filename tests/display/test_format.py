"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.display.format import duration, number, percent
from ranvier.plural import plural


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.0004, "0 ms"),
        (0.0994, "99 ms"),
        (0.0995, "0.1 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00 min"),
        (3599.4, "59:59 min"),
        (3599.6, "1:00:00 h"),
        (90_061, "25:01:01 h"),
    ],
)
def test_durations_at_the_borders_between_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (-0.00001, "-1e-05"),
        (-2.5, "-2.5000"),
        (1e7, "1e+07"),
    ],
)
def test_numbers_that_are_not_finite_tiny_negative_or_huge(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(5e-4, 9_999_999))
def test_numbers_keep_three_digits(value: float) -> None:
    text = number(value)
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.11 if value < 1e-3 else 6e-3)
    assert len(text) <= 10


def test_percentages_and_plurals() -> None:
    assert [percent(value) for value in (0.0, 0.12345, 1.0)] == ["0.0 %", "12.3 %", "100.0 %"]
    assert [plural(count, "row") for count in (0, 1, 2, 1234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]
