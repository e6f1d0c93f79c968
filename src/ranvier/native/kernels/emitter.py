"""A module of LLVM IR text in the making: the number format, the vector width, declarations, tables and functions.

The text depends on nothing but the calls made, in their order, so that equal plans give equal text and find their
compiled object in the cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ranvier.errors import EngineError
from ranvier.native.kernels import values
from ranvier.native.kernels.values import Value

ELEMENTS = {"float32": "float", "float64": "double"}


class Emitter:
    """Builds one module.

    Parameters:
        dtype: "float32" or "float64", the format of the numbers.
        lanes: how many numbers a vector holds; 1 makes scalar code.

    Attributes: `element` ("float" or "double"), `vector` (so many lanes of it), `integer` (the integer of the same
    size), `integers` (so many lanes of it), `mask` (so many lanes of i1), `bits` and `bytes` (of one number).

    Raises:
        EngineError: the format is not known or there is less than one lane.

    >>> from ranvier.native.kernels.function import write_function
    >>> module = Emitter("float32", 8)
    >>> with write_function(module, "scale", {"x": "ptr", "count": "i64"}) as f:
    ...     x, count = f.parameters
    ...     with f.loop(0, count, 8, name="i") as loop:
    ...         address = f.pointer(x, loop.index)
    ...         f.store(f.multiply(f.load(address), 2.0), address)
    >>> "fmul <8 x float>" in module.text()
    True
    """

    def __init__(self, dtype: str, lanes: int) -> None:
        if dtype not in ELEMENTS or lanes < 1:
            raise EngineError(f"Code is made for float32 and float64 and 1 lane or more; got {dtype!r}, {lanes} lanes.")
        self.dtype = dtype
        self.lanes = lanes
        self.element = ELEMENTS[dtype]
        self.bits = values.FLOATS[self.element]
        self.bytes = self.bits // 8
        self.vector = values.vector_of(self.element, lanes)
        self.integer = f"i{self.bits}"
        self.integers = values.vector_of(self.integer, lanes)
        self._declarations: dict[str, str] = {}
        self._globals: dict[str, str] = {}
        self._parts: list[str] = []
        self._functions: dict[str, str] = {}
        self._elsewhere: dict[str, str] = {}

    def declare(self, name: str, result: str, arguments: Sequence[str]) -> None:
        """Declare a function defined elsewhere, once however often it is asked for.

        Raises:
            EngineError: it was declared with other types before.
        """
        line = f"declare {result} @{name}({', '.join(arguments)})"
        if self._declarations.setdefault(name, line) != line:
            raise EngineError(f"The function {name} was declared with other types: {self._declarations[name]}.")

    def table(self, name: str, numbers: Sequence[float], element: str) -> Value:
        """A constant array in the module, once for each name; gives the pointer to it, aligned to 64 bytes."""
        items = ", ".join(f"{element} {values.number(item, element)}" for item in numbers)
        line = f"@{name} = internal unnamed_addr constant [{len(numbers)} x {element}] [{items}], align 64"
        if self._globals.setdefault(name, line) != line:
            raise EngineError(f"The table {name} was made with other numbers before.")
        return Value("ptr", f"@{name}")

    def add_text(self, ir_text: str, defines: Mapping[str, str] | None = None) -> None:
        """Add IR written elsewhere, such as the barrier; it declares what it needs itself.

        Parameters:
            defines: name -> type it gives back, of the functions in it that are called from here.
        """
        self._functions.update(defines or {})
        self._parts.append(ir_text.strip("\n"))

    def has_function(self, name: str) -> bool:
        """Whether a function of this name was written, so that helpers are written once."""
        return name in self._functions

    def expect(self, name: str, result: str) -> None:
        """Say what a function gives back that another module defines, so that it can be called from here."""
        self._elsewhere[name] = result

    def result_of(self, name: str) -> str:
        """The type a function written or expected here gives back.

        Raises:
            EngineError: there is no such function.
        """
        result = self._functions.get(name) or self._elsewhere.get(name)
        if result is None:
            raise EngineError(f"There is no function {name} in this module, and none is expected.")
        return result

    def add_function(self, name: str, result: str) -> int:
        """Say that a function is written from now on; gives its index among the parts, for `insert`.

        Raises:
            EngineError: there is a function of this name already.
        """
        if name in self._functions:
            raise EngineError(f"The function {name} was written before.")
        self._functions[name] = result
        return len(self._parts)

    def insert(self, index: int, text: str) -> None:
        """Put the text of a function before those that were added while it was written."""
        self._parts.insert(index, text)

    def lines(self) -> int:
        """How many lines the functions written so far have."""
        return sum(part.count("\n") for part in self._parts)

    def text(self) -> str:
        """The whole module."""
        blocks = ["\n".join(self._globals.values()), *self._parts, "\n".join(sorted(self._declarations.values()))]
        return "\n\n".join(block for block in blocks if block) + "\n"
