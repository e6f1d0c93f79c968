"""Logits, probabilities and log losses agree with each other and with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from ranvier.network.task import Task
from ranvier.training.logits import logits_of, probabilities_of, row_log_losses

BINARY = Task("binary", 1, ("no", "yes"))
MULTICLASS = Task("multiclass", 3, ("a", "b", "c"))
LABELS = Task("multilabel", 3, target_names=("x", "y", "z"))


def drawn(task: Task) -> tuple[Any, Any]:
    """Logits of 50 rows, and targets."""
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(50, task.outputs)) * 3
    if task.kind == "multiclass":
        return logits, np.eye(3)[generator.integers(0, 3, 50)]
    return logits, generator.integers(0, 2, logits.shape).astype(np.float64)


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, LABELS])
def test_probabilities_and_logits_are_inverse(task: Task) -> None:
    probabilities = probabilities_of(task, drawn(task)[0])
    np.testing.assert_allclose(probabilities_of(task, logits_of(task, probabilities)), probabilities, rtol=1e-9)


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, LABELS])
def test_the_log_loss_is_that_of_scikit_learn(task: Task) -> None:
    logits, targets = drawn(task)
    probabilities = probabilities_of(task, logits)
    if task.kind == "multiclass":
        expected = log_loss(targets, probabilities)
    else:
        expected = sum(log_loss(targets[:, label], probabilities[:, label]) for label in range(task.outputs))
    assert row_log_losses(task, logits, targets).mean() == pytest.approx(expected, rel=1e-9)


def test_numbers_of_a_regression_stay() -> None:
    numbers = np.array([[1.5], [-2.0]])
    task = Task("regression", 1)
    assert probabilities_of(task, logits_of(task, numbers)).tolist() == numbers.tolist()


def test_a_sure_output_has_a_finite_logit() -> None:
    assert np.isfinite(logits_of(BINARY, np.array([[0.0], [1.0]]))).all()
