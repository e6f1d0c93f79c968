"""Parameters that come from outside: checked, as one flat array, and the task of a network without targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.errors import InputError
from ranvier.network.network import Network
from ranvier.network.optimizers import Adam
from ranvier.network.schedules import ConstantSchedule
from ranvier.network.task import Task
from ranvier.training.settings import TrainSettings, default_loss


def flat_parameters(network: Network, parameters: Mapping[str, Any]) -> NDArray[Any]:
    """The flat array (P,) of named parameters, a copy: float32 where all of them are, else float64.

    Parameters:
        parameters: name -> array, for every name of `network.parameter_table`.

    Raises:
        InputError: a name is missing or unknown, a shape is another one, or a value is not a finite number.

    >>> from ranvier.network.layers import Dense
    >>> network = Network(2, [Dense(1)])
    >>> flat_parameters(network, {"layers.0.weight": [[1.0], [2.0]], "layers.0.bias": [3.0]}).tolist()
    [1.0, 2.0, 3.0]
    >>> flat_parameters(network, {"layers.0.weight": [[1.0], [2.0]]})
    Traceback (most recent call last):
    ranvier.errors.InputError: The parameters do not fit the network: layers.0.bias of shape (1,) is missing.
    """
    if not isinstance(parameters, Mapping):
        raise InputError(
            f"The parameters are a {type(parameters).__name__}; a dictionary of name to array, or a model, was "
            "expected."
        )
    table = network.parameter_table
    arrays = {name: np.asarray(values) for name, values in parameters.items()}
    single = all(array.dtype == np.float32 for array in arrays.values())
    arrays = {name: array.astype(np.float32 if single else np.float64) for name, array in arrays.items()}
    wrong = []
    for entry in table:
        if entry.name not in arrays:
            wrong.append(f"{entry.name} of shape {entry.shape} is missing")
        elif arrays[entry.name].shape != entry.shape:
            wrong.append(f"{entry.name} has shape {arrays[entry.name].shape}, {entry.shape} was expected")
        elif not np.isfinite(arrays[entry.name]).all():
            wrong.append(f"{entry.name} holds values that are not finite")
    names = {entry.name for entry in table}
    wrong += [f"{name} is not one of its parameters" for name in arrays if name not in names]
    if wrong:
        raise InputError(f"The parameters do not fit the network: {'; '.join(wrong)}.")
    return np.concatenate([arrays[entry.name].reshape(-1) for entry in table])


def task_of_outputs(network: Network) -> Task:
    """The task that the output layer is made for: classes and labels are numbered from 0.

    >>> from ranvier.network.layers import Dense
    >>> task_of_outputs(Network(2, [Dense(3, "softmax")])).classes
    (0, 1, 2)
    """
    outputs, activation = network.outputs, network.output_activation.name
    if activation == "softmax":
        return Task("multiclass", outputs, tuple(range(outputs)), ("y",))
    if activation == "sigmoid" and outputs == 1:
        return Task("binary", 1, (0, 1), ("y",))
    names = ("y",) if outputs == 1 else tuple(f"y{index}" for index in range(outputs))
    return Task("multilabel" if activation == "sigmoid" else "regression", outputs, target_names=names)


def parts_without_training(network: Network, task: Task | None, engine: str) -> tuple[TargetEncoder, TrainSettings]:
    """The target encoder and the settings of a model that was not trained here; `fit` would go on with Adam."""
    task = task_of_outputs(network) if task is None else task
    count = task.outputs if task.kind == "regression" else 0
    settings = TrainSettings(
        loss=default_loss(network, task),
        optimizer=Adam(),
        schedule=ConstantSchedule(),
        epochs=10,
        batch_size=32,
        callbacks=(),
        seed=0,
        engine=engine,
        precision="float32",
        threads=None,
        shuffle=True,
    )
    return TargetEncoder(task, (0.0,) * count, (1.0,) * count), settings
