"""Strict JSON: values read back equal to what was written, and nothing else is accepted."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from ranvier.errors import InputError

MAX_DEPTH = 100


def to_text(value: object, name: str, indent: int | None = None) -> str:
    """Write Python values as JSON text in ASCII; the order of keys is kept.

    Parameters:
        value: None, bool, int, finite float, str, and lists, tuples and dicts (string keys) of them, up to 100 deep.
        name: the name of the value in error messages.
        indent: spaces per level; None writes one line without spaces.

    Raises:
        InputError: a value cannot be written so that it reads back equal; the message gives its path.

    >>> to_text({"epochs": 3, "loss": [0.5, 0.25]}, "record")
    '{"epochs":3,"loss":[0.5,0.25]}'
    """
    _check(value, name, 0)
    try:
        return json.dumps(value, allow_nan=False, indent=indent, separators=(",", ":") if indent is None else None)
    except ValueError as error:
        raise InputError(f"{name} cannot be written as JSON: {error}.") from error


def from_text(text: str | bytes) -> Any:
    """Read JSON text (bytes are taken as UTF-8).

    Raises:
        ValueError: the text is not JSON, repeats a key, contains NaN or an infinity, or is nested too deeply.

    >>> from_text('{"epochs": 3}')
    {'epochs': 3}
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite_float, object_pairs_hook=_unique_keys
        )
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def _check(value: object, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InputError(f"{path[:200]} is nested more than {MAX_DEPTH} levels deep, which JSON readers may refuse.")
    if value is None or isinstance(value, bool | int | str):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{path} is {value!r}, which JSON cannot hold; write None or a text instead.")
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InputError(f"{path} has the key {key!r}; the keys of a JSON object must be strings.")
            _check(item, f"{path}.{key}", depth + 1)
        return
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]", depth + 1)
        return
    raise InputError(
        f"{path} is a {type(value).__name__}, which JSON cannot hold; use None, bool, int, float, str, list or dict."
    )


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large for a float")
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a JSON object repeats a key")
    return result
