"""Which networks on texts are merged: those that validation rows, with their weights, say."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.data import TargetEncoder
from ranvier.model.fit import train_settings
from ranvier.model.fit_options import FitOptions
from ranvier.network.task import Task
from ranvier.recipes.text_training import IDF, LINEAR, Member, Result, choose
from ranvier.rows import Rows
from ranvier.training.history import History

NETWORK = rv.Network(2, [rv.Dense(4, "relu"), rv.Dense(1)])
SETTINGS = train_settings(NETWORK, TargetEncoder(Task("regression", 1)), FitOptions())
ROWS = 60


def result(name: str, logits: np.ndarray) -> Result:
    member = Member(name, NETWORK, SETTINGS, False)
    return Result(member, np.zeros(3), History(), "", {}, "", "", False, False, logits[:, None], 1.0)


@pytest.mark.parametrize(("weight_of_noise", "names"), [(0.0, [IDF]), (1.0, [IDF, LINEAR])])
def test_rows_of_no_weight_do_not_hide_that_one_network_is_better(weight_of_noise: float, names: list[str]) -> None:
    """Both together err by 1 and the first alone by 0, on rows that count; on others the loss varies by hundreds."""
    counting, noise = np.ones(ROWS // 2), np.tile([1.0, 0.0], ROWS // 4)
    first = np.concatenate([0 * counting, 20 * noise])
    second = np.concatenate([2 * counting, -20 * noise + 40 * (1 - noise)])
    weights = np.concatenate([counting, np.full(ROWS // 2, weight_of_noise)])
    rows = Rows(np.zeros((ROWS, 2)), np.zeros((ROWS, 1)), weights)
    members, factor, note = choose(Task("regression", 1), [result(IDF, first), result(LINEAR, second)], rows)
    assert [entry.member.name for entry in members] == names
    assert factor == 1.0
    assert f"on {ROWS} validation rows" in note
