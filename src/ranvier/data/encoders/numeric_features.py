"""The features of numbers, for all columns of a table at once: for many rows, and for one row with the same bits.

B is the number of rows, n the number of columns of numbers, K the number of inputs that all columns become.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.scaling import CLIP_RADIUS, MAX_Z, smooth_clip, smooth_clip_one

MAX_EXACT, MAX_SPREAD, HEAD = 2.0**52, 16, 2048
MIN_SCALED, MAX_SCALED = np.array(-MAX_Z), np.array(MAX_Z)


class ColumnOfNumbers(Protocol):
    """What decides the features of a column of numbers: those of a `NumberEncoder`."""

    @property
    def center(self) -> float: ...

    @property
    def scale(self) -> float: ...

    @property
    def missing_indicator(self) -> bool: ...

    @property
    def n_frequencies(self) -> int: ...

    @property
    def knots(self) -> tuple[float, ...]: ...

    @property
    def spline(self) -> bool: ...

    @property
    def single_values(self) -> tuple[float, ...]: ...

    @property
    def first_single_value(self) -> int: ...

    @property
    def width(self) -> int: ...


class NumericFeatures:
    """Writes the features of columns of numbers; `write_row` and `write` are bit-identical.

    Parameters:
        columns: for each column the index of its first feature in a row, and its encoder.

    >>> from ranvier.data.encoders.number import NumberEncoder
    >>> numeric = NumericFeatures([(0, NumberEncoder("x", 2.0, 1.0, True, knots=(1.0, 2.0, 4.0)))])
    >>> out = np.zeros((3, 4), np.float32)
    >>> numeric.write(np.array([[2.0, 3.0, np.nan]]), out)
    >>> out[:, 1:].tolist()
    [[0.5, -0.5, 0.0], [0.5, 0.0, 0.0], [0.5, -0.5, 1.0]]
    """

    def __init__(self, columns: Sequence[tuple[int, ColumnOfNumbers]]) -> None:
        numbered = [(at, start, encoder) for at, (start, encoder) in enumerate(columns)]
        self._indicators = [(at, start + e.width - 1) for at, start, e in numbered if e.missing_indicator]
        self._periodic = [(at, start + 1, e.n_frequencies) for at, start, e in numbered if e.n_frequencies]
        pieces = [_pieces(start + 1 + 2 * encoder.n_frequencies, encoder) for start, encoder in columns]
        self._pieces = [(at, piece) for at, piece in enumerate(pieces) if piece is not None]
        singles = [
            _SingleValues(start + encoder.first_single_value, encoder.single_values) if encoder.single_values else None
            for start, encoder in columns
        ]
        self._singles = [(at, single) for at, single in enumerate(singles) if single is not None]
        self._columns = [
            (
                start,
                encoder.center,
                encoder.scale,
                [part for part in (piece, single) if part is not None],
                start + encoder.width - 1 if encoder.missing_indicator else -1,
            )
            for (start, encoder), piece, single in zip(columns, pieces, singles, strict=True)
        ]
        if self._periodic:
            most = max(count for _, _, count in self._periodic)
            unit = np.float32(np.pi / (2 * CLIP_RADIUS))
            self._frequencies = np.arange(1, most + 1, dtype=np.float32)[:, None, None] * unit
            pairs = sorted((k, at, first + 2 * k) for at, first, count in self._periodic for k in range(count))
            self._pairs = np.array([k * len(columns) + at for k, at, _ in pairs], np.intp)
            self._cosines = np.array([first for _, _, first in pairs], np.intp)
            self._sines = self._cosines + 1
            self._starts = np.array([start for start, _ in columns], np.intp)

    @cached_property
    def _runs(self) -> list[tuple[slice, slice]]:
        """The columns whose scaled values stand side by side, and these features: they are written together."""
        starts = [start for start, *_ in self._columns]
        breaks = [at for at in range(1, len(starts)) if starts[at] != starts[at - 1] + 1]
        runs = zip([0, *breaks], [*breaks, len(starts)], strict=True)
        return [(slice(low, high), slice(starts[low], starts[low] + high - low)) for low, high in runs if low < high]

    @cached_property
    def _scaling(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """The centers and the scales as columns, 1 for a scale of 0, and where those of 0 are; for many rows only."""
        center, scale = (np.array([column[at] for column in self._columns], np.float64) for at in (1, 2))
        return center[:, None], np.where(scale == 0, 1.0, scale)[:, None], np.flatnonzero(scale == 0)

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the features over the zeros in `out`.

        Parameters:
            values: shape (n, B), NaN where missing, never infinite.
            out: shape (B, K).
        """
        center, divisor, constant = self._scaling
        missing = np.isnan(values)
        any_missing = np.count_nonzero(missing)
        if any_missing:
            values = np.where(missing, center, values)
        with np.errstate(over="ignore"):
            scaled = values - center
            scaled /= divisor
            np.maximum(scaled, MIN_SCALED, out=scaled)
            np.minimum(scaled, MAX_SCALED, out=scaled)
            if constant.size:
                scaled[constant] = 0.0
            smooth_clip(scaled)
            self._write_rows(values, scaled, out)
        if any_missing:
            for at, indicator in self._indicators:
                out[:, indicator] = missing[at]

    def write_row(self, values: Sequence[float], row: NDArray[np.float32]) -> None:
        """Write the features of one row, with the arithmetic of `write`, over the zeros in `row`.

        Parameters:
            values: n numbers, NaN where missing, never infinite.
            row: shape (K,).
        """
        for cell, (start, center, scale, parts, indicator) in zip(values, self._columns, strict=True):
            missing = cell != cell
            value = center if missing else cell
            if missing and indicator >= 0:
                row[indicator] = 1.0
            if scale:
                scaled = (value - center) / scale
                row[start] = smooth_clip_one(-MAX_Z if scaled < -MAX_Z else MAX_Z if scaled > MAX_Z else scaled)
            for part in parts:
                part.write_cell(value, row)
        if self._periodic:
            angles = (self._frequencies * row[self._starts]).reshape(-1)
            if len(self._pairs) < len(angles):
                angles = angles.take(self._pairs)
            row[self._cosines] = np.cos(angles)
            row[self._sines] = np.sin(angles)

    def _write_rows(self, values: NDArray[np.float64], z: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write all features but the indicators."""
        for columns, features in self._runs:
            out[:, features] = z[columns].T
        if self._periodic:
            angles = self._frequencies * z.astype(out.dtype)
            cosines, sines = np.cos(angles), np.sin(angles, out=angles)
            for at, first, count in self._periodic:
                end = first + 2 * count
                out[:, first:end:2] = cosines[:count, at].T
                out[:, first + 1 : end : 2] = sines[:count, at].T
        for at, pieces in self._pieces:
            pieces.write(values[at], out)
        for at, single in self._singles:
            single.write(values[at], out)


def _pieces(first: int, encoder: ColumnOfNumbers) -> _PiecewiseLinear | _LinearSpline | None:
    """The features between the knots of a column, which begin at `first`; None for none."""
    if not encoder.knots:
        return None
    return (_LinearSpline if encoder.spline else _PiecewiseLinear)(first, encoder.knots)


def dense_integer_codes(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
    """The different values and the code of each value, where all are integers from a small range.

    Returns arrays (D,) and (B,), NaN counted as a value; None where a value has a fraction, where more than half of
    the values are different, or where the range is too large for this to be quick.

    >>> different, codes = dense_integer_codes(np.array([7.0, 5.0, np.nan, 5.0, 5.0, 5.0]))
    >>> different.tolist(), codes.tolist()
    ([5.0, 7.0, nan], [1, 0, 2, 0, 0, 0])
    >>> dense_integer_codes(np.array([0.5, 0.5]))
    """
    head = values[:HEAD]
    if (head != np.floor(head)).any() and not np.isnan(head).any():
        return None  # most columns
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if not (low >= -MAX_EXACT and high <= MAX_EXACT and high - low < MAX_SPREAD * len(values)):
        return None
    size = int(high - low) + 1  # the code of NaN until all integers are known
    codes, is_used = np.empty(len(values), np.intp), np.zeros(size + 1, np.bool_)
    for start in range(0, len(values), HEAD):
        block = values[start : start + HEAD]
        missing = np.isnan(block)
        offsets = np.where(missing, size, block - low)
        block_codes = codes[start : start + HEAD]
        block_codes[:] = offsets
        negative_zero = low <= 0 <= high and bool((np.signbit(block) & (block == 0)).any())
        if negative_zero or ((block_codes + low != block) & ~missing).any():
            return None
        is_used[block_codes] = True
    different = np.flatnonzero(is_used[:size])
    if 2 * len(different) >= len(values):
        return None
    code_of = np.full(size + 1, len(different), np.intp)
    code_of[different] = np.arange(len(different))
    for start in range(0, len(values), HEAD):
        codes[start : start + HEAD] = code_of.take(codes[start : start + HEAD])
    return np.append(different + low, np.nan), codes


class _Knots:
    """The knots of one column: between which two a value lies, and at what fraction of the way from lower to upper."""

    def __init__(self, first: int, knots: tuple[float, ...]) -> None:
        count = len(knots) - 1
        self._first, self._end, self._knots = first, first + count, knots
        self._inner = np.array(knots[1:-1])
        self._low, self._length = np.array(knots[:-1]), np.diff(knots)

    def locate_one(self, value: float) -> tuple[int, float]:
        """The bin of a value, which is not missing, and the fraction of it that lies below the value, 0 to 1."""
        knots = self._knots
        at = bisect_right(knots, value, 1, len(knots) - 1) - 1
        low = knots[at]
        fraction = (value - low) / (knots[at + 1] - low)
        return at, 0.0 if fraction <= 0.0 else 1.0 if fraction > 1.0 else fraction

    def locate(self, values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The same for values of shape (B,)."""
        bins = np.searchsorted(self._inner, values, side="right")
        fraction = values - self._low.take(bins)
        fraction /= self._length.take(bins)
        np.maximum(fraction, 0.0, out=fraction)
        np.minimum(fraction, 1.0, out=fraction)
        fraction += 0.0  # -0 becomes 0
        return bins, fraction


class _PiecewiseLinear(_Knots):
    """The piecewise-linear encoding of one column: 1/2 in the bins below the one of the value, -1/2 in those above it.

    That is exact: for x >= high the quotient (x - low) / (high - low) is at least 1 after rounding, too, and for
    x <= low at most 0.
    """

    def __init__(self, first: int, knots: tuple[float, ...]) -> None:
        super().__init__(first, knots)
        count = len(knots) - 1
        self._rows = np.where(np.arange(count) < np.arange(count)[:, None], np.float32(0.5), np.float32(-0.5))

    def write_cell(self, value: float, row: NDArray[np.float32]) -> None:
        """Write the features of a value, which is not missing, into its row."""
        at, fraction = self.locate_one(value)
        row[self._first : self._end] = self._rows[at]
        row[self._first + at] = fraction - 0.5

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the features of the values, shape (B,), none of which is missing."""
        bins, fraction = self.locate(values)
        features = self._rows.take(bins, axis=0)
        fraction -= 0.5
        features.reshape(-1)[np.arange(0, features.size, features.shape[1]) + bins] = fraction
        out[:, self._first : self._end] = features


class _LinearSpline(_Knots):
    """The linear spline (hat) basis of one column: 1 at a knot, 0 at its neighbours, 1 beyond the last knot.

    Where a value lies between two knots, the hat of the upper one is the fraction of the way, and that of the lower one
    the rest. The first knot has no hat: all others are 0 there.
    """

    def write_cell(self, value: float, row: NDArray[np.float32]) -> None:
        """Write the features of a value, which is not missing, into its row of zeros."""
        at, fraction = self.locate_one(value)
        row[self._first + at] = fraction
        if at:
            row[self._first + at - 1] = 1.0 - fraction

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the features of the values, shape (B,), none of which is missing, over zeros."""
        bins, fraction = self.locate(values)
        rows = np.arange(len(values))
        out[rows, bins + self._first] = fraction
        above = np.flatnonzero(bins)
        out[above, bins[above] + (self._first - 1)] = 1.0 - fraction[above]


class _SingleValues:
    """The indicators of single values of one column: 1 where a value is just that one.

    Parameters:
        first: the index of the first of them in a row.
        values: ascending, at least one.
    """

    def __init__(self, first: int, values: tuple[float, ...]) -> None:
        self._first, self._values, self._array = first, values, np.array(values)

    def write_cell(self, value: float, row: NDArray[np.float32]) -> None:
        """Write the features of a value, which is not missing, into its row of zeros."""
        at = bisect_left(self._values, value)
        if at < len(self._values) and self._values[at] == value:
            row[self._first + at] = 1.0

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the features of the values, shape (B,), none of which is missing, over zeros."""
        at = np.minimum(np.searchsorted(self._array, values), len(self._values) - 1)
        rows = np.flatnonzero(self._array.take(at) == values)
        out[rows, at[rows] + self._first] = 1.0
