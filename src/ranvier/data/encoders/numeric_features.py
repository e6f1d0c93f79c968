"""What numbers become: the scaled value, waves of it, and ramps or hats, for all columns of a table at once.

B is the number of rows, n the number of columns of numbers, K the number of inputs that all columns become, W the
number of waves of the column that has most.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.scaling import FAR, LIMIT, soften, softened
from ranvier.records import record

BLOCK = 2048
"""The rows that are written at once: what a block needs stays in the cache."""
EXACT, SPREAD = 2.0**52, 16
LOWEST, HIGHEST = np.array(-LIMIT), np.array(LIMIT)


@record
class Spelling:
    """How one column of numbers is spelled out.

    Fields:
        center, scale: z = soft((x - center) / scale), and 0 where the scale is 0; a missing cell counts as the center.
        waves: how many pairs cos(k pi z / 8), sin(k pi z / 8) follow, k = 1 ... waves.
        edges: between neighbours a ramp min(max((x - low) / (high - low), 0), 1) - 1/2; increasing, empty for none.
        flag: whether a last number says 1 for a missing cell.
        hats: whether a hat at each edge but the first stands in place of the ramp that ends there.
    """

    center: float
    scale: float
    waves: int
    edges: tuple[float, ...]
    flag: bool
    hats: bool = False

    @property
    def width(self) -> int:
        """The number of features.

        >>> Spelling(0.0, 1.0, waves=2, edges=(0.0, 1.0, 5.0), flag=True).width
        8
        """
        return 1 + 2 * self.waves + max(len(self.edges) - 1, 0) + self.flag


class Numeric:
    """Writes the features of columns of numbers. One row gets the same bits as many.

    Parameters:
        columns: for each column where its features begin in a row, and how it is spelled out.

    >>> numeric = Numeric([(0, Spelling(2.0, 1.0, waves=0, edges=(1.0, 2.0, 4.0), flag=True))])
    >>> out = np.zeros((3, 4), np.float32)
    >>> numeric.write(np.array([[2.0, 3.0, np.nan]]), out)
    >>> out[:, 1:].tolist()
    [[0.5, -0.5, 0.0], [0.5, 0.0, 0.0], [0.5, -0.5, 1.0]]
    """

    def __init__(self, columns: Sequence[tuple[int, Spelling]]) -> None:
        scale = np.array([one.scale for _, one in columns])
        self._center = np.array([one.center for _, one in columns])[:, None]
        self._constant = np.flatnonzero(scale == 0)
        self._divisor = np.where(scale == 0, 1.0, scale)[:, None]
        self._starts = np.array([start for start, _ in columns], np.intp)
        self._flags = [(place, start + one.width - 1) for place, (start, one) in enumerate(columns) if one.flag]
        self._waves = [(place, start + 1, one.waves) for place, (start, one) in enumerate(columns) if one.waves]
        most = max((waves for _, _, waves in self._waves), default=0)
        self._frequencies = np.arange(1, most + 1, dtype=np.float32)[:, None, None] * np.float32(np.pi / (2 * FAR))
        pairs = sorted((k, place, first + 2 * k) for place, first, waves in self._waves for k in range(waves))
        self._pairs = np.array([k * len(columns) + place for k, place, _ in pairs], np.intp)
        self._cosines = np.array([first for _, _, first in pairs], np.intp)
        self._sines = self._cosines + 1
        steps = [
            (_Hats if one.hats else _Ramps)(start + 1 + 2 * one.waves, one.edges) if one.edges else None
            for start, one in columns
        ]
        self._steps = [(place, step) for place, step in enumerate(steps) if step is not None]
        self._columns = [
            (start, one.center, one.scale, step, start + one.width - 1 if one.flag else -1)
            for (start, one), step in zip(columns, steps, strict=True)
        ]

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the features over the zeros in `out`.

        Parameters:
            values: shape (n, B), NaN where missing, never infinite.
            out: shape (B, K).
        """
        missing = np.isnan(values)
        gone = np.count_nonzero(missing)
        if gone:
            values = np.where(missing, self._center, values)
        with np.errstate(over="ignore"):
            scaled = values - self._center
            scaled /= self._divisor
            np.maximum(scaled, LOWEST, out=scaled)
            np.minimum(scaled, HIGHEST, out=scaled)
            if self._constant.size:
                scaled[self._constant] = 0.0
            soften(scaled)
            self._write_rows(values, scaled.astype(np.float32), out)
        if gone:
            for place, flag in self._flags:
                out[:, flag] = missing[place]

    def write_row(self, values: Sequence[float], row: NDArray[np.float32]) -> None:
        """Write the features of one row, with the arithmetic of `write`, over the zeros in `row`.

        Parameters:
            values: n numbers, NaN where missing, never infinite.
            row: shape (K,).
        """
        for given, (start, center, scale, step, flag) in zip(values, self._columns, strict=True):
            missing = given != given
            value = center if missing else given
            if missing and flag >= 0:
                row[flag] = 1.0
            if scale:
                scaled = (value - center) / scale
                row[start] = softened(-LIMIT if scaled < -LIMIT else LIMIT if scaled > LIMIT else scaled)
            if step is not None:
                step.write_one(value, row)
        if self._waves:
            angles = (self._frequencies * row[self._starts]).reshape(-1)
            if len(self._pairs) < len(angles):
                angles = angles.take(self._pairs)
            row[self._cosines] = np.cos(angles)
            row[self._sines] = np.sin(angles)

    def _write_rows(self, values: NDArray[np.float64], z: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Write all but the flags."""
        for start, one in zip(self._starts, z, strict=True):
            out[:, start] = one
        if self._waves:
            angles = self._frequencies * z
            cosines, sines = np.cos(angles), np.sin(angles, out=angles)
            for place, first, waves in self._waves:
                end = first + 2 * waves
                out[:, first:end:2] = cosines[:waves, place].T
                out[:, first + 1 : end : 2] = sines[:waves, place].T
        for place, step in self._steps:
            step.write(values[place], out)

    def write_column(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the features of a single column, for any number of rows.

        Whole numbers that lie close, such as ages, are spelled out once each and then copied.

        Parameters:
            values: shape (B,), NaN where missing, never infinite.
            out: shape (B, width of the column).
        """
        found = close_whole_numbers(values)
        if found is not None:
            different = np.zeros((len(found[0]), out.shape[1]), np.float32)
            self.write(found[0][None], different)
        for first in range(0, len(values), BLOCK):
            block = slice(first, first + BLOCK)
            if found is None:
                self.write(values[None, block], out[block])
            else:
                out[block] = different.take(found[1][block], axis=0)


def close_whole_numbers(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
    """The different values, and for each value which of them it is, where all are whole numbers that lie close.

    Returns arrays (D,) and (B,), NaN counted as a value; None where there are fractions, where more than half of the
    values are different, or where they are too far apart for this to be quick.

    >>> different, place = close_whole_numbers(np.array([7.0, 5.0, np.nan, 5.0, 5.0, 5.0]))
    >>> different.tolist(), place.tolist()
    ([5.0, 7.0, nan], [1, 0, 2, 0, 0, 0])
    >>> close_whole_numbers(np.array([0.5, 0.5]))
    """
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if not (low >= -EXACT and high <= EXACT and high - low < SPREAD * len(values)):
        return None
    missing = np.isnan(values)
    present = np.where(missing, low, values)
    offsets = (present - low).astype(np.intp)
    negative_zero = low <= 0 <= high and bool((np.signbit(present) & (present == 0)).any())
    if negative_zero or (offsets + low != present).any():
        return None
    seen = np.zeros(int(high - low) + 1, np.bool_)
    seen[offsets] = True
    different = np.flatnonzero(seen)
    if 2 * len(different) >= len(values):
        return None
    places = np.empty(len(seen), np.intp)
    places[different] = np.arange(len(different))
    return np.append(different + low, np.nan), np.where(missing, len(different), places[offsets])


class _Edges:
    """The edges of one column: between which two a value lies, and how far it is from the lower to the upper one."""

    def __init__(self, first: int, edges: tuple[float, ...]) -> None:
        count = len(edges) - 1
        self._first, self._end, self._edges = first, first + count, edges
        self._inner = np.array(edges[1:-1])
        self._low, self._length = np.array(edges[:-1]), np.diff(edges)

    def place_one(self, value: float) -> tuple[int, float]:
        """The interval of a value, which is not missing, and the share of it that lies below the value, 0 to 1."""
        edges = self._edges
        at = bisect_right(edges, value, 1, len(edges) - 1) - 1
        low = edges[at]
        inside = (value - low) / (edges[at + 1] - low)
        return at, 0.0 if inside <= 0.0 else 1.0 if inside > 1.0 else inside

    def place(self, values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The same for values of shape (B,)."""
        places = np.searchsorted(self._inner, values, side="right")
        inside = values - self._low.take(places)
        inside /= self._length.take(places)
        np.maximum(inside, 0.0, out=inside)
        np.minimum(inside, 1.0, out=inside)
        inside += 0.0  # -0 becomes 0
        return places, inside


class _Ramps(_Edges):
    """The ramps of one column. Below the one in which a value lies all are 1/2, above it all are -1/2.

    That is exact: for x >= high the quotient (x - low) / (high - low) is at least 1 after rounding, too, and for
    x <= low at most 0.
    """

    def __init__(self, first: int, edges: tuple[float, ...]) -> None:
        super().__init__(first, edges)
        count = len(edges) - 1
        self._rows = np.where(np.arange(count) < np.arange(count)[:, None], np.float32(0.5), np.float32(-0.5))

    def write_one(self, value: float, row: NDArray[np.float32]) -> None:
        """Write the ramps of a value, which is not missing, into its row."""
        at, inside = self.place_one(value)
        row[self._first : self._end] = self._rows[at]
        row[self._first + at] = inside - 0.5

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the ramps of the values, shape (B,), none of which is missing."""
        places, inside = self.place(values)
        ramps = self._rows.take(places, axis=0)
        inside -= 0.5
        ramps.reshape(-1)[np.arange(0, ramps.size, ramps.shape[1]) + places] = inside
        out[:, self._first : self._end] = ramps


class _Hats(_Edges):
    """The hats of one column: at an edge 1, at its neighbours 0, straight in between; beyond the last edge 1.

    Where a value lies between two edges, its share of the way up is the hat of the upper one, and the rest of it that
    of the lower one. The first edge has no hat: every other one is 0 there.
    """

    def write_one(self, value: float, row: NDArray[np.float32]) -> None:
        """Write the hats of a value, which is not missing, into its row of zeros."""
        at, inside = self.place_one(value)
        row[self._first + at] = inside
        if at:
            row[self._first + at - 1] = 1.0 - inside

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the hats of the values, shape (B,), none of which is missing, over zeros."""
        places, inside = self.place(values)
        rows = np.arange(len(values))
        out[rows, places + self._first] = inside
        above = np.flatnonzero(places)
        out[above, places[above] + (self._first - 1)] = 1.0 - inside[above]
