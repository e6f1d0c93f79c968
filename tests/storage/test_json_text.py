import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.storage.json_text import MAX_DEPTH, from_text, to_text

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


@given(values)
def test_json_round_trip(value: object) -> None:
    text = to_text(value, "value")
    assert text.isascii()
    assert from_text(text) == value
    assert from_text(text.encode()) == value
    assert to_text(from_text(text), "value") == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [0.0, math.nan]}, r"value\.a\[1\] is nan"),
        ({"a": {"b": -math.inf}}, r"value\.a\.b is -inf"),
        ({1: 2}, "the key 1"),
        ({"a": {2, 3}}, "is a set"),
        ({"a": np.float32(1)}, "is a float32"),
        (10**5000, "cannot be written as JSON"),
    ],
    ids=["nan", "infinity", "key", "set", "array", "digits"],
)
def test_to_text_refuses_values_that_would_not_read_back(value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        to_text(value, "value")


def test_to_text_limits_the_depth() -> None:
    value: list[object] = []
    for _ in range(MAX_DEPTH):
        value = [value]
    assert from_text(to_text(value, "value")) == value
    with pytest.raises(InputError, match="levels deep"):
        to_text([value], "value")


@pytest.mark.parametrize(
    "text",
    ["", "{", "NaN", "[Infinity]", "1e999", '{"a":1,"a":2}', b"\xff", "[" * 100_000, "1" * 5000, '{"a":1}x'],
    ids=lambda text: str(text[:12]),
)
def test_from_text_refuses_loose_json(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        from_text(text)


@given(st.binary(max_size=30) | st.text(max_size=30))
def test_from_text_of_any_text_returns_or_raises_value_error(text: str | bytes) -> None:
    try:
        value = from_text(text)
    except ValueError:
        return
    json.dumps(value, allow_nan=False)
