"""Choosing how pictures are distorted, and hidden layers: small networks, compared on rows that are left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.data.images.distortion import DISTORTIONS, distorted
from ranvier.data.images.patches import PatchFeatures
from ranvier.data.images.threads import Progress
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.candidates import linear_layers, trained_parameters
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.pages import empty_pages
from ranvier.rows.split import split_rows
from ranvier.training.inference import outputs_of
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
CELLS = 9
PICTURES_AT_ONCE = 1024
LINEAR_ROWS = 5_000
"""For more rows a network without hidden layers is not tried."""
WAYS = ("affine", "flip", "none")
"""In the order in which a tie is decided."""


@record
class ChosenTraining:
    """What was chosen on rows that are left out.

    Fields:
        name: how pictures are distorted: "none" or a key of `DISTORTIONS`.
        inverse_temperature: the factor that calibrates the logits, from the rows that were left out.
        notes: why, one sentence for each choice.
        linear: whether the network has no hidden layer.
    """

    name: str
    inverse_temperature: float
    notes: tuple[str, ...]
    linear: bool = False


def choose_training(
    recipe: ImageRecipe,
    pixels: Array,
    rows: Rows,
    task: Task,
    network: Network,
    settings: TrainSettings,
    validation: tuple[Array, Rows] | None = None,
    progress: Progress | None = None,
) -> ChosenTraining:
    """How to distort, by the best score on rows that are left out: accuracy, or else the smallest squared error.

    A network without hidden layers is taken, where the recipe tries one, if of these rows it is right about more that
    the other is wrong about than the reverse, by more than chance gives.

    Parameters:
        recipe: whose augmentation, form and linear network count.
        pixels: of the rows, shape (B, H, W, C).
        rows: targets, weights and groups; rows of a group are left out together.
        task, network, settings: what will be trained; the networks that are compared have fewer centroids.
        validation: pixels and rows to compare on; None to leave out some of the others.
        progress: called with how many networks are trained, and of how many.
    """
    usual = "flip" if pixels.shape[3] == 3 else "affine"
    if len(rows) < MIN_ROWS:
        name = usual if recipe.augment == "auto" else recipe.augment
        reason = "as usual for so few pictures" if recipe.augment == "auto" else "as requested"
        return ChosenTraining(name, 1.0, (f"Augmentation: {name}, {reason}.",))
    ways = WAYS if recipe.augment == "auto" else (recipe.augment,)
    layers = (
        [network.layers, linear_layers(network)] if recipe.linear and len(rows) <= LINEAR_ROWS else [network.layers]
    )
    networks = [Network(CELLS * N_CENTROIDS, own) for own in layers]
    outputs: dict[str, list[list[Array]]] = {way: [[] for _ in networks] for way in ways}
    held: list[Rows] = []
    splits = list(_splits(rows, settings.seed, task, validation))
    for number, (learned_index, held_index) in enumerate(splits):
        held_pixels, held_rows = validation or (pixels, rows)
        held.append(held_rows.take(held_index))
        patches = PatchFeatures.fit(pixels[learned_index], N_CENTROIDS, settings.seed, stride=recipe.stride)
        for done, way in enumerate(ways, number * len(ways)):
            if progress is not None:
                progress(done, len(splits) * len(ways))
            parts = (pixels[learned_index], rows.take(learned_index), held_pixels[held_index])
            for kept, output in zip(
                outputs[way], _outputs(recipe, way, patches, *parts, task, networks, settings), strict=True
            ):
                kept.append(output)
    targets = np.concatenate([part.targets for part in held])
    joined = {way: [np.concatenate(parts) for parts in outputs[way]] for way in ways}
    scores = {way: _score(task, joined[way][0], targets) for way in ways}
    best = max(ways, key=lambda way: scores[way])
    notes = [_text(task, scores, best, len(targets))]
    linear = len(networks) > 1 and _is_better(task, joined[best][0], joined[best][1], targets)
    if linear:
        right = _score(task, joined[best][1], targets)
        measure = f"{right:.1%} against {scores[best]:.1%}" if task.is_classifier else f"{-right:.4g}"
        notes.append(f"The network has no hidden layer: on the pictures left out it was better so ({measure}).")
    factor = inverse_temperature(task, joined[best][int(linear)], targets)
    return ChosenTraining(best, factor, tuple(notes), linear)


def _is_better(task: Task, first: Array, second: Array, targets: Array) -> bool:
    """Whether the second outputs are better than the first by more than chance gives."""
    if not task.is_classifier:
        errors = [((outputs - targets) ** 2).mean(axis=1) for outputs in (first, second)]
        gain = errors[0] - errors[1]
        return bool(gain.sum() > gain.std() * np.sqrt(len(gain)))
    actual = class_indices(task, targets)
    right = [class_indices(task, outputs) == actual for outputs in (first, second)]
    won, lost = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    return won - lost > math.sqrt(won + lost)


def _splits(
    rows: Rows, seed: int, task: Task, validation: tuple[Array, Rows] | None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows to learn from and rows to compare on, some thousands at most; several times where there are few."""
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    count = len(rows)
    training = min(1.0 - VALIDATION_SHARE, MAX_TRAINING_ROWS / count)
    if validation is not None:
        held = validation[1]
        own = class_indices(task, held.targets) if task.is_classifier else None
        share = min(1.0, MAX_VALIDATION_ROWS / len(held))
        share_learned = min(1.0, MAX_TRAINING_ROWS / count)
        learned_index, _ = split_rows(count, (share_learned, 1.0 - share_learned), seed, labels)
        held_index, _ = split_rows(len(held), (share, 1.0 - share), seed, own)
        yield learned_index, held_index
        return
    share = min(VALIDATION_SHARE, MAX_VALIDATION_ROWS / count)
    shares = [training, share]
    if 1.0 - training - share > 1e-9:
        shares.append(1.0 - training - share)
    else:
        shares[0] = 1.0 - share
    n_splits = min(MAX_SPLITS, -(-ENOUGH_VALIDATION_ROWS // max(round(VALIDATION_SHARE * count), 1)))
    for number in range(n_splits):
        parts = split_rows(count, shares, seed + number, labels, rows.groups)
        yield parts[0], parts[1]


def _outputs(
    recipe: ImageRecipe,
    way: str,
    patches: PatchFeatures,
    pixels: Array,
    rows: Rows,
    held: Array,
    task: Task,
    networks: Sequence[Network],
    settings: TrainSettings,
) -> list[Array]:
    """What small networks, trained with a way to distort pictures, output for the rows left out."""
    copies = 0 if way == "none" else COPIES
    learned = rows_with_copies(patches, pixels, rows, way, copies, settings.seed)
    member = replace(settings, epochs=recipe.epochs_for(settings.epochs, copies), callbacks=())
    pictures = [held, held[:, :, ::-1]] if is_mirrored(way) else [held]
    inputs = [Rows(patches.encode(picture), np.zeros((len(held), 1))).inputs for picture in pictures]
    means: list[Array] = []
    for network in networks:
        flat = trained_parameters(network, member, task, learned)
        means.append(np.mean([outputs_of(network, member, flat, block) for block in inputs], axis=0))
    return means


def rows_with_copies(
    patches: PatchFeatures,
    pixels: Array,
    rows: Rows,
    way: str,
    copies: int,
    seed: int,
    progress: Progress | None = None,
) -> Rows:
    """The features of pictures and of distorted copies of them, with their targets and weights.

    Parameters:
        pixels, rows: the pictures, shape (B, H, W, C), and their targets.
        way: a key of `DISTORTIONS`; without copies it does not count.
        copies: how many.
        seed: of the distortions.
        progress: called with how much is done, and of how much.
    """
    count, total = len(pixels), (copies + 1) * len(pixels)
    features = empty_pages((total, patches.width))
    # By blocks, since distorted pictures need memory, too.
    for at in range(0, total, PICTURES_AT_ONCE):
        for copy in range(copies + 1):
            start, stop = max(at - copy * count, 0), min(at + PICTURES_AT_ONCE - copy * count, count)
            if start >= stop:
                continue
            pictures = pixels[start:stop]
            if copy:
                pictures = distorted(pictures, DISTORTIONS[way], seed, copy - 1, start)
            patches.encode(pictures, features[copy * count + start : copy * count + stop])
        if progress is not None:
            progress(min(at + PICTURES_AT_ONCE, total), total)
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
