"""Losses: functions that measure the error of the outputs of a network.

Letters: B rows, N outputs; y an output, t its target, z a weighted sum of a sigmoid output layer (logit), l = log p the
logarithm of a softmax output. A loss has a scalar expression for one output; `reduction` is the mean or the sum
of a row's N values. The loss of a batch is the weighted mean over its rows: sum_b w_b L_b / sum_b w_b.
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
from ranvier.network.loss_units import (
    CLASS_FRACTIONS,
    DIFFERENCE,
    FRACTIONS,
    POSITIVE_MEAN,
    STANDARDIZED,
    VALUES,
    Units,
    difference_alone,
)
from ranvier.network.number_rules import (
    HALF_OPEN_UNIT,
    NON_NEGATIVE,
    OPEN_UNIT,
    POSITIVE,
    Rule,
    check_number,
)
from ranvier.network.quantile_levels import LEVEL, fixed_options, levels_of, merged_options
from ranvier.network.renamed import LOSS_FIELDS, renamed
from ranvier.network.resolve import BuiltIns, check_custom_name, check_no_options, resolve
from ranvier.records import record

OUTPUT, LOGIT, LOG_PROBABILITY = "output", "logit", "log_probability"
APPLIED_TO = (OUTPUT, LOGIT, LOG_PROBABILITY)
MEAN, SUM = "mean", "sum"
MIN_RATE = 1e-7
MIN_ONE_MINUS_P = 1e-30
USER_DEFINED = "user-defined"


def _squared_error(y: Expression, t: Expression) -> Expression:
    return (y - t) * (y - t)


def _absolute_error(y: Expression, t: Expression) -> Expression:
    return absolute(y - t)


def _huber(y: Expression, t: Expression, delta: float) -> Expression:
    error = y - t
    size = absolute(error)
    result: Expression = where(size <= delta, 0.5 * error * error, delta * (size - 0.5 * delta))
    return result


def _log_cosh(y: Expression, t: Expression) -> Expression:
    """log cosh e = |e| + log((1 + exp(-2 |e|)) / 2), which cannot overflow."""
    error: Expression = absolute(y - t)
    return error + log1p(0.5 * expm1(-2.0 * error))


def _poisson(y: Expression, t: Expression) -> Expression:
    """Below MIN_RATE the logarithm continues as its tangent, so that the gradient is finite and increases y."""
    rate: Expression = maximum(y, MIN_RATE)
    return y - t * (log(rate) + (y - rate) * (1.0 / MIN_RATE))


def _quantile(y: Expression, t: Expression, q: float) -> Expression:
    error = t - y
    result: Expression = where(error < 0, (q - 1.0) * error, q * error)
    return result


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
    """1 - p is -expm1(log p); its lower bound keeps the derivative finite at p = 1 when gamma is below 1."""
    one_minus_p: Expression = maximum(-expm1(log_p), MIN_ONE_MINUS_P)
    return -(one_minus_p**gamma) * log_p


@record
class LossSpec:
    """A built-in loss: function to trace, argument, source, options (name -> (default, rule)), units of targets."""

    function: Callable[..., Expression]
    applied_to: str
    source: str
    options: Mapping[str, tuple[float, Rule]]
    units: Units


_FOCAL = "Lin, Goyal, Girshick, He and Dollár, Focal loss for dense object detection, ICCV 2017"
_SPECS: dict[str, LossSpec] = {
    "squared_error": LossSpec(
        _squared_error,
        OUTPUT,
        "Gauss, Theoria motus, 1809; without the 1/2 of some textbooks, as in PyTorch and Keras",
        {},
        Units(degree=2),
    ),
    "absolute_error": LossSpec(_absolute_error, OUTPUT, "Boscovich, 1757, and Laplace, 1793", {}, Units(degree=1)),
    "huber": LossSpec(
        _huber,
        OUTPUT,
        "Huber, Robust estimation of a location parameter, Annals of Mathematical Statistics, 1964",
        {"delta": (1.0, POSITIVE)},
        DIFFERENCE,
    ),
    "log_cosh": LossSpec(
        _log_cosh, OUTPUT, "Green, Bayesian reconstructions using a modified EM algorithm, 1990", {}, DIFFERENCE
    ),
    "binary_cross_entropy": LossSpec(
        _binary_cross_entropy, LOGIT, "Cox, The regression analysis of binary sequences, 1958", {}, FRACTIONS
    ),
    "categorical_cross_entropy": LossSpec(
        _categorical_cross_entropy,
        LOG_PROBABILITY,
        "Bridle, Probabilistic interpretation of classification outputs, 1990",
        {},
        CLASS_FRACTIONS,
    ),
    "focal": LossSpec(_focal, LOG_PROBABILITY, _FOCAL, {"gamma": (2.0, NON_NEGATIVE)}, CLASS_FRACTIONS),
    "binary_focal": LossSpec(_binary_focal, LOGIT, _FOCAL, {"gamma": (2.0, NON_NEGATIVE)}, FRACTIONS),
    "poisson": LossSpec(
        _poisson,
        OUTPUT,
        "Nelder and Wedderburn, Generalized linear models, 1972; outputs are rates: end in exponential or softplus",
        {},
        POSITIVE_MEAN,
    ),
    "quantile": LossSpec(
        _quantile,
        OUTPUT,
        "Koenker and Bassett, Regression quantiles, Econometrica, 1978",
        {"q": (0.5, OPEN_UNIT)},
        Units(degree=1),
    ),
}


def _variable_names(applied_to: str, levels: tuple[float, ...] = ()) -> tuple[str, ...]:
    """The variables of an expression; a log-probability loss is multiplied by the target outside the expression."""
    return (applied_to, *(() if applied_to == LOG_PROBABILITY else ("target",)), *((LEVEL,) if levels else ()))


@lru_cache(maxsize=256)
def _derivative(expression: Expression, name: str) -> Expression:
    return differentiate(expression, name)


@record
class Loss:
    """A loss function of one output and its target. Made by `loss`.

    Fields:
        name: its name; a key of LOSSES if it is built in.
        applied_to: the argument of the expression. "output": the output y. "logit": the weighted sum z of a
            sigmoid output layer. "log_probability": l = log p of a softmax output layer; then the row's loss is
            sum_j target_j g(l_j), and the expression is g.
        expression: the value in the variables `applied_to` and "target" ("log_probability" alone for g).
        reduction: "mean" or "sum" over the N outputs of a row; "sum" for log probabilities.
        label_smoothing: the fraction s; the loss is computed with smoothed targets,
            (1 - s) t + s / N for a softmax output layer, (1 - s) t + s / 2 for a sigmoid one.
        options: (name, value) pairs, already part of the expression, for example (("delta", 1.0),).
        source: the publication.
        scale, shift, divisor: of a loss that `scaled_loss` made: the expression is that of scale * output + shift and
            scale * target + shift, over the divisor. They follow from targets and are not stored.
        of_standardized: whether the loss of a regression is that of standardized targets, whatever it is, as in runs
            of version 0.1.

    Raises:
        InputError: a field is invalid, or the fields contradict each other.

    >>> loss("huber", delta=2), loss("squared_error").formula
    (loss('huber', delta=2.0), '(output - target) * (output - target)')
    """

    name: str
    applied_to: str
    expression: Expression
    reduction: str = MEAN
    label_smoothing: float = 0.0
    options: tuple[tuple[str, Any], ...] = ()
    source: str = USER_DEFINED
    scale: float = 1.0
    shift: float = 0.0
    divisor: float = 1.0
    of_standardized: bool = False

    def __post_init__(self) -> None:
        if self.applied_to not in APPLIED_TO:
            raise InputError(
                f"{self.name}: applied_to is {self.applied_to!r}; it must be one of {', '.join(APPLIED_TO)}."
            )
        if self.reduction not in (MEAN, SUM):
            raise InputError(f'{self.name}: reduction is {self.reduction!r}; it must be "mean" or "sum".')
        if self.applied_to == LOG_PROBABILITY and self.reduction != SUM:
            raise InputError(f'{self.name}: a loss on log probabilities adds up over the classes; use reduction="sum".')
        check_number(self.name, "label_smoothing", self.label_smoothing, HALF_OPEN_UNIT)
        if self.label_smoothing and self.applied_to == OUTPUT:
            raise InputError(f"{self.name}: label smoothing is for losses on a sigmoid or softmax output layer.")
        allowed = _variable_names(self.applied_to, self.levels)
        for name in variables(self.expression):
            if name not in allowed:
                raise InputError(f'{self.name}: the expression uses "{name}"; allowed are {", ".join(allowed)}.')

    @property
    def units(self) -> Units:
        """What targets it takes, how they may be scaled, and which activation its outputs need."""
        if self.of_standardized:
            return STANDARDIZED
        if self.name in _SPECS:
            return _SPECS[self.name].units
        if self.applied_to == OUTPUT:
            return DIFFERENCE if difference_alone(self.expression) else VALUES
        return FRACTIONS if self.applied_to == LOGIT else CLASS_FRACTIONS

    @property
    def derivative(self) -> Expression:
        """The derivative with respect to output, logit or log probability; at a kink that of one side, or 0 for |e|."""
        return _derivative(self.expression, self.applied_to)

    @property
    def levels(self) -> tuple[float, ...]:
        """Of several quantiles: their levels, the values of the variable "q" in the outputs of each target."""
        return levels_of(self.options)

    @property
    def formula(self) -> str:
        """The value as text."""
        return show(self.expression)

    def __repr__(self) -> str:
        spec = _SPECS.get(self.name)
        defaults: dict[str, Any] = {
            "applied_to": spec.applied_to if spec else OUTPUT,
            "reduction": _default_reduction(self.applied_to),
            "label_smoothing": 0.0,
        }
        defaults |= {name: default for name, (default, _) in (spec.options if spec else {}).items()}
        settings = {
            **dict(self.options),
            **{name: getattr(self, name) for name in ("applied_to", "reduction", "label_smoothing")},
        }
        function = "" if spec else f", lambda {', '.join(_variable_names(self.applied_to))}: {self.formula}"
        arguments = [f", {name}={value!r}" for name, value in settings.items() if value != defaults.get(name)]
        return f"loss({self.name!r}{function}{''.join(arguments)})"

    def to_dict(self) -> dict[str, Any]:
        """The loss as JSON values: name and settings, and the expression if it is user-defined."""
        settings = {"name": self.name, "reduction": self.reduction, "label_smoothing": self.label_smoothing}
        if self.name in _SPECS:
            return {**settings, **dict(self.options)}
        return {**settings, "applied_to": self.applied_to, "expression": to_list(self.expression)}


def loss(
    name: str | Loss,
    function: Callable[..., Any] | None = None,
    *,
    applied_to: str = OUTPUT,
    reduction: str | None = None,
    label_smoothing: float = 0.0,
    **options: Any,
) -> Loss:
    """A loss by name, or a user-defined one.

    | name | applied to | one output's loss |
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
        name: a key of LOSSES, a new name, or a Loss, which is returned unchanged.
        function: for a new name: (output, target) -> loss, or (logit, target) -> loss, or (log_probability) -> loss.
        applied_to: for a new name: "output", "logit" or "log_probability".
        reduction: "mean" (the default) or "sum" over the outputs of a row; "sum" for log probabilities.
        label_smoothing: from 0 up to 1, for sigmoid and softmax output layers.
        options: for "huber" delta (1), "focal" and "binary_focal" gamma (2), "quantile" q (0.5), or several
            ascending levels such as [0.1, 0.5, 0.9], each an output of every target: all those of the first come first.

    Raises:
        InputError: there is no such loss or option, a value is out of range, the name is built in, or the function
            cannot be traced.

    >>> loss("huber", delta=2).options
    (('delta', 2.0),)
    >>> loss("cubic", lambda output, target: abs(output - target) ** 3, reduction="sum").applied_to
    'output'
    >>> loss("squared_eror")
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no loss "squared_eror". Did you mean "squared_error"?
    """
    if function is not None and not isinstance(name, Loss):
        check_custom_name("loss", "a", name, _SPECS)
        check_no_options(options)
        if applied_to not in APPLIED_TO:
            raise InputError(f"{name}: applied_to is {applied_to!r}; it must be one of {', '.join(APPLIED_TO)}.")
        traced = trace_scalar(function, _variable_names(applied_to))
        return Loss(
            name, applied_to, traced, reduction or _default_reduction(applied_to), _smoothing(name, label_smoothing)
        )

    def make(name: str) -> Loss:
        takes = _SPECS[name].applied_to
        if applied_to not in (OUTPUT, takes):
            raise InputError(f'{name} is a loss on the {takes}; applied_to="{applied_to}" does not fit. Leave it out.')
        if not (options or reduction or label_smoothing):
            return LOSSES[name]
        return _built_in(name, options, reduction, label_smoothing)

    arguments = [*options, *(value for value in (function, reduction, label_smoothing or None) if value is not None)]
    return resolve("loss", name, Loss, _SPECS, make, arguments + [applied_to] * (applied_to != OUTPUT))


def _built_in(
    name: str, options: Mapping[str, Any], reduction: str | None = None, label_smoothing: float = 0.0
) -> Loss:
    spec = _SPECS[name]
    merged = merged_options(name, options, spec.options)
    names, fixed = _variable_names(spec.applied_to, levels_of(merged)), fixed_options(merged)
    traced = trace_scalar(lambda *values: spec.function(*values, **fixed), names)
    smoothing = _smoothing(name, label_smoothing)
    reduced = reduction or _default_reduction(spec.applied_to)
    return Loss(name, spec.applied_to, traced, reduced, smoothing, merged, spec.source)


def _default_reduction(applied_to: str) -> str:
    return SUM if applied_to == LOG_PROBABILITY else MEAN


def _smoothing(owner: str, fraction: float) -> float:
    check_number(owner, "label_smoothing", fraction, HALF_OPEN_UNIT)
    return float(fraction)


def loss_from_dict(data: Mapping[str, Any]) -> Loss:
    """The loss that `Loss.to_dict` wrote. No code is run: a user-defined one is read as its expression.

    Raises:
        InputError: the loss is unknown to this version, or the expression is damaged.

    >>> loss_from_dict(loss("focal", label_smoothing=0.1).to_dict()) == loss("focal", label_smoothing=0.1)
    True
    """
    values = renamed(data, LOSS_FIELDS)
    if "expression" in values:
        return Loss(**{**values, "expression": from_list(values["expression"])})
    return loss(**values)


LOSSES = BuiltIns(_SPECS, lambda name: _built_in(name, {}))
"""The built-in losses, with their default options."""
