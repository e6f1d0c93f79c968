"""Sources: the protocol of everything that has rows, and plain arrays; tables of columns are in `table.py`.

B is the number of rows, K the number of inputs, N the number of target columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.origin import sentence_start
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.records import record
from ranvier.rows import CSR
from ranvier.rows.arrays import unmasked

if TYPE_CHECKING:
    import polars as pl

    from ranvier.data.sources.table import Table

MAX_DENSE_CELLS = 1 << 27


class Source(ABC):
    """Rows to learn from or to predict: what `open_source` gives, checked once; what stands behind it trusts it.

    A new kind of source (a file format, a folder, an archive) gives one of the two below, or implements this. What is
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
    """Whether a comma between digits may stand before decimals; so in files not separated by commas."""
    pictures: bool = False
    """Whether the rows are pictures: bytes, each row with at least a height and a width."""
    problem: str = ""
    """Why nothing can be learned from these rows although they can be predicted, in a sentence."""

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

        >>> Arrays(np.zeros((2, 3)), None, "the array", (3,)).part("test") is None
        True
        """
        return None

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

    def describe(self) -> str:
        """The source in a few words, for messages.

        >>> Arrays(np.zeros((2, 3)), None, "the array", (3,)).describe()
        'the array: 2 rows'
        """
        return f"{self.origin}: {self.rows:,} rows"


@record(eq=False)
class Arrays(Source):
    """Numbers whose columns have no names.

    Fields:
        inputs: shape (B, K), uint8 (pictures) or floating point; or CSR rows.
        targets: shape (B,) or (B, N), or None.
        origin: where it came from, for messages.
        shape: the shape of one row before it was flattened, for example (28, 28).
        notes: what the user should know about the reading, one sentence each.
    """

    inputs: NDArray[Any] | CSR
    targets: NDArray[Any] | None
    origin: str
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """B, the number of rows."""
        return int(self.inputs.shape[0])

    @property
    def column_names(self) -> tuple[str, ...]:
        """Columns of arrays have no names."""
        return ()

    @property
    def frame(self) -> pl.DataFrame:
        """The columns as a frame, called x0, x1 and so on; NaN becomes null.

        >>> Arrays(np.zeros((2, 3)), None, "an array", (3,)).frame.columns
        ['x0', 'x1', 'x2']
        """
        import polars as pl

        columns = {f"x{index}": column for index, column in enumerate(self.dense().T)}
        return pl.DataFrame(columns, nan_to_null=True)

    @property
    def target_names(self) -> tuple[str, ...]:
        """y, or y0, y1 and so on for several columns of targets."""
        columns = 1 if self.targets is None or self.targets.ndim == 1 else self.targets.shape[1]
        return ("y",) if columns == 1 else tuple(f"y{index}" for index in range(columns))

    @property
    def kinds(self) -> Mapping[str, str]:
        """No column has a name."""
        return {}

    @property
    def is_sparse(self) -> bool:  # type: ignore[override]
        """Whether the inputs are CSR rows."""
        return isinstance(self.inputs, CSR)

    def take(self, index: NDArray[np.int64]) -> Arrays:
        """Some of the rows with their targets, in the given order.

        >>> Arrays(np.array([[1.0], [2.0]]), np.array([3, 4]), "an array", (1,)).take(np.array([1])).targets.tolist()
        [4]
        """
        targets = None if self.targets is None else self.targets[index]
        return replace(self, inputs=self.inputs[index], targets=targets)

    def with_target(self, target: Any) -> Arrays:
        """The arrays with these target values."""
        if isinstance(target, str):
            raise DataError(
                f'The target is "{target}", but {self.origin} holds plain arrays without column names. '
                "Give the target values as an array."
            )
        return replace(self, targets=checked_targets(target, self.rows, self.origin))

    def as_table(self, kind: str | None = None) -> Source:
        """Floating-point rows as a table of columns x0, x1 and so on; uint8 and CSR rows unchanged.

        >>> Arrays(np.zeros((2, 3)), None, "an array", (3,)).as_table().column_names
        ('x0', 'x1', 'x2')
        """
        if isinstance(self.inputs, CSR) or self.inputs.dtype.kind != "f":
            return self
        from ranvier.data.sources.table import Table

        frame = self.frame
        return Table(frame, self.origin, notes=self.notes, kinds=dict.fromkeys(frame.columns, kind) if kind else {})

    def with_column_names(self, names: Sequence[str]) -> Table:
        """The rows as a table of these columns.

        >>> Arrays(np.array([[1.0, 2.0]]), None, "an array", (2,)).with_column_names(["a", "b"]).frame.rows()
        [(1.0, 2.0)]
        """
        from ranvier.data.sources.frames import frame_from
        from ranvier.data.sources.table import Table

        columns = column_dict(self.dense(), names, self.origin)
        return Table(frame_from(columns, self.origin), self.origin, notes=self.notes)

    @property
    def pictures(self) -> bool:  # type: ignore[override]
        """Whether the rows are pictures: bytes, each row with at least a height and a width."""
        return not isinstance(self.inputs, CSR) and self.inputs.dtype == np.uint8 and len(self.shape) > 1


_CELLS = frozenset((str, int, float, bool, type(None)))


def is_row(source: Any) -> bool:
    """Whether `source` is a single row: a list or tuple of cells, and not of rows.

    >>> is_row([39, "Private", None]), is_row([[39.0], [50.0]])
    (True, False)
    """
    if type(source) is not list and type(source) is not tuple:
        return False
    return bool(source) and not any(
        type(cell) not in _CELLS and isinstance(cell, (list, tuple, Mapping, np.ndarray)) for cell in source
    )


def column_dict(values: NDArray[Any], names: Sequence[str], origin: str) -> dict[str, NDArray[Any]]:
    """The columns of an array (B, K) under the names of a model's columns.

    Raises:
        ShapeError: there are more or fewer.

    >>> column_dict(np.array([[1, 2]]), ["a", "b"], "the array")
    {'a': array([1]), 'b': array([2])}
    """
    if values.ndim != 2 or values.shape[1] != len(names):
        raise ShapeError(
            f"{sentence_start(origin)} has shape {values.shape}; this model takes {len(names)} columns a row "
            f"({', '.join(names[:5])}{' ...' if len(names) > 5 else ''})."
        )
    return {name: values[:, index] for index, name in enumerate(names)}


def arrays_from(inputs: Any, targets: Any, origin: str, notes: tuple[str, ...] = ()) -> Arrays:
    """Check and flatten arrays: inputs (B, ...) become (B, K) of uint8 or floating point.

    Raises:
        DataError: the inputs are not numbers, have no rows or fewer than two dimensions, or the targets do not match.

    >>> arrays_from(np.zeros((5, 2, 3), np.uint8), None, "an array").inputs.shape
    (5, 6)
    """
    inputs = np.asarray(unmasked(inputs))
    if inputs.dtype.kind not in "fiub":
        raise DataError(
            f"The inputs of {origin} are of type {inputs.dtype}; numbers were expected. "
            "Give columns of several types as a data frame or a dict of columns."
        )
    if inputs.ndim < 2:
        raise DataError(
            f"The inputs of {origin} have shape {inputs.shape}; (rows, columns) was expected. "
            "For a single column use array.reshape(-1, 1)."
        )
    if inputs.size == 0:
        raise DataError(f"The inputs of {origin} have shape {inputs.shape}: there are no numbers in them.")
    shape = tuple(int(size) for size in inputs.shape[1:])
    flat = inputs.reshape(inputs.shape[0], -1)
    pictures = flat.dtype == np.uint8 and len(shape) > 1
    if not pictures and flat.dtype not in (np.float32, np.float64):
        flat = flat.astype(np.float64)
    checked = None if targets is None else checked_targets(targets, len(flat), origin)
    return Arrays(flat, checked, origin, shape, notes)


def checked_targets(targets: Any, rows: int, origin: str) -> NDArray[Any]:
    """Target values as an array with one value, or one row of values, for each row of the inputs.

    Raises:
        DataError: there are more or fewer.

    >>> checked_targets([0, 1], 2, "the array").shape
    (2,)
    """
    array = np.asarray(unmasked(targets))
    if array.ndim not in (1, 2) or len(array) != rows:
        raise DataError(
            f"The inputs of {origin} have {rows} rows and its targets have shape {array.shape}; "
            f"({rows},) or ({rows}, columns) was expected."
        )
    return array
