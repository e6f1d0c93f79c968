"""The arithmetic of the table that says what each part of the recipe is worth."""

from __future__ import annotations

import math

import pytest
from recipe import TRIED, WITHOUT, grown, markdown

from ranvier.recipes.registry import recipe


def test_a_change_is_worth_the_mean_of_the_logarithms() -> None:
    full = {"one": [1.0, 2.0], "two": [0.5, 0.5]}
    changed = {"one": [math.e, 2.0], "two": [0.5, 0.5]}
    actual = grown(full, changed)
    assert actual["sets"] == pytest.approx({"one": 50.0, "two": 0.0})
    assert actual["mean"] == pytest.approx(25.0)
    assert actual["standard_error"] == pytest.approx(25.0)
    time = grown(full, {"one": [1.0, 2.0], "two": [0.5 * math.e, 0.5 * math.e]})
    assert markdown({"part": {**actual, "time": time}}, "without").splitlines() == [
        "| without | error grows by | processor time grows by | one | two |",
        "|---|---|---|---|---|",
        "| part | +25.0 ± 25.0 % | +50.0 ± 50.0 % | +50.0 % | +0.0 % |",
    ]


@pytest.mark.parametrize("part", [*WITHOUT, *TRIED])
def test_every_change_changes_something(part: str) -> None:
    """A part that is not in the recipe any more would look as if it were worth nothing."""
    entry = recipe("table").to_dict()
    changes = {**WITHOUT, **TRIED}[part]
    assert changes
    for name, value in changes.items():
        assert name == "label_smoothing" or entry[name] != (list(value) if isinstance(value, tuple) else value)
