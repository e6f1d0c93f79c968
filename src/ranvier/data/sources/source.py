"""What a source gives: a table of columns or plain arrays.

B is the number of rows, K the number of inputs, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import DataError, InputError
from ranvier.records import record
from ranvier.rows import CSR
from ranvier.rows.arrays import unmasked

if TYPE_CHECKING:
    import polars as pl

MOST_FILLED = 1 << 27


@record(eq=False)
class Table:
    """Named columns, the cells as they were found.

    Fields:
        frame: the columns; text formats keep every cell as text, so that "007" stays "007".
        origin: where it came from, for messages.
        target: the column to predict unless another is asked for, or None.
        notes: what a person should know about the reading, one sentence each.
        kinds: column -> kind, of the columns whose kind is known and need not be told from their cells.
        decimal_commas: whether a comma between digits may stand before decimals; so in files whose cells are not
            separated by commas.
    """

    frame: pl.DataFrame
    origin: str
    target: str | None = None
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    decimal_commas: bool = False

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.frame.height

    def take(self, rows: NDArray[np.int64]) -> Table:
        """Some of the rows, in the given order."""
        return replace(self, frame=self.frame[rows])


@record(eq=False)
class Arrays:
    """Numbers that need no names.

    Fields:
        inputs: shape (B, K), uint8 (pictures) or floating point; or sparse rows.
        targets: shape (B,) or (B, N), or None.
        origin: where it came from, for messages.
        shape: the shape of one row before it was flattened, for example (28, 28).
        notes: what a person should know about the reading, one sentence each.
    """

    inputs: NDArray[Any] | CSR
    targets: NDArray[Any] | None
    origin: str
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.inputs.shape[0])

    def take(self, rows: NDArray[np.int64]) -> Arrays:
        """Some of the rows with their targets, in the given order.

        >>> Arrays(np.array([[1.0], [2.0]]), np.array([3, 4]), "an array", (1,)).take(np.array([1])).targets.tolist()
        [4]
        """
        targets = None if self.targets is None else self.targets[rows]
        return replace(self, inputs=self.inputs[rows], targets=targets)

    @property
    def pictures(self) -> bool:
        """Whether the rows are pictures: bytes, each row with at least a height and a width."""
        return not isinstance(self.inputs, CSR) and self.inputs.dtype == np.uint8 and len(self.shape) > 1

    def dense(self) -> NDArray[Any]:
        """The inputs with every zero written out, shape (B, K).

        Raises:
            InputError: the rows are sparse and have more than 2**27 cells.

        >>> Arrays(CSR.from_dense(np.array([[0.0, 2.0]])), None, "a matrix", (2,)).dense().tolist()
        [[0.0, 2.0]]
        """
        if not isinstance(self.inputs, CSR):
            return self.inputs
        rows, columns = self.inputs.shape
        if rows * columns > MOST_FILLED:
            raise InputError(
                f"The model was trained on columns with all their zeros, and X is a sparse matrix of shape ({rows}, "
                f"{columns}), which is too large to fill in; give fewer rows at a time, or train on sparse rows."
            )
        return self.inputs.toarray()


Source: TypeAlias = "Table | Arrays"


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
