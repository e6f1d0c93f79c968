"""What is left of a network and of an optimizer without the values of their hyper-parameters.

Networks of one structure may be trained in one run of compiled code, which reads hyper-parameters as it runs.
"""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

from ranvier.network.layers import Dense, Dropout, Layer, Residual
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer

RATE = 0.5
"""Stands for every dropout rate and penalty that is not 0."""


@lru_cache(256)
def network_structure(network: Network) -> Network:
    """The network with the same penalty and dropout rate wherever there is one.

    >>> layers = [Dense(3, l2=0.1), Dropout(0.2)]
    >>> network_structure(Network(2, layers))
    Network(2, [Dense(3, l2=0.5), Dropout(rate=0.5)])
    """
    return replace(network, layers=tuple(map(_layer_structure, network.layers)))


def _layer_structure(layer: Layer) -> Layer:
    if isinstance(layer, Dense) and (layer.l1 or layer.l2):
        return replace(layer, l1=RATE if layer.l1 else 0.0, l2=RATE if layer.l2 else 0.0)
    if isinstance(layer, Dropout) and layer.rate:
        return replace(layer, rate=RATE)
    if isinstance(layer, Residual):
        return replace(layer, layers=tuple(map(_layer_structure, layer.layers)))
    return layer


def optimizer_structure(optimizer: Optimizer) -> Any:
    """The kind of an optimizer, and which of its numbers are 0; the learning rate does not count.

    >>> from ranvier.network.optimizers import SGD
    >>> optimizer_structure(SGD(0.1, momentum=0.8)) == optimizer_structure(SGD(0.2, momentum=0.9))
    True
    >>> optimizer_structure(SGD(0.1, momentum=0.8)) == optimizer_structure(SGD(0.1))
    False
    """
    values = {entry.name: getattr(optimizer, entry.name) for entry in fields(optimizer)}
    return type(optimizer), tuple((name, _kind(value)) for name, value in values.items() if name != "learning_rate")


def _kind(value: Any) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return bool(value) if is_number else (type(value), value)
