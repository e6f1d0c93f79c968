"""User-defined update rules, traced from a Python function. Letters as in base.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any

import numpy as np

from ranvier.errors import InputError, nearest
from ranvier.expression import Expression, from_list, show, substitute, to_list, trace, variables
from ranvier.network.number_rules import ANY, check_number
from ranvier.network.optimizers.base import AVERAGE, AVERAGE_RATE, LEARNING_RATE, Formula, Numbers, Optimizer, Steps
from ranvier.records import record

RULE_ARGUMENTS = ("parameter", "gradient", LEARNING_RATE, "step")
RESERVED = (*RULE_ARGUMENTS, "decay", AVERAGE, AVERAGE_RATE)


@record
class Custom(Optimizer):
    """A user-defined update rule. Made by `optimizer("name", update=function, slots={...})`.

    Fields:
        learning_rate: above 0.
        name: its name.
        slots: (name, initial value) pairs.
        parameter: the new parameter, in the variables "parameter", "gradient", "learning_rate", "step" and the slots.
        updates: the new value of each slot.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: an expression uses another variable, or there are not as many updates as slots.
    """

    learning_rate: float = 0.01
    name: str = field(default="custom", kw_only=True)  # type: ignore[misc]
    slots: tuple[tuple[str, float], ...] = field(default=(), kw_only=True)
    parameter: Expression = field(kw_only=True)
    updates: tuple[Expression, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        names = [name for name, _ in self.slots]
        for name, initial in self.slots:
            if not isinstance(name, str) or not name.isidentifier() or name in RESERVED or names.count(name) > 1:
                raise InputError(
                    f"{self.name}: a slot is called {name!r}; use different Python names, "
                    f"and none of {', '.join(RESERVED)}."
                )
            check_number(f"{self.name}, slot {name}", "the initial value", initial, ANY)
        if len(self.updates) != len(names):
            raise InputError(
                f"{self.name}: there are {len(names)} slots and {len(self.updates)} updates; each slot needs one."
            )
        for name in variables(self.parameter, *self.updates):
            if name not in (*RULE_ARGUMENTS, *names):
                raise InputError(f'{self.name}: a formula uses "{name}". {nearest(name, (*RULE_ARGUMENTS, *names))}')

    def __repr__(self) -> str:
        used = variables(self.parameter, *self.updates)
        results = [show(result) for result in (self.parameter, *self.updates)]
        rule = f"({', '.join(results)})" if self.updates else results[0]
        slots = f", slots={dict(self.slots)!r}" if self.slots else ""
        common = {entry.name: (getattr(self, entry.name), entry.default) for entry in fields(Optimizer)}
        options = "".join(f", {name}={value!r}" for name, (value, default) in common.items() if value != default)
        return f"optimizer({self.name!r}, lambda {', '.join(used)}: {rule}{slots}{options})"

    def to_dict(self) -> dict[str, Any]:
        plain = Optimizer.to_dict(self)
        plain["slots"] = [[name, initial] for name, initial in self.slots]
        plain["parameter"] = to_list(self.parameter)
        plain["updates"] = [to_list(update) for update in self.updates]
        return plain

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return self.slots

    def _corrections(self, steps: Steps) -> dict[str, Numbers]:
        used = variables(self.parameter, *self.updates)
        return {"step": steps.astype(np.float64)} if "step" in used else {}

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        """The rule applied to the clipped gradient and the decayed parameter."""
        values = {"parameter": parameter, "gradient": gradient}
        updated = substitute(self.parameter, values)
        updates = {name: substitute(update, values) for (name, _), update in zip(self.slots, self.updates, strict=True)}
        return updated, updates


def custom_optimizer(
    name: str, update: Callable[..., Any], slots: Mapping[str, float] | None = None, **options: Any
) -> Custom:
    """Trace a user-defined update rule.

    Parameters:
        name: its name.
        update: a function whose arguments are called parameter, gradient, learning_rate, step (t, counted from 1) or
            like a slot, any of them in any order. It returns the new parameter, or a tuple of it and the new slots in
            order.
        slots: name -> initial value of the optimizer state of each parameter.
        options: learning_rate (0.01), weight_decay, clip_value, clip_norm, ema_decay.

    Raises:
        InputError: an argument is unknown, or the function does not return the new parameter and one value per slot.

    >>> rule = custom_optimizer("plain", lambda parameter, gradient: parameter - 0.1 * gradient).rule()
    >>> rule.parameter
    Expression('parameter - 0.1 * gradient')
    """
    if not isinstance(slots, Mapping | None):
        raise InputError(f"{name}: slots is {slots!r}; it must be a dict such as {{'velocity': 0.0}}.")
    slot_items = tuple((str(slot), initial) for slot, initial in dict(slots or {}).items())
    allowed = (*RULE_ARGUMENTS, *(slot for slot, _ in slot_items))
    try:
        arguments = list(inspect.signature(update).parameters)
    except (TypeError, ValueError):
        raise InputError(f"{name}: update is {update!r}; it must be a function of {', '.join(allowed)}.") from None
    for argument in arguments:
        if argument not in allowed:
            raise InputError(f'{name}: update has an unknown argument "{argument}". {nearest(argument, allowed)}')
    traced = trace(lambda *values: update(**dict(zip(arguments, values, strict=True))), arguments)
    results = traced if isinstance(traced, tuple) else (traced,)
    if len(results) != len(slot_items) + 1:
        expected = ", ".join(("new parameter", *(f"new {slot}" for slot, _ in slot_items)))
        raise InputError(f"{name}: update returned {len(results)} numbers; it must return {expected}.")
    return Custom(name=name, slots=slot_items, parameter=results[0], updates=results[1:], **options)


def custom_from_dict(data: Mapping[str, Any]) -> Custom:
    """The rule that `Custom.to_dict` wrote; no code is run."""
    values = dict(data)
    values["slots"] = tuple((str(name), float(initial)) for name, initial in values["slots"])
    values["parameter"] = from_list(values["parameter"])
    values["updates"] = tuple(from_list(update) for update in values["updates"])
    return Custom(**values)
