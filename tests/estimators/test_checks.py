"""scikit-learn's own checks of an estimator: none fails and none is expected to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import ranvier as rv

QUICK: dict[str, Any] = {"engine": "reference", "hidden": (8,), "dropout": 0.0, "learning_rate": 0.05, "batch_size": 16}
ESTIMATORS = [
    rv.Classifier(**QUICK, recipe="plain", epochs=25),
    rv.Regressor(**QUICK, recipe="plain", epochs=40),
    rv.Classifier(effort="fast", epochs=60),
    rv.Classifier(hidden=(), optimizer="lbfgs", recipe="plain", epochs=15, engine="reference"),
]


@parametrize_with_checks(ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_check_of_scikit_learn(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


def test_the_default_parameters_are_the_recipe() -> None:
    for estimator in (rv.Classifier(), rv.Regressor()):
        not_none = {name: value for name, value in estimator.get_params().items() if value is not None}
        assert not_none.pop("recipe") == "auto"
        assert not_none.pop("effort") == "default"
        assert not {"hidden", "activation", "optimizer", "epochs", "batch_size"} & not_none.keys()
