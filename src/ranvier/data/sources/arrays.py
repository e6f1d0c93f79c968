"""Files of plain arrays: NPZ and IDX.

IDX is the format of MNIST: two zero bytes, a type byte, the number of dimensions, each dimension as a 32-bit
big-endian number, then the values. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", file formats.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.array_parts import PARTS, arrays_of_parts
from ranvier.data.sources.array_source import Arrays, arrays_from
from ranvier.data.sources.files import read_bytes
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
INPUT_KEYS = (("X", "y"), ("x", "y"), ("inputs", "targets"))
INPUTS, TARGETS = ("x", "inputs", "images"), ("y", "targets", "labels")


def read_npz(path: Path) -> Source:
    """Read inputs and targets from an NPZ archive under the names X and y, or inputs and targets.

    Names such as x_train and y_train, x_test and y_test, or train_images and train_labels hold parts of the rows.
    Arrays of other names with one row for each row of a table are its columns, those of two dimensions columns of
    vectors.

    Raises:
        DataError: the file is damaged, its arrays are neither, or it holds Python objects (which could run code when
            read).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.npz"
    ...     np.savez(path, X=np.zeros((4, 3)), y=np.arange(4))
    ...     read_npz(path).inputs.shape
    (4, 3)
    """
    from zipfile import BadZipFile

    data = read_bytes(path)
    if not data.startswith((b"PK", b"\x93NUMPY")):
        kind = "is not an NPZ archive" if data else "is empty"
        raise DataError(f'"{path}" {kind}; a file made with numpy.savez(path, X=inputs, y=targets) was expected.')
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(
                    f'"{path}" is a single array; an NPZ archive made with numpy.savez(X=..., y=...) was expected.'
                )
            names = list(archive.files)
            pair = next((keys for keys in INPUT_KEYS if keys[0] in names), None)
            parts = {"": pair} if pair is not None else _named_parts(names)
            if not parts:
                return _table({name: archive[name] for name in names}, path)
            arrays = {
                part: (archive[inputs], _labels(archive[targets]) if targets in names else None)
                for part, (inputs, targets) in parts.items()
            }
    except DataError:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error) or "pickle" in str(error):
            raise DataError(
                f'"{path}" holds Python objects, which are not read because they could run code. '
                "Save arrays of numbers or text (array.astype(str)) instead."
            ) from error
        raise DataError(f'"{path}" is a damaged NPZ file ({error}). Copy or write it again.') from error
    except (BadZipFile, zlib.error, OSError, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        raise DataError(f'"{path}" is a damaged NPZ file ({error}). Copy or write it again.') from error
    used = {name for pair in parts.values() for name in pair}
    unused = [name for name in names if name not in used]
    notes = (f"The arrays {', '.join(unused)} in the file were not used.",) if unused else ()
    return arrays_of_parts(arrays, str(path), notes)


def _named_parts(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """The names of the inputs and the targets of each part of the rows, the training rows first; targets may be absent.

    >>> _named_parts(["x_test", "y_test", "X_train", "y_train"])
    {'train': ('X_train', 'y_train'), 'test': ('x_test', 'y_test')}
    """
    names_of: dict[tuple[str, bool], str] = {}
    for name in names:
        words = name.lower().split("_")
        part = next((PARTS[word] for word in words if word in PARTS), None)
        what = [word for word in words if word not in PARTS]
        if part is not None and len(what) == 1 and what[0] in INPUTS + TARGETS:
            names_of.setdefault((part, what[0] in INPUTS), name)
    order = dict.fromkeys(PARTS.values())
    return {part: (names_of[part, True], names_of.get((part, False), "")) for part in order if (part, True) in names_of}


def _labels(targets: NDArray[Any]) -> NDArray[Any]:
    """Targets of one column as one value a row."""
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def _table(columns: dict[str, NDArray[Any]], path: Path) -> Table:
    """Arrays with as many rows each as a table."""
    rows = {len(array) if array.ndim else 0 for array in columns.values()}
    if len(rows) != 1 or rows == {0} or any(array.ndim > 2 and array.dtype != np.uint8 for array in columns.values()):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in columns.items())
        raise DataError(
            f'"{path}" holds the arrays {shapes or "(none)"}; X and y, x_train and y_train, inputs and targets, or '
            "columns with as many rows each were expected. Save it again with numpy.savez(path, X=inputs, y=targets)."
        )
    from ranvier.data.sources.frames import frame_from_columns

    return Table(frame_from_columns(columns, str(path)), str(path))


def vector_in_npy(data: bytes, name: str) -> NDArray[Any]:
    """The vector in the bytes of an NPY file: an array of numbers, of any shape, as one of one dimension.

    Parameters:
        name: of the file, for messages.

    Raises:
        DataError: the bytes are damaged, or hold no numbers.

    >>> buffer = io.BytesIO()
    >>> np.save(buffer, np.array([[0.5, 1.5]]))
    >>> vector_in_npy(buffer.getvalue(), "one.npy").tolist()
    [0.5, 1.5]
    """
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            f'"{name}" is no NPY file of numbers ({error}). Write it again with numpy.save(path, vector).'
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub" or not array.size:
        raise DataError(f'"{name}" holds no array of numbers. Write it again with numpy.save(path, vector).')
    return array.reshape(-1)


def is_idx(path: Path) -> bool:
    """Whether a file's name says that it is IDX.

    >>> is_idx(Path("train-images-idx3-ubyte.gz")), is_idx(Path("rows.csv"))
    (True, False)
    """
    name = path.name.lower().removesuffix(".gz")
    return name.endswith("-ubyte") or name.endswith(".idx") or "idx3" in name or "idx1" in name


def labels_path(images: Path) -> Path | None:
    """The labels file beside an images file with MNIST's names, or None.

    >>> labels_path(Path("nowhere/train-images-idx3-ubyte")) is None
    True
    """
    if "images" not in images.name:
        return None
    plain = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    candidates = (images.with_name(name) for name in (plain, f"{plain}.gz"))
    return next((path for path in candidates if path.is_file()), None)


def read_idx(path: Path) -> Arrays:
    """Read an IDX file of images and the labels file beside it, if there is one.

    Raises:
        DataError: a file is damaged, the numbers of images and labels differ, or the path is a labels file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "t-images-idx3-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4]))
    ...     read_idx(path).inputs.tolist()
    [[1, 2, 3, 4]]
    """
    inputs = parse_idx(read_bytes(path), f'"{path}"')
    if inputs.ndim < 2:
        raise DataError(f'"{path}" holds one number for each row, like a labels file; give the images file beside it.')
    labels = labels_path(path)
    if labels is None:
        return arrays_from(inputs, None, str(path), ("There is no labels file beside the images file.",))
    targets = parse_idx(read_bytes(labels), f'"{labels}"')
    if targets.shape[0] != inputs.shape[0]:
        raise DataError(
            f'"{path}" has {inputs.shape[0]} images and "{labels}" has {targets.shape[0]} labels. Download both again.'
        )
    return arrays_from(inputs, targets, str(path), (f"Labels from {labels.name}.",))


def parse_idx(data: bytes, origin: str) -> NDArray[Any]:
    """The array in the bytes of an IDX file, in the machine's byte order.

    Raises:
        DataError: the bytes are not IDX or their number is not the one that the header says.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), "two labels").tolist()
    [7, 9]
    """
    if len(data) < 4 or data[:2] != b"\x00\x00" or data[2] not in IDX_TYPES or data[3] == 0:
        raise DataError(
            f"{origin} is not an IDX file: its first four bytes are {data[:4].hex(' ')}. Download it again."
        )
    dimensions = data[3]
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{origin} is truncated inside its header. Copy it again.")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", dimensions, 4))
    dtype = np.dtype(IDX_TYPES[data[2]])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise DataError(f"{origin} has {len(data)} bytes; its header {shape} requires {expected}. Copy it again.")
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
