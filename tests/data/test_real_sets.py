"""Real files: read, understood and encoded as a person would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ranvier.data import Arrays, open_source, prepare

pytestmark = pytest.mark.real_data


def test_adult(real_data: Path) -> None:
    prepared = prepare(real_data / "tabular/adult/train.csv", "income")
    assert prepared.task.classes == ("<=50K", ">50K")
    kinds = {plan.name: plan.kind for plan in prepared.columns}
    assert sum(kind == "number" for kind in kinds.values()) == 6
    assert sum(kind == "category" for kind in kinds.values()) == 8
    inputs = prepared.encoder.transform(open_source(real_data / "tabular/adult/train.csv"))
    assert inputs.shape == (32561, prepared.encoder.width)
    assert np.isfinite(inputs).all()
    np.testing.assert_array_equal(inputs[prepared.train_rows], prepared.train.inputs.dense)
    assert prepared.encoder.transform(open_source(real_data / "tabular/adult/test.csv")).shape[0] == 16281


def test_california_housing(real_data: Path) -> None:
    prepared = prepare(real_data / "tabular/california_housing/data.csv", "median_house_value")
    assert prepared.task.kind == "regression"
    assert "total_bedrooms: missing" in prepared.encoder.feature_names
    assert abs(float(prepared.train.targets.mean())) < 1e-5


def test_titanic(real_data: Path) -> None:
    prepared = prepare(real_data / "tabular/titanic/data.csv", "Survived")
    kinds = {plan.name: plan.kind for plan in prepared.columns}
    assert (kinds["PassengerId"], kinds["Name"]) == ("drop", "drop")
    assert prepared.task.kind == "binary"


def test_mnist(real_data: Path) -> None:
    opened = open_source(real_data / "images/mnist/train-images-idx3-ubyte.gz")
    assert isinstance(opened, Arrays)
    assert opened.inputs.shape == (60000, 784)
    assert opened.inputs.dtype == np.uint8
    assert opened.targets is not None
    assert opened.targets[:5].tolist() == [5, 0, 4, 1, 9]
