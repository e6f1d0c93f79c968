"""The epochs of a training as columns of numbers that grow at the end, and the same as JSON values in a few bytes.

A column that an epoch may lack, such as the validation loss, holds values and the indices of the epochs that have one.
"""

from __future__ import annotations

import base64
import threading
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = ("loss", "learning_rate", "seconds", "examples_per_second")
VALIDATION_LOSS, BEST = "validation_loss", "best"
LEVEL = 6
"""Of zlib; higher ones take longer and save little."""


class EpochColumns:
    """Columns to which epochs are appended, in constant time.

    Whoever shares the columns knows how many epochs are its own; the first to append beyond them goes on in place, and
    the others copy. What is there never changes.

    >>> columns = EpochColumns()
    >>> columns.append(0, {"epoch": 1, "best": True, "loss": 0.5, "seconds": 2.0}, {"accuracy": 0.9})
    True
    >>> columns.append(0, {"epoch": 1, "loss": 0.25}, {})
    False
    >>> columns.values("accuracy", 1), columns.seconds(1), columns.last_best(1)
    (array([0.9]), 2.0, 1)
    """

    def __init__(self) -> None:
        self.epochs = array("q")
        self.best = array("b")
        self.numbers = {name: array("d") for name in NUMBERS}
        self.optional: dict[str, tuple[array[int], array[float]]] = {}
        self._seconds, self._last_best = array("d"), array("q")
        self._lock = threading.Lock()

    def append(self, length: int, values: Mapping[str, Any], optional: Mapping[str, float]) -> bool:
        """Append an epoch after the first `length` ones; False where others are there already, or just come."""
        if not self._begin(length):
            return False
        try:
            seconds = values.get("seconds", 0.0) + (self._seconds[-1] if length else 0.0)
            last_best = values["epoch"] if values.get("best") else self._last_best[-1] if length else 0
            for name, value in optional.items():
                at, column = self.optional.setdefault(name, (array("q"), array("d")))
                at.append(length)
                column.append(value)
            for name, numbers in self.numbers.items():
                numbers.append(values.get(name, 0.0))
            self.best.append(bool(values.get("best")))
            self._seconds.append(seconds)
            self._last_best.append(last_best)
            self.epochs.append(values["epoch"])
        finally:
            self._lock.release()
        return True

    def extend(self, length: int, epochs: range, columns: Mapping[str, Sequence[float] | NDArray[np.float64]]) -> bool:
        """Append several epochs, as `append` does one.

        Parameters:
            epochs: their numbers.
            columns: what `NUMBERS` names, a value for each; "best", where some are marked; and what else all of them
                have.
        """
        if not self._begin(length):
            return False
        try:
            before, last_best = (self._seconds[-1], self._last_best[-1]) if length else (0.0, 0)
            for name, numbers in self.numbers.items():
                numbers.frombytes(np.asarray(columns[name], np.float64).tobytes())
            seconds = np.add.accumulate([before, *columns["seconds"]], dtype=np.float64)
            self._seconds.frombytes(seconds[1:].tobytes())
            best = np.asarray(columns.get(BEST, np.zeros(len(epochs))), np.bool_)
            self.best.frombytes(best.tobytes())
            all_epochs = np.array(epochs, np.int64)
            marked = np.maximum.accumulate(np.where(best, all_epochs, last_best))
            self._last_best.frombytes(marked.astype(np.int64).tobytes())
            for name in columns.keys() - {BEST, *NUMBERS}:
                at, column = self.optional.setdefault(name, (array("q"), array("d")))
                at.frombytes(np.arange(length, length + len(epochs)).tobytes())
                column.frombytes(np.asarray(columns[name], np.float64).tobytes())
            self.epochs.frombytes(all_epochs.tobytes())
        finally:
            self._lock.release()
        return True

    def _begin(self, length: int) -> bool:
        """Take the lock, where the caller may append after the first `length` epochs; whether it may.

        Nobody waits: the handler of a signal may have interrupted the one who appends.
        """
        if not self._lock.acquire(blocking=False):
            return False
        if length == len(self.epochs):
            return True
        self._lock.release()
        return False

    def mark_best(self, length: int) -> None:
        """Mark the last of the first epochs as the best; its owner alone may."""
        self.best[length - 1] = True
        self._last_best[length - 1] = self.epochs[length - 1]

    def first(self, length: int) -> EpochColumns:
        """A copy of the first epochs."""
        copied = EpochColumns()
        copied.epochs, copied.best = self.epochs[:length], self.best[:length]
        copied.numbers = {name: numbers[:length] for name, numbers in self.numbers.items()}
        for name, (at, column) in self.optional.items():
            count = bisect_left(at, length)
            copied.optional[name] = (at[:count], column[:count])
        copied._seconds, copied._last_best = self._seconds[:length], self._last_best[:length]
        return copied

    def seconds(self, length: int) -> float:
        """How long the first epochs took together."""
        return self._seconds[length - 1] if length else 0.0

    def last_best(self, length: int) -> int:
        """The number of the last of the first epochs that is marked as the best; 0 for none."""
        return self._last_best[length - 1] if length else 0

    def names(self, length: int) -> list[str]:
        """The columns that some of the first epochs have and others may lack."""
        return [name for name, (at, _) in self.optional.items() if at and at[0] < length]

    def values(self, name: str, length: int) -> NDArray[np.float64]:
        """A column of the first epochs; NaN where an epoch lacks the value."""
        if name in self.numbers:
            return np.array(self.numbers[name][:length], np.float64)
        result = np.full(length, np.nan)
        if name in self.optional:
            at, column = self.optional[name]
            count = bisect_left(at, length)
            result[np.array(at[:count], np.int64)] = column[:count]
        return result

    def row(self, index: int) -> tuple[dict[str, Any], dict[str, float]]:
        """The values of an epoch that all epochs have, and the others."""
        values: dict[str, Any] = {name: numbers[index] for name, numbers in self.numbers.items()}
        values |= {"epoch": self.epochs[index], "best": bool(self.best[index])}
        optional = {}
        for name, (at, column) in self.optional.items():
            position = bisect_left(at, index)
            if position < len(at) and at[position] == index:
                optional[name] = column[position]
        return values, optional

    def stored(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """Some of the epochs as JSON values, which `restored` reads.

        Parameters:
            rows: their indices, increasing.
        """
        optional = {}
        for name in self.names(int(rows[-1]) + 1 if len(rows) else 0):
            at, column = (np.array(part) for part in self.optional[name])
            in_rows = np.isin(at, rows)
            positions = np.searchsorted(rows, at[in_rows])
            optional[name] = {"at": _packed(np.diff(positions, prepend=-1)), "values": _packed(column[in_rows])}
        return {
            "count": len(rows),
            "epoch": _packed(np.diff(np.array(self.epochs)[rows], prepend=0)),
            "best": _packed(np.flatnonzero(np.array(self.best)[rows])),
            "numbers": {name: _packed(np.array(numbers)[rows]) for name, numbers in self.numbers.items()},
            "optional": optional,
        }

    @classmethod
    def restored(cls, data: Mapping[str, Any]) -> EpochColumns:
        """The columns of what `stored` wrote.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: `data` is damaged.
        """
        count = int(data["count"])
        epochs = np.cumsum(_unpacked(data["epoch"], count, np.int64))
        numbers = {name: _unpacked(data["numbers"][name], count, np.float64).tolist() for name in NUMBERS}
        best = set(_unpacked(data["best"], count, np.int64).tolist())
        optional: list[dict[str, float]] = [{} for _ in range(count)]
        for name, column in data["optional"].items():
            positions = np.cumsum(_unpacked(column["at"], count, np.int64)) - 1
            values = _unpacked(column["values"], count, np.float64)
            if len(positions) != len(values) or (
                len(positions) and not 0 <= positions.min() <= positions.max() < count
            ):
                raise ValueError(f"the column {name[:40]!r} of the history is damaged")
            for position, value in zip(positions.tolist(), values.tolist(), strict=True):
                optional[position][name] = value
        if not all(len(column) == count for column in (epochs, *numbers.values())):
            raise ValueError("the columns of the history have different lengths")
        columns = cls()
        for index, epoch in enumerate(epochs.tolist()):
            row: dict[str, Any] = {name: column[index] for name, column in numbers.items()}
            columns.append(index, {**row, "epoch": epoch, "best": index in best}, optional[index])
        return columns


def _packed(values: NDArray[Any]) -> str:
    """Numbers as text: their bytes, those at the same position together because they are alike, compressed."""
    plain = np.ascontiguousarray(values, np.float64 if values.dtype.kind == "f" else np.int64)
    together = plain.astype(plain.dtype.newbyteorder("<")).view(np.uint8).reshape(-1, 8).T
    return base64.b64encode(zlib.compress(together.tobytes(), LEVEL)).decode("ascii")


def _unpacked(text: str, most: int, dtype: type) -> NDArray[Any]:
    """The numbers that `_packed` wrote, at most so many.

    >>> _unpacked(_packed(np.array([0.5, -3.0])), 2, np.float64).tolist()
    [0.5, -3.0]
    """
    try:
        content = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), 8 * most + 1)
    except zlib.error as error:
        raise ValueError(f"a column of the history is damaged ({error})") from error
    if len(content) > 8 * most or len(content) % 8:
        raise ValueError("a column of the history has another length")
    together = np.frombuffer(content, np.uint8).reshape(8, -1).T
    return np.ascontiguousarray(together).reshape(-1).view(np.dtype(dtype).newbyteorder("<")).astype(dtype)
