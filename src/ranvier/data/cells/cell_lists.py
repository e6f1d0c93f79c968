"""Cells in a sentence: each once, with how often it stands and the first row where it does."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.rows.row_names import at_row

MAX_LISTED = 5
MAX_CELL = 40


def listed_cells(cells: pl.Series, rows: NDArray[np.int64]) -> str:
    """The most frequent cells, with their rows.

    Parameters:
        cells: as text.
        rows: the index of the row of each, as `row_name` takes it.

    >>> listed_cells(pl.Series(["n/a", "12..5", "n/a"]), np.array([1, 2, 3]))
    '"n/a" in 2 rows, first in row 2; "12..5" in row 3'
    """
    frame = pl.DataFrame({"cell": cells, "row": rows})
    by_cell = frame.group_by("cell", maintain_order=True).agg(pl.len().alias("rows"), pl.col("row").min())
    by_cell = by_cell.sort("rows", descending=True, maintain_order=True)
    cells_with_rows = [
        f'"{" ".join(cell.split())[:MAX_CELL]}" {f"in {count:,} rows, first " if count > 1 else ""}{at_row(row)}'
        for cell, count, row in by_cell.head(MAX_LISTED).iter_rows()
    ]
    more = f"; and {by_cell.height - MAX_LISTED:,} other cells" if by_cell.height > MAX_LISTED else ""
    return "; ".join(cells_with_rows) + more
