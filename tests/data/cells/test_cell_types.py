"""Types of cells: declared categories, labels, and what is refused, the same on all ways in."""

from __future__ import annotations

import base64
import enum
import io
import ipaddress
import json
import uuid
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data import TableEncoder, infer_schema, open_source
from ranvier.data.sources.arrow_schema import dictionary_columns
from ranvier.errors import DataError, InputError
from ranvier.estimators.classifier import Classifier

pandas = pytest.importorskip("pandas")


class Color(enum.Enum):
    """A label."""

    RED = 1
    BLUE = 2


class Size(enum.IntEnum):
    """A label that is a number, too."""

    SMALL = 1
    LARGE = 2


class Thing:
    """No label."""


LABELS: dict[str, list[Any]] = {
    "intervals": list(pandas.cut([1, 5, 9, 2], 3)),
    "periods": list(pandas.period_range("2024-01", periods=4, freq="M")),
    "ids": [uuid.UUID(int=number) for number in (1, 2, 3, 4)],
    "paths": [Path("a"), Path("b/c"), Path("a"), None],
    "members": [Color.RED, Color.BLUE, Color.BLUE, Color.RED],
    "numbered members": [Size.SMALL, Size.LARGE, Size.SMALL, Size.LARGE],
    "addresses": [ipaddress.ip_address("10.0.0.1"), ipaddress.ip_address("::1"), None, None],
}
REFUSED: dict[str, Any] = {
    "list": ["a", 2],
    "tuple": ("a", 2),
    "dict": {"bytes": 1, "path": 2},
    "set": {1},
    "frozenset": frozenset({1}),
    "bytes": b"a",
    "bytearray": bytearray(b"a"),
    "complex": 1 + 2j,
    "Thing": Thing(),
    "object": object(),
    "ndarray": np.array(["a", "b"]),
    "type": int,
}
WAYS: dict[str, Callable[[list[Any]], Any]] = {
    "dict": lambda cells: {"it": cells, "x": [0.5, 1.0] * (len(cells) // 2)},
    "rows": lambda cells: [{"it": cell, "x": float(row)} for row, cell in enumerate(cells)],
    "pandas": lambda cells: pandas.DataFrame({"it": pandas.Series(cells, dtype=object), "x": range(len(cells))}),
    "polars": lambda cells: pl.DataFrame([pl.Series("it", cells, dtype=pl.Object), pl.Series("x", range(len(cells)))]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", LABELS)
def test_what_prints_as_a_label_is_a_category(name: str, way: str) -> None:
    if (name, way) == ("members", "polars"):
        pytest.skip("polars takes the values of an enumeration of Python")
    cells = LABELS[name]
    opened = open_source(WAYS[way](cells))
    assert infer_schema(opened.frame)[0].kind == "category"
    encoder = TableEncoder.fit(opened)
    many = encoder.transform(WAYS[way](cells))
    assert many[0, : encoder.encoders[0].width - 2].sum() == 1
    assert encoder.transform({"it": cells[0], "x": 0.5})[0, 0] == many[0, 0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", REFUSED)
def test_other_objects_are_refused_by_column_and_type(name: str, way: str) -> None:
    with pytest.raises(DataError, match=f'Column "it" has a cell of type {name}; one value'):
        open_source(WAYS[way]([REFUSED[name], REFUSED[name]]))


NESTED = {"[true, false]": "list", '[["a"]]': "list", "[]": "list"}


@pytest.mark.parametrize("cell", NESTED)
def test_nested_cells_of_files_and_polars_are_refused_by_the_type_of_python(cell: str, tmp_path: Path) -> None:
    for cells in ([cell] * 4, [cell, "null"] * 2, ["3", cell] * 2):
        lines = [f'{{"it": {value}, "x": {row}}}' for row, value in enumerate(cells)]
        (tmp_path / "it.jsonl").write_text("\n".join(lines))
        with pytest.raises(DataError, match=f'Column "it" has a cell of type {NESTED[cell]}; one value'):
            infer_schema(open_source(tmp_path / "it.jsonl").frame)
    frame = pl.DataFrame({"it": [json.loads(cell)] * 4, "x": range(4)})
    with pytest.raises(DataError, match=f'Column "it" has a cell of type {NESTED[cell]}; one value'):
        infer_schema(open_source(frame).frame)
    frame.write_parquet(tmp_path / "it.parquet")
    with pytest.raises(DataError, match=f'Column "it" has a cell of type {NESTED[cell]}; one value'):
        infer_schema(open_source(tmp_path / "it.parquet").frame)


def test_a_damaged_arrow_schema_declares_nothing() -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    buffer = io.BytesIO()
    parquet.write_table(arrow.table({"it": arrow.array(DECLARED).dictionary_encode(), "x": DECLARED}), buffer)
    stored = pl.read_parquet_metadata(io.BytesIO(buffer.getvalue()))["ARROW:schema"]
    message = base64.b64decode(stored)
    assert dictionary_columns(message) == ("it",)
    for length in range(len(message)):
        assert dictionary_columns(message[:length]) in ((), ("it",))
    assert dictionary_columns(b"no schema") == ()


def test_estimators_name_the_cell_of_an_array() -> None:
    cells = np.array([[1.0, "a"]] * 20, object)
    for cell in ([1], (1, 2), {"a": 1}, {1}, np.zeros(2)):
        cells[3, 1] = cell
        with pytest.raises(TypeError, match=f'Column "x1" of X has a cell of type {type(cell).__name__} at row index'):
            Classifier().fit(cells, np.arange(20) > 9)


def test_estimators_read_labels_and_refuse_other_objects() -> None:
    x = np.arange(20.0)
    frame = pandas.DataFrame({"x": x, "bin": pandas.cut(x, 4)})
    fitted = Classifier(recipe="plain", hidden=(4,), epochs=1, engine="reference").fit(frame, x > 9)
    assert [column.kind for column in fitted.model_.encoder.columns] == ["number", "category"]
    with pytest.raises(InputError, match="cell of type Thing"):
        Classifier().fit(pandas.DataFrame({"x": [Thing()] * 20}), x > 9)


def test_fractions_are_numbers() -> None:
    frame = open_source({"it": [Fraction(1, 2), Fraction(3, 4)], "x": [1, 2]}).frame
    assert infer_schema(frame)[0].kind == "number"


DECLARED = [3, 17, 42, 3] * 5


@pytest.mark.parametrize("way", ["pandas", "pandas file", "polars", "enum", "arrow", "arrow file"])
def test_declared_categories_are_categories(way: str, tmp_path: Path) -> None:
    frame: Any = pandas.DataFrame({"it": pandas.Categorical(DECLARED), "x": np.arange(20) % 7})
    if way == "pandas file":
        frame.to_parquet(tmp_path / "it.parquet")
        frame = tmp_path / "it.parquet"
    elif way in ("polars", "enum"):
        dtype = pl.Categorical if way == "polars" else pl.Enum(["3", "17", "42"])
        frame = pl.DataFrame({"it": pl.Series(map(str, DECLARED), dtype=dtype), "x": [1, 2] * 10})
    elif way in ("arrow", "arrow file"):
        arrow = pytest.importorskip("pyarrow")
        frame = arrow.table({"it": arrow.array(DECLARED).dictionary_encode(), "x": arrow.array([1, 2] * 10)})
        if way == "arrow file":
            pytest.importorskip("pyarrow.parquet").write_table(frame, tmp_path / "it.parquet")
            frame = tmp_path / "it.parquet"
    column = infer_schema(open_source(frame).frame)[0]
    assert (column.kind, column.reason, column.distinct) == ("category", "declared as categories", 3)
    encoder = TableEncoder.fit(open_source(frame))
    assert encoder.transform({"it": 17, "x": 1}).tobytes() == encoder.transform({"it": "17", "x": 1}).tobytes()
