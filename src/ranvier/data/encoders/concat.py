"""The encoders of all columns of a table together: many rows column by column, a single row cell by cell.

Both ways read what the cells say and write it with the same arithmetic, so that a row has the same bits whichever way
it went.

B is the number of rows, K the number of inputs that the columns become.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.encoders import cell_parsers
from ranvier.data.encoders.basis import FARTHEST, BasisEncoder
from ranvier.data.encoders.boolean import BooleanEncoder
from ranvier.data.encoders.category import CategoryEncoder, places_of
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.date import DateEncoder
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.numeric_features import Numeric


class SideBySide:
    """Encodes rows with one encoder for each column.

    Parameters:
        encoders: the encoders of the columns, in the order of their inputs.

    >>> together = SideBySide([NumberEncoder("age", 40.0, 10.0, False), CategoryEncoder("sex", ("Male", "Female"))])
    >>> together.row([40, "Female"]).tolist()
    [[0.0, 0.0, 1.0, 0.0, 0.0]]
    >>> together.columns([pl.Series("age", [40]), pl.Series("sex", ["?"])]).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(self, encoders: Iterable[ColumnEncoder]) -> None:
        self._encoders = tuple(encoders)
        self._writers: list[tuple[int, slice, Callable[[Any, NDArray[np.float32]], None]]] = []
        self._words: list[tuple[int, int, CategoryEncoder]] = []
        self._numbers: list[int] = []
        self._booleans: list[tuple[int, slice, BooleanEncoder]] = []
        self._dates: list[tuple[int, slice, DateEncoder]] = []
        self._categories: list[tuple[int, bool, dict[str, int], int]] = []
        spelled = []
        start = 0
        for place, one in enumerate(self._encoders):
            inputs = slice(start, start + one.width)
            if isinstance(one, (NumberEncoder, BasisEncoder)):
                self._numbers.append(place)
                spelled.append((start, one.spelling))
                self._writers.append((place, inputs, Numeric([(0, one.spelling)]).write_column))
            elif isinstance(one, BooleanEncoder):
                self._booleans.append((place, inputs, one))
                self._writers.append((place, inputs, one.write))
            elif isinstance(one, CategoryEncoder):
                known = {value: start + number for number, value in enumerate(one.values)}
                self._categories.append((place, one.words_only, known, start + len(known)))
                self._words.append((place, start, one))
            elif isinstance(one, DateEncoder):
                self._dates.append((place, inputs, one))
                self._writers.append((place, inputs, one.write))
            start = inputs.stop
        self.width = start
        self._numeric = Numeric(spelled) if spelled else None

    def columns(self, cells: Sequence[pl.Series]) -> NDArray[np.float32]:
        """The inputs of many rows, (B, K).

        Parameters:
            cells: one column for each encoder.

        Raises:
            DataError: a cell is not what its column's kind asks for.
        """
        out = np.empty((len(cells[0]), self.width), np.float32)
        out.fill(0.0)  # quicker than asking for zeros: NumPy asks for large pages here
        for place, inputs, write in self._writers:
            write(self._encoders[place].read(cells[place]), out[:, inputs])
        if self._words:
            found = places_of([(one, cells[place]) for place, _, one in self._words])
            rows = np.arange(len(out)) * self.width
            for (_, start, _), places in zip(self._words, found, strict=True):
                out.reshape(-1)[rows + (places + start)] = 1.0
        return out

    def row(self, cells: Sequence[Any]) -> NDArray[np.float32] | None:
        """The inputs of one row, (1, K); None for a row that only the encoders of the columns can read.

        Parameters:
            cells: one for each encoder.
        """
        out = np.zeros((1, self.width), np.float32)
        row = out[0]
        try:
            if self._numeric is not None:
                self._numeric.write_row(self._row_numbers(cells), row)
            for place, words_only, known, other in self._categories:
                value = cells[place]
                at = known.get(value) if type(value) is str else None
                if at is None:
                    word = cell_parsers.word(value)
                    if words_only and word is not None and type(value) in (int, float):
                        return None
                    at = other + 1 if word is None else known.get(word, other)
                row[at] = 1.0
            for place, inputs, truth in self._booleans:
                truth.write(np.array([cell_parsers.truth(cells[place])]), out[:, inputs])
            for place, inputs, date in self._dates:
                parts = cell_parsers.parts(cells[place])
                values = [cell_parsers.NAN if parts is None else parts[part] for part in date.parts]
                date.write(np.array([values]), out[:, inputs])
        except cell_parsers.NotPlain:
            return None
        return out

    def _row_numbers(self, cells: Sequence[Any]) -> list[float]:
        """The numbers of one row."""
        values = []
        for place in self._numbers:
            value = cells[place]
            if type(value) is not float:
                value = cell_parsers.number(value)
            if not -FARTHEST <= value <= FARTHEST and value == value:
                raise cell_parsers.NotPlain
            values.append(value)
        return values
