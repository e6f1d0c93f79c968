"""Reading the descriptions of encoders: plain JSON values, checked one by one, never run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ranvier.errors import ModelFileError


def damaged(what: str) -> ModelFileError:
    """The error for a description that cannot be used.

    >>> print(damaged("its mean is 'x'"))
    The description of the encoder is damaged: its mean is 'x'. Train the model again or take another copy of its file.
    """
    return ModelFileError(
        f"The description of the encoder is damaged: {what}. Train the model again or take another copy of its file."
    )


def mapping(data: Any) -> Mapping[str, Any]:
    """`data` if it is an object with text keys.

    >>> mapping({"kind": "number"})
    {'kind': 'number'}
    """
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise damaged(f"{str(data)[:40]!r} stands where an object was expected")
    return data


def arrays_under(arrays: Mapping[str, Any], start: str) -> dict[str, Any]:
    """The arrays whose names begin so, by the rest of their names.

    >>> arrays_under({"0.mean": 1, "1.mean": 2}, "1.")
    {'mean': 2}
    """
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def field(data: Mapping[str, Any], name: str, kind: type) -> Any:
    """The field of that name and type; an integer is taken for a float.

    Raises:
        ModelFileError: it is absent, of another type, or not finite.

    >>> field({"mean": 2}, "mean", float)
    2.0
    """
    if name not in data:
        raise damaged(f'"{name}" is absent')
    value: Any = data[name]
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise damaged(f'"{name}" is {value}')
        return value
    if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or str(value).startswith("-"))):
        raise damaged(f'"{name}" is {str(value)[:40]!r}')
    return value


def items(data: Mapping[str, Any], name: str, kind: type) -> tuple[Any, ...]:
    """The list of that name, each item of one type.

    >>> items({"values": ["a", "b"]}, "values", str)
    ('a', 'b')
    """
    values = field(data, name, list)
    return tuple(field({name: value}, name, kind) for value in values)


def scales(data: Mapping[str, Any], name: str) -> tuple[float, ...]:
    """The list of numbers of that name, none below 0.

    >>> scales({"scale": [0, 1.5]}, "scale")
    (0.0, 1.5)
    """
    values = items(data, name, float)
    if any(value < 0 for value in values):
        raise damaged(f'"{name}" has a value below 0')
    return values


def renamed(data: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    """The fields of a model file of an earlier version under today's names.

    >>> renamed({"flag": True}, {"flag": "missing_indicator"})
    {'missing_indicator': True}
    """
    return {names.get(name, name): value for name, value in data.items()}
