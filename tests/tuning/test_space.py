"""The search space: what is searched by default, what users change, and how the command writes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.recipes.registry import RECIPES
from ranvier.recipes.table import TableRecipe
from ranvier.tuning.space import SEARCHABLE, Range, Values, default_space, make_space, parse_space, space_lines

NUMBERS = st.floats(1e-6, 1e6, allow_nan=False).map(lambda x: float(f"{x:g}"))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_has_a_space_of_options_of_train(name: str) -> None:
    space = default_space(RECIPES[name]("default") if callable(RECIPES[name]) else RECIPES[name])
    assert space
    assert set(space) <= set(SEARCHABLE)


@given(NUMBERS, NUMBERS, st.lists(st.lists(st.integers(1, 999), min_size=1, max_size=3).map(tuple), min_size=1))
def test_what_is_printed_is_read_back(a: float, b: float, hidden: list[tuple[int, ...]]) -> None:
    low, high = min(a, b), max(a, b) + 1.0
    high = float(f"{high:g}")
    if not low < high:
        return
    space = {"dropout": Range(low, high), "hidden": Values(tuple(hidden)), "optimizer": Values(("adam", "sgd"))}
    read = parse_space(space_lines(space))
    assert read == {"dropout": (low, high), "hidden": hidden, "optimizer": ["adam", "sgd"]}


def test_users_change_fix_and_leave_out_options() -> None:
    changes = {"learning_rate": (1e-4, 1e-2), "epochs": (5, 50), "activation": ["relu"], "dropout": 0.1, "hidden": None}
    space = make_space(TableRecipe(), changes)
    assert space["learning_rate"] == Range(1e-4, 1e-2, log=True)
    assert space["epochs"] == Range(5.0, 50.0, integer=True)
    assert space["activation"] == Values(("relu",))
    assert space["dropout"] == Values((0.1,))
    assert "hidden" not in space
    assert make_space(TableRecipe(), {"hidden": (64, 32)})["hidden"] == Values(((64, 32),))


WRONG: list[tuple[Any, str]] = [
    ({"seed": [1]}, 'space holds "seed", which a search cannot change'),
    ({"drop_out": (0, 1)}, 'Did you mean "dropout"'),
    ({"dropout": (0.5, 0.1)}, "low < high"),
    ({"dropout": (0.1, 0.2, 0.3)}, "low < high"),
    ({"learning_rate": (0.0, 0.1)}, "both above 0"),
    ({"activation": []}, "activation has no values"),
    ("dropout", "it must be a dictionary"),
    (dict.fromkeys(default_space(TableRecipe())), "no option left to search"),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG, ids=[f"case {number}" for number in range(len(WRONG))])
def test_a_wrong_space_is_refused(changes: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make_space(TableRecipe(), changes)


@pytest.mark.parametrize("text", ["dropout", "dropout=a:b", "dropout=1:2:3", "hidden=64,x"])
def test_a_wrong_text_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="space"):
        parse_space([text])
