"""A canonical row order, by hash of the contents, and integer weights as repeated rows.

With both, a model depends only on what its training rows hold: neither on the order in which they stand, nor on whether
a row has the weight 2 or stands there twice.

B is the number of rows, K the number of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.vectors import vectors
from ranvier.data.columns.schema import ColumnSchema
from ranvier.data.sources.source import Source
from ranvier.random import SAMPLE, wide_bits
from ranvier.rows import CSR

MAX_REPEATS = 8
BLOCK = 4096
INPUTS, TARGETS, WEIGHTS = range(3)
"""The parts of a row, whose columns have random numbers of their own."""


def canonical_order(
    source: Source,
    values: NDArray[Any],
    weight: NDArray[np.float64] | None = None,
    columns: Sequence[ColumnSchema] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """An order of rows that depends only on the rows, and their weights.

    Rows of weight 0 are left out. Integer weights that add up to at most 8 per row become repeated rows: a row of
    weight 3 is listed three times. Other weights stay.

    Parameters:
        source: the inputs.
        values: the targets, shape (B,) or (B, N), without missing ones.
        weight: the weight of each row, at least 0, shape (B,); None for equal weights.
        columns: the columns of a table that are inputs; None for all of them.

    Returns row numbers, and the weights in this order, or None for equal weights.

    >>> from ranvier.data import Arrays
    >>> rows = Arrays(np.array([[1.0], [2.0], [3.0]]), None, "an array", (1,))
    >>> index, weight = canonical_order(rows, np.array([0, 1, 1]), np.array([2.0, 0.0, 1.0]))
    >>> sorted(index.tolist()), weight is None
    ([0, 0, 2], True)
    """
    index = np.arange(source.rows)
    if weight is not None:
        index = np.flatnonzero(weight)
        source, values, weight = source.take(index), values[index], weight[index]
    keys = _keys(source, columns) + _array_keys(_codes(values).reshape(len(values), -1), TARGETS)
    counts = None if weight is None else repeats(weight)
    if weight is not None and counts is None:
        keys += _array_keys(weight[:, None], WEIGHTS)
    repeated = np.arange(len(index)) if counts is None else np.repeat(np.arange(len(index)), counts)
    order = repeated[np.argsort(keys[repeated], kind="stable")]
    return index[order], weight[order] if weight is not None and counts is None else None


def canonical_rows(rows: int, weight: NDArray[np.float64] | None) -> int:
    """How many rows `canonical_order` lists.

    >>> canonical_rows(3, np.array([2.0, 0.0, 1.0])), canonical_rows(3, np.array([0.5, 0.0, 1.0]))
    (3, 2)
    """
    if weight is None:
        return rows
    weight = weight[weight > 0]
    counts = repeats(weight)
    return len(weight) if counts is None else int(counts.sum())


def repeats(weight: NDArray[np.float64]) -> NDArray[np.int64] | None:
    """How often a row is listed for its weight; None where weights are not integers, or too large."""
    all_integer = bool((weight == np.floor(weight)).all()) and weight.sum() <= MAX_REPEATS * len(weight)
    return weight.astype(np.int64) if all_integer else None


def _keys(source: Source, columns: Sequence[ColumnSchema] | None) -> NDArray[np.uint64]:
    """A number for each row that depends on its cells."""
    if not source.column_names:
        inputs = source.inputs
        return _sparse_keys(inputs) if isinstance(inputs, CSR) else _array_keys(inputs, INPUTS)
    if columns is None:
        codes = (_codes_of_cells(series) for series in source.frame.iter_columns())
        count = len(source.column_names)
    else:
        used = [column for column in columns if column.used]
        codes = (_codes_of_cells(read_cells(cells_in_order(source, column), column)) for column in used)
        count = len(used)
    # Column by column: the codes of all together would take as much memory as the table.
    keys = np.zeros(source.rows, np.uint64)
    for multiplier, column_codes in zip(_column_multipliers(count, INPUTS), codes, strict=True):
        for start in range(0, len(keys), BLOCK):
            keys[start : start + BLOCK] += _hash_bits(column_codes[start : start + BLOCK]) * multiplier
    return keys


def cells_in_order(source: Source, column: ColumnSchema) -> pl.Series:
    """The cells of a column, as they were read where that keeps their order."""
    return source.frame[column.name] if column.kind == "category" else source.cells(column)


def read_cells(series: pl.Series, column: ColumnSchema) -> pl.Series:
    """The cells as their encoder reads them, so that a text file has the order of a data frame with the same cells."""
    if column.kind == "vector":
        return pl.Series(vectors(series).astype(np.float64))
    if not parsing.is_string(series):
        return series
    if column.kind == "number":
        return pl.Series(column.number_format.read(series)[0])
    if column.kind == "boolean":
        return pl.Series(parsing.parse_booleans(series)[0], nan_to_null=True).cast(pl.Boolean)
    return column.date_format.read(series)[0] if column.kind == "date" else parsing.clean_strings(series)


def _codes_of_cells(series: pl.Series) -> NDArray[np.float64]:
    """A number for each cell, the same for equal cells: its value, or its rank among the strings that are there."""
    if isinstance(series.dtype, pl.List):
        series = pl.Series(vectors(series).astype(np.float64))
    if isinstance(series.dtype, pl.Array):
        missing = series.is_null().to_numpy()
        present = (blake2b(cell.tobytes(), digest_size=8).digest() for cell in series.drop_nulls().to_numpy())
        digests = b"".join(bytes(8) if is_missing else next(present) for is_missing in missing.tolist())
        return (np.frombuffer(digests, np.uint64) >> np.uint64(11)).astype(np.float64)
    if not series.dtype.is_numeric():
        series = series.rank("dense")
    codes: NDArray[np.float64] = series.cast(pl.Float64).to_numpy()  # NaN where null
    return codes


def _codes(values: NDArray[Any]) -> NDArray[np.float64]:
    """A number for each target value, the same for equal ones."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    labels = values.tolist()
    ranks = {label: float(rank) for rank, label in enumerate(sorted(set(labels)))}
    return np.array([ranks[label] for label in labels])


def _array_keys(values: NDArray[Any], part: int) -> NDArray[np.uint64]:
    """The sum over the columns of an odd random number times the bits of the cell, modulo 2**64, shape (B,)."""
    multipliers = _column_multipliers(values.shape[1], part)
    keys = np.empty(len(values), np.uint64)
    for start in range(0, len(values), BLOCK):
        keys[start : start + BLOCK] = (_hash_bits(values[start : start + BLOCK]) * multipliers).sum(
            axis=1, dtype=np.uint64
        )
    return keys


def _sparse_keys(rows: CSR) -> NDArray[np.uint64]:
    """What `_array_keys` gives of the same rows with their zeros, which add nothing."""
    sums = np.zeros(len(rows.data) + 1, np.uint64)
    np.cumsum(_hash_bits(rows.data) * _column_multipliers(rows.n_columns, INPUTS)[rows.indices], out=sums[1:])
    keys: NDArray[np.uint64] = sums[rows.indptr[1:]] - sums[rows.indptr[:-1]]
    return keys


def _column_multipliers(columns: int, part: int) -> NDArray[np.uint64]:
    """An odd random number for each column of the inputs, the targets or the weights."""
    multipliers: NDArray[np.uint64] = wide_bits(0, SAMPLE, 0, part, columns) | np.uint64(1)
    return multipliers


def _hash_bits(values: NDArray[Any]) -> NDArray[np.uint64]:
    """The bits of each cell, their upper half in the lower one too; 0 for zeros of either sign."""
    cells = (values.astype(np.float64) + 0.0).view(np.uint64)
    hashed: NDArray[np.uint64] = cells ^ (cells >> np.uint64(32))
    return hashed
