"""The layers a network is made of, as frozen records. K inputs, N outputs (units).

A record describes a layer; `reference/layers.py` computes it.
"""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.network.activations import ACTIVATIONS, Activation, activation, activation_from_dict
from ranvier.network.constraints import Constraint, constraint, constraint_from_dict
from ranvier.network.initializers import (
    INITIALIZERS,
    Initializer,
    default_initializer,
    initializer,
    initializer_from_dict,
)
from ranvier.network.number_rules import (
    ANY,
    HALF_OPEN_UNIT,
    NON_NEGATIVE,
    POSITIVE,
    POSITIVE_INT,
    check_fields,
    check_number,
)
from ranvier.network.renamed import LAYER_KINDS
from ranvier.records import record


class Layer:
    """Base of the layer records."""

    __slots__ = ()


def _set(record: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(record, name, value)


@record
class TrainableLayer(Layer):
    """Base of the layers with parameters: whether, and how fast, training changes them.

    Parameters:
        trainable: False freezes the layer: its parameters stay as they are, and no gradient of them is computed.
        learning_rate_factor: multiplies the learning rate of the layer's parameters, and with it their weight decay.
    """

    trainable: bool = field(default=True, kw_only=True)
    learning_rate_factor: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        owner = type(self).__name__
        if not isinstance(self.trainable, (bool, np.bool_)):
            raise InputError(f"{owner}: trainable is {self.trainable!r}; it must be True or False.")
        if self.learning_rate_factor == 0:
            raise InputError(f"{owner}: learning_rate_factor is 0; trainable=False freezes a layer.")
        _set(self, trainable=bool(self.trainable))
        check_fields(self, {"learning_rate_factor": POSITIVE})

    def __repr__(self) -> str:
        own = {entry.name for entry in fields(TrainableLayer)}
        arguments = [f"{entry.name}={getattr(self, entry.name)!r}" for entry in fields(self) if entry.name not in own]
        return f"{type(self).__name__}({', '.join((*arguments, *_changed(self)))})"


def _changed(layer: TrainableLayer) -> list[str]:
    """The arguments that say how training changes a layer, where they are not the usual ones."""
    values = {entry.name: getattr(layer, entry.name) for entry in fields(TrainableLayer)}
    usual = {"trainable": True, "learning_rate_factor": 1.0}
    return [f"{name}={value!r}" for name, value in values.items() if value != usual[name]]


@record(init=False)
class Dense(TrainableLayer):
    """A fully connected layer: each neuron is connected to every output of the layer before, or to those of its group.

    Formula: z = x W + b, y = activation(z), with x (B, K), W (K, N), b (N,), z and y (B, N). With G groups, inputs and
    neurons are divided into G equal blocks, and the neurons of a block are connected to the inputs of that block only:
    z_g = x_g W_g + b_g, with x_g (B, K / G), W_g (K / G, N / G). Then W is (K / G, N): column n has the weights of
    neuron n for the inputs of its group.
    Source of the groups: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
    networks", NeurIPS 2012.

    Parameters:
        units: the number of neurons, N.
        activation: a name such as "relu", or an `Activation`; None for "identity".
        initializer: the initial weights; None takes He for the ReLU family, LeCun for selu, Glorot otherwise.
        bias: whether each neuron has a bias; its initial value is 0.
        l1, l2: the penalty l1 * sum |w| + l2 / 2 * sum w**2 over the weights, added to the loss.
        groups: G, the number of groups; inputs and units must be multiples of it.
        constraint: what the weights must fulfil after each update, such as `NonNegative()` or `MaxNorm(2.0)`; initial
            weights are made to fulfil it. None for none.
        trainable: False freezes the layer: its weights and biases stay as they are, and no gradient is computed.
        learning_rate_factor: multiplies the learning rate of this layer, and with it its weight decay; above 0.

    Raises:
        InputError: a value is out of range, a name is unknown, or the units are not a multiple of the groups.

    >>> Dense(128, "relu", l2=1e-4)
    Dense(128, 'relu', l2=0.0001)
    """

    units: int
    activation: Activation
    initializer: Initializer
    bias: bool
    l1: float
    l2: float
    groups: int
    constraint: Constraint | None

    def __init__(
        self,
        units: int,
        activation: str | Activation | None = "identity",
        *,
        initializer: str | Initializer | None = None,
        bias: bool = True,
        l1: float = 0.0,
        l2: float = 0.0,
        groups: int = 1,
        constraint: str | Constraint | None = None,
        trainable: bool = True,
        learning_rate_factor: float = 1.0,
    ) -> None:
        check_number("Dense", "units", units, POSITIVE_INT)
        check_number("Dense", "groups", groups, POSITIVE_INT)
        check_number("Dense", "l1", l1, NON_NEGATIVE)
        check_number("Dense", "l2", l2, NON_NEGATIVE)
        if units % groups:
            raise InputError(
                f"Dense: {units} units cannot be divided into {groups} equal groups; use a multiple of {groups}."
            )
        function = _activation("identity" if activation is None else activation)
        weights = default_initializer(function.name) if initializer is None else _initializer(initializer)
        _set(self, units=int(units), activation=function, initializer=weights, bias=bool(bias))
        _set(self, l1=float(l1), l2=float(l2), groups=int(groups), constraint=_constraint("Dense", constraint))
        _set(self, trainable=trainable, learning_rate_factor=learning_rate_factor)
        super().__post_init__()

    def __repr__(self) -> str:
        function, default, training = self.activation, Dense(self.units, self.activation), fields(TrainableLayer)
        arguments = [str(self.units)]
        if function != ACTIVATIONS["identity"]:
            arguments.append(repr(function.name if ACTIVATIONS.get(function.name) == function else function))
        for entry in fields(self)[len(training) :]:
            value = getattr(self, entry.name)
            if value != getattr(default, entry.name):
                plain = entry.name == "initializer" and INITIALIZERS[value.name] == value
                arguments.append(f"{entry.name}={(value.name if plain else value)!r}")
        return f"Dense({', '.join((*arguments, *_changed(self)))})"


_activation, _initializer, _constraint = activation, initializer, constraint


@record
class Dropout(Layer):
    """Sets each value to 0 with probability `rate` while training and scales the others by 1 / (1 - rate).

    Formula: y = x * m / (1 - rate), with a new random mask m at every step; y = x for predictions.
    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.

    >>> Dropout(0.2).rate
    0.2
    """

    rate: float

    def __post_init__(self) -> None:
        check_fields(self, {"rate": HALF_OPEN_UNIT})


@record
class LayerNorm(TrainableLayer):
    """Normalizes the values of each row, then scales and shifts every column.

    Formula: y = scale * (x - mean(x)) / sqrt(variance(x) + epsilon) + bias, over the K values of a row.
    Source: Ba, Kiros, Hinton, "Layer normalization", 2016.

    >>> LayerNorm().epsilon
    1e-05
    """

    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, {"epsilon": POSITIVE})


@record
class BatchNorm(TrainableLayer):
    """Normalizes each column over the rows of the batch, then scales and shifts it.

    Formula: y = scale * (x - mean) / sqrt(variance + epsilon) + bias. While training, mean and variance (biased) are
    those of the batch, and running <- momentum * running + (1 - momentum) * batch; predictions use running_mean and
    running_var. A frozen one, trainable=False, uses them while training, too, and they stay as they are.
    Source: Ioffe, Szegedy, "Batch normalization", 2015.

    >>> BatchNorm().momentum
    0.9
    """

    momentum: float = 0.9
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self, {"momentum": HALF_OPEN_UNIT, "epsilon": POSITIVE})


@record
class LearnedScale(TrainableLayer):
    """Multiplies every column by a trainable factor that starts at 1.

    Formula: y = scale * x, scale (K,).
    Source: the scaling layer of Holzmüller, Grinsztajn, Steinwart, "Better by default", NeurIPS 2024.

    Parameters:
        columns: how many columns, the first ones, have a factor; the others stay as they are. None for all. Before a
            first layer that reads a CSR block, these are the columns of the dense block.

    >>> LearnedScale(), LearnedScale(3)
    (LearnedScale(), LearnedScale(3))
    """

    columns: int | None = None

    def __post_init__(self) -> None:
        TrainableLayer.__post_init__(self)
        if self.columns is not None:
            check_number("LearnedScale", "columns", self.columns, POSITIVE_INT)

    def __repr__(self) -> str:
        columns = [] if self.columns is None else [str(self.columns)]
        return f"LearnedScale({', '.join(columns + _changed(self))})"


@record
class Rescale(Layer):
    """Multiplies every value by a fixed factor, such as 1/255 for the pixels of an image, kept as bytes.

    As the first layer it costs nothing: rows are scaled while they are gathered.

    Formula: y = factor * x + offset; where 1 / factor is an integer, as in 1/255, factor * x is x / (1 / factor).
    Source: the layer `Rescaling` of Keras.

    Parameters:
        factor: any finite number but 0.
        offset: any finite number.

    Raises:
        InputError: the factor is 0, or one of them is not a finite number.

    >>> Rescale(1 / 255).divisor, Rescale(0.3).divisor
    (255.0, None)
    """

    factor: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        check_number("Rescale", "factor", self.factor, ANY)
        check_number("Rescale", "offset", self.offset, ANY)
        if self.factor == 0:
            raise InputError(
                "Rescale: factor is 0, so that every value would be 0; take another number, such as 1/255."
            )
        _set(self, factor=float(self.factor), offset=float(self.offset))

    def __repr__(self) -> str:
        return f"Rescale(factor={self.factor!r}{f', offset={self.offset!r}' if self.offset else ''})"

    @property
    def divisor(self) -> float | None:
        """1 / factor where that is an integer, else None."""
        divisor = float(round(1 / self.factor)) if abs(self.factor) > 1e-15 else 0.0
        return divisor if divisor and 1 / divisor == self.factor else None


@record(init=False)
class Residual(Layer):
    """Adds its input to the output of its layers.

    Formula: y = x + layers(x); the last layer in it must be as wide as x.
    Source: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015.

    >>> len(Residual([Dense(8, "relu"), Dense(8)]).layers)
    2
    """

    layers: tuple[Layer, ...]

    def __init__(self, layers: Any) -> None:
        _set(self, layers=checked_layers("Residual", layers))

    def __repr__(self) -> str:
        return f"Residual({list(self.layers)!r})"


LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "dropout": Dropout,
    "layer_norm": LayerNorm,
    "batch_norm": BatchNorm,
    "learned_scale": LearnedScale,
    "rescale": Rescale,
    "residual": Residual,
}
_NAMES = {kind: name for name, kind in LAYERS.items()}


def checked_layers(owner: str, layers: Any) -> tuple[Layer, ...]:
    """The layers as a tuple; raises an `InputError` that names the entry that is not a layer."""
    if isinstance(layers, (Layer, str)) or not hasattr(layers, "__iter__"):
        raise InputError(f"{owner} got layers={layers!r}; use a list, such as layers=[rv.Dense(16, 'relu')].")
    result = tuple(layers)
    if not result:
        raise InputError(f"{owner} got no layers; it needs at least one, such as rv.Dense(1).")
    for index, layer in enumerate(result):
        if not isinstance(layer, Layer):
            raise InputError(f"{owner} layer {index} is {layer!r}; it must be a layer, such as rv.Dense(16, 'relu').")
    return result


def layer_to_dict(layer: Layer) -> dict[str, Any]:
    """A layer as JSON values.

    >>> layer_to_dict(Dropout(0.5))
    {'kind': 'dropout', 'rate': 0.5}
    """
    kind: dict[str, Any] = {"kind": _NAMES[type(layer)]}
    if isinstance(layer, Residual):
        return kind | {"layers": [layer_to_dict(inner) for inner in layer.layers]}
    # What is as usual stays out, so that files and digests are those of versions without it.
    defaults = {"trainable": True, "learning_rate_factor": 1.0, "columns": None, "offset": 0.0}
    changed = {name: getattr(layer, name, usual) for name, usual in defaults.items()}
    changed = {name: value for name, value in changed.items() if value != defaults[name]}
    if isinstance(layer, Dense):
        options = {"bias": layer.bias, "l1": layer.l1, "l2": layer.l2, "groups": layer.groups}
        weights, function = layer.initializer.to_dict(), layer.activation.to_dict()
        constraint = {} if layer.constraint is None else {"constraint": layer.constraint.to_dict()}
        return (
            kind
            | {"units": layer.units, "activation": function, "initializer": weights}
            | options
            | constraint
            | changed
        )
    own = [entry.name for entry in fields(layer) if entry.name not in defaults]  # type: ignore[arg-type]
    return kind | {name: getattr(layer, name) for name in own} | changed


def layer_from_dict(data: dict[str, Any]) -> Layer:
    """The layer that `layer_to_dict` wrote.

    Raises:
        InputError: the kind of layer is unknown.
    """
    values = dict(data)
    kind = LAYER_KINDS.get(values["kind"], values["kind"])
    del values["kind"]
    if kind not in LAYERS:
        raise InputError(f"There is no layer of kind {kind!r} in this version of Ranvier.")
    if kind == "dense":
        weights = initializer_from_dict(values.pop("initializer"))
        function = activation_from_dict(values.pop("activation"))
        if "constraint" in values:
            values["constraint"] = constraint_from_dict(values["constraint"])
        return Dense(values.pop("units"), function, initializer=weights, **values)
    if kind == "residual":
        return Residual([layer_from_dict(inner) for inner in values["layers"]])
    return LAYERS[kind](**values)
