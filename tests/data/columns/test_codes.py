"""Postcodes, identifiers and other codes that look like numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import infer_schema

ROWS = 200


def _kind(name: str, cells: list[object]) -> tuple[str, str]:
    schema = infer_schema(pl.DataFrame({name: cells, "size": [0.5, 1.5] * (len(cells) // 2)}, strict=False))
    return schema[0].kind, schema[0].reason


@pytest.mark.parametrize("name", ["zip", "ZipCode", "zip_code", "Postcode", "postal code", "PLZ", "cep", "FIPS code"])
@pytest.mark.parametrize("form", [str, int, float])
def test_postcodes_that_repeat_are_categories(name: str, form: type) -> None:
    cells = [form(10_115 + 400 * (row % 12)) for row in range(ROWS)]
    assert _kind(name, cells) == ("category", "12 different codes, named like a postcode")


@pytest.mark.parametrize("name", ["country code", "dept_code", "ErrorCode", "codes"])
def test_codes_that_repeat_are_categories(name: str) -> None:
    assert _kind(name, [row % 7 for row in range(ROWS)]) == ("category", "7 different codes, named so")


@pytest.mark.parametrize("name", ["zip", "postcode", "dept_code"])
def test_codes_that_hardly_repeat_stay_numbers(name: str) -> None:
    assert _kind(name, [10_115 + 7 * (row % 150) for row in range(ROWS)])[0] == "number"


@pytest.mark.parametrize("name", ["zip_count", "code_lines", "postcode_distance", "barcode", "decoder"])
def test_other_names_say_nothing(name: str) -> None:
    assert _kind(name, [row % 7 for row in range(ROWS)])[0] == "number"


@pytest.mark.parametrize("name", ["zip", "branch", "amount"])
def test_leading_zeros_make_codes_whatever_the_name(name: str) -> None:
    cells: list[object] = [f"{97 * (row % 12):05d}" for row in range(ROWS)]
    assert _kind(name, cells) == ("category", "12 different codes, with leading zeros")


@pytest.mark.parametrize("name", ["phone", "Phone Number", "mobile_no", "isbn", "EAN", "cpf"])
def test_long_integers_named_like_telephones_are_no_numbers(name: str) -> None:
    assert _kind(name, [5_551_230_000 + 37 * row for row in range(ROWS)])[0] == "drop"
    assert _kind(name, [5_551_230_000 + 37 * (row % 9) for row in range(ROWS)])[0] == "category"
    assert _kind(f"{name} minutes", [5_551_230_000 + 37 * row for row in range(ROWS)])[0] == "number"


def test_decimals_are_no_codes() -> None:
    assert _kind("zip", [0.5 * (row % 7) for row in range(ROWS)])[0] == "number"


def test_a_kind_that_is_given_counts() -> None:
    frame = pl.DataFrame({"zip": [10_115 + row % 5 for row in range(ROWS)]})
    assert infer_schema(frame, (), {"zip": "number"})[0].kind == "number"
    codes = pl.DataFrame({"amount": [f"{row % 12:03d}" for row in range(ROWS)]})
    assert infer_schema(codes, (), {"amount": "number"})[0].kind == "number"


def test_the_report_says_so_and_codes_are_found_however_they_are_written() -> None:
    codes = np.array(["01067", "10115", "80331"])[np.arange(ROWS) % 3]
    sold = np.where(codes == "10115", "yes", "no")
    model = rv.train({"zip": codes, "sold": sold}, target="sold", recipe="plain", hidden=[8], epochs=2, seed=0)
    assert model.report is not None
    assert model.report.columns[0]["note"] == "3 different codes, with leading zeros"
    as_integers, as_written = ({"zip": cells} for cells in ([1067, 10115, 80331], ["01067", "10115", "80331"]))
    assert model.outputs(as_integers).tolist() == model.outputs(as_written).tolist()
    assert len(set(model.outputs(as_written).ravel().tolist())) == 3
