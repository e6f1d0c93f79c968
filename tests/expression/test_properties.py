"""Random expressions keep their value after simplifying, storing and printing; hostile lists raise errors."""

from __future__ import annotations

import ast
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier import expression as language
from ranvier.errors import InputError
from ranvier.expression import (
    PRIMITIVES,
    Expression,
    constant,
    differentiate,
    evaluate,
    from_list,
    show,
    simplify,
    to_list,
    topological_order,
    trace,
    variable,
)
from ranvier.expression.expression import FUNCTIONS
from ranvier.expression.serialization import MAX_NODES

VALUES = {
    "x": np.array([-np.inf, -40.0, -2.5, -1.0, -1e-3, 0.0, 0.5, 1.0, 3.0, 1e4, np.inf, np.nan]),
    "y": np.array([1.0, 2.0, -0.5, -1.0, 0.0, 0.25, 0.5, -2.0, 3.0, -3.0, 0.0, 1.0]),
}


@st.composite
def expressions(draw: st.DrawFn) -> Expression:
    """A random graph: the arguments of each new node are any earlier nodes."""
    numbers = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, -3.0]) | st.floats(-5, 5)
    nodes = [variable("x"), variable("y"), *(constant(value) for value in draw(st.lists(numbers, max_size=3)))]
    for op in draw(st.lists(st.sampled_from(sorted(PRIMITIVES)), min_size=1, max_size=12)):
        positions = st.integers(0, len(nodes) - 1)
        nodes.append(Expression(op, tuple(nodes[draw(positions)] for _ in range(PRIMITIVES[op].arity))))
    return nodes[-1]


def comparable(expression: Expression) -> np.ndarray[Any, Any]:
    """The rows without a zero whose sign, which `simplify` may change, could decide the sign of an infinity."""
    parts = np.array(evaluate(tuple(topological_order(expression)), VALUES))
    return np.asarray(np.isfinite(parts).all(axis=0) | (parts != 0).all(axis=0))


@given(expressions())
def test_simplify_changes_no_value(expression: Expression) -> None:
    simplified = simplify(expression)
    assert len(topological_order(simplified)) <= len(topological_order(expression))
    assert simplify(simplified) is simplified
    rows = comparable(expression)
    np.testing.assert_array_equal(evaluate(simplified, VALUES)[rows], evaluate(expression, VALUES)[rows])


@given(expressions())
def test_to_list_and_from_list_round_trip(expression: Expression) -> None:
    stored = json.loads(json.dumps(to_list(expression), allow_nan=False))
    assert from_list(stored) is expression
    np.testing.assert_array_equal(evaluate(from_list(stored), VALUES), evaluate(expression, VALUES))


class Literals(ast.NodeTransformer):
    """Replaces each number in Python source by a constant expression, so that Python computes nothing itself."""

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.operand, ast.Constant):
            return self.visit_Constant(ast.Constant(-float(node.operand.value)))  # type: ignore[arg-type]
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Call(ast.Name("constant", ast.Load()), [ast.Constant(float(node.value))], [])  # type: ignore[arg-type]


def read(text: str) -> Expression:
    """Run the lines of `show` as Python."""
    names: dict[str, Any] = {name: getattr(language, name) for name in (*FUNCTIONS, "constant")}
    names |= {"x": variable("x"), "y": variable("y")}
    *lines, last = text.splitlines()
    tree = ast.fix_missing_locations(Literals().visit(ast.parse("\n".join([*lines, f"result = {last}"]))))
    exec(compile(tree, "shown", "exec"), names)
    result: Expression = names["result"]
    return result


def as_written(expression: Expression) -> Expression:
    """The expression as the operators and functions build it: small powers as products, constants second."""
    built: dict[Expression, Expression] = {}
    for node in topological_order(expression):
        arguments = [built[argument] for argument in node.arguments]
        if node.op == "power":
            built[node] = arguments[0] ** arguments[1]
        elif node.op in ("minimum", "maximum"):
            built[node] = getattr(language, node.op)(*arguments)
        elif node.op == "negative" and arguments[0].value is not None and not np.signbit(arguments[0].value):
            built[node] = constant(-arguments[0].value)
        else:
            built[node] = Expression(node.op, tuple(arguments)) if arguments else node
    return built[expression]


@given(expressions())
def test_show_prints_python_that_gives_the_expression_back(expression: Expression) -> None:
    assert read(show(expression)) is as_written(expression)


def test_show_of_a_long_expression_gives_the_expression_back() -> None:
    expression = variable("x")
    for _ in range(30):
        expression = expression * language.tanh(expression + variable("y"))
    assert "\n" in show(expression)
    assert read(show(expression)) is expression


@given(expressions())
def test_second_derivatives_of_any_expression(expression: Expression) -> None:
    first = differentiate(expression, "x")
    assert differentiate(expression, "x") is first
    evaluate(differentiate(first, "y"), VALUES)


@given(expressions())
def test_trace_returns_the_expression_of_the_function(expression: Expression) -> None:
    assert trace(lambda x, y: expression, ["x", "y"]) is expression


ENTRIES = st.lists(
    st.sampled_from([*PRIMITIVES, "constant", "variable", "open", ""])
    | st.integers(-2, 4)
    | st.floats()
    | st.text(max_size=3)
    | st.none()
    | st.booleans()
    | st.lists(st.integers(), max_size=2),
    max_size=4,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=10,
)


@given(st.lists(ENTRIES, max_size=5) | JSON)
def test_from_list_of_any_data_returns_or_raises_input_error(data: Any) -> None:
    try:
        expression = from_list(data)
    except InputError:
        return
    assert from_list(to_list(expression)) is expression


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "at least one entry"),
        (None, "at least one entry"),
        ({"op": "exp"}, "at least one entry"),
        ("exp", "at least one entry"),
        ([[]], "Entry 0"),
        (["variable"], "Entry 0"),
        ([["variable", "x"], ["expp", 0]], r"no such operation. Did you mean .*\"exp\""),
        ([["variable", "x"], ["exp", 1]], "Entry 1.*cycle"),
        ([["exp", 0]], "cycle"),
        ([["add", 1, 1], ["variable", "x"]], "Entry 0.*cycle"),
        ([["variable", "x"], ["exp", -1]], "cycle"),
        ([["variable", "x"], ["exp", True]], "cycle"),
        ([["variable", "x"], ["exp", 0.0]], "cycle"),
        ([["variable", "x"], ["exp", "0"]], "cycle"),
        ([["variable", "x"], ["exp", [0]]], "cycle"),
        ([["variable", "x"], ["exp", 0, 0]], "followed by 1 value; got 2"),
        ([["variable", "x"], ["add", 0]], "followed by 2 values; got 1"),
        ([["variable", 3]], "name of a variable"),
        ([["variable", "a b"]], "letters"),
        ([["variable", "x" * 201]], "at most 200"),
        ([["constant", float("nan")]], "finite"),
        ([["constant", float("inf")]], "finite"),
        ([["constant", 10**400]], "finite"),
        ([["constant", "1"]], "a constant is a number"),
        ([["constant", True]], "a constant is a number"),
        ([["constant", None]], "a constant is a number"),
        ([["constant"]], "followed by 1 value"),
        ([["x" * 10_000_000]], "no such operation"),
        ([["variable", "x"]] * (MAX_NODES + 1), "at most 10000"),
    ],
)
def test_from_list_errors(data: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        from_list(data)
    assert len(str(caught.value)) < 1000


def test_from_list_refuses_deep_nesting() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InputError):
        from_list(nested)
    with pytest.raises(InputError):
        from_list([["variable", nested]])
    while nested:
        nested = nested.pop()


def test_from_list_of_the_maximum_length() -> None:
    data = [["variable", "x"], *([["add", position, position] for position in range(MAX_NODES - 1)])]
    assert len(topological_order(from_list(data))) == MAX_NODES
