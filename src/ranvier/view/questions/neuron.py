"""What does this neuron do with a row? Weights, products, sum, bias, derivative and output. K inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.table import TableEncoder
from ranvier.engine import LayerValues
from ranvier.expression import evaluate
from ranvier.model.inspect import NeuronView, find_layer, seen_inputs
from ranvier.network.layer_info import LayerInfo
from ranvier.rows import Inputs
from ranvier.view.questions.neuron_statistics import neuron_statistics
from ranvier.view.subject import Subject

Array = NDArray[Any]
MAX_TERMS = 200
CURVE_POINTS = 161


def neuron(subject: Subject, path: str, number: int, inputs: Inputs | None = None) -> dict[str, Any]:
    """A neuron opened.

    Parameters:
        path: of its layer.
        number: of the neuron, from 0.
        inputs: a row, encoded, (1, K); None for the weights alone.

    Returns the fields of `NeuronView`; `terms`, one for each input, largest product (or weight) in size first: input,
    weight and, with a row, value and product; with a row `sum` (of products and bias), `output` and `derivative` of the
    activation at the sum; `curve` of the activation; `statistics` over the known rows; `by_column`, the sums of the
    products of each column of a table; and `weights` in the order of the inputs, where they are at most 4,096.

    Raises:
        InputError: there is no such layer or neuron.
    """
    view = subject.model.neuron(path, number)
    info = find_layer(subject.model.network, path)
    statistics = None if subject.rows is None else neuron_statistics(subject, info.path)[number]
    answer = {
        "layer": view.layer,
        "neuron": view.neuron,
        "stands_for": view.stands_for,
        "activation": {"name": view.activation, "formula": view.formula},
        "bias": view.bias,
        "fan_in": len(view.weights),
        "weights": view.weights.astype(np.float64).tolist() if len(view.weights) <= 4096 else None,
        "statistics": statistics,
    }
    if inputs is None:
        answer["terms"] = _terms(view, None)
        answer["curve"] = _curve(info, statistics, None)
        return answer
    values = subject.values_of(inputs)
    inputs_of_neuron = layer_inputs(subject, info, values, inputs)[0, seen_inputs(info, number)].astype(np.float64)
    products = inputs_of_neuron * view.weights.astype(np.float64)
    sums, outputs = values[info.path].weighted_sums, values[info.path].outputs
    assert sums is not None
    total = float(sums[0, number])
    return answer | {
        "terms": _terms(view, inputs_of_neuron),
        "sum_of_products": float(products.sum()),
        "sum": total,
        "output": float(outputs[0, number]),
        "derivative": _derivative(info, total),
        "curve": _curve(info, statistics, total),
        "by_column": _by_column(subject, info, products),
    }


def layer_inputs(subject: Subject, info: LayerInfo, values: dict[str, LayerValues], inputs: Inputs) -> Array:
    """What goes into a layer for encoded rows, (n, K of the layer).

    Parameters:
        values: of all layers, by path, for these rows.
    """
    parent, _, position = info.path.rpartition(".")
    while position == "0" and parent != "layers":
        parent, _, position = parent.removesuffix(".layers").rpartition(".")
    if position == "0":
        return inputs.toarray()
    before = values[f"{parent}.{int(position) - 1}"].outputs
    if before.shape[1] == info.inputs or inputs.csr is None:
        return before
    # The first Dense layer reads the CSR block beside what layers before it made of the dense one.
    return np.concatenate([before, inputs.csr.toarray()], axis=1)


def _terms(view: NeuronView, values: Array | None) -> list[dict[str, Any]]:
    weights = view.weights.astype(np.float64)
    if values is None:
        order = view.order[:MAX_TERMS]
        return [{"input": view.inputs[at], "index": int(at), "weight": float(weights[at])} for at in order]
    products = weights * values
    return [
        {
            "input": view.inputs[at],
            "index": int(at),
            "weight": float(weights[at]),
            "value": float(values[at]),
            "product": float(products[at]),
        }
        for at in np.argsort(-np.abs(products), kind="stable")[:MAX_TERMS]
    ]


def _derivative(info: LayerInfo, total: float) -> float | None:
    layer: Any = info.layer
    derivative = layer.activation.derivative
    return None if derivative is None else float(evaluate(derivative, {"x": np.array([total])})[0])


def _curve(info: LayerInfo, statistics: dict[str, Any] | None, total: float | None) -> dict[str, list[float]] | None:
    """The activation over the sums that occur; None for softmax, which depends on the other neurons, too."""
    layer: Any = info.layer
    if layer.activation.expression is None:
        return None
    ends = [] if statistics is None else [statistics["lowest_sum"], statistics["highest_sum"]]
    reach = max([2.0, *(abs(value) for value in (*ends, *([] if total is None else [total])))])
    x = np.linspace(-reach, reach, CURVE_POINTS)
    with np.errstate(all="ignore"):
        y = np.broadcast_to(evaluate(layer.activation.expression, {"x": x}), x.shape)
    return {"x": x.tolist(), "y": np.nan_to_num(y, posinf=1e30, neginf=-1e30).tolist()}


def _by_column(subject: Subject, info: LayerInfo, products: Array) -> list[dict[str, Any]] | None:
    """The sums of the products over the features of each column; None for layers that do not read a table's features.

    Only of a first layer that sees all of them.
    """
    encoder = subject.model.encoder
    first = subject.dense_layers[0]
    if info != first or not isinstance(encoder, TableEncoder) or len(products) != encoder.width:
        return None
    sums, dense, csr = [], 0, sum(part.width for part in encoder.encoders)
    for part in encoder.encoders:
        total = products[dense : dense + part.width].sum() + products[csr : csr + part.csr_width].sum()
        sums.append({"column": part.column, "product": float(total)})
        dense, csr = dense + part.width, csr + part.csr_width
    return sums
