"""A table: named columns with the cells as they were read. B rows, K columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.source import Source
from ranvier.errors import DataError, nearest
from ranvier.plural import plural
from ranvier.records import record

if TYPE_CHECKING:
    import polars as pl

    from ranvier.data.columns.column_schema import ColumnSchema


@record(eq=False)
class Table(Source):
    """Named columns with the cells as they were read.

    Fields:
        frame: the columns; text formats keep every cell as text, so that "007" stays "007".
        origin: where it came from, for messages.
        target: the column to predict, or the columns, unless others are asked for; or None.
        notes: what the user should know about the reading, one sentence each.
        kinds: column -> kind, for the columns whose kind is known and need not be inferred.
        decimal_commas: whether a comma that may stand before decimals or between thousands stands before decimals.
        encoding: that of the text which the rows were read from, as Python calls it; "" for Unicode.
        parts: "train", "validation" or "test" for each row, shape (B,); None where the source does not say.
        forms: column -> the `PictureFormat` or `SoundFormat` of what is decoded in it.
        row_names: the name of each row's file, shape (B,), or None.
        problem: why nothing can be learned from these rows although they can be predicted, in a sentence.
        absent_is_missing: whether a column that no row names is one of missing cells, as in JSON.
        unnamed: columns that had no name and are called by their position.
        in_memory: whether the rows come from memory, where missing cells are null, and not from a file.
        read: column -> its schema, and its strings as what they were read as by it; for columns of `frame`.
    """

    frame: pl.DataFrame
    origin: str
    target: str | tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    decimal_commas: bool = False
    encoding: str = ""
    parts: NDArray[Any] | None = None
    problem: str = ""
    forms: Mapping[str, Any] = field(default_factory=dict)
    row_names: NDArray[Any] | None = None
    in_memory: bool = False
    absent_is_missing: bool = False
    unnamed: frozenset[str] = frozenset()
    read: Mapping[str, tuple[ColumnSchema, pl.Series]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """B, the number of rows."""
        return self.frame.height

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.frame.columns)

    @property
    def shape(self) -> tuple[int, ...]:
        """(K,)."""
        return (self.frame.width,)

    @property
    def inputs(self) -> NDArray[Any]:
        """The cells as numbers, shape (B, K), NaN where missing."""
        from ranvier.data.encoders.number import finite_numbers

        return np.stack([finite_numbers(cells) for cells in self.frame.iter_columns()], axis=1)

    @property
    def targets(self) -> None:
        """None: the targets of a table are among its columns."""

    @property
    def target_names(self) -> tuple[str, ...]:
        """The default targets."""
        return (self.target,) if isinstance(self.target, str) else self.target or ()

    def take(self, index: NDArray[np.int64]) -> Table:
        """Some of the rows, in the given order."""
        parts, names = (None if values is None else values[index] for values in (self.parts, self.row_names))
        read = {name: (column, cells[index]) for name, (column, cells) in self.read.items()}
        return replace(self, frame=self.frame[index], parts=parts, row_names=names, read=read)

    def with_read(self, columns: Iterable[ColumnSchema], read: Mapping[str, pl.Series]) -> Table:
        """The table with what the strings of some columns were read as when these schemas were inferred."""
        inputs = (column for column in columns if column.used and column.name in read)
        return replace(self, read={column.name: (column, read[column.name]) for column in inputs})

    def cells(self, column: ColumnSchema) -> pl.Series:
        """The cells of a column, as they were read by this schema, where they were."""
        inferred, cells = self.read.get(column.name, (None, None))
        if inferred is None or cells is None or not inferred.reads_like(column):
            return self.frame[column.name]
        return cells

    def renamed(self, name: str, other: str) -> Table:
        """The table with another name for a column.

        >>> import polars as pl
        >>> Table(pl.DataFrame({"file": [1]}), "a table").renamed("file", "photo").column_names
        ('photo',)
        """
        kinds = {other if column == name else column: kind for column, kind in self.kinds.items()}
        return replace(self, frame=self.frame.rename({name: other}), kinds=kinds, read={})

    def with_target(self, target: Any) -> Table:
        """The table with another default target; an array of target values becomes a new column."""
        if isinstance(target, str):
            if target not in self.frame.columns:
                hint = nearest(target, self.frame.columns, "Its columns are")
                raise DataError(f'{sentence_start(self.origin)} has no column "{target}". {hint}')
            return replace(self, target=target)
        from ranvier.data.sources.frames import series_from

        name = str(getattr(target, "name", None) or "target")
        if name in self.frame.columns:
            raise DataError(
                f'The target values are called "{name}", and {self.origin} has a column of that name already. '
                "Rename one of them."
            )
        values = series_from(name, target)
        if len(values) != self.rows:
            raise DataError(
                f"{sentence_start(self.origin)} has {plural(self.rows, 'row')}, and the number of target values is "
                f"{len(values):,}. Give one for each row."
            )
        return replace(self, frame=self.frame.with_columns(values), target=name)
