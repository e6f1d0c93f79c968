"""What a source gives: a table of columns or plain arrays.

B is the number of rows, K the number of inputs, N the number of target columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Named columns, the cells as they were found.

    Fields:
        frame: the columns; text formats keep every cell as text, so that "007" stays "007".
        origin: where it came from, for messages.
        target: the column to predict unless another is asked for, or None.
        notes: what a person should know about the reading, one sentence each.
    """

    frame: pl.DataFrame
    origin: str
    target: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.frame.height


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Numbers that need no names.

    Fields:
        inputs: shape (B, K), uint8 or floating point.
        targets: shape (B,) or (B, N), or None.
        origin: where it came from, for messages.
        shape: the shape of one row before it was flattened, for example (28, 28).
        notes: what a person should know about the reading, one sentence each.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any] | None
    origin: str
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.inputs.shape[0])


Source: TypeAlias = "Table | Arrays"


def arrays_from(inputs: Any, targets: Any, origin: str, notes: tuple[str, ...] = ()) -> Arrays:
    """Check and flatten arrays: inputs (B, ...) become (B, K) of uint8 or floating point.

    Raises:
        DataError: the inputs are not numbers, have no rows or fewer than two dimensions, or the targets do not match.

    >>> arrays_from(np.zeros((5, 2, 3), np.uint8), None, "an array").inputs.shape
    (5, 6)
    """
    from ranvier.errors import DataError

    inputs = np.asarray(inputs)
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
    if flat.dtype not in (np.uint8, np.float32, np.float64):
        flat = flat.astype(np.float64)
    if targets is not None:
        targets = np.asarray(targets)
        if targets.ndim == 0 or targets.ndim > 2 or targets.shape[0] != flat.shape[0]:
            raise DataError(
                f"The inputs of {origin} have {flat.shape[0]} rows and its targets have shape {targets.shape}; "
                f"({flat.shape[0]},) or ({flat.shape[0]}, columns) was expected."
            )
    return Arrays(flat, targets, origin, shape, notes)
