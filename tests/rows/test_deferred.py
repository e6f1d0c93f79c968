"""Deferred columns are the dense block that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.errors import ShapeError
from ranvier.rows import CSR, Inputs, Rows, as_inputs
from ranvier.rows.deferred import Deferred


class Powers:
    """x and x squared, for every cell."""

    width = 4

    def expand(self, cells: Any, index: Any, dtype: Any) -> Any:
        selected = cells[index]
        return np.hstack([selected, selected**2]).astype(dtype)

    def arrays(self) -> list[Any]:
        return [np.frombuffer(b"powers", np.uint8)]


CELLS = np.arange(10.0).reshape(5, 2)
WHOLE = np.hstack([CELLS, CELLS**2])


def deferred(rows: Any = range(5), dtype: Any = np.float32) -> Deferred:
    return Deferred(CELLS, np.array(rows, np.int64), Powers(), np.dtype(dtype))


@pytest.mark.parametrize("rows", [slice(1, 4), slice(None, None, 2), np.array([4, 0, 0]), np.array([], np.int64)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_some_rows_are_those_of_the_whole_block(rows: Any, dtype: Any) -> None:
    some = Inputs(deferred(dtype=dtype))[rows]
    assert some.dense.dtype == dtype
    assert some.dense.tolist() == WHOLE[rows].tolist()
    assert some.shape == WHOLE[rows].shape
    assert isinstance(some.block, Deferred)
    assert some.block.cells is CELLS  # which some rows share with all


def test_rows_taken_twice_and_beside_a_csr_block() -> None:
    csr = CSR.from_dense(np.eye(5))
    rows = Rows(Inputs(deferred(), csr), np.zeros((5, 1))).take(np.array([3, 1, 2])).take(np.array([2, 0]))
    assert rows.inputs.toarray().tolist() == np.hstack([WHOLE, np.eye(5)])[[2, 3]].tolist()
    assert (rows.inputs.n_dense, rows.inputs.n_csr) == (4, 5)


def test_in_memory_they_are_plain_inputs() -> None:
    inputs = Inputs(deferred([2, 1]))
    made = inputs.in_memory()
    assert inputs.is_deferred
    assert not made.is_deferred
    assert made.in_memory() is made
    assert np.array_equal(made.dense, inputs.dense)
    assert as_inputs(inputs, 4, finite=True) is inputs


def test_arrays_tell_rows_apart() -> None:
    def row_bytes(rows: list[int]) -> list[bytes]:
        return [array.tobytes() for array in Inputs(deferred(rows)).arrays()]

    assert row_bytes([0, 1]) == row_bytes([0, 1])
    assert row_bytes([0, 1]) != row_bytes([1, 0])


@pytest.mark.parametrize(
    ("cells", "index", "message"),
    [
        (CELLS, np.array([5]), "goes from 5 to 5; there are 5 rows"),
        (CELLS, np.array([-1, 0]), "goes from -1 to 0"),
        (CELLS[0], np.array([0]), r"cells \(2,\)"),
        (CELLS, np.array([0.0]), "an index float64"),
    ],
)
def test_what_does_not_fit_is_refused(cells: Any, index: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Deferred(cells, index, Powers(), np.dtype(np.float32))
