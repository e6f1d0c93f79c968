"""The recipe "image": patch features learned from the pictures, distorted copies, one wide hidden layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ranvier.data import Source
from ranvier.data.encoders.image import stride_for
from ranvier.data.images.distortion import DISTORTIONS
from ranvier.data.images.patches import BYTE_OFFSET, BYTE_STEP
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.sources.array_source import Arrays
from ranvier.errors import InputError, nearest
from ranvier.network.layers import Rescale
from ranvier.network.network import Network
from ranvier.network.optimizers import AdamW
from ranvier.network.task import Task
from ranvier.recipes.image_training import train_on_pictures
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.picture_rows import CELLS
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, chosen_optimizer, make_settings, only_column
from ranvier.records import record
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings

COLUMN = "image"
"""What the column of pictures is called that come as arrays."""
MANY_ROWS, VERY_MANY_ROWS, FEW_ROWS, SOME_ROWS = 20_000, 30_000, 2_000, 5_000
MAX_CENTROIDS = ((VERY_MANY_ROWS, 128), (MANY_ROWS, 200))
"""Beyond so many rows, at most so many centroids."""
SMALL_BATCH_ROWS, SMALL_BATCH, BATCH = 4_000, 64, 128
MIN_EPOCHS = 4
MIN_REGRESSION_STEPS = 500
"""A number is learned later than a class; so many steps without copies, which means more of them with copies."""
MAX_PIXEL_SIDE, MAX_PIXEL_COPIES = 32, 60
MAX_FEATURE_BYTES = 140 << 20
"""Memory for the features of all copies of the training pictures."""


@record
class ImageRecipe(Recipe):
    """Trains on features of patches of the pictures and of distorted copies of them.

    Patches of the pictures are whitened and clustered; a picture becomes how near its pieces are to each centroid, in 3
    x 3 overlapping cells (`PatchFeatures`). A network with one hidden layer learns from these features.

    Fields:
        n_centroids: of the patch features; at most 200 for more than 20,000 rows, and 128 for more than 30,000.
        augment: how copies are distorted: "none", "affine" (rotation, shear, scale, shift, elastic), "flip" (less of
            these, and mirrored, and predictions are the mean over a picture and its mirror image), or "auto", which
            takes "flip" for pictures in colour and "affine" for others, unless rows that are left out say otherwise.
        copies: distorted copies of each picture; more for few pictures, fewer where memory is short.
        hidden, activation, dropout, label_smoothing: of the network and its loss.
        learning_rate, weight_decay: of AdamW.
        schedule: of the learning rate.
        epochs: passes over the pictures without copies; with copies fewer, so that steps grow as the square root. To
            learn a number of few pictures there are more, so that there are 500 steps.
        n_networks: how many networks are trained, each with centroids of its own, and merged.
        few_networks, few_centroids: the same for fewer than 2,000 rows, with how many centroids at most; for fewer than
            5,000 rows half as many networks.
        linear: whether linear models on patch features and on pixels are tried, too, where the caller asks for no
            hidden layers of their own.
        pixel_epochs: passes of a network on the pixels of distorted copies, tried beside those on patch features where
            pictures are small and grey, as digits and symbols are; 0 for none.
        form: the format of the pictures, once it is known.

    Source: Coates, Lee, Ng, "An analysis of single-layer networks in unsupervised feature learning", AISTATS 2011.

    >>> IMAGE_PRESETS["fast"].augment
    'none'
    """

    name: ClassVar[str] = "image"
    rescales: ClassVar[bool] = True
    leaves_rows_out: ClassVar[bool] = True
    n_centroids: int = 400
    augment: str = "auto"
    copies: int = 3
    hidden: tuple[int, ...] = (512,)
    activation: str = "relu"
    dropout: float = 0.5
    label_smoothing: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "one_cycle"
    epochs: int = 20
    n_networks: int = 1
    few_networks: int = 3
    few_centroids: int = 200
    linear: bool = True
    pixel_epochs: int = 0
    form: PictureFormat | None = None

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

    @property
    def stride(self) -> int:
        """From piece to piece, in pixels."""
        return 1 if self.form is None else stride_for(self.form)

    def centroids_for(self, rows: int) -> int:
        """K for so many rows: fewer for very many, for which time and memory are short, and where several networks
        for few rows have centroids of their own.

        >>> [ImageRecipe().centroids_for(rows) for rows in (1_000, 6_000, 25_000, 60_000)]
        [200, 400, 200, 128]
        """
        usual = self.few_centroids if rows < FEW_ROWS else self.n_centroids
        most = next((most for limit, most in MAX_CENTROIDS if rows > limit), usual)
        return min(self.n_centroids, most)

    def networks_for(self, rows: int) -> int:
        """How many networks are trained on so many rows: several for few, where a single one depends much on chance.

        >>> [ImageRecipe().networks_for(rows) for rows in (1_000, 3_000, 6_000)]
        [3, 2, 1]
        """
        few = self.few_networks if rows < FEW_ROWS else (self.few_networks + 1) // 2
        return max(self.n_networks, few) if rows < SOME_ROWS else self.n_networks

    def with_members(self, count: int) -> ImageRecipe:
        """The recipe that trains so many networks, whatever the number of rows.

        >>> ImageRecipe().with_members(4).networks_for(1_000)
        4
        """
        return replace(self, n_networks=count, few_networks=count)

    def copies_for(self, rows: int) -> int:
        """Distorted copies of each picture: about twice as many for few rows, fewer where memory is short.

        >>> [ImageRecipe().copies_for(rows) for rows in (1_000, 20_000, 200_000)]
        [7, 1, 0]
        """
        wanted = 2 * self.copies + 1 if rows < FEW_ROWS and self.copies else self.copies
        room = MAX_FEATURE_BYTES // max(rows * CELLS * self.centroids_for(rows), 1)
        return max(min(wanted, room - 1), 0)

    @property
    def joins_pixels(self) -> bool:
        """Whether a network on pixels is tried beside those on patch features."""
        if self.form is None or self.form.channels > 1 or max(self.form.shape) > MAX_PIXEL_SIDE:
            return False
        fit = self.form.pixels <= CELLS * min(self.n_centroids, *(most for _, most in MAX_CENTROIDS))
        return self.pixel_epochs > 0 and fit and self.augment != "none" and len(self.hidden) == 1

    def pixel_copies_for(self, rows: int) -> int:
        """Distorted copies of whose pixels a network learns, as many as memory allows.

        >>> [ImageRecipe(form=PictureFormat(28, 28, 1)).pixel_copies_for(rows) for rows in (100, 7_000, 60_000)]
        [60, 25, 2]
        """
        pixels = 1 if self.form is None else self.form.pixels
        return max(min(MAX_PIXEL_COPIES, MAX_FEATURE_BYTES // max(rows * pixels, 1) - 1), 1)

    def pixel_epochs_for(self, copies: int) -> int:
        """The epochs over pictures and copies that make so many passes.

        >>> ImageRecipe(pixel_epochs=120).pixel_epochs_for(15)
        8
        """
        return max(round(self.pixel_epochs / (copies + 1)), 1)

    def epochs_for(self, epochs: int, copies: int) -> int:
        """The epochs over pictures and copies, from those over pictures alone.

        >>> [ImageRecipe().epochs_for(20, copies) for copies in (0, 3, 7)]
        [20, 10, 7]
        """
        return min(epochs, max(round(epochs / math.sqrt(copies + 1)), MIN_EPOCHS))

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
