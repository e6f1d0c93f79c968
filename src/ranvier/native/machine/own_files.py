"""Files that nobody but this user, or the superuser, can have written.

A folder or file counts if it belongs to one of them, and neither its group nor others can write to it. The file that is
looked at is the one that is read, whatever is renamed meanwhile. Systems without such owners are trusted.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path


def read(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: there is no such file, it is a link or no regular file, or others can write to it or to its folder.
    """
    if sys.platform == "win32":
        return path.read_bytes()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _check(os.fstat(folder), "it")
        # O_NONBLOCK: a pipe in place of a file is not waited for.
        file = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    with open(file, "rb") as opened:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(f"{path.name} in it is not a regular file")
        _check(status, f"{path.name} in it")
        return opened.read()


def check_folder(folder: Path) -> None:
    """Raise an OSError unless a folder exists, belongs to this user or the superuser, and only they can write to it."""
    if sys.platform != "win32":
        _check(folder.stat(), "it")


def _check(status: os.stat_result, what: str) -> None:
    if sys.platform != "win32" and status.st_uid not in (os.geteuid(), 0):
        raise PermissionError(f"{what} belongs to user {status.st_uid}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(f"{what} can be written by other users")
