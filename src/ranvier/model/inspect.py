"""Look inside a model: its summary, one layer, one neuron, as records with arrays. K inputs of a layer, N units."""

from __future__ import annotations

from dataclasses import asdict
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.errors import InputError, nearest
from ranvier.network.layers import Dense, Residual
from ranvier.network.network import dense_layers
from ranvier.network.summary import NetworkSummary
from ranvier.records import record
from ranvier.text_table import html_table, text_table

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor
    from ranvier.network.layer_info import LayerInfo
    from ranvier.network.network import Network

Array = NDArray[Any]
MAX_SHOWN_COLUMNS = 20
MAX_SHOWN_WEIGHTS = 24
MAX_SHOWN_NEURONS = 64
MAX_LABELS, MAX_LABELS_LENGTH = 12, 130
"""How many classes a sentence names, and how many letters that takes."""


@record
class ParameterStatistics:
    """One parameter array: its name, shape, smallest, mean and largest value, standard deviation, fraction of zeros.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> weight = model.summary().statistics[0]
    >>> weight.name, weight.shape, weight.minimum, weight.maximum, weight.zeros
    ('layers.0.weight', (2, 1), -1.0, 2.0, 0.0)
    """

    name: str
    shape: tuple[int, ...]
    minimum: float
    mean: float
    maximum: float
    standard_deviation: float
    zeros: float


@record
class ModelSummary:
    """What a model is.

    Fields:
        predicts: the task in one sentence.
        task: "binary", "multiclass", "multilabel" or "regression".
        network: its layers.
        columns: of a model with an encoder, one record a column: name, kind, encoded, note.
        statistics: one record a parameter array.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> summary = model.summary()
    >>> summary.predicts, summary.network.parameters, len(summary.statistics)
    ('Predicts y: a number.', 3, 2)
    """

    predicts: str
    task: str
    network: NetworkSummary
    columns: tuple[dict[str, Any], ...]
    statistics: tuple[ParameterStatistics, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        columns = ""
        if self.columns:
            shown = [
                tuple(str(column[name] or "") for name in ("name", "kind", "encoded"))
                for column in self.columns[:MAX_SHOWN_COLUMNS]
            ]
            more = len(self.columns) - MAX_SHOWN_COLUMNS
            columns = f"{text_table(('Column', 'Kind', 'Encoded as'), shown)}\n\n"
            columns = f"{columns[:-1]}and {more:,} more columns\n\n" if more > 0 else columns
        return f"{self.predicts}\n\n{columns}{self.network}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = [tuple(str(column[name] or "") for name in ("name", "kind", "encoded")) for column in self.columns]
        columns = html_table(("Column", "Kind", "Encoded as"), rows) if rows else ""
        return f"<p>{self.predicts}</p>{columns}{self.network._repr_html_()}"


@record
class LayerView:
    """A layer of N neurons.

    Fields:
        layer: its path, such as "layers.0".
        activation, formula: the name and the formula of the activation.
        weights: shape (K, N), K the inputs that one neuron sees.
        biases: shape (N,), or None.
        inputs: the names of what goes into the layer; where it has groups, each neuron sees a part of them.
        labels: of the output layer, what each neuron stands for; else None.
        strongest: for each neuron, the index among `inputs` of the weight that is largest in size, shape (N,).

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> layer = model.layer("layers.0")
    >>> layer.weights.tolist(), layer.biases.tolist(), layer.inputs, layer.strongest.tolist()
    ([[2.0], [-1.0]], [1.0], ('x0', 'x1'), [0])
    """

    layer: str
    activation: str
    formula: str
    weights: Array
    biases: Array | None
    inputs: tuple[str, ...]
    labels: tuple[str, ...] | None
    strongest: NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """The layer as plain JSON values, one record a neuron: bias, norm of the weights, strongest input."""
        size = np.abs(self.weights).argmax(axis=0)
        neurons = [
            {
                "neuron": at,
                "stands_for": None if self.labels is None else self.labels[at],
                "bias": None if self.biases is None else float(self.biases[at]),
                "weight_norm": float(np.linalg.norm(self.weights[:, at])),
                "strongest_input": self.inputs[self.strongest[at]],
                "strongest_weight": float(self.weights[size[at], at]),
            }
            for at in range(self.weights.shape[1])
        ]
        activation = {"name": self.activation, "formula": self.formula}
        return {"layer": self.layer, "activation": activation, "neurons": neurons}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Titles and rows, as text."""
        label = () if self.labels is None else ("Stands for",)
        titles = ("Neuron", *label, "Bias", "Weight norm", "Its weight", "Strongest input")
        rows = []
        for neuron in self.to_dict()["neurons"][:MAX_SHOWN_NEURONS]:
            bias = "-" if neuron["bias"] is None else f"{neuron['bias']:+z,.4f}"
            named = () if self.labels is None else (str(neuron["stands_for"]),)
            numbers = (bias, f"{neuron['weight_norm']:,.4f}", f"{neuron['strongest_weight']:+z,.4f}")
            rows.append((str(neuron["neuron"]), *named, *numbers, neuron["strongest_input"]))
        return titles, rows

    def __str__(self) -> str:
        title = f"{self.layer}, {self.weights.shape[1]:,} neurons, {self.activation}"
        return f"{title}\n\n{text_table(*self.table(), _NUMBERS)}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<b>{self.layer}</b>, {self.weights.shape[1]:,} neurons{html_table(*self.table(), _NUMBERS)}"


@record
class NeuronView:
    """One neuron: output = activation(sum of weight * input + bias).

    Fields:
        layer, neuron: where it is, the number counted from 0.
        stands_for: what a neuron of the output layer stands for; else None.
        activation, formula: the name and the formula of its activation.
        bias: None where the layer has none.
        inputs: the names of its K inputs.
        weights: shape (K,), in the order of `inputs`.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> neuron = model.neuron("layers.0", 0)
    >>> neuron.inputs, neuron.weights.tolist(), neuron.bias
    (('x0', 'x1'), [2.0, -1.0], 1.0)
    """

    layer: str
    neuron: int
    stands_for: str | None
    activation: str
    formula: str
    bias: float | None
    inputs: tuple[str, ...]
    weights: Array

    @property
    def order(self) -> NDArray[np.int64]:
        """The indices of the inputs, the largest weight in size first."""
        return np.argsort(-np.abs(self.weights), kind="stable")

    def to_dict(self) -> dict[str, Any]:
        """The neuron as plain JSON values, its weights largest in size first."""
        return {
            "layer": self.layer,
            "neuron": self.neuron,
            "stands_for": self.stands_for,
            "activation": {"name": self.activation, "formula": self.formula},
            "bias": self.bias,
            "weights": [{"input": self.inputs[at], "weight": float(self.weights[at])} for at in self.order],
        }

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Titles and rows, as text."""
        shown = self.order[:MAX_SHOWN_WEIGHTS]
        return ("Input", "Weight"), [(self.inputs[at], f"{self.weights[at]:+z,.4f}") for at in shown]

    def __str__(self) -> str:
        label = "" if self.stands_for is None else f", stands for {self.stands_for}"
        bias = "no bias" if self.bias is None else f"bias {self.bias:+z,.4f}"
        title = f"{self.layer}, neuron {self.neuron}{label}, {self.activation}, {bias}"
        return f"{title}\n\n{text_table(*self.table(), ('Weight',))}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<b>{self.layer}, neuron {self.neuron}</b>{html_table(*self.table(), ('Weight',))}"


_NUMBERS = ("Neuron", "Bias", "Weight norm", "Its weight")


def summary(model: Predictor) -> ModelSummary:
    """The summary of a model; `model.summary()` gives it."""
    columns = [] if model.encoder is None else model.encoder.describe()
    statistics = []
    for name, array in model.parameters.items():
        values = np.asarray(array, np.float64)
        numbers = (values.min(), values.mean(), values.max(), values.std(), np.mean(values == 0.0))
        statistics.append(ParameterStatistics(name, values.shape, *map(float, numbers)))
    return ModelSummary(
        predicts=task_sentence(model),
        task=model.task.kind,
        network=model.network.summary(),
        columns=tuple(dict(zip(("name", "kind", "encoded", "note"), column, strict=True)) for column in columns),
        statistics=tuple(statistics),
    )


def task_sentence(model: Predictor) -> str:
    """What the model predicts, in one sentence."""
    task, what = model.task, ", ".join(model.task.target_names) or "the target"
    if task.kind == "regression":
        return f"Predicts {what}: {'a number' if task.outputs == 1 else f'{task.outputs:,} numbers'}."
    if task.kind == "multilabel":
        return f"Predicts which of {task.outputs:,} labels apply: {what}."
    labels = class_labels(model)
    lengths = accumulate(len(label) + 2 for label in labels[:MAX_LABELS])
    count = max(2, sum(length <= MAX_LABELS_LENGTH for length in lengths))
    shown = ", ".join(labels[:count])
    more = f" and {len(labels) - count:,} more" if len(labels) > count else ""
    return f"Predicts {what}, one of {len(labels):,} classes: {shown}{more}."


def class_labels(model: Predictor) -> list[str]:
    """The classes or labels as texts; characters that are not seen by their names, such as "space"."""
    labels = [str(label) for label in model.task.classes]
    if model.encoder is None:
        return labels
    from ranvier.data.encoders.context import SHOWN, ContextEncoder

    return [SHOWN.get(label, label) for label in labels] if isinstance(model.encoder, ContextEncoder) else labels


def layer(model: Predictor, path: str | int) -> LayerView:
    """Every neuron of a layer; `model.layer(path)` gives it.

    Raises:
        InputError: there is no such layer, or it has no neurons.
    """
    info = find_layer(model.network, str(path))
    weights, biases = _arrays(model, info)
    first = np.array([seen_inputs(info, at).start for at in range(info.outputs)], np.int64)
    labels = [output_label(model, info, at) for at in range(info.outputs)]
    return LayerView(
        layer=info.path,
        **_activation(info),
        weights=weights,
        biases=biases,
        inputs=tuple(input_names(model, info)),
        labels=None if labels[0] is None else tuple(map(str, labels)),
        strongest=first + np.abs(weights).argmax(axis=0),
    )


def neuron(model: Predictor, path: str | int, number: int) -> NeuronView:
    """The weights of one neuron with the names of its inputs; `model.neuron(path, number)` gives it.

    Raises:
        InputError: there is no such layer or neuron.
    """
    info = find_layer(model.network, str(path))
    if not 0 <= number < info.outputs:
        raise InputError(f"{info.path} has the neurons 0 to {info.outputs - 1}; there is no neuron {number}.")
    weights, biases = _arrays(model, info)
    return NeuronView(
        layer=info.path,
        neuron=int(number),
        stands_for=output_label(model, info, number),
        **_activation(info),
        bias=None if biases is None else float(biases[number]),
        inputs=tuple(input_names(model, info)[seen_inputs(info, number)]),
        weights=weights[:, number],
    )


def find_layer(network: Network, name: str) -> LayerInfo:
    """The layer with neurons that a number or a path names.

    Raises:
        InputError: there is none, or it has no neurons.
    """
    infos = {info.path: info for info in network.iter_layers()}
    path = name if name.startswith("layers") else f"layers.{name}"
    with_neurons = [info.path for info in dense_layers(network)]
    if path not in infos:
        raise InputError(f'There is no layer "{name}". {nearest(path, with_neurons)}')
    if path not in with_neurons:
        kind = type(infos[path].layer).__name__
        raise InputError(f"{path} is a {kind} layer and has no neurons. {nearest('', with_neurons)}")
    return infos[path]


def input_names(model: Predictor, info: LayerInfo) -> list[str]:
    """The names of what goes into a layer: the encoded columns, or the neurons of the Dense layer before."""
    source = None
    for other in model.network.iter_layers():
        if other.index >= info.index:
            break
        if isinstance(other.layer, (Dense, Residual)):
            source = other
    if source is None:
        names = row_encoder(model.encoder).feature_names or [f"x{at}" for at in range(info.inputs)]
        return list(names)
    if isinstance(source.layer, Residual) or info.path.count(".") != source.path.count("."):
        return [f"input {at}" for at in range(info.inputs)]
    return [f"{source.path} neuron {at}" for at in range(info.inputs)]


def seen_inputs(info: LayerInfo, neuron: int) -> slice:
    """Which inputs of its layer a neuron sees: those of its group."""
    group = neuron // (info.outputs // info.groups)
    return slice(group * info.fan_in, (group + 1) * info.fan_in)


def output_label(model: Predictor, info: LayerInfo, neuron: int) -> str | None:
    """What a neuron of the output layer stands for; None elsewhere."""
    if info != model.network.layer_infos[-1]:
        return None
    task = model.task
    if task.kind == "binary":
        return str(task.classes[1])
    return str((task.classes or task.target_names)[neuron]) if task.classes or task.target_names else None


def _activation(info: LayerInfo) -> dict[str, str]:
    assert isinstance(info.layer, Dense)
    return {"activation": info.layer.activation.name, "formula": info.layer.activation.formula}


def _arrays(model: Predictor, info: LayerInfo) -> tuple[Array, Array | None]:
    """Weights (inputs that a neuron sees, N) and biases (N,) or None."""
    return model.parameters[f"{info.path}.weight"], model.parameters.get(f"{info.path}.bias")
