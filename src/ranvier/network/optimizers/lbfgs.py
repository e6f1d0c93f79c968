"""L-BFGS: the settings of a quasi-Newton method over all rows at once, for small problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.number_rules import NON_NEGATIVE, OPEN_UNIT, POSITIVE_INT, Rule
from ranvier.network.optimizers.base import Optimizer, UpdateRule
from ranvier.records import record


@record
class LBFGS(Optimizer):
    """Quasi-Newton steps: the curvature is estimated from the last changes of parameters and gradients.

    One step: direction d = -H g, with H built from the last `history_size` pairs of parameter and gradient changes by
    the two-loop recursion; then a line search for a length a with loss(w + a d) <= loss(w) + c1 a g'd and
    |g(w + a d)'d| <= c2 |g'd| (the strong Wolfe conditions); w <- w + a d. One epoch is one step over all rows.

    Parameters:
        learning_rate: the first step length of the line search, above 0; 1 is the full quasi-Newton step.
        history_size: the number of stored pairs, an integer.
        c1: sufficient decrease, the fraction of the expected decrease that a step must reach, between 0 and 1.
        c2: curvature, the maximum ratio of the directional derivatives after and before a step, between c1 and 1.
        max_line_search_evals: the maximum number of loss evaluations in one line search, an integer.
        gradient_tolerance: training stops when no gradient is larger than this; at least 0.

    `weight_decay`, `clip_value`, `clip_norm` and `ema_decay` cannot be combined with a line search and must have their
    defaults; use a layer's `l2` as weight penalty.

    Raises:
        InputError: a value is out of range, or one of these four is set.

    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; Nocedal and Wright,
    "Numerical optimization", 2006, algorithms 3.5 and 7.4.

    >>> LBFGS().full_batch
    True
    """

    learning_rate: float = 1.0
    history_size: int = 10
    c1: float = 1e-4
    c2: float = 0.9
    max_line_search_evals: int = 25
    gradient_tolerance: float = 1e-7
    name: ClassVar[str] = "lbfgs"
    full_batch: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "history_size": POSITIVE_INT,
        "c1": OPEN_UNIT,
        "c2": OPEN_UNIT,
        "max_line_search_evals": POSITIVE_INT,
        "gradient_tolerance": NON_NEGATIVE,
    }

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        if self.c2 <= self.c1:
            raise InputError(f"LBFGS: c2 is {self.c2}; it must be above c1, {self.c1}.")
        unsupported = {"weight_decay": self.weight_decay or None, "clip_value": self.clip_value}
        unsupported |= {"clip_norm": self.clip_norm, "ema_decay": self.ema_decay}
        for name, value in unsupported.items():
            if value is not None:
                advice = "use l2 on the layers" if name == "weight_decay" else "leave it out, or use Adam"
                raise InputError(f"LBFGS: {name} is {value}; it cannot be combined with a line search: {advice}.")

    def initial_slots(self, parameters: NDArray[Any]) -> NDArray[Any]:
        """Zeros (2 history_size, P): no pair is stored yet."""
        return np.zeros((2 * self.history_size, parameters.size), parameters.dtype)

    def _remembers(self) -> int:
        return self.history_size

    def rule(self) -> UpdateRule:
        """L-BFGS updates all parameters together, so it has no elementwise rule.

        Raises:
            InputError: always.
        """
        raise InputError("L-BFGS has no elementwise update rule; it trains on all rows at once. Use Adam for batches.")
