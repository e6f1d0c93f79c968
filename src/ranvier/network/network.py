"""Network: the description of a network, and its shapes, parameters and cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ranvier.errors import InputError
from ranvier.network.activations import Activation, activation
from ranvier.network.layers import (
    BatchNorm,
    Dense,
    Layer,
    LayerNorm,
    LearnedScale,
    Rescale,
    Residual,
    TrainableLayer,
    checked_layers,
    layer_from_dict,
    layer_to_dict,
)
from ranvier.network.number_rules import POSITIVE_INT, check_number
from ranvier.network.parameters import ONES, ZEROS, Entry, ParameterTable
from ranvier.records import record

if TYPE_CHECKING:
    from pathlib import Path

    from ranvier.model.model import Model
    from ranvier.network.losses import Loss
    from ranvier.network.optimizers import Optimizer
    from ranvier.network.schedules import Schedule
    from ranvier.network.summary import NetworkSummary


@record
class LayerInfo:
    """A layer of a network with its path and widths.

    Fields: `layer`; `path` such as "layers.1"; `index`, its number counted depth first,
    from which its random numbers follow, or -1 for a Rescale, which has none; `inputs` and `outputs`, widths;
    `children`, the layers inside a container.

    >>> [(info.path, info.inputs, info.outputs, info.macs) for info in Network(2, [Dense(3), Dense(1)]).iter_layers()]
    [('layers.0', 2, 3, 6), ('layers.1', 3, 1, 3)]
    """

    layer: Layer
    path: str
    index: int
    inputs: int
    outputs: int
    children: tuple[LayerInfo, ...] = ()

    @property
    def groups(self) -> int:
        """The number of groups of a Dense layer; 1 for other layers."""
        return self.layer.groups if isinstance(self.layer, Dense) else 1

    @property
    def fan_in(self) -> int:
        """The number of inputs that each neuron is connected to."""
        return self.inputs // self.groups

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations (MACs) of the forward pass of one row; 0 for layers without neurons."""
        return self.fan_in * self.outputs if isinstance(self.layer, Dense) else 0


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
        infos, _, _ = _layer_infos(self.layers, self.inputs, "layers", 0)
        return infos

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
            for entry in _entries(info, offset):
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
        from ranvier.network.summary import summarize

        return summarize(self)

    def iter_layers(self) -> Iterator[LayerInfo]:
        """Every layer, depth first; a container comes before its children."""
        return iter(self._depth_first)

    @cached_property
    def _depth_first(self) -> tuple[LayerInfo, ...]:
        return tuple(_iterate(self.layer_infos))

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


def _layer_infos(
    layers: tuple[Layer, ...], inputs: int, path: str, index: int
) -> tuple[tuple[LayerInfo, ...], int, int]:
    infos = []
    for position, layer in enumerate(layers):
        here = f"{path}.{position}"
        if isinstance(layer, Residual):
            children, following, outputs = _layer_infos(layer.layers, inputs, f"{here}.layers", index + 1)
            if outputs != inputs:
                raise InputError(
                    f"The residual block {here} has {inputs} inputs and {outputs} outputs; "
                    f"make its last layer {inputs} wide."
                )
            infos.append(LayerInfo(layer, here, index, inputs, outputs, children))
            index = following
        else:
            if isinstance(layer, Dense) and inputs % layer.groups:
                raise InputError(
                    f"{here} has {inputs} inputs, which cannot be divided into {layer.groups} equal groups; "
                    f"make the number of inputs a multiple of {layer.groups}."
                )
            if isinstance(layer, LearnedScale) and (layer.columns or 0) > inputs:
                raise InputError(f"{here} scales {layer.columns} columns and has {inputs} inputs; scale at most these.")
            outputs = layer.units if isinstance(layer, Dense) else inputs
            numbered = not isinstance(layer, Rescale)
            infos.append(LayerInfo(layer, here, index if numbered else -1, inputs, outputs))
            index += numbered
        inputs = outputs
    return tuple(infos), index, inputs


def _iterate(infos: tuple[LayerInfo, ...]) -> Iterator[LayerInfo]:
    for info in infos:
        yield info
        yield from _iterate(info.children)


def _entries(info: LayerInfo, offset: int) -> list[Entry]:
    """The parameters of one layer."""
    layer, width = info.layer, (info.outputs,)
    entries: list[Entry] = []

    def add(role: str, shape: tuple[int, ...], initializer: Any, **options: Any) -> None:
        start = entries[-1].offset + entries[-1].size if entries else offset
        entries.append(Entry(f"{info.path}.{role}", role, shape, start, info.index, initializer, **options))

    training: dict[str, Any] = {}
    if isinstance(layer, TrainableLayer):
        training = {"trainable": layer.trainable, "learning_rate_factor": layer.learning_rate_factor}
    if isinstance(layer, Dense):
        shape = (info.fan_in, info.outputs)
        options: dict[str, Any] = {"groups": layer.groups, "constraint": layer.constraint}
        if layer.trainable:
            options |= {"weight_decay": True, "l1": layer.l1, "l2": layer.l2}
        add("weight", shape, layer.initializer, **options, **training)
        if layer.bias:
            add("bias", width, ZEROS, **training)
    if isinstance(layer, LearnedScale):
        add("scale", width if layer.columns is None else (layer.columns,), ONES, **training)
    if isinstance(layer, (LayerNorm, BatchNorm)):
        add("scale", width, ONES, **training)
        add("bias", width, ZEROS, **training)
    if isinstance(layer, BatchNorm):
        add("running_mean", width, ZEROS, trainable=False)
        add("running_var", width, ONES, trainable=False)
    return entries
