"""Compile a trained network for predictions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Executable, State
from ranvier.errors import EngineError, InputError
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD
from ranvier.rows import Inputs
from ranvier.training.engines import compile_network
from ranvier.training.settings import TrainSettings

MAX_INTERPRETED = 500_000_000
"""So many products take the reference engine about as long as compiling a network takes the other one."""


def uncompiled(settings: TrainSettings, products: int) -> TrainSettings:
    """The settings of a computation beside the training: on the reference engine where it is not worth compiling for.

    Parameters:
        products: how many numbers are multiplied in all.

    >>> import ranvier as rv
    >>> settings = rv.fit(rv.Network(1, [rv.Dense(1)]), [[0.0], [1.0]], [0.0, 1.0], epochs=1).training
    >>> uncompiled(settings, 1000).engine, uncompiled(settings, 10**12).engine
    ('reference', 'auto')
    """
    return replace(settings, engine="reference") if products <= MAX_INTERPRETED else settings


def compile_for_inference(
    network: Network, settings: TrainSettings, parameters: NDArray[Any], inputs: Inputs
) -> Executable:
    """The compiled network with its parameters loaded, for inputs with the same blocks as `inputs`.

    It runs on the engine named in the settings, or on another one where that cannot run here, as for a model file from
    another machine.

    Parameters:
        network, settings: what was trained, and how.
        parameters: flat, shape (P,).
        inputs: rows (n, K); only their blocks count.
    """
    # A rule without slots: no optimizer state is allocated.
    spec = replace(settings.on(inputs).compile_spec(network), optimizer=SGD())
    try:
        executable = compile_network(settings.engine, spec)[1]
    except (EngineError, InputError):
        executable = compile_network("auto", spec)[1]
    executable.set_state(State(parameters, np.zeros((0, parameters.size), parameters.dtype), 0))
    return executable


def outputs_of(
    network: Network, settings: TrainSettings, parameters: NDArray[Any], inputs: Inputs
) -> NDArray[np.floating[Any]]:
    """What a trained network outputs for rows, shape (n, N); parameters as for `compile_for_inference`."""
    executable = compile_for_inference(network, settings, parameters, inputs)
    try:
        return executable.outputs(inputs)
    finally:
        executable.close()
