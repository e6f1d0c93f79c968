"""The folder "live" of a run: what a training shows to those who watch it, and what they ask of it. P parameters,
V outputs of the neurons for a row, n rows.

    watched-V, open-V    touched by the viewer V: while a page is looking, and for as long as it serves at all
    rows-V               the rows that V looks at
    network-N.json       the Nth network that the run trains, and its settings
    parameters-N         memory-mapped: a header, two slots for its parameters that are written in turn, and two for
                         the outputs of its neurons for some rows, which are fewer numbers and come more often
    control.jsonl        what viewers ask for, one JSON object a line

A slot holds a sequence number, 0 while it is being written; readers take the slot with the larger one, copy it, and
look whether the number is still the same.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.records import record
from ranvier.storage.atomic import write_atomically
from ranvier.storage.json_text import from_text, to_text
from ranvier.storage.tail import Tail

Array = NDArray[Any]
WATCHED_SECONDS = 3.0
"""For how long a touch of `watched-V` counts."""
OPEN_SECONDS = 10.0
"""For how long a touch of `open-V` counts."""
FORGOTTEN_SECONDS = 60.0
"""The files of a viewer that broke off are removed when it has not touched them for so long."""
MAX_ROWS = 4
"""How many rows a viewer looks at, at most."""
MAX_VIEWERS = 4
"""Of how many viewers the rows are shown; others are shown the parameters alone."""
OF_VIEWER = ("open", "watched", "rows")
"""The files of a viewer."""
MAGIC = b"RANVLIVE"
VERSION = 3
HEADER = struct.Struct("<8sIIQQ")
"""Magic, version, bytes of a number, P, V."""
SLOT = struct.Struct("<Q6q3d")
"""Sequence number, then the fields of `Status`."""
SEQUENCE = struct.Struct("<Q")
"""The beginning of a slot: all that a look needs that finds nothing new."""
MARK = struct.Struct("<QQ")
"""Behind the slot of values, for each viewer: which rows they are of, and n; 0 and 0 for none."""
MARKS = MARK.size * MAX_VIEWERS
SLOTS_AT, VALUES_AT, ARRAYS_AT = 64, 256, 4096


@record
class Status:
    """Where a training stands.

    Fields:
        step: how many steps were made.
        epoch, last_epoch: how many epochs are complete, and how many there will be.
        position, steps: how many steps of the next epoch are made, of how many.
        paused: whether it waits for a viewer.
        learning_rate, examples_per_second: of the last steps.
        time: when this was written, in seconds since 1970.
    """

    step: int = 0
    epoch: int = 0
    last_epoch: int = 0
    position: int = 0
    steps: int = 0
    paused: bool = False
    learning_rate: float = 0.0
    examples_per_second: float = 0.0
    time: float = 0.0

    def to_bytes(self, sequence: int) -> bytes:
        """The slot's header."""
        integers = (self.step, self.epoch, self.last_epoch, self.position, self.steps, int(self.paused))
        return SLOT.pack(sequence, *integers, self.learning_rate, self.examples_per_second, self.time)

    @classmethod
    def from_bytes(cls, content: bytes) -> tuple[int, Status]:
        """The sequence number and the status that `to_bytes` wrote.

        >>> Status.from_bytes(Status(step=7).to_bytes(3))[0]
        3
        """
        sequence, step, epoch, last_epoch, position, steps, paused, *rest = SLOT.unpack(content)
        return sequence, cls(step, epoch, last_epoch, position, steps, bool(paused), *rest)


def slot_at(slot: int, size: int) -> tuple[int, int]:
    """Where the header and the array of a slot begin, for arrays of so many bytes."""
    return SLOTS_AT + slot * SLOT.size, ARRAYS_AT + slot * (-(-size // ARRAYS_AT) * ARRAYS_AT)


def values_at(slot: int, n_parameters: int, n_values: int, itemsize: int) -> tuple[int, int]:
    """Where the header and the array of a slot of values begin; of slot 2, where the file ends."""
    _, start = slot_at(2, n_parameters * itemsize)
    return VALUES_AT + slot * (SLOT.size + MARKS), start + slot * MAX_VIEWERS * MAX_ROWS * n_values * itemsize


class LivePublisher:
    """The side of the training. Nothing is written before `begin`.

    Parameters:
        run: the folder of the run.
    """

    def __init__(self, run: Path) -> None:
        self._folder = run / "live"
        self._number, self._sequence = 0, 0
        self._slot, self._values_slot = 0, 0
        self._n_parameters, self._n_values = 0, 0
        self._rows_written: dict[str, tuple[int, int]] = {}
        self._rows: dict[int, bytes] = {}
        self._map: mmap.mmap | None = None
        self._dtype: np.dtype[Any] = np.dtype(np.float32)
        self._commands = Tail(self._folder / "control.jsonl", at_end=True)

    def is_watched(self) -> bool:
        """Whether a page is looking now."""
        return any(self._fresh("watched", WATCHED_SECONDS))

    def is_open(self) -> bool:
        """Whether a viewer is there, a page or none."""
        return any(self._fresh("open", OPEN_SECONDS))

    def _fresh(self, name: str, seconds: float) -> Iterator[str]:
        """The viewers that touched this file of theirs lately."""
        with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                kind, _, viewer = entry.name.partition("-")
                if kind == name and _is_fresh(entry, seconds):
                    yield viewer

    def begin(self, description: dict[str, Any], n_parameters: int, dtype: type, n_values: int = 0) -> None:
        """Make room for another network, whose neurons say `n_values` numbers of a row."""
        self.close()
        self._number = 1 + max((number for number, _ in _networks(self._folder)), default=0)
        self._dtype, self._sequence = np.dtype(dtype), 0
        path = self._folder / f"parameters-{self._number}"
        self._n_parameters, self._n_values = n_parameters, n_values
        _, end = values_at(2, n_parameters, n_values, self._dtype.itemsize)
        with path.open("wb+") as file:
            if hasattr(os, "posix_fallocate"):
                # Writing into a mapped file for which the disk has no room would end the process.
                os.posix_fallocate(file.fileno(), 0, end)
            file.truncate(end)
            self._map = mmap.mmap(file.fileno(), end)
        self._map[: HEADER.size] = HEADER.pack(MAGIC, VERSION, self._dtype.itemsize, n_parameters, n_values)
        text = to_text(description, "description")
        write_atomically(self._folder / f"network-{self._number}.json", text.encode("ascii"))
        for number, earlier in _networks(self._folder):
            for path in (earlier, self._folder / f"parameters-{number}") if number < self._number else ():
                with contextlib.suppress(OSError):
                    path.unlink()
        self._forget_viewers()

    def _forget_viewers(self) -> None:
        """Remove the files of viewers that broke off long ago."""
        there = set(self._fresh("open", FORGOTTEN_SECONDS))
        for path in self._folder.iterdir():
            kind, _, viewer = path.name.partition("-")
            if kind in OF_VIEWER and viewer not in there:
                path.unlink(missing_ok=True)

    def publish(self, status: Status, parameters: Array) -> None:
        """Show parameters, (P,); nothing where `begin` failed."""
        if self._map is None:
            return
        self._slot = 1 - self._slot
        self._write(slot_at(self._slot, parameters.size * self._dtype.itemsize), status, parameters)

    def publish_values(self, status: Status, values: dict[int, Array]) -> None:
        """Show the outputs of neurons for the rows that `rows` gave, (n, V) by their mark; not where `begin` failed."""
        if self._map is None:
            return
        self._values_slot = 1 - self._values_slot
        head, array = values_at(self._values_slot, self._n_parameters, self._n_values, self._dtype.itemsize)
        self._map[head : head + SLOT.size] = status.to_bytes(0)
        marks = b"".join(MARK.pack(mark, len(of_rows)) for mark, of_rows in values.items())
        self._map[head + SLOT.size : head + SLOT.size + MARKS] = marks.ljust(MARKS, b"\0")
        self._write((head, array), status, np.concatenate(list(values.values())))

    def _write(self, at: tuple[int, int], status: Status, numbers: Array) -> None:
        assert self._map is not None
        head, array = at
        self._sequence += 1
        self._map[head : head + SLOT.size] = status.to_bytes(0)
        np.frombuffer(self._map, self._dtype, numbers.size, array)[:] = numbers.reshape(-1)
        self._map[head : head + SLOT.size] = status.to_bytes(self._sequence)

    def rows(self) -> dict[int, bytes]:
        """The rows that viewers look at, as they wrote them, by a mark; the same object until they write others."""
        written, contents = {}, {}
        try:
            for viewer in sorted(self._fresh("watched", WATCHED_SECONDS)):
                path = self._folder / f"rows-{viewer}"
                with contextlib.suppress(FileNotFoundError):
                    stat = path.stat()
                    # Files that are written in the same moment differ in their inodes.
                    written[viewer] = stat.st_mtime_ns, stat.st_ino
            if written != self._rows_written:
                for viewer in list(written)[:MAX_VIEWERS]:
                    content = (self._folder / f"rows-{viewer}").read_bytes()
                    contents[zlib.crc32(content)] = content
                self._rows_written, self._rows = written, contents
        except OSError:
            return self._rows
        return self._rows

    def commands(self) -> list[dict[str, Any]]:
        """What was asked for since the last call."""
        return self._commands.read()

    def close(self) -> None:
        """Show nothing more; what was shown last stays readable."""
        if self._map is not None:
            self._map.close()
        self._map = None


class LiveReader:
    """The side of a viewer.

    Parameters:
        run: the folder of the run.
    """

    def __init__(self, run: Path) -> None:
        self._folder = run / "live"
        viewer = secrets.token_hex(8)
        self._files = {name: self._folder / f"{name}-{viewer}" for name in OF_VIEWER}
        self._map: mmap.mmap | None = None
        self.number = 0
        self.description: dict[str, Any] = {}

    def touch(self, looking: bool) -> None:
        """Say that this viewer is there, and whether a page of it is looking."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            for name in ("open", "watched") if looking else ("open",):
                self._files[name].touch()

    def leave(self) -> None:
        """Say that this viewer is gone."""
        for path in self._files.values():
            with contextlib.suppress(OSError):
                path.unlink()
        self.close()

    def send(self, command: dict[str, Any]) -> None:
        """Ask the training for something."""
        line = to_text(command, "command").encode("ascii") + b"\n"
        descriptor = os.open(self._folder / "control.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def ask_for(self, rows: bytes) -> int:
        """Say which rows this viewer looks at, at most `MAX_ROWS`; gives the mark of the outputs for them."""
        write_atomically(self._files["rows"], rows)
        return zlib.crc32(rows)

    def refresh(self) -> bool:
        """Take up the newest network once its parameters are there; gives whether it is another one than before."""
        newest = max(_networks(self._folder), default=None)
        if newest is None or newest[0] == self.number:
            return False
        try:
            self.description = from_text(newest[1].read_bytes())
            with (self._folder / f"parameters-{newest[0]}").open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            return False
        magic, version, *_ = HEADER.unpack_from(mapped)
        if magic != MAGIC or version != VERSION or not newest_slot(mapped)[0]:
            mapped.close()
            return False
        self.close()
        self._map, self.number = mapped, newest[0]
        return True

    def sequence(self) -> int:
        """The number of the newest parameters; 0 where there are none yet."""
        return 0 if self._map is None else max(_sequence_at(self._map, slot_at(slot, 0)[0]) for slot in (0, 1))

    def read(self) -> tuple[int, Status, Array] | None:
        """The newest sequence number, status and parameters; None where there are none yet, or they were overtaken."""
        for _ in range(3):
            if self._map is None:
                return None
            sequence, slot, status = newest_slot(self._map)
            _, _, size, count, _ = HEADER.unpack_from(self._map)
            _, start = slot_at(slot, size * count)
            dtype = np.float32 if size == 4 else np.float64
            parameters = np.frombuffer(self._map, dtype, count, start).copy()
            if sequence and newest_slot(self._map, (slot,))[0] == sequence:
                return sequence, status, parameters
        return None

    def read_values(self, after: int = 0) -> tuple[int, Status, dict[int, Array]] | None:
        """The sequence number and status of the newest values that were shown, and the values (n, V) by their mark.

        Parameters:
            after: the sequence number of values that are known; None where there are no newer ones.
        """
        if self._map is None:
            return None
        newest = None
        for slot in (0, 1):
            head = values_at(slot, 0, 0, 0)[0]
            if _sequence_at(self._map, head) <= (after if newest is None else newest[0]):
                continue
            _, _, size, n_parameters, n_values = HEADER.unpack_from(self._map)
            _, start = values_at(slot, n_parameters, n_values, size)
            before = bytes(self._map[head : head + SLOT.size + MARKS])
            sequence, status = Status.from_bytes(before[: SLOT.size])
            if not sequence:
                continue
            values, dtype = {}, np.dtype(np.float32 if size == 4 else np.float64)
            for mark, count in MARK.iter_unpack(before[SLOT.size :]):
                if not count:
                    break
                values[mark] = np.frombuffer(self._map, dtype, count * n_values, start).reshape(count, n_values).copy()
                start += values[mark].nbytes
            if self._map[head : head + SLOT.size + MARKS] == before:
                newest = sequence, status, values
        return newest

    def close(self) -> None:
        """Let the file go."""
        if self._map is not None:
            self._map.close()
        self._map = None


def newest_slot(mapped: mmap.mmap, slots: tuple[int, ...] = (0, 1)) -> tuple[int, int, Status]:
    """The sequence number, slot and status of the newest parameters of a file; the number is 0 where there are none."""
    entries = []
    for slot in slots:
        head = SLOTS_AT + slot * SLOT.size
        sequence, status = Status.from_bytes(mapped[head : head + SLOT.size])
        entries.append((sequence, slot, status))
    return max(entries, key=lambda entry: entry[0])


def _sequence_at(mapped: mmap.mmap, head: int) -> int:
    number: int = SEQUENCE.unpack_from(mapped, head)[0]
    return number


def _networks(folder: Path) -> list[tuple[int, Path]]:
    """The number and the file of each network that was shown."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith("network-") and name.endswith(".json")]
    except OSError:
        return []
    numbers = [name.removeprefix("network-").removesuffix(".json") for name in names]
    return [(int(number), folder / name) for number, name in zip(numbers, names, strict=True) if number.isdigit()]


def _is_fresh(entry: os.DirEntry[str], seconds: float) -> bool:
    try:
        age = time.time() - entry.stat().st_mtime
    except OSError:
        return False
    # A file from the future, after the clock was set back, is not taken for fresh for hours.
    return -seconds < age < seconds
