"""From what a user gives as X, y and weights to the resident rows an engine takes. n rows, K inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier import data
from ranvier.data import TargetEncoder
from ranvier.data.encoders.decoding import class_indices
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.data.encoders.target_values import Values, empty_rows
from ranvier.data.readable_cells import MAX_BROKEN
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.model.targets import check_class_rows, target_array
from ranvier.network.losses import Loss
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.rows import Inputs, Rows
from ranvier.rows.finite import check_reach
from ranvier.rows.row_names import rows_called
from ranvier.rows.split import split_rows
from ranvier.rows.weights import check_weights, number_array, weight_array
from ranvier.scalars import as_number

if TYPE_CHECKING:
    from ranvier.data import Source
    from ranvier.data.cells.number_format import NumberFormat

Array = NDArray[Any]


def readable_rows(
    encoder: Any, X: Any, max_broken: float = MAX_BROKEN
) -> tuple[Any, int | None, NDArray[np.int64] | None, tuple[str, ...]]:
    """X without rows whose picture or recording cannot be read, where a model takes such files.

    Parameters:
        encoder: of the model; None for one that takes arrays.
        X: as for `Model.predict`.
        max_broken: the largest fraction of a column that may be left out.

    Returns X, opened and decoded where it may hold such files; the number of its rows and the indices of
    those that are kept, None for all; and a sentence on the others.

    Raises:
        DataError: a larger fraction of the pictures or recordings of a column cannot be read, or none can.

    >>> readable_rows(None, [[1.0]])
    ([[1.0]], None, None, ())
    """
    if not row_encoder(encoder).forms or isinstance(X, (np.ndarray, data.Arrays)):
        return X, None, None, ()
    from ranvier.data.sources.raw_rows import open_rows

    source = open_rows(X, encoder.column_names, encoder.used_columns)
    decoded, row_numbers = encoder.decoded(source, max_broken=max_broken)
    if row_numbers is None:
        return decoded, None, None, ()
    return decoded, source.rows, row_numbers, tuple(note for note in decoded.notes if note not in source.notes)


def rows_with_target(
    source: Source,
    names: tuple[str, ...],
    classes: Sequence[Any] = (),
    formats: Sequence[NumberFormat] = (),
) -> tuple[Values, Source, NDArray[np.int64]]:
    """The target values of a source, its rows and their row numbers, without rows whose target is missing.

    Parameters:
        source: a table with the target in it, or arrays with targets.
        names: the target columns of a table.
        classes: those that the model knows, of which one may be written like a mark of missing cells.
        formats: how the numbers of each target column were written in training; empty to infer it.

    Raises:
        DataError: a target column does not exist, or no row has a target.

    >>> from ranvier.data import open_source
    >>> y, rows, row_numbers = rows_with_target(open_source({"age": [39, 50], "income": [None, "low"]}), ("income",))
    >>> y.tolist(), rows.rows, row_numbers.tolist()
    (['low'], 1, [1])
    """
    values = data.target_values(source, names, classes, formats)
    missing = empty_rows(values)
    if missing.all():
        raise DataError(f"Every target ({', '.join(names)}) of {source.origin} is missing; give rows that have one.")
    present = np.flatnonzero(~missing)
    return (values[present], source.take(present), present) if missing.any() else (values, source, present)


def with_good_targets(
    source: Source, target: TargetEncoder
) -> tuple[Source, NDArray[np.int64] | None, tuple[str, ...]]:
    """The rows of a table whose target the model knows or is missing, their indices, and a sentence on the others.

    >>> from ranvier.data import open_source
    >>> encoder = TargetEncoder(Task("binary", 1, ("no", "yes"), ("sold",)))
    >>> rows, _, notes = with_good_targets(open_source({"size": [1, 2], "sold": ["no", "maybe"]}), encoder)
    >>> rows.rows, notes
    (1, ('1 row was left out because its target cannot be used: "maybe" at row index 1.',))
    """
    names, numbers = target.column_names, np.arange(source.rows)
    with rows_called(source.in_memory):
        good, notes = data.without_bad_targets(source, names, None, numbers, target.task, target.number_formats)
    return (source if good is None else source.take(good)), good, notes


def row_weights(
    task: Task, targets: Array, sample_weight: Any, class_weight: Any, name: str = "sample_weight"
) -> NDArray[np.float64] | None:
    """The weight of every row: sample weight times class weight; None where there is neither.

    Parameters:
        name: what the user calls the sample weights.

    Raises:
        InputError: a weight is negative, not finite or masked, all are zero, or a class is unknown.
    """
    weights = None
    if sample_weight is not None:
        weights = weight_array(sample_weight, len(targets), name)
    if class_weight is None:
        return weights
    if not task.is_classifier:
        raise InputError(
            f"class_weight is {class_weight!r}, and weights of classes need a target with classes; the task here is "
            f"{task.kind}. Leave it out."
        )
    index = class_indices(task, targets)
    by_class: NDArray[np.float64] = _class_weights(task, index, class_weight)[index]
    weights = by_class if weights is None else weights * by_class
    check_weights(weights, "class_weight")
    return weights


def resolve_class_weight(task: Task, targets: Array, class_weight: Any) -> Any:
    """Class weights that are the same for all rows: "balanced" as a dictionary, by how often these rows have each."""
    if not isinstance(class_weight, str) or class_weight != "balanced" or not task.is_classifier:
        return class_weight
    weights = _class_weights(task, class_indices(task, targets), class_weight)
    return dict(zip(task.classes, weights.tolist(), strict=True))


def _class_weights(task: Task, index: Array, class_weight: Any) -> NDArray[np.float64]:
    count = len(task.classes)
    if isinstance(class_weight, str) and class_weight == "balanced":
        rows = np.bincount(index, minlength=count)
        return np.where(rows > 0, len(index) / (np.count_nonzero(rows) * np.maximum(rows, 1)), 0.0)
    if not isinstance(class_weight, Mapping):
        raise InputError(f"class_weight is {class_weight!r}; it must be 'balanced' or a dictionary of label to weight.")
    unknown = [label for label in class_weight if label not in task.classes]
    if unknown:
        raise InputError(f"class_weight names the class {unknown[0]!r}; the classes are {list(task.classes)}.")
    return number_array([class_weight.get(label, 1.0) for label in task.classes], "class_weight")


def encode(
    to_inputs: Callable[[Any], Inputs],
    target: TargetEncoder,
    X: Any,
    y: Any,
    weight: Any = None,
    by_class: Any = None,
    loss: Loss | None = None,
    dtype: Any = np.float32,
    weight_name: str = "sample_weight",
) -> Rows:
    """Rows of X and y to learn from, with weights, checked against each other, and targets against the loss.

    Raises:
        ShapeError: X and y have different numbers of rows.
        DataError: a target is outside the range of the loss.
    """
    inputs, labels = to_inputs(X), target_array(y)
    check_lengths(inputs, labels)
    check_reach(inputs.dense, dtype)
    if loss is not None:
        target.check_range(labels, loss)
    encoded = targets(target, labels, dtype=dtype, clip=True)
    return Rows(inputs, encoded, row_weights(target.task, encoded, weight, by_class, weight_name))


def prepare_rows(
    to_inputs: Callable[[Any], Inputs],
    target: TargetEncoder,
    X: Any,
    y: Any,
    validation: Any,
    sample_weight: Any,
    class_weight: Any,
    seed: int,
    loss: Loss | None = None,
    dtype: Any = np.float32,
) -> tuple[Rows, Rows | None]:
    """The training and validation rows, encoded, weighted and checked.

    Parameters:
        to_inputs: from X to the inputs of the network (n, K).
        target: the encoder of y.
        X, y, validation, sample_weight, class_weight, seed: as for `ranvier.fit`.
        loss: whose targets they are to be; None for any.
        dtype: of the targets, float32 or float64.
    """
    rows = encode(to_inputs, target, X, y, sample_weight, class_weight, loss, dtype)
    by_class = resolve_class_weight(target.task, rows.targets, class_weight)
    if validation is None:
        return rows, None
    fraction = as_number(validation)
    if fraction is not None:
        return (rows, None) if fraction == 0 else split(rows, fraction, seed, target.task)
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise InputError(
            f"validation is {_briefly(validation)}; it must be a fraction such as 0.1, or the tuple (X, y) or "
            "(X, y, weights)."
        )
    X, y, weight = (*validation, None)[:3]
    validation_rows = encode(to_inputs, target, X, y, weight, by_class, loss, dtype, "validation[2]")
    blocks = (rows.inputs.n_dense, rows.inputs.csr is not None)
    return rows, replace(validation_rows, inputs=validation_rows.inputs.with_blocks(*blocks))


def _briefly(value: Any) -> str:
    """What was given, in few words: the value itself where it is short, else its type."""
    text = repr(value)
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return text if len(text) <= 60 and "\n" not in text else f"a {type(value).__name__}"


def check_lengths(X: Inputs, y: Array) -> None:
    """Raise a `ShapeError` unless X and y have as many rows."""
    if len(X) != len(y):
        raise ShapeError(f"X has {plural(len(X), 'row')} and y has {len(y):,}; they must have as many.")


def targets(
    target: TargetEncoder,
    labels: Array,
    row_numbers: NDArray[np.int64] | None = None,
    dtype: Any = np.float32,
    clip: bool = False,
) -> Array:
    """Encoded targets (n, N): rows of probabilities of a class task, such as one-hot ones, are taken as they are.

    Parameters:
        target, labels: the encoder and what it encodes.
        row_numbers: the numbers of the rows where the user has them, for messages; None for 0, 1, ....
        dtype: float32 or float64.
        clip: as for `TargetEncoder.transform`.

    Raises:
        InputError: the labels do not fit the task.
    """
    if target.task.kind == "multiclass" and labels.ndim == 2:
        if labels.shape[1] != target.task.outputs:
            raise ShapeError(f"y has {labels.shape[1]} columns; the model knows {target.task.outputs} classes.")
        check_class_rows(labels)
        return np.ascontiguousarray(labels, dtype)
    return target.transform(labels, row_numbers, dtype, clip)


def left_apart(rows: Rows, fraction: float, seed: int, task: Task) -> tuple[Rows, Rows] | None:
    """Rows to learn from, and a fraction of them that stays apart; None where they are too few for both.

    Each class keeps its fraction, and the rows of a group stay together.
    """
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    learned, apart = split_rows(len(rows), (1.0 - fraction, fraction), seed, labels, rows.groups)
    return (rows.take(learned), rows.take(apart)) if len(learned) and len(apart) else None


def split(rows: Rows, fraction: float, seed: int, task: Task) -> tuple[Rows, Rows]:
    """Training and validation rows; each class keeps its fraction.

    Raises:
        InputError: the fraction is not between 0 and 1, or leaves no rows, or none that count, on one side.
    """
    if not 0.0 < fraction < 1.0:
        raise InputError(
            f"validation is {fraction!r}; it must be a fraction between 0 and 1, or (X, y) of validation rows."
        )
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    present, apart = split_rows(len(rows), (1.0 - fraction, fraction), seed, labels)
    if not (len(present) and len(apart)):
        raise InputError(
            f"validation={fraction:g} of {plural(len(rows), 'row')} leaves one side without rows; give more rows."
        )
    parts = rows.take(present), rows.take(apart)
    for part, name in zip(parts, ("training", "validation"), strict=True):
        if part.weights is not None and not part.weights.any():
            raise InputError(
                f"All {len(part)} {name} rows of validation={fraction:g} have weight 0; take another fraction or seed, "
                "or give validation rows that count, validation=(X, y, weights)."
            )
    return parts
