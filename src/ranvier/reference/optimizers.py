"""Every optimizer's step written by hand, beside its formula.

w are the parameters, g their gradient, s the slots (the optimizer state, name -> array), lr the learning rate of this
step, schedule included, t the step counted from 1. The formulas are independent of the expressions in
`network/optimizers/`, so that the two check each other. L-BFGS updates all parameters together; the training loop runs
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import EngineError
from ranvier.expression import evaluate
from ranvier.network.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    AMSGrad,
    Custom,
    Lion,
    NAdam,
    Optimizer,
    RMSprop,
)

Array = NDArray[np.float64]
Slots = dict[str, Array]
Rate = float | Array


def step(
    optimizer: Optimizer, w: Array, g: Array, s: Slots, lr: Rate, t: int, decayed: NDArray[np.bool_]
) -> tuple[Array, Slots]:
    """One step, in the order: clip by norm, clip by value, decay the weights, update, average.

    Parameters:
        optimizer: its record.
        w, g: (P,); g includes the gradient of the penalties, and is 0 for parameters that are not trainable.
        s: name -> (P,); not changed.
        lr, t: learning rate and number of this step; (P,) where layers have learning rates of their own.
        decayed: (P,), where weight decay applies.

    Returns the new w and the new slots.

    >>> step(SGD(), np.array([1.0]), np.array([0.5]), {}, 0.1, 1, np.array([True]))
    (array([0.95]), {})
    """
    if optimizer.clip_norm is not None:
        g = clip_by_norm(g, optimizer.clip_norm)
    if optimizer.clip_value is not None:
        g = np.clip(g, -optimizer.clip_value, optimizer.clip_value)
    if optimizer.weight_decay:
        w = np.where(decayed, w - lr * optimizer.weight_decay * w, w)
    w, slots = _update_of(optimizer)(optimizer, w, g, s, lr, t)
    if optimizer.ema_decay is not None:
        d = min(optimizer.ema_decay, (1 + t) / (10 + t))
        slots = {**slots, "average": d * s["average"] + (1.0 - d) * w}
    return w, slots


def clip_by_norm(g: Array, max_norm: float) -> Array:
    """Scale the gradient so that its norm sqrt(sum g^2) is at most `max_norm`.

    >>> clip_by_norm(np.array([3.0, 4.0]), 1.0)
    array([0.6, 0.8])
    """
    norm = float(np.sqrt((g**2).sum()))
    return g * (max_norm / norm) if norm > max_norm else g


def sgd(o: SGD, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """w <- w - lr g; with momentum v <- mu v + g, w <- w - lr v; Nesterov looks ahead: w <- w - lr (g + mu v)."""
    if o.momentum == 0.0:
        return w - lr * g, {}
    v = o.momentum * s["velocity"] + g
    return w - lr * (g + o.momentum * v if o.nesterov else v), {"velocity": v}


def adagrad(o: Adagrad, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """q <- q + g^2, w <- w - lr g / (sqrt(q) + epsilon)."""
    q = s["squares"] + g**2
    return w - lr * g / (np.sqrt(q) + o.epsilon), {"squares": q}


def adadelta(o: Adadelta, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """q <- rho q + (1 - rho) g^2, d = g sqrt(u + epsilon) / sqrt(q + epsilon), w <- w - lr d.

    Then u <- rho u + (1 - rho) d^2, so that d uses the u before this step.
    """
    q = o.rho * s["squares"] + (1.0 - o.rho) * g**2
    d = g * np.sqrt(s["steps"] + o.epsilon) / np.sqrt(q + o.epsilon)
    return w - lr * d, {"squares": q, "steps": o.rho * s["steps"] + (1.0 - o.rho) * d**2}


def rmsprop(o: RMSprop, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """q <- rho q + (1 - rho) g^2, d = g / (sqrt(q) + epsilon), w <- w - lr d; momentum v <- mu v + d, w <- w - lr v."""
    q = o.rho * s["squares"] + (1.0 - o.rho) * g**2
    d = g / (np.sqrt(q) + o.epsilon)
    if o.momentum == 0.0:
        return w - lr * d, {"squares": q}
    v = o.momentum * s["velocity"] + d
    return w - lr * v, {"squares": q, "velocity": v}


def moments(o: Adam | NAdam, g: Array, s: Slots) -> tuple[Array, Array]:
    """Moving averages of the gradient and of its square: m <- b1 m + (1 - b1) g, q <- b2 q + (1 - b2) g^2."""
    return o.beta1 * s["first"] + (1.0 - o.beta1) * g, o.beta2 * s["second"] + (1.0 - o.beta2) * g**2


def adam(o: Adam, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """w <- w - lr M / (sqrt(Q) + epsilon), with M = m / (1 - b1^t) and Q = q / (1 - b2^t). AdamW is this with decay."""
    m, q = moments(o, g, s)
    unbiased_m, unbiased_q = m / (1.0 - o.beta1**t), q / (1.0 - o.beta2**t)
    return w - lr * unbiased_m / (np.sqrt(unbiased_q) + o.epsilon), {"first": m, "second": q}


def amsgrad(o: AMSGrad, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """Adam with h <- max(h, q) in place of q."""
    m, q = moments(o, g, s)
    h = np.maximum(s["largest"], q)
    unbiased_m, unbiased_h = m / (1.0 - o.beta1**t), h / (1.0 - o.beta2**t)
    return w - lr * unbiased_m / (np.sqrt(unbiased_h) + o.epsilon), {"first": m, "second": q, "largest": h}


def nadam(o: NAdam, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """w <- w - lr (mu_(t+1) m / (1 - M_(t+1)) + (1 - mu_t) g / (1 - M_t)) / (sqrt(Q) + epsilon).

    M_t = mu_1 mu_2 ... mu_t and Q = q / (1 - b2^t).
    """
    m, q = moments(o, g, s)
    now, following, product = nadam_momentum(o, t), nadam_momentum(o, t + 1), nadam_product(o, t)
    ahead = following * m / (1.0 - product * following) + (1.0 - now) * g / (1.0 - product)
    return w - lr * ahead / (np.sqrt(q / (1.0 - o.beta2**t)) + o.epsilon), {"first": m, "second": q}


def nadam_momentum(o: NAdam, t: int) -> float:
    """mu_t = b1 (1 - 0.96^(t psi) / 2)."""
    return float(o.beta1 * (1.0 - 0.5 * 0.96 ** (t * o.momentum_decay)))


def nadam_product(o: NAdam, t: int) -> float:
    """M_t = mu_1 mu_2 ... mu_t, and 0 once it is too small to change 1 - M_t."""
    product = 1.0
    for i in range(1, t + 1):
        product *= nadam_momentum(o, i)
        if product < 1e-20:
            return 0.0
    return product


def adamax(o: Adamax, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """m <- b1 m + (1 - b1) g, u <- max(b2 u, |g| + epsilon), w <- w - lr m / (1 - b1^t) / u."""
    m = o.beta1 * s["first"] + (1.0 - o.beta1) * g
    u = np.maximum(o.beta2 * s["largest"], np.abs(g) + o.epsilon)
    return w - lr * m / (1.0 - o.beta1**t) / u, {"first": m, "largest": u}


def lion(o: Lion, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """w <- w - lr sign(b1 m + (1 - b1) g), then m <- b2 m + (1 - b2) g."""
    m = s["momentum"]
    updated = w - lr * np.sign(o.beta1 * m + (1.0 - o.beta1) * g)
    return updated, {"momentum": o.beta2 * m + (1.0 - o.beta2) * g}


def custom(o: Custom, w: Array, g: Array, s: Slots, lr: Rate, t: int) -> tuple[Array, Slots]:
    """A user-defined rule: its expressions, evaluated on the values before the step."""
    values: dict[str, Any] = {**s, "parameter": w, "gradient": g, "learning_rate": lr, "step": float(t)}
    parameter, *slots = evaluate((o.parameter, *o.updates), values)
    return parameter, {name: slot for (name, _), slot in zip(o.slots, slots, strict=True)}


UPDATES: dict[type[Optimizer], Callable[..., tuple[Array, Slots]]] = {
    SGD: sgd,
    Adagrad: adagrad,
    Adadelta: adadelta,
    RMSprop: rmsprop,
    Adam: adam,
    AdamW: adam,
    NAdam: nadam,
    Adamax: adamax,
    AMSGrad: amsgrad,
    Lion: lion,
    Custom: custom,
}


def _update_of(optimizer: Optimizer) -> Callable[..., tuple[Array, Slots]]:
    if type(optimizer) not in UPDATES:
        kinds = ", ".join(kind.__name__ for kind in UPDATES)
        raise EngineError(f"{type(optimizer).__name__} has no update rule for batches; expected one of {kinds}.")
    return UPDATES[type(optimizer)]
