"""The encoders of all columns of a table together: many rows column by column, a single row cell by cell.

B is the number of rows. The columns become D inputs in a dense block and S in a CSR block.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.parsing import NeedsColumnParser
from ranvier.data.encoders.column import ColumnEncoder, ColumnGroup
from ranvier.rows import CSR, Inputs


class ColumnConcat:
    """Encodes rows with one encoder for each column, the encoders of a class in one group.

    Parameters:
        encoders: the encoders of the columns, in the order of their inputs.

    >>> from ranvier.data.encoders.category import CategoryEncoder
    >>> from ranvier.data.encoders.number import NumberEncoder
    >>> concat = ColumnConcat([NumberEncoder("age", 40.0, 10.0, False), CategoryEncoder("sex", ("Male", "Female"))])
    >>> concat.encode_row([40, "Female"]).tolist()
    [[0.0, 0.0, 1.0, 0.0, 0.0]]
    >>> concat.encode([pl.Series("age", [40]), pl.Series("sex", ["?"])]).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(self, encoders: Iterable[ColumnEncoder]) -> None:
        encoders = tuple(encoders)
        members: dict[type[ColumnEncoder], list[tuple[int, int, ColumnEncoder]]] = {}
        start = 0
        for index, encoder in enumerate(encoders):
            members.setdefault(type(encoder), []).append((index, start, encoder))
            start += encoder.width
        self._n_dense = start
        self._as_bytes = bool(encoders) and all(encoder.as_bytes for encoder in encoders)
        self._csr = [(index, encoder) for index, encoder in enumerate(encoders) if encoder.csr_width]
        self._groups: list[tuple[list[int], ColumnGroup]] = [
            ([index for index, _, _ in group], kind.group([(first, encoder) for _, first, encoder in group]))
            for kind, group in members.items()
        ]

    def encode(self, columns: Sequence[pl.Series], dtype: Any = np.float32) -> NDArray[Any] | Inputs:
        """The inputs of many rows: an array (B, D), or both blocks where an encoder has features in the CSR block.

        Parameters:
            columns: one for each encoder.
            dtype: of the dense block, float32 or float64.

        Raises:
            DataError: a cell is not of its column's kind.
        """
        out = np.empty((len(columns[0]), self._n_dense), np.uint8 if self._as_bytes else dtype)
        out.fill(0)  # quicker than np.zeros, which asks for large pages here
        for indices, group in self._groups:
            group.encode([columns[index] for index in indices], out)
        if not self._csr:
            return out
        return Inputs(out, CSR.hstack([encoder.encode_csr(columns[index]) for index, encoder in self._csr]))

    def encode_row(self, cells: Sequence[Any], dtype: Any = np.float32) -> NDArray[Any] | Inputs | None:
        """The inputs of one row, bit-identical to those of `encode`; None where a cell needs a column parser.

        Parameters:
            cells: one for each encoder.
            dtype: of the dense block, float32 or float64.
        """
        out = np.zeros((1, self._n_dense), np.uint8 if self._as_bytes else dtype)
        try:
            for indices, group in self._groups:
                group.encode_row([cells[index] for index in indices], out[0])
            if not self._csr:
                return out
            return Inputs(out, CSR.hstack([encoder.encode_cell_csr(cells[index]) for index, encoder in self._csr]))
        except NeedsColumnParser:
            return None
