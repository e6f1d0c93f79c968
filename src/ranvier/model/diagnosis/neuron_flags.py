"""Which neurons do not learn: dead, saturated and constant ones, and copies of others. n rows, N neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import evaluate

Array = NDArray[Any]
FLAT = 0.01
"""A derivative of less than this fraction of the largest one of the activation counts as none."""
DEAD, SATURATED = 0.999, 0.95
"""The fraction of rows with a flat derivative from which on a neuron is dead; saturated, if both sides are flat."""
FAR = 30.0
"""A weighted sum at which activations such as sigmoid and tanh are flat."""
CONSTANT = 1e-6
DUPLICATE = 0.999


def flat_fraction(layer: Any, sums: Array) -> Array | None:
    """For each neuron the fraction of rows where its derivative is near 0, (N,); None for softmax."""
    derivative = layer.activation.derivative
    if derivative is None:
        return None
    with np.errstate(all="ignore"):
        largest = float(np.abs(evaluate(derivative, {"x": np.linspace(-8.0, 8.0, 321)})).max())
        values = np.abs(np.broadcast_to(evaluate(derivative, {"x": sums}), sums.shape))
    return np.asarray((values < FLAT * largest).mean(axis=0))


def min_flat_fraction(layer: Any) -> float:
    """The fraction of flat rows from which on a neuron is saturated.

    A sigmoid that is flat for nearly all rows hardly learns. A relu is flat wherever it is off, and one that is on for
    few rows has learned to tell these from the others: it has to be off for all of them.

    >>> from ranvier.network.layers import Dense
    >>> [min_flat_fraction(Dense(4, name)) for name in ("tanh", "relu", "silu")]
    [0.95, 0.999, 0.999]
    """
    derivative = layer.activation.derivative
    if derivative is None:
        return SATURATED
    with np.errstate(all="ignore"):
        ends = np.broadcast_to(evaluate(derivative, {"x": np.array([-FAR, FAR])}), 2)
    return DEAD if (np.abs(ends) >= FLAT).any() else SATURATED


def duplicates(outputs: Array) -> NDArray[np.int64]:
    """For each neuron the first one before it whose outputs have a correlation above 0.999 with its own, or -1.

    >>> duplicates(np.array([[1.0, 5.0, 2.0], [2.0, 1.0, 4.0], [3.0, 2.0, 6.0]])).tolist()
    [-1, -1, 0]
    """
    centered = outputs - outputs.mean(axis=0)
    norms = np.sqrt((centered**2).sum(axis=0))
    varies = norms > CONSTANT * np.sqrt(len(outputs))
    centered = centered / np.where(varies, norms, 1.0)
    same = np.triu((centered.T @ centered > DUPLICATE) & varies & varies[:, None], 1)
    return np.where(same.any(axis=0), same.argmax(axis=0), -1)


def neuron_flags(y: Array, deviation: float, flat: float | None, min_flat: float = SATURATED) -> list[str]:
    """Which of "dead", "saturated" and "constant" a neuron is.

    Parameters:
        y: its outputs, (n,), and `deviation` their standard deviation.
        flat: the fraction of rows where its derivative is near 0; None where that is not known.
        min_flat: what `min_flat_fraction` says of its layer.

    >>> neuron_flags(np.zeros(5), 0.0, 1.0)
    ['dead']
    """
    flags = []
    if flat is not None and flat >= DEAD and np.abs(y).max() <= CONSTANT:
        flags.append("dead")
    elif flat is not None and flat >= min_flat:
        flags.append("saturated")
    if deviation < CONSTANT and "dead" not in flags:
        flags.append("constant")
    return flags
