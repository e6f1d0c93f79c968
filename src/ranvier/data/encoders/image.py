"""Columns of pictures: their pixels, or features of their patches.

B is the number of rows, H, W and C height, width and channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.images.load import decode_all
from ranvier.data.images.patches import BYTE_OFFSET, BYTE_STEP, PatchFeatures
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.parsing import NeedsColumnParser
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.schema import ColumnSchema

Array = NDArray[Any]
ROWS_AT_ONCE = 2048


@record(eq=False)
class ImageEncoder(ColumnEncoder):
    """Encodes pictures.

    Formula: x = pixel / 255, or the standardized features of `PatchFeatures`.

    Fields:
        column: the column's name.
        form: the size and channels that pictures are brought to.
        patches: patch features, side by side; with none, pixels are the features.
        mirrored: whether the features of the mirrored picture follow those of the picture.
        with_pixels: whether pixels follow patch features.
        as_bytes: whether rows are bytes, which the network scales, and not floating point.
    """

    kind: ClassVar[str] = "image"
    column: str
    form: PictureFormat
    patches: tuple[PatchFeatures, ...] = ()
    mirrored: bool = False
    with_pixels: bool = False
    as_bytes: bool = False

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> ImageEncoder:
        """Learn patch features from decoded pictures; without options, take their pixels as bytes.

        Raises:
            DataError: a picture cannot be read.

        >>> ImageEncoder.fit(pl.Series("x", np.zeros((2, 8, 8, 1), np.uint8))).width
        64
        """
        pixels = pixels_of(cells)
        form = PictureFormat(*pixels.shape[1:])
        if options is None:
            return cls(cells.name, form, as_bytes=True)
        stride = stride_for(form)
        return cls(cells.name, form, (PatchFeatures.fit(pixels, options.n_centroids, stride=stride),))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Patch features by centroid and cell, pixels by row, column and channel."""
        names = [f"{self.column}: {name}" for features in self._patch_names() for name in features]
        if self.with_pixels or not self.patches:
            names += [f"{self.column}[{row},{column}]{channel}" for row, column, channel in self._pixel_indices()]
        return tuple(names)

    def _patch_names(self) -> list[list[str]]:
        blocks = []
        for side in ("", "mirrored ") if self.mirrored else ("",):
            for number, patches in enumerate(self.patches):
                start = f"{side}patch " if len(self.patches) == 1 else f"{side}patch {number}."
                cells = [f"({row},{column})" for row in range(patches.grid[0]) for column in range(patches.grid[1])]
                blocks.append([f"{start}{k} {cell}" for cell in cells for k in range(patches.n_centroids)])
        return blocks

    def _pixel_indices(self) -> list[tuple[int, int, str]]:
        height, width, channels = self.form.shape
        names = ("",) if channels == 1 else (" red", " green", " blue")
        return [(row, column, name) for row in range(height) for column in range(width) for name in names]

    @property
    def width(self) -> int:
        """How many features a picture has."""
        own = sum(patches.width for patches in self.patches) * (2 if self.mirrored else 1)
        return own + (self.form.pixels if self.with_pixels or not self.patches else 0)

    @property
    def factor(self) -> float | None:
        """What the network multiplies bytes of pixels with; None where it does not, or gets patch features."""
        return 1.0 / 255.0 if self.as_bytes and not self.patches else None

    def describe(self) -> str:
        """What a picture is encoded as.

        >>> ImageEncoder("x", PictureFormat(28, 28, 1), as_bytes=True).describe()
        '28 x 28 pixels, grey; x / 255'
        """
        parts = [
            f"{patches.n_centroids:,} patches of {patches.side} x {patches.side} pixels in "
            f"{patches.grid[0]} x {patches.grid[1]} cells"
            for patches in self.patches
        ]
        if self.with_pixels or not self.patches:
            parts.append("x / 255")
        mirrored = ["and the same of the mirrored picture"] if self.mirrored else []
        return "; ".join([self.form.describe(), *parts, *mirrored])

    def encode(self, cells: pl.Series, out: Array) -> None:
        """Write the features of many pictures into `out`, shape (B, width), of bytes or of float32."""
        if cells.dtype == pl.Object and len(cells) > ROWS_AT_ONCE:
            for start in range(0, len(cells), ROWS_AT_ONCE):
                self.encode(cells[start : start + ROWS_AT_ONCE], out[start : start + ROWS_AT_ONCE])
            return
        self.encode_decoded(pixels_of(cells, self.form), out)

    def encode_decoded(self, pixels: Array, out: Array) -> None:
        """Write the features of decoded pictures, shape (B, H, W, C), into `out`."""
        start = 0
        for picture in (pixels, pixels[:, :, ::-1]) if self.mirrored else (pixels,):
            for patches in self.patches:
                block = out[:, start : start + patches.width]
                features = patches.encode(picture)
                block[:] = features if out.dtype == np.uint8 else features * np.float32(BYTE_STEP)
                if out.dtype != np.uint8:
                    block += np.float32(BYTE_OFFSET)
                start += patches.width
        if self.with_pixels or not self.patches:
            flat = pixels.reshape(len(pixels), -1)
            out[:, start:] = flat if out.dtype == np.uint8 else flat / np.float32(255.0)

    def encode_cell(self, cell: Any, out: Array) -> None:
        """Leave it to `encode`, which gives the same bits for one picture as for many."""
        raise NeedsColumnParser

    def with_form(self, form: PictureFormat) -> ImageEncoder:
        """The encoder with all that is known of the format."""
        return replace(self, form=form)

    def arrays(self) -> dict[str, Array]:
        """The arrays of the patch features, by number and name."""
        return {
            f"{number}.{name}": array
            for number, patches in enumerate(self.patches)
            for name, array in patches.arrays().items()
        }

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values, without its arrays."""
        return {
            "kind": self.kind,
            "column": self.column,
            "form": self.form.to_dict(),
            "patches": [patches.to_dict() for patches in self.patches],
            "mirrored": self.mirrored,
            "with_pixels": self.with_pixels,
            "as_bytes": self.as_bytes,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImageEncoder:
        """The encoder that `to_dict` wrote, its arrays under "arrays".

        Raises:
            ModelFileError: a field or an array is absent, or does not fit the others.
        """
        arrays: Mapping[str, Array] = data.get("arrays", {})
        patches = []
        for number, described in enumerate(json_fields.field(data, "patches", list)):
            start = f"{number}."
            own = {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}
            patches.append(PatchFeatures.from_dict(json_fields.mapping(described), own))
        form = PictureFormat.from_dict(json_fields.mapping(json_fields.field(data, "form", dict)))
        flags = [json_fields.field(data, name, bool) for name in ("mirrored", "with_pixels", "as_bytes")]
        return cls(json_fields.field(data, "column", str), form, tuple(patches), *flags)

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing pictures, and of pictures."""
        missing = cells.null_count()
        return missing, len(cells) - missing


def pixels_of(cells: pl.Series, form: PictureFormat | None = None) -> Array:
    """The pixels of a column, shape (B, H, W, C): as they are where they are decoded, else decoded.

    Parameters:
        form: the format to bring them to; None for that of a decoded column.

    >>> pixels_of(pl.Series("x", np.zeros((2, 8, 9), np.uint8))).shape
    (2, 8, 9, 1)
    """
    if isinstance(cells.dtype, pl.Array):
        array = cells.to_numpy()
        shaped: Array = array if array.ndim == 4 else array[..., None]
        if form is None or (shaped.dtype == np.uint8 and shaped.shape[1:] == form.shape):
            return shaped
        return decode_all(list(shaped), form, cells.name)
    return decode_all(cells.to_list(), form or PictureFormat(28, 28, 1), cells.name)


def stride_for(form: PictureFormat) -> int:
    """How far pieces lie apart: 1 pixel, or 2 in large pictures, whose neighbours differ little.

    >>> stride_for(PictureFormat(28, 28, 1)), stride_for(PictureFormat(64, 64, 3))
    (1, 2)
    """
    return 1 if max(form.height, form.width) <= 48 else 2
