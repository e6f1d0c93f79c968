"""One row at a time: the same bits as the encoders of whole columns, or left to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ranvier.data.encoders.features import Features
from ranvier.data.encoders.side_by_side import SideBySide
from ranvier.data.encoders.table import Encoder
from ranvier.errors import DataError, ShapeError

COLUMNS: dict[str, Any] = {
    "number": [1.0, 2.5, None, -7.0, 40.0, 3.0] * 4,
    "whole": [1, 2, 3, 4, 5, 9] * 4,
    "same": [4.0, 4.0, 4.0, 4.0, 4.0, 4.0] * 4,
    "word": ["a", "b", None, "Ünï", "12", "true"] * 4,
    "truth": [True, False, None, True, True, False] * 4,
    "answer": ["yes", "no", "no", "yes", None, "no"] * 4,
    "day": [date(2024, 2, 29), date(1999, 12, 31), None, date(1960, 1, 1), date(2024, 3, 1), date(2000, 1, 1)] * 4,
    "moment": [datetime(2024, 2, 29, 13, 45, 10, 5), datetime(1931, 1, 2, 3), None] * 8,
}
FRAME = pl.DataFrame(COLUMNS)
ENCODERS = {
    "plain": Encoder.fit(FRAME),
    "spelled out": Encoder.fit(FRAME, features=Features(waves=3, bins=5, most=1000, fewest=2)),
}
NUMBERS = some.one_of(
    some.none(),
    some.floats(allow_infinity=False),
    some.integers(-(2**70), 2**70),
    some.booleans(),
    some.sampled_from([" 3.5 ", "?", "", "NA", "1e3", "-.5", "5.", "+7", "007", "1e400"]),
)
WORDS = some.one_of(
    some.none(), some.text(max_size=4), some.sampled_from([" a ", "b", "NaN", "12"]), some.floats(), some.integers()
)
TRUTHS = some.one_of(some.none(), some.booleans(), some.sampled_from(["Yes", "no ", "T", "0", "1", 1, 0, 1.0, "?"]))
DATES = some.one_of(
    some.none(), some.dates(), some.datetimes(), some.sampled_from(["2024-02-29", "2024-02-29T10:30", "?"])
)
ROW = some.tuples(NUMBERS, NUMBERS, NUMBERS, WORDS, TRUTHS, TRUTHS, DATES, DATES)


def whole(encoder: Encoder, row: dict[str, Any]) -> Any:
    """The inputs that the encoders of the columns give, or the error."""
    try:
        frame = pl.DataFrame([pl.Series(name, [None]) if v is None else _series(name, v) for name, v in row.items()])
        return encoder.transform(pl.concat([frame, frame]))[:1]
    except DataError as error:
        return error


def _series(name: str, value: Any) -> pl.Series:
    from ranvier.data.sources.frames import series_from

    return series_from(name, [value])


@pytest.mark.parametrize("name", ENCODERS)
@given(ROW)
def test_the_same_bits_as_whole_columns(name: str, row: tuple[Any, ...]) -> None:
    encoder = ENCODERS[name]
    cells = {plan.name: cell for plan, cell in zip(encoder.columns, row, strict=True)}
    expected = whole(encoder, cells)
    quick = SideBySide(encoder.encoders).row([cells[one.column] for one in encoder.encoders])
    if isinstance(expected, DataError):
        assert quick is None
        with pytest.raises(DataError):
            encoder.transform(cells)
        return
    for found in (quick, encoder.transform(cells), encoder.transform(list(row)), encoder.transform(row)):
        assert found is None or found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ENCODERS)
def test_plain_rows_take_the_short_way(name: str) -> None:
    encoder = ENCODERS[name]
    several = encoder.transform(FRAME)
    for place in range(6):
        row = FRAME.row(place, named=True)
        quick = SideBySide(encoder.encoders).row([row[one.column] for one in encoder.encoders])
        assert quick is not None
        assert quick.tobytes() == several[place].tobytes()
        assert encoder.transform(FRAME[place : place + 1]).tobytes() == several[place].tobytes()


def test_a_row_of_another_length_is_said() -> None:
    with pytest.raises(ShapeError, match="The row has 2 cells; this model takes 8"):
        ENCODERS["plain"].transform([1.0, 2.0])
