"""Commas in numbers: between thousands or before decimals, in columns, in single cells and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data import infer_schema, open_source
from ranvier.data.locale_numbers import has_thousands_separators, strip_thousands, strip_thousands_cell
from ranvier.data.parsing import clean_strings

CASES: dict[str, tuple[list[str], list[str] | None, list[str] | None]] = {
    # cells -> without commas between thousands, in a file separated by semicolons with decimal commas; None: neither
    "thousands": (["1,234", " -12,500.75", "?", "999", "+1,234,567", "0.5"], ["1234", "-12500.75"], None),
    "thousands once": ([*map(str, range(100, 139)), "1,000"], ["100", "101"], None),
    "a cell of four digits": (["1,234", "1234"], None, None),
    "a group of two digits": (["1,234", "12,34"], None, ["1.234", "12.34"]),
    "a group of four digits": (["1,234", "1,2345"], None, ["1.234", "1.2345"]),
    "a zero before": (["1,234", "0,123"], None, ["1.234", "0.123"]),
    "a comma after the point": (["1,234", "1.5,000"], None, None),
    "points between thousands": (["1.234,5", "7"], None, ["1234.5", "7"]),
    "words": (["1,234", "none"], None, None),
    "an exponent": (["1,5", "1,234e3"], None, ["1.5", "1.234e3"]),
}


def frame(cells: list[str]) -> pl.DataFrame:
    repeated = cells * (40 // len(cells) + 1)
    return pl.DataFrame({"it": repeated, "other": [str(row % 7 + 0.5) for row in range(len(repeated))]})


@pytest.mark.parametrize("name", CASES)
def test_a_column_of_thousands_is_a_number_and_is_kept_as_such(name: str) -> None:
    cells, thousands, _ = CASES[name]
    column = infer_schema(frame(cells))[0]
    assert column.thousands_separator == (thousands is not None)
    assert column.kind == ("category" if thousands is None else "number"), column.reason
    if thousands is not None:
        table = clean_strings(strip_thousands(pl.Series(cells)))
        assert table.to_list()[: len(thousands)] == thousands


@pytest.mark.parametrize("name", CASES)
def test_decimal_commas_in_a_file_separated_by_semicolons(name: str, tmp_path: Path) -> None:
    cells, _, decimals = CASES[name]
    path = tmp_path / "rows.csv"
    path.write_text("it;other\n" + "".join(f"{cell};x\n" for cell in cells))
    source = open_source(path)
    notes = [note for note in source.notes if "Decimal commas" in note]
    assert notes == ([] if decimals is None else ["Decimal commas, such as 1,5 for 1.5, were read in: it."])
    assert source.frame["it"].to_list() == (cells if decimals is None else decimals)


@given(st.lists(st.decimals(-(10**12), 10**12, places=2), min_size=1, max_size=30))
def test_commas_between_thousands_change_no_number(values: list[Any]) -> None:
    written = pl.Series("x", [f"{value:,}" for value in values])
    assert has_thousands_separators(written) == any(abs(value) >= 1000 for value in values)
    assert strip_thousands(written).to_list() == [str(value) for value in values]
    assert [strip_thousands_cell(cell) for cell in written] == [str(value) for value in values]


@given(st.text("0123456789,.+- ", max_size=9))
def test_one_cell_loses_its_commas_as_a_column_does(cell: str) -> None:
    column = clean_strings(strip_thousands(pl.Series([cell])))
    assert clean_strings(pl.Series([strip_thousands_cell(cell)])).to_list() == column.to_list()
