"""Encoders: always finite, as wide as their names, bit-identical after writing and reading, kind errors."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ranvier.data import ArrayEncoder, Arrays, ColumnSchema, encoder_from_dict, fit_encoder
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.data.encoders.repeated_rows import RepeatedRows
from ranvier.data.encoders.scaling import column_mean_std
from ranvier.data.encoders.table import TableEncoder
from ranvier.errors import DataError, ModelFileError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore:.*none of the .* categories")

NUMBERS = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=False), st.sampled_from([0.0, 1.0, -2.5]))
DATES = st.one_of(st.none(), st.datetimes().map(lambda moment: moment.isoformat()))
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "number": NUMBERS,
    "boolean": st.one_of(st.none(), st.sampled_from(["yes", "no", "TRUE", "f"])),
    "category": st.one_of(st.none(), st.text(max_size=3), st.sampled_from("abc")),
    "date": st.one_of(st.none(), st.dates().map(str), DATES.filter(lambda word: word is None or word[0] != "0")),
}
DTYPES = {"number": pl.Float64, "boolean": pl.String, "category": pl.String, "date": pl.String}


def plan(name: str, kind: str) -> ColumnSchema:
    return ColumnSchema(name, kind, "as requested", 0, 0)


def reloaded(encoder: Any) -> Any:
    return encoder_from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))


def test_every_kind_has_cells() -> None:
    assert {*COLUMNS, "image", "sound", "text", "vector"} == COLUMN_KINDS.keys(), (
        "files, texts and vectors have their own"
    )


@pytest.mark.parametrize("kind", COLUMNS)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_encodings_are_finite_and_bit_identical_after_reloading(kind: str, data: st.DataObject) -> None:
    cells = st.lists(COLUMNS[kind], min_size=1, max_size=50)
    frames = [pl.DataFrame({"x": pl.Series(data.draw(cells), dtype=DTYPES[kind])}) for _ in range(2)]
    encoder = TableEncoder.fit(frames[0], [plan("x", kind)])
    for frame in frames:
        out = encoder.transform(frame)
        assert out.shape == (frame.height, encoder.width) == (frame.height, len(encoder.feature_names))
        assert out.dtype == np.float32
        assert out.flags.c_contiguous
        assert np.isfinite(out).all()
        assert reloaded(encoder).transform(frame).tobytes() == out.tobytes()
        alone = np.concatenate([encoder.transform(frame[row]) for row in range(frame.height)])
        assert alone.tobytes() == out.tobytes()
    assert reloaded(encoder) == encoder
    assert len(set(encoder.feature_names)) == encoder.width
    assert len(encoder.describe()) == 1


TABLE = {
    "age": [str(20 + row % 30) if row % 7 else "?" for row in range(60)],
    "sex": [("Male", "Female", "NA")[row % 3] for row in range(60)],
    "member": [bool(row % 2) for row in range(60)],
    "since": [f"20{10 + row % 9}-0{1 + row % 9}-11 0{row % 5}:30" for row in range(60)],
    "key": [f"k{row}" for row in range(60)],
    "income": [("low", "high")[row % 2] for row in range(60)],
}


def table_encoder() -> TableEncoder:
    encoder = fit_encoder(TABLE, target="income")
    assert isinstance(encoder, TableEncoder)
    return encoder


def test_encoding_of_a_table() -> None:
    encoder = table_encoder()
    assert encoder.feature_names == (
        *("age", "age: missing", "sex=Female", "sex=Male", "sex: other", "sex: missing"),
        *("member", "since: year", "since: month", "since: weekday", "since: hour", "since: elapsed days"),
    )
    assert [line[:2] for line in encoder.describe()][4] == ("key", "drop")
    out = encoder.transform(TABLE)
    names = list(encoder.feature_names)
    ages = np.array([float(age) if age != "?" else np.nan for age in TABLE["age"]])
    scaled = np.where(np.isnan(ages), 0, (ages - np.nanmean(ages)) / np.nanstd(ages))
    expected = scaled / np.hypot(1, scaled / 4)
    np.testing.assert_allclose(out[:, 0], expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(out[:, 1], np.isnan(ages))
    np.testing.assert_array_equal(out[:, 2:6].sum(axis=1), 1)
    np.testing.assert_array_equal(out[:, names.index("member")], np.arange(60) % 2)
    parts = out[:, names.index("since: year") :]
    np.testing.assert_allclose(parts.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(parts.std(axis=0), 1, rtol=1e-5)


def test_unseen_and_missing_categories_have_features() -> None:
    encoder = TableEncoder.fit({"sex": ["Male", "Female"] * 20})
    many = {"sex": ["Male", "Female", "other", None, "?", " Male "] * 10}
    expected = np.eye(4, dtype=np.float32)[[1, 0, 2, 3, 3, 1]]
    np.testing.assert_array_equal(encoder.transform(many), np.tile(expected, (10, 1)))
    np.testing.assert_array_equal(encoder.transform({"sex": many["sex"][:6]}), expected)


def test_rare_categories_share_a_feature() -> None:
    categories = [f"w{row % 150}" for row in range(250)] + [f"once{row}" for row in range(10)]
    encoder = TableEncoder.fit({"x": categories}, [plan("x", "category")])
    assert encoder.width == 102
    alone = TableEncoder.fit({"x": [f"w{row}" for row in range(200)]}, [plan("x", "category")])
    np.testing.assert_array_equal(alone.transform({"x": ["w1", None] * 40})[:2], np.eye(2))


def test_missing_indicator_only_where_training_rows_had_missing_cells() -> None:
    encoder = TableEncoder.fit({"x": [1.0, 2.0, 3.0]})
    assert encoder.transform({"x": [None, 2.0]}).tolist() == [[0.0], [0.0]]


def test_integers_are_the_same_category_in_every_format() -> None:
    encoder = TableEncoder.fit({"x": ["1", "2", "1"]}, [plan("x", "category")])
    for cells in ([1, 2], [1.0, 2.0], ["1", "2"]):
        assert encoder.transform({"x": cells}).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]


def test_rows_in_every_container_are_bit_identical() -> None:
    pandas = pytest.importorskip("pandas")
    encoder = table_encoder()
    out = encoder.transform(TABLE).tobytes()
    frame = pl.DataFrame(TABLE)
    shuffled = frame.select(reversed(frame.columns)).drop("income", "key").with_columns(more=pl.lit(1))
    rows = [dict(zip(TABLE, row, strict=True)) for row in zip(*TABLE.values(), strict=True)]
    for source in (frame, shuffled, pandas.DataFrame(TABLE), rows):
        assert encoder.transform(source).tobytes() == out
    cells = {name: values[0] for name, values in TABLE.items()}
    assert encoder.transform(cells).tobytes() == out[: 4 * encoder.width]
    numbers = TableEncoder.fit({"a": [1.0, 2.0], "b": [5.0, 3.0]})
    scaled = np.float32(1 / np.sqrt(1 + 1 / 16))
    assert numbers.transform(np.array([[1.0, 5.0]])).tolist() == [[-scaled, scaled]]
    with pytest.raises(ShapeError, match="2 columns a row"):
        numbers.transform(np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": None}, 'no column "age", which the model needs. Did you mean "Age"'),
        ({"age": ["1", "2", "old"]}, 'Column "age" has "old" at row index 2, where a number was expected'),
        ({"age": [1.0, float("inf"), 2.0]}, 'Column "age" has inf at row index 1, where a finite number'),
        ({"member": ["yes", "maybe", "no"]}, 'Column "member" has "maybe" at row index 1, where true or false'),
        ({"since": ["2024-01-01", "", "yesterday"]}, 'Column "since" has "yesterday" at row index 2, where a date'),
        ({"since": [1, 2, 3]}, 'Column "since" has 1 at row index 0, where a date'),
        ({"age": [b"x", b"y", b"z"]}, "type bytes"),
    ],
)
def test_rows_that_cannot_be_encoded(change: dict[str, Any], message: str) -> None:
    rows: dict[str, Any] = {name: values[:3] for name, values in TABLE.items()} | change
    if rows["age"] is None:
        rows["Age"] = [rows.pop("age")] * 3
    with pytest.raises(DataError, match=message.replace("?", r"\?")):
        table_encoder().transform(rows)


def test_several_absent_columns_are_counted() -> None:
    with pytest.raises(DataError, match='no column "age" and 3 more'):
        table_encoder().transform({"other": [1]})


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 4), st.data())
def test_float_arrays(rows: int, width: int, data: st.DataObject) -> None:
    cell = st.floats(allow_infinity=False, width=64)
    values = np.array(data.draw(st.lists(cell, min_size=rows * width, max_size=rows * width))).reshape(rows, width)
    assume(not np.isnan(values).all())  # refused
    encoder = fit_encoder(values)
    out = encoder.transform(values)
    assert out.shape == (rows, encoder.width) == (rows, len(encoder.feature_names))
    assert np.isfinite(out).all()
    assert reloaded(encoder).transform(values).tobytes() == out.tobytes()


def test_an_array_with_far_values_beside_the_largest_ones() -> None:
    values = np.zeros((8, 2))
    values[[2, 6, 7], 0] = [-1.7976931348623157e308, 8.988465674311582e307, 8.988465674311584e307]
    values[[0, 7], 1] = [15.0, 1.0]
    encoder = fit_encoder(values)
    assert np.isfinite(encoder.transform(values)).all()
    assert json.loads(json.dumps(encoder.to_dict(), allow_nan=False))["limit"] <= 1e6


def test_mean_and_std_match_numpy_over_several_blocks() -> None:
    values = np.random.default_rng(0).normal(5.0, 3.0, (20000, 3))
    values[::7, 1] = np.nan
    values[:, 2] = 0.1
    mean, scale = column_mean_std(values)
    np.testing.assert_allclose(mean, np.nanmean(values, axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale[:2], np.nanstd(values, axis=0)[:2], rtol=1e-12)
    assert scale[2] == 0.0


@pytest.mark.parametrize("rows", [1, 8192, 30_001])
@pytest.mark.parametrize("unit", [1.0, 1e-120])
def test_mean_and_std_are_the_same_however_the_rows_are_read(rows: int, unit: float) -> None:
    rng = np.random.default_rng(rows)
    different = rng.normal(5.0, 3.0, (50, 3)) * unit
    different[7, 1] = np.nan
    repeated = RepeatedRows(different, rng.integers(0, 50, rows))
    expected = column_mean_std(repeated[:])
    for actual, array in zip(column_mean_std(repeated), expected, strict=True):
        assert actual.tobytes() == array.tobytes()
    column = np.ascontiguousarray(repeated[:][:, :1])
    blocks = [column[start : start + 8192, 0] for start in range(0, rows, 8192)]
    mean, scale = column_mean_std(column)
    if unit == 1.0:
        assert mean[0] == (sum(block.sum() for block in blocks) / rows if rows > 1 else column[0, 0])
        assert scale[0] == np.sqrt(sum(np.square(block - mean[0]).sum() for block in blocks) / rows)


def test_pictures_stay_bytes_and_the_network_scales_them() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    encoder = fit_encoder(images)
    assert encoder.factor == 1 / 255
    assert encoder.transform(images).dtype == np.uint8
    np.testing.assert_array_equal(encoder.transform(images), images.reshape(4, 64))
    np.testing.assert_array_equal(encoder.transform(images.astype(np.float64)), images.reshape(4, 64))
    assert encoder.feature_names[9] == "x1_1"
    assert encoder_from_dict(encoder.to_dict()) == encoder


def test_encoders_of_pictures_of_older_versions_divide_by_255() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    stored = {"kind": "array", "scaling": "bytes", "width": 64, "shape": [8, 8], "mean": [], "scale": []}
    encoder, expected = encoder_from_dict(stored), images.reshape(4, 64) / np.float32(255)
    assert encoder.factor is None
    np.testing.assert_array_equal(encoder.transform(images), expected)
    np.testing.assert_array_equal(encoder.transform(images.astype(np.float64)), expected)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_rows_of_bytes_are_numbers_like_all_others(kind: type) -> None:
    numbers = np.array([[0, 1, 200], [3, 1, 100], [5, 1, 7]])
    encoder = fit_encoder(numbers.astype(kind))
    assert encoder == fit_encoder(numbers.astype(np.float64))
    assert encoder.factor is None


def test_arrays_that_cannot_be_encoded() -> None:
    values = np.array([[1.0, 2.0], [3.0, np.inf]])
    with pytest.raises(DataError, match="row index 1, column index 1"):
        fit_encoder(values)
    encoder = fit_encoder(np.array([[1.0, 2.0], [3.0, 5.0]]))
    with pytest.raises(DataError, match="row index 1, column index 1"):
        encoder.transform(values)
    with pytest.raises(ShapeError, match="3 numbers; this model takes 2"):
        encoder.transform(np.zeros((1, 3)))
    assert encoder.transform(Arrays(values[:1], None, "x", (2,))).shape == (1, 2)
    assert encoder.transform({"a": ["1", "?"], "b": [2, 3]}).shape == (2, 2)


def damages(description: Any) -> list[Any]:
    """Every description with one field absent or replaced by something else."""
    descriptions: list[Any] = [None, 3, "x", [], {}]
    for path in paths(description):
        for value in (None, [], {}, "x", -1, float("nan"), 10**400, [None], [[1]]):
            changed = copy.deepcopy(description)
            part = changed
            for step in path[:-1]:
                part = part[step]
            if type(part[path[-1]]) is type(value) and part[path[-1]] == value:
                continue
            part[path[-1]] = value
            descriptions.append(changed)
        if isinstance(path[-1], str):
            changed = copy.deepcopy(description)
            part = changed
            for step in path[:-1]:
                part = part[step]
            del part[path[-1]]
            descriptions.append(changed)
    return descriptions


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(*path, step) for step, _ in steps] + [deep for step, part in steps for deep in paths(part, (*path, step))]


@pytest.mark.parametrize(
    "encoder",
    [table_encoder(), fit_encoder(np.array([[1.0, 2.0], [3.0, 5.0]])), ArrayEncoder("none", 6, (2, 3))],
    ids=["table", "array", "sparse"],
)
def test_damaged_descriptions_are_refused_or_still_safe(encoder: Any) -> None:
    assert reloaded(encoder) == encoder
    refused = 0
    for description in damages(encoder.to_dict()):
        try:
            read = encoder_from_dict(description)
        except ModelFileError:
            refused += 1
            continue
        assert len(read.feature_names) == read.width
    assert refused > 50
