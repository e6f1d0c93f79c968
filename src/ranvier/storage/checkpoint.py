"""Checkpoints: the complete state of a training run, written often, so that a stopped run can be resumed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ranvier.errors import InputError, ModelFileError
from ranvier.storage.atomic import PathLike, os_error, remove_temporaries, sync_folder, write_atomically
from ranvier.storage.safetensors_file import CHECKPOINT, Arrays, pack, unpack

_NAME = re.compile(r"checkpoint-([0-9]{10,18})\.safetensors")
_MAX_NUMBER = 10**18 - 1


def write_checkpoint(
    folder: PathLike,
    number: int,
    arrays: Mapping[str, npt.NDArray[Any]],
    state: dict[str, Any],
    keep: int = 2,
) -> Path:
    """Write one checkpoint atomically and remove old ones.

    After the new checkpoint is on disk, only the `keep` newest up to `number` are kept. Checkpoints with higher numbers
    are removed, because the run was resumed from an earlier one, and so are partly written files. Only one process at
    a time may write to a folder: hold the lock of the run.

    Parameters:
        folder: the folder of the checkpoints; created if missing.
        number: the progress of the training, for example the number of steps; at least 0.
        arrays: name -> array (parameters, optimizer slots, ...).
        state: plain JSON values (step, epoch, seed, position, callback state); None in place of NaN or infinity.
        keep: how many checkpoints to keep, at least 1.

    Returns: the path of the new file.

    Raises:
        InputError: the folder cannot be written, or a value cannot be stored.
        RanvierError: writing failed (the disk is full); the earlier checkpoints are still there.

    >>> import tempfile, numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_checkpoint(folder, 40, {"weight": np.ones(2)}, {"epoch": 1})
    ...     arrays, state, notes = read_latest(folder)
    >>> path.name, arrays["weight"], state, notes
    ('checkpoint-0000000040.safetensors', array([1., 1.]), {'epoch': 1}, ())
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MAX_NUMBER:
        raise InputError(f"The number of a checkpoint is {number!r}; it must be an integer of at least 0.")
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise InputError(f"keep is {keep!r}; at least 1 checkpoint must be kept.")
    folder = Path(folder)
    content = pack(arrays, state, CHECKPOINT)
    _make_folder(folder)
    path = folder / f"checkpoint-{number:010d}.safetensors"
    write_atomically(path, content)
    remove_temporaries(folder)
    numbered = _numbered(folder)
    to_keep = [other for other, _ in numbered if other <= number][:keep]
    for other, old in numbered:
        if other not in to_keep:
            with contextlib.suppress(OSError):
                old.unlink()
    return path


def read_latest(folder: PathLike) -> tuple[Arrays, dict[str, Any], tuple[str, ...]]:
    """Read the newest intact checkpoint.

    Returns: the arrays, the state, and one sentence for the user about each newer checkpoint that is damaged.

    Raises:
        ModelFileError: there is no checkpoint, or none is intact.
    """
    folder = Path(folder)
    advice = "start over by training again into a new run folder"
    numbered = _numbered(folder)
    if not numbered:
        raise ModelFileError(f'The folder "{folder}" has no checkpoints; {advice}.')
    problems: list[str] = []
    for _, path in numbered:
        try:
            arrays, state = unpack(path, CHECKPOINT)
        except ModelFileError as error:
            problems.append(str(error))
            continue
        return arrays, state, tuple(f'{problem} The run continues from "{path.name}".' for problem in problems)
    raise ModelFileError(
        f'None of the {len(problems)} checkpoints in "{folder}" can be used; {advice}. The newest: {problems[0]}'
    )


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    """The checkpoints of a folder with their numbers, newest first."""
    try:
        paths = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ModelFileError(f'The folder "{folder}" cannot be read: {error.strerror or error}.') from error
    numbered = [(int(match[1]), path) for path in paths if (match := _NAME.fullmatch(path.name))]
    return sorted(numbered, reverse=True)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise os_error(folder, error) from error
