"""A linear model beside hidden layers is one network, whose logits are the mean of both."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.network.task import Task
from ranvier.recipes.linear_beside import ODD_PARTS, beside_linear, mean_outputs
from tests.recipes.test_merge import OUTPUTS, logits, says

FACTOR = 0.6


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("inputs", [slice(0, 5), slice(0, 3), slice(3, 5)])
def test_its_logits_are_the_mean(name: str, inputs: slice) -> None:
    generator = np.random.default_rng(0)
    scale, last = rv.Rescale(0.5, -1.0), rv.Dense(3, name)
    network = rv.Network(5, [scale, rv.Dense(4, "relu"), rv.Dropout(0.5), last])
    linear = rv.Network(inputs.stop - inputs.start, [scale, last])
    flats = [generator.normal(size=member.parameter_table.size) for member in (network, linear)]
    rows = generator.integers(0, 5, (20, 5)).astype(np.float64)
    apart = [logits(says(network, flats[0], rows), name), logits(says(linear, flats[1], rows[:, inputs]), name)]
    both = logits(says(*beside_linear(network, flats[0], linear, flats[1], FACTOR, inputs.start), rows), name)
    expected = (apart[0] + FACTOR * apart[1]) / 2
    if name == "softmax":
        both, expected = (values - values.mean(axis=1, keepdims=True) for values in (both, expected))
    np.testing.assert_allclose(both, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("activation", ODD_PARTS)
def test_a_linear_model_passes_several_hidden_layers(name: str, activation: str) -> None:
    generator = np.random.default_rng(1)
    last = rv.Dense(3, name)
    hidden = [rv.Dense(4, activation), rv.Dropout(0.5), rv.Dense(5, activation), rv.Dense(3, activation)]
    network, linear = rv.Network(5, [*hidden, last]), rv.Network(5, [last])
    flats = [generator.normal(size=member.parameter_table.size) for member in (network, linear)]
    rows = generator.normal(size=(20, 5))
    apart = [logits(says(member, flat, rows), name) for member, flat in zip((network, linear), flats, strict=True)]
    both = logits(says(*beside_linear(network, flats[0], linear, flats[1], FACTOR), rows), name)
    expected = (apart[0] + FACTOR * apart[1]) / 2
    if name == "softmax":
        both, expected = (values - values.mean(axis=1, keepdims=True) for values in (both, expected))
    np.testing.assert_allclose(both, expected, rtol=1e-9, atol=1e-9)


def test_a_model_that_is_too_sure_counts_less() -> None:
    task = Task("multiclass", 3, ("a", "b", "c"))
    rows = np.arange(3000)  # so many that the prior of the temperature hardly counts
    targets = np.eye(3)[rows % 3]
    right = (rows % 10 < 7)[:, None]
    modest = np.where(right == (targets == 1), 0.7, 0.15)
    modest /= modest.sum(axis=1, keepdims=True)
    sure = modest**3 / (modest**3).sum(axis=1, keepdims=True)
    _, factor = mean_outputs(task, modest, sure, targets)
    assert factor == pytest.approx(1 / 3, rel=0.02)
    assert mean_outputs(task, sure, modest, targets)[1] == pytest.approx(3, rel=0.02)
