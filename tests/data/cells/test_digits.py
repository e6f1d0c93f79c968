"""A string without a digit is no number, time of day, duration, length or angle: that is how words differ from them."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data.cells.different_strings import different_strings
from ranvier.data.cells.durations import (
    degrees_of_angle,
    inches_of_length,
    seconds_of_duration,
    values_of_fractions,
)
from ranvier.data.cells.number_inference import infer_number_format
from ranvier.data.cells.number_parts import DIGITS, FRACTIONS, seconds_of_day, split

WORDS = ("P", "T", "H", "d", "days", "h", "min", "s", "y", "am", "pm", "Uhr", "ft", "in", "N", "S", "kg", "k", "x", "e")
SIGNS = ("$", "€", "%", "'", '"', "°", "-", "+", "<", "~", "(", ")", "/", ":", ",", ".", " ")


@given(st.lists(st.lists(st.sampled_from(WORDS + SIGNS), max_size=6).map("".join), min_size=1, max_size=30))
def test_no_string_without_digits_is_read(cells: list[str]) -> None:
    strings = pl.Series("x", cells, dtype=pl.String)
    assert not strings.str.contains(DIGITS).any()
    for read in (seconds_of_day, seconds_of_duration, inches_of_length, degrees_of_angle, values_of_fractions):
        assert read(strings).null_count() == len(cells)
    assert split(strings)["body"].null_count() == len(cells)


@pytest.mark.parametrize("digit", [*"0123456789", *FRACTIONS])
def test_a_digit_makes_a_number(digit: str) -> None:
    cells = pl.Series("x", [f"{digit} kg", "1.5 kg", "2 kg"])
    assert cells.str.contains(DIGITS).all()
    assert infer_number_format(different_strings(cells)) is not None


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["a", "b", "c", "7"], False),
        (["a", "7", "8", "9", "10", "11", "12", "13", "14", "15"] * 3, False),
        (["inf", "-inf", "nan"], True),
        (["inf", "-inf", "7"], True),
        (["inf", "b", "nan"], False),
    ],
)
def test_words_and_infinities(cells: list[str], numbers: bool) -> None:
    assert (infer_number_format(different_strings(pl.Series("x", cells))) is not None) == numbers
