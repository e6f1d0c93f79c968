"""Tables that are already in memory: data frames of any library, dicts of columns, lists of rows."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.vectors import are_vectors, series_of_vectors
from ranvier.data.sources.array_cells import series_of_arrays
from ranvier.data.sources.file_cells import file_of, is_file_list
from ranvier.data.sources.labels import check_types, is_label, labels
from ranvier.data.sources.nested import are_lists_of_texts, flat_frame, flat_row, flat_rows, joined_texts
from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.repeated_name import repeated_name
from ranvier.data.sources.row_lists import is_row_list
from ranvier.data.sources.text_series import text_series
from ranvier.errors import DataError
from ranvier.plural import plural
from ranvier.rows.arrays import fill_masked

SUB_MICROSECOND = ("[ns]", "[ps]", "[fs]", "[as]")
"""Units of time that Python's datetime lacks; NumPy converts values in them to integers."""


def row_of(source: Any) -> dict[str, Any] | None:
    """The cells of a polars or pandas frame of one row, by the names of their columns; None for anything else.

    Reading them one by one is much quicker than making columns of them.

    >>> row_of(pl.DataFrame({"age": [39], "sex": ["Male"]}))
    {'age': 39, 'sex': 'Male'}
    """
    if isinstance(source, pl.DataFrame):
        return source.row(0, named=True) if source.height == 1 else None
    if not hasattr(source, "iat") or getattr(source, "ndim", 0) != 2 or len(source) != 1:
        return None
    names = source.columns.tolist()
    read = source.iat
    cells = ((name, read[0, index]) for index, name in enumerate(names))
    row = {name: cell.item() if isinstance(cell, np.generic) else cell for name, cell in cells}
    return row if len(row) == len(names) else None


def row_of_series(source: Any, names: Collection[str]) -> dict[str, Any] | None:
    """The cells of a pandas series whose labels are columns, as `frame.iloc[0]` gives them; None for anything else.

    Parameters:
        source: anything.
        names: the columns, of which one at least must be a label.

    >>> row_of_series([39], ["age"]) is None
    True
    """
    if not hasattr(source, "iat") or getattr(source, "ndim", 0) != 1:
        return None
    labels = [str(label) for label in source.index.tolist()]
    if not set(names) & set(labels):
        return None
    cells = (source.iat[index] for index in range(len(labels)))
    return {
        label: cell.item() if isinstance(cell, np.generic) else cell for label, cell in zip(labels, cells, strict=True)
    }


INDEX_OF_TIMES = ("DatetimeIndex", "PeriodIndex", "TimedeltaIndex", "IntervalIndex", "CategoricalIndex")


def index_notes(source: Any) -> tuple[str, ...]:
    """That the index of a pandas frame is not read, where it has a name, several levels, or is no count of the rows.

    >>> index_notes(pl.DataFrame({"age": [39]}))
    ()
    """
    index = getattr(source, "index", None) if hasattr(source, "iloc") and hasattr(source, "columns") else None
    if index is None:
        return ()
    names = [str(name) for name in index.names if name is not None]
    numbers = getattr(index.dtype, "kind", "O") in "iuf"
    if not names and type(index).__name__ not in INDEX_OF_TIMES and index.nlevels == 1 and numbers:
        return ()
    called = f" ({', '.join(names)})" if names else ""
    return (f"The index of the data frame{called} is not read; to learn from it, make it a column: .reset_index().",)


def check_names(names: Sequence[Any], origin: str) -> None:
    """Refuse columns of the same name.

    Raises:
        DataError: there are such.

    >>> check_names(["age", "sex"], "the data frame")
    """
    repeated = repeated_name(map(str, names))
    if repeated is not None:
        raise DataError(f'{sentence_start(origin)} has the column name "{repeated}" more than once. Rename one.')


def frame_from(source: Any, origin: str = "the table", reading: Reading = PLAIN) -> pl.DataFrame:
    """Make a polars frame.

    Parameters:
        source: a polars frame; a dict of columns (a value that is not a sequence is a column of one row); a list of
            dicts, one a row; or a frame that narwhals knows (pandas, pyarrow, Modin, cuDF ...).
        origin: what to call it in messages.
        reading: the columns that nobody looks at, which are null in the frame.

    Raises:
        DataError: columns of different lengths or of the same name, cells that hold lists, or an unknown type.

    >>> frame_from({"age": [39, 50], "sex": ["Male", "Female"]}).shape
    (2, 2)
    >>> frame_from({"age": 39, "sex": "Male"}).shape
    (1, 2)
    """
    if isinstance(source, pl.DataFrame):
        objects = [name for name in source.columns if source.schema[name] == pl.Object and reading.reads(name)]
        unread = [name for name in source.columns if not reading.reads(name)]
        frame = source.with_columns([_series_from_values(name, source[name].to_list()) for name in objects])
        return flat_frame(frame.with_columns(pl.lit(None).alias(name) for name in unread), reading)[0]
    if isinstance(source, Mapping):
        return frame_from_columns(flat_row(source, reading), origin, reading)
    if is_row_list(source):
        source = flat_rows(source, reading)
        names = dict.fromkeys(name for row in source for name in row)
        return frame_from_columns({name: [row.get(name) for row in source] for name in names}, origin, reading)
    return _from_narwhals(source, origin, reading)


def _from_narwhals(source: Any, origin: str, reading: Reading) -> pl.DataFrame:
    import narwhals as nw

    if hasattr(source, "__arrow_c_array__") and not hasattr(source, "iloc"):  # a batch of Arrow
        source = pl.from_arrow(source)
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        check_names(source.columns, "the data frame")
    try:
        frame = nw.from_native(source, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"{sentence_start(origin)} is of type {type(source).__module__}.{type(source).__name__}; a data "
            "frame in memory (pandas, polars, pyarrow), a dict of columns, a NumPy array or a path was expected. "
            f"{_way_out(source)}"
        ) from error
    columns = ((str(column.name), column) for column in frame.iter_columns())
    read = {
        name: _to_native_column(column) if reading.reads(name) else (None,) * len(frame) for name, column in columns
    }
    return frame_from_columns(_without_records(read), origin, reading)


def _way_out(source: Any) -> str:
    """What to do with data that are no frame."""
    if isinstance(source, (bytes, bytearray)) or hasattr(source, "read"):
        return "Write it to a file, and give the path of that."
    if hasattr(source, "__next__"):
        return "Make a list of its rows first: list(rows)."
    if hasattr(source, "collect"):
        return "For a lazy frame call .collect() first."
    if hasattr(source, "to_frame"):
        return "Make a data frame of it first: series.to_frame()."
    return "Give one of these."


def _without_records(columns: dict[str, Any]) -> dict[str, Any]:
    """Columns of which those of records are columns for their fields."""
    plain: dict[str, Any] = {}
    for name, cells in columns.items():
        records = isinstance(cells, list) and any(isinstance(cell, Mapping) for cell in cells)
        rows = flat_rows([{name: cell} for cell in cells]) if records else ()
        fields = dict.fromkeys(field for row in rows for field in row)
        plain |= {field: [row.get(field) for row in rows] for field in fields} if fields else {name: cells}
    return plain


def _to_native_column(column: Any) -> Any:
    """A column of narwhals as a polars series, an array or a list."""
    import narwhals as nw

    native = getattr(column.to_native(), "dtype", None)
    if isinstance(native, np.dtype) and native.kind in "fiub":
        array = column.to_numpy()
        return pl.Series(array, nan_to_null=True) if array.dtype in (np.float32, np.float64) else array
    if column.dtype == nw.String:
        if native != np.dtype(object):
            # Arrow strings are taken without a copy; a list of them takes ten times as long.
            with contextlib.suppress(ImportError, UnicodeEncodeError):
                return pl.Series(column.to_arrow()).cast(pl.String)
        return text_series("", [cell if isinstance(cell, str) else None for cell in column.to_list()])
    if column.dtype == nw.Datetime:
        # NumPy has no time zones and would convert to UTC; the local hour is kept.
        column = column.dt.replace_time_zone(None)
    missing = column.is_null().to_list()
    if column.dtype in (nw.Categorical, nw.Enum):
        cells = zip(column.to_list(), missing, strict=True)
        return labels(str(column.name), [None if is_missing else cell for cell, is_missing in cells])
    plain = column.dtype.is_numeric() or column.dtype.is_temporal() or column.dtype == nw.Boolean
    if plain and not any(missing):
        return column.to_numpy()
    return [None if is_missing else cell for cell, is_missing in zip(column.to_list(), missing, strict=True)]


def frame_from_columns(columns: Mapping[Any, Any], origin: str, reading: Reading = PLAIN) -> pl.DataFrame:
    """Make a polars frame from named columns of plain Python or NumPy values.

    Parameters:
        columns: name -> values.
        origin: what to call it in messages.
        reading: the columns that nobody looks at, which are null in the frame.

    Raises:
        DataError: the columns differ in length or hold something other than single values.

    >>> frame_from_columns({"a": [1, None, 2.5]}, "a dict")["a"].to_list()
    [1.0, None, 2.5]
    """
    series: list[pl.Series] = []
    for name, values in columns.items():
        sized = hasattr(values, "__len__") and not isinstance(values, (str, bytes))
        unread = not reading.reads(str(name)) and sized
        column = pl.Series(str(name), [None] * len(values)) if unread else series_from(str(name), values)
        if series and len(column) != len(series[0]):
            if {"data", "target"} <= set(columns):
                raise DataError(
                    "This is a data set of scikit-learn and no dictionary of columns. Give its arrays: "
                    "train(bunch.data, bunch.target), or its table: train(bunch.frame, 'target')."
                )
            raise DataError(
                f'The columns of {origin} differ in length: "{series[0].name}" has {plural(len(series[0]), "row")} and '
                f'"{column.name}" has {len(column)}. Give each of them a cell for each row.'
            )
        series.append(column)
    if not series or len(series[0]) == 0:
        what = "rows" if series else "columns"
        raise DataError(f"There are no {what} in {origin}. Give a table with at least one row and one column.")
    repeated = repeated_name(column.name for column in series)
    if repeated is not None:
        raise DataError(f'The column name "{repeated}" occurs more than once in {origin}. Rename one.')
    return pl.DataFrame(series)


def series_from(name: str, values: Any) -> pl.Series:
    """One column from a sequence, an array, a series or a single value (a column of one row).

    Values of several types become numbers where all are numbers, else text.

    Raises:
        DataError: the array has more than one dimension or a cell is not a single value.

    >>> series_from("a", ["x", 1]).to_list()
    ['x', '1']
    """
    values = fill_masked(values)
    if isinstance(values, pl.Series):
        return values.rename(name)
    if hasattr(values, "to_numpy") and hasattr(values, "__len__"):
        values = values.to_numpy()
    if isinstance(values, np.ndarray) and values.ndim == 0:
        values = [values.item()]
    if isinstance(values, np.ndarray):
        arrays = series_of_arrays(name, values)
        if arrays is not None:
            return arrays
        if values.ndim != 1:
            raise DataError(
                f'Column "{name}" has shape {values.shape}; one value, or one vector of numbers, for each row was '
                "expected."
            )
        if values.dtype.kind in "fiub" and values.dtype.itemsize <= 8 and values.dtype != np.float16:
            return pl.Series(name, np.ascontiguousarray(values))
        values = _to_python(values)
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        values = [values]
    return _series_from_values(name, values)


def _series_from_values(name: str, cells: Sequence[Any]) -> pl.Series:
    """A column from Python values of any types."""
    missing = getattr(sys.modules.get("pandas"), "NA", None)
    items = [None if cell is missing else _to_python(cell) if isinstance(cell, np.generic) else cell for cell in cells]
    written = [str(item) if isinstance(item, PurePath) else item for item in items if item is not None]
    if is_file_list(written) and not any(isinstance(item, str) for item in items):
        return pl.Series(
            name, [None if item is None else file_of(item, at) for at, item in enumerate(items)], pl.Object
        )
    arrays = series_of_arrays(name, items)
    if arrays is None and are_vectors(items):
        arrays = series_of_vectors(name, items)  # of several lengths, which is refused where they are read
    if arrays is not None:
        return arrays
    if are_lists_of_texts(items):
        return pl.Series(name, joined_texts(items), dtype=pl.String)
    check_types(name, set(map(type, items)))
    clean = [item if item is None or item == item else None for item in items]
    types = set(map(type, clean)) - {type(None)}
    if not types:
        return pl.Series(name, clean, dtype=pl.Null)
    if any(map(is_label, types)):
        return labels(name, clean)
    if types <= {int, float, bool} and types != {bool}:
        if types == {int} and _lost_as_numbers(clean):
            return pl.Series(name, [None if item is None else str(item) for item in clean], dtype=pl.String)
        fits = float not in types and all(item is None or -(2**63) <= item < 2**63 for item in clean)
        return pl.Series(name, clean, dtype=pl.Int64 if fits else pl.Float64, strict=False)
    if len(types) == 1 and not issubclass(next(iter(types)), str):
        try:
            return pl.Series(name, clean)
        except (pl.exceptions.PolarsError, TypeError, OverflowError):
            return pl.Series(name, [None if item is None else str(item) for item in clean], dtype=pl.String)
    return text_series(name, [None if item is None else str(item) for item in clean])


def _lost_as_numbers(cells: Sequence[int | None]) -> bool:
    """Whether integers that need more than 64 bits are not all different as floating point."""
    integers = {cell for cell in cells if cell is not None}
    if all(-(2**63) <= cell < 2**63 for cell in integers):
        return False
    return max(map(abs, integers)) < 10**300 and len(set(map(float, integers))) < len(integers)


def _to_python(values: NDArray[Any] | np.generic) -> Any:
    """An array of NumPy as a list of Python's values, a scalar as one of them."""
    if values.dtype.char == "g":
        values = values.astype(np.float64)
    if values.dtype.str.endswith(SUB_MICROSECOND):
        values = values.astype(f"{values.dtype.kind}8[us]")
    return values.tolist()
