"""Several quantiles in one loss: its option is a variable that has another value in each output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.number_rules import Rule, check_number, merge_options
from ranvier.network.task import Task
from ranvier.scalars import plain_scalar

Options = tuple[tuple[str, Any], ...]
LEVEL = "q"
"""The name of the option, and of the variable."""


def merged_options(owner: str, options: Mapping[str, Any], allowed: Mapping[str, tuple[float, Rule]]) -> Options:
    """Options merged with the defaults, as `merge_options` does; the option "q" may be several ascending levels.

    >>> from ranvier.network.number_rules import OPEN_UNIT
    >>> merged_options("quantile", {"q": [0.1, 0.9]}, {"q": (0.5, OPEN_UNIT)})
    (('q', (0.1, 0.9)),)
    """
    options = {name: plain_scalar(value) for name, value in options.items()}
    value = options.get(LEVEL)
    if LEVEL not in allowed or isinstance(value, str) or not isinstance(value, (Sequence, np.ndarray)):
        return merge_options(owner, options, allowed)
    for level in value:
        check_number(owner, LEVEL, level, allowed[LEVEL][1])
    levels = tuple(float(level) for level in value)
    if not levels or list(levels) != sorted(set(levels)):
        raise InputError(f"{owner}: q is {list(levels)}; give levels in ascending order, such as q=[0.1, 0.5, 0.9].")
    rest = dict(merge_options(owner, {**options, LEVEL: levels[0]}, allowed))
    return tuple({**rest, LEVEL: levels}.items())


def fixed_options(options: Options) -> dict[str, Any]:
    """The options that are one number in all outputs."""
    return {name: value for name, value in options if not isinstance(value, tuple)}


def levels_of(options: Options) -> tuple[float, ...]:
    """The levels among the options; empty where there is at most one."""
    return next((value for _, value in options if isinstance(value, tuple)), ())


def quantile_task(names: Sequence[str], levels: tuple[float, ...]) -> Task:
    """The task of several quantiles of each target.

    >>> quantile_task(["price"], (0.1, 0.9)).target_names
    ('price at 0.1', 'price at 0.9')
    """
    outputs = tuple(f"{name} at {level:g}" for name in names for level in levels)
    return Task("regression", len(outputs), target_names=outputs)


def levels_by_output(levels: tuple[float, ...], outputs: int) -> NDArray[np.float64]:
    """The level of each output, (N,): all levels of the first target, then those of the next.

    >>> levels_by_output((0.1, 0.9), 4).tolist()
    [0.1, 0.9, 0.1, 0.9]
    """
    return np.resize(np.array(levels), outputs)
