"""Features that are computed once for each different cell, and copied to the rows that hold it. B rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ranvier.data.encoders.column import CellEncoder


class CopiedFeatures:
    """What writes the features of some of the rows of a column of few different cells.

    Parameters:
        encoder: of the column.
        different: the different cells as the encoder reads them, shape (D,).
        codes: which of these each cell is, shape (B,).

    >>> from ranvier.data.encoders.boolean import BooleanEncoder
    >>> out = np.zeros((2, 1), np.float32)
    >>> CopiedFeatures(BooleanEncoder("a", 0.5, False), np.array([0.0, 1.0]), np.array([1, 1, 0]))(slice(1, 3), out)
    >>> out.tolist()
    [[1.0], [0.0]]
    """

    def __init__(self, encoder: CellEncoder, different: NDArray[np.float64], codes: NDArray[np.intp]) -> None:
        self._encoder, self._different, self._codes = encoder, different, codes
        self._features: dict[np.dtype[Any], NDArray[Any]] = {}

    def __call__(self, rows: slice, out: NDArray[Any]) -> None:
        features = self._features.get(out.dtype)
        if features is None:
            features = np.zeros((len(self._different), self._encoder.width), out.dtype)
            self._encoder.write(self._different, features)
            self._features[out.dtype] = features
        out[:] = features.take(self._codes[rows], axis=0)
