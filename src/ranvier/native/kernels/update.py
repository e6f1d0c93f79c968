"""What is done with a complete gradient: the optimizer updates 16 parameters and their slots, or it is stored."""

from __future__ import annotations

from dataclasses import replace

from ranvier.native.kernels.bfloat16 import to_bfloat16
from ranvier.native.kernels.expressions import emit_expressions
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.scalars import Scalar
from ranvier.native.lowering.steps import Trained
from ranvier.native.scheduling.binding import BoundRule
from ranvier.network.optimizers.base import AVERAGE, LEARNING_RATE
from ranvier.records import record


class Updater:
    """Writes the update of 16 parameters.

    Parameters:
        rule: the optimizer's, or None if gradients are stored.
        scalars: pointer to the step's row of numbers; see `scheduling/binding.py`.
    """

    def __init__(self, f: Function, rule: BoundRule | None, trained: Trained, scalars: Value):
        self.f, self.trained, self.scalars = f, trained, scalars
        self.rule = None if rule is None else rule.rule
        self.values: dict[str, Value] = {}
        if rule is None:
            return
        for number, name in enumerate(rule.rule.scalars, start=rule.scalars_at):
            exact = f.load(f.pointer(scalars, number, "double"), "double", name=name)
            if name == LEARNING_RATE and trained.factor is not None:
                exact = f.multiply(exact, read(f, scalars, trained.factor, "double"), name)
            self.values[name] = f.splat(f.from_double(exact), name=name)
        self.values["decay"] = self.number(trained.decay)
        self.values |= {name: self.number(number) for name, number in rule.numbers}

    @property
    def is_short(self) -> bool:
        """Whether the update is short enough to be repeated for every row of a tile."""
        return self.rule is None or not self.rule.slots

    def number(self, number: Scalar | None) -> Value:
        """A hyper-parameter in all lanes; 0 for None."""
        return self.f.constant(0.0) if number is None else self.f.splat(read(self.f, self.scalars, number))

    def penalized(self, gradient: Value, weight: Value) -> Value:
        """The gradient plus the derivatives of the penalties."""
        f, trained = self.f, self.trained
        if trained.l2 is not None:
            gradient = f.fma(weight, self.number(trained.l2), gradient)
        if trained.l1 is not None:
            strength = self.number(trained.l1)
            up = f.select(f.compare("ogt", weight, 0.0), strength, f.constant(0.0))
            gradient = f.add(gradient, f.select(f.compare("olt", weight, 0.0), f.negative(strength), up))
        return gradient

    def apply(self, gradient: Value, weight: Value, pointers: Pointers, offset: Value) -> None:
        """Update the 16 parameters at `offset` and their slots with a complete gradient."""
        f, rule = self.f, self.rule
        assert rule is not None
        values = {**self.values, "gradient": gradient, "parameter": weight}
        slots_at = [f.pointer(slot, offset) for slot in pointers.slots]
        for (name, _), at in zip(rule.slots, slots_at, strict=True):
            values[name] = f.load(at, name=name)
        results = list(emit_expressions(f, (rule.parameter, *rule.updates), values))
        if self.trained.non_negative:
            limited = [0, *(number for number, (name, _) in enumerate(rule.slots, start=1) if name == AVERAGE)]
            for number in limited:
                below = f.compare("olt", results[number], 0.0)
                results[number] = f.select(below, f.constant(0.0), results[number], "held")
        for result, at in zip(results, (f.pointer(pointers.value, offset), *slots_at), strict=True):
            f.store(result, at)
        if pointers.rounded is not None:
            f.store(to_bfloat16(f, results[0]), f.pointer(pointers.rounded, offset))


def read(f: Function, scalars: Value, number: Scalar, type: str | None = None) -> Value:
    """A hyper-parameter from the row of numbers of a step; of the type of the parameters unless said otherwise."""
    return f.load(f.pointer(scalars, number.position, "double"), type or f.module.element, name="number")


@record
class Pointers:
    """The pointers that gradient functions share: value, gradient, slots, and the rounded copy that products read.

    `cancel_requested`, if the step can be cancelled, is the address of the word that requests it.
    """

    value: Value
    gradient: Value
    slots: tuple[Value, ...]
    rounded: Value | None = None
    cancel_requested: Value | None = None

    @property
    def rounded_value(self) -> Value:
        """What products read: the rounded copy, or the value."""
        return self.value if self.rounded is None else self.rounded

    @property
    def updated(self) -> tuple[Value, ...]:
        """All arrays that an update writes."""
        return (self.value, *self.slots, *(() if self.rounded is None else (self.rounded,)))

    def advanced(self, f: Function, offset: Value) -> Pointers:
        """The pointers, advanced by `offset` numbers."""
        rounded = None if self.rounded is None else f.pointer(self.rounded, offset)
        slots = tuple(f.pointer(slot, offset) for slot in self.slots)
        value, gradient = f.pointer(self.value, offset), f.pointer(self.gradient, offset)
        return replace(self, value=value, gradient=gradient, slots=slots, rounded=rounded)


def finish(f: Function, updater: Updater, pointers: Pointers, offset: Value, gradient: Value) -> None:
    """Use 16 gradients: update the parameters at `offset`, or store them."""
    weight = f.load(f.pointer(pointers.value, offset), name="w")
    gradient = updater.penalized(gradient, weight)
    if updater.rule is None:
        f.store(gradient, f.pointer(pointers.gradient, offset))
    else:
        updater.apply(gradient, weight, pointers, offset)
