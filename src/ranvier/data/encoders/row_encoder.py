"""What every encoder of rows has, whatever they come in: a table, an array, or windows of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ranvier.data.encoders.column import ColumnEncoder


class RowEncoder(Protocol):
    """Turns rows into the inputs of a network."""

    @property
    def width(self) -> int:
        """K, the number of inputs."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What each input is called."""

    @property
    def encoders(self) -> tuple[ColumnEncoder, ...]:
        """One for each column of a table that is used; none for rows without named columns."""


def column_encoders(encoder: RowEncoder | None) -> tuple[ColumnEncoder, ...]:
    """The encoders of the columns of a table, in the order of their inputs; none for other rows.

    Parameters:
        encoder: of a model; None for one that takes arrays as they are.

    >>> column_encoders(None)
    ()
    """
    return () if encoder is None else encoder.encoders
