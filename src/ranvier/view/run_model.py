"""The model file of a run folder."""

from __future__ import annotations

from pathlib import Path

from ranvier.errors import InputError
from ranvier.storage.run_folder import RunFolder


def model_file_of(run: str | Path) -> Path:
    """Where the model of a run is.

    Raises:
        InputError: the folder is no run, the run kept no model, or its model is not there yet or any more.
    """
    folder = RunFolder.open(run)
    path = folder.read_description().get("model")
    if path is None:
        raise InputError(f'The run "{folder.path}" saved no model; give the file of a model.')
    file = Path(path)
    if not file.is_file():
        raise InputError(
            f'The run "{folder.path}" has no model at "{file}". If it has not ended, go on with: '
            f"ranvier resume {folder.path}; if the file was moved, give its new path."
        )
    return file
