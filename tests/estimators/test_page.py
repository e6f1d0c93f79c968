"""The page says of every parameter and attribute of scikit-learn's networks what it is here."""

from __future__ import annotations

import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

PAGE = (Path(__file__).parents[2] / "docs" / "estimators.md").read_text(encoding="utf-8")
NAMED = {
    name for line in PAGE.splitlines() if line.startswith("| ") for name in re.findall(r"`(\w+)`", line.split("|")[1])
}


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_every_parameter_and_attribute_has_a_line(kind: type) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = kind(max_iter=1).fit(np.eye(6), [0, 1] * 3)
    attributes = {name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")}
    parameters = set(inspect.signature(kind).parameters)
    assert len(attributes) > 10
    assert attributes | parameters | {"feature_names_in_"} <= NAMED
