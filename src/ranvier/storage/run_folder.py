"""A run folder: what was asked for (description.json), what happened (events.jsonl) and the checkpoints of one run."""

from __future__ import annotations

import contextlib
import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ranvier.errors import InputError, ModelFileError, RanvierError, nearest
from ranvier.records import record
from ranvier.storage.atomic import PathLike, failure, sync_folder, write_all, write_atomically
from ranvier.storage.json_text import from_text, to_text
from ranvier.storage.lock import locked

_EVENTS = "events.jsonl"
_DESCRIPTION = "description.json"
_BLOCK = 65536


@record
class RunFolder:
    """The folder of one training run; `create` and `open` make one.

    Whoever writes holds `lock()`; reading needs none.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = RunFolder.create(Path(folder) / "first")
    ...     with run.lock():
    ...         run.append({"epoch": 1, "loss": 0.5})
    ...     run.read_events()
    [{'epoch': 1, 'loss': 0.5}]
    """

    path: Path

    @classmethod
    def create(cls, path: PathLike | None = None, name: str = "run") -> RunFolder:
        """Make the folder of a new run.

        Parameters:
            path: the folder, new or empty; None makes runs/<date>-<time>-<name> under the current folder.
            name: what the run is about, for the name of the folder.

        Raises:
            InputError: the folder holds a run or other files already, or cannot be made.
        """
        folder = _new_folder(name) if path is None else Path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / _EVENTS).exists():
                raise InputError(_taken(folder))
            if any(folder.iterdir()):
                raise InputError(f'The folder "{folder}" is not empty; give a new folder for the run.')
            os.close(os.open(folder / _EVENTS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            sync_folder(folder)
            sync_folder(folder.parent)
        except FileExistsError as error:
            reason = _taken(folder) if folder.is_dir() else f'"{folder}" is a file; give a new folder for the run.'
            raise InputError(reason) from error
        except OSError as error:
            raise failure(folder, error) from error
        return cls(folder)

    @classmethod
    def open(cls, path: PathLike) -> RunFolder:
        """Find the folder of an earlier run.

        Raises:
            InputError: there is no such folder (with the nearest names), or it holds no run.
        """
        folder = Path(path)
        if not folder.exists():
            others = _runs(folder.parent)
            raise InputError(
                f'There is no run folder "{folder}".' + (f" {nearest(folder.name, others)}" if others else "")
            )
        if not (folder / _EVENTS).is_file():
            others = _runs(folder)
            hint = f" {nearest(folder.name, others)}" if others else ""
            raise InputError(f'"{folder}" is not a run folder: it has no {_EVENTS}.{hint}')
        return cls(folder)

    @property
    def events(self) -> Path:
        """The file of events, one JSON object a line."""
        return self.path / _EVENTS

    @property
    def checkpoints(self) -> Path:
        """The folder for checkpoints; the first one makes it."""
        return self.path / "checkpoints"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run while the body runs, so that no other process writes it.

        Raises:
            InputError: a living process holds it. The lock of a process that died is taken over.
        """
        with locked(self.path / "lock", f'the run "{self.path}"'):
            yield

    def append(self, event: dict[str, Any]) -> None:
        """Add one event as one line, handed to the system at once; a line that a crash cut in half is removed first.

        NaN and infinities are written as null, because losses may be such and JSON cannot hold them.

        Raises:
            InputError: the event is not plain JSON values, or the file cannot be written.
            RanvierError: writing failed (the disk is full); the earlier events are whole.
        """
        if not isinstance(event, dict):
            raise InputError(f"An event must be a dict; a {type(event).__name__} was given.")
        line = to_text(_finite(event), "event").encode("ascii") + b"\n"
        try:
            descriptor = os.open(self.events, os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                end = _whole_lines(descriptor)
                os.ftruncate(descriptor, end)
                os.lseek(descriptor, end, os.SEEK_SET)
                try:
                    write_all(descriptor, line)
                except BaseException:
                    os.ftruncate(descriptor, end)
                    raise
            finally:
                os.close(descriptor)
        except OSError as error:
            raise failure(self.events, error) from error

    def read_events(self, after: int = 0) -> list[dict[str, Any]]:
        """Read the events that follow the first `after` ones; a last line that is not whole yet is left for later.

        Raises:
            ModelFileError: the file is missing, or a line in it is damaged.
        """
        try:
            content = self.events.read_bytes()
        except OSError as error:
            raise ModelFileError(f'The events "{self.events}" cannot be read: {error.strerror or error}.') from error
        lines = content.split(b"\n")[:-1]
        return [self._event(number, line) for number, line in enumerate(lines[after:], after + 1)]

    def write_description(self, description: dict[str, Any]) -> None:
        """Write, as a whole, what is needed to resume the run: plain JSON values.

        Raises:
            InputError: a value cannot be stored, or the file cannot be written.
            RanvierError: writing failed.
        """
        if not isinstance(description, dict):
            raise InputError(f"The description of a run must be a dict; a {type(description).__name__} was given.")
        text = to_text(description, "description", indent=1)
        write_atomically(self.path / _DESCRIPTION, text.encode("ascii") + b"\n")

    def read_description(self) -> dict[str, Any]:
        """Read what `write_description` wrote.

        Raises:
            ModelFileError: it is missing or damaged.
        """
        path = self.path / _DESCRIPTION
        advice = "start over by training again into a new run folder"
        try:
            description = from_text(path.read_bytes())
        except FileNotFoundError as error:
            raise ModelFileError(f'The run "{self.path}" has no {_DESCRIPTION}; {advice}.') from error
        except OSError as error:
            raise ModelFileError(f'"{path}" cannot be read: {error.strerror or error}.') from error
        except ValueError as error:
            raise ModelFileError(f'"{path}" is damaged ({error}); {advice}.') from error
        if not isinstance(description, dict):
            raise ModelFileError(f'"{path}" is damaged (it is not a JSON object); {advice}.')
        return description

    def _event(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            event = from_text(line)
        except ValueError as error:
            raise ModelFileError(f'Line {number} of "{self.events}" is damaged ({error}); delete that line.') from error
        if not isinstance(event, dict):
            raise ModelFileError(f'Line {number} of "{self.events}" is not a JSON object; delete that line.')
        return event


def _taken(folder: Path) -> str:
    return f'The folder "{folder}" holds a run already; go on with it (ranvier resume {folder}) or give a new folder.'


def _new_folder(name: str) -> Path:
    """Make a folder that nobody had before: the date, the time, the name and, if need be, a number."""
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:60] or "run"
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{safe}"
    parent = Path("runs")
    try:
        parent.mkdir(exist_ok=True)
        for attempt in range(1, 1000):
            folder = parent / (stem if attempt == 1 else f"{stem}-{attempt}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
    except FileExistsError as error:
        raise InputError('"runs" is a file here; give a folder for the run, or work in another folder.') from error
    except OSError as error:
        raise failure(parent, error) from error
    raise RanvierError(f'There are too many runs named "{stem}" already; give a folder for the run.')


def _runs(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if (path / _EVENTS).is_file())
    except OSError:
        return []


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _whole_lines(descriptor: int) -> int:
    """The length of a file up to and including its last line end, searched from the end."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        os.lseek(descriptor, start, os.SEEK_SET)
        position = os.read(descriptor, end - start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0
