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
from ranvier.data.encoders.decoded_column import DecodedColumnEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.images.load import decode_all
from ranvier.data.images.patches import PatchFeatures, write_standardized
from ranvier.data.images.picture_format import PictureFormat
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema

Array = NDArray[Any]


@record(eq=False)
class ImageEncoder(DecodedColumnEncoder):
    """Encodes pictures.

    Formula: x = pixel / 255, or the standardized features of `PatchFeatures`.

    Fields:
        column: the column's name.
        form: the size and channels that pictures are brought to.
        patches: patch features, side by side; with none, pixels are the features.
        mirrored: whether the features of the mirrored picture follow those of the picture.
        with_pixels: whether pixels follow patch features.
        as_bytes: whether rows are bytes, which the network scales, and not floating point.
        padding: zeros behind the pixels, with which they are as many as the features of other networks.
    """

    kind: ClassVar[str] = "image"
    column: str
    form: PictureFormat
    patches: tuple[PatchFeatures, ...] = ()
    mirrored: bool = False
    with_pixels: bool = False
    as_bytes: bool = False
    padding: int = 0

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
            names += [f"{self.column}: unused {number}" for number in range(self.padding)]
        return tuple(names)

    def pattern(self, feature: int) -> Array | None:
        """What a feature looks for, shape (s, s, C), as in the picture that is given; None for a pixel.

        Parameters:
            feature: its index in `feature_names`.

        >>> ImageEncoder("x", PictureFormat(8, 8, 1)).pattern(3) is None
        True
        """
        for side in (1, -1) if self.mirrored else (1,):
            for patches in self.patches:
                if feature < patches.width:
                    return patches.pattern(feature % patches.n_centroids)[:, ::side]
                feature -= patches.width
        return None

    def _patch_names(self) -> list[list[str]]:
        blocks = []
        for side in ("", "mirrored ") if self.mirrored else ("",):
            for number, patches in enumerate(self.patches):
                start = f"{side}patch " if len(self.patches) == 1 else f"{side}patch {number}."
                blocks.append([f"{start}{k} {cell}" for cell in patches.cell_names for k in range(patches.n_centroids)])
        return blocks

    def _pixel_indices(self) -> list[tuple[int, int, str]]:
        height, width, channels = self.form.shape
        names = ("",) if channels == 1 else (" red", " green", " blue")
        return [(row, column, name) for row in range(height) for column in range(width) for name in names]

    @property
    def width(self) -> int:
        """How many features a picture has."""
        patch_width = sum(patches.width for patches in self.patches) * (2 if self.mirrored else 1)
        return patch_width + (self.form.pixels + self.padding if self.with_pixels or not self.patches else 0)

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

    def decode(self, cells: pl.Series, first: int = 0) -> Array:
        """The pixels of a column, as `pixels_of` gives them."""
        return pixels_of(cells, self.form, first)

    def encode_decoded(self, decoded: Array, out: Array) -> None:
        """Write the features of pixels, shape (B, H, W, C), into `out`."""
        start = 0
        for picture in (decoded, decoded[:, :, ::-1]) if self.mirrored else (decoded,):
            for patches in self.patches:
                write_standardized(patches.encode(picture), out[:, start : start + patches.width])
                start += patches.width
        if self.with_pixels or not self.patches:
            flat = decoded.reshape(len(decoded), -1)
            stop = start + flat.shape[1]
            out[:, start:stop] = flat if out.dtype == np.uint8 else flat / np.float32(255.0)
            out[:, stop:] = 0

    def encode_typical(self, out: Array) -> None:
        """Leave bytes of pixels 0, and make features average."""
        super().encode_typical(out)
        if self.with_pixels and self.patches:
            out[-(self.form.pixels + self.padding) :] = 0.0

    def with_form(self, form: PictureFormat) -> ImageEncoder:
        """The encoder with all that is known of the format."""
        return replace(self, form=form)

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
            "padding": self.padding,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImageEncoder:
        """The encoder that `to_dict` wrote, its arrays under "arrays".

        Raises:
            ModelFileError: a field or an array is absent, or does not fit the others.
        """
        form = PictureFormat.from_dict(json_fields.mapping(json_fields.field(data, "form", dict)))
        patches = cls.stored_patches(data)
        flags = {name: json_fields.field(data, name, bool) for name in ("mirrored", "with_pixels", "as_bytes")}
        padding = json_fields.field({"padding": 0, **data}, "padding", int)
        return cls(json_fields.field(data, "column", str), form, patches, padding=padding, **flags)


def pixels_of(cells: pl.Series, form: PictureFormat | None = None, first: int = 0) -> Array:
    """The pixels of a column, shape (B, H, W, C): as they are where they are decoded, else decoded.

    Parameters:
        form: the format to bring them to; None for that of a decoded column.
        first: the index of the first cell in the column, for messages.

    >>> pixels_of(pl.Series("x", np.zeros((2, 8, 9), np.uint8))).shape
    (2, 8, 9, 1)
    """
    if isinstance(cells.dtype, pl.Array):
        array = cells.to_numpy()
        shaped: Array = array if array.ndim == 4 else array[..., None]
        if form is None or (shaped.dtype == np.uint8 and shaped.shape[1:] == form.shape):
            return shaped
        return decode_all(list(shaped), form, cells.name, first)
    return decode_all(cells.to_list(), form or PictureFormat(28, 28, 1), cells.name, first)


def stride_for(form: PictureFormat) -> int:
    """How far pieces lie apart: 1 pixel, or 2 in large pictures, whose neighbours differ little.

    >>> stride_for(PictureFormat(28, 28, 1)), stride_for(PictureFormat(64, 64, 3))
    (1, 2)
    """
    return 1 if max(form.height, form.width) <= 48 else 2
