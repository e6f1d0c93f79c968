"""Sources: the protocol of everything that has rows. B rows, K inputs, N target columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.plural import plural
from ranvier.rows import CSR

if TYPE_CHECKING:
    import polars as pl

    from ranvier.data.columns.column_schema import ColumnSchema

MAX_DENSE_CELLS = 1 << 27


class Source(ABC):
    """Rows to learn from or to predict: what `open_source` gives, checked once; what stands behind it trusts it.

    A new kind of source (a file format, a folder, an archive) gives a `Table` or `Arrays`, or implements this. What is
    listed as a field may be a property.

    Fields:
        origin: where it came from, for messages.
        notes: what the user should know about the reading, one sentence each.
        frame: the columns as a frame; those of arrays are called x0, x1 and so on.
        inputs: the cells as an array (B, K) of numbers, NaN where missing, or as CSR rows; a `DataError` where a cell
            is no number.
        targets: target values that stand beside the columns, shape (B,) or (B, N), or None.
        kinds: column -> kind, for the columns whose kind is known and need not be inferred.
        shape: the shape of one row before it was flattened, for example (28, 28).
    """

    is_sparse: bool = False
    """Whether `inputs` are CSR rows."""
    decimal_commas: bool = False
    """Whether a comma that may stand before decimals or between thousands stands before decimals: so beside ";"."""
    encoding: str = ""
    """That of the text which the rows were read from, as Python calls it; "" for Unicode and where there is none."""
    in_memory: bool = False
    """Whether the rows come from memory, where missing cells are null and rows have an index, and not from a file."""
    pictures: bool = False
    """Whether the rows are pictures: bytes, each row with at least a height and a width."""
    unnamed: frozenset[str] = frozenset()
    """Columns that had no name and are called by their position."""
    problem: str = ""
    """Why nothing can be learned from these rows although they can be predicted, in a sentence."""
    parts: NDArray[Any] | None = None
    """"train", "validation" or "test" for each row, shape (B,); None where the source does not say."""
    row_names: NDArray[Any] | None = None
    """The name of each row's file, shape (B,); None where rows are no files."""
    forms: Mapping[str, Any] = MappingProxyType({})
    """Column -> the `PictureFormat` or `SoundFormat` of what is decoded in it."""

    if TYPE_CHECKING:

        @property
        def origin(self) -> str: ...
        @property
        def notes(self) -> tuple[str, ...]: ...
        @property
        def frame(self) -> pl.DataFrame: ...
        @property
        def inputs(self) -> NDArray[Any] | CSR: ...
        @property
        def targets(self) -> NDArray[Any] | None: ...
        @property
        def kinds(self) -> Mapping[str, str]: ...
        @property
        def shape(self) -> tuple[int, ...]: ...

    @property
    @abstractmethod
    def rows(self) -> int:
        """B, the number of rows."""

    @property
    @abstractmethod
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns; empty for arrays, whose columns have none."""

    @property
    @abstractmethod
    def target_names(self) -> tuple[str, ...]:
        """The names of the targets to predict unless others are asked for; empty for none."""

    @abstractmethod
    def take(self, index: NDArray[np.int64]) -> Source:
        """Some of the rows, in the given order, with their targets."""

    @abstractmethod
    def with_target(self, target: Any) -> Source:
        """The same rows with another default target: the name of a column, or an array of target values.

        Raises:
            DataError: there is no such column, or another number of values than rows.
        """

    def part(self, name: str) -> Source | None:
        """The rows of a part, "train", "validation" or "test", where the source says which rows are which; else None.

        >>> from ranvier.data import Arrays
        >>> Arrays(np.zeros((2, 3)), None, "the array", (3,)).part("test") is None
        True
        """
        if self.parts is None or name not in self.parts:
            return None
        of_part: Any = self.take(np.flatnonzero(self.parts == name))
        return cast(Source, replace(of_part, parts=None))

    def cells(self, column: ColumnSchema) -> pl.Series:
        """The cells of a column: as they were read when its schema was inferred, where that is known, else as they are.

        Either way its encoder gives the same features; cells that were read once need not be parsed again.
        """
        return self.frame[column.name]

    def as_table(self, kind: str | None = None) -> Source:
        """The rows as named columns, if they are numbers of which each column can be encoded on its own; else self.

        Parameters:
            kind: the kind of the columns that had no name; None to infer it.
        """
        return self

    def with_column_names(self, names: Sequence[str]) -> Source:
        """The rows with these names for columns that have none.

        Raises:
            ShapeError: columns without names are more or fewer.
        """
        return self

    def dense(self) -> NDArray[Any]:
        """The inputs as a dense array, shape (B, K).

        Raises:
            InputError: the rows are sparse and have more than 2**27 cells.

        >>> from ranvier.data.sources.array_source import Arrays
        >>> Arrays(CSR.from_dense(np.array([[0.0, 2.0]])), None, "a matrix", (2,)).dense().tolist()
        [[0.0, 2.0]]
        """
        inputs = self.inputs
        if not isinstance(inputs, CSR):
            return inputs
        rows, columns = inputs.shape
        if rows * columns > MAX_DENSE_CELLS:
            raise InputError(
                f"The model was trained on columns with all their zeros, and X is a sparse matrix of shape ({rows}, "
                f"{columns}), which is too large to fill in; give fewer rows at a time, or train on sparse rows."
            )
        return inputs.toarray()

    def with_notes(self, notes: Sequence[str]) -> Source:
        """The rows with further sentences on their reading.

        >>> from ranvier.data.sources.array_source import Arrays
        >>> Arrays(np.zeros((2, 3)), None, "the array", (3,)).with_notes(["A line was skipped."]).notes
        ('A line was skipped.',)
        """
        source: Any = self
        return replace(source, notes=(*self.notes, *notes)) if notes else self

    def describe(self) -> str:
        """The source in a few words, for messages.

        >>> from ranvier.data.sources.array_source import Arrays
        >>> Arrays(np.zeros((2, 3)), None, "the array", (3,)).describe()
        'the array: 2 rows'
        """
        return f"{self.origin}: {plural(self.rows, 'row')}"
