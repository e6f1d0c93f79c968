"""Choosing between candidates on rows that are left out."""

from __future__ import annotations

from dataclasses import replace

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


def test_a_difference_within_its_standard_error_does_not_count() -> None:
    _, right, rows, task = candidates()
    number = np.arange(100)
    parts = {"first": number % 2 == 0, "second": (number % 2 == 1) | (number < 10)}
    halves = {name: replace(right, features=right.features * part[:, None]) for name, part in parts.items()}
    choice = choose_candidate(halves, rows, task, 0)
    assert choice.scores["second"] > choice.scores["first"]
    assert choice.name == "first"


def test_half_a_comparison_chooses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, right, rows, task = candidates()
    interrupt_after(3, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        choose_candidate({"first": bad, "linear": right}, rows, task, 0)


@pytest.mark.parametrize(("weights", "expected"), [((1.0, 9.0), "second half"), ((9.0, 1.0), "first half")])
def test_rows_count_by_their_weights(weights: tuple[float, float], expected: str) -> None:
    _, right, rows, task = candidates()
    late = np.arange(100) >= 50
    parts = {"first half": ~late, "second half": late}
    halves = {name: replace(right, features=right.features * part[:, None]) for name, part in parts.items()}
    weighted = Rows(rows.inputs, rows.targets, np.where(late, weights[1], weights[0]))
    assert choose_candidate(halves, rows, task, 0).name == "first half"
    choice = choose_candidate(halves, weighted, task, 0)
    assert choice.name == expected
    # A network that is right about 9 of 10 parts of the weight, and about half of the others by chance.
    assert choice.scores[expected] > 0.9
    assert choice.held_out is not None
    assert choice.held_out.weights is not None
    assert sorted(set(choice.held_out.weights.tolist())) == [1.0, 9.0]


def test_validation_rows_are_what_candidates_are_compared_on() -> None:
    bad, right, rows, task = candidates()
    held = rows.take(np.arange(30))
    first = replace(right, held_features=bad.features[:30])
    second = replace(right, held_features=right.features[:30])
    choice = choose_candidate({"first": first, "second": second}, rows, task, 0, held)
    assert (choice.name, choice.n_rows, choice.scores["second"]) == ("second", 30, 1.0)
    assert choice.held_out is not None
    assert choice.held_out.targets.tolist() == held.targets.tolist()
