"""Activations: the function that a neuron applies to its weighted sum x.

Each is a record with a scalar expression in the variable "x". Its derivative is computed from it, and engines and
exporters generate code from both. Softmax depends on all weighted sums of a layer, so it has a name and no expression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.expression import (
    Expression,
    absolute,
    differentiate,
    erf,
    evaluate,
    exp,
    expm1,
    from_list,
    maximum,
    minimum,
    show,
    sigmoid,
    softplus,
    tanh,
    to_list,
    trace_scalar,
    variables,
    where,
)
from ranvier.network.number_rules import NON_NEGATIVE, Rule, constructor_repr, merge_options
from ranvier.network.resolve import BuiltIns, check_custom_name, check_no_options, resolve
from ranvier.records import record

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
USER_DEFINED = "user-defined"


def _elu(x: Expression, alpha: float) -> Expression:
    """At 0 the derivative is that of x."""
    negative = alpha * expm1(x)
    result: Expression = where(x < 0, negative, x)
    return result


def _clip(x: Expression, low: float, high: float) -> Expression:
    clipped: Expression = minimum(maximum(x, low), high)
    return clipped


@record
class ActivationSpec:
    """A built-in activation: the function to trace, its options (name -> (default, rule)) and its source."""

    function: Callable[..., Any] | None
    source: str
    options: Mapping[str, tuple[float, Rule]]


_SPECS: dict[str, ActivationSpec] = {
    "identity": ActivationSpec(lambda x: x, "textbooks; linear regression", {}),
    "sigmoid": ActivationSpec(
        sigmoid, "Verhulst, Recherches mathématiques sur la loi d'accroissement de la population, 1845", {}
    ),
    "tanh": ActivationSpec(tanh, "LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998", {}),
    "relu": ActivationSpec(
        lambda x: maximum(x, 0.0), "Nair and Hinton, Rectified linear units improve Boltzmann machines, ICML 2010", {}
    ),
    "leaky_relu": ActivationSpec(
        lambda x, slope: where(x < 0, slope * x, x),
        "Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic models, ICML 2013",
        {"slope": (0.01, NON_NEGATIVE)},
    ),
    "elu": ActivationSpec(
        _elu,
        "Clevert, Unterthiner and Hochreiter, Fast and accurate deep network learning by ELUs, ICLR 2016",
        {"alpha": (1.0, NON_NEGATIVE)},
    ),
    "selu": ActivationSpec(
        lambda x: SELU_SCALE * _elu(x, SELU_ALPHA),
        "Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks, NeurIPS 2017",
        {},
    ),
    "gelu": ActivationSpec(
        lambda x: 0.5 * x * (1.0 + erf(x * math.sqrt(0.5))),
        "Hendrycks and Gimpel, Gaussian error linear units, 2016 (the exact form, not the tanh approximation)",
        {},
    ),
    "silu": ActivationSpec(
        lambda x: x * sigmoid(x),
        "Elfwing, Uchibe and Doya, Sigmoid-weighted linear units, Neural Networks 2018; also called swish",
        {},
    ),
    "mish": ActivationSpec(
        lambda x: x * tanh(softplus(x)), "Misra, Mish: a self regularized activation function, BMVC 2020", {}
    ),
    "softplus": ActivationSpec(softplus, "Dugas, Bengio, Bélisle, Nadeau and Garcia, NeurIPS 2000", {}),
    "softsign": ActivationSpec(lambda x: x / (1.0 + absolute(x)), "Turian, Bergstra and Bengio, NAACL 2009", {}),
    "hard_sigmoid": ActivationSpec(
        lambda x: _clip(x * (1.0 / 6.0) + 0.5, 0.0, 1.0),
        "Howard et al., Searching for MobileNetV3, ICCV 2019; as in PyTorch and Keras 3 (Keras 2 had 0.2 x + 0.5)",
        {},
    ),
    "hard_tanh": ActivationSpec(
        lambda x: _clip(x, -1.0, 1.0), "Collobert, Large scale machine learning, thesis, Université Paris VI, 2004", {}
    ),
    "relu6": ActivationSpec(
        lambda x: _clip(x, 0.0, 6.0), "Krizhevsky, Convolutional deep belief networks on CIFAR-10, 2010", {}
    ),
    "exponential": ActivationSpec(
        exp, "textbooks; the inverse link of Poisson regression, overflows above 88 in float32", {}
    ),
    "softmax": ActivationSpec(
        None, "Bridle, Probabilistic interpretation of feedforward classification outputs, 1990", {}
    ),
}


@lru_cache(maxsize=256)
def _derivative(expression: Expression) -> Expression:
    return differentiate(expression, "x")


@record
class Activation:
    """The function that a neuron applies to its weighted sum. Made by `activation`.

    Fields:
        name: its name; a key of ACTIVATIONS if it is built in.
        expression: the value, in the variable "x"; None for softmax, p_j = exp(x_j) / sum_i exp(x_i) over a row.
        options: (name, value) pairs, already part of the expression, for example (("alpha", 1.0),).
        source: the publication.

    >>> print(activation("relu").formula, "| derivative", activation("relu").derivative)
    maximum(x, 0) | derivative Expression('0 < x')
    """

    name: str
    expression: Expression | None
    options: tuple[tuple[str, float], ...] = ()
    source: str = USER_DEFINED

    @property
    def derivative(self) -> Expression | None:
        """The derivative with respect to x, an expression in "x"; None for softmax.

        At a kink it is the derivative of one side: 0 for relu and relu6 at 0, 1 for leaky_relu and elu at 0.
        """
        return None if self.expression is None else _derivative(self.expression)

    @property
    def formula(self) -> str:
        """The value as text."""
        return "exp(x_j) / sum of exp(x_i)" if self.expression is None else show(self.expression)

    def __repr__(self) -> str:
        if self.name not in _SPECS:
            return f"activation({self.name!r}, lambda x: {self.formula})"
        return constructor_repr("activation", self.name, self.options, _SPECS[self.name].options)

    def to_dict(self) -> dict[str, Any]:
        """The activation as JSON values: name and options, or name and expression if it is user-defined."""
        if self.name in _SPECS:
            return {"name": self.name, **dict(self.options)}
        return {"name": self.name, "expression": None if self.expression is None else to_list(self.expression)}


def activation(name: str | Activation, function: Callable[[Any], Any] | None = None, **options: float) -> Activation:
    """An activation by name, or a user-defined one.

    Parameters:
        name: a key of ACTIVATIONS, a new name, or an Activation, which is returned unchanged.
        function: for a new name, a function of one number, for example `lambda x: x * rv.sigmoid(x)`. It is
            called once, with an expression.
        options: for "leaky_relu" slope (0.01), for "elu" alpha (1).

    Raises:
        InputError: there is no such activation or option, a value is out of range, the name is built in, or the
            function cannot be traced.

    >>> activation("elu", alpha=2).options
    (('alpha', 2.0),)
    >>> from ranvier.expression import sigmoid
    >>> activation("swish", lambda x: x * sigmoid(x)).formula
    'x * sigmoid(x)'
    >>> activation("rellu")
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no activation "rellu". Did you mean "relu" or "relu6" or "elu"?
    """
    if function is None or isinstance(name, Activation):
        option_names = [*options, *([] if function is None else ["function"])]
        return resolve("activation", name, Activation, _SPECS, lambda name: _built_in(name, options), option_names)
    check_custom_name("activation", "an", name, _SPECS)
    check_no_options(options)
    return Activation(name, trace_scalar(function, ("x",)))


def _built_in(name: str, options: Mapping[str, float]) -> Activation:
    return _traced(name, merge_options(name, options, _SPECS[name].options))


@lru_cache(maxsize=256)
def _traced(name: str, options: tuple[tuple[str, float], ...]) -> Activation:
    """A built-in activation with all its options; networks of a population have the same one."""
    function, source = _SPECS[name].function, _SPECS[name].source
    if function is None:
        return Activation(name, None, options, source)
    return Activation(name, trace_scalar(lambda x: function(x, **dict(options)), ("x",)), options, source)


@lru_cache(maxsize=256)
def positive(activation: Activation) -> bool:
    """Whether an activation is never negative.

    >>> positive(ACTIVATIONS["softplus"]), positive(ACTIVATIONS["silu"])
    (True, False)
    """
    if activation.expression is None:
        return True
    values = evaluate(activation.expression, {"x": np.linspace(-20.0, 20.0, 81)})
    return bool((values >= 0.0).all())


def activation_from_dict(data: Mapping[str, Any]) -> Activation:
    """The activation that `Activation.to_dict` wrote. No code is run: a user-defined one is read as its expression.

    Raises:
        InputError: the activation is unknown to this version, or the expression is damaged.

    >>> activation_from_dict({"name": "leaky_relu", "slope": 0.2}) == activation("leaky_relu", slope=0.2)
    True
    """
    if "expression" in data:
        expression = from_list(data["expression"])
        if not set(variables(expression)) <= {"x"}:
            raise InputError(f'The stored activation uses {", ".join(variables(expression))}; only "x" is expected.')
        return Activation(str(data.get("name")), expression)
    return activation(**data)


ACTIVATIONS = BuiltIns(_SPECS, lambda name: _built_in(name, {}))
