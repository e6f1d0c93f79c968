"""A new kind of column is one class and one line in COLUMN_KINDS; encoders of earlier model files are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ranvier.data import TableEncoder, encoder_from_dict, infer_schema
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.data.parsing import NeedsColumnParser, clean_strings
from ranvier.data.schema import ColumnSchema
from ranvier.errors import InputError, ModelFileError
from ranvier.records import record


@record
class LengthEncoder(ColumnEncoder):
    """Encodes a string as its length, as a fraction of the longest one in training."""

    kind: ClassVar[str] = "length"
    column: str
    longest: float

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> LengthEncoder:
        return cls(cells.name, float(clean_strings(cells).str.len_chars().max() or 1))  # type: ignore[arg-type]

    @property
    def feature_names(self) -> tuple[str, ...]:
        return (f"length of {self.column}",)

    @property
    def width(self) -> int:
        return 1

    def describe(self) -> str:
        return f"length / {self.longest:g}"

    def encode(self, cells: pl.Series, out: NDArray[np.float32]) -> None:
        out[:, 0] = clean_strings(cells).str.len_chars().fill_null(0).to_numpy() / self.longest

    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        if type(cell) is not str:
            raise NeedsColumnParser
        out[0] = len(cell) / self.longest

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "column": self.column, "longest": self.longest}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LengthEncoder:
        return cls(json_fields.field(data, "column", str), json_fields.field(data, "longest", float))


ROWS = {"word": ["a", "abcd", "abc", None] * 10, "x": [0.5, 1.0, 4.0, 2.5] * 10}


def test_a_new_kind_of_column_goes_all_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="cannot be of kind 'length'"):
        infer_schema(pl.DataFrame(ROWS), overrides={"word": "length"})
    monkeypatch.setitem(COLUMN_KINDS, "length", LengthEncoder)
    frame = pl.DataFrame(ROWS)
    schema = infer_schema(frame, overrides={"word": "length"})
    assert [(column.kind, column.missing, column.distinct) for column in schema] == [
        ("length", 10, 3),
        ("number", 0, 4),
    ]
    encoder = TableEncoder.fit(frame, schema)
    many = encoder.transform(frame)
    assert many[:4, 0].tolist() == [0.25, 1.0, 0.75, 0.0]
    for row in range(4):  # the last one has a missing cell, which only the column parser knows
        assert encoder.transform(frame.row(row, named=True)).tobytes() == many[row].tobytes()
    assert encoder.feature_names == ("length of word", "x")
    assert encoder.describe()[0] == ("word", "length", "length / 4", "as requested; 10 missing")
    again = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    assert again.transform(frame).tobytes() == many.tobytes()


def test_a_kind_that_leaves_something_out_cannot_be_made() -> None:
    class Half(ColumnEncoder):
        """Implements nothing."""

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


@pytest.mark.parametrize("kind", COLUMN_KINDS)
def test_the_registry_agrees_with_the_classes(kind: str) -> None:
    assert COLUMN_KINDS[kind].kind == kind


def stored(name: str) -> Any:
    return json.loads((Path(__file__).parent / "earlier_encoders.json").read_text())[name]


@pytest.mark.parametrize("name", ["plain", "basis"])
def test_encoders_of_earlier_versions_are_read(name: str) -> None:
    described, rows, expected = (stored(name)[part] for part in ("encoder", "rows", "inputs"))
    encoder = encoder_from_dict(described)
    assert np.array_equal(encoder.transform(rows), np.array(expected, np.float32))
    assert encoder_from_dict(encoder.to_dict()) == encoder
    assert {column.kind for column in encoder.columns if not column.used} == {"drop"}
    assert len(encoder.feature_names) == encoder.width
    del described["columns"][0]["commas"]
    with pytest.raises(ModelFileError, match="thousands_separator"):
        encoder_from_dict(described)
