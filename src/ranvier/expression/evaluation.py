"""Evaluate expressions element by element in NumPy; each node is computed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ranvier.errors import InputError, ShapeError, nearest
from ranvier.expression.expression import Expression, variables
from ranvier.expression.node import topological_order
from ranvier.expression.primitives import PRIMITIVES


@overload
def evaluate(expression: Expression, values: Mapping[str, ArrayLike]) -> NDArray[Any]: ...


@overload
def evaluate(expression: tuple[Expression, ...], values: Mapping[str, ArrayLike]) -> tuple[NDArray[Any], ...]: ...


def evaluate(
    expression: Expression | tuple[Expression, ...], values: Mapping[str, ArrayLike]
) -> NDArray[Any] | tuple[NDArray[Any], ...]:
    """Compute an expression, or several that share subexpressions.

    NumPy's floating-point warnings are off, because both branches of `where` are computed and the branch that is not
    selected may overflow. An infinity or NaN in a selected branch appears in the result.

    Parameters:
        expression: an expression, or a tuple of them.
        values: variable name -> number or array; arrays broadcast. Unused names are ignored.

    Returns:
        A new array, or a tuple of them, of the shape that all `values` broadcast to. Its dtype is float32 if all
        arrays are float32, and float64 if an array is float64 or integer or if all values are Python numbers.

    Raises:
        InputError: a variable has no value, or a value is not numeric.
        ShapeError: the shapes do not broadcast.

    >>> from ranvier.expression import variable
    >>> x = variable("x")
    >>> evaluate(x * x + 1, {"x": np.array([1.0, 2.0])})
    array([2., 5.])
    """
    roots = expression if isinstance(expression, tuple) else (expression,)
    for name in variables(*roots):
        if name not in values:
            raise InputError(f'The variable "{name}" has no value. {nearest(name, values)}')
    dtype = floating_type(values.values())
    # Converting a constant beyond the range of float32 overflows, so warnings are off for conversions too.
    with np.errstate(all="ignore"):
        arrays = {name: np.asarray(value, dtype=dtype) for name, value in values.items()}
        shape = _common_shape(arrays)
        results: dict[Expression, NDArray[Any]] = {}
        for node in topological_order(*roots):
            if node.name is not None:
                results[node] = arrays[node.name]
            elif node.value is not None:
                results[node] = np.asarray(node.value, dtype=dtype)
            else:
                compute = PRIMITIVES[node.op].evaluate
                results[node] = np.asarray(compute(*(results[argument] for argument in node.arguments)))
    outputs = tuple(np.array(np.broadcast_to(results[root], shape)) for root in roots)
    return outputs if isinstance(expression, tuple) else outputs[0]


def floating_type(values: Iterable[Any]) -> np.dtype[Any]:
    """The floating-point dtype of the arrays, else float64; Python numbers take the dtype of the arrays.

    Raises:
        InputError: a value is not a real number or an array of them.

    >>> floating_type([np.zeros(2, np.float32), 0.5])
    dtype('float32')
    """
    typed: list[Any] = []
    for value in values:
        if type(value) in (bool, int, float):
            continue
        dtype = np.asarray(value).dtype
        if dtype.kind not in "biuf":
            raise InputError(f"Got {value!r}; expected a number or an array of numbers.")
        typed.append(dtype)
    common = np.result_type(*typed) if typed else np.dtype(np.float64)
    return common if common.kind == "f" else np.dtype(np.float64)


def _common_shape(arrays: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ShapeError(f"The shapes of the values do not fit together: {shapes}.") from error
