"""Single rows: bit-identical to the encoders of columns, or passed on to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.encoders.concat import ColumnConcat
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.sources import open_source
from ranvier.errors import DataError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore:.*none of the .* categories")

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
    "plain": TableEncoder.fit(FRAME),
    "expanded": TableEncoder.fit(FRAME, features=FeatureOptions(3, 5, 1000, 2)),
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
SEVERAL_ROWS = 40
ROW = some.tuples(NUMBERS, NUMBERS, NUMBERS, WORDS, TRUTHS, TRUTHS, DATES, DATES)


def by_columns(encoder: TableEncoder, row: dict[str, Any]) -> Any:
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
def test_single_rows_are_bit_identical_to_columns(name: str, row: tuple[Any, ...]) -> None:
    encoder = ENCODERS[name]
    cells = {plan.name: cell for plan, cell in zip(encoder.columns, row, strict=True)}
    expected = by_columns(encoder, cells)
    quick = ColumnConcat(encoder.encoders).encode_row([cells[column.column] for column in encoder.encoders])
    if isinstance(expected, DataError):
        assert quick is None
        with pytest.raises(DataError):
            encoder.transform(cells)
        return
    wrapped = (cells, [cells], list(row), row, [list(row)], [row])
    for encoded in (quick, *(encoder.transform(source) for source in wrapped)):
        assert encoded is None or encoded.tobytes() == expected.tobytes()
    for several in ([cells] * 3, [row] * 3, {name: [cell] * SEVERAL_ROWS for name, cell in cells.items()}):
        encoded = encoder.transform(several)
        assert encoded.tobytes() == expected.tobytes() * len(encoded)


@given(some.lists(ROW, min_size=1, max_size=3))
def test_pandas_frames_are_bit_identical_to_their_rows(rows: list[tuple[Any, ...]]) -> None:
    pandas = pytest.importorskip("pandas")
    encoder = ENCODERS["expanded"]
    table = {plan.name: [row[index] for row in rows] for index, plan in enumerate(encoder.columns)}
    frame = pandas.DataFrame({name: pandas.Series(cells, dtype=object) for name, cells in table.items()})
    try:
        expected = encoder.transform(table)
    except DataError:
        with pytest.raises(DataError):
            encoder.transform(frame)
        return
    assert encoder.transform(frame).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("whole", "old", 'Column "whole" has "old" at row index 0, where a number'),
        ("number", float("inf"), 'Column "number" has inf at row index 0, where a finite number'),
        ("number", "-inf", 'Column "number" has "-inf" at row index 0, where a finite number'),
        ("answer", "perhaps", 'Column "answer" has "perhaps" at row index 0, where true or false'),
        ("day", "2024-02-30", 'Column "day" has "2024-02-30" at row index 0, where a date'),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_in_every_form(column: str, cell: Any, message: str) -> None:
    pandas = pytest.importorskip("pandas")
    encoder = ENCODERS["expanded"]
    row = {**FRAME.row(0, named=True), column: cell}
    forms = (row, [row], list(row.values()), [list(row.values())], pl.DataFrame([row]), pandas.DataFrame([row]))
    for form in (*forms, [row] * 50, pandas.DataFrame([row] * 50)):
        with pytest.raises(DataError, match=message):
            encoder.transform(form)


def test_spans_of_time_are_seconds_in_an_array_of_one_row_too() -> None:
    spans = np.array([[1], [3]], "timedelta64[s]")
    encoder = TableEncoder.fit({"span": spans[:, 0]})
    for unit in ("s", "ns"):
        array = spans.astype(f"timedelta64[{unit}]")
        assert encoder.transform(array).tobytes() == encoder.transform({"span": spans[:, 0]}).tobytes()
        assert encoder.transform(array[:1]).tobytes() == encoder.transform(array)[:1].tobytes()


@pytest.mark.parametrize("features", [None, FeatureOptions(3, 5, 1000, 2)])
def test_commas_between_thousands_in_every_form(features: FeatureOptions | None) -> None:
    pandas = pytest.importorskip("pandas")
    values = [1234, 12500.75, None, -7, 999, 1234567]
    cells = [None if value is None else f"{value:,}" for value in values]
    with_separators = TableEncoder.fit({"word": ["a", "b"] * 12, "price": cells * 4}, features=features)
    plain = TableEncoder.fit({"word": ["a", "b"] * 12, "price": values * 4}, features=features)
    assert with_separators.encoders[0] == plain.encoders[0]
    assert with_separators.encoders[1] == replace(plain.encoders[1], number_format=NumberFormat(thousands=","))
    assert TableEncoder.from_dict(with_separators.to_dict()) == with_separators
    for value, cell in zip(values, cells, strict=True):
        expected = plain.transform({"word": "a", "price": value}).tobytes()
        row = {"word": "a", "price": cell}
        before = dict(row)
        for source in (row, [row], ["a", cell], [["a", cell]], pl.DataFrame([row]), pandas.DataFrame([row])):
            assert with_separators.transform(source).tobytes() == expected
        assert with_separators.transform([row] * 40).tobytes() == expected * 40
        assert with_separators.transform({"word": "a", "price": value}).tobytes() == expected
        assert (
            with_separators.transform({"word": "a", "price": None if value is None else f" {value}"}).tobytes()
            == expected
        )
        assert row == before
    for wrong in ("12,34", "1,5", "1,2345"):
        for source in ({"word": "a", "price": wrong}, [{"word": "a", "price": wrong}] * 40):
            with pytest.raises(DataError, match=f'Column "price" has "{wrong}" at row index 0, where a number'):
                with_separators.transform(source)


def test_a_column_without_commas_has_none_later() -> None:
    """There it may well stand before decimals."""
    encoder = TableEncoder.fit({"price": [1.5, 2.25, 3.0]})
    for source in ({"price": "1,234"}, {"price": ["1,234", "2"]}):
        with pytest.raises(DataError, match='has "1,234" at row index 0, where a number'):
            encoder.transform(source)


def test_categories_are_cleaned_before_they_are_looked_up() -> None:
    encoder = TableEncoder.fit({"word": ["a", "b", "c", "a"] * 30})
    cells = ["a", " a", "b ", "?", None, "", "unseen", "A", "\u2003c"] * 20
    expected = [encoder.transform({"word": cell}) for cell in cells]
    assert encoder.transform({"word": cells}).tobytes() == b"".join(inputs.tobytes() for inputs in expected)
    assert encoder.transform({"word": cells}).argmax(axis=1)[:9].tolist() == [0, 0, 1, 4, 4, 4, 3, 3, 2]


@pytest.mark.parametrize("name", ENCODERS)
def test_plain_rows_take_the_fast_path(name: str) -> None:
    encoder = ENCODERS[name]
    several = encoder.transform(FRAME)
    for index in range(6):
        row = FRAME.row(index, named=True)
        quick = ColumnConcat(encoder.encoders).encode_row([row[column.column] for column in encoder.encoders])
        assert quick is not None
        assert quick.tobytes() == several[index].tobytes()
        assert encoder.transform(FRAME[index : index + 1]).tobytes() == several[index].tobytes()


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ShapeError, match="The row has 2 cells; this model takes 8"):
        ENCODERS["plain"].transform([1.0, 2.0])


def test_an_opened_source_is_encoded_as_the_rows_it_was_opened_from() -> None:
    encoder = ENCODERS["plain"]
    assert encoder.encode(open_source(FRAME)).tobytes() == encoder.transform(FRAME).tobytes()
    numbers = TableEncoder.fit({"a": [1.0, 2.0, 4.0], "b": [5.0, 3.0, 1.0]})
    array = np.array([[1.0, 5.0], [np.nan, 2.0]])
    assert numbers.encode(open_source(array)).tobytes() == numbers.transform(array).tobytes()
    with pytest.raises(ShapeError, match=r"The array has shape \(1, 3\); this model takes 2 columns a row \(a, b\)"):
        numbers.encode(open_source(np.zeros((1, 3))))
