"""L-BFGS: the settings of a quasi-Newton method over all rows at once, for small problems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ranvier.errors import InputError
from ranvier.network.number_rules import COUNT, INSIDE, NOT_NEGATIVE, Rule
from ranvier.network.optimizers.base import Optimizer, UpdateRule
from ranvier.records import record


@record
class LBFGS(Optimizer):
    """Quasi-Newton steps: the curvature is estimated from the last changes of parameters and gradient.

    One step: direction d = -H g, with H built from the last `history` pairs of parameter and gradient changes by the
    two-loop recursion; then a line search for a length a with loss(w + a d) <= loss(w) + decrease a g'd and
    |g(w + a d)'d| <= curvature |g'd| (the strong Wolfe conditions); w <- w + a d. One epoch is one step over all rows.

    Parameters:
        learning_rate: the length that the line search tries first, above 0; 1 is the full quasi-Newton step.
        history: pairs that are remembered, a whole number.
        decrease: share of the expected decrease that a step must reach, between 0 and 1.
        curvature: share of the slope that may be left after a step, between `decrease` and 1.
        evaluations: evaluations of the loss that one line search may take, a whole number.
        tolerance: training has converged when no gradient is larger than this; at least 0.

    `weight_decay`, `clip_value`, `clip_norm` and `average` do not go with a line search and must keep their defaults;
    use a layer's `l2` to keep weights small.

    Raises:
        InputError: a value is out of range, or one of these four is given.

    Source: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; Nocedal and Wright,
    "Numerical optimization", 2006, algorithms 3.5 and 7.4.

    >>> LBFGS().full_batch
    True
    """

    learning_rate: float = 1.0
    history: int = 10
    decrease: float = 1e-4
    curvature: float = 0.9
    evaluations: int = 25
    tolerance: float = 1e-7
    name: ClassVar[str] = "lbfgs"
    full_batch: ClassVar[bool] = True
    rules: ClassVar[Mapping[str, Rule]] = {
        "history": COUNT,
        "decrease": INSIDE,
        "curvature": INSIDE,
        "evaluations": COUNT,
        "tolerance": NOT_NEGATIVE,
    }

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        if self.curvature <= self.decrease:
            raise InputError(f"LBFGS: curvature is {self.curvature}; it must be above decrease, {self.decrease}.")
        given = {"weight_decay": self.weight_decay or None, "clip_value": self.clip_value}
        given |= {"clip_norm": self.clip_norm, "average": self.average}
        for name, value in given.items():
            if value is not None:
                advice = "use l2 on the layers" if name == "weight_decay" else "leave it out, or use Adam"
                raise InputError(f"LBFGS: {name} is {value}; it does not go with a line search: {advice}.")

    def rule(self) -> UpdateRule:
        """L-BFGS looks at all numbers at once, so it has no elementwise rule.

        Raises:
            InputError: always.
        """
        raise InputError("L-BFGS has no elementwise update rule; it trains on all rows at once. Use Adam for batches.")
