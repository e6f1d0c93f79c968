"""Resolve a name or a record, for `activation`, `loss`, `initializer`, `schedule` and `optimizer`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from ranvier.errors import InputError, nearest
from ranvier.network.number_rules import check_names

T = TypeVar("T")
OWN_FUNCTIONS = ("loss", "activation")
"""What a user makes of a name and a function."""
OTHER_NAMES = {
    **dict.fromkeys(("mse", "mean_squared_error", "l2", "squared", "rmse", "ls"), "squared_error"),
    **dict.fromkeys(("mae", "mean_absolute_error", "l1", "lad"), "absolute_error"),
    **dict.fromkeys(("bce", "binary_crossentropy", "bcewithlogits"), "binary_cross_entropy"),
    **dict.fromkeys(
        ("cross_entropy", "crossentropy", "categorical_crossentropy", "ce", "nll"), "categorical_cross_entropy"
    ),
    **dict.fromkeys(("log_loss", "logloss", "sparse_categorical_crossentropy"), "categorical_cross_entropy"),
    **dict.fromkeys(("pinball", "quantile_loss"), "quantile"),
    **dict.fromkeys(("smooth_l1", "huber_loss"), "huber"),
    "linear": "identity",
    "swish": "silu",
    "logistic": "sigmoid",
    "leakyrelu": "leaky_relu",
    **dict.fromkeys(("momentum", "nesterov"), "sgd"),
    "l-bfgs": "lbfgs",
}
"""What losses, activations and optimizers are called elsewhere -> their names here."""


class BuiltIns(Mapping[str, T]):
    """The built-in records by name, each made when it is first asked for: most of them never are.

    >>> lengths = BuiltIns(["red", "green"], len)
    >>> list(lengths), lengths["red"]
    (['red', 'green'], 3)
    """

    def __init__(self, names: Collection[str], make: Callable[[str], T]) -> None:
        self._names, self._make = dict.fromkeys(names), make
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def resolve(
    noun: str,
    name: str | T,
    record: type[T],
    names: Collection[str],
    make: Callable[[str], T],
    options: Collection[Any] = (),
) -> T:
    """The record of that name; a record is returned unchanged.

    Parameters:
        noun: the kind of record, which is also the name of the public function, for error messages.
        name: a name, or a record.
        record: the type of the records.
        names: the built-in names.
        make: makes the record of a built-in name.
        options: what the user passed beside the name; must be empty if `name` is a record.

    Raises:
        InputError: the name is unknown, or options were passed with a record.

    >>> resolve("colour", "gren", int, ["red", "green"], len)
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no colour "gren". Did you mean "green"?
    """
    if isinstance(name, record):
        if options:
            text = getattr(name, "name", "...")
            raise InputError(f'Options cannot be passed with a record; write {noun}("{text}", ...).')
        return name
    if callable(name) and not isinstance(name, type) and noun in OWN_FUNCTIONS:
        raise InputError(f'{noun} was given a function; name it, rv.{noun}("my_{noun}", function).')
    if isinstance(name, type):
        raise InputError(f"{noun} was given the class {name.__name__}; give one of it, {name.__name__}(), or a name.")
    if not isinstance(name, str) or name not in names:
        called = OTHER_NAMES.get(str(name).lower().replace(" ", "_"))
        advice = f'It is called "{called}" here.' if called in names else nearest(str(name), names)
        raise InputError(f'There is no {noun} "{name}". {advice}')
    return make(name)


def resolve_type(noun: str, name: str | T, record: type[T], names: Mapping[str, type[T]], options: dict[str, Any]) -> T:
    """As `resolve`, for names of types whose fields are the options."""

    def make(name: str) -> T:
        if not options:
            return _with_defaults(names[name])  # type: ignore[arg-type, no-any-return]
        check_names(name, options, [field.name for field in fields(names[name])])  # type: ignore[arg-type]
        return names[name](**options)

    return resolve(noun, name, record, names, make, options)


@cache
def _with_defaults(kind: Any) -> Any:
    """The record without options: it is frozen, so all who name it share one."""
    return kind()


def check_custom_name(noun: str, article: str, name: object, names: Collection[str]) -> None:
    """Raise an InputError unless `name` can be the name of a user-defined activation, loss or optimizer.

    >>> check_custom_name("loss", "a", "huber", ["huber"])
    Traceback (most recent call last):
    ranvier.errors.InputError: "huber" is a built-in loss; choose another name.
    """
    if not isinstance(name, str) or not name:
        raise InputError(f"The name of {article} {noun} is {name!r}; it must be a non-empty string.")
    if name in names:
        raise InputError(f'"{name}" is a built-in {noun}; choose another name.')


def check_no_options(options: Collection[str]) -> None:
    """Raise an InputError if options were passed with a user-defined function."""
    if options:
        raise InputError(
            f"Options ({', '.join(options)}) cannot be passed with a function; write their values into the function."
        )
