"""Warnings name the line of the user's code, however deep within the package they are given."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier import user_warnings


def shops(names: str) -> dict[str, list[str]]:
    return {"shop": list(names) * 10, "sold": ["yes", "no"] * (len(names) * 5)}


@pytest.fixture(scope="module")
def model() -> rv.Model:
    return rv.train(shops("abcd"), target="sold", recipe="plain", epochs=1, engine="reference")


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.predict(shops("wxyz")),
        lambda model: model.evaluate(shops("wxyz")),
        lambda model: model.importances(shops("wxyz")),
    ],
)
def test_the_line_is_that_of_the_caller(call: Any, model: rv.Model) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(model)
    assert caught
    assert {warning.filename for warning in caught} == {__file__}


def test_a_category_is_kept() -> None:
    with pytest.warns(np.exceptions.RankWarning, match="few") as caught:
        user_warnings.warn("few", np.exceptions.RankWarning)
    assert caught[0].filename == __file__
