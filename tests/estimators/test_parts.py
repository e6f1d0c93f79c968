"""partial_fit learns scales on as rows come, whatever the first part can tell."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ranvier as rv
from ranvier.errors import InputError

Array = NDArray[Any]
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(400, 3)) * [5.0, 0.01, 300.0] + [100.0, 0.0, -4000.0]
EFFECT = (X - X.mean(axis=0)) / X.std(axis=0) @ [1.0, -1.0, 0.5]
OPTIONS: dict[str, Any] = {"hidden": (8,), "dropout": 0.0, "learning_rate": 0.01, "random_state": 0}


def first_row(X: Array) -> Array:
    return X


def constant_column(X: Array) -> Array:
    return np.where((np.arange(len(X)) < 40)[:, None] & [False, True, True], X[0], X)


def far_row(X: Array) -> Array:
    return np.concatenate([X[:1] * 50, X[1:]])


PARTS = {"one row": (first_row, 1), "constant columns": (constant_column, 40), "far from the others": (far_row, 1)}


def parts(first: int) -> Iterator[slice]:
    yield slice(0, first)
    for _ in range(25):
        for start in range(first, 400, 100):
            yield slice(start, start + 100)


def as_given(X: Array, form: str) -> Any:
    return {f"c{index}": column for index, column in enumerate(X.T)} if form == "table" else X


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("form", ["array", "table"])
def test_the_first_part_decides_no_scale_for_ever(name: str, form: str) -> None:
    change, first = PARTS[name]
    data, y = change(X), 1e5 * EFFECT + 1e6
    estimator = rv.Regressor(**OPTIONS)
    for rows in parts(first):
        estimator.partial_fit(as_given(data[rows], form), y[rows])
    assert estimator.score(as_given(data[60:], form), y[60:]) > 0.9
    for column_encoder in estimator.model_.encoder.encoders:
        assert column_encoder.scale > 0


def test_a_classifier_too() -> None:
    labels = np.where(EFFECT > 0, "high", "low")
    estimator = rv.Classifier(**OPTIONS)
    for rows in parts(1):
        estimator.partial_fit(X[rows], labels[rows], classes=["high", "low"])
    assert estimator.score(X, labels) > 0.9


def test_a_column_that_varies_late_is_used() -> None:
    late = np.column_stack([X[:, 0], np.where(np.arange(400) < 200, 7.0, EFFECT + 7)])
    late, y = np.concatenate([np.tile(late[:200], (6, 1)), np.tile(late[200:], (12, 1))]), None
    y = np.where(late[:, 1] == 7.0, 0.0, late[:, 1] - 7)
    estimator = rv.Regressor(**OPTIONS)
    for start in range(0, len(late), 100):
        estimator.partial_fit(late[start : start + 100], y[start : start + 100])
    assert estimator.score(late[-200:], y[-200:]) > 0.8


def test_scales_stay_where_they_are_known() -> None:
    estimator = rv.Regressor(**OPTIONS).fit(X, EFFECT)
    before = estimator.model_.encoder.to_dict(), estimator.model_.target.to_dict()
    estimator.partial_fit(3 * X, 5 * EFFECT)
    assert (estimator.model_.encoder.to_dict(), estimator.model_.target.to_dict()) == before


def test_wide_arrays_and_copies() -> None:
    wide = GENERATOR.normal(size=(30, 1001))
    estimator = rv.Regressor(**OPTIONS).partial_fit(wide[:1], [3.0])
    copied = pickle.loads(pickle.dumps(estimator))
    for trained in (estimator, copied):
        trained.partial_fit(wide[1:], wide[1:, 0])
        assert np.ptp(trained.predict(wide)) > 0
    np.testing.assert_array_equal(copied.predict(wide), estimator.predict(wide))


def test_words_that_do_not_vary_are_refused_at_first() -> None:
    table = {"size": [1.0, 2.0, 3.0], "colour": ["red"] * 3}
    with pytest.raises(InputError, match=r'"colour" has one value in all 3 rows of the first part'):
        rv.Regressor(**OPTIONS).partial_fit(table, [1.0, 2.0, 3.0])
    dropped = rv.Regressor(kinds={"colour": "drop"}, **OPTIONS)
    assert dropped.partial_fit(table, [1.0, 2.0, 3.0]).predict(table).shape == (3,)
