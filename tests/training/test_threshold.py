"""The threshold between two classes: given, by a cost, or best by a metric."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.training.held_out import HeldOut
from ranvier.training.threshold import check_has_threshold, checked_threshold, chosen_threshold

TASK = Task("binary", 1, ("no", "yes"))
GENERATOR = np.random.default_rng(0)
Y = (GENERATOR.random(400) < 0.2).astype(float)
P = np.clip(0.2 * Y + 0.6 * GENERATOR.random(400), 0.001, 0.999).round(2)
PEERS: dict[str, Any] = {"f1": f1_score, "accuracy": accuracy_score, "balanced_accuracy": balanced_accuracy_score}


@pytest.mark.parametrize("name", list(PEERS))
def test_no_threshold_is_better_on_these_rows(name: str) -> None:
    threshold = chosen_threshold(name, TASK, HeldOut(P[:, None], Y[:, None]))
    reached = PEERS[name](Y, threshold <= P)
    assert reached == pytest.approx(max(PEERS[name](Y, t <= P) for t in np.linspace(0.001, 0.999, 999)))
    assert reached > PEERS[name](Y, P >= 0.5) or name == "accuracy"


@pytest.mark.parametrize("name", list(PEERS))
def test_the_threshold_lies_in_the_middle_of_a_gap(name: str) -> None:
    apart = HeldOut(np.repeat([0.2, 0.6], 10)[:, None], np.repeat([0.0, 1.0], 10)[:, None])
    assert chosen_threshold(name, TASK, apart) == pytest.approx(0.4)


def test_weights_count() -> None:
    weights = np.where(Y == 1, 9.0, 1.0)
    heavy = chosen_threshold("f1", TASK, HeldOut(P[:, None], Y[:, None], weights))
    assert heavy < chosen_threshold("f1", TASK, HeldOut(P[:, None], Y[:, None]))


def test_costs_and_numbers() -> None:
    assert checked_threshold("cost:1:1") == 0.5
    assert checked_threshold("cost:9:1") == pytest.approx(0.1)
    assert checked_threshold(0.25) == 0.25
    assert chosen_threshold(0.25, TASK, None) == 0.25


@pytest.mark.parametrize("rule", [0.0, 1.0, "recall", "cost:5", "cost:0:1", "cost:a:b", "cost:inf:1", True, [0.5]])
def test_other_rules_are_refused(rule: Any) -> None:
    with pytest.raises(InputError, match=r"threshold is .*; give a probability"):
        checked_threshold(rule)


def test_a_metric_needs_rows_of_both_classes() -> None:
    with pytest.raises(InputError, match="at least 20 validation rows of both classes"):
        chosen_threshold("f1", TASK, None)
    with pytest.raises(InputError, match="at least 20 validation rows of both classes"):
        chosen_threshold("f1", TASK, HeldOut(P[:, None], np.zeros((400, 1))))


def test_only_two_classes_have_a_threshold() -> None:
    check_has_threshold(TASK, "f1")
    with pytest.raises(InputError, match="two classes, and the task is multiclass"):
        check_has_threshold(Task("multiclass", 3, ("a", "b", "c")), 0.3)
