"""A name or a record: how the functions `activation`, `loss`, `initializer`, `schedule` and `optimizer` find theirs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from ranvier.errors import InputError, nearest
from ranvier.network.number_rules import check_names

T = TypeVar("T")


def resolve(
    noun: str,
    name: str | T,
    record: type[T],
    known: Collection[str],
    make: Callable[[str], T],
    options: Collection[Any] = (),
) -> T:
    """The record that a name stands for; a record is returned unchanged.

    Parameters:
        noun: what is looked for, which is also the name of the public function, for errors.
        name: a name, or a record.
        record: the type of the records.
        known: the names.
        make: makes the record of a known name.
        options: what the user passed beside the name; must be empty where `name` is a record.

    Raises:
        InputError: the name is unknown, or options were passed with a record.

    >>> resolve("colour", "gren", int, ["red", "green"], len)
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no colour "gren". Did you mean "green"?
    """
    if isinstance(name, record):
        if options:
            text = getattr(name, "name", "...")
            raise InputError(f'Options were given with a finished {noun}; write {noun}("{text}", ...).')
        return name
    if not isinstance(name, str) or name not in known:
        raise InputError(f'There is no {noun} "{name}". {nearest(str(name), known)}')
    return make(name)


def resolve_type(noun: str, name: str | T, record: type[T], known: Mapping[str, type[T]], options: dict[str, Any]) -> T:
    """As `resolve`, where each name stands for a type whose fields are the options."""

    def make(name: str) -> T:
        check_names(name, options, [field.name for field in fields(known[name])])  # type: ignore[arg-type]
        return known[name](**options)

    return resolve(noun, name, record, known, make, options)


def check_custom_name(noun: str, article: str, name: object, known: Collection[str]) -> None:
    """Raise an InputError unless `name` can name a user's own activation, loss or optimizer.

    >>> check_custom_name("loss", "a", "huber", ["huber"])
    Traceback (most recent call last):
    ranvier.errors.InputError: "huber" is a loss that Ranvier brings along; choose another name for your own.
    """
    if not isinstance(name, str) or not name:
        raise InputError(f"The name of {article} {noun} is {name!r}; it must be a string that is not empty.")
    if name in known:
        raise InputError(f'"{name}" is {article} {noun} that Ranvier brings along; choose another name for your own.')


def check_no_options(options: Collection[str]) -> None:
    """Raise an InputError if options were passed beside a user's own function."""
    if options:
        raise InputError(
            f"Options ({', '.join(options)}) were given with a function; write their values into the function."
        )
