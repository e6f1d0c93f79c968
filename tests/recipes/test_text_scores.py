"""Columns of texts are judged one by one, and a network on their scores is one on their terms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.recipes.recipe import TrainingSetup
from ranvier.recipes.table import TableRecipe
from ranvier.recipes.text_scores import TextScores, on_scores, text_scores, with_terms
from ranvier.training.inference import outputs_of
from tests.recipes.test_text import FILLER, TOPICS

N = 240
KINDS = ["binary", "multiclass", "multilabel", "regression"]


def table(kind: str, seed: int = 0) -> tuple[dict[str, list[Any]], Any]:
    """A text that tells the class, one that tells nothing, a number, and the columns of the target."""
    generator = np.random.default_rng(seed)
    food = generator.random(N) < 0.5
    words = [
        [*generator.choice(TOPICS["food" if is_food else "sea"], 3), *generator.choice(FILLER, 5)] for is_food in food
    ]
    columns: dict[str, Any] = {
        "about": [" ".join(generator.permutation(row)) for row in words],
        "noise": [" ".join(generator.choice(FILLER, 8)) for _ in range(N)],
        "number": generator.normal(size=N),
    }
    second = generator.random(N) < 0.5
    if kind == "regression":
        return columns | {"y": 1000 + 50 * food + generator.normal(0, 5, N)}, "y"
    if kind == "multilabel":
        return columns | {"first": food.astype(int), "second": (generator.random(N) < 0.5).astype(int)}, [
            "first",
            "second",
        ]
    second = generator.random(N) < 0.5
    names = np.where(food, np.where(second & (kind == "multiclass"), "a", "b"), "c")
    return columns | {"y": names}, "y"


def setup_of(kind: str, **options: Any) -> TrainingSetup:
    """What the recipe trains on this table."""
    setups: list[TrainingSetup] = []

    def train(self: TableRecipe, setup: TrainingSetup) -> None:
        setups.append(setup)
        raise KeyboardInterrupt

    columns, target = table(kind)
    options |= {"kinds": {"about": "text", "noise": "text"}, "effort": "fast", "test": 0.2, "progress": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TableRecipe, "train", train)
        with pytest.raises(KeyboardInterrupt):
            rv.train(columns, target, seed=1, **options)
    return setups[0]


def scores_of(setup: TrainingSetup) -> TextScores:
    scores = text_scores(setup)
    assert scores is not None
    return scores


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_judged_column_by_column(kind: str) -> None:
    scores = scores_of(setup_of(kind))
    assert scores.used == ("about",)
    assert scores.left_out == ("noise",)
    assert scores.rows.std(axis=0) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_on_scores_outputs_the_same_on_terms(kind: str) -> None:
    setup = setup_of(kind, validation=table(kind, seed=3)[0])
    scores = scores_of(setup)
    score_setup = on_scores(setup, scores)
    assert score_setup.validation is not None
    flat = score_setup.network.parameter_table.initial(0)
    flat += np.random.default_rng(0).normal(0, 0.1, flat.shape).astype(flat.dtype)
    moved = with_terms(flat, score_setup.network, scores, setup.network)
    assert setup.validation is not None
    expected = outputs_of(score_setup.network, score_setup.settings, flat, score_setup.validation.inputs)
    actual = outputs_of(setup.network, setup.settings, moved, setup.validation.inputs)
    np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-5)


def test_a_row_is_scored_by_a_model_that_has_not_seen_it() -> None:
    """Texts of nothing but a word of their own would be told apart by a model that has seen them."""
    setup = setup_of("binary")
    targets = setup.rows.targets
    flipped = targets.copy()
    flipped[:40] = 1 - flipped[:40]
    before = scores_of(setup)
    after = scores_of(replace(setup, rows=replace(setup.rows, targets=flipped)))
    right = [float(np.mean((scores.rows[:40, 0] > 0) == (targets[:40, 0] > 0.5))) for scores in (before, after)]
    assert min(right) > 0.9


def test_rows_of_one_group_are_not_judged() -> None:
    setup = setup_of("binary")
    grouped = replace(setup.rows, groups=np.zeros(len(setup.rows), np.int64))
    assert text_scores(replace(setup, rows=grouped)) is None
    assert text_scores(replace(setup, rows=setup.rows.take(np.arange(9)))) is None
