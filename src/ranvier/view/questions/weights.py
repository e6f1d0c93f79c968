"""How large are the weights of a layer? Pooled to the size of a screen, one byte a pixel. K inputs, N neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.model.inspect import find_layer
from ranvier.view.subject import Subject

Array = NDArray[Any]
MAX_SIDE = 4096
ZERO = 128
"""The byte of a weight of 0; 1 and 255 are minus and plus the limit."""


def weights(subject: Subject, path: str, height: int, width: int) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The weight matrix of a layer, inputs downwards and neurons to the right, at most (height, width).

    A pixel that stands for several weights shows the one that is largest in size, with its sign.

    Returns `limit` (what 255 stands for: the 99.5th percentile of the sizes), how many weights lie `beyond` it, and how
    many `inputs` and `neurons` the matrix has; and the bytes.

    Raises:
        InputError: there is no such layer, or the size is out of range.
    """
    if not all(type(side) is int and 1 <= side <= MAX_SIDE for side in (height, width)):
        raise InputError(f"The size is {height!r} x {width!r}; integers from 1 to {MAX_SIDE} were expected.")
    info = find_layer(subject.model.network, path)
    matrix = np.asarray(subject.model.parameters[f"{info.path}.weight"], np.float64)
    limit = weight_limit(matrix)
    head = {"limit": limit, "beyond": int((np.abs(matrix) > limit).sum())}
    head |= {"inputs": matrix.shape[0], "neurons": matrix.shape[1]}
    return head, as_bytes(pooled(matrix, height, width), limit)


def weight_limit(matrix: Array) -> float:
    """The 99.5th percentile of the sizes; 1 where all are 0."""
    limit = float(np.quantile(np.abs(matrix), 0.995))
    return limit or float(np.abs(matrix).max()) or 1.0


def pooled(matrix: Array, height: int, width: int) -> Array:
    """A matrix of at most (height, width), each cell the number of its block that is largest in size.

    >>> pooled(np.array([[1.0, -3.0, 0.0], [2.0, 0.5, 0.0]]), 1, 2).tolist()
    [[2.0, -3.0]]
    """
    rows = np.linspace(0, len(matrix), min(height, len(matrix)) + 1).astype(np.int64)[:-1]
    columns = np.linspace(0, matrix.shape[1], min(width, matrix.shape[1]) + 1).astype(np.int64)[:-1]
    largest = np.maximum.reduceat(np.maximum.reduceat(matrix, rows, axis=0), columns, axis=1)
    smallest = np.minimum.reduceat(np.minimum.reduceat(matrix, rows, axis=0), columns, axis=1)
    return np.where(largest >= -smallest, largest, smallest)


def as_bytes(matrix: Array, limit: float) -> NDArray[np.uint8]:
    """Numbers from -limit to +limit as bytes from 1 to 255, 0 as 128.

    >>> as_bytes(np.array([-2.0, 0.0, 1.0]), 1.0).tolist()
    [1, 128, 255]
    """
    return np.asarray(np.rint(np.clip(matrix / limit, -1.0, 1.0) * 127.0) + ZERO, np.uint8)
