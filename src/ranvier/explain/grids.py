"""The cells that a response is computed at, and a column's inputs for them. G points, n rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.row_encoder import column_encoders, row_encoder
from ranvier.errors import InputError
from ranvier.explain.blocks import NOTHING, InputBlock
from ranvier.rows import CSR, Inputs
from ranvier.scalars import as_integer

Array = NDArray[Any]
USUAL = (0.01, 0.99)
"""The quantiles of the rows that a grid of numbers goes from and to."""
SPREAD = 2.0
"""How many scales a grid of numbers goes to each side of the centre where no rows are given."""


def grid_of(encoder: Any, block: InputBlock, grid: Any, cells: Any) -> list[Any]:
    """The points of a column: those given; so many between the usual numbers; all categories; false and true.

    Parameters:
        encoder: of a model; None for one that takes arrays.
        block: the column.
        grid: cells, or how many numbers lie between the lowest and the highest one.
        cells: of the column in the user's rows: a series, or numbers (n,); None where there are none.

    Raises:
        InputError: the grid is empty or no grid, or the column has none of its own.

    >>> grid_of(None, InputBlock("x0", slice(0, 1)), 3, np.array([0.0, 10.0]))[1]
    5.0
    """
    count = as_integer(grid)
    if count is None:
        points = [] if isinstance(grid, str) or not hasattr(grid, "__iter__") else list(grid)
        if not points:
            raise InputError(f"grid is {grid!r}; it must be the cells to look at, or how many numbers, such as 48.")
        return points
    if count < 2:
        raise InputError(f"grid is {grid!r}; it must be at least 2 points, or the cells to look at.")
    part = _encoder_of(encoder, block)
    kind = "number" if part is None else part.kind
    if kind == "category":
        return list(part.categories)
    if kind == "boolean":
        return [False, True]
    if kind != "number":
        raise InputError(f'Column "{block.column}" holds {kind}s: give the cells to look at, grid=[...].')
    low, high = _range(part, cells)
    return list(np.linspace(low, high, count).tolist())


def has_grid(encoder: Any, block: InputBlock) -> bool:
    """Whether a column has points of its own: numbers, categories, booleans."""
    part = _encoder_of(encoder, block)
    return part is None or part.kind in ("number", "category", "boolean")


def cells_of(encoder: Any, block: InputBlock, inputs: Inputs | None, X: Any) -> Any:
    """The cells of a column in a user's rows: a series of a table, or numbers (n,) of an array.

    Parameters:
        encoder, block: as for `grid_of`.
        inputs: the rows of an array, encoded.
        X: the rows as they were given.
    """
    part = _encoder_of(encoder, block)
    if part is not None:
        from ranvier.data.sources.raw_rows import open_rows

        frame = open_rows(X, encoder.column_names, encoder.used_columns).frame
        return frame[part.column] if part.column in frame.columns else None
    if inputs is None:
        return None
    entries = inputs.entries
    if block.dense != NOTHING or entries is None:
        values = inputs.dense[:, block.dense][:, 0].astype(np.float64)
        at = block.dense.start
    else:
        values, at = entries.columns(block.csr.start, block.csr.stop).toarray()[:, 0].astype(np.float64), 0
    return row_encoder(encoder).unscaled(values, at)


def _encoder_of(encoder: Any, block: InputBlock) -> Any:
    """The encoder of a column of a table; None for a number of an array."""
    return next((part for part in column_encoders(encoder) if part.column == block.column), None)


def _range(part: Any, cells: Any) -> tuple[float, float]:
    """The lowest and the highest usual number."""
    values: Array = np.zeros(0)
    if cells is not None:
        values = np.asarray(cells if part is None else part.number_format.read(cells)[0], np.float64)
        values = values[np.isfinite(values)]
    if len(values):
        low, high = np.quantile(values, USUAL).tolist()
        low, high = (low, high) if low < high else (float(values.min()), float(values.max()))
    elif part is not None and len(part.knots) > 1:
        low, high = part.knots[0], part.knots[-1]
    else:
        center, scale = (0.0, 1.0) if part is None else (part.center, part.scale or 1.0)
        low, high = center - SPREAD * scale, center + SPREAD * scale
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def inputs_of_cells(
    encoder: Any, block: InputBlock, cells: Sequence[Any], shape: tuple[int, int], to_inputs: Callable[[Any], Inputs]
) -> tuple[Array, CSR | None]:
    """The dense inputs (G, width) and the CSR inputs of a column for some cells.

    Parameters:
        encoder, block: as for `grid_of`.
        cells: G of them.
        shape: how many inputs of the network are dense and how many CSR.
        to_inputs: from arrays to the inputs of the network.

    Raises:
        DataError: a cell is not of its column's kind.
    """
    part = _encoder_of(encoder, block)
    if part is None:
        values = np.zeros((len(cells), sum(shape)))
        values[:, block.dense.start if block.dense != NOTHING else shape[0] + block.csr.start] = cells
        rows = to_inputs(values).with_blocks(shape[0], bool(shape[1]))
        csr = rows.entries.columns(block.csr.start, block.csr.stop) if rows.entries is not None else None
        return rows.dense[:, block.dense], csr
    dense, csr = part.encode_cells(cells)
    return dense, csr
