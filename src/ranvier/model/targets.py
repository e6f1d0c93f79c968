"""From a network and targets y to the task, the loss and the target encoder that fit them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder, fit_target
from ranvier.data.encoders.target_values import first_missing, plain_values
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.network.losses import Loss
from ranvier.network.network import Network
from ranvier.network.quantile_levels import quantile_task
from ranvier.network.task import Label, Task
from ranvier.plural import plural

Array = NDArray[Any]
MAX_SUM_ERROR = 1e-3
"""How far from 1 the probabilities of a row may add up: they may have been written with few digits."""


def target_array(y: Any) -> Array:
    """Targets as booleans, integers, numbers or text, of one or two dimensions; a single column becomes one.

    Of several numbers of a row some may be missing, NaN, and do not count.

    Raises:
        DataError: y has no rows, too many dimensions, missing or infinite values, or values of another type.
    """
    array = plain_values(y, ("y",))
    if len(array) == 0:
        raise DataError(f"There are no rows: y has shape {array.shape}. Give X and y with at least one row.")
    if array.size == 0:
        raise DataError(f"y has shape {array.shape}; it must have one value, or one row of values, for each row of X.")
    row = first_missing(array)
    if row is not None:
        what = "no value" if array.ndim == 2 else "a missing value (None or NaN)"
        raise DataError(f"y has {what} at row index {row}; leave such rows out.")
    if array.dtype.kind == "f" and np.isinf(array).any():
        row = int(np.argwhere(np.isinf(array))[0][0])
        raise DataError(f"y holds {array[row]} at row index {row}; every target must be a finite number.")
    return array


def column_names(y: Any) -> tuple[str, ...]:
    """The names of the columns of a data frame of several targets; empty for everything else.

    >>> column_names([[1.0, 2.0]])
    ()
    """
    names = getattr(y, "columns", None)
    if names is None or len(getattr(y, "shape", ())) != 2 or y.shape[1] < 2:
        return ()
    return tuple(str(name) for name in names)


def infer_target(network: Network, y: Array, loss: Loss | None, names: tuple[str, ...] = ()) -> TargetEncoder:
    """The task that a network's output layer and the targets y speak of, with the encoder of the targets.

    One-dimensional labels are classes where the network has several outputs. They are binary where it has one, if they
    are text or booleans, or two integers that meet a sigmoid output. Everything else is regression, or multilabel
    where rows of 0 and 1 meet sigmoid outputs.

    Parameters:
        network, y, loss: what is trained, targets as `target_array` gives them, and the loss, or None for the usual.
        names: of several targets; empty to number them.

    Raises:
        InputError: y and the output layer do not fit together.
    """
    if loss is not None and loss.levels:
        return _quantile_target(network, y, loss, names)
    task = _task(network, y, loss)
    if len(names) == task.outputs and task.kind in ("regression", "multilabel"):
        task = replace(task, target_names=names)
    return fit_target(y, task, standardize=False)


def _quantile_target(network: Network, y: Array, loss: Loss, names: tuple[str, ...]) -> TargetEncoder:
    """The encoder of numbers of which each has an output for every quantile."""
    levels = loss.levels
    if y.dtype.kind not in "biuf":
        raise InputError(f"y holds values of {y.dtype}, and the loss quantile takes numbers.")
    targets = 1 if y.ndim == 1 else y.shape[1]
    if network.outputs != targets * len(levels):
        raise InputError(
            f"The network has {network.outputs} outputs, and {targets} target{'s' * (targets > 1)} with {len(levels)} "
            f"quantiles need {targets * len(levels)}; end with rv.Dense({targets * len(levels)})."
        )
    names = names or (("y",) if y.ndim == 1 else tuple(f"y{index}" for index in range(targets)))
    return fit_target(y, quantile_task(names, levels), standardize=False, loss=loss)


def _task(network: Network, y: Array, loss: Loss | None) -> Task:
    outputs, activation = network.outputs, network.output_activation.name
    if y.ndim == 2:
        if y.shape[1] != outputs:
            raise ShapeError(
                f"y has {plural(y.shape[1], 'column')} and the network has {plural(outputs, 'output')}; they must be "
                "as many."
            )
        if activation == "softmax":
            check_class_rows(y)
            return Task("multiclass", outputs, tuple(range(outputs)), ("y",))
        if activation == "sigmoid" and y.dtype.kind in "biuf" and (np.isin(y, (0, 1)) | np.isnan(y)).all():
            return Task("multilabel", outputs, target_names=tuple(f"label_{index}" for index in range(outputs)))
        return Task("regression", outputs, target_names=tuple(f"y{index}" for index in range(outputs)))
    if outputs > 1:
        return Task("multiclass", outputs, _class_labels(y, outputs), ("y",))
    probabilities = activation == "sigmoid" and (loss is None or loss.applied_to == "logit" or y.dtype.kind not in "f")
    labels = y.dtype.kind in "Ob" or (probabilities and len(_unique_values(y)) <= 2 and bool((y == np.floor(y)).all()))
    if labels:
        values = [_to_python_scalar(value) for value in _unique_values(y)]
        if len(values) == 1 and values[0] in (0, 1):
            values = [type(values[0])(0), type(values[0])(1)]
        if len(values) != 2:
            raise InputError(
                f"y holds {len(values)} different labels and the network has one output; make the output layer one "
                f"neuron a class, rv.Dense({len(values)}, 'softmax')."
                if len(values) > 2
                else f"y holds one value alone, {values[0]!r}, so there is nothing to learn; give rows of a second one."
            )
        return Task("binary", 1, tuple(values), ("y",))
    bounded = activation in ("sigmoid", "hard_sigmoid") if loss is None else loss.applied_to == "logit"
    if bounded and not ((y >= 0) & (y <= 1)).all():
        raise InputError(
            f"y holds {y[(y < 0) | (y > 1)][0]:g}, and the output layer ({activation}) gives numbers from 0 to 1; "
            "for numbers end with rv.Dense(1), for several classes with rv.Dense(classes, 'softmax')."
        )
    return Task("regression", 1, target_names=("y",))


def check_class_rows(y: Array) -> None:
    """Raise an `InputError` unless every row holds the probabilities of the classes, such as a single 1 among zeros.

    >>> check_class_rows(np.array([[0.2, 0.8], [1.0, 0.0]]))
    """
    expected = (
        "each row must hold probabilities that add up to 1, such as a single 1 among zeros. Class labels work too."
    )
    if y.dtype.kind not in "biuf":
        raise InputError(f"y has one column a class, of {y.dtype}; {expected}")
    sums = y.sum(axis=1)
    wrong = ~((y >= 0).all(axis=1) & (np.abs(sums - 1.0) <= MAX_SUM_ERROR))
    if wrong.any():
        row = int(wrong.argmax())
        problem = f"adds up to {sums[row]:.6g}" if (y[row] >= 0).all() else f"holds {y[row][~(y[row] >= 0)][0]:g}"
        raise InputError(f"y has one column a class, and the row at index {row} {problem}; {expected}")


def _unique_values(y: Array) -> Array:
    """The different values, sorted. Asked for counts, too, NumPy does without loading its masked arrays."""
    return np.unique(y, return_counts=True)[0]


def _class_labels(y: Array, outputs: int) -> tuple[Label, ...]:
    """The labels in output order. Integers below the number of outputs stand for their own output."""
    if y.dtype.kind in "iu" and np.minimum.reduce(y) >= 0 and np.maximum.reduce(y) < outputs:
        return tuple(range(outputs))
    labels = _unique_values(y)
    if labels.dtype.kind == "f" and not (labels == np.floor(labels)).all():
        raise InputError(
            f"y holds numbers such as {labels[0]:g} and the network has {outputs} outputs: "
            "give one column an output for regression, or class labels."
        )
    if labels.dtype.kind == "f" and labels[0] >= 0 and labels[-1] < outputs:
        return tuple(range(outputs))
    if len(labels) != outputs:
        raise InputError(
            f"y has {plural(len(labels), 'label', 'different labels')} and the network has {outputs} outputs; "
            "there must be one output a label."
        )
    return tuple(_to_python_scalar(value) for value in labels)


def _to_python_scalar(value: Any) -> Label:
    label: Label = value.item() if hasattr(value, "item") else value
    return label
