"""From the name in a cell of a table to the file that it names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from ranvier.data.sources.file_content import IMAGE_ENDINGS, SOUND_ENDINGS
from ranvier.data.sources.file_reference import FileReference, shown
from ranvier.data.sources.system_files import is_system_name

MAX_ENTRIES = 200_000
"""Of more files in a folder beside a table only so many are looked at."""
Find = Callable[[str], "FileReference | None"]
"""From the path in a cell to its file, or None."""


class FileFinder:
    """Finds files by their path from a table's folder or from the outer one, else by a name that only one file has.

    The names of pictures and recordings may stand there without their ending.

    >>> find = FileFinder([FileReference("a/b/1.png", content=b""), FileReference("a/2.png", content=b"")])
    >>> [str(find(cell, "a")) for cell in ("b/1.png", "a/2.png", "1.png", "2", "3")]
    ['a/b/1.png', 'a/2.png', 'a/b/1.png', 'a/2.png', 'None']
    """

    def __init__(self, files: Sequence[FileReference]) -> None:
        media = [file for file in files if file.name.lower().endswith((*IMAGE_ENDINGS, *SOUND_ENDINGS))]
        self._by_path = {file.name: file for file in files}
        self._by_name = _only_ones((file.name.rpartition("/")[2], file) for file in files)
        self._without_ending = _only_ones((_stem(file.name), file) for file in media)
        self._by_stem = _only_ones((_stem(file.name.rpartition("/")[2]), file) for file in media)

    def __call__(self, cell: str, folder: str) -> FileReference | None:
        plain = "/".join(part for part in cell.replace("\\", "/").split("/") if part not in ("", "."))
        inside = f"{folder}/{plain}" if folder else plain
        for files in (self._by_path, self._without_ending):
            if inside in files or plain in files:
                return files.get(inside) or files[plain]
        return self._by_name.get(plain) or self._by_stem.get(plain)


def beside(folder: Path) -> FileFinder:
    """A finder of the files in the folders that lie in one."""
    files = []
    for inner in sorted(entry.name for entry in _entries(folder) if entry.is_dir()):
        names = [entry.name for entry in _entries(folder / inner) if entry.is_file()]
        files += [FileReference(f"{shown(inner)}/{shown(name)}", folder / inner / name) for name in names]
    return FileFinder(files)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, without system files; nothing where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in islice(entries, MAX_ENTRIES) if not is_system_name(entry.name)]
    except OSError:
        return []


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _only_ones(files: Iterable[tuple[str, FileReference]]) -> dict[str, FileReference]:
    """Name -> file, of the names that only one file has."""
    named = list(files)
    counts = Counter(name for name, _ in named)
    return {name: file for name, file in named if counts[name] == 1}
