"""Small networks on pictures and their distorted copies, and what they output for the pictures that are left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.data.images.patches import PatchFeatures
from ranvier.data.images.threads import Progress
from ranvier.network.layers import Rescale
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.augmentation_scores import still_compared, suits_mirror_images
from ranvier.recipes.candidates import linear_layers, linear_settings, trained_parameters
from ranvier.recipes.ensemble import member_seed
from ranvier.recipes.ensemble_calibration import mean_of
from ranvier.recipes.image_parts import ImageParts
from ranvier.recipes.picture_rows import is_mirrored, rows_with_copies
from ranvier.recipes.shared_features import MemberFeatures, SharedFeatures
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.split import split_rows
from ranvier.training.inference import outputs_of
from ranvier.training.settings import TrainSettings

Array = NDArray[Any]
Split: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The numbers of the rows to learn from and of those to compare on."""
MAX_TRAINING_ROWS, MAX_VALIDATION_ROWS = 3_000, 2_000
VALIDATION_FRACTION = 0.2
ENOUGH_VALIDATION_ROWS, MAX_SPLITS = 400, 5
N_CENTROIDS, COPIES, PIXEL_COPIES = 100, 2, 15
FEW_ROWS = 2_000
"""For fewer rows small networks see as many copies as those trained afterwards; with fewer, copies look worse."""
ORDER = ("none", "affine", "flip").index
PIXEL_AUGMENTATION = "affine"
"""How copies are distorted from whose pixels a network learns."""
HIDDEN, LINEAR, WITH_LINEAR = "hidden", "linear", "with linear"
LINEAR_PIXELS, WITH_PIXELS = "linear on pixels", "with pixels"
MIRRORED = "none mirrored"
"""What the networks without copies output for mirror images."""


@record(eq=False)
class Comparisons:
    """Comparisons on several splits of the rows.

    Fields:
        recipe, task, network, settings, pixels, rows, members, validation: as for `choose_training`.
    """

    recipe: ImageParts
    task: Task
    network: Network
    settings: TrainSettings
    pixels: Array
    rows: Rows
    members: MemberFeatures
    validation: tuple[Array, Rows] | None

    def on(self, split: Split, number: int) -> Comparison:
        """Of networks like one of those that will be trained; where there are few pictures, on the features of it."""
        learned, left_out = split
        recipe, rows, seed = self.recipe, self.rows, member_seed(self.settings.seed, number)
        common = recipe, self.task, self.network, replace(self.settings, seed=seed)
        if self.validation is None and len(rows) < FEW_ROWS:
            shared = self.members.of(number)
            return Comparison(*common, rows, shared, learned, shared, left_out)
        held_pixels = (self.pixels if self.validation is None else self.validation[0])[left_out]
        pixels = self.pixels[learned]
        patches = PatchFeatures.fit(pixels, N_CENTROIDS, seed, stride=recipe.stride)
        training, others = (SharedFeatures(patches, part, seed) for part in (pixels, held_pixels))
        return Comparison(
            *common, rows.take(learned), training, np.arange(len(pixels)), others, np.arange(len(held_pixels))
        )

    def outputs(
        self, splits: Sequence[Split], augmentations: Sequence[str], progress: Progress | None
    ) -> tuple[dict[str, list[Array]], list[Rows]]:
        """What networks output for the rows that each split leaves out, by name, and these rows.

        Parameters:
            augmentations: the usual one first; those that are soon behind, or not worth comparing, have fewer outputs
                or none.
            progress: called with how many networks are trained, and of how many.
        """
        outputs: dict[str, list[Array]] = defaultdict(list)
        parts: list[Rows] = []
        held_rows = self.rows if self.validation is None else self.validation[1]
        for number, split in enumerate(splits):
            compared = sorted(still_compared(self.task, augmentations, outputs, parts), key=ORDER)
            parts.append(held_rows.take(split[1]))
            comparison = self.on(split, 0)
            for done, augmentation in enumerate(compared, number * len(compared)):
                if progress is not None:
                    progress(done, len(splits) * len(compared))
                unusual = not number and augmentation in augmentations[1:2] and augmentation != "none"
                if unusual and not self._suits(augmentation, outputs, parts[0]):
                    augmentations = [name for name in augmentations if name != augmentation]
                    continue
                for name, output in comparison.on_patches(augmentation).items():
                    outputs[name].append(output)
            for name, output in comparison.on_pixels().items():
                outputs[name].append(output)
        return dict(outputs), parts

    def _suits(self, augmentation: str, outputs: Mapping[str, Sequence[Array]], part: Rows) -> bool:
        """Whether mirror images of the first pictures left out speak for an augmentation."""
        of_first = outputs["none"][0], outputs[MIRRORED][0]
        return suits_mirror_images(self.task, augmentation, *of_first, part.targets, part.weights)


@record(eq=False)
class Comparison:
    """Small networks that are trained on the same pictures, and what they output for the same others.

    Fields:
        recipe, task, network, settings: as for `choose_training`.
        rows: targets and weights of the pictures of `training`.
        training, learned: pictures, and which of them are learned from.
        others, left_out: pictures, and which of them are left out.
    """

    recipe: ImageParts
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


def splits_of(rows: Rows, seed: int, task: Task, validation: tuple[Array, Rows] | None) -> Iterator[Split]:
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
