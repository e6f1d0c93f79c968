"""load: a model from its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier import data
from ranvier.data import TargetEncoder
from ranvier.engine import check_loss_activation
from ranvier.errors import InputError, ModelFileError
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.description import CONFORMAL, ENCODER
from ranvier.model.model import Model
from ranvier.network.network import Network
from ranvier.network.renamed import renamed_parameters
from ranvier.training.conformal import Conformal
from ranvier.training.history import History
from ranvier.training.report import TrainReport
from ranvier.training.settings import TrainSettings

Array = NDArray[Any]


@in_usual_mode
def load(path: str | Path) -> Model:
    """Read a model file. Nothing in the file is ever run.

    Parameters:
        path: of a file that `Model.save`, `train` or the command wrote, in this version of Ranvier or an earlier one.

    Returns the model, which predicts the same bits as the one that was saved; it can be trained on.

    Raises:
        ModelFileError: the file is missing, damaged, of another kind or made by a newer version.
        DataError: the path is an address on a network.

    >>> import tempfile
    >>> from ranvier.network.layers import Dense
    >>> model = Network(2, [Dense(1)]).fit([[0.0, 1.0], [1.0, 0.0]], [1.0, 2.0], engine="reference")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/small.rv")
    ...     bool((load(f"{folder}/small.rv").predict([[1.0, 1.0]]) == model.predict([[1.0, 1.0]])).all())
    True
    """
    from ranvier.storage.model_file import read_model

    if ":/" in str(path):
        from ranvier.data.sources.files import refuse_address

        refuse_address(str(path))
    arrays, description = read_model(path)
    try:
        return _described(arrays, description)
    except ModelFileError as error:
        raise ModelFileError(f'The model file "{path}" cannot be used. {error}') from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        what = str(error) if isinstance(error, InputError) else repr(error)
        raise ModelFileError(
            f'The description in the model file "{path}" is incomplete or damaged: {what} '
            "Take another copy of the file, or train again."
        ) from error


def _described(arrays: Mapping[str, Array], description: Mapping[str, Any]) -> Model:
    """The model of a description; whatever is wrong with it raises one of Python's errors or an `InputError`."""
    network = Network.from_dict(description["network"])
    encoder_arrays, scores = _named(arrays, ENCODER), _named(arrays, CONFORMAL)
    arrays = {name: array for name, array in arrays.items() if not name.startswith((ENCODER, CONFORMAL))}
    encoder = None if description["encoder"] is None else data.encoder_from_dict(description["encoder"], encoder_arrays)
    target = TargetEncoder.from_dict(description["target"])
    training = TrainSettings.from_dict(description["training"])
    check_loss_activation(network, training.loss)
    if target.task.outputs != network.outputs or (encoder is not None and encoder.width != network.inputs):
        raise ModelFileError("Its network, encoder and task have different widths.")
    if not isinstance(description["report"], dict) or not isinstance(description["engine"], str):
        raise ModelFileError("Its report or the name of its engine is missing.")
    return Model(
        network,
        target,
        _flat(network, renamed_parameters(arrays)),
        training=training,
        history=History.from_stored(description["history"]),
        engine=description["engine"],
        encoder=encoder,
        report=TrainReport.from_dict(description["report"]),
        # Models of the first files took bytes as 0 to 1, whatever their network.
        byte_divisor=description.get("byte_divisor", 255.0 if "entries" in description["training"] else None),
        conformal=Conformal.from_dict(description["conformal"], scores) if "conformal" in description else None,
    )


def _named(arrays: Mapping[str, Array], beginning: str) -> dict[str, Array]:
    """The arrays whose names begin so, without that beginning."""
    return {name.removeprefix(beginning): array for name, array in arrays.items() if name.startswith(beginning)}


def _flat(network: Network, arrays: Mapping[str, Array]) -> Array:
    """The flat array of the parameters, the name and shape of each checked."""
    table = network.parameter_table
    names = {entry.name for entry in table}
    if names != set(arrays):
        odd = sorted(names ^ set(arrays))[0]
        raise ModelFileError(f"It does not fit its own description: the parameter {odd!r} is missing or extra.")
    kinds = {array.dtype for array in arrays.values()}
    if len(kinds) != 1 or kinds.pop() not in (np.float32, np.float64):
        raise ModelFileError("It holds parameters that are not all float32 or all float64.")
    for entry in table:
        shape = arrays[entry.name].shape
        if shape != entry.shape:
            raise ModelFileError(f"It holds {entry.name} with shape {shape}; its network needs {entry.shape}.")
    return np.concatenate([arrays[entry.name].reshape(-1) for entry in table])
