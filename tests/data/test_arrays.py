"""NPZ and IDX files, and NumPy arrays in memory."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data import Arrays, open_source
from ranvier.data.sources.arrays import IDX_TYPES, parse_idx
from ranvier.errors import DataError


def idx(array: np.ndarray) -> bytes:
    code = next(code for code, dtype in IDX_TYPES.items() if np.dtype(dtype) == array.dtype.newbyteorder(">"))
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def arrays(source: object, target: object = None) -> Arrays:
    opened = open_source(source, target)
    assert isinstance(opened, Arrays)
    return opened


SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.sampled_from([np.dtype(dtype).newbyteorder("=") for dtype in IDX_TYPES.values()]), st.integers(0, 9))
def test_idx_round_trip_and_truncation(shape: tuple[int, ...], dtype: np.dtype, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)
    data = idx(values)
    parsed = parse_idx(data, "the file")
    assert parsed.dtype == dtype
    np.testing.assert_array_equal(parsed, values)
    for damaged in (data[:-1], data + b"\x00", data[:3], data[:5], b"\x01" + data[1:], data[:2] + b"\x07" + data[3:]):
        with pytest.raises(DataError, match="the file"):
            parse_idx(damaged, "the file")


@pytest.mark.parametrize("packed", [("", ""), (".gz", ".gz"), (".gz", ""), ("", ".gz")])
def test_idx_finds_its_labels(tmp_path: Path, packed: tuple[str, str]) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    labels = np.array([3, 1, 4, 1], np.uint8)
    for name, array, suffix in (("train-images-idx3", images, packed[0]), ("train-labels-idx1", labels, packed[1])):
        data = idx(array)
        (tmp_path / f"{name}-ubyte{suffix}").write_bytes(gzip.compress(data) if suffix else data)
    opened = arrays(tmp_path / f"train-images-idx3-ubyte{packed[0]}")
    assert opened.inputs.dtype == np.uint8
    assert opened.shape == (2, 3)
    np.testing.assert_array_equal(opened.inputs, images.reshape(4, 6))
    assert opened.targets is not None
    np.testing.assert_array_equal(opened.targets, labels)


def test_idx_errors(tmp_path: Path) -> None:
    images, labels = tmp_path / "t-images-idx3-ubyte", tmp_path / "t-labels-idx1-ubyte"
    images.write_bytes(idx(np.zeros((4, 2, 2), np.uint8)))
    assert arrays(images).targets is None
    labels.write_bytes(idx(np.zeros(3, np.uint8)))
    with pytest.raises(DataError, match=r"4 images and .* 3 labels"):
        open_source(images)
    with pytest.raises(DataError, match="labels file"):
        open_source(labels)
    images.write_bytes(b"not idx at all")
    with pytest.raises(DataError, match="is not an IDX file"):
        open_source(images)


@pytest.mark.parametrize("keys", [("X", "y"), ("x_train", "y_train"), ("inputs", "targets"), ("x", "y")])
def test_npz_names(tmp_path: Path, keys: tuple[str, str]) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, **{keys[0]: np.ones((3, 2)), keys[1]: np.arange(3), "extra": np.ones(1)})
    opened = arrays(path)
    assert opened.inputs.shape == (3, 2)
    assert opened.targets is not None
    assert "extra" in opened.notes[0]


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("x_train", "y_train", "x_test", "y_test"), {"train": 3, "test": 2}),
        (("x_test", "y_test", "X_train", "y_train"), {"train": 3, "test": 2}),
        (("test_images", "test_labels", "train_images", "train_labels"), {"train": 3, "test": 2}),
        (("inputs_training", "targets_training", "inputs_valid", "targets_valid"), {"train": 3, "validation": 2}),
    ],
)
def test_npz_with_parts(tmp_path: Path, names: tuple[str, ...], parts: dict[str, int]) -> None:
    path = tmp_path / "rows.npz"
    sizes = [3 if "train" in name else 2 for name in names]
    named = {
        name: np.full((size, 1) if at % 2 else (size, 4, 4), size, np.uint8)
        for at, (name, size) in enumerate(zip(names, sizes, strict=True))
    }
    np.savez(path, **named)
    opened = arrays(path)
    for rows in (opened, opened.as_pictures("image"), opened.take(np.arange(opened.rows)[::-1])):
        for part, size in parts.items():
            rows_of_part = rows.part(part)
            assert rows_of_part is not None
            assert rows_of_part.rows == size
            assert rows_of_part.part(part) is None
    assert opened.targets is not None
    assert opened.targets.tolist() == [3, 3, 3, 2, 2]


def test_npz_without_targets_of_a_part(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, x_train=np.ones((3, 2)), y_train=np.arange(3), x_test=np.ones((2, 2)))
    opened = arrays(path)
    assert opened.rows == 3
    assert "Left out: the test rows, which have no targets." in opened.notes
    np.savez(path, x_train=np.ones((3, 2)), x_test=np.ones((2, 2)), y_test=np.ones(2))
    with pytest.raises(DataError, match="none for the training rows"):
        open_source(path)
    np.savez(path, x_train=np.ones((3, 2)), y_train=np.ones(3), x_test=np.ones((2, 3)), y_test=np.ones(2))
    with pytest.raises(DataError, match="rows of one shape and type"):
        open_source(path)


def test_npz_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, a=np.ones((3, 2)), b=np.ones(4))
    with pytest.raises(DataError, match=r"holds the arrays a \(3, 2\), b \(4,\); X and y"):
        open_source(path)
    np.savez(path, X=np.array([[object()]], object), y=np.ones(1))
    with pytest.raises(DataError, match="could run code"):
        open_source(path)
    for text in (b"rubbish", b""):
        path.write_bytes(text)
        with pytest.raises(DataError, match="is not an NPZ archive" if text else "is empty"):
            open_source(path)
    np.savez(path, X=np.ones((3, 2)), y=np.ones(4))
    with pytest.raises(DataError, match="3 rows"):
        open_source(path)
    np.savez_compressed(path, X=np.arange(4000.0).reshape(1000, 4), y=np.ones(1000))
    content = path.read_bytes()
    for data in (content[: len(content) // 2], b"PK\x03\x04", b"rubbish", content[:100] + bytes(200) + content[300:]):
        path.write_bytes(data)
        with pytest.raises(DataError):
            open_source(path)


def test_arrays_in_memory() -> None:
    assert arrays(np.zeros((5, 2, 3), np.uint8)).inputs.shape == (5, 6)
    assert arrays(np.zeros((5, 2), np.float32)).inputs.dtype == np.float32
    assert arrays([[1, 2], [3, 4]]).inputs.dtype == np.float64
    assert arrays(np.zeros((5, 2), ">f4")).inputs.dtype.isnative
    with_target = arrays(np.zeros((5, 2)), np.arange(5))
    assert with_target.targets is not None
    assert math.prod(with_target.targets.shape) == 5


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.zeros(5), None, "reshape"),
        (np.zeros((0, 2)), None, "no numbers"),
        (np.array([["a", "b"]]), None, "data frame"),
        (np.zeros((2, 2), complex), None, "complex"),
        (np.zeros((5, 2)), np.zeros(4), "5 rows"),
        (np.zeros((5, 2)), "income", "without column names"),
        ([[1, 2], [3]], None, "different lengths"),
        (None, None, "NoneType"),
        (3.5, None, "float"),
    ],
)
def test_arrays_that_cannot_be_used(source: object, target: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(source, target)
