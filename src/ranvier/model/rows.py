"""From what a user gives as X, y and weights to the resident rows an engine takes. n rows, K inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder, split_rows
from ranvier.engine import Rows
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.model.targets import target_array
from ranvier.network.network import Network
from ranvier.network.task import Task

Array = NDArray[Any]


def input_array(X: Any, inputs: int) -> Array:
    """X as a contiguous array (n, inputs) of uint8, float32 or float64; images are flattened.

    Raises:
        ShapeError: the rows have another width.
        DataError: X holds something other than finite numbers.
    """
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    array = np.asarray(X)
    if array.ndim == 1 and array.dtype.kind != "O":
        hint = "One row is X[None, :], one column X[:, None]."
        raise ShapeError(
            f"X has shape {array.shape}; it must have one row for each example, shape (rows, {inputs}). {hint}"
        )
    if array.ndim > 2:
        array = array.reshape(len(array), -1)
    if array.ndim != 2 or array.shape[1] != inputs:
        raise ShapeError(
            f"X has shape {array.shape}; this network takes {inputs} numbers a row, shape (rows, {inputs})."
        )
    if array.dtype.kind not in "biuf":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"X holds values of type {array.dtype}; a network takes numbers. rv.train encodes raw tables."
            ) from None
    if array.dtype not in (np.uint8, np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype.kind == "b" else np.float64)
    if array.dtype.kind == "f":
        _check_finite(array)
    return np.ascontiguousarray(array)


def _check_finite(array: Array) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):
            return
    wrong = ~np.isfinite(array)
    if wrong.any():
        row, column = (int(place) for place in np.argwhere(wrong)[0])
        raise DataError(
            f"X holds {array[row, column]} in row {row}, column {column}; every input must be a finite number."
        )


def row_weights(task: Task, targets: Array, sample_weight: Any, class_weight: Any) -> NDArray[np.float64] | None:
    """The weight of every row: sample weight times class weight; None where all are equal.

    Raises:
        InputError: a weight is negative or not finite, all are zero, or a class is unknown.
    """
    weights = None
    if sample_weight is not None:
        weights = np.asarray(sample_weight, np.float64)
        if weights.shape != (len(targets),):
            raise ShapeError(
                f"sample_weight has shape {weights.shape}; it must have one number a row, ({len(targets)},)."
            )
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
            raise InputError("sample_weight must hold finite numbers of at least 0, not all of them 0.")
    if class_weight is None:
        return weights
    if not task.classifies:
        raise InputError(f"class_weight needs a task with classes; this one is {task.kind}.")
    index = targets.argmax(axis=1) if task.kind == "classes" else (targets[:, 0] > 0.5).astype(np.int64)
    by_class: NDArray[np.float64] = _class_weights(task, index, class_weight)[index]
    return by_class if weights is None else weights * by_class


def _class_weights(task: Task, index: Array, given: Any) -> NDArray[np.float64]:
    count = len(task.classes)
    if isinstance(given, str) and given == "balanced":
        rows = np.bincount(index, minlength=count)
        return np.where(rows > 0, len(index) / (np.count_nonzero(rows) * np.maximum(rows, 1)), 0.0)
    if not isinstance(given, Mapping):
        raise InputError(f"class_weight is {given!r}; it must be 'balanced' or a dictionary of label to weight.")
    unknown = [label for label in given if label not in task.classes]
    if unknown:
        raise InputError(f"class_weight names the class {unknown[0]!r}; the classes are {list(task.classes)}.")
    return np.array([float(given.get(label, 1.0)) for label in task.classes])


def encode(X: Any, y: Any, inputs: int, target: TargetEncoder, weights: Any = None) -> Rows:
    """Rows of X, y and weights, checked against each other.

    Raises:
        ShapeError: X and y have different numbers of rows.
    """
    array, labels = input_array(X, inputs), target_array(y)
    check_lengths(array, labels)
    return Rows(array, targets(target, labels), None if weights is None else np.asarray(weights, np.float64))


def resident_rows(
    network: Network,
    target: TargetEncoder,
    X: Any,
    y: Any,
    validation: Any,
    sample_weight: Any,
    class_weight: Any,
    seed: int,
) -> tuple[Rows, Rows | None]:
    """The training and validation rows, encoded, weighted and checked."""
    rows = encode(X, y, network.inputs, target)
    weights = row_weights(target.task, rows.targets, sample_weight, class_weight)
    rows = Rows(rows.inputs, rows.targets, weights)
    if validation is None or (np.isscalar(validation) and validation == 0):
        return rows, None
    if np.isscalar(validation):
        return split(rows, float(validation), seed, target.task)  # type: ignore[arg-type]
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise InputError("validation must be a share such as 0.1, or the tuple (X, y) or (X, y, weights).")
    return rows, encode(validation[0], validation[1], network.inputs, target, *validation[2:])


def check_lengths(X: Array, y: Array) -> None:
    """Raise a `ShapeError` unless X and y have as many rows."""
    if len(X) != len(y):
        raise ShapeError(f"X has {len(X)} rows and y has {len(y)}; they must have as many.")


def targets(target: TargetEncoder, labels: Array) -> Array:
    """Encoded targets (n, N): already one-hot rows of a class task are taken as they are."""
    if target.task.kind == "classes" and labels.ndim == 2:
        return np.ascontiguousarray(labels, np.float32)
    return target.transform(labels)


def split(rows: Rows, share: float, seed: int, task: Task) -> tuple[Rows, Rows]:
    """Training and validation rows; each class keeps its share.

    Raises:
        InputError: the share is not between 0 and 1, or leaves no rows on one side.
    """
    if not 0.0 < share < 1.0:
        raise InputError(f"validation is {share!r}; it must be a share between 0 and 1, or (X, y) of validation rows.")
    labels = None
    if task.kind == "classes":
        labels = rows.targets.argmax(axis=1)
    elif task.kind == "binary":
        labels = (rows.targets[:, 0] > 0.5).astype(np.int64)
    kept, apart = split_rows(len(rows), (1.0 - share, share), seed, labels)
    if not (len(kept) and len(apart)):
        raise InputError(f"validation={share:g} of {len(rows)} rows leaves one side without rows; give more rows.")
    return take(rows, kept), take(rows, apart)


def take(rows: Rows, index: NDArray[np.int64]) -> Rows:
    """Some of the rows, in the given order."""
    weights = None if rows.weights is None else rows.weights[index]
    return Rows(rows.inputs[index], rows.targets[index], weights)
