"""Rows as a user gives them to a trained model, which knows its columns: they need no names and may be a single row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ranvier.data.polars_threads import check_polars_threads
from ranvier.data.sources import open_source
from ranvier.data.sources.array_source import Arrays, column_dict
from ranvier.data.sources.file_cells import is_file_list
from ranvier.data.sources.frames import row_of, row_of_series
from ranvier.data.sources.reading import Reading
from ranvier.data.sources.row_lists import is_row
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.errors import ShapeError, nearest
from ranvier.plural import plural


def single_row(rows: Any, names: Sequence[str]) -> dict[str, Any] | None:
    """The cells of a single row by column, for which no columns need to be made; None for anything else.

    Parameters:
        rows: whatever `open_rows` takes.
        names: the columns in whose order cells without names stand.

    >>> single_row([[39, "Male"]], ["age", "sex"])
    {'age': 39, 'sex': 'Male'}
    """
    if isinstance(rows, dict):
        return rows
    if isinstance(rows, Arrays) and type(rows.inputs) is np.ndarray:
        rows = rows.inputs
    elif isinstance(rows, Source):
        return row_of(rows.frame) if rows.rows == 1 and rows.column_names else None
    if isinstance(rows, (list, tuple)) and len(rows) == 1 and isinstance(rows[0], (dict, list, tuple)):
        rows = rows[0]
        if isinstance(rows, dict):
            return rows
    if isinstance(rows, np.ndarray) and rows.ndim == 2 and len(rows) == 1 and rows.dtype.kind not in "mM":
        rows = rows[0].tolist()
    if isinstance(rows, (list, tuple)):
        return dict(zip(names, rows, strict=True)) if len(rows) == len(names) else None
    return row_of_series(rows, names) or row_of(rows)


def open_rows(
    rows: Any,
    names: Sequence[str],
    used: Sequence[str] | None = None,
    table: bool = False,
    usual_encoding: str = "",
) -> Source:
    """Open rows, of which those without names stand in the order of `names`.

    Parameters:
        rows: what `open_source` reads as a table: a data frame, a dict of columns or of single values, a list of dicts,
            a file; or cells in the order of the columns: an array, a list of rows, or one row as a list or tuple.
        names: the columns of the training table, the target left out.
        used: those whose cells are looked at; None for all.
        table: whether a file of text (.txt) is a table.
        usual_encoding: of a file of text, tried first where it is no Unicode.

    Raises:
        DataError: the rows cannot be read.
        ShapeError: an array or a row has another number of columns.
        EngineError: this is a forked child whose parent had read a table.

    >>> open_rows([39, "Male"], ["age", "sex"]).frame.rows()
    [(39, 'Male')]
    """
    check_polars_threads()
    if is_file_list(rows):
        return open_source(rows)
    if is_row(rows):
        rows = [rows]
    if isinstance(rows, (list, tuple)) and rows and all(is_row(row) for row in rows):
        wrong = next((row for row in rows if len(row) != len(names)), None)
        if wrong is not None:
            raise ShapeError(
                f"The row has {plural(len(wrong), 'cell')}; this model takes {len(names)}, one for each column."
            )
        rows = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    rows = row_of_series(rows, names) or rows
    if isinstance(rows, np.ndarray) and rows.ndim == 2:
        # Unlike those of `open_source`, which are numbers, its cells may be of any kind.
        rows = column_dict(rows, names, "the array")
    only = frozenset(names if used is None else used)
    opened = open_source(rows, reading=Reading(only=only, table=table, usual_encoding=usual_encoding))
    return with_absent_columns(opened, names).with_column_names(names)


def with_absent_columns(source: Source, names: Sequence[str]) -> Source:
    """The rows with a column of missing cells for each name that no row of JSON has, and a note on these.

    Where a name that is not asked for is much like one that is absent, it may be misspelt, and nothing is added.

    >>> with_absent_columns(open_source([{"age": 39}]), ["age", "sex"]).frame.rows()
    [(39, None)]
    """
    if not isinstance(source, Table) or not source.absent_is_missing:
        return source
    absent = [name for name in names if name not in source.column_names]
    others = [name for name in source.column_names if name not in names]
    misspelt = any(others and nearest(name, others).startswith("Did you mean") for name in absent)
    if not absent or misspelt or len(absent) == len(names):
        return source
    import polars as pl

    shown = ", ".join(f'"{name}"' for name in absent[:5]) + (" and more" if len(absent) > 5 else "")
    note = f"No row has {shown}; the cells are missing."
    frame = source.frame.with_columns(pl.lit(None).alias(name) for name in absent)
    return replace(source, frame=frame, notes=(*source.notes, note))
