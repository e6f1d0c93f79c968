"""What happens in a training step? The numbers of one row and one neuron, in five stages. B rows of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.model.inspect import find_layer, input_names, seen_inputs
from ranvier.network.layer_info import LayerInfo
from ranvier.reference.trace import LayerTrace, StepTrace, batch_loss_at
from ranvier.rows.class_numbers import one_hot
from ranvier.rows.some_rows import evenly
from ranvier.view.stepping import Stepping
from ranvier.view.subject import Subject

Array = NDArray[Any]
MAX_TERMS = 8
MAX_POINTS = 160
MAX_OUTPUTS = 12
KINK = "Between the two a weighted sum passes a kink of its activation, where the slope jumps: the numbers may differ."
JUMP = 1e-3
"""A slope that changes by more on the way of a finite difference has jumped."""


def stepping_of(subject: Subject, seed: Any = None) -> Stepping:
    """The steps of a subject, from the seed of its model or another one; the last ones asked for are kept.

    Raises:
        InputError: nothing can be learned from the known rows, or the seed is none.
    """
    if seed is not None and (type(seed) is not int or not 0 <= seed < 2**31):
        raise InputError(f"The seed is {seed!r}; an integer from 0 was expected.")
    return subject.lasting(("stepping", seed), lambda: Stepping(subject, seed))


def step(
    subject: Subject, number: int, row: int = 0, path: str | None = None, neuron: int = 0, seed: int | None = None
) -> dict[str, Any]:
    """A step of the training, from the beginning.

    Parameters:
        number: how many steps were made before it.
        row: of the batch, from 0.
        path, neuron: which neuron is looked at; None for the first of the first layer.
        seed: another seed than the model's.

    Returns where the step is, the settings in words, the batch with its losses, the inputs of the row and the `pixels`
    of the picture that it is, None where it is none, what every layer outputs for the row and the derivatives along
    its sums, and the neuron with its largest terms: value, weight, product, gradient and update of each.

    Raises:
        InputError: there is no such step, row or neuron.
    """
    steps = stepping_of(subject, seed)
    trace = steps.trace(number)
    batch = steps.batch(number)
    if type(row) is not int or not 0 <= row < len(batch):
        raise InputError(f"There is no row {row!r} in this batch of {len(batch)}.")
    info = find_layer(subject.model.network, path if path is not None else subject.dense_layers[0].path)
    if info not in subject.dense_layers or type(neuron) is not int or not 0 <= neuron < info.outputs:
        raise InputError(f"There is no neuron {neuron!r} in {info.path}.")
    epoch, position = divmod(number, steps.per_epoch)
    return {
        "step": number,
        "epoch": epoch,
        "position": position,
        "per_epoch": steps.per_epoch,
        "may_run_epochs": steps.may_run_epochs,
        "seed": steps.seed,
        "rows": steps.rows_name,
        "rate": float(steps.scalars(number)[0]),
        "optimizer": _optimizer_words(steps.spec.optimizer),
        "loss_name": steps.spec.loss.name,
        "loss_formula": steps.spec.loss.formula,
        "start": _start(subject, steps),
        "batch": _batch(subject, steps, trace, batch),
        "loss": trace.loss,
        "loss_after": trace.loss_after,
        "gradient_norm": float(np.linalg.norm(trace.gradient)),
        "row": row,
        "inputs": trace.layers[0].x[row].tolist(),
        "pixels": _pixels(steps, int(batch[row])),
        "layers": [_layer(entry, row) for entry in trace.layers if entry.z is not None],
        "neuron": _neuron(subject, steps, trace, info, neuron, row),
    }


def step_check(
    subject: Subject, number: int, path: str, neuron: int, term: int | None = None, seed: int | None = None
) -> dict[str, Any]:
    """The derivative of the loss along a weight beside its finite difference (L(w + h) - L(w - h)) / 2h.

    Parameters:
        term: the number of the weight of the neuron; None for its bias.

    Returns `analytic`, `numeric`, `h`, `plus` and `minus`, the two losses, and a `note` where an activation has a
    kink on the way.

    Raises:
        InputError: there is no such step, neuron or weight.
    """
    steps = stepping_of(subject, seed)
    trace, info = steps.trace(number), find_layer(subject.model.network, path)
    name = f"{info.path}.{'bias' if term is None else 'weight'}"
    table = subject.model.network.parameter_table
    values = table.views(trace.before.parameters)
    index = (neuron,) if term is None else (term, neuron)
    try:
        at = int(np.ravel_multi_index(index, values[name].shape)) + table[name].slice.start
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"There is no weight {term!r} of neuron {neuron!r} in {path}.") from error
    weight, rows = float(trace.before.parameters[at]), steps.rows_of(number)
    h = 1e-5 * max(1.0, abs(weight))
    sides = []
    for sign in (1.0, -1.0):
        moved = np.array(trace.before.parameters, np.float64)
        moved[at] += sign * h
        state = type(trace.before)(moved, trace.before.slots, trace.before.step)
        sides.append(batch_loss_at(steps.spec, state, rows, np.arange(len(rows))))
    (plus, slopes_plus), (minus, slopes_minus) = sides
    crosses = any((np.abs(a - b) > JUMP).any() for a, b in zip(slopes_plus, slopes_minus, strict=True))
    return {
        "analytic": float(trace.gradients[name][index]),
        "numeric": (plus - minus) / (2.0 * h),
        "h": h,
        "plus": plus,
        "minus": minus,
        "note": KINK if crosses else None,
    }


def _optimizer_words(optimizer: Any) -> str:
    """The optimizer with what acts on the weights besides its rule."""
    extras = {"weight_decay": "weight decay", "clip_norm": "gradient norm at most", "clip_value": "gradients at most"}
    parts = [f"{words} {getattr(optimizer, name):g}" for name, words in extras.items() if getattr(optimizer, name)]
    return ", ".join([type(optimizer).__name__, *parts])


def _start(subject: Subject, steps: Stepping) -> list[dict[str, Any]]:
    """How the weights of each layer begin: the rule, and a sample of them."""
    values = subject.model.network.parameter_table.views(steps.state(0).parameters)
    layers = []
    for info in subject.dense_layers:
        layer: Any = info.layer
        weights = np.sort(np.asarray(values[f"{info.path}.weight"]).reshape(-1))
        shown = weights[evenly(len(weights), MAX_POINTS)]
        layers.append(
            {
                "path": info.path,
                "rule": f"{layer.initializer.name}: {layer.initializer.formula}",
                "fan_in": info.fan_in,
                "count": len(weights),
                "deviation": float(weights.std()),
                "points": shown.tolist(),
            }
        )
    return layers


def _batch(subject: Subject, steps: Stepping, trace: StepTrace, batch: Array) -> list[dict[str, Any]]:
    """The rows of the batch: number, target and output (at most 12 of each), and loss."""
    targets = one_hot(steps.rows.targets[batch], subject.model.network.outputs)
    outputs = trace.layers[-1].y
    return [
        {
            "number": int(batch[at]),
            "target": targets[at, :MAX_OUTPUTS].tolist(),
            "output": outputs[at, :MAX_OUTPUTS].tolist(),
            "loss": float(trace.row_losses[at]),
        }
        for at in range(len(batch))
    ]


def _pixels(steps: Stepping, row: int) -> list[int] | None:
    """The picture that a row is, from 0 to 255, row by row; None where it is none."""
    picture = steps.picture(row)
    return None if picture is None else picture.reshape(-1).tolist()


def _layer(entry: LayerTrace, row: int) -> dict[str, Any]:
    assert entry.z is not None
    assert entry.dz is not None
    return {"path": entry.path, "y": entry.y[row].tolist(), "dz": entry.dz[row].tolist()}


def _neuron(
    subject: Subject, steps: Stepping, trace: StepTrace, info: LayerInfo, number: int, row: int
) -> dict[str, Any]:
    """The neuron: its terms for the row, sum and output, the derivatives, and what the step does to its weights."""
    model, layer = subject.model, next(entry for entry in trace.layers if entry.path == info.path)
    table = model.network.parameter_table
    input_slice = seen_inputs(info, number)
    x = layer.x[row, input_slice]
    weights = table.views(trace.before.parameters)[f"{info.path}.weight"][:, number]
    products = x * weights
    gradient = trace.gradients[f"{info.path}.weight"][:, number]
    sizes = [np.abs(part) / (np.abs(part).max() or 1.0) for part in (products, gradient)]
    size = np.maximum(*sizes)
    largest = np.sort(np.argsort(-size, kind="stable")[: MAX_TERMS if len(weights) > 2 * MAX_TERMS else len(weights)])
    names = input_names(model, info)
    names = [names[at] for at in np.arange(info.inputs)[input_slice]] if len(names) == info.inputs else names
    terms = [
        {
            "index": int(at),
            "input": names[at],
            "value": float(x[at]),
            "weight": float(weights[at]),
            "product": float(products[at]),
            "gradient": float(gradient[at]),
            **_update(steps, trace, f"{info.path}.weight", (int(at), number)),
        }
        for at in largest.tolist()
    ]
    has_bias = f"{info.path}.bias" in trace.gradients
    bias = None
    if has_bias:
        value = float(table.views(trace.before.parameters)[f"{info.path}.bias"][number])
        derivative = float(trace.gradients[f"{info.path}.bias"][number])
        bias = {"weight": value, "gradient": derivative, **_update(steps, trace, f"{info.path}.bias", (number,))}
    assert layer.z is not None
    assert layer.dz is not None
    shown: Any = info.layer
    return {
        "path": info.path,
        "neuron": number,
        "activation": shown.activation.name,
        "terms": terms,
        "others": len(weights) - len(terms),
        "others_sum": float(products.sum() - products[largest].sum()),
        "bias": bias,
        "z": float(layer.z[row, number]),
        "y": float(layer.y[row, number]),
        "derivative": None if layer.derivative is None else float(layer.derivative[row, number]),
        "dy": None if layer.dy is None else float(layer.dy[row, number]),
        "dz": float(layer.dz[row, number]),
        "rows": len(layer.y),
    }


def _update(steps: Stepping, trace: StepTrace, name: str, index: tuple[int, ...]) -> dict[str, Any]:
    """What the step does to a parameter: what the optimizer gets, its memory before and after, and the new value."""
    table = steps.network.parameter_table
    names = [slot for slot, _ in steps.spec.optimizer.rule().slots]

    def at(flat: Array) -> float:
        return float(table.views(np.ascontiguousarray(flat))[name][index])

    return {
        "used": at(trace.gradient),
        "memory": [
            {"name": slot, "before": at(before), "after": at(after)}
            for slot, before, after in zip(names, trace.before.slots, trace.after.slots, strict=True)
        ],
        "new": at(trace.after.parameters),
    }
