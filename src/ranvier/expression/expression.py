"""The node of the expression language and its operators.

An expression is a directed acyclic graph: a node is a constant, a variable or a primitive applied to nodes. Nodes are
interned: building the same node twice gives the same object, so `is`, `==` and `hash` take constant time, and a
subexpression that is used twice is stored, differentiated and evaluated once.
"""

from __future__ import annotations

import math
import numbers
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np

from ranvier.errors import InputError, nearest
from ranvier.expression.node import topological_order
from ranvier.expression.text import show

ARITY: dict[str, int] = {
    "add": 2,
    "subtract": 2,
    "multiply": 2,
    "divide": 2,
    "negative": 1,
    "power": 2,
    "less": 2,
    "less_equal": 2,
    "exp": 1,
    "expm1": 1,
    "log": 1,
    "log1p": 1,
    "tanh": 1,
    "sigmoid": 1,
    "erf": 1,
    "sqrt": 1,
    "sin": 1,
    "cos": 1,
    "absolute": 1,
    "sign": 1,
    "minimum": 2,
    "maximum": 2,
    "where": 3,
}
"""Every primitive with its number of arguments; `primitives.PRIMITIVES` defines them."""

OPERATORS = ("add", "subtract", "multiply", "divide", "negative", "power", "less", "less_equal")
"""The primitives written as Python operators; the others are functions."""

FUNCTIONS = (*(op for op in ARITY if op not in OPERATORS), "softplus")
"""The names of the functions in `functions.py`."""

COMPARISONS = ("less", "less_equal")
"""The primitives whose value is 1 if the comparison is true and 0 if it is false."""

MAX_UNROLLED_POWER = 8
"""Integer exponents up to this absolute value become products, which are faster and more accurate than `power`."""
MAX_EXCERPT = 120
"""The characters of an expression that a message shows."""

_EQUALITY = (
    "An expression was compared with a number by == or !=. An expression has no value yet, so this cannot be answered; "
    "use rv.where with <, <=, > or >=."
)

_nodes: weakref.WeakValueDictionary[tuple[object, ...], Any] = weakref.WeakValueDictionary()
_lock = threading.RLock()


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False, weakref_slot=True)
class Expression:
    """One node of a scalar expression; build it with operators, `constant`, `variable` and the functions.

    Operators: `+ - * / **`, unary `-`, `abs`, and `< <= > >=`, whose value is 1 (true) or 0 (false). `==` compares two
    formulas, not their values.

    Parameters:
        op: `"constant"`, `"variable"` or the name of a primitive (a key of `PRIMITIVES`).
        arguments: what the primitive is applied to; empty for constants and variables.
        value: the finite number of a constant, else None.
        name: the name of a variable, else None.

    Raises:
        InputError: the operation is unknown, has the wrong number of arguments, or a value or name cannot be used.

    >>> x = variable("x")
    >>> 2 * x + 1
    Expression('2 * x + 1')
    >>> (2 * x + 1) is (2 * x + 1)
    True
    """

    op: str
    arguments: tuple[Expression, ...]
    value: float | None
    name: str | None

    def __new__(
        cls,
        op: str,
        arguments: tuple[Expression, ...] = (),
        value: float | None = None,
        name: str | None = None,
    ) -> Self:
        arguments = tuple(arguments)
        _check_fields(op, arguments, value, name)
        # 0.0 and -0.0 are equal but different constants, hence the text of the value.
        key = (op, arguments, None if value is None else value.hex(), name)
        with _lock:
            node = _nodes.get(key)
            if node is None:
                node = object.__new__(cls)
                object.__setattr__(node, "op", op)
                object.__setattr__(node, "arguments", arguments)
                object.__setattr__(node, "value", value)
                object.__setattr__(node, "name", name)
                _nodes[key] = node
        return node

    def __add__(self, other: Operand) -> Expression:
        return _binary("add", self, other)

    def __radd__(self, other: Operand) -> Expression:
        return _binary("add", other, self)

    def __sub__(self, other: Operand) -> Expression:
        return _binary("subtract", self, other)

    def __rsub__(self, other: Operand) -> Expression:
        return _binary("subtract", other, self)

    def __mul__(self, other: Operand) -> Expression:
        return _binary("multiply", self, other)

    def __rmul__(self, other: Operand) -> Expression:
        return _binary("multiply", other, self)

    def __truediv__(self, other: Operand) -> Expression:
        return _binary("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Expression:
        return _binary("divide", other, self)

    def __pow__(self, other: Operand) -> Expression:
        return power(self, as_expression(other))

    def __rpow__(self, other: Operand) -> Expression:
        return _binary("power", other, self)

    def __neg__(self) -> Expression:
        return Expression("negative", (self,))

    def __pos__(self) -> Expression:
        return self

    def __abs__(self) -> Expression:
        return Expression("absolute", (self,))

    def __lt__(self, other: Operand) -> Expression:
        return _binary("less", self, other)

    def __le__(self, other: Operand) -> Expression:
        return _binary("less_equal", self, other)

    def __gt__(self, other: Operand) -> Expression:
        return _binary("less", other, self)

    def __ge__(self, other: Operand) -> Expression:
        return _binary("less_equal", other, self)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, numbers.Number):
            raise InputError(_EQUALITY)
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    def __bool__(self) -> bool:
        raise InputError(
            f"The condition {_excerpt(self)} has no value yet: the function is traced once, as a formula. "
            "Use rv.where(condition, a, b) instead of if, rv.minimum and rv.maximum instead of min and max, "
            "and a product of conditions instead of and."
        )

    def __float__(self) -> float:
        raise InputError(
            f"The expression {_excerpt(self)} cannot become a Python number: it has no value yet. Functions of the "
            "math module do not work on it; use Ranvier's, for example rv.exp(x) instead of math.exp(x)."
        )

    def __int__(self) -> int:
        return int(float(self))

    def __array__(self, *_: object, **__: object) -> Any:
        raise InputError(
            f"The expression {_excerpt(self)} cannot become a NumPy array: it stands for one number that has no value "
            "yet. Use operators and Ranvier's functions, for example rv.exp(x)."
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Expression:
        if ufunc in (np.equal, np.not_equal):
            raise InputError(_EQUALITY)
        operator = _UFUNC_OPERATORS.get(ufunc)
        if operator is None or method != "__call__" or settings:
            raise InputError(_numpy_advice(ufunc.__name__))
        return operator(*(as_expression(value) for value in inputs))

    def __array_function__(self, function: Callable[..., Any], *_: object) -> Any:
        raise InputError(_numpy_advice(function.__name__))

    def __repr__(self) -> str:
        return f"Expression({_excerpt(self)!r})"

    def __copy__(self) -> Expression:
        return self

    def __deepcopy__(self, _: object) -> Expression:
        return self


Operand: TypeAlias = Expression | float
"""The other operand of an operator: an expression or a number."""


def constant(value: float) -> Expression:
    """A constant expression.

    Raises:
        InputError: `value` is not a finite real number.

    >>> constant(2).value
    2.0
    """
    return as_expression(value)


def variable(name: str) -> Expression:
    """A variable called `name`, a Python identifier.

    Raises:
        InputError: `name` is not an identifier.

    >>> variable("x").name
    'x'
    """
    return Expression("variable", name=name)


def as_expression(value: Any) -> Expression:
    """Convert a number to a constant; return an expression unchanged.

    Raises:
        InputError: `value` is neither an expression nor one finite real number.
    """
    if isinstance(value, Expression):
        return value
    if isinstance(value, np.ndarray) and value.ndim:
        raise InputError(
            f"An expression uses an array of shape {value.shape}; the numbers in an expression are scalars, "
            "applied to each element. Use one number, or make the array an argument of the function."
        )
    if not isinstance(value, numbers.Real | np.bool_ | np.ndarray):
        raise InputError(f"Got {value!r} ({type(value).__name__}); expected an expression or a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    except (TypeError, ValueError) as error:
        raise InputError(f"Got {value!r}; expected an expression or a real number.") from error
    return Expression("constant", value=number)


def power(base: Expression, exponent: Expression) -> Expression:
    """`base ** exponent`; small integer exponents become products, 1/2 becomes a square root.

    >>> power(variable("x"), constant(2))
    Expression('x * x')
    """
    value = exponent.value
    if value is None or not (abs(value) == 0.5 or (value.is_integer() and abs(value) <= MAX_UNROLLED_POWER)):
        return Expression("power", (base, exponent))
    if value == 0.0:
        return constant(1.0)
    root = Expression("sqrt", (base,)) if abs(value) == 0.5 else _product(base, int(abs(value)))
    return root if value > 0.0 else constant(1.0) / root


def variables(*roots: Expression) -> tuple[str, ...]:
    """The names of the variables under `roots`, in the order of their first use.

    >>> variables(variable("y") * 2 + variable("x"))
    ('y', 'x')
    """
    return tuple(node.name for node in topological_order(*roots) if node.name is not None)


def _product(base: Expression, count: int) -> Expression:
    """`base` to the power `count`, by repeated squaring."""
    if count == 1:
        return base
    half = _product(base, count // 2)
    return half * half * base if count % 2 else half * half


def _check_fields(op: str, arguments: tuple[Expression, ...], value: float | None, name: str | None) -> None:
    """Raise an InputError unless the node is well formed."""
    if op == "constant":
        if not isinstance(value, float) or not math.isfinite(value):
            raise InputError(f"A constant must be a finite number; got {value!r}.")
    elif op == "variable":
        if not isinstance(name, str) or not name.isidentifier():
            raise InputError(f"A variable needs a name of letters, digits and _ (not first a digit); got {name!r}.")
    elif op not in ARITY:
        raise InputError(f"There is no operation {op!r} in expressions. {nearest(str(op), ARITY)}")
    expected = ARITY.get(op, 0)
    if len(arguments) != expected or not all(isinstance(argument, Expression) for argument in arguments):
        raise InputError(f"The operation {op} takes {expected} expressions as arguments; got {arguments!r}.")
    if (value is not None and op != "constant") or (name is not None and op != "variable"):
        raise InputError(f"Only constants have a value and only variables a name; got {value!r}, {name!r} for {op}.")


def _binary(op: str, first: Operand, second: Operand) -> Expression:
    return Expression(op, (as_expression(first), as_expression(second)))


def _excerpt(expression: Expression) -> str:
    """The text of an expression on one line, truncated to `MAX_EXCERPT` characters."""
    text = show(expression).replace("\n", "; ")
    return text if len(text) <= MAX_EXCERPT else text[: MAX_EXCERPT - 3] + "..."


def _numpy_advice(name: str) -> str:
    """What to use instead of NumPy's function `name`."""
    name = {"abs": "absolute", "amax": "maximum", "amin": "minimum", "fmax": "maximum", "fmin": "minimum"}.get(
        name, name
    )
    start = f"NumPy's {name} was called on an expression, which has no value yet."
    if name in FUNCTIONS:
        return f"{start} Use rv.{name} instead: it takes expressions, numbers and NumPy arrays."
    return f"{start} Write it with operators and the functions {', '.join(f'rv.{function}' for function in FUNCTIONS)}."


_UFUNC_OPERATORS: dict[np.ufunc, Callable[..., Expression]] = {
    np.add: lambda a, b: a + b,
    np.subtract: lambda a, b: a - b,
    np.multiply: lambda a, b: a * b,
    np.divide: lambda a, b: a / b,
    np.power: lambda a, b: a**b,
    np.less: lambda a, b: a < b,
    np.less_equal: lambda a, b: a <= b,
    np.greater: lambda a, b: a > b,
    np.greater_equal: lambda a, b: a >= b,
}
"""NumPy calls these when a NumPy scalar is the left operand, as in `np.float64(2) * x`."""
