"""Losses: how wrong the outputs of a network are.

Letters: B rows, N outputs; y an output, t its target, z a weighted sum of a sigmoid output layer (logit), l = log p the
logarithm of a softmax output. A loss holds a scalar expression for one output; `reduction` says whether a row's N
values are averaged or added. The loss of a batch is always the weighted mean over its rows: sum_b w_b L_b / sum_b w_b.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ranvier.errors import InputError
from ranvier.expression import (
    Expression,
    absolute,
    differentiate,
    exp,
    expm1,
    from_list,
    log,
    log1p,
    maximum,
    show,
    softplus,
    to_list,
    trace_scalar,
    variables,
    where,
)
from ranvier.network.number_rules import FRACTION, INSIDE, NOT_NEGATIVE, POSITIVE, Rule, check_number, fill_options
from ranvier.network.resolve import check_custom_name, check_no_options, resolve
from ranvier.records import record

OUTPUT, LOGIT, LOG_PROBABILITY = "output", "logit", "log_probability"
PLACES = (OUTPUT, LOGIT, LOG_PROBABILITY)
MEAN, SUM = "mean", "sum"
SMALLEST_RATE = 1e-7
SMALLEST_DOUBT = 1e-30
GIVEN_BY_USER = "given by the user"


def _squared_error(y: Expression, t: Expression) -> Expression:
    return (y - t) * (y - t)


def _absolute_error(y: Expression, t: Expression) -> Expression:
    return absolute(y - t)


def _huber(y: Expression, t: Expression, delta: float) -> Expression:
    error = y - t
    size = absolute(error)
    chosen: Expression = where(size <= delta, 0.5 * error * error, delta * (size - 0.5 * delta))
    return chosen


def _log_cosh(y: Expression, t: Expression) -> Expression:
    """log cosh e = |e| + log((1 + exp(-2 |e|)) / 2), which cannot overflow."""
    error: Expression = absolute(y - t)
    return error + log1p(0.5 * expm1(-2.0 * error))


def _poisson(y: Expression, t: Expression) -> Expression:
    """Below the smallest rate the logarithm goes on as its tangent, so that the slope still leads back up."""
    rate: Expression = maximum(y, SMALLEST_RATE)
    return y - t * (log(rate) + (y - rate) * (1.0 / SMALLEST_RATE))


def _quantile(y: Expression, t: Expression, q: float) -> Expression:
    error = t - y
    chosen: Expression = where(error < 0, (q - 1.0) * error, q * error)
    return chosen


def _binary_cross_entropy(z: Expression, t: Expression) -> Expression:
    """softplus(z) - t z, which is -t log p - (1 - t) log(1 - p) for p = sigmoid(z)."""
    return softplus(z) - t * z


def _binary_focal(z: Expression, t: Expression, gamma: float) -> Expression:
    """Powers of p and 1 - p are exponentials of softplus, so no power of 0 appears."""
    minus_log_p, minus_log_q = softplus(-z), softplus(z)
    present = exp(-gamma * minus_log_q) * minus_log_p
    absent = exp(-gamma * minus_log_p) * minus_log_q
    return t * present + (1.0 - t) * absent


def _categorical_cross_entropy(log_p: Expression) -> Expression:
    return -log_p


def _focal(log_p: Expression, gamma: float) -> Expression:
    """1 - p is -expm1(log p); its lower bound keeps the slope finite at p = 1 when gamma is below 1."""
    doubt: Expression = maximum(-expm1(log_p), SMALLEST_DOUBT)
    return -(doubt**gamma) * log_p


@record
class Kind:
    """A built-in loss: the function to trace, what it is applied to, source and options (name -> (default, rule))."""

    function: Callable[..., Expression]
    on: str
    source: str
    options: Mapping[str, tuple[float, Rule]]


_FOCAL = "Lin, Goyal, Girshick, He and Dollár, Focal loss for dense object detection, ICCV 2017"
_KINDS: dict[str, Kind] = {
    "squared_error": Kind(
        _squared_error,
        OUTPUT,
        "Gauss, Theoria motus, 1809; without the 1/2 of some textbooks, as in PyTorch and Keras",
        {},
    ),
    "absolute_error": Kind(_absolute_error, OUTPUT, "Boscovich, 1757, and Laplace, 1793", {}),
    "huber": Kind(
        _huber,
        OUTPUT,
        "Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics, 1964",
        {"delta": (1.0, POSITIVE)},
    ),
    "log_cosh": Kind(_log_cosh, OUTPUT, "Green, Bayesian reconstructions using a modified EM algorithm, 1990", {}),
    "binary_cross_entropy": Kind(
        _binary_cross_entropy, LOGIT, "Cox, The regression analysis of binary sequences, 1958", {}
    ),
    "categorical_cross_entropy": Kind(
        _categorical_cross_entropy,
        LOG_PROBABILITY,
        "Bridle, Probabilistic interpretation of classification outputs, 1990",
        {},
    ),
    "focal": Kind(_focal, LOG_PROBABILITY, _FOCAL, {"gamma": (2.0, NOT_NEGATIVE)}),
    "binary_focal": Kind(_binary_focal, LOGIT, _FOCAL, {"gamma": (2.0, NOT_NEGATIVE)}),
    "poisson": Kind(
        _poisson,
        OUTPUT,
        "Nelder and Wedderburn, Generalized linear models, 1972; outputs are rates: end in exponential or softplus",
        {},
    ),
    "quantile": Kind(
        _quantile, OUTPUT, "Koenker and Bassett, Regression quantiles, Econometrica, 1978", {"q": (0.5, INSIDE)}
    ),
}


def _variable_names(on: str) -> tuple[str, ...]:
    """What an expression on that place may use; a log-probability loss is weighted by the target from outside."""
    return (on,) if on == LOG_PROBABILITY else (on, "target")


@lru_cache(maxsize=256)
def _derivative(expression: Expression, name: str) -> Expression:
    return differentiate(expression, name)


@record
class Loss:
    """How wrong one output is. Made by `loss`.

    Fields:
        name: its name, for built-in ones a key of LOSSES.
        on: what the expression is applied to. "output": what the output layer says. "logit": the weighted sum z of a
            sigmoid output layer. "log_probability": l = log p of a softmax output layer; then the row's loss is
            sum_j target_j g(l_j), and the expression is g.
        expression: the value in the variables `on` and "target" ("log_probability" alone for g).
        reduction: "mean" or "sum" over the N outputs of a row; "sum" for log probabilities.
        label_smoothing: the share s that is taken from the targets before the loss sees them:
            (1 - s) t + s / N for a softmax output layer, (1 - s) t + s / 2 for a sigmoid one.
        options: (name, value) pairs that are already in the expression, for example (("delta", 1.0),).
        source: where it comes from.

    Raises:
        InputError: the fields do not go together.

    >>> loss("huber", delta=2), loss("squared_error").formula
    (loss('huber', delta=2.0), '(output - target) * (output - target)')
    """

    name: str
    on: str
    expression: Expression
    reduction: str = MEAN
    label_smoothing: float = 0.0
    options: tuple[tuple[str, float], ...] = ()
    source: str = GIVEN_BY_USER

    def __post_init__(self) -> None:
        if self.on not in PLACES:
            raise InputError(f"{self.name}: on is {self.on!r}; it must be one of {', '.join(PLACES)}.")
        if self.reduction not in (MEAN, SUM):
            raise InputError(f'{self.name}: reduction is {self.reduction!r}; it must be "mean" or "sum".')
        if self.on == LOG_PROBABILITY and self.reduction != SUM:
            raise InputError(f'{self.name}: a loss on log probabilities adds up over the classes; use reduction="sum".')
        check_number(self.name, "label_smoothing", self.label_smoothing, FRACTION)
        if self.label_smoothing and self.on == OUTPUT:
            raise InputError(f"{self.name}: label smoothing is for losses on a sigmoid or softmax output layer.")
        allowed = _variable_names(self.on)
        for name in variables(self.expression):
            if name not in allowed:
                raise InputError(f'{self.name}: the expression uses "{name}"; allowed are {", ".join(allowed)}.')

    @property
    def slope(self) -> Expression:
        """The derivative along the output, logit or log probability; at a kink that of one side, or 0 for |e|."""
        return _derivative(self.expression, self.on)

    @property
    def formula(self) -> str:
        """The value as text."""
        return show(self.expression)

    def __repr__(self) -> str:
        kind = _KINDS.get(self.name)
        usual: dict[str, Any] = {
            "on": kind.on if kind else OUTPUT,
            "reduction": _usual(self.on),
            "label_smoothing": 0.0,
        }
        usual |= {name: default for name, (default, _) in (kind.options if kind else {}).items()}
        settings = {
            **dict(self.options),
            **{name: getattr(self, name) for name in ("on", "reduction", "label_smoothing")},
        }
        own = "" if kind else f", lambda {', '.join(_variable_names(self.on))}: {self.formula}"
        given = [f", {name}={value!r}" for name, value in settings.items() if value != usual.get(name)]
        return f"loss({self.name!r}{own}{''.join(given)})"

    def to_dict(self) -> dict[str, Any]:
        """The loss as plain JSON values: name and settings, and for a user's own the expression."""
        settings = {"name": self.name, "reduction": self.reduction, "label_smoothing": self.label_smoothing}
        if self.name in _KINDS:
            return {**settings, **dict(self.options)}
        return {**settings, "on": self.on, "expression": to_list(self.expression)}


def loss(
    name: str | Loss,
    function: Callable[..., Any] | None = None,
    *,
    on: str = OUTPUT,
    reduction: str | None = None,
    label_smoothing: float = 0.0,
    **options: float,
) -> Loss:
    """A loss by name, or one of your own.

    | name | on | one output's loss |
    |---|---|---|
    | squared_error | output | (y - t)^2 |
    | absolute_error | output | abs(y - t) |
    | huber | output | e^2 / 2 up to e = abs(y - t) = delta, then delta (e - delta / 2) |
    | log_cosh | output | log cosh(y - t) |
    | poisson | output | y - t log y |
    | quantile | output | q (t - y) where that is positive, else (q - 1) (t - y) |
    | binary_cross_entropy | logit | -t log p - (1 - t) log(1 - p) |
    | binary_focal | logit | -t (1 - p)^gamma log p - (1 - t) p^gamma log(1 - p) |
    | categorical_cross_entropy | log_probability | -t log p |
    | focal | log_probability | -t (1 - p)^gamma log p |

    Parameters:
        name: a key of LOSSES, a new name, or a Loss, which is given back.
        function: for a new name: (output, target) -> loss, or (logit, target) -> loss, or (log_probability) -> loss.
        on: for a new name: "output", "logit" or "log_probability".
        reduction: "mean" (the default) or "sum" over the outputs of a row; log probabilities always add up.
        label_smoothing: from 0 up to 1, for sigmoid and softmax output layers.
        options: for "huber" delta (1), "focal" and "binary_focal" gamma (2), "quantile" q (0.5).

    Raises:
        InputError: there is no such loss or option, a value is out of range, the name is taken, or the function is no
            formula.

    >>> loss("huber", delta=2).options
    (('delta', 2.0),)
    >>> loss("cubic", lambda output, target: abs(output - target) ** 3, reduction="sum").on
    'output'
    >>> loss("squared_eror")
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no loss "squared_eror". Did you mean "squared_error"?
    """
    if function is not None and not isinstance(name, Loss):
        check_custom_name("loss", "a", name, _KINDS)
        check_no_options(options)
        if on not in PLACES:
            raise InputError(f"{name}: on is {on!r}; it must be one of {', '.join(PLACES)}.")
        traced = trace_scalar(function, _variable_names(on))
        return Loss(name, on, traced, reduction or _usual(on), _smoothing(name, label_smoothing))

    def make(name: str) -> Loss:
        spec = _KINDS[name]
        if on not in (OUTPUT, spec.on):
            raise InputError(f'{name} is a loss on the {spec.on}; on="{on}" does not fit. Leave it out.')
        filled = fill_options(name, options, spec.options)
        traced = trace_scalar(lambda *values: spec.function(*values, **dict(filled)), _variable_names(spec.on))
        smoothing = _smoothing(name, label_smoothing)
        return Loss(name, spec.on, traced, reduction or _usual(spec.on), smoothing, filled, spec.source)

    given = [*options, *(value for value in (function, reduction, label_smoothing or None) if value is not None)]
    return resolve("loss", name, Loss, _KINDS, make, given + [on] * (on != OUTPUT))


def _usual(on: str) -> str:
    """The reduction when none is given."""
    return SUM if on == LOG_PROBABILITY else MEAN


def _smoothing(owner: str, share: float) -> float:
    check_number(owner, "label_smoothing", share, FRACTION)
    return float(share)


def loss_from_dict(data: Mapping[str, Any]) -> Loss:
    """The loss that `Loss.to_dict` wrote. No code runs: a user's own comes back as its expression.

    Raises:
        InputError: this version does not know it, or the expression is damaged.

    >>> loss_from_dict(loss("focal", label_smoothing=0.1).to_dict()) == loss("focal", label_smoothing=0.1)
    True
    """
    values = dict(data)
    if "expression" in values:
        return Loss(**{**values, "expression": from_list(values["expression"])})
    return loss(**values)


LOSSES: dict[str, Loss] = {name: loss(name) for name in _KINDS}
