"""Choosing how pictures are distorted and what learns from them: small networks, compared on rows that are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.data.images.patches import PatchFeatures
from ranvier.data.images.threads import Progress
from ranvier.network.layers import Rescale
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.augmentation_scores import is_better, score_of, still_compared, suits_mirror_images, written
from ranvier.recipes.candidates import linear_layers, linear_settings, trained_parameters
from ranvier.recipes.ensemble import member_seed
from ranvier.recipes.ensemble_calibration import calibration_of_mean, enough_parts, mean_of
from ranvier.recipes.linear_beside import mean_outputs
from ranvier.recipes.picture_rows import is_mirrored, rows_with_copies
from ranvier.recipes.shared_features import MemberFeatures, SharedFeatures
from ranvier.recipes.text_merge import can_hold_linear
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.split import split_rows
from ranvier.training.held_out import HeldOut
from ranvier.training.inference import outputs_of
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import inverse_temperature

if TYPE_CHECKING:
    from ranvier.recipes.image import ImageRecipe

Array = NDArray[Any]
Split: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The numbers of the rows to learn from and of those to compare on."""
MAX_TRAINING_ROWS, MAX_VALIDATION_ROWS = 3_000, 2_000
VALIDATION_FRACTION = 0.2
MIN_ROWS = 60
"""For fewer rows a comparison would be chance."""
ENOUGH_VALIDATION_ROWS, MAX_SPLITS = 400, 5
N_CENTROIDS, COPIES, PIXEL_COPIES = 100, 2, 15
FEW_ROWS = 2_000
"""For fewer rows small networks see as many copies as those trained afterwards; with fewer, copies look worse."""
ORDER = ("none", "affine", "flip").index
SURE = 2.0
"""By so many standard errors another augmentation must be better than the usual one."""
PIXEL_AUGMENTATION = "affine"
"""How copies are distorted from whose pixels a network learns."""
HIDDEN, LINEAR, WITH_LINEAR = "hidden", "linear", "with linear"
LINEAR_PIXELS, WITH_PIXELS = "linear on pixels", "with pixels"
MIRRORED = "none mirrored"
"""What the networks without copies output for mirror images."""


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
    recipe: ImageRecipe,
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
    about more that the networks are wrong about than the reverse, by more than chance gives. A network on the pixels of
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
    usual = "flip" if pixels.shape[3] == 3 else "affine"
    if len(rows) < MIN_ROWS:
        name = usual if recipe.augment == "auto" else recipe.augment
        reason = "as usual for so few pictures" if recipe.augment == "auto" else "without a comparison"
        return ChosenTraining(name, 1.0, (f"Augmentation: {name}, {reason}.",))
    unusual = "affine" if usual == "flip" else "flip"
    augmentations = [usual, unusual, "none"] if recipe.augment == "auto" else [recipe.augment]
    outputs: dict[str, list[Array]] = defaultdict(list)
    parts: list[Rows] = []
    splits = list(_splits(rows, settings.seed, task, validation))
    held_pixels, held_rows = validation or (pixels, rows)

    def comparison_on(split: Split, number: int) -> _Comparison:
        """Of networks like one of those that will be trained; where there are few pictures, on the features of it."""
        learned, left_out = split
        seeded = replace(settings, seed=member_seed(settings.seed, number))
        if validation is None and len(rows) < FEW_ROWS:
            shared = members.of(number)
            return _Comparison(recipe, task, network, seeded, rows, shared, learned, shared, left_out)
        patches = PatchFeatures.fit(pixels[learned], N_CENTROIDS, seeded.seed, stride=recipe.stride)
        training, others = (
            SharedFeatures(patches, part, seeded.seed) for part in (pixels[learned], held_pixels[left_out])
        )
        every = np.arange(len(learned)), np.arange(len(left_out))
        return _Comparison(recipe, task, network, seeded, rows.take(learned), training, every[0], others, every[1])

    def worth_it(augmentation: str) -> bool:
        """Whether mirror images of the first pictures left out speak for an augmentation."""
        of_first = outputs["none"][0], outputs[MIRRORED][0]
        return suits_mirror_images(task, augmentation, *of_first, parts[0].targets, parts[0].weights)

    for number, split in enumerate(splits):
        compared = sorted(still_compared(task, augmentations, outputs, parts), key=ORDER)
        parts.append(held_rows.take(split[1]))
        comparison = comparison_on(split, 0)
        for done, augmentation in enumerate(compared, number * len(compared)):
            if progress is not None:
                progress(done, len(splits) * len(compared))
            if augmentation == unusual and not number and not worth_it(unusual):
                augmentations.remove(unusual)
                continue
            for name, output in comparison.on_patches(augmentation).items():
                outputs[name].append(output)
        for name, output in comparison.on_pixels().items():
            outputs[name].append(output)
    joined = {name: np.concatenate(parts) for name, parts in outputs.items()}
    weights = [part.weights for part in parts if part.weights is not None]
    targets = np.concatenate([part.targets for part in parts])
    all_weights = np.concatenate(weights) if weights else None
    n_networks = recipe.networks_for(len(rows))
    choice = choice_of(task, augmentations, joined, targets, all_weights, can_hold_linear(network), n_networks)
    if n_networks == 1 or choice.learner == LINEAR_PIXELS:
        return choice
    again = enough_parts(splits, (len(part) for part in parts))
    seconds = [comparison_on(split, 1).on_patches(choice.augmentation) for split in again]
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


@record(eq=False)
class _Comparison:
    """Small networks that are trained on the same pictures, and what they output for the same others.

    Fields:
        recipe, task, network, settings: as for `choose_training`.
        rows: targets and weights of the pictures of `training`.
        training, learned: pictures, and which of them are learned from.
        others, left_out: pictures, and which of them are left out.
    """

    recipe: ImageRecipe
    task: Task
    network: Network
    settings: TrainSettings
    rows: Rows
    training: SharedFeatures
    learned: NDArray[np.int64]
    others: SharedFeatures
    left_out: NDArray[np.int64]

    def on_patches(self, augmentation: str) -> dict[str, Array]:
        """The outputs on patch features of a network trained with an augmentation, and of one without hidden layers."""
        count, width = len(self.rows), self.training.patches.width
        copies = 0 if augmentation == "none" else COPIES if count >= FEW_ROWS else self.recipe.copies_for(count)
        learned = self.training.with_copies(self.rows, augmentation, copies, self.learned)
        settings = replace(self.settings, epochs=self.recipe.epochs_for(self.settings.epochs, copies))
        features, both = [self.others.plain[self.left_out]], is_mirrored(augmentation)
        if both or (augmentation == "none" and self.recipe.augment == "auto"):
            features.append(self.others.mirrored[self.left_out])
        hidden = self._outputs(Network(width, self.network.layers), settings, learned, features)
        outputs = {augmentation: self._mean(hidden if both else hidden[:1])}
        if len(hidden) > 1 and not both:
            outputs[MIRRORED] = hidden[1]
        if self.recipe.linear:
            linear = Network(width, linear_layers(self.network))
            of_linear = self._outputs(linear, linear_settings(settings), learned, features)
            outputs[f"{augmentation} {LINEAR}"] = self._mean(of_linear if both else of_linear[:1])
        return outputs

    def on_pixels(self) -> dict[str, Array]:
        """The outputs of a linear model on pixels, and of a network on those of distorted copies, if they are tried."""
        flat = [self.others.pixels[self.left_out].reshape(len(self.left_out), -1)]
        pixels, rows, outputs = self.training.pixels[self.learned], self.rows.take(self.learned), dict[str, Array]()
        if self.recipe.linear:
            linear = Network(flat[0].shape[1], pixel_layers(linear_layers(self.network)))
            learned = rows_with_copies(None, pixels, rows, "none", 0, 0)
            outputs[LINEAR_PIXELS] = self._outputs(linear, linear_settings(self.settings), learned, flat)[0]
        if self.recipe.joins_pixels:
            network = Network(flat[0].shape[1], pixel_layers(self.network.layers))
            learned = rows_with_copies(None, pixels, rows, PIXEL_AUGMENTATION, PIXEL_COPIES, self.settings.seed)
            settings = replace(self.settings, epochs=self.recipe.pixel_epochs_for(PIXEL_COPIES))
            outputs[WITH_PIXELS] = self._outputs(network, settings, learned, flat)[0]
        return outputs

    def _outputs(
        self, network: Network, settings: TrainSettings, learned: Rows, features: Sequence[Array]
    ) -> list[Array]:
        """What a network, trained on some rows, outputs for each of several features of the others."""
        settings = replace(settings, callbacks=())
        flat = trained_parameters(network, settings, self.task, learned)
        inputs = [Rows(block, np.zeros((len(block), 1))).inputs for block in features]
        return [outputs_of(network, settings, flat, block) for block in inputs]

    def _mean(self, outputs: Sequence[Array]) -> Array:
        """The outputs by the mean of the logits."""
        return outputs[0] if len(outputs) == 1 else mean_of(self.task, outputs, [1.0 / len(outputs)] * len(outputs))


def pixel_layers(layers: Sequence[Any]) -> list[Any]:
    """Layers on patch features as layers on the bytes of pixels, which are brought to -2 to 2.

    >>> pixel_layers([Rescale(2.0, 1.0)])
    [Rescale(factor=0.015625, offset=-2.0)]
    """
    return [Rescale(1.0 / 64.0, -2.0), *(layer for layer in layers if not isinstance(layer, Rescale))]


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
        before = written(task, scores[best])
        notes.append(
            f"A linear model on {what} is taken: on the pictures left out it was better, {measured} to {before}."
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


def _splits(rows: Rows, seed: int, task: Task, validation: tuple[Array, Rows] | None) -> Iterator[Split]:
    """Rows to learn from and rows to compare on, some thousands at most; several times where there are few."""
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    count = len(rows)
    training = min(1.0 - VALIDATION_FRACTION, MAX_TRAINING_ROWS / count)
    if validation is not None:
        others = validation[1]
        classes = class_indices(task, others.targets) if task.is_classifier else None
        fraction = min(1.0, MAX_VALIDATION_ROWS / len(others))
        training_fraction = min(1.0, MAX_TRAINING_ROWS / count)
        learned_index, _ = split_rows(count, (training_fraction, 1.0 - training_fraction), seed, labels)
        held_index, _ = split_rows(len(others), (fraction, 1.0 - fraction), seed, classes)
        yield learned_index, held_index
        return
    fraction = min(VALIDATION_FRACTION, MAX_VALIDATION_ROWS / count)
    fractions = [training, fraction]
    if 1.0 - training - fraction > 1e-9:
        fractions.append(1.0 - training - fraction)
    else:
        fractions[0] = 1.0 - fraction
    n_splits = min(MAX_SPLITS, -(-ENOUGH_VALIDATION_ROWS // max(round(VALIDATION_FRACTION * count), 1)))
    for number in range(n_splits):
        parts = split_rows(count, fractions, seed + number, labels, rows.groups)
        yield parts[0], parts[1]


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
