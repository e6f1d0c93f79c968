"""Inputs of two blocks and the rows made of them: what is taken, what is refused, and what stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ranvier.errors import DataError, ShapeError
from ranvier.rows import CSR, Inputs, Rows, as_inputs

NUMBERS = st.sampled_from([0.0, 0.0, 0.0, 1.5, -2.0])
SHAPES = st.tuples(st.integers(0, 6), st.integers(1, 6))
WORDS = CSR.from_dense(np.array([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]))


@given(arrays.arrays(np.float64, SHAPES, elements=NUMBERS), st.data())
def test_blocks_can_be_cut_anywhere(numbers: Any, data: st.DataObject) -> None:
    rows, columns = numbers.shape
    n_dense = data.draw(st.integers(0, columns - 1))
    inputs = Inputs(numbers).with_blocks(n_dense, sparse=True)
    assert (inputs.n_dense, inputs.n_csr, len(inputs)) == (n_dense, columns - n_dense, rows)
    assert np.array_equal(inputs.toarray(), numbers)
    assert inputs.with_blocks(n_dense, sparse=True) is inputs
    stacked = inputs.with_blocks(0, sparse=False)
    assert stacked.csr is None
    assert np.array_equal(stacked.dense, numbers)
    if rows:
        index = np.array(data.draw(st.lists(st.integers(0, rows - 1), max_size=8)), np.int64)
        assert np.array_equal(inputs[index].toarray(), numbers[index])
    first, last = sorted(data.draw(st.tuples(st.integers(0, 8), st.integers(0, 8))))
    assert np.array_equal(inputs[first:last].toarray(), numbers[first:last])


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
def test_formats_that_engines_read_are_kept(kind: type) -> None:
    numbers = np.ones((3, 2), kind)
    inputs = Inputs(numbers, sp.csr_array(np.eye(3)))
    assert inputs.dense is numbers
    assert inputs.shape == (3, 5)
    assert inputs.mean_nnz == 1
    assert as_inputs(inputs, 5) is inputs


def test_other_formats_are_converted() -> None:
    assert Inputs([[1, 2]]).dense.dtype == np.float64
    assert Inputs(np.ones((4, 2), np.float32).T).dense.flags.c_contiguous
    assert Inputs(np.ones((2, 3, 4), np.uint8)).shape == (2, 12)
    assert Inputs(None, WORDS).dense.shape == (3, 0)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (Inputs, ShapeError, "neither dense nor CSR"),
        (lambda: Inputs(np.ones((2, 1)), WORDS), ShapeError, "2 rows and the CSR block 3"),
        (lambda: Inputs([["a"]]), DataError, "takes numbers"),
        (lambda: Inputs(np.ones(3)), ShapeError, "one row for each example"),
        (lambda: Inputs(None, sp.csr_array([[np.inf]])), DataError, "inf at row index 0, column index 0"),
        (lambda: as_inputs(Inputs(np.ones((3, 1)), WORDS), 4), ShapeError, r"\(3, 3\); this network takes 4 numbers"),
        (lambda: as_inputs([[np.nan]], finite=True), DataError, "nan at row index 0, column index 0"),
        (lambda: Rows(np.zeros((2, 2)), np.zeros((3, 1))), ShapeError, "were expected"),
        (lambda: Rows(np.zeros((2, 2)), np.zeros(2)), ShapeError, "were expected"),
        (lambda: Rows(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros(3)), ShapeError, "weights have shape"),
    ],
)
def test_what_does_not_fit_together(make: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_rows_are_taken_with_targets_and_weights() -> None:
    rows = Rows(Inputs(np.arange(3.0)[:, None], WORDS), np.arange(3.0)[:, None], np.array([1.0, 2.0, 3.0]))
    part = rows.take(np.array([2, 0]))
    assert part.inputs.toarray().tolist() == [[2.0, 0.0, 0.0], [0.0, 0.0, 2.0]]
    assert (part.targets.tolist(), part.weights.tolist()) == ([[2.0], [0.0]], [3.0, 1.0])


@pytest.mark.parametrize(
    ("X", "kind"),
    [
        ([[1, 2], [3, 4]], np.float64),
        ([[True, False], [True, True]], np.float32),
        (np.ones((2, 2), np.float32), np.float32),
        (np.ones((2, 2), np.uint8), np.uint8),
        (np.ones((2, 2), np.float16), np.float64),
        (np.ones((2, 1, 2), np.uint8), np.uint8),
        (np.asfortranarray(np.ones((2, 2))), np.float64),
        (np.array([[1, 2.5], [3, 4]], object), np.float64),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}), np.float64),
        (pl.DataFrame({"a": [1, 2], "b": [0.5, 1]}), np.float64),
    ],
)
def test_inputs_become_a_contiguous_array(X: Any, kind: Any) -> None:
    array = as_inputs(X, 2).dense
    assert array.shape == (2, 2)
    assert array.dtype == kind
    assert array.flags.c_contiguous


@pytest.mark.parametrize(
    ("X", "error", "words"),
    [
        ([1.0, 2.0], ShapeError, r"One row is X\[None, :\]"),
        (np.ones((2, 3)), ShapeError, "this network takes 2 numbers a row"),
        (5.0, ShapeError, "shape"),
        ([[1, 2], [3]], ShapeError, "different lengths"),
        ([["a", "b"]], DataError, r"rv\.train encodes raw tables"),
        ([[1, None]], DataError, "X holds nan at row index 0, column index 1"),
        ([[1, [2]]], ShapeError, "different lengths"),
        ([[1, {}]], DataError, "a network takes numbers"),
        (np.ones((1, 2), complex), DataError, "a network takes numbers"),
        (np.zeros((1, 2), "datetime64[s]"), DataError, "a network takes numbers"),
        ([[1.0, 2.0], [np.nan, 1.0]], DataError, "X holds nan at row index 1, column index 0"),
        ([[1.0, -np.inf]], DataError, "X holds -inf at row index 0, column index 1"),
    ],
)
def test_inputs_that_cannot_be_used(X: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        as_inputs(X, 2, finite=True)


def test_numbers_whose_sum_overflows_are_finite_all_the_same() -> None:
    assert as_inputs([[1e308, 1e308]], 2, finite=True).shape == (1, 2)
