"""The protocol of column encoders: what a kind of column has to implement.

A new kind of column is one file with a subclass of `ColumnEncoder`, and one line in `kinds.COLUMN_KINDS`.

B is the number of rows. A column becomes D features in the dense block of a network's inputs, and S in the CSR block;
most kinds have S = 0, and a kind with D = 0 derives from `CSRColumnEncoder`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.column_threads import map_columns
from ranvier.data.encoders.row_blocks import row_blocks
from ranvier.rows import CSR
from ranvier.rows.csr_later import CSRLater

if TYPE_CHECKING:
    import polars as pl

    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions

Writer: TypeAlias = Callable[[slice, NDArray[Any]], None]
"""Writes the features of some of the rows that it knows, a block of them, into zeros (rows of the block, features)."""


class ColumnEncoder(ABC):
    """Turns the cells of one column into numbers: an immutable record of what was learned from the training rows.

    `encode` and `encode_cell` must give the same bits: the first is called for many rows, the second, which makes no
    column, for one row. Both write into float32 zeros. So must `encode_csr` and `encode_cell_csr`, which give CSR rows
    of float32.

    Fields:
        kind: the kind of column, as users write it and as it is stored in model files.
        column: the column's name.
        missing_indicator: whether the last dense feature is 1 for a missing cell.
    """

    kind: ClassVar[str]
    column: str
    missing_indicator: bool = False

    @classmethod
    @abstractmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> ColumnEncoder:
        """Learn from the cells of the training rows.

        Parameters:
            cells: the column.
            schema: what is known of the whole column; None for nothing but its kind.
            options: limits on the features; None for the fewest that hold the cell's value.

        Raises:
            DataError: a cell is not of this kind.
        """

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """One name for each feature in the dense block, all different."""

    @property
    @abstractmethod
    def width(self) -> int:
        """D, the number of features in the dense block."""

    @abstractmethod
    def describe(self) -> str:
        """What a cell is encoded as, in words."""

    @abstractmethod
    def encode(self, cells: pl.Series, out: NDArray[np.float32]) -> None:
        """Write the dense features of many cells into the zeros of `out`, shape (B, D).

        Raises:
            DataError: a cell is not of this kind; the message names column, row and value.
        """

    @abstractmethod
    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        """Write the dense features of one cell, a Python value, into the zeros of `out`, shape (D,).

        Raises:
            NeedsColumnParser: only `encode` can read the cell, or refuse it.
        """

    def encode_cells(self, cells: Sequence[Any]) -> tuple[NDArray[np.float32], CSR | None]:
        """The dense features (B, D) of some cells, Python values, and their CSR features (B, S) where there are any.

        Raises:
            DataError: a cell is not of this kind.
        """
        import polars as pl

        series = pl.Series(self.column, list(cells), strict=False)
        out = np.zeros((len(cells), self.width), np.float32)
        if self.width:
            self.encode(series, out)
        return out, self.encode_csr(series) if self.csr_width else None

    def encode_typical(self, out: NDArray[Any]) -> None:
        """Write the dense features of a typical cell into the zeros of `out`, floating point, shape (D,).

        It is the mean or median of numbers, dates and booleans, the most frequent category, a text without words, a
        black picture or silence, or average features of these. Its CSR features are all 0.
        """
        if self.width:
            self.encode_cell(None, out)
            if self.missing_indicator:
                out[-1] = 0.0

    @property
    def csr_feature_names(self) -> tuple[str, ...]:
        """One name for each feature in the CSR block; they differ from those in the dense block."""
        return ()

    @property
    def csr_width(self) -> int:
        """S, the number of features in the CSR block."""
        return len(self.csr_feature_names)

    def encode_csr(self, cells: pl.Series) -> CSR:
        """The features of many cells in the CSR block, (B, S) of float32; asked for only where S > 0.

        Raises:
            DataError: a cell is not of this kind; the message names column, row and value.
        """
        return CSR.from_dense(np.zeros((len(cells), 0), np.float32))

    def encode_csr_later(self, cells: pl.Series) -> CSRLater:
        """What `encode_csr` gives, made when it is first read where that saves memory; what it raises is raised now."""
        block = self.encode_csr(cells)
        return CSRLater(len(cells), block.n_columns, lambda: block)

    def encode_cell_csr(self, cell: Any) -> CSR:
        """The features of one cell, a Python value, in the CSR block, (1, S) of float32; asked for only where S > 0.

        Raises:
            NeedsColumnParser: only `encode_csr` can read the cell, or refuse it.
        """
        return CSR.from_dense(np.zeros((1, 0), np.float32))

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values, its kind under "kind"."""

    @classmethod
    @abstractmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The encoder that `to_dict` wrote, in this version or an earlier one.

        Raises:
            ModelFileError: a field is absent, of another type, or contradicts another.
        """

    @property
    def as_bytes(self) -> bool:
        """Whether the features are bytes, which the network scales; all columns of a table are or none."""
        return False

    @property
    def factor(self) -> float | None:
        """What the network multiplies bytes with as its first layer; None where it takes features as they are."""
        return None

    def with_form(self, form: Any) -> ColumnEncoder:
        """The encoder with all that is known of how its files are decoded; itself where its cells are no files."""
        return self

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned and is too large for JSON, by name; `from_dict` gets it under "arrays"."""
        return {}

    @property
    def piecewise_linear(self) -> slice:
        """Which of the features are a piecewise-linear encoding, for which a spline basis can stand; empty for none."""
        return slice(0, 0)

    def with_spline_basis(self) -> ColumnEncoder:
        """The encoder with a linear spline basis in place of its piecewise-linear encoding."""
        return self

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing cells and of different values, for a column whose kind the user has given.

        Raises:
            DataError: a cell is not of this kind.
        """
        strings = parsing.clean_strings(cells)
        return strings.null_count(), strings.drop_nulls().n_unique()

    @classmethod
    def group(cls, encoders: Sequence[tuple[int, Self]]) -> ColumnGroup:
        """All columns of this kind in a table, encoded together.

        A kind that is quicker over several columns at once overrides this; its results must be bit-identical.

        Parameters:
            encoders: for each column the index of its first feature in a row, and its encoder.
        """
        return OneByOne(encoders)


class CSRColumnEncoder(ColumnEncoder):
    """An encoder with features in the CSR block alone, such as one for each word of a vocabulary."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """None in the dense block."""
        return ()

    @property
    def width(self) -> int:
        """0."""
        return 0

    def encode(self, cells: pl.Series, out: NDArray[np.float32]) -> None:
        """Write nothing."""

    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        """Write nothing."""

    @property
    @abstractmethod
    def csr_feature_names(self) -> tuple[str, ...]:
        """One name for each feature, all different."""

    @abstractmethod
    def encode_csr(self, cells: pl.Series) -> CSR:
        """The features of many cells, (B, S) of float32."""

    @abstractmethod
    def encode_cell_csr(self, cell: Any) -> CSR:
        """The features of one cell, (1, S) of float32."""


class CellEncoder(ColumnEncoder):
    """An encoder of cells each of which is one number once it is read: a value, a code, a time.

    Reading is slow and takes whole columns; writing the features of numbers is quick and takes any rows. So a table
    can be read once, and features be written for the rows that are needed next.
    """

    @abstractmethod
    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The cells as numbers, shape (B,), NaN where missing.

        Raises:
            DataError: a cell is not of this kind; the message names column, row and value.
        """

    @abstractmethod
    def write(self, values: NDArray[np.float64], out: NDArray[Any]) -> None:
        """Write the features of what `read` gave, shape (B,), into the zeros of `out`, shape (B, width)."""

    def writer(self, values: NDArray[np.float64]) -> Writer:
        """What writes the features of some of the rows of these values, a block at a time."""
        return lambda rows, out: self.write(values[rows], out)

    def encode(self, cells: pl.Series, out: NDArray[np.float32]) -> None:
        """Write the features of many cells into the zeros of `out`, shape (B, width).

        Raises:
            DataError: a cell is not of this kind.
        """
        write = self.writer(self.read(cells))
        for rows in row_blocks(len(out)):
            write(rows, out[rows])

    @classmethod
    def group(cls, encoders: Sequence[tuple[int, Self]]) -> CellColumns:
        """All columns of this kind in a table, encoded together."""
        return CellColumns(encoders)


class ColumnGroup(Protocol):
    """Encodes several columns of one kind into the dense block of a table's inputs."""

    def encode(self, columns: Sequence[pl.Series], out: NDArray[np.float32]) -> None:
        """Write the features of many rows into the zeros of `out`, contiguous, shape (B, dense inputs of the table)."""

    def encode_row(self, cells: Sequence[Any], row: NDArray[np.float32]) -> None:
        """Write the features of one row into the zeros of `row`, shape (dense inputs of the table,).

        Raises:
            NeedsColumnParser: only `encode` can read a cell.
        """


class OneByOne:
    """Encodes one column after the other.

    Parameters:
        encoders: for each column the index of its first feature in a row, and its encoder.
    """

    def __init__(self, encoders: Sequence[tuple[int, ColumnEncoder]]) -> None:
        self._encoders = [(slice(start, start + encoder.width), encoder) for start, encoder in encoders]

    def encode(self, columns: Sequence[pl.Series], out: NDArray[np.float32]) -> None:
        """Write the features of many rows into the zeros of `out`, shape (B, dense inputs of the table)."""
        for (features, encoder), cells in zip(self._encoders, columns, strict=True):
            encoder.encode(cells, out[:, features])

    def encode_row(self, cells: Sequence[Any], row: NDArray[np.float32]) -> None:
        """Write the features of one row into the zeros of `row`, shape (dense inputs of the table,)."""
        for (features, encoder), cell in zip(self._encoders, cells, strict=True):
            encoder.encode_cell(cell, row[features])


class CellColumns(OneByOne):
    """Encodes columns of cells that are one number each: reads them, then writes the features of blocks of rows.

    Parameters:
        encoders: for each column the index of its first feature in a row, and its encoder.
    """

    def __init__(self, encoders: Sequence[tuple[int, CellEncoder]]) -> None:
        super().__init__(encoders)
        self._cells = [(slice(start, start + encoder.width), encoder) for start, encoder in encoders]

    def read(self, columns: Sequence[pl.Series]) -> list[NDArray[np.float64]]:
        """What `CellEncoder.read` gives of each column.

        Raises:
            DataError: a cell is not of its column's kind.
        """
        pairs = list(zip(self._cells, columns, strict=True))
        return map_columns(lambda pair: pair[0][1].read(pair[1]), pairs, len(columns[0]))

    def writer(self, values: Sequence[NDArray[np.float64]]) -> Writer:
        """What writes the features of some rows of all columns into zeros (rows, dense inputs of the table)."""
        writers = [(features, e.writer(cells)) for (features, e), cells in zip(self._cells, values, strict=True)]

        def write(rows: slice, out: NDArray[Any]) -> None:
            for features, write_own in writers:
                write_own(rows, out[:, features])

        return write

    def encode(self, columns: Sequence[pl.Series], out: NDArray[np.float32]) -> None:
        """Write the features of many rows into the zeros of `out`, shape (B, dense inputs of the table)."""
        write = self.writer(self.read(columns))
        for rows in row_blocks(len(out)):
            write(rows, out[rows])
