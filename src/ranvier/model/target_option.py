"""What `target` of `train` means: names of columns, or an array of target values."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from ranvier.data.sources.text_lists import is_text_list


def column_labels(data: Any, target: Any) -> Any:
    """Integers as names of columns, where they can be nothing else; another target unchanged.

    A list of strings beside a list of texts, which has no columns, is an array of labels. A single number is a name. A
    list of them is one of names where the data have columns that are called by numbers, and more rows than the list has
    numbers.

    >>> column_labels([[1.0, 2.0]], 3), column_labels({0: [1, 2], 1: [3, 4]}, [1]), column_labels({"x": [5]}, [1])
    ('3', ['1'], [1])
    """
    if are_names(target) and target and is_text_list(data):
        return np.array(target, object)
    if _is_label(target):
        return str(target)
    if not isinstance(target, (list, tuple)) or not target or not all(map(_is_label, target)):
        return target
    columns = data if isinstance(data, dict) else getattr(data, "columns", ())
    labels = {label for label in columns if not isinstance(label, str)}
    rows = len(next(iter(data.values()), ())) if isinstance(data, dict) else len(data) if labels else 0
    return [str(label) for label in target] if labels >= set(target) and len(target) < rows else target


def are_names(target: Any) -> bool:
    """Whether the target is a list of columns, in place of an array of values.

    >>> are_names(["a", "b"]), are_names([0, 1])
    (True, False)
    """
    return isinstance(target, (list, tuple)) and all(isinstance(name, str) for name in target)


def target_names(target: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    """The names of the target columns; None where there are none.

    >>> target_names(["a"]), target_names(["a", "b"]), target_names([])
    ('a', ('a', 'b'), None)
    """
    if target is None or isinstance(target, str):
        return target
    return (target[0] if len(target) == 1 else tuple(target)) if target else None


def _is_label(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
