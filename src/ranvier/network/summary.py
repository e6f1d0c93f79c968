"""A network as a table: its layers, how wide they are and how many parameters they have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ranvier.network.activations import Activation
from ranvier.network.layer_info import LayerInfo
from ranvier.network.layers import Dense, Dropout, Layer, TrainableLayer
from ranvier.network.parameters import ParameterTable
from ranvier.records import record
from ranvier.text_table import html_table, text_table

NUMBERS = ("Outputs", "Parameters")


@record
class LayerSummary:
    """One layer: its `path`, the `layer` in a few words, how many `outputs` and `parameters` it has.

    >>> LayerSummary("layers.0", "Dense 128, relu", outputs=128, parameters=100_480).to_dict()["outputs"]
    128
    """

    path: str
    layer: str
    outputs: int
    parameters: int

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return asdict(self)


@record
class NetworkSummary:
    """A network's `inputs`, its `layers` in order, a container before its children, and all `parameters`.

    >>> from ranvier.network.network import Network
    >>> summary = Network(784, [Dense(128, "relu"), Dense(10, "softmax")]).summary()
    >>> summary.inputs, summary.parameters, [layer.layer for layer in summary.layers]
    (784, 101770, ['Dense 128, relu', 'Dense 10, softmax'])
    """

    inputs: int
    layers: tuple[LayerSummary, ...]
    parameters: int

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return asdict(self)

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Titles and rows, as text."""
        rows: list[tuple[str, ...]] = [
            (layer.path, layer.layer, f"{layer.outputs:,}", f"{layer.parameters:,}") for layer in self.layers
        ]
        return ("Layer", "What it is", *NUMBERS), rows

    def __str__(self) -> str:
        return (
            f"Network, {self.inputs:,} inputs, {self.parameters:,} parameters\n\n{text_table(*self.table(), NUMBERS)}"
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return (
            f"<b>Network</b>, {self.inputs:,} inputs, {self.parameters:,} parameters"
            f"{html_table(*self.table(), NUMBERS)}"
        )


def summarize(inputs: int, layers: Iterable[LayerInfo], table: ParameterTable) -> NetworkSummary:
    """The summary of a network, from its layers, depth first, and the table of its parameters.

    >>> from ranvier.network.network import Network
    >>> print(Network(784, [Dense(128, "relu"), Dropout(0.2), Dense(10, "softmax")]).summary())
    Network, 784 inputs, 101,770 parameters
    <BLANKLINE>
    Layer     What it is         Outputs  Parameters
    ────────────────────────────────────────────────
    layers.0  Dense 128, relu        128     100,480
    layers.1  Dropout 0.2            128           0
    layers.2  Dense 10, softmax       10       1,290
    """
    summaries = tuple(
        LayerSummary(
            info.path,
            layer_label(info.layer),
            info.outputs,
            sum(entry.size for entry in table if not entry.is_statistic and entry.layer == info.index),
        )
        for info in layers
    )
    return NetworkSummary(inputs, summaries, table.weight_count)


def layer_label(layer: Layer) -> str:
    """A layer in a few words.

    >>> layer_label(Dense(128, "relu", groups=4)), layer_label(Dense(9, trainable=False)), layer_label(Dropout(0.2))
    ('Dense 128, relu, 4 groups', 'Dense 9, identity, frozen', 'Dropout 0.2')
    """
    name = type(layer).__name__
    frozen = ", frozen" if isinstance(layer, TrainableLayer) and not layer.trainable else ""
    if isinstance(layer, Dense):
        activation: Activation = layer.activation
        groups = f", {layer.groups} groups" if layer.groups > 1 else ""
        return f"{name} {layer.units}, {activation.name}{groups}{frozen}"
    return f"{name} {layer.rate:g}" if isinstance(layer, Dropout) else name + frozen
