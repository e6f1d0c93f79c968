"""L-BFGS: quasi-Newton steps over all rows at once, for small problems.

The last m pairs s = change of the parameters and y = change of the gradient live in the optimizer's slots, s in rows
0 to m - 1 and y in rows m to 2m - 1, newest last, so a checkpoint holds them like any other optimizer's memory.

Source: Nocedal, Wright, "Numerical Optimization", 2nd edition, algorithms 7.4 (two loops) and 3.5 (strong Wolfe).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Executable, RowsHandle, State
from ranvier.network.optimizers import LBFGS
from ranvier.network.parameters import ParameterTable
from ranvier.portable_math import dot
from ranvier.rows import Rows

Array = NDArray[Any]


def step(
    executable: Executable, rows: Rows | RowsHandle, optimizer: LBFGS, rate: float, table: ParameterTable
) -> float:
    """Make one L-BFGS step, whose first trial length is the learning rate `rate`.

    Where layers have learning rates of their own, the step is made in the coordinates u = w / sqrt(factor), along which
    a step down the gradient is factor times as long in w. Constraints are fulfilled after the step.

    Gives the objective before it, penalties included. An objective that is not a finite number changes nothing.

    Where the line search finds no acceptable point, the memory is forgotten and a short gradient step is tried; where
    even that does not help, the parameters stay as they are. Where the search is broken off, nothing has changed.

    Raises:
        Cancelled: the executable was asked to stop.
    """
    state = executable.get_state()
    try:
        changed, slots, loss = _take_step(executable, rows, optimizer, rate, state, table.learning_rate_factors())
    except BaseException:
        executable.restore(state.parameters)
        raise
    executable.set_state(State(table.constrained(changed), slots, state.step + 1))
    return loss


def _take_step(
    executable: Executable,
    rows: Rows | RowsHandle,
    optimizer: LBFGS,
    rate: float,
    state: State,
    factors: Array | None,
) -> tuple[Array, Array, float]:
    """Parameters and slots after a step from a state, and the objective before it."""
    scale = 1.0 if factors is None else np.sqrt(factors)
    start = np.asarray(state.parameters, np.float64) / scale

    def objective(parameters: Array) -> tuple[float, Array]:
        executable.restore((parameters * scale).astype(state.parameters.dtype))
        loss, gradient = executable.loss_and_gradient(rows)
        return float(loss), np.asarray(gradient, np.float64) * scale

    loss, gradient = objective(start)
    slots, changed = np.array(state.slots), state.parameters
    if np.isfinite(loss) and np.isfinite(gradient).all() and np.abs(gradient).max() > optimizer.gradient_tolerance:
        with np.errstate(all="ignore"):
            along = rate * two_loop_direction(slots, gradient)
            accepted = _line_search(objective, start, loss, gradient, along, optimizer)
        if accepted is None:
            slots[:] = 0
            along = -rate * gradient / max(norm(gradient), 1.0)
            accepted = _line_search(objective, start, loss, gradient, along, optimizer)
        if accepted is not None:
            changed = (accepted[0] * scale).astype(state.parameters.dtype)
            push_pair(slots, changed / scale - start, accepted[1] - gradient)
    return changed, slots, loss


def two_loop_direction(slots: Array, gradient: Array) -> Array:
    """Minus the inverse Hessian estimate times the gradient, by the two loops over the remembered pairs."""
    half, slots = len(slots) // 2, np.asarray(slots, np.float64)
    result: Array = -gradient
    pairs = [(slots[i], slots[half + i]) for i in range(half) if slots[half + i].any()]
    if not pairs:
        return result / max(1.0, norm(gradient))
    factors = []
    for s, y in reversed(pairs):
        factor = dot(s, result) / dot(s, y)
        result = result - factor * y
        factors.append(factor)
    s, y = pairs[-1]
    result = result * (dot(s, y) / dot(y, y))
    for (s, y), factor in zip(pairs, reversed(factors), strict=True):
        result = result + (factor - dot(y, result) / dot(s, y)) * s
    return result


def norm(values: Array) -> float:
    """The square root of the sum of the squares."""
    return math.sqrt(dot(values, values))


def push_pair(slots: Array, s: Array, y: Array) -> None:
    """Put a pair at the end of the memory, unless its curvature is not positive."""
    half = len(slots) // 2
    if half and dot(s, y) > 1e-10 * norm(s) * norm(y):
        slots[: half - 1], slots[half:-1] = slots[1:half].copy(), slots[half + 1 :].copy()
        slots[half - 1], slots[-1] = s, y


def _line_search(
    objective: Any, start: Array, loss: float, gradient: Array, along: Array, optimizer: LBFGS
) -> tuple[Array, Array] | None:
    """A lower point along a direction, where it can be by the strong Wolfe conditions, and its gradient; or None.

    SciPy sees the objective as a function of the length alone, so that all sums over parameters are ours.
    """
    from scipy.optimize import line_search

    derivative_along = dot(gradient, along)
    if not derivative_along < 0:
        return None
    evaluations: dict[float, tuple[float, Array]] = {0.0: (loss, gradient)}

    def at(length: float) -> tuple[float, Array]:
        if length not in evaluations:
            evaluations[length] = objective(start + length * along)
        return evaluations[length]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        length, *_ = line_search(
            lambda x: at(float(x[0]))[0],
            lambda x: np.array([dot(at(float(x[0]))[1], along)]),
            np.zeros(1),
            np.ones(1),
            np.array([derivative_along]),
            loss,
            c1=optimizer.c1,
            c2=optimizer.c2,
            maxiter=optimizer.max_line_search_evals,
        )
    if length is None:
        return None
    new_loss, derivative = at(float(length))
    return (start + length * along, derivative) if new_loss < loss and np.isfinite(derivative).all() else None
