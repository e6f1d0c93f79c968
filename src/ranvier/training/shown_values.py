"""What viewers of a training are told of the rows that they look at, without the parameters. n rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import CompileSpec, Executable
from ranvier.errors import RanvierError
from ranvier.network.network import Network, dense_layers
from ranvier.rows import Inputs


def shown_values(spec: CompileSpec, executable: Executable, rows: Inputs) -> NDArray[Any] | None:
    """The outputs of each layer with neurons and then those of the network, (n, V).

    They are computed as for predictions: with averages of the parameters where the optimizer keeps some. None where the
    network does not fit the rows.
    """
    try:
        layers = executable.activations(rows, averaged=spec.optimizer.ema_decay is not None)
    except RanvierError:
        return None
    neurons = {info.path for info in dense_layers(spec.network)}
    outputs = [values.outputs for values in layers if values.path in neurons]
    return np.concatenate([*outputs, layers[-1].outputs], axis=1)


def shown_widths(network: Network) -> list[int]:
    """How many of those numbers each layer with neurons and the network have."""
    return [info.outputs for info in dense_layers(network)] + [network.outputs]
