"""A folder of files as a table."""

from __future__ import annotations

import os
from pathlib import Path

from ranvier.data.sources.file_reference import FileReference, shown
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.source import Source
from ranvier.data.sources.system_files import is_system_name
from ranvier.data.sources.table_among_files import table_from_files
from ranvier.errors import DataError


def read_folder(path: Path, reading: Reading = PLAIN) -> Source:
    """Read a folder: a column of files and, where they lie in class folders, a column of labels.

    A folder without class folders may hold a table that names its files.

    Hidden files and those that systems make do not count. Links are followed.

    Parameters:
        path: a folder of class folders; one of train/ and test/ (val/, valid/, validation/) with class folders; or
            files alone, which have no labels.
        reading: what is known of how the rows of a table in it are written.

    Raises:
        DataError: the folder cannot be read, or holds no picture, recording or text.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     for label in ("ham", "spam"):
    ...         (Path(name) / label).mkdir()
    ...         _ = (Path(name) / label / "1.txt").write_text("words")
    ...     read_folder(Path(name)).frame.columns
    ['text', 'label']
    """
    files: list[FileReference] = []
    visited: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise DataError(f'The folder "{shown(str(error.filename))}" cannot be read: {error.strerror}.') from error

    for folder, folders, names in os.walk(path, onerror=refuse, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_system_name(name))
        relative = os.path.relpath(folder, path)
        start = "" if relative == "." else shown(relative).replace(os.sep, "/") + "/"
        for name in names:
            full = os.path.join(folder, name)
            if not is_system_name(name) and os.path.isfile(full):
                files.append(FileReference(start + shown(name), Path(full)))
    return table_from_files(files, str(path), reading=reading)
