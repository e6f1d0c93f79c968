"""A loss in the units of the user, as a function of the scaled outputs and targets that a network learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ranvier.expression import Expression, constant, evaluate, substitute, variable
from ranvier.network.loss_units import power_of_two
from ranvier.network.losses import OUTPUT, Loss


def scaled_loss(loss: Loss, shift: Sequence[float], scale: Sequence[float]) -> tuple[Loss, float]:
    """The loss that an engine computes, and the number that turns it back into the loss in the units of the user.

    A network learns z where the output is y = scale * z + shift, and targets are scaled likewise. With a loss that has
    a degree the engine takes L(z, t) as it is. Any other loss is computed in the units of the user:
    L(scale * z + shift, scale * t + shift) / divisor, where the divisor, a power of two, makes gradients of about 1.

    Parameters:
        loss: the loss of outputs and targets in the units of the user.
        shift, scale: of each target, (N,); both empty where there are none.

    Returns the loss and the factor. The factor is 1 where targets with several scales are standardized, each by itself:
    their loss is in standard deviations.

    >>> from ranvier.network.losses import loss
    >>> scaled_loss(loss("squared_error"), [70.0], [8.0])
    (loss('squared_error'), 64.0)
    >>> scaled_loss(loss("huber", delta=2), [70.0], [8.0])[0].scale
    8.0
    """
    if not len(scale) or loss.applied_to != OUTPUT or (set(shift) == {0.0} and set(scale) == {1.0}):
        return loss, 1.0
    one_scale, units = len(set(scale)) == 1, loss.units
    if units.degree is not None:
        return loss, float(scale[0] ** units.degree) if one_scale else 1.0
    if not one_scale or not (units.difference or len(set(shift)) == 1):
        return loss, 1.0
    moved = 0.0 if units.difference else float(shift[0])
    divisor = _divisor(loss, moved, float(scale[0]))
    expression = substitute(
        loss.expression, {name: _in_units(name, moved, float(scale[0])) for name in (OUTPUT, "target")}
    )
    expression = expression * (1.0 / divisor)
    scaled = replace(loss, expression=expression, scale=float(scale[0]), shift=moved, divisor=divisor)
    return scaled, divisor


def _in_units(name: str, shift: float, scale: float) -> Expression:
    scaled = variable(name) * constant(scale)
    return scaled + constant(shift) if shift else scaled


def _divisor(loss: Loss, shift: float, scale: float) -> float:
    """The power of two for which the gradient is about 2 where an output is wrong by one scale, as for (z - t)^2."""
    positive = loss.units.lowest >= 0.0
    target = scale if positive else shift
    outputs = np.array([2.0 * scale, 0.5 * scale] if positive else [shift + scale, shift - scale])
    slopes = evaluate(loss.derivative, {OUTPUT: outputs, "target": np.full(2, target)})
    return power_of_two(scale * float(np.abs(slopes).mean()) / 2.0)
