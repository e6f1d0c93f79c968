"""Choosing how pictures are distorted: a small network for each way, compared on rows that are left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.data.images.distortion import DISTORTIONS, distorted
from ranvier.data.images.patches import PatchFeatures
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.split import split_rows
from ranvier.training.inference import compile_for_inference
from ranvier.training.loop import final_parameters
from ranvier.training.runner import run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import inverse_temperature

if TYPE_CHECKING:
    from ranvier.recipes.image import ImageRecipe

Array = NDArray[Any]
MAX_TRAINING_ROWS, MAX_VALIDATION_ROWS = 6_000, 2_000
VALIDATION_SHARE = 0.2
MIN_ROWS = 60
"""For fewer rows a comparison would be chance."""
ENOUGH_VALIDATION_ROWS, MAX_SPLITS = 400, 5
N_CENTROIDS, COPIES = 100, 2
WAYS = ("affine", "flip", "none")
"""In the order in which a tie is decided."""


@record
class ChosenAugmentation:
    """A way to distort pictures.

    Fields:
        name: "none" or a key of `DISTORTIONS`.
        inverse_temperature: the factor that calibrates the logits, from the rows that were left out.
        text: why, in a sentence.
    """

    name: str
    inverse_temperature: float
    text: str


def choose_augmentation(
    recipe: ImageRecipe, pixels: Array, rows: Rows, task: Task, network: Network, settings: TrainSettings
) -> ChosenAugmentation:
    """The way with the best score on rows that are left out: accuracy, or for other tasks the smallest squared error.

    Parameters:
        recipe: the recipe; only its form counts.
        pixels: of the rows, shape (B, H, W, C).
        rows: targets and weights.
        task, network, settings: what will be trained; the networks that are compared have fewer centroids.
    """
    usual = "flip" if pixels.shape[3] == 3 else "affine"
    if len(rows) < MIN_ROWS:
        return ChosenAugmentation(usual, 1.0, f"Augmentation: {usual}, as usual for so few pictures.")
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    small = Network(9 * N_CENTROIDS, network.layers)
    ways = WAYS if recipe.augment == "auto" else (recipe.augment,)
    outputs: dict[str, list[Array]] = {way: [] for way in ways}
    held: list[Rows] = []
    n_splits = min(MAX_SPLITS, -(-ENOUGH_VALIDATION_ROWS // max(round(VALIDATION_SHARE * len(rows)), 1)))
    for number in range(n_splits):
        learned_index, held_index = _split(len(rows), settings.seed + number, labels)
        patches = PatchFeatures.fit(pixels[learned_index], N_CENTROIDS, settings.seed, stride=recipe.stride)
        held.append(rows.take(held_index))
        for way in ways:
            parts = (pixels[learned_index], rows.take(learned_index), pixels[held_index])
            outputs[way].append(_outputs(recipe, way, patches, *parts, task, small, settings))
    targets = np.concatenate([part.targets for part in held])
    scores = {way: _score(task, np.concatenate(outputs[way]), targets) for way in ways}
    best = max(ways, key=lambda way: scores[way])
    factor = inverse_temperature(task, np.concatenate(outputs[best]), targets)
    return ChosenAugmentation(best, factor, _text(task, scores, best, len(targets)))


def _split(rows: int, seed: int, labels: NDArray[np.int64] | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from and rows to compare on, some thousands at most."""
    validation = min(VALIDATION_SHARE, MAX_VALIDATION_ROWS / rows)
    training = min(1.0 - VALIDATION_SHARE, MAX_TRAINING_ROWS / rows)
    rest = 1.0 - validation - training
    if rest < 1e-9:
        learned, held = split_rows(rows, (1.0 - validation, validation), seed, labels)
        return learned, held
    learned, held, _ = split_rows(rows, (training, validation, rest), seed, labels)
    return learned, held


def _outputs(
    recipe: ImageRecipe,
    way: str,
    patches: PatchFeatures,
    pixels: Array,
    rows: Rows,
    held: Array,
    task: Task,
    network: Network,
    settings: TrainSettings,
) -> Array:
    """What a small network, trained with a way to distort pictures, outputs for the rows left out."""
    copies = 0 if way == "none" else COPIES
    learned = rows_with_copies(patches, pixels, rows, way, copies, settings.seed)
    member = replace(settings, epochs=recipe.epochs_for(settings.epochs, copies), callbacks=())
    result = run_training(network, member, task, learned)
    flat = final_parameters(result.outcome.state, member.optimizer, network)
    pictures = [held, held[:, :, ::-1]] if is_mirrored(way) else [held]
    outputs = []
    for picture in pictures:
        inputs = Rows(patches.encode(picture), np.zeros((len(held), 1))).inputs
        executable = compile_for_inference(network, member, flat, inputs)
        outputs.append(executable.outputs(inputs))
        executable.close()
    mean: Array = np.mean(outputs, axis=0)
    return mean


def rows_with_copies(patches: PatchFeatures, pixels: Array, rows: Rows, way: str, copies: int, seed: int) -> Rows:
    """The features of pictures and of distorted copies of them, with their targets and weights.

    Parameters:
        pixels, rows: the pictures, shape (B, H, W, C), and their targets.
        way: a key of `DISTORTIONS`; without copies it does not count.
        copies: how many.
        seed: of the distortions.
    """
    features = np.empty(((copies + 1) * len(pixels), patches.width), np.uint8)
    features[: len(pixels)] = patches.encode(pixels)
    for copy in range(copies):
        start = (copy + 1) * len(pixels)
        features[start : start + len(pixels)] = patches.encode(distorted(pixels, DISTORTIONS[way], seed, copy))
    weights = None if rows.weights is None else np.tile(rows.weights, copies + 1)
    return Rows(features, np.tile(rows.targets, (copies + 1, 1)), weights)


def is_mirrored(way: str) -> bool:
    """Whether predictions are the mean over a picture and its mirror image.

    >>> is_mirrored("flip"), is_mirrored("none")
    (True, False)
    """
    return way in DISTORTIONS and DISTORTIONS[way].mirror


def _score(task: Task, outputs: Array, targets: Array) -> float:
    """Accuracy, or minus the mean squared error."""
    if task.is_classifier:
        return float(np.mean(class_indices(task, outputs) == class_indices(task, targets)))
    return -float(np.mean((outputs - targets) ** 2))


def _text(task: Task, scores: dict[str, float], best: str, rows: int) -> str:
    """Why a way was taken."""
    if len(scores) == 1:
        return f"Augmentation: {best}, as requested."
    written = {way: f"{score:.1%}" if task.is_classifier else f"{-score:.4g}" for way, score in scores.items()}
    listed = ", ".join(f"{way} {written[way]}" for way in ("none", "affine", "flip"))
    what = "accuracy" if task.is_classifier else "squared error"
    return f"Augmentation: {best}, by the {what} of small networks on {rows:,} pictures left out ({listed})."
