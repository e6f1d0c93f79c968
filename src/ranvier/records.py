"""Frozen records, the one way to write them in Ranvier.

`record` makes a class in about a quarter of the time that `dataclass(frozen=True, slots=True)` takes, which counts: a
first fit defines some 120 of them. The rule: what is frozen is a `record`. `dataclass` is left for what changes after
it was made, for the parameters of estimators, which scikit-learn sets, and for `Expression`, whose many nodes need
slots and weak references.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, dataclass_transform, overload

T = TypeVar("T")
HASH = "_hash"
"""Where a record keeps its hash once it was asked for: what is made for a network is looked up by deep records."""


@overload
def record(cls: type[T], /) -> type[T]: ...
@overload
def record(*, init: bool = True, eq: bool = True, kw_only: bool = False) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T] | None = None, /, *, init: bool = True, eq: bool = True, kw_only: bool = False) -> Any:
    """Make a class a frozen dataclass, as `dataclass(frozen=True)` does.

    `dataclass` writes and compiles a function for each method of each class. Here only `__init__` is made so, and the
    rest is shared by all records. It fills the instance's dictionary at once, which takes a third of the time of
    setting each field. `dataclasses.fields`, `replace` and `is_dataclass` know records; a dataclass that inherits from
    a record must be a record, too.

    Parameters:
        init, eq, kw_only: as in `dataclass`; with eq=False a record equals itself alone, as arrays in it need it.

    >>> @record
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> Point(1.0), Point(1.0) == Point(1.0, 0.0), hash(Point(2.0)) == hash(Point(2.0, 0.0))
    (Point(x=1.0, y=0.0), True, True)
    >>> Point(1.0).x = 3.0
    Traceback (most recent call last):
    dataclasses.FrozenInstanceError: A Point cannot be changed; dataclasses.replace makes another one.
    """

    def make(plain: type[T]) -> type[T]:
        defined = set(plain.__dict__)
        created: Any = dataclass(plain, init=False, repr=False, eq=False, kw_only=kw_only)
        all_fields = fields(created)
        if init and "__init__" not in defined:
            created.__init__ = _LaterInitializer(created)
        created._record_fields = tuple(field.name for field in all_fields)
        created._record_repr = tuple(field.name for field in all_fields if field.repr)
        created._record_values = staticmethod(_values_of(tuple(field.name for field in all_fields if field.compare)))
        for name, method in _METHODS.items():
            if name not in defined and (eq or name not in ("__eq__", "__hash__")):
                setattr(created, name, method)
        return created  # type: ignore[no-any-return]

    return make if cls is None else make(cls)


def fill_defaults(instance: Any, besides: tuple[str, ...] = ()) -> None:
    """Give the fields of a record that are None their defaults; to be called by its `__post_init__`.

    Parameters:
        besides: fields in which None means something else.

    >>> @record
    ... class Options:
    ...     engine: str | None = "auto"
    ...     def __post_init__(self) -> None:
    ...         fill_defaults(self)
    >>> Options(None).engine
    'auto'
    """
    kind: Any = type(instance)
    values = instance.__dict__
    for name, default in _defaults(kind):
        if values[name] is None and name not in besides:
            values[name] = default


@cache
def _defaults(cls: Any) -> tuple[tuple[str, Any], ...]:
    """The fields that have a default other than None, with it."""
    defaults = ((entry.name, entry.default) for entry in fields(cls))
    return tuple((name, default) for name, default in defaults if default is not MISSING and default is not None)


def field_names(instance: Any) -> tuple[str, ...]:
    """The names of a record's fields, in order."""
    names: tuple[str, ...] = type(instance)._record_fields
    return names


def _values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """The function that gives the values of these fields as a tuple."""
    return attrgetter(*names) if len(names) > 1 else lambda instance: tuple(getattr(instance, name) for name in names)


class _Factory:
    """In place of a value that `__init__` makes for each record."""

    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()


class _LaterInitializer:
    """In place of an `__init__` that is written when first asked for: of most kinds a process makes none."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    def __get__(self, instance: Any, owner: type | None = None) -> Callable[..., None]:
        cls: Any = self._cls
        if cls.__dict__["__init__"] is self:
            cls.__init__ = _initializer(cls, fields(cls))
        function = cls.__dict__["__init__"]
        return function if instance is None else function.__get__(instance, owner)  # type: ignore[no-any-return]


def _initializer(cls: type, all_fields: tuple[Field[Any], ...]) -> Callable[..., None]:
    """The `__init__` that `dataclass` would write, which fills the instance's dictionary at once."""
    names: dict[str, Any] = {"FACTORY": _FACTORY}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    values: list[str] = []
    for entry in all_fields:
        name, default, factory = entry.name, entry.default, entry.default_factory
        makes = factory is not MISSING
        names |= {f"default_{name}": _FACTORY if makes else default, f"make_{name}": factory}
        value = name
        if entry.init:
            parameters[bool(entry.kw_only)].append(
                f"{name}=default_{name}" if makes or default is not MISSING else name
            )
            value = f"make_{name}() if {name} is FACTORY else {name}" if makes else name
        elif makes:
            value = f"make_{name}()"
        if entry.init or makes:
            values.append(f"{name}={value}")
    keywords = ["*", *parameters[True]] if parameters[True] else []
    body = [f" self.__dict__.update({', '.join(values)})"]
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    exec("\n".join([f"def __init__({', '.join(['self', *parameters[False], *keywords])}):", *body]), names)
    function: Callable[..., None] = names["__init__"]
    function.__qualname__, function.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    function.__annotations__ = {entry.name: entry.type for entry in all_fields if entry.init} | {"return": None}
    return function


class _Shared:
    """The methods of all records."""

    _record_fields: ClassVar[tuple[str, ...]] = ()
    _record_repr: ClassVar[tuple[str, ...]] = ()
    _record_values: ClassVar[Callable[[Any], tuple[Any, ...]]]

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._record_repr)
        return f"{type(self).__qualname__}({inside})"

    def __eq__(self, other: object) -> Any:
        if type(self) is not type(other):
            return NotImplemented
        values = type(self)._record_values
        return values(self) == values(other)

    def __hash__(self) -> int:
        stored: int | None = self.__dict__.get(HASH)
        if stored is None:
            stored = self.__dict__[HASH] = hash(type(self)._record_values(self))
        return stored

    def __getstate__(self) -> dict[str, Any]:
        # The hash of a text is another one in another process.
        return {name: value for name, value in self.__dict__.items() if name != HASH}

    def __setattr__(self, name: str, value: Any) -> None:
        # A field may be set once, by an __init__ or __post_init__ of the class's own.
        if name not in self._record_fields or name in self.__dict__:
            self.__delattr__(name)
        self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        kind = type(self).__name__
        raise FrozenInstanceError(f"A {kind} cannot be changed; dataclasses.replace makes another one.")


_NAMES = ("__repr__", "__eq__", "__hash__", "__getstate__", "__setattr__", "__delattr__")
_METHODS = {name: _Shared.__dict__[name] for name in _NAMES}
