"""A run folder: the settings (run.json), events (events.jsonl) and checkpoints of one training run."""

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
from ranvier.storage.atomic import PathLike, os_error, sync_folder, write_all, write_atomically
from ranvier.storage.json_text import from_text, to_text
from ranvier.storage.lock import locked

_EVENTS = "events.jsonl"
_DESCRIPTION = "run.json"
_OLD_DESCRIPTION = "description.json"
"""Its name in run folders of version 0.1."""
_BLOCK = 65536
HINT = "Give the folder that training wrote, which is under runs/ by default."


@record
class RunFolder:
    """The folder of one training run; made by `create` and `open`.

    Writing needs `lock()`; reading does not.

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
        """Create the folder of a new run.

        Parameters:
            path: the folder, new or empty; None creates runs/<date>-<time>-<name> in the current folder.
            name: a name for the run, used if `path` is None.

        Raises:
            InputError: the folder already has a run or other files in it, or cannot be created.
        """
        folder = _new_folder(name) if path is None else Path(path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / _EVENTS).exists():
                raise InputError(_already_used_message(folder))
            if any(folder.iterdir()):
                raise InputError(f'The folder "{folder}" is not empty; give a new folder for the run.')
            os.close(os.open(folder / _EVENTS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            sync_folder(folder)
            sync_folder(folder.parent)
        except FileExistsError as error:
            reason = (
                _already_used_message(folder)
                if folder.is_dir()
                else f'"{folder}" is a file; give a new folder for the run.'
            )
            raise InputError(reason) from error
        except OSError as error:
            raise os_error(folder, error) from error
        return cls(folder)

    @classmethod
    def open(cls, path: PathLike) -> RunFolder:
        """Open the folder of an earlier run.

        Raises:
            InputError: the folder does not exist (the message suggests similar names) or has no run in it.
        """
        folder = Path(path)
        if not folder.exists():
            others = _run_names(folder.parent)
            hint = nearest(folder.name, others) if others else HINT
            raise InputError(f'There is no run folder "{folder}". {hint}')
        if not (folder / _EVENTS).is_file():
            others = _run_names(folder)
            hint = nearest(folder.name, others) if others else HINT
            raise InputError(f'"{folder}" is not a run folder: it has no {_EVENTS}. {hint}')
        return cls(folder)

    @property
    def events(self) -> Path:
        """The file of events, one JSON object per line."""
        return self.path / _EVENTS

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints; the first checkpoint creates it."""
        return self.path / "checkpoints"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the run while the body runs, so that no other process writes it.

        Raises:
            InputError: a running process holds the lock. The lock of a process that died is free.
        """
        with locked(self.path / "lock", f'the run "{self.path}"'):
            yield

    def append(self, event: dict[str, Any]) -> None:
        """Append one event as one line, unbuffered; an incomplete last line (after a crash) is removed first.

        NaN and infinities, which losses can be, are written as null, because JSON has no such numbers.

        Raises:
            InputError: the event is not plain JSON values, or the file cannot be written.
            RanvierError: writing failed (the disk is full); the earlier events are unchanged.
        """
        if not isinstance(event, dict):
            raise InputError(f"An event must be a dict; a {type(event).__name__} was given.")
        line = to_text(_without_nan(event), "event").encode("ascii") + b"\n"
        try:
            descriptor = os.open(self.events, os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                end = _length_of_complete_lines(descriptor)
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
            raise os_error(self.events, error) from error

    def read_events(self, after: int = 0) -> list[dict[str, Any]]:
        """Read the events after the first `after` ones; an incomplete last line is left out.

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
        """Write the description, which is needed to resume the run, atomically: plain JSON values.

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
            ModelFileError: the file is missing or damaged.
        """
        path = self.path / _DESCRIPTION
        if not path.exists() and (self.path / _OLD_DESCRIPTION).exists():
            path = self.path / _OLD_DESCRIPTION
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


def _already_used_message(folder: Path) -> str:
    return f'The folder "{folder}" already has a run; continue it (ranvier resume {folder}) or choose a new folder.'


def _new_folder(name: str) -> Path:
    """Create a new folder: runs/<date>-<time>-<name>, with a number at the end if it exists."""
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
        raise os_error(parent, error) from error
    raise RanvierError(f'There are too many runs named "{stem}"; choose a folder for the run.')


def _run_names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if (path / _EVENTS).is_file())
    except OSError:
        return []


def _without_nan(value: Any) -> Any:
    """JSON values with None in place of NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


def _length_of_complete_lines(descriptor: int) -> int:
    """The length of a file up to and including its last newline, searched from the end."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        os.lseek(descriptor, start, os.SEEK_SET)
        position = os.read(descriptor, end - start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0
