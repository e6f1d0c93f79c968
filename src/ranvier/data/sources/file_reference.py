"""A file that a cell of a table stands for: on disk, a member of an archive, or bytes in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from ranvier.errors import DataError
from ranvier.records import record

READ_ERRORS = (OSError, EOFError, BadZipFile, NotImplementedError, RuntimeError)
"""What reading a file or a damaged member of an archive may raise."""


@record(eq=False)
class FileReference:
    """A file by its name, with all that is needed to read it.

    Fields:
        name: how it is called in messages and reports: its path from the folder, archive or table that named it.
        path: the file on disk, or the archive that it is a member of; None for bytes in memory.
        member: its name in that archive; empty for a file on disk.
        archive: the opened ZIP archive.
        content: the bytes of the file, where they are in memory already.

    >>> FileReference("a.txt", content=b"text").read()
    b'text'
    """

    name: str
    path: Path | None = None
    member: str = ""
    archive: Any = None
    content: bytes | None = None

    def read(self, count: int = -1) -> bytes:
        """The first `count` bytes, or all of them.

        Raises:
            DataError: the file cannot be read.
        """
        if self.content is not None:
            return self.content if count < 0 else self.content[:count]
        try:
            if isinstance(self.archive, ZipFile):
                with self.archive.open(self.member) as file:
                    return file.read(count) if count >= 0 else file.read()
            with open(self.path or "", "rb") as file:
                return file.read(count)
        except READ_ERRORS as error:
            raise DataError(f'"{self.name}" cannot be read: {getattr(error, "strerror", None) or error}.') from error

    def __repr__(self) -> str:
        return f"FileReference({self.name!r})"

    def __str__(self) -> str:
        return self.name


def shown(name: str) -> str:
    """A file's name as text that can be printed and stored, also where its bytes are not UTF-8.

    >>> shown("ca" + chr(0xDCE9))
    'ca\\ufffd'
    """
    return os.fsencode(name).decode("utf-8", "replace")
