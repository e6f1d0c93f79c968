"""Which rows were trained on: a digest of each training row, or of some of them, is kept in the model. B rows."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.columns.schema import ColumnSchema
from ranvier.data.encoders.target_values import Values
from ranvier.data.sources.source import Source
from ranvier.data.splitting.canonical_order import cells_in_order, read_cells

MAX_ROWS = 200_000
"""Of more rows no digests are made."""
MAX_STORED = 4096
"""So many digests are stored, the smallest ones, so that a row has one among them by chance, whatever it holds."""
BYTES = 5
MIN_FRACTION = 0.02
"""The fraction of new rows that must have been trained on, beyond that by which training rows repeat each other."""
COMPARED = ("number", "category", "boolean", "date", "text")


def digests(source: Source, columns: Sequence[ColumnSchema], values: Values) -> NDArray[np.uint64] | None:
    """A number of 40 bits for each row, the same for rows of the same inputs and target, (B,).

    None where cells cannot be compared, as those of pictures and of arrays without names, and for very many rows.

    Parameters:
        source: a table.
        columns: how its columns are read.
        values: the targets, (B,) or (B, N).

    >>> from ranvier.data import infer_schema, open_source
    >>> rows = open_source({"a": ["1", "1.0", "2"], "b": ["x", " x", "y"]})
    >>> hashed = digests(rows, infer_schema(rows.frame), np.array([0, 0, 1]))
    >>> bool(hashed[0] == hashed[1]), bool(hashed[0] == hashed[2])
    (True, False)
    """
    used = [column for column in columns if column.used]
    if not used or not 0 < source.rows <= MAX_ROWS or any(column.kind not in COMPARED for column in used):
        return None
    if not {column.name for column in used} <= set(source.column_names):
        return None
    cells = [_strings(read_cells(cells_in_order(source, column), column)) for column in used]
    targets = np.asarray(values).reshape(source.rows, -1)
    cells += [_strings(pl.Series(column.tolist(), strict=False)) for column in targets.T]
    frame = pl.DataFrame([series.alias(str(at)) for at, series in enumerate(cells)])
    rows = frame.select(pl.concat_str(pl.all().fill_null("\0"), separator="\x1f")).to_series()
    content = b"".join(blake2b(row.encode(), digest_size=BYTES).digest().ljust(8, b"\0") for row in rows)
    return np.frombuffer(content, "<u8").astype(np.uint64)


def _strings(cells: pl.Series) -> pl.Series:
    """Cells as strings: numbers, dates and truth values by the bits of the number that they are."""
    if cells.dtype == pl.String or cells.dtype in (pl.Categorical, pl.Enum):
        return cells.cast(pl.String)
    if cells.dtype in (pl.Date, pl.Datetime):
        cells = parsing.parse_datetimes(cells)[0].to_physical()
    numbers = parsing.parse_numbers(cells)[0] + 0.0
    numbers[np.isnan(numbers)] = np.nan
    return pl.Series(numbers.view(np.int64)).cast(pl.String)


def trained_rows(parts: Iterable[NDArray[np.uint64] | None]) -> dict[str, Any]:
    """What a model keeps of the digests of its training rows, as plain JSON values; nothing where some have none.

    Parameters:
        parts: those of the training rows, and those of validation rows.

    >>> trained_rows([np.array([7, 7, 9], np.uint64)])
    {'digests': 'BwAAAAAJAAAAAA==', 'all': True, 'repeated': 0.6667}
    """
    of_parts = list(parts)
    rows = np.concatenate([part for part in of_parts if part is not None] or [np.zeros(0, np.uint64)])
    if not len(rows) or any(part is None for part in of_parts):
        return {}
    different, counts = np.unique(rows, return_counts=True)
    stored = different[:MAX_STORED]
    content = stored.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :BYTES].tobytes()
    repeated = round(float(counts[counts > 1].sum()) / len(rows), 4)
    return {"digests": b64encode(content).decode(), "all": len(stored) == len(different), "repeated": repeated}


def n_trained(stored: Mapping[str, Any], rows: NDArray[np.uint64] | None) -> tuple[int, bool]:
    """How many rows were trained on, and whether they were counted, not estimated from some of them.

    0 where no more are than training rows are repeated by others.

    >>> training = np.arange(10, dtype=np.uint64)
    >>> n_trained(trained_rows([training]), np.array([3, 4, 50], np.uint64))
    (2, True)
    """
    if not stored or rows is None or not len(rows):
        return 0, True
    content = np.frombuffer(b64decode(stored["digests"]), np.uint8).reshape(-1, BYTES)
    digests_of_training = np.pad(content, ((0, 0), (0, 8 - BYTES))).view("<u8").reshape(-1)
    compared = rows if stored["all"] else rows[rows <= digests_of_training[-1]]
    trained = int(np.isin(compared, digests_of_training).sum())
    if trained <= (stored["repeated"] + MIN_FRACTION) * len(compared):
        return 0, True
    return (trained, True) if stored["all"] else (round(trained / len(compared) * len(rows)), False)
