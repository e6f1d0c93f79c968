"""Open a file that may not exist, and recognise files of other formats by their first bytes."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ranvier.errors import ModelFileError, nearest

_SIGNATURES = {
    b"PK\x03\x04": "it looks like a zip archive, as .npz, .pt and .keras files are",
    b"\x93NUMPY": "it looks like a NumPy array (.npy)",
    b"\x89HDF": "it looks like an HDF5 file",
    b"PAR1": "it looks like a Parquet table",
    b"\x1f\x8b": "it looks like a gzip file",
    b"GGUF": "it looks like a GGUF file",
    b"\x89PNG": "it looks like a picture (PNG)",
}
_PICKLE_PROTOCOLS = range(2, 6)
_CONTROL_CHARACTERS = frozenset(range(32)) - frozenset(b"\t\n\r\f")
_MAX_ENTRIES = 1000


def looks_like(head: bytes) -> str | None:
    """The format that the first bytes of a file suggest, as half a sentence; None if unknown.

    >>> looks_like(b"age,income\\n39,50000\\n")
    'it looks like text, such as a table in CSV'
    """
    for signature, description in _SIGNATURES.items():
        if head.startswith(signature):
            return description
    if len(head) > 1 and head[0] == 0x80 and head[1] in _PICKLE_PROTOCOLS:
        return "it looks like a pickle, which Ranvier never opens because opening one can run code"
    if _CONTROL_CHARACTERS.isdisjoint(head) and _is_utf8(head):
        return (
            "it looks like JSON" if head.lstrip()[:1] in (b"{", b"[") else "it looks like text, such as a table in CSV"
        )
    return None


@contextlib.contextmanager
def open_file(path: Path, label: str) -> Iterator[tuple[BinaryIO, int]]:
    """Open a regular file for reading; yields the file and its size in bytes.

    Raises:
        ModelFileError: the file does not exist (the message suggests similar names), is a folder or a device, or cannot
            be read.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelFileError(f'There is no {label} "{path}". {_suggestions(path)}') from error
    except ValueError as error:
        raise ModelFileError(f"The path {str(path)!r} cannot name a {label}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise ModelFileError(f'"{path}" is a folder, not a {label}. {_similar_names(path, path.name)}')
    if not stat.S_ISREG(status.st_mode):
        raise ModelFileError(f'"{path}" is not an ordinary file, so it cannot be a {label}.')
    try:
        file = open(path, "rb")  # noqa: SIM115
    except PermissionError as error:
        raise ModelFileError(f'The {label} "{path}" may not be read by this user; change its permissions.') from error
    with file:
        yield file, os.fstat(file.fileno()).st_size


def _suggestions(path: Path) -> str:
    if not path.parent.is_dir():
        return f'The folder "{path.parent}" does not exist.'
    return _similar_names(path.parent, path.name)


def _similar_names(folder: Path, name: str) -> str:
    """A sentence with the file names in a folder most similar to `name`; the same suffix goes first."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name
                for entry in islice(entries, _MAX_ENTRIES)
                if entry.is_file() and not entry.name.startswith(".")
            )
    except OSError:
        names = []
    suffix = Path(name).suffix or ".rv"
    same_suffix = [other for other in names if other.endswith(suffix)]
    if not names:
        return f'The folder "{folder}" has no files.'
    return nearest(name, same_suffix or names)


def _is_utf8(head: bytes) -> bool:
    """Whether these bytes are UTF-8 text; the last character may be incomplete."""
    for end in range(len(head), max(len(head) - 4, 0), -1):
        try:
            head[:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False
