"""Rules for the numbers in the records of this folder: one wording for all error messages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ranvier.errors import InputError, nearest
from ranvier.records import record
from ranvier.scalars import as_number


@record
class Rule:
    """A condition on a number and its wording.

    Fields:
        text: the condition, as the end of the sentence "it must be ...".
        holds: whether a finite number fulfils the condition.
        integer: whether the number must be an integer.
        optional: whether None is allowed.
    """

    text: str
    holds: Callable[[float], bool]
    integer: bool = False
    optional: bool = False


ANY = Rule("a finite number", lambda value: True)
POSITIVE = Rule("a number greater than 0", lambda value: value > 0)
NON_NEGATIVE = Rule("a number of at least 0", lambda value: value >= 0)
HALF_OPEN_UNIT = Rule("a number from 0 up to, but not including, 1", lambda value: 0 <= value < 1)
CLOSED_UNIT = Rule("a number from 0 to 1", lambda value: 0 <= value <= 1)
OPEN_UNIT = Rule("a number between 0 and 1, both excluded", lambda value: 0 < value < 1)
LEFT_OPEN_UNIT = Rule("a number greater than 0 and at most 1", lambda value: 0 < value <= 1)
AT_LEAST_ONE = Rule("a number of at least 1", lambda value: value >= 1)
POSITIVE_INT = Rule("an integer of at least 1", lambda value: value >= 1, integer=True)
NON_NEGATIVE_INT = Rule("an integer of at least 0", lambda value: value >= 0, integer=True)
POSITIVE_OR_NONE = Rule("a number greater than 0, or None", lambda value: value > 0, optional=True)
OPEN_UNIT_OR_NONE = Rule("a number between 0 and 1, both excluded, or None", lambda value: 0 < value < 1, optional=True)


def check_number(owner: str, name: str, value: Any, rule: Rule) -> None:
    """Raise an InputError that names the owner and the field, unless `value` fulfils `rule`.

    >>> check_number("Adam", "beta1", 0.9, HALF_OPEN_UNIT)
    >>> check_number("Adam", "beta1", 1.5, HALF_OPEN_UNIT)
    Traceback (most recent call last):
    ranvier.errors.InputError: Adam: beta1 is 1.5; it must be a number from 0 up to, but not including, 1.
    """
    if value is None and rule.optional:
        return
    number = as_number(value)
    integer = not rule.integer or (number is not None and number.is_integer())
    if number is None or not math.isfinite(number) or not integer or not rule.holds(number):
        raise InputError(f"{owner}: {name} is {value!r}; it must be {rule.text}.")


def check_fields(record: Any, rules: Mapping[str, Rule]) -> None:
    """Check the fields of a record that `rules` names, and convert NumPy scalars to Python numbers, for JSON."""
    for name, rule in rules.items():
        value = getattr(record, name)
        check_number(type(record).__name__, name, value, rule)
        if value is not None:
            object.__setattr__(record, name, int(value) if rule.integer else float(value))


def check_names(owner: str, names: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise an InputError for the first option name that is not allowed.

    >>> check_names("elu", ["alfa"], ["alpha"])
    Traceback (most recent call last):
    ranvier.errors.InputError: elu has no option "alfa". Did you mean "alpha"?
    """
    options = list(allowed)
    for name in names:
        if name not in options:
            advice = nearest(name, options) if options else "It takes no options."
            raise InputError(f'{owner} has no option "{name}". {advice}')


def merge_options(
    owner: str, options: Mapping[str, Any], allowed: Mapping[str, tuple[float, Rule]]
) -> tuple[tuple[str, float], ...]:
    """Merge the user's options with the defaults, checked, in the order of the defaults.

    Parameters:
        owner: the owner of the options, for error messages.
        options: the options that the user set.
        allowed: name -> (default, rule).

    >>> merge_options("elu", {}, {"alpha": (1.0, POSITIVE)})
    (('alpha', 1.0),)
    """
    check_names(owner, options, allowed)
    for name, value in options.items():
        check_number(owner, name, value, allowed[name][1])
    return tuple((name, float(options.get(name, default))) for name, (default, _) in allowed.items())


def constructor_repr(
    function: str, name: str, options: Iterable[tuple[str, float]], allowed: Mapping[str, tuple[float, Rule]]
) -> str:
    """The call of `function` that makes this record, as a user would write it, without options at their defaults.

    >>> constructor_repr("activation", "elu", [("alpha", 2.0)], {"alpha": (1.0, POSITIVE)})
    "activation('elu', alpha=2.0)"
    """
    arguments = [f", {option}={value!r}" for option, value in options if value != allowed[option][0]]
    return f"{function}({name!r}{''.join(arguments)})"
