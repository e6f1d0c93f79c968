"""What every encoder of rows has, whatever they come in: a table, an array, or windows of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.column import ColumnEncoder
    from ranvier.data.encoders.image import ImageEncoder
    from ranvier.data.encoders.sound import SoundEncoder
    from ranvier.data.images.picture_format import PictureFormat
    from ranvier.data.sounds.sound_format import SoundFormat


class RowEncoder:
    """Turns rows into the inputs of a network. What follows here is that of rows without named columns, or files.

    Fields:
        columns: the schema of each column of a table, dropped ones included.
        encoders: one for each column of a table that is used, in the order of their inputs.
        encoding: that of the text which the training rows were read from; "" for Unicode and where there is none.
        context: how many characters of a text are read before the one that is predicted; 0 for other rows.
    """

    columns: tuple[ColumnSchema, ...] = ()
    encoders: tuple[ColumnEncoder, ...] = ()
    encoding: str = ""
    context: int = 0

    @property
    def used_columns(self) -> list[str] | None:
        """The names of the columns of a table that are used; None where columns have no names."""
        return None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What each input is called; nothing where inputs have no names."""
        return ()

    @property
    def factor(self) -> float | None:
        """What the network multiplies its inputs with, as its first layer; None where it takes them as they are."""
        return None

    @property
    def piecewise_linear(self) -> tuple[slice, ...]:
        """Which inputs are the piecewise-linear encoding of a column, for each column that has one."""
        return ()

    @property
    def image(self) -> ImageEncoder | None:
        """The encoder of the only column that is used, where it holds pictures; else None."""
        return None

    @property
    def sound(self) -> SoundEncoder | None:
        """The encoder of the only column that is used, where it holds recordings; else None."""
        return None

    @property
    def text_column(self) -> str | None:
        """The name of the only column that is used, where it holds texts; else None."""
        return None

    @property
    def forms(self) -> Mapping[str, PictureFormat | SoundFormat]:
        """Column -> the format of its pictures or recordings, for those that are used."""
        return {}

    def with_spline_basis(self) -> Self:
        """The encoder with linear spline (hat) bases in place of piecewise-linear encodings."""
        return self

    def unscaled(self, values: NDArray[Any], feature: int) -> NDArray[Any]:
        """Numbers of an input in the units of the rows.

        Parameters:
            values: of the input, shape (B,).
            feature: its index among the inputs.
        """
        return values

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was learned and is too large for JSON, by name."""
        return {}


AS_THEY_ARE = RowEncoder()
"""In place of the encoder of a model that takes arrays as they are and has none."""


def row_encoder(encoder: RowEncoder | None) -> RowEncoder:
    """The encoder of a model, or what stands for one where it takes arrays as they are.

    >>> row_encoder(None).columns
    ()
    """
    return AS_THEY_ARE if encoder is None else encoder


def column_encoders(encoder: RowEncoder | None) -> tuple[ColumnEncoder, ...]:
    """The encoders of the columns of a table, in the order of their inputs; none for other rows.

    Parameters:
        encoder: of a model; None for one that takes arrays as they are.

    >>> column_encoders(None)
    ()
    """
    return row_encoder(encoder).encoders
