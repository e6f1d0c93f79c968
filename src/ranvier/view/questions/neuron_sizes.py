"""How large are the weights of each neuron, and how fast do they change? K inputs, N neurons, P parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.view.subject import Subject

Array = NDArray[Any]
KINDS = ("weights", "updates")


def neuron_sizes(
    subject: Subject, earlier: Array | None = None, steps: int = 0
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """A number for each neuron, the layers one after the other.

    Without `earlier` the root mean square of the weights into a neuron; with it the norm of their change in a step over
    their own norm.

    Parameters:
        earlier: parameters (P,) of the same network, `steps` steps ago.

    Returns `parts`, for each layer with neurons its path, start and length in the array; and the array.
    """
    table = subject.model.network.parameter_table
    before = None if earlier is None else table.views(earlier)
    parts, arrays, start = [], [], 0
    for info in subject.dense_layers:
        name = f"{info.path}.weight"
        weight = np.asarray(subject.model.parameters[name])
        size = np.sqrt(np.mean(np.square(weight), axis=0))
        if before is not None:
            change = np.sqrt(np.mean(np.square(weight - before[name]), axis=0))
            size = change / np.maximum(size, np.finfo(np.float32).tiny) / max(steps, 1)
        parts.append({"path": info.path, "start": start, "length": len(size)})
        arrays.append(size)
        start += len(size)
    return {"parts": parts}, np.concatenate([np.zeros(0), *arrays]).astype(np.float32)
