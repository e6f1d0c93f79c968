"""Columns of recordings: their spectrograms, or features of patches of them beside statistics of each band.

B is the number of rows, F and T the mel bands and frames of a spectrogram.
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
from ranvier.data.images.patches import PatchFeatures, write_standardized
from ranvier.data.sounds.band_statistics import BandStatistics
from ranvier.data.sounds.load import LONG_SECONDS, decode_all
from ranvier.data.sounds.sound_format import HOP, SoundFormat
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema

Array = NDArray[Any]
LONG_FRAMES = 150
"""Spectrograms that are longer have patches two frames apart."""


@record(eq=False)
class SoundEncoder(DecodedColumnEncoder):
    """Encodes recordings.

    Formula: x = byte / 255 of the spectrogram; or for each of the patch features those, and then the statistics.

    Fields:
        column: the column's name.
        form: how recordings become spectrograms.
        patches: patch features of spectrograms, side by side.
        statistics: of each band, behind each of the patch features; None for none.
        as_bytes: whether rows are bytes, which the network scales, and not floating point.
    """

    kind: ClassVar[str] = "sound"
    column: str
    form: SoundFormat
    patches: tuple[PatchFeatures, ...] = ()
    statistics: BandStatistics | None = None
    as_bytes: bool = False

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> SoundEncoder:
        """Learn features from decoded recordings; without options, take their spectrograms as bytes.

        Raises:
            DataError: a recording cannot be read.

        >>> SoundEncoder.fit(pl.Series("x", np.zeros((2, 40, 60, 1), np.uint8))).width
        2400
        """
        spectrograms = spectrograms_of(cells)
        _, bands, frames, _ = spectrograms.shape
        form = SoundFormat(8000, frames, frames * HOP >= LONG_SECONDS, bands)
        if options is None:
            return cls(cells.name, form, as_bytes=True)
        patches = fit_patches(spectrograms, form, options.n_centroids)
        return cls(cells.name, form, (patches,), BandStatistics.fit(spectrograms[..., 0]))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Patch features by centroid and cell, statistics by band; or the spectrogram by band and frame."""
        if not self.width or not (self.patches or self.statistics):
            bands, frames = self.form.bands, self.form.frames
            return tuple(f"{self.column}[{band},{frame}]" for band in range(bands) for frame in range(frames))
        names: list[str] = []
        statistics = [] if self.statistics is None else self.statistics.names
        for number, patches in enumerate(self.patches or (None,)):
            start = "" if len(self.patches) < 2 else f"{number}."
            if patches is not None:
                names += [f"patch {start}{k} {cell}" for cell in patches.cell_names for k in range(patches.n_centroids)]
            names += [f"{start}{name}" for name in statistics]
        return tuple(f"{self.column}: {name}" for name in names)

    def pattern(self, feature: int) -> Array | None:
        """What a feature looks for in the spectrogram, shape (s, s, 1), low bands first; None for a statistic.

        Parameters:
            feature: its index in `feature_names`.

        >>> SoundEncoder("x", SoundFormat(8000, 60)).pattern(3) is None
        True
        """
        statistics = 0 if self.statistics is None else self.statistics.width
        for patches in self.patches:
            if feature < patches.width:
                return patches.pattern(feature % patches.n_centroids)
            feature -= patches.width + statistics
            if feature < 0:
                return None
        return None

    @property
    def width(self) -> int:
        """How many features a recording has."""
        if not self.patches and self.statistics is None:
            return self.form.size
        statistics = 0 if self.statistics is None else self.statistics.width
        return sum(patches.width for patches in self.patches) + max(len(self.patches), 1) * statistics

    @property
    def factor(self) -> float | None:
        """What the network multiplies bytes of spectrograms with; None where it gets features."""
        return 1.0 / 255.0 if self.as_bytes and not self.patches and self.statistics is None else None

    def describe(self) -> str:
        """What a recording is encoded as.

        >>> SoundEncoder("x", SoundFormat(8000, 60), as_bytes=True).describe()
        '40 mel bands at 8,000 Hz, the loud part of at most 0.6 s; x / 255'
        """
        parts = [
            f"{patches.n_centroids:,} patches of {patches.side} x {patches.side} in "
            f"{patches.grid[0]} x {patches.grid[1]} cells"
            for patches in self.patches
        ]
        if self.statistics is not None:
            parts.append(f"{self.statistics.width:,} statistics of the bands")
        return "; ".join([self.form.describe(), *(parts or ["x / 255"])])

    def decode(self, cells: pl.Series, first: int = 0) -> Array:
        """The spectrograms of a column, as `spectrograms_of` gives them."""
        return spectrograms_of(cells, self.form, first)

    def encode_decoded(self, decoded: Array, out: Array) -> None:
        """Write the features of spectrograms, shape (B, F, T, 1), into `out`."""
        if not self.patches and self.statistics is None:
            flat = decoded.reshape(len(decoded), -1)
            out[:] = flat if out.dtype == np.uint8 else flat / np.float32(255.0)
            return
        statistics = None if self.statistics is None else self.statistics.encode(decoded[..., 0])
        start = 0
        for patches in self.patches or (None,):
            for features in (None if patches is None else patches.encode(decoded), statistics):
                if features is not None:
                    write_standardized(features, out[:, start : start + features.shape[1]])
                    start += features.shape[1]

    def with_form(self, form: SoundFormat) -> SoundEncoder:
        """The encoder with all that is known of the format."""
        return replace(self, form=form)

    def arrays(self) -> dict[str, Array]:
        """The arrays of the patch features, by number and name, and of the statistics."""
        statistics = {} if self.statistics is None else self.statistics.arrays()
        return {**super().arrays(), **{f"statistics.{name}": array for name, array in statistics.items()}}

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values, without its arrays."""
        return {
            "kind": self.kind,
            "column": self.column,
            "form": self.form.to_dict(),
            "patches": [patches.to_dict() for patches in self.patches],
            "statistics": self.statistics is not None,
            "as_bytes": self.as_bytes,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SoundEncoder:
        """The encoder that `to_dict` wrote, its arrays under "arrays".

        Raises:
            ModelFileError: a field or an array is absent, or does not fit the others.
        """
        form = SoundFormat.from_dict(json_fields.mapping(json_fields.field(data, "form", dict)))
        has_statistics = json_fields.field(data, "statistics", bool)
        arrays = json_fields.arrays_under(data.get("arrays", {}), "statistics.")
        statistics = BandStatistics.from_arrays(arrays, form.bands) if has_statistics else None
        column, as_bytes = json_fields.field(data, "column", str), json_fields.field(data, "as_bytes", bool)
        return cls(column, form, cls.stored_patches(data), statistics, as_bytes)


def fit_patches(spectrograms: Array, form: SoundFormat, n_centroids: int, seed: int = 0) -> PatchFeatures:
    """Patch features of spectrograms, shape (B, F, T, 1): of words in thirds of time, of other sounds in none."""
    grid = (4, 1) if form.whole else (4, 3)
    return PatchFeatures.fit(spectrograms, n_centroids, seed, stride=stride_for(form), grid=grid)


def stride_for(form: SoundFormat) -> int:
    """How far patches lie apart: 1 frame and band, or 2 in long spectrograms.

    >>> stride_for(SoundFormat(8000, 60)), stride_for(SoundFormat(22050, 500))
    (1, 2)
    """
    return 1 if form.frames <= LONG_FRAMES else 2


def spectrograms_of(cells: pl.Series, form: SoundFormat | None = None, first: int = 0) -> Array:
    """The spectrograms of a column, shape (B, F, T, 1): as they are where they are decoded, else decoded.

    Parameters:
        form: the format to bring them to; None for that of a decoded column.
        first: the index of the first cell in the column, for messages.
    """
    if isinstance(cells.dtype, pl.Array) and len(cells.dtype.shape) == 3:
        array: Array = cells.to_numpy()
        return array
    return decode_all(cells.to_list(), form or SoundFormat(8000, 100), cells.name, first)
