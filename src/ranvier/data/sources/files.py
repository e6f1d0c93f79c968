"""Finding and reading files, with errors that say what to do."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from ranvier.errors import DataError, nearest

DELIMITED = (".csv", ".tsv", ".tab")
PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".lzma": "LZMA", ".zst": "Zstandard"}
"""The end of a name -> what packed the file."""
MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ", ".lzma": b"]\0\0", ".zst": b"\x28\xb5\x2f\xfd"}


def refuse_address(text: str) -> None:
    """Refuse an address of the network, which is no path.

    Raises:
        DataError: it is one.

    >>> refuse_address("data/rows.csv")
    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(/{1,3})", text)
    if match is None:
        return
    # A `Path` has joined the two slashes.
    address = f"{match[1]}:{'//' if match[2] == '/' else match[2]}{text[match.end() :]}"
    if match[1].lower() == "file":
        raise DataError(f'"{address}" is an address of a file; give its path: "/{text[match.end() :].lstrip("/")}".')
    advice = (
        f'Download it first: curl -L -O "{address}"'
        if match[1].lower() in ("http", "https", "ftp")
        else "Copy the file to this machine first"
    )
    raise DataError(f'"{address}" is an address on a network; only files on this machine are read. {advice}.')


def find(path: Path, named: Iterable[str] = ()) -> Path:
    """Give the path back if a file is there.

    Parameters:
        path: what the user gave.
        named: names that are data sets without being files, for the list of suggestions.

    Raises:
        DataError: nothing is there, or something that is no file.

    >>> find(Path(__file__)).name
    'files.py'
    """
    try:
        if path.is_file():
            return path
        if path.exists():
            raise DataError(f'"{path}" is not an ordinary file. Write what it gives to a file first.')
        folder = path.parent
        if not folder.is_dir():
            raise DataError(f'There is no file "{path}": its folder "{folder}" does not exist.')
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f'"{path}" cannot be read: {error.strerror or error}.') from error
    options = [*names, *named]
    hint = nearest(path.name, options)
    if not hint.startswith("Did you mean"):
        hint = f"Files in that folder: {', '.join(names[:10]) or 'none'}{' and more' if len(names) > 10 else ''}. "
        hint += f"Sets with a name: {', '.join(named)}."
    raise DataError(f'There is no file "{path}". {hint}')


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, unpacked if its name ends in one of `PACKED`.

    Raises:
        DataError: it cannot be read, is empty, or its compression is damaged.

    >>> read_bytes(Path(__file__))[:3]
    b'\"\"\"'
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f'"{path}" cannot be read: {error.strerror or error}.') from error
    data = unpacked(data, path)
    if not data:
        text = any(ending in DELIMITED for ending in path.suffixes)
        raise DataError(f'"{path}" is empty. A file with {"a header line and " if text else ""}rows was expected.')
    return data


def unpacked(data: bytes, path: Path) -> bytes:
    """The bytes of a file without its compression, which the end of its name says.

    Raises:
        DataError: the compression is damaged, or another one.

    >>> unpacked(gzip.compress(b"words"), Path("a.txt.gz"))
    b'words'
    """
    packing = path.suffix.lower()
    if packing not in PACKED or not data:
        return data
    import bz2
    import lzma

    unpack: dict[str, Callable[[bytes], bytes]] = {
        ".gz": gzip.decompress,
        ".bz2": bz2.decompress,
        ".xz": lzma.decompress,
        ".lzma": lzma.decompress,
        ".zst": text_of_zstandard,
    }
    what = PACKED[packing]
    if not data.startswith(MAGIC[packing]):
        raise DataError(f'"{path}" is not packed with {what}, although its name says so. Take {packing} off it.')
    try:
        return unpack[packing](data)
    except UnicodeError as error:
        raise DataError(f'"{path}" holds no text in UTF-8. Unpack it, and give the file that was in it.') from error
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise DataError(
            f'"{path}" is damaged: it cannot be unpacked as {what} ({error}). Copy the file again.'
        ) from error


def text_of_zstandard(data: bytes) -> bytes:
    """The text that Zstandard packed. Python has it from 3.14 on; polars unpacks it where it reads text in UTF-8.

    Raises:
        UnicodeError: it is no text in UTF-8.
        ValueError: the bytes are damaged.
    """
    import polars as pl

    try:
        cells = pl.read_csv(
            data,
            has_header=False,
            schema={"text": pl.String},
            separator="\x1c",
            eol_char="\x1d",
            quote_char=None,
            encoding="utf8-lossy",
        ).to_series()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(str(error).split("\n")[0]) from error
    text = "".join(cells.to_list()) if len(cells) <= 1 else "\ufffd"
    if "\ufffd" in text:
        raise UnicodeError("no text in UTF-8")
    return text.encode()
