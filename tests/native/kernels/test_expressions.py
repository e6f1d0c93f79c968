"""Expressions as vector code agree with `expression.evaluate`, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.errors import EngineError
from ranvier.expression import (
    PRIMITIVES,
    Expression,
    constant,
    differentiate,
    evaluate,
    topological_order,
    trace,
    variable,
)
from ranvier.native.kernels.function import write_function
from ranvier.network.activations import ACTIVATIONS

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels import vector_math
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.expressions import emit_expressions
from tests.native.kernels.accuracy import LANES, Array, elementwise, exact, runnable_targets, same_bits, ulps

DTYPES = ("float32", "float64")
NAMES = ("x", "y", "z")
EDGES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 40.0, -100.0, 1e4, np.inf, -np.inf, np.nan]
WIDE_ENOUGH = np.finfo(np.longdouble).nmant >= 63


def inputs(dtype: str) -> list[Array]:
    """Every pair of edges, and ordinary numbers."""
    generator = np.random.default_rng(5)
    pairs = [array.reshape(-1) for array in np.meshgrid(EDGES, EDGES)]
    pairs.append(generator.permutation(pairs[0]))
    return [np.concatenate([pair, generator.normal(0, 3, 300)]).astype(dtype) for pair in pairs]


def compiled(roots: list[Expression], dtype: str, lanes: int, target: Any = None) -> list[Array]:
    """The values of the expressions at `inputs`."""
    call = elementwise(
        lambda f, *values: emit_expressions(f, roots, dict(zip(NAMES, values, strict=True))),
        dtype, len(NAMES), len(roots), lanes, target,
    )  # fmt: skip
    return list(call(*inputs(dtype)))


def check_nodes(roots: tuple[Expression, ...], dtype: str) -> None:
    """Every node is right, given what its arguments are: to the bit, or within the bound of its function."""
    nodes = topological_order(*roots)
    values = dict(zip(nodes, compiled(nodes, dtype, 8), strict=True))
    names = dict(zip(NAMES, inputs(dtype), strict=True))
    for node in nodes:
        if not node.arguments:
            np.testing.assert_array_equal(values[node], np.broadcast_to(evaluate(node, names), values[node].shape))
            continue
        arguments = [values[argument] for argument in node.arguments]
        if node.op in vector_math.BOUNDS:
            bound = vector_math.BOUNDS[node.op][DTYPES.index(dtype)]
            assert ulps(values[node], exact(node.op, *arguments)).max() <= bound, node
        else:
            with np.errstate(all="ignore"):
                wanted = PRIMITIVES[node.op].evaluate(*arguments)
            np.testing.assert_array_equal(values[node], wanted, err_msg=str(node))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", sorted(PRIMITIVES))
def test_every_primitive(op: str, dtype: str) -> None:
    if dtype == "float64" and op in vector_math.BOUNDS and not WIDE_ENOUGH:
        pytest.skip("this processor has no format wider than float64")
    check_nodes((Expression(op, tuple(variable(name) for name in NAMES[: PRIMITIVES[op].arity])),), dtype)


@st.composite
def expressions(draw: st.DrawFn) -> tuple[Expression, ...]:
    """A few random graphs that share nodes."""
    numbers = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 1e-60, 1e60]) | st.floats(-5, 5)
    nodes = [*map(variable, NAMES), *(constant(value) for value in draw(st.lists(numbers, max_size=3)))]
    for op in draw(st.lists(st.sampled_from(sorted(PRIMITIVES)), min_size=1, max_size=8)):
        positions = st.integers(0, len(nodes) - 1)
        nodes.append(Expression(op, tuple(nodes[draw(positions)] for _ in range(PRIMITIVES[op].arity))))
    return tuple(nodes[-2:])


@pytest.mark.skipif(not WIDE_ENOUGH, reason="this processor has no format wider than float64")
@settings(max_examples=60, deadline=None)
@given(expressions(), st.sampled_from(DTYPES))
def test_random_expressions(roots: tuple[Expression, ...], dtype: str) -> None:
    check_nodes(roots, dtype)


@settings(max_examples=25, deadline=None)
@given(expressions(), st.sampled_from(DTYPES))
def test_bit_identical_for_every_vector_width_and_processor(roots: tuple[Expression, ...], dtype: str) -> None:
    results = [
        compiled(list(roots), dtype, lanes, target) for lanes in LANES[dtype][-2:] for target in runnable_targets()
    ]
    for result in results[1:]:
        assert all(same_bits(a, b) for a, b in zip(results[0], result, strict=True))


@pytest.mark.parametrize("name", [name for name in sorted(ACTIVATIONS) if ACTIVATIONS[name].expression is not None])
def test_activations_and_their_slopes_are_those_of_the_reference(name: str) -> None:
    expression = ACTIVATIONS[name].expression
    assert expression is not None
    roots = (expression, differentiate(expression, "x"))
    x = np.random.default_rng(1).normal(0, 3, 1000).astype(np.float32)
    call = elementwise(lambda f, a: emit_expressions(f, roots, {"x": a}), "float32", 1, 2, 16)
    for got, wanted in zip(call(x), evaluate(roots, {"x": x.astype(np.float64)}), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_products_and_sums_are_not_contracted() -> None:
    root = trace(lambda x, y, z: x * y + z, NAMES)
    (got,) = compiled([root], "float32", 8)
    x, y, z = inputs("float32")
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, x * y + z)
        fused = (x.astype(np.float64) * y + z).astype(np.float32)
    assert (fused != got)[np.isfinite(fused)].any()


def emitted(roots: list[Expression], **types: str) -> str:
    module = Emitter("float32", 8)
    with write_function(module, "apply", types) as f:
        emit_expressions(f, roots, dict(zip(types, f.parameters, strict=True)))
    return module.text()


def test_common_parts_are_computed_once() -> None:
    x = variable("x")
    text = emitted([(x + 1) * (x + 1), abs(x + 1)], x="<8 x float>")
    assert text.count("fadd") == 1
    assert text.count("fmul") == 1


def test_comparisons_that_only_choose_make_no_numbers() -> None:
    x = variable("x")
    relu = Expression("where", (x > 0, x, constant(0.0)))
    assert emitted([relu], x="<8 x float>").count("= select") == 1
    assert emitted([relu + (x > 0)], x="<8 x float>").count("= select") == 2


def test_scalars_and_constants_alone() -> None:
    assert "fadd float %x" in emitted([variable("x") + 1], x="float")
    module = Emitter("float32", 8)
    with write_function(module, "apply", {}) as f:
        assert [value.type for value in emit_expressions(f, [constant(2.0)], {})] == ["<8 x float>"]


def test_wrong_values_are_refused() -> None:
    with pytest.raises(EngineError, match='"y" has no value'):
        emitted([variable("y")], x="float")
    with pytest.raises(EngineError, match="of one type"):
        emitted([variable("y") + variable("x")], x="float", y="<8 x float>")
