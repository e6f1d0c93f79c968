"""A look at data without training: kinds of columns, missing and odd cells, examples, duplicates, a target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import polars as pl

from ranvier.data.cells.vectors import is_vector, shown_vector
from ranvier.data.columns.input_columns import comma_notes, known_kinds, with_decimals
from ranvier.data.columns.row_numbers import REASON
from ranvier.data.columns.schema import DROP, ColumnSchema, check_kinds, infer_schema
from ranvier.data.decoded_columns import cells_of
from ranvier.data.encoders.target import explain_task
from ranvier.data.encoders.target_values import label_counts
from ranvier.data.encoders.task_inference import class_notes
from ranvier.data.encoders.text import texts_of
from ranvier.data.images.overview import overview as picture_overview
from ranvier.data.labelled_rows import labelled_rows
from ranvier.data.sounds.overview import overview as sound_overview
from ranvier.data.sources import open_source
from ranvier.data.sources.array_source import Arrays
from ranvier.data.sources.parts import part_notes
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.source import Source
from ranvier.data.splitting.repeated_texts import repeated_text_notes
from ranvier.data.targets.target_column import check_column
from ranvier.errors import InputError
from ranvier.plural import plural
from ranvier.records import record
from ranvier.rows.row_names import rows_called

EXAMPLES, EXAMPLE_ROWS = 3, 1_000
MAX_ARRAY_COLUMNS = 1_000
COMPANION = "\0companion"
"""A column of numbers that stands beside each one, because a schema has at least one column that can be used."""


@record
class ColumnLook:
    """What one column holds.

    Fields:
        name, kind: "drop" is a column that training would leave out, "unusable" one that it would refuse.
        reason: why, in words.
        missing, distinct: the number of missing cells, and of different others.
        examples: the first different cells, as text.
        notes: what is odd about the cells, one sentence each.
    """

    name: str
    kind: str
    reason: str
    missing: int
    distinct: int
    examples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@record
class Look:
    """What `look` gives.

    Fields:
        origin: where the rows came from.
        rows, duplicates: how many rows there are, and how many of them repeat an earlier one.
        columns: one record a column; empty for rows without columns.
        shape: the shape of one row.
        target: "name", "task", "reason", "missing" and, for classes, "classes" (label -> rows); None without a target.
        notes: what the user should know about the reading, one sentence each.
    """

    origin: str
    rows: int
    duplicates: int
    columns: tuple[ColumnLook, ...]
    shape: tuple[int, ...]
    target: dict[str, Any] | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The records as plain JSON values."""
        return asdict(self)


def look(
    source: Any, target: str | None = None, kinds: Mapping[str, str] | None = None, reading: Reading = PLAIN
) -> Look:
    """Look at data without training.

    Parameters:
        source: what `open_source` reads.
        target: the column that would be predicted, or None.
        kinds: column -> kind, where the user knows better.
        reading: what is known of how the rows are written, and what to do with rows that cannot be read.

    Raises:
        DataError: the data cannot be read, or the target does not exist.

    >>> report = look("iris", target="species")
    >>> report.rows, report.columns[0].kind, report.target["classes"]
    (150, 'number', {'setosa': 50, 'versicolor': 50, 'virginica': 50})
    """
    asked_for = frozenset(kinds or {}) | (frozenset() if target is None else frozenset({target}))
    reading = replace(reading, names=reading.names | asked_for, skip_empty_rows=True)
    opened = open_source(source, reading=reading)
    is_labelled = opened.pictures and opened.targets is not None
    as_pictures = opened.as_pictures("image") if is_labelled and isinstance(opened, Arrays) else opened
    if as_pictures is not opened:
        opened = as_pictures
        target = target or next(iter(opened.target_names), None)
    elif not opened.is_sparse and not opened.column_names and opened.inputs.shape[1] <= MAX_ARRAY_COLUMNS:
        opened = opened.as_table()
    if target is not None:
        check_column(opened, target)
    elif opened.target_names and isinstance(opened.frame.schema.get(opened.target_names[0]), pl.Enum):
        target = opened.target_names[0]  # class folders
    check_kinds(opened.column_names, kinds or {})
    opened = with_decimals(opened, kinds)
    with rows_called(opened.in_memory):
        schema, columns = _columns(opened, target, kinds or {})
        described = None if target is None else _target(opened, target, schema)
    duplicates = opened.rows - _distinct_rows(opened.frame) if opened.column_names else 0
    notes = (*opened.notes, *part_notes(opened), *comma_notes({column.name: column.number_format for column in schema}))
    return Look(opened.origin, opened.rows, duplicates, columns, opened.shape, described, notes)


def _columns(
    source: Source, target: str | None, kinds: Mapping[str, str]
) -> tuple[Sequence[ColumnSchema], tuple[ColumnLook, ...]]:
    """The schema, and a record of each column; one that training would refuse is among them, with the reason."""
    if not source.column_names:
        return (), ()
    frame, commas = source.frame, source.decimal_commas
    labels = frame[target].to_list() if target in frame.columns and frame[target].dtype == pl.Enum else None
    fixed, counted = known_kinds(source, () if target is None else (target,), kinds)
    try:
        schema = _schema(frame, fixed, commas)
    except InputError:
        schema = [column for name in frame.columns for column in _schema_of_column(frame.select(name), fixed, commas)]
    return schema, tuple(
        ColumnLook(
            column.name,
            column.kind,
            REASON if column.name in counted else column.reason,
            column.missing,
            column.distinct,
            _examples(frame[column.name]),
            (*column.notes, *_file_notes(frame[column.name], column.kind, labels)),
        )
        for column in schema
    )


def _file_notes(cells: pl.Series, kind: str, labels: Sequence[Any] | None) -> tuple[str, ...]:
    """What is in a column of pictures, recordings or texts; nothing for other kinds."""
    if kind == "sound":
        return sound_overview(cells.to_list(), cells.name, labels)
    if kind == "image":
        return picture_overview(cells_of(cells), cells.name, labels)
    return _length_note(cells) if kind == "text" else ()


def _length_note(cells: pl.Series) -> tuple[str, ...]:
    """How long the texts of a column are, in a sentence."""
    lengths = texts_of(cells).drop_nulls().str.len_chars().to_numpy()
    if not len(lengths):
        return ()
    longest = plural(int(lengths.max()), "character")
    return (f"Texts: {lengths.min():,} to {longest}, half of them longer than {np.median(lengths):,.0f}.",)


def _schema(frame: pl.DataFrame, kinds: Mapping[str, str], decimal_commas: bool) -> list[ColumnSchema]:
    """The schema of the columns, also where training would use none of them."""
    companion = pl.Series(COMPANION, [0.5, 1.5] * (frame.height // 2 + 1))[: frame.height]
    kinds_here = {name: kind for name, kind in kinds.items() if name in frame.columns}
    columns = infer_schema(frame.with_columns(companion), (), kinds_here, decimal_commas)
    return [column for column in columns if column.name != COMPANION]


def _schema_of_column(frame: pl.DataFrame, kinds: Mapping[str, str], decimal_commas: bool) -> Iterable[ColumnSchema]:
    """The schema of a single column; one that cannot be used has the reason."""
    try:
        return _schema(frame, kinds, decimal_commas)
    except InputError as error:
        cells = frame.to_series()
        return [ColumnSchema(cells.name, "unusable", str(error), cells.null_count(), 0)]


def _examples(cells: pl.Series) -> tuple[str, ...]:
    """The first different cells that are not null; none of pictures, which are no words."""
    if isinstance(cells.dtype, pl.Array) and len(cells.dtype.shape) > 1:
        return ()
    present = (cell for cell in cells.head(EXAMPLE_ROWS).to_list() if cell is not None)
    different = dict.fromkeys(
        shown_vector(cell) if is_vector(cell) else " ".join(str(cell).split()) for cell in present
    )
    return tuple(text for text in different if text)[:EXAMPLES]


def _distinct_rows(frame: pl.DataFrame) -> int:
    """How many different rows there are; all of them where cells cannot be compared."""
    try:
        return int(frame.hash_rows().n_unique())
    except (pl.exceptions.PolarsError, TypeError):
        return frame.height


def _target(source: Source, name: str, schema: Sequence[ColumnSchema]) -> dict[str, Any]:
    """The task of a target column, and the rows of each class; or why it cannot be learned."""
    inputs = [column for column in schema if column.name != name]
    try:
        rows = labelled_rows(source, (name,))
        task, reason = explain_task(rows.values, None, (name,), rows.row_numbers)
    except InputError as error:
        reason = source.problem if source.problem and (name,) == source.target_names else str(error)
        return {"name": name, "task": None, "reason": reason, "missing": 0, "classes": {}, "notes": []}
    counts = label_counts(rows.values) if task.is_classifier else {}
    repeated = repeated_text_notes({"training": rows}, inputs, task.is_classifier)
    return {
        "name": name,
        "task": task.kind,
        "reason": reason,
        "missing": source.rows - len(rows.values),
        "classes": {str(label): count for label, count in counts.items()},
        "notes": [*rows.notes, *(class_notes(rows.values, name) if task.classes else ()), *repeated],
    }


def is_used(column: ColumnLook) -> bool:
    """Whether training would use a column.

    >>> is_used(ColumnLook("id", "drop", "integers that count the rows", 0, 9))
    False
    """
    return column.kind not in (DROP, "unusable")
