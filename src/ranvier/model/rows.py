"""From what a user gives as X, y and weights to the resident rows an engine takes. n rows, K inputs."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier import data
from ranvier.data import Source, TargetEncoder
from ranvier.data.encoders.target_values import Values, missing_rows
from ranvier.data.sources.source import unmasked
from ranvier.data.sources.sparse import is_sparse, sparse_rows
from ranvier.engine import CSR, Rows
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.model.targets import check_one_hot, target_array
from ranvier.network.task import Task
from ranvier.rows.csr import in_kind
from ranvier.rows.dataset import split_rows
from ranvier.rows.finite import check_finite
from ranvier.rows.weights import check_weights
from ranvier.training.metrics import class_indices

Array = NDArray[Any]
READY = frozenset(map(np.dtype, (np.uint8, np.float32, np.float64)))


def network_inputs(X: Any, inputs: int, finite: bool = True) -> Array | CSR:
    """X as an engine takes it: sparse rows where X is sparse, else an array.

    Parameters:
        inputs: how many numbers a row has, K.
        finite: whether to make sure that all are finite; False where an engine does it on its way.

    Raises:
        ShapeError, DataError: as `input_array` and `sparse_rows`.
    """
    # The common case first: for one row, all the questions of `input_array` take longer than the network.
    if type(X) is np.ndarray and X.shape[1:] == (inputs,) and X.dtype in READY and X.flags.c_contiguous:
        found = X
    elif is_sparse(X):
        return sparse_rows(X, inputs)
    else:
        found = input_array(X, inputs)
    if finite:
        check_finite(found)
    return found


def with_targets(source: Source, names: tuple[str, ...]) -> tuple[Values, Source, NDArray[np.int64]]:
    """The target values that stand in a source, its rows, and their places; rows whose target is missing are left out.

    Parameters:
        source: a table with the target in it, or arrays with targets.
        names: the target columns of a table.

    Raises:
        DataError: a target column does not exist, or no row has a target.

    >>> from ranvier.data import open_source
    >>> y, rows, places = with_targets(open_source({"age": [39, 50], "income": [None, "low"]}), ("income",))
    >>> y.tolist(), rows.rows, places.tolist()
    (['low'], 1, [1])
    """
    values = data.target_values(source, names)
    gone = missing_rows(values)
    if gone.all():
        raise DataError(f"Every target ({', '.join(names)}) of {source.origin} is missing; give rows that have one.")
    kept = np.flatnonzero(~gone)
    return (values[kept], source.take(kept), kept) if gone.any() else (values, source, kept)


def input_array(X: Any, inputs: int) -> Array:
    """X as a contiguous array (n, inputs) of uint8, float32 or float64; images are flattened.

    Raises:
        ShapeError: the rows have another width.
        DataError: X holds something other than numbers.
    """
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    try:
        array = np.asarray(unmasked(X))
    except ValueError:
        raise ShapeError(f"The rows of X have different lengths; this network takes {inputs} numbers a row.") from None
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
            if array.dtype.kind not in "OUST":
                raise TypeError
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"X holds values of type {array.dtype}; a network takes numbers. rv.train encodes raw tables."
            ) from None
    if array.dtype not in (np.uint8, np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype.kind == "b" else np.float64)
    return np.ascontiguousarray(array)


def row_weights(task: Task, targets: Array, sample_weight: Any, class_weight: Any) -> NDArray[np.float64] | None:
    """The weight of every row: sample weight times class weight; None where neither is given.

    Raises:
        InputError: a weight is negative, not finite or masked, all are zero, or a class is unknown.
    """
    weights = None
    if sample_weight is not None:
        weights = _numbers("sample_weight", sample_weight)
        check_weights("sample_weight", weights, len(targets))
    if class_weight is None:
        return weights
    if not task.is_classifier:
        raise InputError(f"class_weight needs a task with classes; this one is {task.kind}.")
    index = class_indices(task, targets)
    by_class: NDArray[np.float64] = _class_weights(task, index, class_weight)[index]
    weights = by_class if weights is None else weights * by_class
    check_weights("class_weight", weights, len(targets))
    return weights


def settled_class_weight(task: Task, targets: Array, class_weight: Any) -> Any:
    """Class weights that are the same for all rows: "balanced" as a dictionary, by how often these rows have each."""
    if not isinstance(class_weight, str) or class_weight != "balanced" or not task.is_classifier:
        return class_weight
    weights = _class_weights(task, class_indices(task, targets), class_weight)
    return dict(zip(task.classes, weights.tolist(), strict=True))


def _numbers(name: str, given: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(unmasked(given), np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is {str(given)[:60]!r}; it must hold numbers.") from None


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
    return _numbers("class_weight", [given.get(label, 1.0) for label in task.classes])


def encode(
    to_inputs: Callable[[Any], Array | CSR],
    target: TargetEncoder,
    X: Any,
    y: Any,
    weight: Any = None,
    by_class: Any = None,
) -> Rows:
    """Rows of X and y with their weights, checked against each other.

    Raises:
        ShapeError: X and y have different numbers of rows.
    """
    array, labels = to_inputs(X), target_array(y)
    check_lengths(array, labels)
    encoded = targets(target, labels)
    return Rows(array, encoded, row_weights(target.task, encoded, weight, by_class))


def resident_rows(
    to_inputs: Callable[[Any], Array | CSR],
    target: TargetEncoder,
    X: Any,
    y: Any,
    validation: Any,
    sample_weight: Any,
    class_weight: Any,
    seed: int,
) -> tuple[Rows, Rows | None]:
    """The training and validation rows, encoded, weighted and checked.

    Parameters:
        to_inputs: from X to the inputs of the network (n, K).
        target: the encoder of y.
        X, y, validation, sample_weight, class_weight, seed: as for `ranvier.fit`.
    """
    rows = encode(to_inputs, target, X, y, sample_weight, class_weight)
    by_class = settled_class_weight(target.task, rows.targets, class_weight)
    if validation is None:
        return rows, None
    if isinstance(validation, numbers.Real) and not isinstance(validation, bool):
        return (rows, None) if validation == 0 else split(rows, float(validation), seed, target.task)
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise InputError(
            f"validation is {str(validation)[:60]!r}; it must be a share such as 0.1, or the tuple (X, y) or "
            "(X, y, weights)."
        )
    X, y, weight = (*validation, None)[:3]
    held = encode(to_inputs, target, X, y, weight, by_class)
    return rows, replace(held, inputs=in_kind(held.inputs, isinstance(rows.inputs, CSR)))


def check_lengths(X: Array | CSR, y: Array) -> None:
    """Raise a `ShapeError` unless X and y have as many rows."""
    if len(X) != len(y):
        raise ShapeError(f"X has {len(X)} rows and y has {len(y)}; they must have as many.")


def targets(target: TargetEncoder, labels: Array, places: NDArray[np.int64] | None = None) -> Array:
    """Encoded targets (n, N): already one-hot rows of a class task are taken as they are.

    Parameters:
        target, labels: the encoder and what it encodes.
        places: the numbers of the rows where the user has them, for messages; None for 0, 1, ....

    Raises:
        InputError: the labels do not fit the task.
    """
    if target.task.kind == "multiclass" and labels.ndim == 2:
        if labels.shape[1] != target.task.outputs:
            raise ShapeError(f"y has {labels.shape[1]} columns; the model knows {target.task.outputs} classes.")
        check_one_hot(labels)
        return np.ascontiguousarray(labels, np.float32)
    return target.transform(labels, places)


def split(rows: Rows, share: float, seed: int, task: Task) -> tuple[Rows, Rows]:
    """Training and validation rows; each class keeps its share.

    Raises:
        InputError: the share is not between 0 and 1, or leaves no rows, or none that count, on one side.
    """
    if not 0.0 < share < 1.0:
        raise InputError(f"validation is {share!r}; it must be a share between 0 and 1, or (X, y) of validation rows.")
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    kept, apart = split_rows(len(rows), (1.0 - share, share), seed, labels)
    if not (len(kept) and len(apart)):
        raise InputError(f"validation={share:g} of {len(rows)} rows leaves one side without rows; give more rows.")
    parts = take(rows, kept), take(rows, apart)
    for part, name in zip(parts, ("training", "validation"), strict=True):
        if part.weights is not None and not part.weights.any():
            raise InputError(
                f"All {len(part)} {name} rows of validation={share:g} have weight 0; choose another share or seed, or "
                "give validation rows that count, validation=(X, y, weights)."
            )
    return parts


def take(rows: Rows, index: NDArray[np.int64]) -> Rows:
    """Some of the rows, in the given order."""
    weights = None if rows.weights is None else rows.weights[index]
    return Rows(rows.inputs[index], rows.targets[index], weights)
