"""Network: the description of a network, and what follows from it: shapes, parameters, cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ranvier.errors import InputError
from ranvier.network.activations import Activation, activation
from ranvier.network.layers import (
    BatchNorm,
    Dense,
    Layer,
    LayerNorm,
    Residual,
    Scale,
    checked_layers,
    layer_from_dict,
    layer_to_dict,
)
from ranvier.network.number_rules import COUNT, check_number
from ranvier.network.parameters import ONES, ZEROS, Entry, ParameterTable
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.model.model import Model


@record
class Placed:
    """A layer in its place: where it stands, what goes in and what comes out.

    Fields: `layer`; `path` such as "layers.1"; `index`, its number counted depth first; `inputs` and `outputs`, widths;
    `children`, the placed layers inside a container.
    """

    layer: Layer
    path: str
    index: int
    inputs: int
    outputs: int
    children: tuple[Placed, ...] = ()

    @property
    def groups(self) -> int:
        """How many groups inputs and neurons are cut into; 1 where there are no neurons."""
        return self.layer.groups if isinstance(self.layer, Dense) else 1

    @property
    def fan_in(self) -> int:
        """How many of the inputs each neuron sees."""
        return self.inputs // self.groups

    @property
    def multiplications(self) -> int:
        """Multiply-adds of the weighted sums for one row, forward; 0 where there are none."""
        return self.fan_in * self.outputs if isinstance(self.layer, Dense) else 0


@dataclass(frozen=True, init=False)
class Network:
    """A fully connected network, described.

    Parameters:
        inputs: K, how many numbers one row has.
        layers: the layers in order; the last one is the output layer.

    Raises:
        InputError: a size is not a whole number of at least 1, softmax stands before the last layer or has one neuron
            only, a residual block does not end as wide as it begins, or groups do not divide the inputs of a layer.

    >>> network = Network(inputs=784, layers=[Dense(128, "relu"), Dense(10, "softmax")])
    >>> network.parameter_count
    101770
    >>> [entry.name for entry in network.parameter_table]
    ['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'layers.1.bias']
    >>> network
    Network(784, [Dense(128, 'relu'), Dense(10, 'softmax')])
    """

    inputs: int
    layers: tuple[Layer, ...]

    def __init__(self, inputs: int, layers: Any) -> None:
        check_number("Network", "inputs", inputs, COUNT)
        object.__setattr__(self, "inputs", int(inputs))
        object.__setattr__(self, "layers", checked_layers("Network", layers))
        self._check_softmax()

    def __repr__(self) -> str:
        return f"Network({self.inputs}, {list(self.layers)!r})"

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """The layers in their places."""
        placed, _, _ = _place(self.layers, self.inputs, "layers", 0)
        return placed

    @property
    def outputs(self) -> int:
        """N, how many numbers the output layer says."""
        return self.placed[-1].outputs

    @property
    def output_activation(self) -> Activation:
        """The activation of the output layer; identity where that layer has none."""
        last = self.layers[-1]
        return last.activation if isinstance(last, Dense) else activation("identity")

    @cached_property
    def parameter_table(self) -> ParameterTable:
        """Where each parameter lies in the flat array."""
        entries: list[Entry] = []
        offset = 0
        for place in self.walk():
            for entry in _entries(place, offset):
                entries.append(entry)
                offset += entry.size
        return ParameterTable(tuple(entries))

    @property
    def parameter_count(self) -> int:
        """How many numbers are trained."""
        return self.parameter_table.trained

    @property
    def multiplications(self) -> int:
        """Multiply-adds of the weighted sums for one row, forward."""
        return sum(place.multiplications for place in self.walk())

    def walk(self) -> Iterator[Placed]:
        """Every layer, depth first; a container comes before its children."""
        return _walk(self.placed)

    def to_dict(self) -> dict[str, Any]:
        """The network as plain JSON values."""
        return {"inputs": self.inputs, "layers": [layer_to_dict(layer) for layer in self.layers]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Network:
        """The network that `to_dict` wrote.

        >>> network = Network(2, [Dense(1, "sigmoid")])
        >>> Network.from_dict(network.to_dict()) == network
        True
        """
        return cls(data["inputs"], [layer_from_dict(layer) for layer in data["layers"]])

    def fit(self, X: Any, y: Any, **options: Any) -> Model:
        """Train this network on rows X with targets y: `ranvier.fit(self, X, y, **options)`, described there.

        >>> import numpy as np
        >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> model = Network(2, [Dense(1, "sigmoid")]).fit(X, [0, 1, 1, 1], epochs=1, engine="reference")
        >>> model.outputs(X).shape
        (4, 1)
        """
        import ranvier

        return ranvier.fit(self, X, y, **options)

    def _check_softmax(self) -> None:
        for place in self.walk():
            softmax = isinstance(place.layer, Dense) and place.layer.activation.name == "softmax"
            if softmax and place is not self.placed[-1]:
                raise InputError(f"{place.path} has the softmax activation; only the output layer can have it.")
            if softmax and place.outputs == 1:
                raise InputError(
                    "The output layer is one softmax neuron, which always says 1; "
                    "take rv.Dense(1, 'sigmoid'), or one neuron a class."
                )


def _place(layers: tuple[Layer, ...], inputs: int, path: str, index: int) -> tuple[tuple[Placed, ...], int, int]:
    placed = []
    for position, layer in enumerate(layers):
        here = f"{path}.{position}"
        if isinstance(layer, Residual):
            children, following, outputs = _place(layer.layers, inputs, f"{here}.layers", index + 1)
            if outputs != inputs:
                raise InputError(
                    f"The residual block {here} takes {inputs} values and its layers give {outputs}; "
                    f"make its last layer {inputs} wide."
                )
            placed.append(Placed(layer, here, index, inputs, outputs, children))
            index = following
        else:
            if isinstance(layer, Dense) and inputs % layer.groups:
                raise InputError(
                    f"{here} takes {inputs} values, which make no {layer.groups} equal groups; "
                    f"make what goes in a multiple of {layer.groups} wide."
                )
            outputs = layer.units if isinstance(layer, Dense) else inputs
            placed.append(Placed(layer, here, index, inputs, outputs))
            index += 1
        inputs = outputs
    return tuple(placed), index, inputs


def _walk(placed: tuple[Placed, ...]) -> Iterator[Placed]:
    for place in placed:
        yield place
        yield from _walk(place.children)


def _entries(place: Placed, offset: int) -> list[Entry]:
    """The pieces of the flat array that belong to one layer."""
    layer, width = place.layer, (place.outputs,)
    pieces: list[Entry] = []

    def piece(role: str, shape: tuple[int, ...], start: Any, **options: Any) -> None:
        at = pieces[-1].offset + pieces[-1].size if pieces else offset
        pieces.append(Entry(f"{place.path}.{role}", role, shape, at, place.index, start, **options))

    if isinstance(layer, Dense):
        shape = (place.fan_in, place.outputs)
        piece("weight", shape, layer.initializer, decayed=True, l1=layer.l1, l2=layer.l2, groups=layer.groups)
        if layer.bias:
            piece("bias", width, ZEROS)
    if isinstance(layer, (LayerNorm, BatchNorm, Scale)):
        piece("gain", width, ONES)
    if isinstance(layer, (LayerNorm, BatchNorm)):
        piece("shift", width, ZEROS)
    if isinstance(layer, BatchNorm):
        piece("mean", width, ZEROS, trained=False)
        piece("variance", width, ONES, trained=False)
    return pieces
