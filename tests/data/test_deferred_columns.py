"""Tables whose features are computed when rows are read: the same features, and the same networks learn from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data.encoders import concat
from ranvier.data.encoders.concat import ColumnConcat, stored_cells
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.row_blocks import BLOCK
from ranvier.data.encoders.table import TableEncoder
from ranvier.model.train import train
from ranvier.rows import Inputs
from ranvier.rows.deferred import Deferred

ROWS = BLOCK + 500
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=ROWS)
COLUMNS: dict[str, Any] = {
    "number": X.tolist(),
    "gaps": [None if row % 7 == 0 else value for row, value in enumerate(GENERATOR.normal(40.0, 5.0, ROWS).tolist())],
    "age": GENERATOR.integers(0, 90, ROWS).tolist(),
    "word": [None if row % 11 == 0 else f"w{row % 5}" for row in range(ROWS)],
    "truth": [None if row % 13 == 0 else row % 3 == 0 for row in range(ROWS)],
    "day": pl.Series(np.datetime64("2020-01-01") + GENERATOR.integers(0, 900, ROWS)),
    "moment": pl.Series(np.datetime64("1850-01-01T10:11:12.5", "us") + GENERATOR.integers(0, 10**15, ROWS)),
}
FRAME = pl.DataFrame(COLUMNS)
FEATURES = {"plain": None, "expanded": FeatureOptions(3, 5, 1000, 2)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("spline", [False, True])
@pytest.mark.parametrize("features", FEATURES)
def test_deferred_features_are_bit_identical(features: str, spline: bool, dtype: Any) -> None:
    encoder = TableEncoder.fit(FRAME, features=FEATURES[features])
    encoder = encoder.with_spline_basis() if spline else encoder
    cells = [FRAME[column.column] for column in encoder.encoders]
    full = ColumnConcat(encoder.encoders).encode(cells, dtype)
    inputs = ColumnConcat(encoder.encoders).encode(cells, dtype, max_bytes=0)
    assert isinstance(inputs, Inputs)
    assert isinstance(inputs.block, Deferred)
    assert isinstance(full, np.ndarray)
    assert inputs.dense.dtype == dtype
    assert inputs.dense.tobytes() == full.tobytes()
    some = GENERATOR.permutation(ROWS)[:99]
    assert inputs[some].dense.tobytes() == full[some].tobytes()


def test_texts_stand_beside_deferred_columns() -> None:
    texts = [f"the film number {row} was good in {row % 17} parts of {row % 5}" for row in range(ROWS)]
    frame = FRAME.with_columns(pl.Series("text", texts))
    encoder = TableEncoder.fit(frame)
    cells = [frame[column.column] for column in encoder.encoders]
    full = ColumnConcat(encoder.encoders).encode(cells)
    inputs = ColumnConcat(encoder.encoders).encode(cells, max_bytes=0)
    assert isinstance(inputs, Inputs)
    assert isinstance(full, Inputs)
    assert isinstance(inputs.block, Deferred)
    assert inputs.n_csr > 0
    assert inputs.toarray().tobytes() == full.toarray().tobytes()


def test_columns_of_vectors_are_not_deferred() -> None:
    frame = FRAME.with_columns(pl.Series("vector", GENERATOR.normal(size=(ROWS, 3)), dtype=pl.Array(pl.Float64, 3)))
    encoder = TableEncoder.fit(frame)
    cells = [frame[column.column] for column in encoder.encoders]
    assert isinstance(ColumnConcat(encoder.encoders).encode(cells, max_bytes=0), np.ndarray)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ([0.5, np.nan], np.float32),
        ([0.1, 1.0], np.float64),
        ([2.0**24 + 1, 0.0], np.float64),
        ([1e300, 0.0], np.float64),
    ],
)
def test_cells_are_stored_as_they_are(column: list[float], dtype: Any) -> None:
    values = np.array(column)
    cells = stored_cells([values, np.array([1, 0])])
    assert cells.dtype == dtype
    assert np.array_equal(cells[:, 0], values, equal_nan=True)


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize(("recipe", "effort"), [("plain", "default"), ("table", "fast")])
def test_networks_learn_the_same_from_deferred_rows(
    recipe: str, effort: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = FRAME.head(300).with_columns(y=pl.Series((X[:300] > 0).astype(int)))
    options: dict[str, Any] = {"recipe": recipe, "effort": effort, "epochs": 2, "engine": engine, "hidden": (8,)}

    def trained() -> Any:
        return train(frame, target="y", progress=False, **options)

    in_memory = trained()
    monkeypatch.setattr(concat, "MAX_BYTES", 0)
    model = trained()
    for name, values in in_memory.parameters.items():
        assert values.tobytes() == model.parameters[name].tobytes(), name
    rows = FRAME.head(40)
    assert model.outputs(rows).tobytes() == in_memory.outputs(rows).tobytes()
    assert model.report.metrics == pytest.approx(in_memory.report.metrics, rel=1e-6)
