"""Follow an update rule for a few steps, in NumPy: what every engine does, without an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import evaluate
from ranvier.network.optimizers import Optimizer

Array = NDArray[Any]


def follow(
    optimizer: Optimizer,
    start: Array,
    gradient: Callable[[Array], Array],
    steps: int,
    learning_rates: Array | None = None,
) -> tuple[Array, dict[str, Array]]:
    """The parameters after each step, shape (steps, P), and the slots at the end; every number is decayed."""
    rule = optimizer.rule()
    rates = np.full(steps, optimizer.learning_rate) if learning_rates is None else learning_rates
    scalars = optimizer.scalar_values(np.arange(1, steps + 1), rates)
    parameter = np.array(start)
    slots = {name: parameter.copy() if value is None else np.full_like(parameter, value) for name, value in rule.slots}
    points = []
    for row in scalars:
        values = dict(zip(rule.scalars, row.astype(parameter.dtype), strict=True))
        values |= {"parameter": parameter, "gradient": gradient(parameter), "decay": optimizer.weight_decay, **slots}
        parameter, *updated = evaluate((rule.parameter, *rule.updates), values)
        slots = dict(zip(slots, updated, strict=True))
        points.append(parameter)
    return np.array(points), slots
