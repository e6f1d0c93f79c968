"""One row at a time, for answers in microseconds: the table encoder without a table.

A row's cells are read with plain dictionaries and a few additions. What comes out has the same bits as what the
encoders of the columns give; a cell that is anything but plain text, a number, true or false, a date or missing is left
to them.

K is the number of inputs that the columns become.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import cells as read
from ranvier.data.encoders.basis import FARTHEST, BasisEncoder
from ranvier.data.encoders.boolean import BooleanEncoder
from ranvier.data.encoders.category import CategoryEncoder
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.date import DateEncoder
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.scaling import FAR, LIMIT, soften

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
EXACT = 2**53
NAN = float("nan")
MICROSECOND = timedelta(microseconds=1)
START = datetime(1970, 1, 1)
TRUTH = {**dict.fromkeys(read.TRUE_WORDS, 1.0), **dict.fromkeys(read.FALSE_WORDS, 0.0)}


class NotPlain(Exception):  # noqa: N818 - it is a message between two functions and never reaches a user
    """A cell is left to the encoder of its column."""


class RowEncoder:
    """Encodes one row.

    Parameters:
        encoders: the encoders of the columns, in the order of their inputs.

    >>> encoder = RowEncoder([NumberEncoder("age", 40.0, 10.0, False), CategoryEncoder("sex", ("Male", "Female"))])
    >>> encoder.encode([40, "Female"]).tolist()
    [[0.0, 0.0, 1.0, 0.0, 0.0]]
    """

    def __init__(self, encoders: Iterable[ColumnEncoder]) -> None:
        self._numbers: list[tuple[int, int]] = []
        self._dates: list[tuple[int, DateEncoder]] = []
        self._booleans: list[tuple[int, int, float, int]] = []
        self._categories: list[tuple[int, bool, dict[str, int], int, int]] = []
        self._plain = True
        scaled: list[tuple[int, float, float]] = []
        dated: list[tuple[int, float, float]] = []
        basis = _Basis()
        start = 0
        for cell, one in enumerate(encoders):
            flag = start + one.width - 1 if getattr(one, "flag", False) else -1
            if isinstance(one, (NumberEncoder, BasisEncoder)):
                self._numbers.append((cell, flag))
                center = one.mean if isinstance(one, NumberEncoder) else one.center
                if isinstance(one, BasisEncoder):
                    basis.add(one, len(scaled), start + 1)
                scaled.append((start, center, one.scale))
            elif isinstance(one, BooleanEncoder):
                self._booleans.append((cell, start, one.mean, flag))
            elif isinstance(one, CategoryEncoder):
                known = {value: start + place for place, value in enumerate(one.values)}
                other = start + len(known)
                self._categories.append((cell, one.words_only, known, other, other + 1))
            elif isinstance(one, DateEncoder):
                self._dates.append((cell, one))
                dated += [(start + place, one.mean[place], one.scale[place]) for place in range(len(one.parts))]
            else:
                self._plain = False
            start += one.width
        self.width = start
        self._flags = np.array([flag for _, flag in self._numbers if flag >= 0], np.intp)
        self._flagged = np.array([place for place, (_, flag) in enumerate(self._numbers) if flag >= 0], np.intp)
        self._scaled, self._dated, self._basis = _Scaling(scaled), _Scaling(dated), basis.ready()

    def encode(self, cells: Sequence[Any]) -> NDArray[np.float32] | None:
        """The inputs of one row, (1, K); None for a row that only the encoders of the columns can read.

        Parameters:
            cells: one for each encoder.
        """
        if not self._plain:
            return None
        out = np.zeros((1, self.width), np.float32)
        row = out[0]
        try:
            self._fill_numbers(cells, row)
            for cell, start, mean, flag in self._booleans:
                word = _word(cells[cell])
                truth = mean if word is None else TRUTH.get(word.lower())
                if truth is None:
                    return None
                row[start] = truth
                if word is None and flag >= 0:
                    row[flag] = 1.0
            for cell, words_only, known, other, missing in self._categories:
                value = cells[cell]
                place = known.get(value) if type(value) is str else None
                if place is None:
                    word = _word(value)
                    if words_only and word is not None and type(value) in (int, float):
                        return None
                    place = missing if word is None else known.get(word, other)
                row[place] = 1.0
            if self._dates:
                self._fill_dates(cells, row)
        except NotPlain:
            return None
        return out

    def _fill_numbers(self, cells: Sequence[Any], row: NDArray[np.float32]) -> None:
        if not self._numbers:
            return
        read_cells = [value if type(value := cells[cell]) is float else _number(value) for cell, _ in self._numbers]
        values = np.array(read_cells)
        if (np.abs(values) > FARTHEST).any():
            raise NotPlain
        z = self._scaled.apply(values)
        soften(z)
        row[self._scaled.places] = z
        self._basis.fill(np.where(np.isnan(values), self._scaled.mean, values), z, row)
        if len(self._flags):
            row[self._flags] = np.isnan(values[self._flagged])

    def _fill_dates(self, cells: Sequence[Any], row: NDArray[np.float32]) -> None:
        values: list[float] = []
        for cell, encoder in self._dates:
            found = _parts(cells[cell])
            values += [NAN] * len(encoder.parts) if found is None else [found[part] for part in encoder.parts]
        row[self._dated.places] = self._dated.apply(np.array(values))
        start = 0
        for _, encoder in self._dates:
            if encoder.flag:
                row[self._dated.places[start + len(encoder.parts) - 1] + 1] = values[start] != values[start]
            start += len(encoder.parts)


class _Scaling:
    """Standardizing of several inputs at once: their places in the row, means and scales."""

    def __init__(self, entries: list[tuple[int, float, float]]) -> None:
        self.places = np.array([place for place, _, _ in entries], np.intp)
        self.mean = np.array([mean for _, mean, _ in entries])
        scale = np.array([scale for _, _, scale in entries])
        self.constant = scale == 0
        self.divisor = np.where(self.constant, 1.0, scale)

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """(values - mean) / scale, step by step as `standardize` has it."""
        with np.errstate(over="ignore"):
            z = (values - self.mean) / self.divisor
        z = np.minimum(np.maximum(z, -LIMIT), LIMIT)
        z[np.isnan(z) | self.constant] = 0.0
        return np.asarray(z, np.float32)


class _Basis:
    """The waves and ramps of all the columns that have some, as flat arrays: which number, which place in the row."""

    def __init__(self) -> None:
        self.waves: list[tuple[int, int, float]] = []
        self.ramps: list[tuple[int, int, float, float]] = []

    def add(self, encoder: BasisEncoder, number: int, start: int) -> None:
        """Note the waves and ramps of a column, whose places begin at `start`."""
        self.waves += [(number, start + 2 * k, float(k + 1)) for k in range(encoder.waves)]
        ends = start + 2 * encoder.waves
        pairs = enumerate(pairwise(encoder.edges))
        self.ramps += [(number, ends + place, low, high) for place, (low, high) in pairs]

    def ready(self) -> _Basis:
        """The same with its arrays made."""
        self.waved = np.array([number for number, _, _ in self.waves], np.intp)
        self.cosines = np.array([place for _, place, _ in self.waves], np.intp)
        self.frequencies = np.array([k for _, _, k in self.waves], np.float32) * np.float32(np.pi / (2 * FAR))
        self.ramped = np.array([number for number, _, _, _ in self.ramps], np.intp)
        self.places = np.array([place for _, place, _, _ in self.ramps], np.intp)
        self.low = np.array([low for _, _, low, _ in self.ramps])
        self.length = np.array([high for _, _, _, high in self.ramps]) - self.low
        return self

    def fill(self, values: NDArray[np.float64], z: NDArray[np.float32], row: NDArray[np.float32]) -> None:
        """Write the features, step by step as `BasisEncoder` has it."""
        if len(self.waved):
            angles = z[self.waved] * self.frequencies
            row[self.cosines] = np.cos(angles)
            row[self.cosines + 1] = np.sin(angles)
        if len(self.ramped):
            with np.errstate(over="ignore"):
                ramps = (values[self.ramped] - self.low) / self.length
            row[self.places] = np.minimum(np.maximum(ramps, 0.0), 1.0) - 0.5


def _number(cell: Any) -> float:
    """A cell as a number, NaN where missing."""
    kind = type(cell)
    if kind is int and -EXACT < cell < EXACT:
        return float(cell)
    if cell is None:
        return NAN
    if kind is bool:
        return float(cell)
    if kind is float:
        return float(cell)
    if kind is str:
        word = cell.strip(read.WHITE_SPACE)
        if word in read.MISSING:
            return NAN
        if NUMBER.fullmatch(word):
            return float(word)
    raise NotPlain


def _word(cell: Any) -> str | None:
    """A cell as stripped text, None where missing."""
    kind = type(cell)
    if kind is str:
        word: str = cell.strip(read.WHITE_SPACE)
        return None if word in read.MISSING else word
    if cell is None:
        return None
    if kind is bool:
        return "true" if cell else "false"
    if kind is int and -EXACT < cell < EXACT:
        return str(cell)
    if kind is float:
        if cell != cell:
            return None
        if abs(cell) < EXACT and cell == int(cell):
            return str(int(cell))
    raise NotPlain


def _parts(cell: Any) -> dict[str, float] | None:
    """The parts of a date, None where it is missing."""
    kind = type(cell)
    if cell is None or (kind is float and cell != cell):
        return None
    if kind is date:
        moment = datetime(cell.year, cell.month, cell.day)
    elif kind is datetime and cell.tzinfo is None:
        moment = cell
    else:
        raise NotPlain
    return {
        "year": float(moment.year),
        "month": float(moment.month),
        "day": float(moment.day),
        "weekday": float(moment.isoweekday()),
        "hour": moment.hour + moment.minute / 60.0,
        "elapsed days": ((moment - START) // MICROSECOND) / (1e6 * read.SECONDS_PER_DAY),
    }
