"""L1 and L2 penalties and their gradients. w are parameters, l1 and l2 the strength of each, or of all.

The penalty, the sum of l1 |w| + l2 w^2 / 2 over the parameters, is added to the loss of a batch of any size once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Strength = Array | float


def penalty(w: Array, l1: Strength, l2: Strength) -> float:
    """sum l1 |w| + l2 w^2 / 2.

    >>> penalty(np.array([-2.0, 3.0]), np.array([0.5, 0.0]), np.array([0.0, 2.0]))
    10.0
    """
    return float((l1 * np.abs(w) + 0.5 * l2 * w**2).sum())


def penalty_gradient(w: Array, l1: Strength, l2: Strength) -> Array:
    """l1 sign(w) + l2 w, of the shape of w; the derivative of |w| at 0 is taken as 0.

    >>> penalty_gradient(np.array([-2.0, 3.0]), np.array([0.5, 0.0]), np.array([0.0, 2.0]))
    array([-0.5,  6. ])
    """
    return l1 * np.sign(w) + l2 * w
