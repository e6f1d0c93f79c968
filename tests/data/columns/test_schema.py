"""What each column is taken for, and why."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data import infer_schema
from ranvier.data.cells.missing_marks import MISSING
from ranvier.data.cells.parsing import (
    SMALL_ROWS,
    clean_strings,
    parse_booleans,
    parse_datetimes,
    parse_numbers,
)
from ranvier.data.sources.frames import series_from
from ranvier.errors import DataError, InputError

ROWS = 40
TWENTY = [f"2024-01-{day:02d}" for day in range(1, 29)]

CASES: dict[str, tuple[list[Any], str]] = {
    "number": ([str(value / 3) for value in range(ROWS)], "number"),
    "number with marks": (["1.5", " 2 ", "?", "NA", "nan", "", "-3e2"] * 5, "number"),
    "few whole": ([0, 1, 2] * 10, "number"),
    "boolean": ([True, False, None] * 10, "boolean"),
    "boolean words": (["Yes", "no"] * 10, "boolean"),
    "category": (["a", "b", "c"] * 10, "category"),
    "codes": (["01", "02", "10"] * 10, "category"),
    "number among words": (["1", "2", "x"] * 10, "category"),
    "date": (TWENTY, "date"),
    "date and time": ([f"2024-01-01T10:{minute:02d}:00Z" for minute in range(ROWS)], "date"),
    "date type": ([datetime.date(2024, 1, 1 + day) for day in range(20)], "date"),
    "too few dates": ([*TWENTY[:-8], "2024-02-30", "soon", "later", "yesterday"], "drop"),
    "identifier": ([f"c{row:03d}" for row in range(ROWS)], "drop"),
    "counting": (list(range(1, ROWS + 1)), "number"),
    "shuffled counting": ([(7 * row) % ROWS for row in range(ROWS)], "number"),
    "years": (list(range(1950, 1950 + ROWS)), "number"),
    "constant": (["same"] * ROWS, "drop"),
    "constant number": ([2.5] * ROWS, "drop"),
    "empty": (["?", "", None] * 10, "drop"),
    "null": ([None] * ROWS, "drop"),
    "text": ([f"this is sentence number {row} of a long text" for row in range(ROWS)], "text"),
    "duration": ([datetime.timedelta(seconds=row * row) for row in range(ROWS)], "number"),
    "time": ([datetime.time(row % 24, row) for row in range(ROWS)], "number"),
}


@pytest.mark.parametrize("name", CASES)
def test_kinds(name: str) -> None:
    cells, expected = CASES[name]
    other = pl.Series("other", [str(row % 7 + 0.5) for row in range(len(cells))])
    plan = infer_schema(pl.DataFrame([series_from("it", cells), other]))[0]
    assert plan.kind == expected, plan.reason
    assert plan.reason
    assert plan.missing == sum(cell is None or str(cell).strip() in MISSING for cell in cells)


def test_thousands_separators_are_recorded() -> None:
    frame = pl.DataFrame({"price": ["1,250", "990.5", None] * 10, "size": ["1250", "990.5", None] * 10})
    with_separators, plain = infer_schema(frame)
    assert (with_separators.thousands_separator, plain.thousands_separator) == (True, False)
    assert with_separators.reason == "numbers, with commas between thousands"
    assert (with_separators.missing, with_separators.distinct) == (plain.missing, plain.distinct) == (10, 2)


def test_integers_named_like_an_id() -> None:
    values = [1000 + 37 * row for row in range(ROWS)]
    plans = infer_schema(pl.DataFrame({"CustomerID": values, "size": values, "idle": values, "x": [0.5, 1] * 20}))
    assert [plan.kind for plan in plans] == ["drop", "number", "number", "number"]


@pytest.mark.parametrize("name", ["month", "year", "step", "t", "day", "x"])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_time_axis_is_a_number(name: str, first: int) -> None:
    column = infer_schema(pl.DataFrame({name: range(first, first + ROWS), "other": [0.5, 1] * 20}))[0]
    assert column.kind == "number"
    assert bool(column.notes) == (first < 2)


@pytest.mark.parametrize("name", ["row", "No.", "Order", "instant", "index", "Unnamed: 0", "column_1", "obs", "", "id"])
def test_columns_named_like_row_numbers_that_count_are_dropped(name: str) -> None:
    column = infer_schema(pl.DataFrame({name: range(1, ROWS + 1), "other": [0.5, 1] * 20}))[0]
    assert column.kind == "drop"


@pytest.mark.parametrize("name", ["Unnamed: 0", "column_1", "", "rownames", "level_0", "level_1", "row_names"])
def test_row_numbers_of_a_part_of_a_table_are_dropped(name: str) -> None:
    rows = np.random.default_rng(0).permutation(1000)[:ROWS]
    column = infer_schema(pl.DataFrame({name: rows, "other": [0.5, 1] * 20}))[0]
    assert column.kind == "drop"


def test_codes_that_repeat_are_categories_if_they_are_named_like_an_id() -> None:
    codes = [101, 205, 333, 471] * 10
    most = [*range(500, 530), *range(500, 510)]
    frame = pl.DataFrame({"shop_id": codes, "visits": codes, "user_id": most, "price index": codes})
    kinds = {column.name: column.kind for column in infer_schema(frame)}
    assert kinds == {"shop_id": "category", "visits": "number", "user_id": "drop", "price index": "number"}


def test_the_only_column_is_used_even_if_it_counts_rows() -> None:
    plan = infer_schema(pl.DataFrame({"x": list(range(ROWS)), "y": ["a"] * ROWS}), ignore=["y"])[0]
    assert plan.kind == "number"
    with pytest.raises(InputError, match="No column is left"):
        infer_schema(pl.DataFrame({"x": ["a"] * ROWS}))


def test_overrides() -> None:
    frame = pl.DataFrame({"zip": [10, 20, 30] * 5, "id": list(range(15)), "string": ["a", "1", "2"] * 5})
    plans = infer_schema(frame, overrides={"zip": "category", "id": "number"})
    assert [plan.kind for plan in plans] == ["category", "number", "category"]
    assert plans[0].reason == "as requested"
    with pytest.raises(DataError, match='"string" has "a" in row 1, where a number'):
        infer_schema(frame, overrides={"string": "number"})
    with pytest.raises(InputError, match="Did you mean"):
        infer_schema(frame, overrides={"zip": "categories"})
    with pytest.raises(DataError, match='Did you mean "zip"'):
        infer_schema(frame, ignore=["zib"])


@pytest.mark.parametrize("cells", [["1", "inf", "2"], [1.0, float("inf"), 2.0], ["1", "-Infinity", ""]])
def test_infinite_values_are_refused_with_column_and_row(cells: list[Any]) -> None:
    with pytest.raises(DataError, match=r'Column "x" has .* in row 2, where a finite number'):
        infer_schema(pl.DataFrame({"x": cells, "y": [1.0, 2.0, 1.0]}))


def test_cells_that_are_not_single_values_are_refused() -> None:
    with pytest.raises(DataError, match='Column "x" has a cell of type list; one value for each cell'):
        infer_schema(pl.DataFrame({"x": [["a"], ["b"]]}))


CELLS = st.one_of(
    st.none(), st.text(max_size=6), st.sampled_from([*MISSING, " ? ", "yes", "FALSE", "1.0", "\x1c", "\x85"])
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=SMALL_ROWS))
def test_few_rows_are_read_like_many(cells: list[str | None]) -> None:
    few = pl.Series("x", cells, dtype=pl.String)
    many = pl.Series("x", cells + [None] * SMALL_ROWS, dtype=pl.String)
    assert clean_strings(few).to_list() == clean_strings(many).to_list()[: len(cells)]
    odd = pl.Series("x", [*cells, *(f"z{row}" for row in range(2 * SMALL_ROWS))], dtype=pl.String)
    for reader in (parse_numbers, parse_booleans):
        first, second, third = reader(few), reader(many), reader(odd)
        np.testing.assert_array_equal(first[0], second[0][: len(cells)])
        np.testing.assert_array_equal(first[0], third[0][: len(cells)])
        assert first[1] == second[1]
        assert third[1] == (len(cells) if first[1] is None else first[1])


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime.datetime(1000, 1, 1), datetime.datetime(9999, 12, 31)), st.sampled_from(["", "Z", "+02:00"])
)
def test_iso_dates_are_read(moment: datetime.datetime, zone: str) -> None:
    schema, wrong = parse_datetimes(pl.Series("x", [moment.isoformat() + zone, moment.date().isoformat(), None]))
    assert wrong is None
    assert schema.to_list() == [
        moment.replace(microsecond=0),
        datetime.datetime.combine(moment.date(), datetime.time()),
        None,
    ]


@pytest.mark.parametrize(
    "string", ["2024-13-01", "2024-01-01 25:00", "20240101", "2024-1-1", "x2024-01-01", "2024-01-01x"]
)
def test_strings_that_are_not_dates(string: str) -> None:
    assert parse_datetimes(pl.Series("x", ["2024-01-01", string]))[1] == 1


def test_columns_of_0_and_1_are_called_so() -> None:
    frame = pl.DataFrame({"flag": ["0", "1", "1", ""] * 10, "grade": ["1", "2"] * 20, "half": [0.0, 0.5] * 20})
    assert [column.reason for column in infer_schema(frame)] == [
        "0 and 1",
        "integers; only 2 different ones, still a number because their order may matter",
        "numbers",
    ]


@pytest.mark.parametrize("odd", ["see note", "note {0}", "C53{0}"])
@pytest.mark.parametrize(("written", "kind"), [("{0}.5", "number"), ("{0} kg", "number"), ("{1}", "date")])
def test_a_tenth_of_odd_cells_leaves_no_column_out(odd: str, written: str, kind: str) -> None:
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=row) for row in range(60)]
    cells = [(odd if row % 9 == 4 else written).format(row, day) for row, day in enumerate(days)]
    column = infer_schema(pl.DataFrame({"it": cells, "x": range(60)}))[0]
    assert (column.kind, column.missing) == (kind, 7)
    assert column.notes[0].startswith('Column "it": 7 cells count as missing: ')


@pytest.mark.parametrize(("different", "kind"), [(100, "drop"), (98, "drop"), (80, "category")])
def test_strings_that_nearly_all_differ_are_no_category(different: int, kind: str) -> None:
    streets = [f"{row} {('Elm', 'Oak', 'Ash', 'Fir')[row % 4]}" if row < different else "1 Oak" for row in range(100)]
    column = infer_schema(pl.DataFrame({"street": streets, "x": range(100)}))[0]
    assert (column.kind, "every value is different" in column.reason) == (kind, kind == "drop")


@pytest.mark.parametrize(
    ("true", "false"),
    [
        *(("ja", "nein"), ("Ja", "Nee"), ("OUI", "non"), ("vrai", "faux"), ("sí", "no"), ("Sim", "Não")),
        *(("tak", "nie"), ("да", "нет"), ("ИСТИНА", "ЛОЖЬ"), ("WAHR", "FALSCH"), ("verdadero", "falso")),
        *(("on", "OFF"), ("是", "否"), ("はい", "いいえ"), ("✓", "✗"), ("evet", "hayır")),
        *(("da", "ne"), ("igaz", "hamis"), ("ya", "tidak"), ("כן", "לא"), ("prawda", "fałsz"), (".T.", ".F.")),
    ],
)
def test_words_for_true_and_false_of_other_languages(true: str, false: str) -> None:
    cells = [true, false, false, None, true.upper(), false.capitalize()] * 5
    (column, _) = infer_schema(pl.DataFrame({"it": cells, "other": range(30)}))
    assert column.kind == "boolean", column.reason
    values, wrong = parse_booleans(pl.Series("it", cells[:3]))
    assert (values.tolist(), wrong) == ([1.0, 0.0, 0.0], None)


@pytest.mark.parametrize("cells", [["ja", "no", "si"], ["ja", "no"], ["ne", "no", "n"], ["yes", "non"]])
def test_words_of_several_languages_are_no_booleans(cells: list[str]) -> None:
    assert infer_schema(pl.DataFrame({"it": cells * 10, "other": range(10 * len(cells))}))[0].kind == "category"
