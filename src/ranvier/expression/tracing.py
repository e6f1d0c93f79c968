"""Trace a Python function: call it once with variables; what it returns is the expression."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.expression.expression import FUNCTIONS, Expression, as_expression, variable, variables
from ranvier.expression.node import topological_order
from ranvier.expression.serialization import MAX_NODES
from ranvier.expression.simplification import simplify


def trace(function: Callable[..., Any], names: Sequence[str]) -> Expression | tuple[Expression, ...]:
    """Trace a function: the formula that it computes.

    The function is called once, with a variable for each of `names`, in order. Python's `if` and `for` work as usual on
    values that do not depend on the arguments.

    Parameters:
        function: takes len(names) numbers and returns one, or a tuple of them.
        names: the names of its arguments; a single string is one name.

    Returns:
        The expression that the function returned, or a tuple of expressions.

    Raises:
        InputError: the function does not take that many arguments, fails on expressions, returns something other than
            numbers, or has more than MAX_NODES operations.

    >>> trace(lambda x, factor: factor * x, ["x", "factor"])
    Expression('factor * x')
    """
    if not callable(function):
        raise InputError(f"Expected a function such as lambda x: x * rv.sigmoid(x); got {function!r}.")
    names = [names] if isinstance(names, str) else list(names)
    if len(set(names)) != len(names):
        raise InputError(f"The names of the arguments must differ; got {', '.join(names)}.")
    title = _title(function)
    arguments = [variable(name) for name in names]
    _check_signature(function, title, names)
    try:
        result = function(*arguments)
    except (TypeError, AttributeError, ArithmeticError, LookupError) as error:
        functions = ", ".join(f"rv.{name}" for name in FUNCTIONS)
        raise InputError(
            f"{title} failed when it was traced as a formula: {type(error).__name__}: {error}. Use only "
            f"+ - * / **, < <= > >=, abs and the functions {functions} on the arguments."
        ) from error
    if isinstance(result, tuple | list):
        if not result:
            raise InputError(f"{title} returned an empty {type(result).__name__}; expected at least one number.")
        return tuple(_checked_result(value, title, names) for value in result)
    return _checked_result(result, title, names)


def trace_scalar(function: Callable[..., Any], names: Sequence[str]) -> Expression:
    """Trace a function that returns one number, and simplify.

    Raises:
        InputError: as `trace`, or the function returns several numbers.

    >>> trace_scalar(lambda x: x * 1 + 0, ["x"])
    Expression('x')
    """
    traced = trace(function, names)
    if isinstance(traced, tuple):
        raise InputError(f"The function returned {len(traced)} values; it must return one.")
    return simplify(traced)


def _title(function: Callable[..., Any]) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    return "The function" if name == "<lambda>" else f"The function {name}"


def _check_signature(function: Callable[..., Any], title: str, names: Sequence[str]) -> None:
    """Raise an InputError if the function cannot be called with one argument for each name."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # Some built-in functions have no signature; a wrong call of them fails later.
    try:
        signature.bind(*names)
    except TypeError as error:
        count = f"{len(names)} argument{'s' * (len(names) != 1)}"
        raise InputError(
            f"{title} is called with {count} ({', '.join(names)}), but it is written as {signature}: {error}."
        ) from error


def _checked_result(value: object, title: str, names: Sequence[str]) -> Expression:
    """Check a value that a traced function returned."""
    if value is None:
        raise InputError(f"{title} returned None; expected a number. Is a return missing?")
    if isinstance(value, bool | np.bool_):
        raise InputError(
            f"{title} returned {bool(value)}; expected a number. == compares two formulas; compare "
            "numbers by <, <=, > or >=."
        )
    if not isinstance(value, Expression | numbers.Real | np.ndarray):
        raise InputError(f"{title} returned {value!r} ({type(value).__name__}); expected a number made from {names}.")
    expression = as_expression(value)
    for name in variables(expression):
        if name not in names:
            raise InputError(
                f'{title} uses the variable "{name}", which is not one of its arguments ({", ".join(names)}). '
                "Make it an argument, or use a number."
            )
    count = len(topological_order(expression))
    if count > MAX_NODES:
        raise InputError(
            f"{title} became a formula of {count} operations; at most {MAX_NODES} are accepted. Loops are "
            "unrolled: use fewer iterations or a closed formula."
        )
    return expression
