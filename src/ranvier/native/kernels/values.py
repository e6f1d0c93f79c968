"""Types, values and constants of LLVM IR, as text.

A type is its text: "float", "i64", "ptr", "<16 x float>". One lane has no vector type: it is the plain element, so that
code for one number and for a vector of them is written by the same lines.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from functools import cache, lru_cache

from ranvier.records import record

FLOATS = {"float": 32, "double": 64}
INTEGERS = {"i1": 1, "i8": 8, "i16": 16, "i32": 32, "i64": 64, "i128": 128}
_VECTOR = re.compile(r"<(\d+) x (\w+)>")


@record
class Value:
    """A value: its type and its text, a name such as "%sum" or a constant.

    >>> Value("float", "%x").typed
    'float %x'
    """

    type: str
    text: str

    @property
    def typed(self) -> str:
        """The type and the text, as operands are written."""
        return f"{self.type} {self.text}"

    @property
    def is_constant(self) -> bool:
        """Whether the value is a number known now."""
        return self.text[0] not in "%@"


ZERO, NULL, TRUE = Value("i64", "0"), Value("ptr", "null"), Value("i1", "true")
UNSCALED = Value("double", "1.0")
"""A factor that changes nothing."""


@cache
def vector_of(element: str, lanes: int) -> str:
    """The type of so many lanes of an element.

    >>> vector_of("i32", 8), vector_of("i32", 1)
    ('<8 x i32>', 'i32')
    """
    return element if lanes == 1 else f"<{lanes} x {element}>"


@cache
def lanes_of(type: str) -> int:
    """How many lanes a type has.

    >>> lanes_of("<8 x i32>"), lanes_of("ptr")
    (8, 1)
    """
    match = _VECTOR.fullmatch(type)
    return int(match[1]) if match else 1


@cache
def element_of(type: str) -> str:
    """The type of one lane.

    >>> element_of("<8 x i32>"), element_of("ptr")
    ('i32', 'ptr')
    """
    match = _VECTOR.fullmatch(type)
    return match[2] if match else type


@cache
def bits_of(type: str) -> int:
    """How many bits one lane has; a pointer has 64.

    >>> bits_of("<8 x float>"), bits_of("i64")
    (32, 64)
    """
    element = element_of(type)
    return 64 if element == "ptr" else (FLOATS | INTEGERS)[element]


@cache
def bytes_of(type: str) -> int:
    """How many bytes a type takes in memory.

    >>> bytes_of("<8 x float>")
    32
    """
    return lanes_of(type) * ((bits_of(type) + 7) // 8)


@cache
def with_element(type: str, element: str) -> str:
    """The type with as many lanes of another element.

    >>> with_element("<8 x float>", "i1")
    '<8 x i1>'
    """
    return vector_of(element, lanes_of(type))


@cache
def is_float(type: str) -> bool:
    """Whether the lanes are floating-point numbers.

    >>> is_float("<8 x float>"), is_float("i64")
    (True, False)
    """
    return element_of(type) in FLOATS


@cache
def suffix(type: str) -> str:
    """How the names of intrinsics spell a type.

    >>> suffix("<16 x float>"), suffix("double"), suffix("ptr")
    ('v16f32', 'f64', 'p0')
    """
    element, lanes = element_of(type), lanes_of(type)
    short = "p0" if element == "ptr" else f"f{FLOATS[element]}" if element in FLOATS else element
    return short if lanes == 1 else f"v{lanes}{short}"


def number(value: float, element: str) -> str:
    """The text of a number as a constant of an element type; floating-point constants are exact, in hexadecimal.

    A number for "float" is rounded to float32 first: LLVM writes it as the float64 of the same value.

    >>> number(0.1, "float"), number(0.1, "double"), number(-3, "i32")
    ('0x3FB99999A0000000', '0x3FB999999999999A', '-3')
    """
    if element not in FLOATS:
        return str(int(value))
    if element == "float":
        value = float32(value)
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def float32(value: float) -> float:
    """The float32 nearest to a number, infinite beyond the range.

    >>> float32(1e-60), float32(1e60)
    (0.0, inf)
    """
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def constant(value: float, type: str) -> Value:
    """A constant with the same number in every lane.

    >>> constant(1.0, "<8 x float>").typed
    '<8 x float> splat (float 0x3FF0000000000000)'
    """
    # 0.0 and -0.0 would be one to the cache.
    return _written(value, type) if value else _constant(value, type)


def _constant(value: float, type: str) -> Value:
    element = element_of(type)
    text = number(value, element)
    return Value(type, text if lanes_of(type) == 1 else f"splat ({element} {text})")


_written = lru_cache(4096, typed=True)(_constant)


def constants(values: Sequence[float], element: str) -> Value:
    """A constant vector with a number for each lane.

    >>> constants([0, 1], "i32").typed
    '<2 x i32> <i32 0, i32 1>'
    """
    if len(values) == 1:
        return constant(values[0], element)
    return Value(vector_of(element, len(values)), f"<{', '.join(f'{element} {number(v, element)}' for v in values)}>")
