"""Plain arrays: numbers whose columns have no names, dense or CSR. B rows, K inputs, N target columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.array_cells import is_channel_first, is_picture_shape
from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError, ShapeError
from ranvier.plural import plural
from ranvier.records import record
from ranvier.rows import CSR
from ranvier.rows.arrays import fill_masked

if TYPE_CHECKING:
    import polars as pl


@record(eq=False)
class Arrays(Source):
    """Numbers whose columns have no names.

    Fields:
        inputs: shape (B, K), uint8 (pictures) or floating point; or CSR rows.
        targets: shape (B,) or (B, N), or None.
        origin: where it came from, for messages.
        shape: the shape of one row before it was flattened, for example (28, 28).
        notes: what the user should know about the reading, one sentence each.
        parts: "train", "validation" or "test" for each row, shape (B,); None where the source does not say.
    """

    inputs: NDArray[Any] | CSR
    targets: NDArray[Any] | None
    origin: str
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()
    parts: NDArray[Any] | None = None

    @property
    def in_memory(self) -> bool:  # type: ignore[override]
        """Rows of arrays have an index, also in a file."""
        return True

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
        targets, parts = (None if values is None else values[index] for values in (self.targets, self.parts))
        start, count = (int(index[0]), len(index)) if len(index) else (0, 0)
        if not self.is_sparse and np.array_equal(index, np.arange(start, start + count)):
            index = slice(start, start + count)  # type: ignore[assignment]  # without a copy
        return replace(self, inputs=self.inputs[index], targets=targets, parts=parts)

    def with_target(self, target: Any) -> Arrays:
        """The arrays with these target values; the name of those that they have leaves them unchanged."""
        if isinstance(target, str) and self.targets is not None and (target,) == self.target_names:
            return self
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
        frame = self.frame
        kinds = dict.fromkeys(frame.columns, kind) if kind else {}
        return Table(frame, self.origin, notes=self.notes, kinds=kinds, parts=self.parts, in_memory=True)

    def with_column_names(self, names: Sequence[str]) -> Table:
        """The rows as a table of these columns.

        >>> Arrays(np.array([[1.0, 2.0]]), None, "an array", (2,)).with_column_names(["a", "b"]).frame.rows()
        [(1.0, 2.0)]
        """
        from ranvier.data.sources.frames import frame_from

        columns = column_dict(self.dense(), names, self.origin)
        frame = frame_from(columns, self.origin)
        return Table(frame, self.origin, notes=self.notes, parts=self.parts, in_memory=True)

    def as_pictures(self, name: str, shape: tuple[int, ...] | None = None) -> Source:
        """The rows as a table of one column of pictures, and a column of their targets; else the arrays.

        Parameters:
            name: of the column.
            shape: of a picture, (H, W, C), whose numbers flat rows are; None for rows that have a shape.

        >>> Arrays(np.zeros((2, 64), np.uint8), None, "an array", (8, 8)).as_pictures("image").column_names
        ('image',)
        """
        import polars as pl

        row_shape = self.shape if len(self.shape) > 1 else shape or ()
        if (
            isinstance(self.inputs, CSR)
            or not is_picture_shape(row_shape)
            or math.prod(row_shape) != self.inputs.shape[1]
        ):
            return self
        if self.inputs.dtype.kind == "f" and not bool((self.inputs >= 0).all()):
            return self
        pictures = self.inputs.reshape(-1, *row_shape)
        if is_channel_first(row_shape):
            pictures = np.ascontiguousarray(np.moveaxis(pictures, 1, -1))
        columns = [pl.Series(name, pictures)]
        if self.targets is not None and self.targets.ndim == 1:
            columns.append(pl.Series("y", self.targets))
        target = "y" if len(columns) > 1 else None
        kinds = {name: "image"}
        return Table(pl.DataFrame(columns), self.origin, target, self.notes, kinds, parts=self.parts, in_memory=True)

    @property
    def pictures(self) -> bool:  # type: ignore[override]
        """Whether the rows are pictures: bytes, each row with at least a height and a width."""
        return not isinstance(self.inputs, CSR) and self.inputs.dtype == np.uint8 and len(self.shape) > 1


def column_dict(values: NDArray[Any], names: Sequence[str], origin: str) -> dict[str, NDArray[Any]]:
    """The columns of an array (B, K) under the names of a model's columns.

    Raises:
        ShapeError: there are more or fewer.

    >>> column_dict(np.array([[1, 2]]), ["a", "b"], "the array")
    {'a': array([1]), 'b': array([2])}
    """
    if values.ndim != 2 or values.shape[1] != len(names):
        raise ShapeError(
            f"{sentence_start(origin)} has shape {values.shape}; this model takes {plural(len(names), 'column')} a row "
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
    inputs = np.asarray(fill_masked(inputs))
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
    array = np.asarray(fill_masked(targets))
    if array.ndim not in (1, 2) or len(array) != rows:
        raise DataError(
            f"The inputs of {origin} have {plural(rows, 'row')} and its targets have shape {array.shape}; "
            f"({rows},) or ({rows}, columns) was expected."
        )
    return array
