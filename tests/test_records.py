"""Records behave as frozen dataclasses do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from typing import ClassVar

import pytest

from ranvier.records import record


@record
class Point:
    """Two fields, one with a default, and a name that belongs to the class."""

    kind: ClassVar[str] = "point"
    x: float
    y: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Frozen:
    """What a `Point` is compared with."""

    kind: ClassVar[str] = "point"
    x: float
    y: tuple[float, ...] = ()


@record
class Deeper(Point):
    """Inherits, checks and adds a field."""

    z: int = dataclasses.field(default=3, kw_only=True)

    def __post_init__(self) -> None:
        if self.z < 0:
            raise ValueError("z must be at least 0")


def test_they_are_equal_where_class_and_fields_are() -> None:
    assert Point(1.0, (2.0,)) == Point(1.0, (2.0,)) != Point(1.0)
    assert hash(Point(1.0)) == hash(Point(1.0, ()))
    assert Point(1.0) != Deeper(1.0)
    assert Point(1.0) != Frozen(1.0)  # type: ignore[comparison-overlap]
    assert len({Point(1.0), Point(1.0), Point(2.0), Deeper(1.0)}) == 3


def test_they_print_as_dataclasses_do() -> None:
    assert repr(Point(1.0)) == repr(Frozen(1.0)).replace("Frozen", "Point")
    assert repr(Deeper(1.0, z=4)) == "Deeper(x=1.0, y=(), z=4)"


@pytest.mark.parametrize("point", [Point(1.0), Deeper(1.0)], ids=repr)
@pytest.mark.parametrize("name", ["x", "kind", "other"])
def test_they_cannot_be_changed(point: Point, name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot be changed"):
        setattr(point, name, 2.0)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot be changed"):
        delattr(point, name)


@pytest.mark.parametrize("point", [Point(1.0, (2.0,)), Deeper(1.0, z=5)], ids=repr)
def test_the_tools_for_dataclasses_know_them(point: Point) -> None:
    assert [field.name for field in dataclasses.fields(point)][:2] == ["x", "y"]
    assert dataclasses.asdict(point)["x"] == 1.0
    assert dataclasses.replace(point, x=7.0).x == 7.0
    assert dataclasses.replace(point, x=1.0) == point == copy.deepcopy(point) == pickle.loads(pickle.dumps(point))


def test_own_methods_stay() -> None:
    @record(init=False)
    class Own:
        x: int

        def __init__(self, text: str) -> None:
            object.__setattr__(self, "x", len(text))

        def __repr__(self) -> str:
            return "mine"

    assert Own("abc") == Own("xyz") != Own("ab")
    assert repr(Own("")) == "mine"
    with pytest.raises(ValueError, match="at least 0"):
        Deeper(1.0, z=-1)


def test_fields_may_be_named_only() -> None:
    @record(kw_only=True)
    class Named:
        x: int = 1

    assert Named(x=2).x == 2
    with pytest.raises(TypeError, match="positional"):
        Named(2)  # type: ignore[call-arg]


def test_a_record_without_eq_equals_itself_alone() -> None:
    @record(eq=False)
    class Rows:
        values: tuple[float, ...]

    rows = Rows((1.0,))
    assert rows == rows
    assert rows != Rows((1.0,))
    assert len({rows, Rows((1.0,))}) == 2


def test_fields_may_stay_out_of_what_is_shown_and_compared() -> None:
    @record
    class Cached:
        x: int
        cache: list[int] = dataclasses.field(default_factory=list, init=False, repr=False, compare=False)

    first, second = Cached(1), Cached(1)
    first.cache.append(2)
    assert first == second != Cached(2)
    assert hash(first) == hash(second)
    assert repr(first).endswith("Cached(x=1)")


def test_a_hash_is_computed_once_and_stays_in_its_process() -> None:
    class Counted:
        requested = 0

        def __hash__(self) -> int:
            Counted.requested += 1
            return 7

    point = Point(Counted())  # type: ignore[arg-type]
    assert hash(point) == hash(point)
    assert Counted.requested == 1
    text = Point("text")  # type: ignore[arg-type]
    hash(text)
    for other in (pickle.loads(pickle.dumps(text)), copy.copy(text), copy.deepcopy(text)):
        assert other == text
        assert vars(other) == {"x": "text", "y": ()}


def test_the_initializer_is_written_when_it_is_first_asked_for() -> None:
    @record
    class Base:
        """With a text, for which `dataclass` would write the signature."""

        x: int

    @record
    class Point(Base):
        """As above."""

        y: int = 0

    assert not inspect.isfunction(Point.__dict__["__init__"])
    assert Point(1) == Point(x=1, y=0)
    assert inspect.isfunction(Point.__dict__["__init__"])
    assert not inspect.isfunction(Base.__dict__["__init__"])
    assert str(inspect.signature(Base)) == "(x: 'int') -> None"
    assert inspect.isfunction(Base.__init__)
    assert Base(2).x == 2
