"""How stored rows and answers are written as JSON and read again, and what NumPy computes on this machine.

Nothing here uses a name of Ranvier's, so that files of any version can be read by any later one.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


def to_plain(value: Any) -> dict[str, Any]:
    """Rows or answers as JSON: an array with its type, the three arrays of a CSR matrix, or columns of cells.

    >>> to_plain(np.array([[0.5]], np.float32))
    {'array': [[0.5]], 'dtype': '<f4'}
    """
    if isinstance(value, dict):
        return {"columns": value}
    if hasattr(value, "tocsr"):
        matrix = value.tocsr()
        parts = {name: to_plain(getattr(matrix, name)) for name in ("data", "indices", "indptr")}
        return {"csr": parts, "shape": list(matrix.shape)}
    array = np.asarray(value)
    return {"array": array.tolist(), "dtype": array.dtype.str}


def from_plain(stored: dict[str, Any]) -> Any:
    """What `to_plain` wrote.

    >>> from_plain(to_plain(np.array([[0.5]], np.float32))).dtype
    dtype('float32')
    """
    if "columns" in stored:
        return stored["columns"]
    if "csr" in stored:
        from scipy.sparse import csr_matrix

        data, indices, indptr = (from_plain(stored["csr"][name]) for name in ("data", "indices", "indptr"))
        return csr_matrix((data, indices, indptr), shape=tuple(stored["shape"]))
    return np.array(stored["array"], dtype=stored["dtype"])


def read(path: Path) -> dict[str, Any]:
    """The JSON beside a model or a run."""
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def arithmetic() -> str:
    """A digest of what NumPy's functions, sums and products give here.

    They round in one way on one machine, and may round in another way with another version of NumPy, another BLAS or
    another processor. Where the digest is the same, the reference engine gives the same bits.
    """
    values = np.arange(1, 1281).reshape(64, 20) / 97.0
    square = values[:, :16].T @ values
    functions = (np.exp, np.expm1, np.tanh, np.sin, np.cos)
    results = [function(values.astype(kind)) for function in functions for kind in (np.float32, np.float64)]
    results += [np.log(values), np.log1p(values), np.power(0.9, np.arange(1.0, 100.0)), square]
    results += [square @ square.T, values.mean(0), (values**2).sum(1), np.float64(values.sum())]
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in results)).hexdigest()[:16]
