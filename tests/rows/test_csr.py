"""Sparse rows: what they hold, which rows are chosen, and what cannot be rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ranvier.errors import ShapeError
from ranvier.rows import CSR

SHAPES = st.tuples(st.integers(0, 9), st.integers(1, 12))
NUMBERS = st.sampled_from([0.0, 0.0, 0.0, 1.5, -2.0])


@given(arrays.arrays(np.float64, SHAPES, elements=NUMBERS), st.data())
def test_rows_are_what_they_were(dense: Any, data: st.DataObject) -> None:
    rows = CSR.from_dense(dense)
    assert (rows.shape, len(rows), rows.dtype) == (dense.shape, len(dense), dense.dtype)
    assert np.array_equal(rows.toarray(), dense)
    assert len(rows.data) == np.count_nonzero(dense)
    assert rows.mean_nnz >= 1
    assert rows.mean_nnz * max(1, len(dense)) >= np.count_nonzero(dense)
    if len(dense):
        index = np.array(data.draw(st.lists(st.integers(0, len(dense) - 1), max_size=12)), np.int64)
        assert np.array_equal(rows[index].toarray(), dense[index])
        columns, values = rows.row(len(dense) - 1)
        assert np.array_equal(values, dense[-1][columns])
    first, last = sorted(data.draw(st.tuples(st.integers(0, 10), st.integers(0, 10))))
    assert np.array_equal(rows[first:last].toarray(), dense[first:last])
    filled = rows.pad_rows(len(dense) + 3)
    assert np.array_equal(filled.toarray(), np.concatenate([dense, np.zeros((3, dense.shape[1]))]))


@pytest.mark.parametrize("at_once", [1, 3, 1 << 20])
def test_parts_of_rows_make_no_difference(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranvier.rows.csr.ENTRIES_AT_ONCE", at_once)
    random = np.random.default_rng(0)
    blocks = [random.choice([0.0, 0.0, 1.0, 2.0], (7, width)) for width in (3, 1, 5)]
    rows = CSR.hstack([CSR.from_dense(block) for block in blocks])
    assert np.array_equal(rows.toarray(), np.concatenate(blocks, axis=1))
    index = np.array([6, 0, 0, 3])
    assert np.array_equal(rows[index].toarray(), np.concatenate(blocks, axis=1)[index])


def test_other_formats() -> None:
    bytes_ = np.array([[0, 51, 255]], np.uint8)
    rows = CSR.from_dense(bytes_)
    assert rows.data.tolist() == [51.0, 255.0]
    assert rows.astype(np.float32).dtype == np.float32
    assert rows.astype(np.float64) is rows


@pytest.mark.parametrize(
    ("data", "indices", "indptr", "text"),
    [
        (np.ones(2, np.int64), [0, 1], [0, 2], "float"),
        (np.ones((1, 2)), [0, 1], [0, 2], "float"),
        (np.ones(2), [0, 1], [], "indptr"),
        (np.ones(2), [0, 1], [0, 1], "rise from 0"),
        (np.ones(2), [0, 1], [1, 2], "rise from 0"),
        (np.ones(2), [0], [0, 2], "rise from 0"),
        (np.ones(2), [0, 1], [0, 3, 2], "rise from 0"),
        (np.ones(2), [0, 3], [0, 2], "in 0 to 2"),
        (np.ones(2), [-1, 0], [0, 2], "in 0 to 2"),
        (np.ones(2), [1, 0], [0, 2], "column twice"),
        (np.ones(3), [0, 1, 1], [0, 0, 1, 3], "column twice"),
    ],
)
def test_what_cannot_be_rows(data: Any, indices: Any, indptr: Any, text: str) -> None:
    with pytest.raises(ShapeError, match=text):
        CSR(data, np.array(indices, np.int32), np.array(indptr, np.int64), 3)


def test_rows_may_begin_with_lower_columns_than_the_row_before() -> None:
    rows = CSR(np.ones(3), np.array([2, 0, 1], np.int32), np.array([0, 0, 1, 1, 3, 3], np.int64), 3)
    assert rows.toarray().tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0], [1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_without_entries_add_columns_and_no_copy(dtype: type) -> None:
    block, empty = CSR.from_dense(np.eye(3, dtype=dtype)), CSR.from_dense(np.zeros((3, 2), dtype))
    joined = CSR.hstack([block, empty, empty])
    assert joined.shape == (3, 7)
    assert np.array_equal(joined.toarray(), np.concatenate([np.eye(3), np.zeros((3, 4))], axis=1))
    assert np.shares_memory(joined.data, block.data)
    assert np.shares_memory(joined.indices, block.indices)
    assert CSR.hstack([empty, block]).indices.tolist() == [2, 3, 4]
