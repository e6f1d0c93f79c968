"""What is said of cells that are read as they stand and may mean something else."""

from __future__ import annotations

import polars as pl
import pytest

from ranvier.data import ColumnSchema, infer_schema
from ranvier.data.look import look

NUMBERS = [f"{50 + 0.37 * row:.2f}" for row in range(60)]


def _column(cells: list[str], **more: list[str]) -> ColumnSchema:
    frame = pl.DataFrame({"it": cells, "other": ["0.5", "1.5"] * (len(cells) // 2), **more})
    return infer_schema(frame)[0]


@pytest.mark.parametrize("filler", ["-999", "-9999", "99999", "-99", "-999.0"])
@pytest.mark.parametrize("count", [2, 20])
def test_numbers_that_seem_to_mean_missing_are_named(filler: str, count: int) -> None:
    column = _column([*NUMBERS, *[filler] * count])
    assert column.kind == "number"
    assert column.notes[0].startswith(f'Column "it": {filler.removesuffix(".0")} in {count} rows, first in row 61')


@pytest.mark.parametrize("cells", [["99", "98", "12", "50"], ["999", "5000", "7", "12"], ["-9", "1", "2", "3"]])
def test_other_numbers_of_nines_are_not(cells: list[str]) -> None:
    assert _column(cells * 10).notes == ()


@pytest.mark.parametrize(
    "cells",
    [
        ["Rome", "rome", "Oslo"],
        ["New York", "New  York", "Bonn"],
        ["St.", "St", "Rd"],
        ["M\u00fcnchen", "M\u00dcNCHEN", "x"],
    ],
)
def test_categories_that_are_written_alike_are_named(cells: list[str]) -> None:
    column = _column(cells * 20)
    assert column.kind == "category"
    assert column.notes == (
        f'Categories of "it" differ only in how they are written: "{cells[0]}" and "{cells[1]}". '
        "Write them alike if they are one.",
    )


@pytest.mark.parametrize("cells", [["Rome", "Oslo", "Roma"], ["a", "b", "c"], ["A+", "A", "A-"]])
def test_other_categories_are_not(cells: list[str]) -> None:
    assert _column(cells * 20).notes == ()


def test_classes_that_are_written_alike_are_named() -> None:
    overview = look({"x": list(range(40)), "y": ["won", "lost", "Won", "LOST "] * 10}, target="y")
    assert overview.target is not None
    assert overview.target["notes"][0].startswith(
        'Classes of the target "y" differ only in how they are written: "LOST"'
    )


@pytest.mark.parametrize(
    "cells",
    [
        ["yes", "no", "Yes", "NO"],
        ["Y", "n", "yes", "no"],
        ["TRUE", "False", "true"],
        ["T", "F", "true", "f"],
        ["True", "False", "1", "0"],
    ],
)
def test_truths_in_several_spellings_are_booleans(cells: list[str]) -> None:
    column = _column(cells * 20)
    assert (column.kind, column.notes) == ("boolean", ())


@pytest.mark.parametrize("cells", [["yes", "no", "maybe"], ["t", "n"], ["yes", "1", "0"], ["yes", "YES"]])
def test_other_answers_are_no_booleans(cells: list[str]) -> None:
    assert _column(cells * 20).kind != "boolean"


def test_columns_with_commas_between_thousands_beside_decimal_ones_leave_others_unclear() -> None:
    sure = {"usd": ["1,234.50", "2,500.00"] * 20, "eur": ["12,50", "7,25"] * 20}
    column = _column(["1,234", "5,678"] * 20, **sure)
    assert column.number_format.thousands == ","
    assert column.notes == ('Column "it": 1,234 was read as 1234; if it means 1.234: --kind it=number:decimal-comma.',)
    alone = _column(["1,234", "5,678"] * 20, eur=sure["eur"])
    assert alone.number_format.decimal == ","


POINTS = ["950", "1.020", "12.500", "7"]


@pytest.mark.parametrize("unit", ["", " \u20ac", " kg"])
def test_points_stand_between_thousands_where_other_columns_have_decimal_commas(unit: str) -> None:
    column = _column([cell + unit for cell in POINTS] * 10, other=["12,50", "7,25"] * 20)
    assert column.number_format.thousands == "."
    assert column.number_format.read(pl.Series(["1.020"]))[0].tolist() == [1020.0]
    assert column.notes == ('Column "it": 1.234 was read as 1234; if it means 1.234: --kind it=number:decimal-point.',)


@pytest.mark.parametrize(
    ("cells", "price"),
    [
        (POINTS, ["12.50", "7.25"]),
        (["950", "1.02", "12.500", "7"], ["12,50", "7,25"]),
        (["0.950", "1.020", "12.500", "7"], ["12,50", "7,25"]),
        (["1.020", "12.500", "1.5e3", "7"], ["12,50", "7,25"]),
    ],
)
def test_points_stand_before_decimals_elsewhere(cells: list[str], price: list[str]) -> None:
    column = _column(cells * 10, other=price * 20)
    assert column.number_format.read(pl.Series(["1.02"]))[0].tolist() == [1.02]
    assert column.notes == ()


@pytest.mark.parametrize(("cells", "value"), [(POINTS, 1020.0), (["1.020", "12.500", "234.840"], 1.02)])
def test_a_file_of_semicolons_alone_needs_numbers_without_points(cells: list[str], value: float) -> None:
    frame = pl.DataFrame({"it": cells * 10, "other": range(10 * len(cells))})
    column = infer_schema(frame, decimal_commas=True)[0]
    assert column.number_format.read(pl.Series(["1.020"]))[0].tolist() == [value]


@pytest.mark.parametrize(("how", "value"), [("decimal-comma", 1020.0), ("decimal-point", 1.02)])
def test_what_points_mean_can_be_said(how: str, value: float) -> None:
    frame = pl.DataFrame({"it": POINTS * 10, "price": ["12,50", "7,25"] * 20})
    column = infer_schema(frame, (), {"it": f"number:{how}"})[0]
    assert column.number_format.read(pl.Series(["1.020"]))[0].tolist() == [value]
    assert column.notes == ()


@pytest.mark.parametrize("odd", ["9999-12-31", "1900-01-01", "0001-01-01", "2201-07-01"])
@pytest.mark.parametrize("typed", [False, True])
def test_a_date_far_from_all_others_is_named(odd: str, typed: bool) -> None:
    cells = pl.Series("sold", [f"2021-{1 + at % 12:02d}-{1 + at % 28:02d}" for at in range(100)])
    cells = cells.extend(pl.Series([odd]))
    frame = pl.DataFrame([cells.str.to_date() if typed else cells, pl.Series("other", range(101))])
    (note,) = infer_schema(frame)[0].notes
    assert note.startswith(f'Column "sold": {odd} in row')
    assert not infer_schema(frame[:100])[0].notes


def test_dates_of_birth_are_not_far_from_each_other() -> None:
    born = pl.Series("born", [f"{1930 + at % 80}-{1 + at % 12:02d}-{1 + at % 28:02d}" for at in range(300)])
    assert not infer_schema(pl.DataFrame([born, pl.Series("other", range(300))]))[0].notes
