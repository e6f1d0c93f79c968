"""The recipe "image": patch features learned from the pictures, distorted copies, one wide hidden layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ranvier.data import Source
from ranvier.data.images.distortion import DISTORTIONS
from ranvier.data.images.patches import BYTE_OFFSET, BYTE_STEP
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.sources.array_source import Arrays
from ranvier.errors import InputError, nearest
from ranvier.network.layers import Rescale
from ranvier.network.network import Network
from ranvier.network.optimizers import AdamW
from ranvier.network.task import Task
from ranvier.recipes.image_parts import VERY_MANY_ROWS, ImageParts
from ranvier.recipes.image_training import train_on_pictures
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.picture_rows import CELLS
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, chosen_optimizer, make_settings, only_column
from ranvier.records import record
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings

COLUMN = "image"
"""What the column of pictures is called that come as arrays."""
SMALL_BATCH_ROWS, SMALL_BATCH, BATCH = 4_000, 64, 128
MIN_REGRESSION_STEPS = 500
"""A number is learned later than a class; so many steps without copies, which means more of them with copies."""


@record
class ImageRecipe(ImageParts, Recipe):
    """Trains on features of patches of the pictures and of distorted copies of them.

    Patches of the pictures are whitened and clustered; a picture becomes how near its pieces are to each centroid, in 3
    x 3 overlapping cells (`PatchFeatures`). A network with one hidden layer learns from these features.

    Its parts are those of `ImageParts`.

    Source: Coates, Lee, Ng, "An analysis of single-layer networks in unsupervised feature learning", AISTATS 2011.

    >>> IMAGE_PRESETS["fast"].augment
    'none'
    """

    name: ClassVar[str] = "image"
    rescales: ClassVar[bool] = True
    leaves_rows_out: ClassVar[bool] = True

    def complete(self, options: TrainOptions) -> TrainOptions:
        """The options, with the recipe's hidden layers and schedule where they were left open."""
        names = ("hidden", "activation", "dropout", "schedule")
        return options.with_defaults(**{name: getattr(self, name) for name in names})

    def source(self, source: Source) -> Source:
        """Arrays of pictures as a table of one column of pictures.

        Raises:
            InputError: arrays are no pictures.
        """
        table = source.as_pictures(COLUMN) if isinstance(source, Arrays) else source
        if not table.column_names:
            raise InputError(
                f"The recipe 'image' trains on pictures, and {source.origin} holds rows of shape {source.shape}; "
                "(height, width) or (height, width, channels) was expected."
            )
        return table

    def bound(self, encoder: Any, options: TrainOptions, rows: int) -> ImageRecipe:
        """The recipe for pictures of the encoder's format, with the augmentation that was asked for.

        Raises:
            InputError: there are other columns besides one of pictures.
        """
        image = only_column(encoder, self.name, "pictures")
        augment = self.augment if options.augment is None else options.augment
        if augment not in ("auto", "none", *DISTORTIONS):
            raise InputError(f"augment is {augment!r}. {nearest(str(augment), ('auto', 'none', *DISTORTIONS))}")
        linear = self.linear and tuple(options.hidden or ()) == self.hidden != ()
        return replace(self, form=image.form, augment=augment, linear=linear)

    def validation_fraction(self, options: TrainOptions) -> float:
        """0: rows are left out to choose the augmentation, and then trained on."""
        return 0.0

    def network(self, inputs: int, task: Task, options: TrainOptions, n_csr: int = 0) -> Network:
        """Hidden layers on patch features, which are bytes."""
        plain = Recipe.network(self, CELLS * self.n_centroids, task, options)
        return Network(plain.inputs, [Rescale(BYTE_STEP, BYTE_OFFSET), *plain.layers])

    def settings(
        self,
        network: Network,
        task: Task,
        options: TrainOptions,
        rows: int,
        callbacks: Sequence[Callback],
        validated: bool,
    ) -> TrainSettings:
        """How the network is trained on pictures without copies; the number of rows decides what was left open."""
        optimizer = chosen_optimizer(options, AdamW(self.learning_rate, weight_decay=self.weight_decay))
        epochs = self.epochs if rows <= VERY_MANY_ROWS else max(self.epochs // 2, 1)
        batch_size = SMALL_BATCH if rows < SMALL_BATCH_ROWS else BATCH
        if task.kind == "regression":
            epochs = max(epochs, -(-MIN_REGRESSION_STEPS * batch_size // max(rows, 1)))
        sizes = {"epochs": epochs, "batch_size": batch_size, "patience": epochs}
        metric = "validation_loss" if validated else "loss"
        return make_settings(
            network, task, options, optimizer, callbacks, metric=metric, label_smoothing=self.label_smoothing, **sizes
        )

    def train(self, setup: TrainingSetup) -> Trained:
        """Choose the augmentation, learn patch features and train on them."""
        return train_on_pictures(self, setup)

    def with_members(self, count: int) -> ImageRecipe:
        """The recipe that trains so many networks, whatever the number of rows.

        >>> ImageRecipe().with_members(4).networks_for(1_000)
        4
        """
        return replace(self, n_networks=count, few_networks=count)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImageRecipe:
        """The recipe that `to_dict` wrote.

        >>> ImageRecipe.from_dict(ImageRecipe(copies=2).to_dict()) == ImageRecipe(copies=2)
        True
        """
        form = data.get("form")
        return super().from_dict({**data, "form": None if form is None else PictureFormat.from_dict(form)})


IMAGE_PRESETS = {
    "fast": ImageRecipe(n_centroids=150, augment="none", epochs=12, few_networks=1),
    "default": ImageRecipe(),
    "best": ImageRecipe(
        copies=7, hidden=(1024,), epochs=30, n_networks=3, few_networks=5, few_centroids=400, pixel_epochs=120
    ),
}
"""Effort -> recipe."""
