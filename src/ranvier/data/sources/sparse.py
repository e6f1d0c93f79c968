"""Sparse X, as SciPy keeps it, to the sparse rows an engine takes. n rows, K inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import DataError, InputError, ShapeError
from ranvier.rows.csr import CSR, as_floats

MOST_COLUMNS = 2**31


def is_sparse(X: Any) -> bool:
    """Whether X is a matrix or array of scipy.sparse, or sparse rows already."""
    return isinstance(X, CSR) or hasattr(X, "tocsr")


def sparse_rows(X: Any, inputs: int) -> CSR:
    """X as sparse rows: columns in order, numbers given twice for one place added up, zeros left out.

    Raises:
        ShapeError: the rows have another width.
        DataError: X holds something other than finite numbers.
    """
    if len(X.shape) != 2 or X.shape[1] != inputs:
        raise ShapeError(f"X has shape {X.shape}; this network takes {inputs} numbers a row, shape (rows, {inputs}).")
    if isinstance(X, CSR):
        return X
    if inputs >= MOST_COLUMNS:
        raise InputError(f"X has {inputs:,} columns; sparse rows have at most {MOST_COLUMNS - 1:,}.")
    matrix = X.tocsr()
    if matrix.dtype.kind not in "biuf":
        raise DataError(f"X holds values of type {matrix.dtype}; a network takes numbers.")
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    starts = matrix.indptr.astype(np.int64)
    values, columns = matrix.data[: starts[-1]], matrix.indices[: starts[-1]]
    _check_finite(values, columns, starts)
    kept = values != 0
    if not kept.all():
        before = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(kept, out=before[1:])
        values, columns, starts = values[kept], columns[kept], before[starts]
    return CSR(as_floats(values), np.ascontiguousarray(columns, np.int32), starts, inputs)


def _check_finite(values: NDArray[Any], columns: NDArray[Any], starts: NDArray[np.int64]) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = int(wrong.argmax())
        row = int(np.searchsorted(starts, place, side="right")) - 1
        raise DataError(
            f"X holds {values[place]} in row {row}, column {columns[place]}; every input must be a finite number."
        )
