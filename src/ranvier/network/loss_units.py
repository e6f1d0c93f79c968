"""The units of a loss: which targets it takes, how they may be scaled, which activation its outputs need.

Letters: y an output, t its target, in the units of the user; c > 0 a scale and d a shift; N outputs.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import Expression, evaluate
from ranvier.records import record

Array = NDArray[np.float64]
OUTPUTS = (-6.5, -1.0, 0.25, 3.0)
TARGETS = (-2.0, 0.0, 1.75, 40.0)
SHIFTS = (-8.5, 0.5, 64.0)
"""Sums and differences of these numbers are exact, so that equal functions of them have equal bits."""


@record
class Units:
    """What a loss L(y, t) makes of the units of targets.

    Fields:
        degree: k where L(c y + d, c t + d) = c^k L(y, t); each target may then be standardized by itself, because the
            best outputs stay the best. None where the size of an error matters.
        difference: whether L(y + d, t + d) = L(y, t), so that targets may be shifted.
        scaled: whether targets may be divided by a scale at all; fractions of a whole may not.
        lowest, highest: the range of targets; `above` leaves `lowest` itself out.
        output: the activation of the output layer of a network that is made for a regression with this loss.
    """

    degree: int | None = None
    difference: bool = True
    scaled: bool = True
    lowest: float = -math.inf
    highest: float = math.inf
    above: bool = False
    output: str = "identity"

    @property
    def bounded(self) -> bool:
        """Whether there are numbers that are no targets."""
        return self.lowest > -math.inf or self.highest < math.inf

    @property
    def range_text(self) -> str:
        """The range in words, after "targets".

        >>> POSITIVE_MEAN.range_text, FRACTIONS.range_text
        ('of at least 0', 'from 0 to 1')
        """
        if self.highest < math.inf:
            return f"from {self.lowest:g} to {self.highest:g}"
        return f"above {self.lowest:g}" if self.above else f"of at least {self.lowest:g}"

    def outside(self, targets: Array) -> NDArray[np.bool_]:
        """Which targets are none that this loss takes, of the same shape."""
        low = targets <= self.lowest if self.above else targets < self.lowest
        return np.asarray(low | (targets > self.highest))

    def scaling(self, mean: Array, scale: Array) -> tuple[Array, Array]:
        """The shifts and scales (N,) of targets with these means and standard deviations.

        Where the size of an error matters, all targets have one scale, a power of two, so that the loss can be computed
        in the units of the user, exactly, and similar targets give the same machine code.

        >>> DIFFERENCE.scaling(np.array([70.0]), np.array([9.0]))
        (array([70.]), array([8.]))
        >>> POSITIVE_MEAN.scaling(np.array([70.0]), np.array([9.0]))
        (array([0.]), array([64.]))
        """
        if self.degree is not None:
            return mean, scale
        none = np.zeros_like(mean)
        if not self.scaled:
            return none, np.ones_like(scale)
        if self.lowest >= 0.0:
            return none, np.full_like(scale, power_of_two(float(np.mean(mean))))
        common = power_of_two(float(np.sqrt(np.mean(np.square(scale)))))
        shift = mean if self.difference else np.full_like(mean, np.round(np.mean(mean) / common) * common)
        return shift, np.full_like(scale, common)


DIFFERENCE = Units()
"""A loss of the difference y - t in which its size matters."""
STANDARDIZED = Units(degree=0)
"""A loss that is that of standardized targets, in runs of version 0.1."""
VALUES = Units(difference=False)
"""A loss that looks at outputs and targets themselves."""
POSITIVE_MEAN = Units(difference=False, lowest=0.0, output="exponential")
"""A loss of outputs above 0, the means of targets that are not negative."""
FRACTIONS = Units(difference=False, scaled=False, lowest=0.0, highest=1.0, output="sigmoid")
"""A loss of probabilities; targets are fractions or 0 and 1."""
CLASS_FRACTIONS = Units(difference=False, scaled=False, lowest=0.0, highest=1.0, output="softmax")
"""A loss of the probabilities of classes, which add up to 1."""


def power_of_two(size: float) -> float:
    """The power of two that is nearest in ratio to a size; 1 for 0 and for what is not finite.

    >>> power_of_two(77.0), power_of_two(0.3), power_of_two(0.0)
    (64.0, 0.25, 1.0)
    """
    if not (math.isfinite(size) and size > 0.0):
        return 1.0
    return float(2.0 ** round(math.log2(size)))


@lru_cache(maxsize=256)
def difference_alone(expression: Expression) -> bool:
    """Whether a loss of "output" and "target" depends on their difference alone, as far as some points can tell.

    >>> from ranvier.expression import variable
    >>> error = variable("output") - variable("target")
    >>> difference_alone(error * error), difference_alone(error / variable("target"))
    (True, False)
    """
    outputs, targets = (axis.ravel() for axis in np.meshgrid(OUTPUTS, TARGETS))

    def values(shift: float) -> Any:
        return evaluate(expression, {"output": outputs + shift, "target": targets + shift})

    there = values(0.0)
    return all(np.array_equal(values(shift), there) for shift in SHIFTS)
