"""The layers of a network with their widths and parameters, which follow from the number of inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ranvier.errors import InputError
from ranvier.network.layers import (
    BatchNorm,
    Dense,
    Layer,
    LayerNorm,
    LearnedScale,
    Rescale,
    Residual,
    TrainableLayer,
)
from ranvier.network.parameters import ONES, ZEROS, Entry
from ranvier.records import record


@record
class LayerInfo:
    """A layer of a network with its path and widths.

    Fields: `layer`; `path` such as "layers.1"; `index`, its number counted depth first,
    from which its random numbers follow, or -1 for a Rescale, which has none; `inputs` and `outputs`, widths;
    `children`, the layers inside a container.

    >>> [(info.path, info.inputs, info.outputs, info.macs) for info in layer_infos((Dense(3), Dense(1)), inputs=2)]
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


def layer_infos(layers: tuple[Layer, ...], inputs: int) -> tuple[LayerInfo, ...]:
    """The layers with their paths and widths.

    Raises:
        InputError: the widths of layers do not fit each other.
    """
    return _infos_from(layers, inputs, "layers", 0)[0]


def depth_first(infos: tuple[LayerInfo, ...]) -> Iterator[LayerInfo]:
    """Every layer; a container comes before its children."""
    for info in infos:
        yield info
        yield from depth_first(info.children)


def entries_of(info: LayerInfo, offset: int) -> list[Entry]:
    """The parameters of one layer, the first of which stands at `offset` of the flat array."""
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


def _infos_from(
    layers: tuple[Layer, ...], inputs: int, path: str, index: int
) -> tuple[tuple[LayerInfo, ...], int, int]:
    infos = []
    for position, layer in enumerate(layers):
        here = f"{path}.{position}"
        if isinstance(layer, Residual):
            children, following, outputs = _infos_from(layer.layers, inputs, f"{here}.layers", index + 1)
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
