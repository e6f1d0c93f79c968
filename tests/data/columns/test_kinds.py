"""A new kind of column is one class and one line in COLUMN_KINDS; encoders of earlier model files are read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ranvier import load, train
from ranvier.data import Table, TableEncoder, encoder_from_dict, infer_schema
from ranvier.data.cells.parsing import NeedsColumnParser, clean_strings
from ranvier.data.columns.schema import ColumnSchema
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder, CSRColumnEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.errors import InputError, ModelFileError
from ranvier.records import record
from ranvier.rows import CSR, Inputs


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


@record
class WordsEncoder(CSRColumnEncoder):
    """Encodes a text as how often it has each word of the training rows: a bag of words."""

    kind: ClassVar[str] = "words"
    column: str
    vocabulary: tuple[str, ...]

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> WordsEncoder:
        texts = clean_strings(cells).drop_nulls().to_list()
        return cls(cells.name, tuple(sorted({word for text in texts for word in text.split()})))

    @property
    def csr_feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.column}: {word}" for word in self.vocabulary)

    def describe(self) -> str:
        return f"counts of {len(self.vocabulary)} words"

    def _rows(self, texts: list[str | None]) -> CSR:
        words = np.array(self.vocabulary)
        counts = [[(np.array((text or "").split()) == word).sum() for word in words] for text in texts]
        return CSR.from_dense(np.array(counts, np.float32).reshape(len(texts), len(words)))

    def encode_csr(self, cells: pl.Series) -> CSR:
        return self._rows(clean_strings(cells).to_list())

    def encode_cell_csr(self, cell: Any) -> CSR:
        if type(cell) is not str:
            raise NeedsColumnParser
        return self._rows([cell])

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "column": self.column, "vocabulary": list(self.vocabulary)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WordsEncoder:
        return cls(json_fields.field(data, "column", str), json_fields.items(data, "vocabulary", str))


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
    reloaded = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert reloaded == encoder
    assert reloaded.transform(frame).tobytes() == many.tobytes()


REVIEWS = {
    "text": ["good good soup", "bad soup", "good bread", None] * 20,
    "title": ["one", "two", "one two", "three"] * 20,
    "price": [1.5, 2.0, 8.25, None] * 20,
    "shop": ["north", "south", "north", "east"] * 20,
    "stars": [5.0, 1.0, 4.0, 3.0] * 20,
}


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLUMN_KINDS, "words", WordsEncoder)


@pytest.mark.usefixtures("words")
def test_a_kind_with_csr_features_stands_beside_numbers_and_categories() -> None:
    frame = pl.DataFrame(REVIEWS).drop("stars")
    schema = infer_schema(frame, overrides={"text": "words", "title": "words"})
    encoder = TableEncoder.fit(frame, schema)
    inputs = encoder.transform(frame)
    assert isinstance(inputs, Inputs)
    assert inputs.shape == (80, encoder.width)
    assert encoder.feature_names == (
        *("price", "price: missing", "shop=north", "shop=east", "shop=south", "shop: other", "shop: missing"),
        *("text: bad", "text: bread", "text: good", "text: soup", "title: one", "title: three", "title: two"),
    )
    assert inputs.csr.toarray()[:4].tolist() == [
        [0, 0, 2, 1, 1, 0, 0],
        [1, 0, 0, 1, 0, 0, 1],
        [0, 1, 1, 0, 1, 0, 1],
        [0, 0, 0, 0, 0, 1, 0],
    ]
    without_text = TableEncoder.fit(frame.select("price", "shop")).transform(frame)
    assert inputs.dense.tobytes() == without_text.tobytes()
    for row in range(4):  # the last one has missing cells, which only the column parser knows
        single = encoder.transform(frame.row(row, named=True))
        assert [array.tobytes() for array in single.arrays()] == [
            array.tobytes() for array in inputs[row : row + 1].arrays()
        ]
    reloaded = encoder_from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert reloaded == encoder


@pytest.mark.usefixtures("words")
def test_a_table_with_a_bag_of_words_trains_natively(tmp_path: Path) -> None:
    table = Table(pl.DataFrame(REVIEWS), "the reviews", kinds={"text": "words", "title": "words"})
    model = train(table, target="stars", recipe="plain", epochs=3, engine="native", validation=0.2, seed=1)
    assert model.engine == "native"
    assert model.network.inputs == model.encoder.width
    predictions = model.predict(REVIEWS)
    assert predictions.std() > 0
    model.save(tmp_path / "reviews.rv")
    loaded = load(tmp_path / "reviews.rv")
    assert loaded.predict(REVIEWS).tobytes() == predictions.tobytes()
    row = {name: cells[0] for name, cells in REVIEWS.items()}
    assert loaded.predict(row).tobytes() == model.predict(row).tobytes()
    assert loaded.predict(row)[0] == pytest.approx(predictions[0], rel=1e-5)


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


@pytest.mark.parametrize("cell", ["12.5 kg", "$1,234.50", "45.1%", "<30", "30+", "1.5 m", "(12 kg)", "≤ 7"])
def test_a_rare_unit_or_bound_is_named_and_a_usual_one_is_not(cell: str) -> None:
    plain = [f"{row / 7:.2f}" for row in range(60)]
    (rare,) = infer_schema(pl.DataFrame({"x": [*plain, cell]}))
    assert rare.kind == "number"
    assert [note for note in rare.notes if f'"{cell}" in row 61' in note and "most lack" in note]
    usual = [re.sub("[1-9]", str(row % 9 + 1), cell, count=1) for row in range(60)]
    (column,) = infer_schema(pl.DataFrame({"x": usual}))
    assert not [note for note in column.notes if "most lack" in note]
