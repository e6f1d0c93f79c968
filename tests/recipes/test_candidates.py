"""Choosing between candidates on rows that are left out."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.recipes.candidates import Candidate, choose_candidate
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.plain import PlainRecipe
from ranvier.rows import Rows
from tests.recipes.test_recipe import interrupt_after


def candidates() -> tuple[Candidate, Candidate, Rows, rv.Task]:
    """A network on noise, one on the classes, and the rows and the task of both."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 100)
    rows = Rows(np.zeros((100, 1), np.float32), np.eye(2, dtype=np.float32)[labels], None)
    good = np.eye(2, dtype=np.float32)[labels] * 4
    noise = generator.normal(size=(100, 2)).astype(np.float32)
    task = rv.Task("multiclass", 2, (0, 1))
    network = rv.Network(2, [rv.Dense(2, "softmax")])
    options = PlainRecipe().complete(TrainOptions(engine="reference", epochs=5, learning_rate=0.1, dropout=0.0))
    settings = PlainRecipe().settings(network, task, options, 100, (), False)
    bad, right = Candidate(network, settings, noise), Candidate(network, settings, good)
    return bad, right, rows, task


def test_the_linear_candidate_is_taken_where_it_is_clearly_better() -> None:
    bad, right, rows, task = candidates()
    assert choose_candidate({"first": bad, "linear": right}, rows, task, 0).name == "linear"
    choice = choose_candidate({"first": right, "linear": right}, rows, task, 0)
    assert (choice.name, choice.n_rows, choice.n_groups) == ("first", 100, 0)
    few = rows.take(np.arange(20))
    assert choose_candidate({"first": bad, "linear": right}, few, task, 0).scores == {}


def test_half_a_comparison_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, right, rows, task = candidates()
    interrupt_after(3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        choose_candidate({"first": bad, "linear": right}, rows, task, 0)
