"""Which networks on texts are merged: those that validation rows, with their weights, say."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.data import TargetEncoder
from ranvier.model.fit import train_settings
from ranvier.model.fit_options import FitOptions
from ranvier.network.task import Task
from ranvier.recipes.text_members import IDF, LINEAR, Member, Result
from ranvier.recipes.text_training import Evaluated, choose, evaluate
from ranvier.rows import Rows
from ranvier.training.history import History

NETWORK = rv.Network(2, [rv.Dense(4, "relu"), rv.Dense(1)])
SETTINGS = train_settings(NETWORK, TargetEncoder(Task("regression", 1)), FitOptions())
ROWS = 60


def result(name: str, outputs: np.ndarray, best_epoch: int = 1) -> Result:
    member, summary = Member(name, NETWORK, SETTINGS, False), {"best_epoch": best_epoch}
    return Result(member, np.zeros(3), History(), "", summary, "", "", False, False, None, outputs)


def evaluated(name: str, logits: np.ndarray) -> Evaluated:
    return Evaluated(result(name, logits[:, None]), 1.0, 1, logits[:, None])


@pytest.mark.parametrize(("weight_of_noise", "names"), [(0.0, [IDF]), (1.0, [IDF, LINEAR])])
def test_rows_of_no_weight_do_not_hide_that_one_network_is_better(weight_of_noise: float, names: list[str]) -> None:
    """Both together err by 1 and the first alone by 0, on rows that count; on others the loss varies by hundreds."""
    counting, noise = np.ones(ROWS // 2), np.tile([1.0, 0.0], ROWS // 4)
    first = np.concatenate([0 * counting, 20 * noise])
    second = np.concatenate([2 * counting, -20 * noise + 40 * (1 - noise)])
    weights = np.concatenate([counting, np.full(ROWS // 2, weight_of_noise)])
    rows = Rows(np.zeros((ROWS, 2)), np.zeros((ROWS, 1)), weights)
    members, factor, note = choose(Task("regression", 1), [evaluated(IDF, first), evaluated(LINEAR, second)], rows)
    assert [entry.member.name for entry in members] == names
    assert factor == 1.0
    assert f"on {ROWS} validation rows" in note


def test_folds_that_are_too_small_alone_calibrate_together() -> None:
    """Three folds of 40 rows, all of them right with a probability of .6; fewer than 100 rows give no temperature."""
    right = np.tile([1.0, 0.0], 20)[:, None]
    folds = [result(IDF, 0.4 + 0.2 * right, best_epoch) for best_epoch in (2, 6, 8)]
    alone, together = (
        evaluate(
            Task("binary", 1, ("no", "yes")), folds[:count], Rows(np.zeros((40 * count, 0)), np.tile(right, (count, 1)))
        )
        for count in (1, 3)
    )
    assert (alone.factor, alone.epochs) == (1.0, 2)
    assert together.factor > 3.0
    assert together.epochs == 5
    assert together.logits is not None
    np.testing.assert_allclose(together.logits, together.factor * (np.tile(right, (3, 1)) * 2 - 1) * np.log(1.5))
