"""Where hyper-parameters get their values: the one place that decides which are constants of the code.

Today all of lowering/scalars.py's are. The code of a plan depends on their values alone, not on their names.
"""

from __future__ import annotations

from ranvier.native.lowering.scalars import LoweredRule, Scalar
from ranvier.network.optimizers import UpdateRule
from ranvier.network.optimizers.base import bind


def constant_of(scalar: Scalar) -> float:
    """The value that code is compiled for.

    >>> constant_of(Scalar("beta1", 0.9))
    0.9
    """
    return scalar.value


def bound_rule(rule: LoweredRule) -> UpdateRule:
    """The update with its numbers as constants."""
    return bind(rule.formula, {scalar.name: constant_of(scalar) for scalar in rule.numbers})
