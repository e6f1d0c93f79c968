"""Where compiled code reads the hyper-parameters of lowering/scalars.py: their positions in the row of a step.

A row begins with the hyper-parameters, the same in each row, and the scalars of the step follow, all of them 8 bytes
apart. Hyper-parameters are written as the code reads them: rounded to the format of the parameters, in double precision
where they multiply such a number, or as an unsigned integer. What can be computed of them alone, such as 1 - beta, is
computed in double precision here. So code computes with the bits that constants would have, and plans that differ in
their values alone have the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import Expression, evaluate, simplify, topological_order, variable
from ranvier.native.lowering.scalars import LoweredRule, Scalar
from ranvier.native.lowering.steps import Drop, LossStep, Step, Trained, fields_of
from ranvier.native.scheduling.scheduled import Scheduled
from ranvier.network.initializers import initializer
from ranvier.network.optimizers import UpdateRule
from ranvier.network.parameters import Entry
from ranvier.records import record

T = TypeVar("T")
DOUBLE, WORD = "float64", "uint32"
ANY = initializer("zeros")
EXACT = ("max_norm", "factor")
"""The fields that hold numbers in double precision."""


@record
class BoundRule:
    """An update rule whose hyper-parameters are read from the row of numbers.

    Fields:
        rule: its expressions have further variables: those in `numbers`.
        numbers: (variable, its position).
        scalars_at: the position of the first of the rule's scalars.
    """

    rule: UpdateRule
    numbers: tuple[tuple[str, Scalar], ...]
    scalars_at: int = 0


class Binding:
    """Gives the hyper-parameters of a plan their positions.

    Parameters:
        dtype: the format of the parameters.

    `values` are (format, value) by position.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.values: list[tuple[str, float]] = []
        self._scalars: dict[str, Scalar] = {}

    def number(self, name: str, *values: tuple[str, float]) -> Scalar:
        """The position of the first of some values that belong together; equal names have one position."""
        if name not in self._scalars:
            self._scalars[name] = Scalar(name, None, len(self.values))
            self.values += values
        return self._scalars[name]

    def bound(self, part: T) -> T:
        """A step, or something in it, with positions instead of hyper-parameters."""
        if isinstance(part, tuple):
            return tuple(map(self.bound, part))  # type: ignore[return-value]
        if isinstance(part, Step | Trained | Scheduled):
            values = {name: self._field(part, name, value) for name, value in fields_of(part)}
            return type(part)(**values)
        return part

    def rule(self, lowered: LoweredRule) -> BoundRule:
        """The update; what depends on hyper-parameters alone is a variable of its own."""
        values_of = {scalar.name: scalar.value for scalar in lowered.numbers if scalar.value is not None}
        formula = lowered.formula
        expressions, numbers = opened((formula.parameter, *formula.updates), values_of)
        positions = [(name, self.number(name, (self.dtype, value))) for name, value in numbers.items()]
        # What slots begin with is no matter of the code.
        slots = tuple((name, None) for name, _ in formula.slots)
        rule = UpdateRule(slots, formula.scalars, expressions[0], expressions[1:])
        return BoundRule(rule, tuple(positions))

    def _field(self, part: Any, name: str, value: Any) -> Any:
        if isinstance(value, Entry):
            # What of it decides code is in the other fields of what is trained.
            return Entry(value.name, value.role, value.shape, value.offset, value.layer, ANY)
        if not isinstance(value, Scalar) or value.value is None:
            return self.bound(value)
        number = value.value
        if isinstance(part, Drop):
            scale_and_bound = (self.dtype, 1.0 / (1.0 - number)), (WORD, int(number * 2**32))
            return self.number(value.name, *scale_and_bound)
        if isinstance(part, LossStep):
            fraction = number / (part.z.columns if part.loss.applied_to == "log_probability" else 2)
            return self.number(value.name, (self.dtype, 1.0 - number), (self.dtype, fraction))
        return self.number(value.name, (DOUBLE if name in EXACT else self.dtype, number))


def opened(
    expressions: tuple[Expression, ...], values_of: Mapping[str, float]
) -> tuple[tuple[Expression, ...], dict[str, float]]:
    """Expressions with a variable for each largest part that known variables and constants alone decide.

    Parameters:
        values_of: the values of variables.

    Returns the expressions, and the values of the new variables.

    >>> b, g = variable("beta"), variable("gradient")
    >>> opened((b * g + (1.0 - b),), {"beta": 0.75})
    ((Expression('number0 * gradient + number1'),), {'number0': 0.75, 'number1': 0.25})
    """
    values: dict[Expression, float] = {}
    opens: set[Expression] = set()
    replaced: dict[Expression, Expression] = {}
    numbers: dict[str, float] = {}

    def argument(node: Expression) -> Expression:
        """What stands for a node in what is computed later."""
        if node in opens and node not in replaced:
            name = f"number{len(numbers)}"
            numbers[name], replaced[node] = values[node], variable(name)
        return replaced.get(node, node)

    for node in topological_order(*expressions):
        if node.value is not None:
            values[node] = node.value
        elif node.name is not None and node.name in values_of:
            values[node] = values_of[node.name]
            opens.add(node)
        elif node.arguments and values.keys() >= set(node.arguments):
            values[node] = float(evaluate(node, values_of))
            opens |= {node} if opens.intersection(node.arguments) else set()
        elif node.arguments:
            replaced[node] = Expression(node.op, tuple(map(argument, node.arguments)))
    return tuple(simplify(argument(expression)) for expression in expressions), numbers


def number_row(values: tuple[tuple[str, float], ...]) -> NDArray[np.float64]:
    """The hyper-parameters as compiled code reads them, 8 bytes apart.

    Parameters:
        values: (format, value) of each.
    """
    row = np.zeros(len(values), np.float64)
    for position, (dtype, value) in enumerate(values):
        row[position : position + 1].view(dtype)[0] = value
    return row
