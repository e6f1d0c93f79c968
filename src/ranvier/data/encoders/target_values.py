"""Target values in one of four forms: booleans, integers, floating point (NaN: missing), or text (None: missing).

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import DataError
from ranvier.rows.arrays import fill_masked, is_missing

Values = NDArray[Any]
MAX_INTEGER, MAX_FLOAT = 2**63 - 1, 10**300
"""The largest integer of int64, and about the largest of float64."""


def plain_values(values: Any, names: tuple[str, ...] = ()) -> Values:
    """The target values as an array of booleans, int64, float64 or objects that are text or None.

    Parameters:
        values: a list, an array or a series (B,), or numbers (B, N); (B, 1) becomes (B,). What NumPy has masked is
            missing.
        names: the names of the target columns, for messages.

    Raises:
        DataError: the values are dates, are not single values, or are text in several columns.

    >>> plain_values([1, 0, None]).tolist()
    [1.0, 0.0, nan]
    >>> plain_values(["yes", None]).tolist()
    ['yes', None]
    """
    if hasattr(values, "to_numpy"):
        values = values.to_numpy()
    values = fill_masked(values)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError("The rows of the target have different lengths; one length was expected.") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise DataError(f"The target has shape {array.shape}; (rows,) or (rows, columns) was expected.")
    kind = array.dtype.kind
    if kind == "b":
        return array
    if kind in "iu":
        if kind == "u" and array.ndim == 1 and array.dtype.itemsize == 8 and (array > MAX_INTEGER).any():
            return exact_integers(array.tolist())
        return array.astype(np.float64 if kind == "u" and array.dtype.itemsize == 8 else np.int64)
    if kind == "f":
        return array.astype(np.float64)
    name = f' "{names[0]}"' if len(names) == 1 else ""
    if kind == "M":
        raise DataError(f"The target{name} holds dates; labels or numbers were expected.")
    if kind in "UTO" and array.ndim == 1:
        return _from_objects(array.tolist() if isinstance(values, np.ndarray) else list(values), name)
    if kind == "O":
        columns = [plain_values(array[:, column], names[column : column + 1]) for column in range(array.shape[1])]
        if all(column.dtype.kind in "bif" for column in columns):
            return np.stack(columns, axis=1)
    raise DataError(
        f"The target{name} is of type {array.dtype} and shape {array.shape}; labels or numbers were expected."
    )


def _from_objects(items: list[Any], name: str) -> Values:
    """The narrowest of the four forms that holds the items."""
    if set(map(type, items)) <= {str, type(None)}:
        return _object_array(items)
    items = [item.item() if isinstance(item, np.generic) else item for item in items]
    items = [float(item) if isinstance(item, Decimal) else item for item in items]
    missing = [is_missing(item) for item in items]
    types = {type(item) for item, absent in zip(items, missing, strict=True) if not absent}
    if types and types <= {bool} and not any(missing):
        return np.array(items, bool)
    if types <= {int, float, bool}:
        if float not in types and bool not in types:
            return exact_integers([None if absent else item for item, absent in zip(items, missing, strict=True)])
        if float not in types and not any(missing) and all(-(2**63) <= item < 2**63 for item in items):
            return np.array(items, np.int64)
        return np.array([np.nan if absent else float(item) for item, absent in zip(items, missing, strict=True)])
    if str not in types and not types <= {int, float, bool, str}:
        raise DataError(
            f"The target{name} holds values of type {next(iter(types)).__name__}; labels or numbers were expected."
        )
    return _object_array([None if absent else str(item) for item, absent in zip(items, missing, strict=True)])


def exact_integers(items: list[int | None]) -> Values:
    """Integers as int64; as float64 where some are missing; as text where they are labels that float64 does not hold.

    Labels stand in two rows each, on average.

    Parameters:
        items: None where missing.

    >>> exact_integers([2**53 + 1, 2**53 + 1, None]).tolist()
    ['9007199254740993', '9007199254740993', None]
    >>> exact_integers([1, None]).tolist(), exact_integers([2**64 - 1, 5]).tolist()
    ([1.0, nan], [1.8446744073709552e+19, 5.0])
    """
    present = [item for item in items if item is not None]
    if len(present) == len(items) and all(-MAX_INTEGER <= item <= MAX_INTEGER for item in present):
        return np.array(items, np.int64)
    different = set(present)
    exact = all(abs(item) <= MAX_FLOAT and int(float(item)) == item for item in different)
    if exact or 2 * len(different) > len(present):
        return np.array([np.nan if item is None else float(item) for item in items])
    return _object_array([None if item is None else str(item) for item in items])


def _object_array(items: list[Any]) -> Values:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def missing_rows(values: Values) -> NDArray[np.bool_]:
    """Which rows have a missing value in any column, shape (B,).

    >>> missing_rows(plain_values(["yes", None])).tolist()
    [False, True]
    """
    missing: NDArray[np.bool_] = np.zeros(values.shape, np.bool_)
    if values.dtype.kind == "f":
        missing = np.isnan(values)
    elif values.dtype.kind == "O":
        missing = np.asarray(values == np.array(None), np.bool_)
    return np.asarray(missing.any(axis=1), np.bool_) if missing.ndim == 2 else missing


def empty_rows(values: Values) -> NDArray[np.bool_]:
    """Which rows have no value in any column, shape (B,): of several targets some of a row may be missing.

    >>> empty_rows(np.array([[1.0, np.nan], [np.nan, np.nan]])).tolist()
    [False, True]
    """
    if values.dtype.kind == "f" and values.ndim == 2:
        return np.asarray(np.isnan(values).all(axis=1), np.bool_)
    return missing_rows(values)


def first_missing(values: Values, in_any_column: bool = False) -> int | None:
    """The index of the first row without a value, or with a missing one in any column; None where there is no such row.

    >>> first_missing(plain_values([1, 0])), first_missing(plain_values(["yes", None]))
    (None, 1)
    """
    if values.dtype.kind not in "fO":
        return None
    missing = missing_rows(values) if in_any_column else empty_rows(values)
    return int(missing.argmax()) if missing.any() else None


def is_number_text(text: str) -> bool:
    """Whether a text is a finite number.

    >>> is_number_text("-1.5e3"), is_number_text("unknown"), is_number_text("inf")
    (True, False, False)
    """
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def not_numbers(values: Values) -> NDArray[np.int64]:
    """The indices of the values that are text and no number; missing ones are not among them.

    >>> not_numbers(plain_values(["1.5", "unknown", None, "2"])).tolist()
    [1]
    """
    if values.dtype.kind != "O":
        return np.zeros(0, np.int64)
    items = values.tolist()
    wrong = {item: item is not None and not is_number_text(item) for item in set(items)}
    if not any(wrong.values()):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.fromiter(map(wrong.__getitem__, items), np.bool_, len(items)))


def label_counts(values: Values) -> dict[Any, int]:
    """How many rows each label has, the labels sorted; missing ones left out.

    >>> label_counts(plain_values(["b", "a", "b", None]))
    {'a': 1, 'b': 2}
    """
    if values.dtype.kind == "O":
        counts = Counter(values.tolist())
        counts.pop(None, None)
        return dict(sorted(counts.items()))
    present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    labels, rows = np.unique(present, return_counts=True)
    return dict(zip(labels.tolist(), rows.tolist(), strict=True))


def label_index(values: Values, classes: tuple[Any, ...]) -> NDArray[np.int64]:
    """The index of each label among the classes, -1 where it is none of them.

    A label matches the class that is equal to it, else one that is written the same ("1" and 1, "True" and True).

    >>> label_index(plain_values(["1", "0"]), (0, 1)).tolist()
    [1, 0]
    """
    index_of, items = _index_of(classes, tuple(map(type, classes))), values.tolist()
    indices = np.array([index_of.get(item, -1) for item in items], np.int64)
    if np.minimum.reduce(indices, initial=0) < 0:
        for row in np.flatnonzero(indices < 0):
            indices[row] = index_of.get(_written(items[row]), -1)
    return indices


@lru_cache(64)
def _index_of(classes: tuple[Any, ...], types: tuple[type, ...]) -> dict[Any, int]:
    """The index of each class, by itself and by how it is written, in which 1 and True differ."""
    index_of: dict[Any, int] = {_written(label): index for index, label in enumerate(classes)}
    index_of.update((label, index) for index, label in enumerate(classes))
    return index_of


def _written(label: Any) -> str:
    """How a label is written in a text file."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float) and math.isfinite(label) and label == int(label):
        return str(int(label))
    text = str(label).strip()
    return text.lower() if text.lower() in ("true", "false") else text
