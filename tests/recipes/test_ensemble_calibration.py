"""The temperature of networks that are merged is that of their mean, not of a single one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ranvier.network.task import Task
from ranvier.recipes.augmentation import HIDDEN, LINEAR, WITH_LINEAR, WITH_PIXELS, ChosenTraining, chosen_outputs
from ranvier.recipes.candidates import Candidate, choose_candidate
from ranvier.recipes.ensemble_calibration import calibration_of_mean, enough_parts, mean_of
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.temperature import inverse_temperature
from tests.recipes.test_candidates import candidates

THREE = Task("multiclass", 3, ("a", "b", "c"))
ROWS, NETWORKS = 3_000, 4


def outputs_of_networks(seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """What networks say whose logits are the same ones with errors of their own, and the classes, one-hot."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.standard_normal((ROWS, 3))
    drawn = (probabilities_of(THREE, logits).cumsum(axis=1) < generator.random((ROWS, 1))).sum(axis=1)
    return (
        [probabilities_of(THREE, logits + 2 * generator.standard_normal((ROWS, 3))) for _ in range(NETWORKS)],
        np.eye(3)[np.minimum(drawn, 2)],
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_second", [400, ROWS])
def test_the_factor_is_that_of_the_mean_of_all_networks(seed: int, n_second: int) -> None:
    outputs, targets = outputs_of_networks(seed)
    expected = inverse_temperature(THREE, mean_of(THREE, outputs, [1 / NETWORKS] * NETWORKS), targets)
    single = inverse_temperature(THREE, outputs[0], targets)
    factor, held_out = calibration_of_mean(THREE, outputs[0], outputs[1][:n_second], targets, None, NETWORKS)
    assert abs(np.log(factor / expected)) < 0.4 * abs(np.log(single / expected))
    assert held_out is not None
    assert len(held_out) == ROWS
    predicted = mean_of(THREE, outputs[:2], [factor / 2, factor / 2])
    np.testing.assert_allclose(held_out.outputs[:n_second], predicted[:n_second], rtol=1e-6)


def test_a_regression_has_no_factor() -> None:
    task, numbers = Task("regression", 1), np.arange(300.0)[:, None]
    factor, held_out = calibration_of_mean(task, numbers + 1, numbers[:200] - 1, numbers, np.ones(300), 3)
    assert factor == 1.0
    assert held_out is not None
    np.testing.assert_allclose(held_out.outputs[:200], numbers[:200])


def test_enough_parts_are_all_where_there_are_few_rows() -> None:
    assert enough_parts([1, 2, 3], [10, 10, 10]) == [1, 2, 3]
    assert enough_parts([1, 2, 3], [200, 10, 10]) == [1]


@pytest.mark.parametrize(
    ("learner", "augmentation", "n_networks", "fractions"),
    [
        (HIDDEN, "affine", 3, (1, 0, 0)),
        (LINEAR, "affine", 3, (0, 1, 0)),
        (WITH_LINEAR, "affine", 3, (0.5, 0.25, 0)),
        (WITH_PIXELS, "affine", 3, (0.75, 0, 0.25)),
        (WITH_PIXELS, "flip", 3, (6 / 7, 0, 1 / 7)),
        (WITH_PIXELS, "none", 1, (0.5, 0, 0.5)),
    ],
)
def test_parts_are_joined_as_the_merged_network_joins_them(
    learner: str, augmentation: str, n_networks: int, fractions: tuple[float, ...]
) -> None:
    parts = [np.random.default_rng(seed).dirichlet((1, 1, 1), 50) for seed in range(3)]
    outputs = {augmentation: parts[0][:40], f"{augmentation} linear": parts[1][:40], "with pixels": parts[2]}
    choice = ChosenTraining(augmentation, 1.0, (), learner, linear_factor=0.5)
    logits = sum(fraction * logits_of(THREE, part[:40]) for fraction, part in zip(fractions, parts, strict=True))
    actual = chosen_outputs(THREE, choice, outputs, n_networks)
    np.testing.assert_allclose(actual, probabilities_of(THREE, np.asarray(logits)), rtol=1e-6)


def test_a_second_network_is_trained_for_the_temperature_where_several_are_merged() -> None:
    noisy, right, rows, task = candidates()
    mixed = replace(noisy, features=noisy.features + right.features / 4)
    requested: list[int] = []

    def second() -> dict[str, Candidate]:
        requested.append(1)
        return {"only": mixed}

    alone = choose_candidate({"only": mixed}, rows, task, 0, n_networks=1, second=second)
    assert requested == []
    merged = choose_candidate({"only": mixed}, rows, task, 0, n_networks=3, second=second)
    assert requested == [1]
    assert alone.inverse_temperature != 1.0
    assert merged.inverse_temperature == pytest.approx(alone.inverse_temperature, rel=1e-3)
