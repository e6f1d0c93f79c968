"""The file format of model files and checkpoints: safetensors with a description and a checksum.

A file has the length of the header (8 bytes, little-endian), the header (JSON) and the bytes of the arrays. Its
`__metadata__` has format, version, description (JSON text) and sha256, which covers the other three and every array.
The header has one canonical form, and other forms are refused, so every changed byte of a file is detected.
Source: https://github.com/huggingface/safetensors, README, "Format".
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ranvier.errors import InputError, ModelFileError
from ranvier.records import record
from ranvier.storage.file_sniffing import looks_like, open_file
from ranvier.storage.json_text import from_text, to_text

Arrays = dict[str, npt.NDArray[Any]]

MAX_HEADER = 64 * 2**20
STORED_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}
"""What a header calls a dtype -> what NumPy does."""
DTYPES = tuple(STORED_DTYPES.values())
BYTES_AT_ONCE = 1 << 22
_METADATA = "__metadata__"
_KEYS = ["description", "format", "sha256", "version"]


@record
class FileKind:
    """A kind of file in this format.

    Fields: `format` (its name in the metadata), `label` (its name in error messages), `version` (the version that is
    written, and the newest that can be read), `advice` (what to do about a damaged file).
    """

    format: str
    label: str
    version: int
    advice: str


MODEL = FileKind("ranvier-model", "model file", 1, "take an intact copy, or train again")
CHECKPOINT = FileKind("ranvier-checkpoint", "checkpoint", 1, "use an earlier one, or start the run over")


def pack(
    arrays: Mapping[str, npt.NDArray[Any]], description: dict[str, Any], kind: FileKind
) -> list[bytes | memoryview]:
    """The bytes of a file with these arrays and this description; equal inputs give equal bytes.

    Parameters:
        arrays: name -> array of booleans, integers, float16, float32 or float64, any shape.
        description: plain JSON values.

    Returns: the buffers to write in order; those of arrays are their memory, not copies.

    Raises:
        InputError: a name, an array or the description cannot be stored.
    """
    from safetensors.numpy import save

    if not isinstance(description, dict):
        raise InputError(f"The description of a {kind.label} must be a dict; a {type(description).__name__} was given.")
    text = to_text(description, "description")
    stored = {name: _storable(name, array) for name, array in arrays.items()}
    metadata = {"description": text, "format": kind.format, "sha256": "", "version": str(kind.version)}
    metadata["sha256"] = checksum(stored, metadata)
    # Arrays without numbers show the order, so that the numbers of large ones are not copied.
    empty = save({name: np.zeros(0, array.dtype) for name, array in stored.items()})
    entries, start = from_text(empty[8:]), 0
    for name, entry in entries.items():
        array = stored[name]
        entry.update(shape=list(array.shape), data_offsets=[start, start + array.nbytes])
        start += array.nbytes
    header = _header({_METADATA: metadata, **entries})
    if len(header) > MAX_HEADER:
        raise InputError(
            f"The description of the {kind.label} takes {len(header):,} bytes; at most {MAX_HEADER:,} can be read "
            "back, so keep long lists in arrays."
        )
    buffers = [_bytes_of(stored[name]) for name in entries if stored[name].size]
    return [len(header).to_bytes(8, "little"), header, *buffers]


def unpack(path: Path, kind: FileKind) -> tuple[Arrays, dict[str, Any]]:
    """Read a file of this kind; no code in it is run.

    Returns: the arrays (writable, C order, the dtype they were written with) and the description.

    Raises:
        ModelFileError: the file is missing, truncated, altered, not written by Ranvier or of a newer version.
    """
    try:
        with open_file(path, kind.label) as (file, size):
            return _unpack(path, file, size, kind)
    except MemoryError as error:
        raise ModelFileError(f'The {kind.label} "{path}" does not fit into the free memory.') from error
    except RecursionError as error:
        raise _corrupt_error(path, kind, "its header is nested too deeply") from error
    except OSError as error:
        raise ModelFileError(
            f'The {kind.label} "{path}" cannot be read: {error.strerror or error}; check the disk.'
        ) from error


def checksum(arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> str:
    """SHA-256 of format, version, description and of each array's name, dtype, shape and bytes, sorted by name.

    >>> checksum({}, {"format": "f", "version": "1", "description": "{}"})[:8]
    'b9c01ce6'
    """
    digest = hashlib.sha256()
    digest.update(_canonical([metadata["format"], metadata["version"], metadata["description"]]))
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(_canonical([name, array.dtype.name, list(array.shape)]))
        if array.size:
            digest.update(_bytes_of(array))
    return digest.hexdigest()


def _bytes_of(array: npt.NDArray[Any]) -> memoryview:
    """The memory of a contiguous array with at least one number."""
    return array.reshape(-1).view(np.uint8).data


def _unpack(path: Path, file: BinaryIO, size: int, kind: FileKind) -> tuple[Arrays, dict[str, Any]]:
    header_bytes = _read_header(path, file, size, kind)
    header = _parse(header_bytes, path, kind)
    metadata = _check_format(path, header.get(_METADATA), kind)
    _check_version(path, metadata, kind)
    entries = {name: entry for name, entry in header.items() if name != _METADATA}
    expected = 8 + len(header_bytes) + _body_size(entries, path, kind)
    if size < expected:
        raise _truncated_error(path, kind, f"it has {size:,} of {expected:,} bytes")
    if size > expected:
        more = size - expected
        raise _corrupt_error(path, kind, f"it has {more:,} {'byte' if more == 1 else 'bytes'} too many")
    if _header(header) != header_bytes:
        raise _corrupt_error(path, kind, "its header is not as Ranvier writes it")
    arrays = _arrays(file, entries, path, kind)
    if checksum(arrays, metadata) != metadata["sha256"]:
        raise _corrupt_error(path, kind, "its checksum does not match")
    return arrays, _description(path, metadata["description"], kind)


def _read_header(path: Path, file: BinaryIO, size: int, kind: FileKind) -> bytes:
    """The bytes of the header; raises ModelFileError if the first bytes show that the file has no such header."""
    if size == 0:
        raise ModelFileError(f'The {kind.label} "{path}" is empty; {kind.advice}.')
    head = file.read(512)
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or length > MAX_HEADER:
        likely_format = looks_like(head)
        if likely_format is None and size <= 8:
            raise _truncated_error(path, kind, f"it has only {size} bytes")
        reason = likely_format or "its first bytes are not those of one"
        raise ModelFileError(f'"{path}" is not a Ranvier {kind.label}: {reason}.')
    if 8 + length > size:
        raise _truncated_error(path, kind, f"it has {size:,} of at least {8 + length:,} bytes")
    file.seek(8)
    return file.read(length)


def _parse(header: bytes, path: Path, kind: FileKind) -> dict[str, Any]:
    try:
        parsed = from_text(header)
    except ValueError as error:
        raise _corrupt_error(path, kind, "its header cannot be read") from error
    if not isinstance(parsed, dict):
        raise _corrupt_error(path, kind, "its header is not a JSON object")
    return parsed


def _check_format(path: Path, metadata: object, kind: FileKind) -> dict[str, Any]:
    """The metadata of a file of this kind; raises ModelFileError that names the format of any other file."""
    format_name = metadata.get("format") if isinstance(metadata, dict) else None
    if isinstance(metadata, dict) and format_name == kind.format:
        return metadata
    if format_name == CHECKPOINT.format:
        raise ModelFileError(f'"{path}" is a checkpoint of a run, not a {kind.label}; type: ranvier resume RUN')
    if format_name == MODEL.format:
        raise ModelFileError(f'"{path}" is a model file, not a {kind.label}; give the folder of a run.')
    raise ModelFileError(
        f'"{path}" is a safetensors file that was not written by Ranvier; give a Ranvier {kind.label}.'
    )


def _check_version(path: Path, metadata: dict[str, Any], kind: FileKind) -> None:
    """Raise ModelFileError for a newer version, and unless the metadata has its four strings."""
    version = metadata.get("version")
    if not isinstance(version, str) or not re.fullmatch("[1-9][0-9]{0,8}", version):
        raise _corrupt_error(path, kind, "it names no version")
    if int(version) > kind.version:
        raise ModelFileError(
            f'The {kind.label} "{path}" was written by a newer Ranvier (file version {version}{_writer(metadata)}; '
            f"this one reads up to {kind.version}); type: pip install --upgrade ranvier"
        )
    if sorted(metadata) != _KEYS or not all(isinstance(value, str) for value in metadata.values()):
        raise _corrupt_error(path, kind, "its metadata is incomplete")


def _writer(metadata: dict[str, Any]) -> str:
    """The version of Ranvier that wrote a file, from "ranvier" in its description; empty if missing."""
    try:
        writer = from_text(str(metadata.get("description")))["ranvier"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f", Ranvier {writer[:40]}" if isinstance(writer, str) else ""


def _body_size(entries: dict[str, Any], path: Path, kind: FileKind) -> int:
    try:
        return max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise _corrupt_error(path, kind, "its list of arrays cannot be read") from error


def _arrays(file: BinaryIO, entries: dict[str, Any], path: Path, kind: FileKind) -> Arrays:
    """The arrays that follow the header, read piece by piece into their memory."""
    shapes: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
    start = 0
    for name, (dtype, *sizes, begin, end) in sorted(
        ((name, _checked_entry(entry, path, kind)) for name, entry in entries.items()), key=lambda item: item[1][-2:]
    ):
        if begin != start or end - begin != math.prod(sizes) * dtype.itemsize:
            raise _corrupt_error(path, kind, "its list of arrays is wrong")
        shapes[name], start = (dtype, tuple(sizes)), end
    arrays: Arrays = {}
    for name, (dtype, shape) in shapes.items():
        array = np.empty(shape, dtype)
        into = _bytes_of(array) if array.size else memoryview(b"")
        for at in range(0, len(into), BYTES_AT_ONCE):
            piece = file.read(min(BYTES_AT_ONCE, len(into) - at))
            if len(piece) != min(BYTES_AT_ONCE, len(into) - at):
                raise _truncated_error(path, kind, "it became shorter while it was read")
            into[at : at + len(piece)] = piece
        arrays[name] = array
    return arrays


def _checked_entry(entry: Any, path: Path, kind: FileKind) -> tuple[Any, ...]:
    """The dtype, the sizes, the first byte and the end of an array, from its entry in the header."""
    if not isinstance(entry, dict) or sorted(entry) != ["data_offsets", "dtype", "shape"]:
        raise _corrupt_error(path, kind, "its list of arrays is wrong")
    shape, offsets = entry["shape"], entry["data_offsets"]
    numbers = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    if any(isinstance(number, bool) or not isinstance(number, int) or number < 0 for number in numbers):
        raise _corrupt_error(path, kind, "its list of arrays is wrong")
    if len(offsets) != 2:
        raise _corrupt_error(path, kind, "its list of arrays is wrong")
    if not isinstance(entry["dtype"], str) or entry["dtype"] not in STORED_DTYPES:
        raise _corrupt_error(path, kind, "it has arrays of an unknown dtype")
    return (np.dtype(STORED_DTYPES[entry["dtype"]]).newbyteorder("<"), *numbers)


def _description(path: Path, text: str, kind: FileKind) -> dict[str, Any]:
    try:
        description = from_text(text)
    except ValueError as error:
        raise _corrupt_error(path, kind, "its description is not JSON") from error
    if not isinstance(description, dict):
        raise _corrupt_error(path, kind, "its description is not a JSON object")
    return description


def _storable(name: object, array: object) -> npt.NDArray[Any]:
    if not isinstance(name, str) or name == _METADATA:
        raise InputError(f'{name!r} cannot name an array in a file; use a string such as "layers.0.weight".')
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(f"{name!r} cannot name an array in a file: it is not valid Unicode.") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{name!r} must be a NumPy array; a {type(array).__name__} was given.")
    if array.dtype.name not in DTYPES:
        raise InputError(f"{name!r} has dtype {array.dtype}; supported are {', '.join(DTYPES)}.")
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def _canonical(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")


def _header(header: dict[str, Any]) -> bytes:
    """Header JSON padded with spaces so that the arrays begin at a multiple of 8 bytes."""
    text = _canonical(header)
    return text + b" " * (-len(text) % 8)


def _truncated_error(path: Path, kind: FileKind, reason: str) -> ModelFileError:
    return ModelFileError(f'The {kind.label} "{path}" is cut off: {reason}; {kind.advice}.')


def _corrupt_error(path: Path, kind: FileKind, reason: str) -> ModelFileError:
    return ModelFileError(f'The {kind.label} "{path}" is damaged or was altered: {reason}; {kind.advice}.')
