"""What every encoder of one column can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl


class ColumnEncoder(Protocol):
    """Turns the cells of one column into numbers.

    Fields:
        column: the column's name.
    """

    @property
    def column(self) -> str:
        """The column's name."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name for each number that a cell becomes."""

    @property
    def width(self) -> int:
        """The number of features."""

    @property
    def encoded_as(self) -> str:
        """What becomes of a cell, in words."""

    def read(self, cells: pl.Series) -> NDArray[Any]:
        """What the cells say: numbers, shape (rows,) or (rows, parts), NaN where missing; or places, shape (rows,)."""

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
