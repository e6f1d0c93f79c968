"""Cells that hold records or lists of texts: fields become columns, and lists become texts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from ranvier.data.sources.reading import PLAIN, Reading

JOIN = ", "
MAX_LISTED = 5
FILE_FIELDS = ({"array", "sampling_rate"}, {"bytes", "path"})
"""Fields of records that are a recording or a file, which stay as they are."""


def flat_frame(frame: pl.DataFrame, reading: Reading = PLAIN) -> tuple[pl.DataFrame, list[str]]:
    """The frame with a column for each field of a record, called "record.field", and with lists of texts as texts.

    Parameters:
        reading: the columns that nobody looks at stay as they are.

    Returns the frame, and a note on each column that was taken apart. A field whose name is taken leaves its record.

    >>> flat_frame(pl.DataFrame({"user": [{"age": 39}], "tags": [["a", "b"]]}))[0].rows(named=True)
    [{'user.age': 39, 'tags': 'a, b'}]
    """
    columns: list[pl.Series] = []
    notes: list[str] = []
    taken = set(frame.columns)
    for cells in frame.iter_columns():
        fields = _fields(cells) if reading.reads(cells.name) else [cells]
        if not fields:
            notes.append(f'Column "{cells.name}" holds records without fields, and is left out.')
            continue
        if fields[0] is not cells and {field.name for field in fields} & taken - {cells.name}:
            fields = [cells]
        taken |= {field.name for field in fields}
        if cells.dtype == pl.Struct and fields[0] is not cells:
            names = ", ".join(field.name for field in fields[:MAX_LISTED])
            notes.append(
                f'Column "{cells.name}" holds records; their fields are columns: {names}'
                f"{' and more' if len(fields) > MAX_LISTED else ''}."
            )
        elif fields[0] is not cells:
            notes.append(f'Column "{cells.name}" holds lists of texts, which are read as texts with commas between.')
        columns += fields
    return (pl.DataFrame(columns), notes) if notes else (frame, [])


def _fields(cells: pl.Series) -> list[pl.Series]:
    """The columns that a column becomes: itself, unless it holds records or lists of texts."""
    if cells.dtype == pl.Struct and not _are_file_fields(cells.struct.fields):
        own = cells.struct.unnest()
        return [field for child in own.iter_columns() for field in _fields(child.rename(f"{cells.name}.{child.name}"))]
    if isinstance(cells.dtype, pl.List) and cells.dtype.inner == pl.String:
        return [cells.list.join(JOIN, ignore_nulls=True)]
    return [cells]


def flat_row(row: Mapping[Any, Any], reading: Reading = PLAIN) -> Mapping[Any, Any]:
    """A row or a dict of columns with a key for each field of a record; unchanged where there are none.

    Parameters:
        reading: the columns that nobody looks at stay as they are.

    >>> flat_row({"user": {"age": 39, "home": {"city": "Rome"}}, "n": 1})
    {'user.age': 39, 'user.home.city': 'Rome', 'n': 1}
    """
    if not any(isinstance(value, Mapping) for value in row.values()):
        return row
    flat: dict[Any, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping) and reading.reads(str(name)) and not _are_file_fields(value):
            flat.update((f"{name}.{field}", cell) for field, cell in flat_row(value).items())
        else:
            flat[name] = value
    return flat


def flat_rows(rows: Sequence[Mapping[Any, Any]], reading: Reading = PLAIN) -> Sequence[Mapping[Any, Any]]:
    """Rows with a key for each field of the records of a column; a column in which other cells stand keeps its records.

    Parameters:
        reading: the columns that nobody looks at stay as they are.

    >>> flat_rows([{"user": {"age": 39}}, {"user": None}, {"user": {"age": 50}}])
    [{'user.age': 39}, {}, {'user.age': 50}]
    """
    names = dict.fromkeys(name for row in rows for name, value in row.items() if isinstance(value, Mapping))
    read = [name for name in names if reading.reads(str(name))]
    records = {name for name in read if _are_records(row.get(name) for row in rows)}
    if not records:
        return rows
    flat = []
    for row in rows:
        cells: dict[Any, Any] = {}
        for name, cell in row.items():
            fields = {f"{name}.{field}": part for field, part in (cell or {}).items()} if name in records else {}
            cells |= fields if name in records else {name: cell}
        flat.append(cells)
    return flat_rows(flat, reading)


def _are_records(cells: Iterable[Any]) -> bool:
    """Whether cells are records, or None, none of which is a recording or a file."""
    return all(cell is None or (isinstance(cell, Mapping) and not _are_file_fields(cell)) for cell in cells)


def _are_file_fields(names: Collection[Any]) -> bool:
    """Whether the fields of a record are those of a recording or a file."""
    return any(fields <= set(names) for fields in FILE_FIELDS)


def are_lists_of_texts(cells: Sequence[Any]) -> bool:
    """Whether cells are lists of strings, or None; one list at least has a string.

    >>> are_lists_of_texts([["a"], None, []]), are_lists_of_texts([["a", 1]]), are_lists_of_texts([[]])
    (True, False, False)
    """
    lists = [cell for cell in cells if cell is not None]
    if not lists or not all(isinstance(cell, (list, tuple)) for cell in lists):
        return False
    items = {type(item) for cell in lists for item in cell}
    return str in items and items <= {str, type(None)}


def joined_texts(cells: Sequence[Any]) -> list[str | None]:
    """Lists of strings as texts, as `flat_frame` reads them.

    >>> joined_texts([["a", "b"], None])
    ['a, b', None]
    """
    return [None if cell is None else JOIN.join(item for item in cell if item is not None) for cell in cells]
