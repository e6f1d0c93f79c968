"""The model file: one safetensors file with the parameters and a description (JSON) of how to use them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ranvier.storage.atomic import PathLike, write_atomically
from ranvier.storage.safetensors_file import MODEL, Arrays, pack, unpack


def write_model(path: PathLike, arrays: Mapping[str, npt.NDArray[Any]], description: dict[str, Any]) -> None:
    """Write a model file atomically; an earlier file of that name is kept until the new one is on disk.

    Parameters:
        path: the file to write or replace.
        arrays: name -> array of booleans, integers, float16, float32 or float64, any shape.
        description: plain JSON values (network, task, encoder, training record). A string under "ranvier" is the
            version of Ranvier that wrote the file; an older version names it in its error message.

    Raises:
        InputError: the path cannot be written, or an array or the description cannot be stored (NaN included).
        RanvierError: writing failed.

    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.rv"
    ...     write_model(path, {"layers.0.bias": np.zeros(2, np.float32)}, {"inputs": 3})
    ...     read_model(path)
    ({'layers.0.bias': array([0., 0.], dtype=float32)}, {'inputs': 3})
    """
    write_atomically(path, pack(arrays, description, MODEL))


def read_model(path: PathLike) -> tuple[Arrays, dict[str, Any]]:
    """Read a model file. No code in it is run, and every changed byte is detected.

    Returns: the arrays (writable, C order) and the description.

    Raises:
        ModelFileError: the file is missing, empty, truncated, altered, not written by Ranvier, or of a newer version.

    >>> read_model("models/digits.rv")
    Traceback (most recent call last):
    ...
    ranvier.errors.ModelFileError: There is no model file "models/digits.rv". The folder "models" does not exist.
    """
    return unpack(Path(path), MODEL)
