"""Optimizers: how the parameters are updated from their gradients.

Each is a frozen record of its hyperparameters. `rule()` returns the update of one parameter as expressions, from which
each engine generates its code, and `scalar_values()` the values of the rule's scalars for each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from ranvier.errors import InputError
from ranvier.network.number_rules import check_names
from ranvier.network.optimizers.adagrad import Adadelta, Adagrad, RMSprop
from ranvier.network.optimizers.adam import Adam, Adamax, AdamW, AMSGrad, NAdam
from ranvier.network.optimizers.base import Optimizer, UpdateRule
from ranvier.network.optimizers.custom import Custom, custom_from_dict, custom_optimizer
from ranvier.network.optimizers.lbfgs import LBFGS
from ranvier.network.optimizers.lion import Lion
from ranvier.network.optimizers.sgd import SGD
from ranvier.network.renamed import LBFGS_FIELDS, OPTIMIZER_FIELDS, renamed
from ranvier.network.resolve import check_custom_name, resolve_type

__all__ = [
    "LBFGS",
    "OPTIMIZERS",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Custom",
    "Lion",
    "NAdam",
    "Optimizer",
    "RMSprop",
    "UpdateRule",
    "optimizer",
    "optimizer_from_dict",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.name: kind for kind in (SGD, Adagrad, Adadelta, RMSprop, Adam, AdamW, NAdam, Adamax, AMSGrad, Lion, LBFGS)
}


def optimizer(
    name: str | Optimizer,
    update: Callable[..., Any] | None = None,
    slots: Mapping[str, float] | None = None,
    **options: Any,
) -> Optimizer:
    """An optimizer by name, for example "adam", or a user-defined one.

    Parameters:
        name: a key of OPTIMIZERS, a new name, or an Optimizer, which is returned unchanged.
        update: for a new name, the update rule: a function whose arguments are called parameter, gradient,
            learning_rate, step or like a slot, and which returns the new parameter and the new slots.
        slots: for a new name, slot name -> initial value.
        options: the fields of the record; for a new name learning_rate, weight_decay, clip_value, clip_norm, ema_decay.

    Raises:
        InputError: there is no such optimizer or option, a value is out of range, the name is built in, or the
            function cannot be traced.

    >>> optimizer("adam", learning_rate=0.01).beta1
    0.9
    >>> heavy = optimizer(
    ...     "heavy",
    ...     update=lambda parameter, gradient, learning_rate, m: (parameter - learning_rate * m, 0.9 * m + gradient),
    ...     slots={"m": 0.0},
    ...     learning_rate=0.1,
    ... )
    >>> heavy.rule().updates
    (Expression('0.9 * m + gradient'),)
    >>> optimizer("ada")
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no optimizer "ada". Did you mean "adam" or "nadam" or "adamw"?
    """
    if update is None and slots is not None and name in OPTIMIZERS:
        raise InputError(f"{name}: slots belong to a user-defined update function; leave them out.")
    if update is None or isinstance(name, Optimizer):
        rule = {"update": update, "slots": slots}
        options |= {key: value for key, value in rule.items() if value is not None}
        return resolve_type("optimizer", name, Optimizer, OPTIMIZERS, options)
    check_custom_name("optimizer", "an", name, OPTIMIZERS)
    check_names(name, options, ["learning_rate", *(field.name for field in fields(Optimizer))])
    return custom_optimizer(name, update, slots, **options)


def optimizer_from_dict(data: Mapping[str, Any]) -> Optimizer:
    """The optimizer that `Optimizer.to_dict` wrote. No code is run: a user-defined one is read as its expressions.

    >>> optimizer_from_dict(SGD(0.1, momentum=0.9).to_dict()) == SGD(0.1, momentum=0.9)
    True
    """
    if "parameter" in data:
        return custom_from_dict(renamed(data, OPTIMIZER_FIELDS))
    names = {**OPTIMIZER_FIELDS, **(LBFGS_FIELDS if data["name"] == LBFGS.name else {})}
    return optimizer(**renamed(data, names))
