"""Network: the description of a network, and its shapes, parameters and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ranvier.errors import InputError
from ranvier.network.activations import Activation, activation
from ranvier.network.layer_info import LayerInfo, depth_first, entries_of, layer_infos
from ranvier.network.layers import Dense, Layer, Rescale, checked_layers, layer_from_dict, layer_to_dict
from ranvier.network.number_rules import POSITIVE_INT, check_number
from ranvier.network.parameters import Entry, ParameterTable
from ranvier.network.summary import NetworkSummary, summarize
from ranvier.records import record

if TYPE_CHECKING:
    from pathlib import Path

    from ranvier.model.model import Model
    from ranvier.network.losses import Loss
    from ranvier.network.optimizers import Optimizer
    from ranvier.network.schedules import Schedule


@record(init=False)
class Network:
    """The description of a fully connected network.

    Parameters:
        inputs: K, the number of inputs of a row.
        layers: the layers in order; the last one is the output layer.

    Raises:
        InputError: a size is not an integer of at least 1, softmax is not in the last layer or has only one neuron, the
            output of a residual block is not as wide as its input, or groups do not divide the inputs of a layer.

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
        check_number("Network", "inputs", inputs, POSITIVE_INT)
        object.__setattr__(self, "inputs", int(inputs))
        object.__setattr__(self, "layers", checked_layers("Network", layers))
        self._check_softmax()

    def __repr__(self) -> str:
        return f"Network({self.inputs}, {list(self.layers)!r})"

    @cached_property
    def layer_infos(self) -> tuple[LayerInfo, ...]:
        """The layers with their paths and widths."""
        return layer_infos(self.layers, self.inputs)

    @property
    def outputs(self) -> int:
        """N, the number of outputs."""
        return self.layer_infos[-1].outputs

    @property
    def output_activation(self) -> Activation:
        """The activation of the output layer; identity if that layer has none."""
        last = self.layers[-1]
        return last.activation if isinstance(last, Dense) else activation("identity")

    @cached_property
    def parameter_table(self) -> ParameterTable:
        """The name, shape and offset of each parameter in the flat array."""
        entries: list[Entry] = []
        offset = 0
        for info in self.iter_layers():
            for entry in entries_of(info, offset):
                entries.append(entry)
                offset += entry.size
        return ParameterTable(tuple(entries))

    @property
    def parameter_count(self) -> int:
        """The number of weights, biases and scales, those of frozen layers included."""
        return self.parameter_table.weight_count

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations (MACs) of the forward pass of one row."""
        return sum(info.macs for info in self.iter_layers())

    def summary(self) -> NetworkSummary:
        """The layers with their sizes: a record that prints as a table, in notebooks too.

        >>> print(Network(2, [Dense(1, "sigmoid")]).summary())
        Network, 2 inputs, 3 parameters
        <BLANKLINE>
        Layer     What it is        Outputs  Parameters
        ───────────────────────────────────────────────
        layers.0  Dense 1, sigmoid        1           3
        """
        return summarize(self.inputs, self.iter_layers(), self.parameter_table)

    def iter_layers(self) -> Iterator[LayerInfo]:
        """Every layer, depth first; a container comes before its children."""
        return iter(self._depth_first)

    @cached_property
    def _depth_first(self) -> tuple[LayerInfo, ...]:
        return tuple(depth_first(self.layer_infos))

    def to_dict(self) -> dict[str, Any]:
        """The network as JSON values."""
        return {"inputs": self.inputs, "layers": [layer_to_dict(layer) for layer in self.layers]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Network:
        """The network that `to_dict` wrote.

        >>> network = Network(2, [Dense(1, "sigmoid")])
        >>> Network.from_dict(network.to_dict()) == network
        True
        """
        return cls(data["inputs"], [layer_from_dict(layer) for layer in data["layers"]])

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        loss: str | Loss | None = None,
        optimizer: str | Optimizer = "adam",
        schedule: str | Schedule = "constant",
        epochs: int = 10,
        batch_size: int = 32,
        validation: Any = None,
        callbacks: Sequence[Any] = (),
        metrics: Sequence[Any] = (),
        seed: int = 0,
        engine: str = "auto",
        precision: str = "float32",
        threads: int | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        shuffle: bool = True,
        progress: Any = None,
        checkpoint: str | Path | None = None,
        start: Model | Mapping[str, Any] | None = None,
    ) -> Model:
        """Train this network on rows X with targets y; returns a new model. `ranvier.fit` describes the options.

        >>> import numpy as np
        >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> model = Network(2, [Dense(1, "sigmoid")]).fit(X, [0, 1, 1, 1], epochs=1, engine="reference")
        >>> model.outputs(X).shape
        (4, 1)
        """
        options = {name: value for name, value in locals().items() if name not in ("self", "X", "y")}
        import ranvier

        return ranvier.fit(self, X, y, **options)

    def _check_softmax(self) -> None:
        for info in self.iter_layers():
            softmax = isinstance(info.layer, Dense) and info.layer.activation.name == "softmax"
            if softmax and info is not self.layer_infos[-1]:
                raise InputError(f"{info.path} has the softmax activation; only the output layer can have it.")
            if softmax and info.outputs == 1:
                raise InputError(
                    "The output layer is one softmax neuron, whose output is always 1; "
                    "use rv.Dense(1, 'sigmoid'), or one neuron per class."
                )


def dense_layers(network: Network) -> tuple[LayerInfo, ...]:
    """The layers with neurons, depth first.

    >>> from ranvier.network.layers import Residual
    >>> [info.path for info in dense_layers(Network(2, [Residual([Dense(2)]), Dense(1)]))]
    ['layers.0.layers.0', 'layers.1']
    """
    return tuple(info for info in network.iter_layers() if isinstance(info.layer, Dense))


def with_factor(network: Network, factor: float | None) -> Network:
    """The network of the same layers over inputs that are multiplied with a factor first; itself for None.

    >>> with_factor(Network(2, [Dense(1)]), 0.5)
    Network(2, [Rescale(factor=0.5), Dense(1)])
    """
    return network if factor is None else Network(network.inputs, [Rescale(factor), *network.layers])
