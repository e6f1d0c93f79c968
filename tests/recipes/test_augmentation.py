"""How pictures are distorted, and what learns from them, is chosen by rows left out."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.network.task import Task
from ranvier.recipes.augmentation import choice_of
from ranvier.recipes.augmentation_comparison import LINEAR, WITH_LINEAR
from ranvier.recipes.augmentation_scores import still_compared, suits_mirror_images
from ranvier.rows import Rows

TARGETS = np.eye(2)[np.arange(40) % 2]


def outputs_right_in(fraction: float) -> np.ndarray:
    """Probabilities that are right about the first rows of 40, and wrong about the others."""
    right = np.arange(40) < 40 * fraction
    return np.abs(TARGETS - np.where(right, 0.1, 0.9)[:, None])


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ({"affine": 0.8, "flip": 0.7, "none": 0.825}, "affine"),
        ({"affine": 0.5, "flip": 0.7, "none": 0.9}, "none"),
        ({"flip": 0.8, "affine": 0.8, "none": 0.7}, "flip"),
    ],
)
def test_the_usual_way_gives_way_to_what_is_clearly_better(fractions: dict[str, float], expected: str) -> None:
    outputs = {name: outputs_right_in(fraction) for name, fraction in fractions.items()}
    choice = choice_of(Task("multiclass", 2, ("a", "b")), list(fractions), outputs, TARGETS)
    assert choice.augmentation == expected
    assert ("as usual" in choice.notes[0]) == (expected == next(iter(fractions)))


@pytest.mark.parametrize(
    ("fractions", "learner"),
    [
        ({"none": 0.9, "none linear": 0.8, "linear on pixels": 0.85}, "hidden"),
        ({"none": 0.5, "none linear": 0.9, "linear on pixels": 0.7}, "linear"),
        ({"none": 0.5, "none linear": 0.6, "linear on pixels": 0.95}, "linear on pixels"),
        ({"none": 0.9, "with pixels": 0.95}, "with pixels"),
        ({"none": 0.9}, "hidden"),
    ],
)
def test_what_learns_is_chosen_by_the_rows_left_out(fractions: dict[str, float], learner: str) -> None:
    outputs = {name: outputs_right_in(fraction) for name, fraction in fractions.items()}
    choice = choice_of(
        Task("binary", 1, ("a", "b")), ["none"], {n: o[:, 1:] for n, o in outputs.items()}, TARGETS[:, 1:]
    )
    assert choice.learner == learner
    assert len(choice.notes) == (1 if learner == "hidden" else 2)


@pytest.mark.parametrize("task", [Task("multiclass", 2, ("a", "b")), Task("regression", 2)])
def test_rows_left_out_count_by_their_weights(task: Task) -> None:
    early, weights = np.arange(40) < 20, np.where(np.arange(40) < 20, 0.01, 1.0)
    outputs = {"none": outputs_right_in(0.7), "none linear": np.abs(TARGETS - np.where(early, 0.9, 0.1)[:, None])}
    assert choice_of(task, ["none"], outputs, TARGETS).learner == "hidden"
    choice = choice_of(task, ["none"], outputs, TARGETS, weights)
    assert choice.learner == "linear"
    assert choice.held_out is not None
    assert choice.held_out.weights is weights


def test_a_network_on_pixels_that_harms_does_not_join() -> None:
    confident = {"none": outputs_right_in(0.9), "with pixels": np.clip(2 * outputs_right_in(0.2) - 0.5, 0, 1)}
    choice = choice_of(Task("multiclass", 2, ("a", "b")), ["none"], confident, TARGETS)
    assert choice.learner == "hidden"
    assert "does not join" in choice.notes[1]


def test_a_linear_model_that_errs_elsewhere_joins_the_networks() -> None:
    """Each is wrong about other rows, and sure of the rows that it is right about, so that their mean is right."""
    row = np.arange(40)
    outputs = {}
    for name, wrong in (("none", row < 10), ("none linear", row >= 30)):
        right = np.where(wrong, 0.4, 0.9)[:, None]
        outputs[name] = np.where(TARGETS == 1, right, 1 - right)
    task = Task("multiclass", 2, ("a", "b"))
    choice = choice_of(task, ["none"], outputs, TARGETS)
    assert choice.learner == WITH_LINEAR
    assert "75.0% without" in choice.notes[1]
    assert choice_of(task, ["none"], outputs, TARGETS, merges_linear=False).learner == "hidden"


@pytest.mark.parametrize(("of_network", "learner"), [((0.99, 0.45), WITH_LINEAR), ((0.6, 0.02), LINEAR)])
def test_networks_stay_beside_a_better_linear_model_where_the_mean_is_best(
    of_network: tuple[float, float], learner: str
) -> None:
    """They are wrong about 12 rows and the linear model about 4 others: hardly sure of it, or very sure."""
    row, outputs = np.arange(40), {}
    for name, wrong, (right, otherwise) in (("none", row < 12, of_network), ("none linear", row >= 36, (0.8, 0.45))):
        of_target = np.where(wrong, otherwise, right)[:, None]
        outputs[name] = np.where(TARGETS == 1, of_target, 1 - of_target)
    task = Task("multiclass", 2, ("a", "b"))
    choice = choice_of(task, ["none"], outputs, TARGETS)
    assert choice.learner == learner
    assert "90.0% to 70.0%" in choice.notes[1]
    assert choice_of(task, ["none"], outputs, TARGETS, merges_linear=False).learner == LINEAR


def test_copies_that_are_soon_behind_are_not_compared_any_more() -> None:
    task, names = Task("multiclass", 2, ("a", "b")), ["flip", "affine", "none"]
    outputs = {name: [outputs_right_in(fraction)] for name, fraction in zip(names, (0.8, 0.7, 0.6), strict=True)}
    parts = [Rows(np.zeros((40, 1)), TARGETS)]
    assert still_compared(task, names, outputs, []) == names
    assert still_compared(task, names, outputs, parts) == ["flip", "none"]
    weighted = [Rows(np.zeros((40, 1)), TARGETS, np.where(np.arange(40) < 28, 1.0, 0.0))]
    assert still_compared(task, names, outputs, weighted) == names
    for name in ("flip", "none"):
        outputs[name].append(outputs_right_in(0.1))
    assert still_compared(task, names, outputs, parts * 2) == ["flip", "none"]
    joined = {name: np.concatenate(rows) for name, rows in outputs.items()}
    choice = choice_of(task, names, joined, np.tile(TARGETS, (2, 1)))
    assert choice.augmentation == "flip"
    assert "none 35.0%, affine 70.0% on the first 40, flip 45.0%" in choice.notes[0]
    assert "on 80 pictures left out" in choice.notes[0]


@pytest.mark.parametrize(("of_mirrored", "suited"), [(0.8, "flip"), (0.7, "flip"), (0.3, "affine")])
def test_mirror_images_say_which_copies_are_worth_comparing(of_mirrored: float, suited: str) -> None:
    """Three rows of 32 that only the picture is right about are chance, twenty are not."""
    task, outputs = Task("multiclass", 2, ("a", "b")), (outputs_right_in(0.8), outputs_right_in(of_mirrored))
    for name in ("affine", "flip"):
        assert suits_mirror_images(task, name, *outputs, TARGETS, None) == (name == suited)
