"""Tail: follow a growing file of JSON lines without reading it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ranvier.storage.json_text import from_text

MAX_BYTES = 1 << 22
"""How much is read in one call."""


class Tail:
    """What is appended to a file, one JSON object a line.

    A last line without its newline is left for the next call, and a line that is no JSON object is passed over. A file
    that became shorter, or is another one of the same name, is read from its start; one that is gone gives nothing.

    Parameters:
        path: the file, which need not exist yet.
        at_end: whether what it holds already is passed over.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "events"
    ...     tail = Tail(path)
    ...     before = tail.read()
    ...     _ = path.write_text('{"a": 1}\\n{"b"')
    ...     before, tail.read(), tail.read()
    ([], [{'a': 1}], [])
    """

    def __init__(self, path: Path, at_end: bool = False) -> None:
        self._path, self._position = path, 0
        self._file: tuple[int, int] | None = None
        self.restarts = 0
        """How often the file was read from its start again."""
        if at_end:
            try:
                status = path.stat()
                self._position, self._file = status.st_size, (status.st_dev, status.st_ino)
            except OSError:
                pass

    def read(self) -> list[dict[str, Any]]:
        """The objects that were appended since the last call."""
        try:
            status = self._path.stat()
        except OSError:
            return []
        file = (status.st_dev, status.st_ino)
        if status.st_size < self._position or (self._file is not None and file != self._file):
            self._position = 0
            self.restarts += 1
        self._file = file
        if status.st_size == self._position:
            return []
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._position)
                content = stream.read(MAX_BYTES)
        except OSError:
            return []
        length = content.rfind(b"\n") + 1
        if not length and len(content) == MAX_BYTES:
            length = len(content)
        self._position += length
        return [entry for line in content[:length].splitlines() if (entry := _object(line)) is not None]


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = from_text(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
