"""Single targets have the bits of many, and what is odd is left to the encoder of many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.data import TargetEncoder, fit_target
from ranvier.data.encoders.single_target import SingleTarget
from ranvier.network.task import Task

NUMBERS = np.random.default_rng(0).normal(size=50) * 1e3 + 7.0
LIMITED = np.append(NUMBERS, 1e12)
LABELS: dict[str, tuple[Any, ...]] = {
    "integers": (0, 1),
    "texts": ("low", "middle", "high"),
    "truth": (False, True),
    "many": tuple(range(40)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LABELS)
def test_labels(name: str, dtype: Any) -> None:
    labels = LABELS[name]
    encoder = TargetEncoder(
        Task("multiclass" if len(labels) > 2 else "binary", 1 + (len(labels) - 1) * (len(labels) > 2), labels, ("y",))
    )
    single = SingleTarget(encoder, dtype)
    for label in (*labels, *labels):
        actual, expected = single.encode(label), encoder.transform([label], dtype=dtype)
        assert actual is not None
        assert (actual.tobytes(), actual.dtype, actual.shape) == (expected.tobytes(), expected.dtype, expected.shape)
    for odd in ("none of them", None, 99, 0.5, np.nan, 10**400, [0], (labels[0],)):
        assert single.encode(odd) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("values", [NUMBERS, LIMITED, np.zeros(5)])
def test_numbers(values: Any, dtype: Any) -> None:
    encoder = fit_target(values, Task("regression", 1, target_names=("y",)))
    single = SingleTarget(encoder, dtype)
    for number in (*values.tolist(), -1e15, 3, 0.0):
        actual = single.encode(number)
        assert actual is not None
        assert actual.tobytes() == encoder.transform([number], dtype=dtype, clip=True).tobytes()
    for odd in (np.nan, np.inf, "3", None, True, 10**400, np.float32(2.0)):
        assert single.encode(odd) is None


def test_numbers_beyond_the_type_are_left_to_the_encoder() -> None:
    encoder = TargetEncoder(Task("regression", 1, target_names=("y",)), (0.0,), (1.0,))
    assert SingleTarget(encoder).encode(1e39) is None
    assert SingleTarget(encoder, np.float64).encode(1e39) is not None


def test_several_numbers_are_left_to_the_encoder() -> None:
    encoder = TargetEncoder(Task("regression", 2, target_names=("a", "b")), (0.0, 0.0), (1.0, 1.0))
    assert SingleTarget(encoder).encode(1.0) is None
