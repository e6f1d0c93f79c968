"""Choosing how pictures are distorted and what learns from them: small networks, compared on rows that are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.threads import Progress
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.augmentation_comparison import (
    HIDDEN,
    LINEAR,
    LINEAR_PIXELS,
    ORDER,
    WITH_LINEAR,
    WITH_PIXELS,
    Comparisons,
    splits_of,
)
from ranvier.recipes.augmentation_scores import calibrated_loss, is_better, score_of, written
from ranvier.recipes.ensemble_calibration import calibration_of_mean, enough_parts, mean_of
from ranvier.recipes.image_parts import ImageParts
from ranvier.recipes.linear_beside import mean_outputs
from ranvier.recipes.picture_rows import is_mirrored
from ranvier.recipes.shared_features import MemberFeatures
from ranvier.recipes.text_merge import can_hold_linear
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.held_out import HeldOut
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
MIN_ROWS = 60
"""For fewer rows a comparison would be chance."""
SURE = 2.0
"""By so many standard errors another augmentation must be better than the usual one."""


@record
class ChosenTraining:
    """What was chosen on rows that are left out.

    Fields:
        augmentation: how pictures are distorted: "none" or a key of `DISTORTIONS`.
        inverse_temperature: the factor that calibrates the logits, from the rows that were left out.
        notes: why, one sentence for each choice.
        learner: "hidden", networks with a hidden layer on patch features; "linear", without one; "with linear", both
            of them; "linear on pixels"; or "with pixels", the first beside a network on the pixels of distorted copies.
        linear_factor: of the logits of linear models beside those of the networks with a hidden layer.
        held_out: what the chosen networks say of these rows, with the temperature; None for no rows.
    """

    augmentation: str
    inverse_temperature: float
    notes: tuple[str, ...]
    learner: str = HIDDEN
    held_out: HeldOut | None = None
    linear_factor: float = 1.0


def choose_training(
    recipe: ImageParts,
    pixels: Array,
    rows: Rows,
    task: Task,
    network: Network,
    settings: TrainSettings,
    members: MemberFeatures,
    validation: tuple[Array, Rows] | None = None,
    progress: Progress | None = None,
) -> ChosenTraining:
    """The augmentation and the learner with the highest accuracy, or smallest squared error, on rows that are left out.

    The usual augmentation, "flip" for pictures in colour and "affine" for others, is taken unless another one is better
    by more than chance gives: a comparison on some hundred rows is mostly chance, and copies help almost always. The
    unusual one of the two is compared only where mirror images speak for it, by `suits_mirror_images`.

    A linear model, on patch features or on pixels, is taken, where the recipe tries one, if of these rows it is right
    about more that the networks are wrong about than the reverse, by more than chance gives; or the mean of a linear
    model on patch features and the networks, if its loss is smaller than that of the former. A network on the pixels of
    distorted copies joins those on patch features where the mean of their outputs is no worse; elsewhere a linear model
    on patch features does where the mean with it is better by more than chance gives.

    Parameters:
        recipe: whose augmentation, form and other members count.
        pixels: of the rows, shape (B, H, W, C).
        rows: targets, weights and groups; rows of a group are left out together.
        task, network, settings: what will be trained; for many pictures the networks that are compared have fewer
            centroids.
        members: the features of the networks that will be trained; for few pictures those that are compared read them.
        validation: pixels and rows to compare on; None to leave out some of the others.
        progress: called with how many networks are trained, and of how many.
    """
    usual, unusual = ("flip", "affine") if pixels.shape[3] == 3 else ("affine", "flip")
    if len(rows) < MIN_ROWS:
        name = usual if recipe.augment == "auto" else recipe.augment
        reason = "as usual for so few pictures" if recipe.augment == "auto" else "without a comparison"
        return ChosenTraining(name, 1.0, (f"Augmentation: {name}, {reason}.",))
    augmentations = [usual, unusual, "none"] if recipe.augment == "auto" else [recipe.augment]
    splits = list(splits_of(rows, settings.seed, task, validation))
    comparisons = Comparisons(recipe, task, network, settings, pixels, rows, members, validation)
    outputs, parts = comparisons.outputs(splits, augmentations, progress)
    augmentations = [name for name in augmentations if name in outputs]
    joined = {name: np.concatenate(parts) for name, parts in outputs.items()}
    weights = [part.weights for part in parts if part.weights is not None]
    targets = np.concatenate([part.targets for part in parts])
    all_weights = np.concatenate(weights) if weights else None
    n_networks = recipe.networks_for(len(rows))
    choice = choice_of(task, augmentations, joined, targets, all_weights, can_hold_linear(network), n_networks)
    if n_networks == 1 or choice.learner == LINEAR_PIXELS:
        return choice
    again = enough_parts(splits, (len(part) for part in parts))
    seconds = [comparisons.on(split, 1).on_patches(choice.augmentation) for split in again]
    second = {name: np.concatenate([output[name] for output in seconds]) for name in seconds[0]}
    of_first, of_second = (chosen_outputs(task, choice, of_one, n_networks) for of_one in (joined, joined | second))
    factor, held_out = calibration_of_mean(task, of_first, of_second, targets, all_weights, n_networks)
    return replace(choice, inverse_temperature=factor, held_out=held_out)


def chosen_outputs(task: Task, choice: ChosenTraining, outputs: Mapping[str, Array], n_networks: int) -> Array:
    """What is chosen outputs, merged of what its parts output; of as many rows as the first part has.

    Parameters:
        outputs: name of an augmentation, or with "linear" behind it, or of another learner -> outputs; those of a
            network on pixels may be longer.
        n_networks: how many networks on patch features are merged with one on pixels.
    """
    if choice.learner in (LINEAR, LINEAR_PIXELS):
        return outputs[f"{choice.augmentation} {LINEAR}" if choice.learner == LINEAR else LINEAR_PIXELS]
    hidden = outputs[choice.augmentation]
    if choice.learner == WITH_LINEAR:
        linear = outputs[f"{choice.augmentation} {LINEAR}"]
        return mean_of(task, (hidden, linear), (0.5, 0.5 * choice.linear_factor))
    if choice.learner == WITH_PIXELS:
        count = n_networks * (2 if is_mirrored(choice.augmentation) else 1)
        fractions = count / (count + 1), 1 / (count + 1)
        return mean_of(task, (hidden, outputs[WITH_PIXELS][: len(hidden)]), fractions)
    return hidden


def choice_of(
    task: Task,
    augmentations: Sequence[str],
    outputs: dict[str, Array],
    targets: Array,
    weights: Array | None = None,
    merges_linear: bool = True,
    n_networks: int = 1,
) -> ChosenTraining:
    """The best augmentation and learner, by outputs for the rows that were left out.

    Parameters:
        augmentations: the usual one first.
        outputs: name of an augmentation or of another learner -> what it outputs for these rows, (B, N); of an
            augmentation that was soon behind, for the first of them.
        targets, weights: of these rows.
        merges_linear: whether a linear model can become a part of the networks.
        n_networks: how many networks on patch features are merged.
    """
    usual, *others = (name for name in augmentations if len(outputs[name]) == len(targets))
    scores = {name: score_of(task, outputs[name], targets, weights) for name in augmentations}
    better = [name for name in others if is_better(task, outputs[usual], outputs[name], targets, weights, SURE)]
    best = max(better or [usual], key=lambda name: scores[name])
    notes, learner, best_outputs = [_text(task, scores, best, outputs)], HIDDEN, outputs[best]
    for name, key in ((LINEAR, f"{best} {LINEAR}"), (LINEAR_PIXELS, LINEAR_PIXELS)):
        if key in outputs and is_better(task, best_outputs, outputs[key], targets, weights):
            learner, best_outputs = name, outputs[key]
    measured, linear_factor = written(task, score_of(task, best_outputs, targets, weights)), 1.0
    if learner != HIDDEN:
        what = "patch features" if learner == LINEAR else "pixels"
        verb, before = "is taken", written(task, scores[best])
        if learner == LINEAR and merges_linear:
            mean, factor = mean_outputs(task, outputs[best], best_outputs, targets, weights)
            if calibrated_loss(task, mean, targets, weights) < calibrated_loss(task, best_outputs, targets, weights):
                learner, best_outputs, linear_factor = WITH_LINEAR, mean, factor
                verb = "joins the networks"
        notes.append(
            f"A linear model on {what} {verb}: on the pictures left out it was better, {measured} to {before}."
        )
    elif WITH_PIXELS in outputs:
        joined = ChosenTraining(best, 1.0, (), WITH_PIXELS)
        mean = chosen_outputs(task, joined, outputs, n_networks)
        joint = score_of(task, mean, targets, weights)
        if joint >= score_of(task, best_outputs, targets, weights):
            learner, best_outputs = WITH_PIXELS, mean
        verb = "joins" if learner == WITH_PIXELS else "does not join"
        notes.append(
            f"A network on the pixels of distorted copies {verb} those on patch features: {written(task, joint)} with "
            f"it, {measured} without, on the pictures left out."
        )
    elif f"{best} {LINEAR}" in outputs and merges_linear:
        mean, factor = mean_outputs(task, best_outputs, outputs[f"{best} {LINEAR}"], targets, weights)
        if is_better(task, best_outputs, mean, targets, weights):
            learner, best_outputs, linear_factor = WITH_LINEAR, mean, factor
            joint = score_of(task, mean, targets, weights)
            notes.append(
                f"A linear model on patch features joins the networks: {written(task, joint)} with it, {measured} "
                "without, on the pictures left out."
            )
    factor = inverse_temperature(task, best_outputs, targets, weights)
    held_out = HeldOut(best_outputs, targets, weights, folds=True).calibrated(task, factor)
    return ChosenTraining(best, factor, tuple(notes), learner, held_out, linear_factor)


def _text(task: Task, scores: dict[str, float], best: str, outputs: Mapping[str, Array]) -> str:
    """Why an augmentation was taken."""
    if len(scores) == 1:
        return f"Augmentation: {best}, without a comparison."
    rows = len(outputs[best])
    counts = {name: f" on the first {len(outputs[name]):,}" if len(outputs[name]) < rows else "" for name in scores}
    scores_text = ", ".join(f"{name} {written(task, scores[name])}{counts[name]}" for name in sorted(scores, key=ORDER))
    what = "accuracy" if task.is_classifier else "squared error"
    why = "as usual, since no other was clearly better" if best == next(iter(scores)) else "which was clearly better"
    return f"Augmentation: {best}, {why} by the {what} of small networks on {rows:,} pictures left out ({scores_text})."
