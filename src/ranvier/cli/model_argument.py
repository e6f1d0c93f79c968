"""The model that a command is given before its data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranvier.errors import InputError, ModelFileError

if TYPE_CHECKING:
    from ranvier.model.model import Model


def loaded(model: str, data: Sequence[str]) -> Model:
    """The model in a file.

    Parameters:
        data: what stands behind it on the command line.

    Raises:
        InputError: there is no such model file, or it stands among the data.
    """
    import ranvier

    try:
        return ranvier.load(model)
    except ModelFileError:
        file = next((path for path in data if Path(path).suffix == ".rv" and Path(path).is_file()), None)
        if file is None or Path(model).suffix == ".rv":
            raise
        command = click.get_current_context().command_path
        raise InputError(f"The model comes first, then the data: {command} {file} {model}") from None
