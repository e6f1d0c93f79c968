"""Columns of row numbers, which tables get when they are saved with their index. B rows.

In a part of a sorted table they say where a row stood, and so its target; of new rows they say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import polars as pl

LEFT_BY_INDEX = re.compile(r"Unnamed: \d+(\.\d+)*|__index_level_\d+__|level_\d+|row_names|rownames|\.rownames|\.\.\.1|")
"""Names of columns that a saved index leaves in pandas, Arrow and R."""
FIRST = "column_1"
"""What a first column without a name is called."""
COUNTING = {"index", "row", "rows", "row#", "row_id", "rowid", "row_number", "rownumber", "row_num", "rownum", "#"}
"""Names that a count of rows may have, and other columns, too."""
REASON = "row numbers, as a saved index leaves them, which say nothing about a new row"


def row_number_columns(frame: pl.DataFrame, unnamed: Collection[str] = ()) -> list[str]:
    """The columns that are row numbers.

    Such are columns without a name, or with a name that a saved index has, of different integers from 0 on; and
    columns called index, row and so on in which the integers from 0 or 1 to B stand once each, in any order.

    Parameters:
        frame: the columns.
        unnamed: those that had no name and are called by their position.

    >>> row_number_columns(pl.DataFrame({"Unnamed: 0": ["7", "3"], "index": ["5", "9"], "age": ["39", "50"]}))
    ['Unnamed: 0']
    """
    names = []
    for index, cells in enumerate(frame.iter_columns()):
        left = (index == 0 and cells.name in unnamed) or LEFT_BY_INDEX.fullmatch(cells.name) is not None
        if (left or cells.name.strip().lower() in COUNTING) and _are_row_numbers(cells, counting=not left):
            names.append(cells.name)
    return names


def _are_row_numbers(cells: pl.Series, counting: bool) -> bool:
    """Whether the cells are different integers from 0 on; if they must be counting, the first ones of these."""
    rows = len(cells)
    if cells.dtype.is_float():
        all_integer = bool((cells == cells.round()).all())
        cells = cells.cast(pl.Int64, strict=False) if all_integer else cells.clear()
    elif cells.dtype == pl.String:
        cells = cells.str.strip_chars().str.to_integer(strict=False)
    elif not cells.dtype.is_integer():
        return False
    if rows < 2 or len(cells) < rows or cells.null_count() or cells.n_unique() < rows:
        return False
    first, last = int(cells.min()), int(cells.max())  # type: ignore[arg-type]
    return first in (0, 1) and last == first + rows - 1 if counting else first >= 0
