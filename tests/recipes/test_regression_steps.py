"""A number is learned from few pictures or recordings in enough steps; classes need fewer."""

from __future__ import annotations

import pytest

from ranvier.network.task import Task
from ranvier.recipes.image import IMAGE_PRESETS
from ranvier.recipes.image import MIN_REGRESSION_STEPS as OF_PICTURES
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe
from ranvier.recipes.sound import MIN_REGRESSION_STEPS as OF_RECORDINGS
from ranvier.recipes.sound import SOUND_PRESETS
from ranvier.training.settings import TrainSettings

RECIPES = [
    *((recipe, OF_PICTURES) for recipe in IMAGE_PRESETS.values()),
    *((recipe, OF_RECORDINGS) for recipe in SOUND_PRESETS.values()),
]
NUMBER, CLASSES = Task("regression", 1), Task("multiclass", 3, ("a", "b", "c"))


def settings(recipe: Recipe, task: Task, rows: int, epochs: int | None = None) -> TrainSettings:
    options = recipe.complete(TrainOptions(epochs=epochs))
    return recipe.settings(recipe.network(0, task, options), task, options, rows, (), False)


@pytest.mark.parametrize(("recipe", "n_steps"), RECIPES)
@pytest.mark.parametrize("rows", [1, 40, 120, 900, 5_000, 50_000])
def test_a_number_is_learned_in_enough_steps(recipe: Recipe, n_steps: int, rows: int) -> None:
    number, classes = (settings(recipe, task, rows) for task in (NUMBER, CLASSES))
    steps = number.epochs * rows / number.batch_size
    assert steps >= n_steps
    assert number.epochs == classes.epochs or steps < n_steps + number.epochs
    assert number.callbacks[0].patience == number.epochs  # type: ignore[attr-defined]


@pytest.mark.parametrize(("recipe", "n_steps"), RECIPES)
def test_epochs_that_are_given_count(recipe: Recipe, n_steps: int) -> None:
    assert settings(recipe, NUMBER, 40, epochs=3).epochs == 3
