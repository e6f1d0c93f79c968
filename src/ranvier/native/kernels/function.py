"""One function of LLVM IR text: instructions, blocks, loops and conditions.

Operands may be given as Python numbers where another operand fixes the type. Names are made unique by counting.
No instruction carries a fast-math flag, so LLVM neither reorders nor contracts: what is written is what is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from ranvier.native.kernels import values
from ranvier.native.kernels.blocks import Carried, Loop, Repeat
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.values import Value, constant, is_float
from ranvier.native.machine.memory import ALIGNMENT

Operand: TypeAlias = Value | float


class Function:
    """Writes one function, whose vectors have so many lanes; made by `write_function`."""

    def __init__(
        self, module: Emitter, name: str, parameters: Mapping[str, str], result: str, internal: bool, lanes: int
    ) -> None:
        self.module = module
        self.name = name
        self.lanes = lanes
        self.vector = values.vector_of(module.element, lanes)
        self._names: dict[str, int] = {}
        self.parameters = tuple(
            Value(kind.split(" ")[0] if kind[0] != "<" else kind, self._fresh(parameter))
            for parameter, kind in parameters.items()
        )
        arguments = ", ".join(
            f"{kind} {value.text}" for kind, value in zip(parameters.values(), self.parameters, strict=True)
        )
        linkage = "internal " if internal else ""
        self._head = f"define {linkage}{result} @{name}({arguments}) nounwind {{"
        self._entry: list[str] = []
        self._lines: list[str] = []
        self._block = "entry"
        self._names["entry"] = 1
        self._ended = False
        self._result = result

    def text(self) -> str:
        """The function's IR."""
        if not self._ended and self._result == "void":
            self.give_back()
        return "\n".join([self._head, "entry:", *self._entry, *self._lines, "}"])

    # Plumbing

    def emit(self, type: str, instruction: str, name: str = "v") -> Value:
        """Write an instruction that has a value."""
        text = self._fresh(name)
        self._lines.append(f"  {text} = {instruction}")
        return Value(type, text)

    def emit_plain(self, instruction: str) -> None:
        """Write an instruction that has no value."""
        self._lines.append(f"  {instruction}")

    def give_back(self, value: Value | None = None) -> None:
        """Return from the function."""
        self.emit_plain("ret void" if value is None else f"ret {value.typed}")
        self._ended = True

    def _fresh(self, name: str) -> str:
        names = self._names
        if name not in names:
            names[name] = 1
            return f"%{name}"
        count = names[name]
        while (unique := f"{name}.{count}") in names:
            count += 1
        names[name], names[unique] = count + 1, 1
        return f"%{unique}"

    def _label(self, name: str) -> str:
        return self._fresh(name)[1:]

    def _start_block(self, label: str) -> None:
        self._lines.append(f"{label}:")
        self._block = label

    # Numbers

    def constant(self, value: float, type: str | None = None) -> Value:
        """A constant with the same number in every lane; of the function's vector type unless told."""
        return constant(value, type or self.vector)

    def i64(self, value: int) -> Value:
        """An i64 constant, such as an index or a count."""
        return Value("i64", str(value))

    def lane_numbers(self, element: str = "i64") -> Value:
        """The constant vector 0, 1, 2, ..."""
        return values.constants(range(self.lanes), element)

    def operands(self, *operands: Operand) -> list[Value]:
        """Numbers made constants of the type of the first operand that has one."""
        for operand in operands:
            if isinstance(operand, Value):
                type = operand.type
                break
        else:
            type = self.vector
        return [operand if isinstance(operand, Value) else constant(operand, type) for operand in operands]

    def _value(self, operand: Operand, type: str) -> Value:
        return operand if isinstance(operand, Value) else constant(operand, type)

    # Arithmetic

    def _binary(self, ops: tuple[str, str], a: Operand, b: Operand, name: str) -> Value:
        a, b = self.operands(a, b)
        return self.emit(a.type, f"{ops[not is_float(a.type)]} {a.type} {a.text}, {b.text}", name)

    def add(self, a: Operand, b: Operand, name: str = "sum") -> Value:
        """a + b, of floating-point or integers."""
        return self._binary(("fadd", "add"), a, b, name)

    def subtract(self, a: Operand, b: Operand, name: str = "difference") -> Value:
        """a - b."""
        return self._binary(("fsub", "sub"), a, b, name)

    def multiply(self, a: Operand, b: Operand, name: str = "product") -> Value:
        """a * b."""
        return self._binary(("fmul", "mul"), a, b, name)

    def divide(self, a: Operand, b: Operand, name: str = "quotient") -> Value:
        """a / b; integers as unsigned."""
        return self._binary(("fdiv", "udiv"), a, b, name)

    def negative(self, a: Value, name: str = "negative") -> Value:
        """-a."""
        text = f"fneg {a.typed}" if is_float(a.type) else f"sub {a.type} {constant(0, a.type).text}, {a.text}"
        return self.emit(a.type, text, name)

    def fma(self, a: Operand, b: Operand, c: Operand, name: str = "fma") -> Value:
        """a * b + c, rounded once."""
        return self.intrinsic("fma", *self.operands(a, b, c), name=name)

    def bitwise(self, op: str, a: Operand, b: Operand, name: str = "bits") -> Value:
        """ "and", "or", "xor", "shl", "lshr" or "ashr" of integers."""
        a, b = self.operands(a, b)
        return self.emit(a.type, f"{op} {a.typed}, {b.text}", name)

    def compare(self, condition: str, a: Operand, b: Operand, name: str = "is") -> Value:
        """One i1 a lane: "olt", "ole", "oeq", "uno" ... of floating-point, "slt", "eq" ... of integers."""
        a, b = self.operands(a, b)
        op = "fcmp" if is_float(a.type) else "icmp"
        return self.emit(values.with_element(a.type, "i1"), f"{op} {condition} {a.typed}, {b.text}", name)

    def select(self, condition: Value, a: Operand, b: Operand, name: str = "selected") -> Value:
        """`a` where the condition holds, else `b`."""
        a, b = self.operands(a, b)
        return self.emit(a.type, f"select {condition.typed}, {a.typed}, {b.typed}", name)

    def cast(self, op: str, a: Value, element: str, name: str = "cast") -> Value:
        """Convert lane by lane: "sitofp", "fptosi", "fpext", "fptrunc", "zext", "sext", "trunc", "bitcast" ..."""
        type = values.with_element(a.type, element)
        return self.emit(type, f"{op} {a.typed} to {type}", name)

    def to_double(self, number: Value) -> Value:
        """A number of the module's format in float64."""
        return number if self.module.element == "double" else self.cast("fpext", number, "double")

    def from_double(self, number: Value) -> Value:
        """A float64, or lanes of it, rounded to the module's format."""
        return number if self.module.element == "double" else self.cast("fptrunc", number, self.module.element)

    def intrinsic(self, op: str, *arguments: Value, result: str | None = None, name: str | None = None) -> Value:
        """An intrinsic named after the type of its first argument, such as "sqrt", "fabs", "roundeven", "umax"."""
        type = arguments[0].type
        return self.call(
            f"llvm.{op}.{values.suffix(type)}", *arguments, result=result or type, name=name or op.replace(".", "_")
        )

    def call(self, target: str, *arguments: Value, result: str | None = None, name: str = "called") -> Value:
        """Call a function: one written or expected in this module, or one declared by its first call.

        Parameters:
            result: the type it returns, where the module does not know it.
        """
        written = self.module.has_function(target)
        type = result or self.module.result_of(target)
        if not written:
            self.module.declare(target, type, [argument.type for argument in arguments])
        text = f"call {type} @{target}({', '.join(argument.typed for argument in arguments)})"
        if type != "void":
            return self.emit(type, text, name)
        self.emit_plain(text)
        return Value("void", "")

    # Vectors

    def splat(self, value: Operand, lanes: int | None = None, name: str = "splat") -> Value:
        """The same number in every lane, of the function's vector width by default."""
        lanes = lanes or self.lanes
        if not isinstance(value, Value):
            return constant(value, values.vector_of(self.module.element, lanes))
        if lanes == 1:
            return value
        type = values.vector_of(value.type, lanes)
        if value.is_constant:
            return Value(type, f"splat ({value.typed})")
        first = self.emit(type, f"insertelement {type} poison, {value.typed}, i64 0", f"{name}.first")
        indexes = f"<{lanes} x i32> zeroinitializer"
        return self.emit(type, f"shufflevector {type} {first.text}, {type} poison, {indexes}", name)

    def extract(self, vector: Value, lane: int) -> Value:
        """One lane of a vector."""
        if values.lanes_of(vector.type) == 1:
            return vector
        return self.emit(values.element_of(vector.type), f"extractelement {vector.typed}, i64 {lane}", "lane")

    def insert(self, vector: Value, value: Value, lane: int) -> Value:
        """The vector with one lane replaced."""
        if values.lanes_of(vector.type) == 1:
            return value
        return self.emit(vector.type, f"insertelement {vector.typed}, {value.typed}, i64 {lane}", "inserted")

    def shuffle(self, a: Value, b: Value | None, lanes: Sequence[int], name: str = "shuffled") -> Value:
        """Lanes of `a` and, counted on from them, of `b`, in a new order (two or more)."""
        second = b.typed if b else f"{a.type} poison"
        indexes = values.constants(lanes, "i32")
        type = values.vector_of(values.element_of(a.type), len(lanes))
        return self.emit(type, f"shufflevector {a.typed}, {second}, {indexes.typed}", name)

    # Memory

    def pointer(self, base: Value, index: Operand, element: str | None = None, name: str = "at") -> Value:
        """The address of element number `index`; of the module's element type by default."""
        index = self._value(index, "i64")
        return self.emit("ptr", f"getelementptr {element or self.module.element}, {base.typed}, {index.typed}", name)

    def load(
        self, pointer: Value, type: str | None = None, alignment: int | None = None, name: str = "loaded"
    ) -> Value:
        """Load; by default the function's vector type, aligned as one lane is."""
        type = type or self.vector
        alignment = alignment or values.bytes_of(values.element_of(type))
        return self.emit(type, f"load {type}, {pointer.typed}, align {alignment}", name)

    def store(self, value: Value, pointer: Value, alignment: int | None = None) -> None:
        """Store; by default aligned as one lane is."""
        alignment = alignment or values.bytes_of(values.element_of(value.type))
        self.emit_plain(f"store {value.typed}, {pointer.typed}, align {alignment}")

    def broadcast(self, pointer: Value, element: str | None = None, name: str = "broadcast") -> Value:
        """Load one number into every lane."""
        return self.splat(self.load(pointer, element or self.module.element, name=f"{name}.one"), name=name)

    def masked_load(self, pointer: Value, mask: Value, otherwise: Value, name: str = "masked") -> Value:
        """Load the lanes whose mask holds; the others are not touched and get `otherwise`."""
        type = otherwise.type
        target = f"llvm.masked.load.{values.suffix(type)}.p0"
        self.module.declare(target, type, ["ptr", mask.type, type])
        alignment = values.bytes_of(values.element_of(type))
        arguments = f"ptr align {alignment} {pointer.text}, {mask.typed}, {otherwise.typed}"
        return self.emit(type, f"call {type} @{target}({arguments})", name)

    def masked_store(self, value: Value, pointer: Value, mask: Value) -> None:
        """Store the lanes whose mask holds."""
        target = f"llvm.masked.store.{values.suffix(value.type)}.p0"
        self.module.declare(target, "void", [value.type, "ptr", mask.type])
        alignment = values.bytes_of(values.element_of(value.type))
        self.emit_plain(f"call void @{target}({value.typed}, ptr align {alignment} {pointer.text}, {mask.typed})")

    def prefetch(self, pointer: Value, *, write: bool = False, locality: int = 3) -> None:
        """Prefetch a cache line."""
        self.module.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
        self.emit_plain(f"call void @llvm.prefetch.p0({pointer.typed}, i32 {int(write)}, i32 {locality}, i32 1)")

    def stack(self, type: str, count: int = 1, name: str = "stack") -> Value:
        """Memory for `count` values on the stack, for the whole call, at the start of a cache line."""
        value = Value("ptr", self._fresh(name))
        self._entry.append(f"  {value.text} = alloca {type}, i64 {count}, align {ALIGNMENT}")
        return value

    # Blocks

    @contextmanager
    def loop(
        self, start: Operand, stop: Operand, step: int = 1, *, name: str = "i", carried: Sequence[Value] = ()
    ) -> Iterator[Loop]:
        """For index = start, start + step, ... while index < stop (i64, step > 0).

        If both bounds are constants that give at least one round, the test before the first round is omitted.

        >>> with write_function(Emitter("float32", 8), "f", {"x": "ptr"}) as f:
        ...     zero = f.constant(0.0)
        ...     with f.loop(0, 4, name="k", carried=[zero]) as loop:
        ...         loop.carry(f.add(loop.values[0], 1.0))
        ...     f.store(loop.results[0], f.parameters[0])
        """
        sure = not isinstance(start, Value) and not isinstance(stop, Value) and start < stop
        start, stop = self._value(start, "i64"), self._value(stop, "i64")
        before, head, end = self._block, self._label(f"{name}.loop"), self._label(f"{name}.done")
        if sure:
            self.emit_plain(f"br label %{head}")
        else:
            enter = self.compare("slt", start, stop, f"{name}.enter")
            self.emit_plain(f"br {enter.typed}, label %{head}, label %{end}")
        self._start_block(head)
        index = Value("i64", self._fresh(name))
        inside = [Value(value.type, self._fresh(f"{name}.carried")) for value in carried]
        position = len(self._lines)
        body = Loop(inside, index)
        yield body
        following = self.add(index, step, f"{name}.next")
        more = self.compare("slt", following, stop, f"{name}.more")
        last = self._block
        self.emit_plain(f"br {more.typed}, label %{head}, label %{end}")
        self._lines[position:position] = [
            f"  {phi.text} = phi {phi.type} [ {first.text}, %{before} ], [ {again.text}, %{last} ]"
            for phi, first, again in zip((index, *inside), (start, *carried), (following, *body.next), strict=True)
        ]
        self._start_block(end)
        body.results = body.next if sure else self._join(carried, before, body.next, last, name)

    @contextmanager
    def repeat(self, *, name: str = "again", carried: Sequence[Value] = ()) -> Iterator[Repeat]:
        """Run the body once, and again as long as the i1 that the body leaves in `again` holds.

        >>> with write_function(Emitter("float32", 8), "f", {"x": "i64"}, "i64") as f:
        ...     with f.repeat(carried=[f.parameters[0]]) as loop:
        ...         loop.carry(f.bitwise("lshr", loop.values[0], 1))
        ...         loop.again = f.compare("ne", loop.next[0], 0)
        ...     f.give_back(loop.results[0])
        """
        before, head, end = self._block, self._label(f"{name}.loop"), self._label(f"{name}.done")
        self.emit_plain(f"br label %{head}")
        self._start_block(head)
        inside = [Value(value.type, self._fresh(f"{name}.carried")) for value in carried]
        position = len(self._lines)
        body = Repeat(inside)
        yield body
        last = self._block
        self.emit_plain(f"br {body.again.typed}, label %{head}, label %{end}")
        self._lines[position:position] = [
            f"  {phi.text} = phi {phi.type} [ {first.text}, %{before} ], [ {again.text}, %{last} ]"
            for phi, first, again in zip(inside, carried, body.next, strict=True)
        ]
        self._start_block(end)
        body.results = body.next

    @contextmanager
    def when(self, condition: Value, *, name: str = "when", carried: Sequence[Value] = ()) -> Iterator[Carried]:
        """Run the body only where an i1 holds; `results` are what it carried, else the values carried in."""
        before, head, end = self._block, self._label(f"{name}.then"), self._label(f"{name}.end")
        self.emit_plain(f"br {condition.typed}, label %{head}, label %{end}")
        self._start_block(head)
        body = Carried(carried)
        yield body
        last = self._block
        self.emit_plain(f"br label %{end}")
        self._start_block(end)
        body.results = self._join(carried, before, body.next, last, name)

    def _join(
        self, first: Sequence[Value], before: str, second: Sequence[Value], last: str, name: str
    ) -> tuple[Value, ...]:
        return tuple(
            self.emit(a.type, f"phi {a.type} [ {a.text}, %{before} ], [ {b.text}, %{last} ]", f"{name}.result")
            for a, b in zip(first, second, strict=True)
        )


@contextmanager
def write_function(
    module: Emitter,
    name: str,
    parameters: Mapping[str, str],
    result: str = "void",
    *,
    internal: bool = False,
    lanes: int | None = None,
) -> Iterator[Function]:
    """Write a function into a module; a missing `ret void` at its end is added.

    Parameters:
        parameters: name -> type, with attributes where wanted ("ptr noalias").
        internal: it is called from this module only.
        lanes: of its vectors; None for as many as those of the module.

    Raises:
        EngineError: there is a function of this name already.
    """
    index = module.add_function(name, result)
    function = Function(module, name, parameters, result, internal, lanes or module.lanes)
    yield function
    module.insert(index, function.text())
