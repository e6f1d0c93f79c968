"""What the encoders of pictures and of recordings share: cells are files until they are decoded, in one format.

B is the number of rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.parsing import NeedsColumnParser
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.images.patches import BYTE_OFFSET, BYTE_STEP, PatchFeatures

Array = NDArray[Any]
ROWS_AT_ONCE = 1024


class DecodedColumnEncoder(ColumnEncoder):
    """An encoder whose cells are decoded first, by several threads.

    Fields:
        patches: patch features of what is decoded, side by side.
    """

    patches: tuple[PatchFeatures, ...]

    @abstractmethod
    def decode(self, cells: pl.Series, first: int = 0) -> Array:
        """What the cells hold, in the format of the training, shape (B, ...).

        Parameters:
            first: the index of the first of them in the column, for messages.

        Raises:
            DataError: a cell cannot be read.
        """

    @abstractmethod
    def encode_decoded(self, decoded: Array, out: Array) -> None:
        """Write the features of what was decoded into `out`, shape (B, width), of bytes or of float32."""

    def encode(self, cells: pl.Series, out: Array) -> None:
        """Write the features of many cells into `out`, shape (B, width), of bytes or of float32."""
        at_once = ROWS_AT_ONCE if cells.dtype == pl.Object else max(len(cells), 1)
        for start in range(0, len(cells), at_once):
            part = slice(start, start + at_once)
            self.encode_decoded(self.decode(cells[part], start), out[part])

    def encode_cell(self, cell: Any, out: Array) -> None:
        """Leave it to `encode`, which gives the same bits for one cell as for many."""
        raise NeedsColumnParser

    def encode_typical(self, out: Array) -> None:
        """Leave bytes of pixels 0, and make features average."""
        if self.factor is None and self.as_bytes:
            out[:] = -BYTE_OFFSET / BYTE_STEP

    def arrays(self) -> dict[str, Array]:
        """The arrays of the patch features, by number and name."""
        return {
            f"{number}.{name}": array
            for number, patches in enumerate(self.patches)
            for name, array in patches.arrays().items()
        }

    @staticmethod
    def stored_patches(data: Mapping[str, Any]) -> tuple[PatchFeatures, ...]:
        """The patch features in what `to_dict` wrote, their arrays under "arrays".

        Raises:
            ModelFileError: a field or an array is absent, or does not fit the others.
        """
        described = json_fields.field(data, "patches", list)
        arrays = data.get("arrays", {})
        return tuple(
            PatchFeatures.from_dict(json_fields.mapping(item), json_fields.arrays_under(arrays, f"{number}."))
            for number, item in enumerate(described)
        )

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing cells, and of others."""
        missing = cells.null_count()
        return missing, len(cells) - missing
