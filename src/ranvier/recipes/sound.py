"""The recipe "sound": patch features of spectrograms beside statistics of each band, one hidden layer, an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ranvier.data.images.patches import BYTE_OFFSET, BYTE_STEP
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.errors import InputError
from ranvier.network.layers import Rescale
from ranvier.network.network import Network
from ranvier.network.optimizers import AdamW
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, chosen_optimizer, make_settings, only_column
from ranvier.recipes.sound_training import train_on_sounds
from ranvier.records import record
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings

STATISTICS_PER_BAND = 10
WORD_CELLS, LONG_CELLS = 12, 4
SMALL_BATCH_ROWS, SMALL_BATCH, BATCH = 1_000, 32, 64
MIN_REGRESSION_STEPS = 1_000
"""A number is learned later than a class."""


@record
class SoundRecipe(Recipe):
    """Trains on features of patches of log-mel spectrograms and on statistics of each band.

    Patches of the spectrograms are whitened and clustered; a recording becomes how near its patches are to each
    centroid, in 4 overlapping cells of frequency by 3 of time, or by 1 for recordings of 3 seconds and more
    (`PatchFeatures`); beside it stand ten statistics of each band (`BandStatistics`). A linear model and a network on
    the statistics alone are candidates, too; rows or groups that are left out decide. Spectrograms are not distorted,
    which was measured to harm.

    Fields:
        n_centroids: of the patch features.
        candidate: "patches" (with statistics), "statistics", "linear" (on statistics), or "auto", which takes the best
            of them on rows that are left out.
        hidden, activation, dropout, label_smoothing: of the networks and their loss.
        learning_rate, weight_decay: of AdamW.
        schedule: of the learning rate.
        epochs: passes over the recordings; to learn a number of few recordings more, so that there are 1,000 steps.
        n_networks: how many networks are trained, each with centroids of its own, and merged.
        form: the format of the recordings, once it is known.

    Source: Coates, Lee, Ng, "An analysis of single-layer networks in unsupervised feature learning", AISTATS 2011.

    >>> SOUND_PRESETS["fast"].n_networks
    1
    """

    name: ClassVar[str] = "sound"
    rescales: ClassVar[bool] = True
    leaves_rows_out: ClassVar[bool] = True
    n_centroids: int = 100
    candidate: str = "auto"
    hidden: tuple[int, ...] = (512,)
    activation: str = "relu"
    dropout: float = 0.5
    label_smoothing: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    schedule: str = "one_cycle"
    epochs: int = 30
    n_networks: int = 3
    form: SoundFormat | None = None

    def complete(self, options: TrainOptions) -> TrainOptions:
        """The options, with the recipe's hidden layers and schedule where they were left open."""
        names = ("hidden", "activation", "dropout", "schedule")
        return options.with_defaults(**{name: getattr(self, name) for name in names})

    def bound(self, encoder: Any, options: TrainOptions, rows: int) -> SoundRecipe:
        """The recipe for recordings of the encoder's format.

        Raises:
            InputError: there are other columns besides one of recordings, or an augmentation is asked for.
        """
        sound = only_column(encoder, self.name, "recordings")
        if options.augment not in (None, "auto", "none"):
            raise InputError(
                f"augment is {options.augment!r}, which is of pictures; recordings are not distorted. Leave it out."
            )
        return replace(self, form=sound.form)

    def validation_fraction(self, options: TrainOptions) -> float:
        """0: rows are left out to choose the features, and then trained on."""
        return 0.0

    def network(self, inputs: int, task: Task, options: TrainOptions, n_csr: int = 0) -> Network:
        """Hidden layers on patch features and statistics, which are bytes."""
        plain = Recipe.network(self, self.n_features, task, options)
        return Network(plain.inputs, [Rescale(BYTE_STEP, BYTE_OFFSET), *plain.layers])

    @property
    def n_features(self) -> int:
        """How many features a recording has for one network."""
        form = self.form or SoundFormat(8000, 100)
        cells = LONG_CELLS if form.whole else WORD_CELLS
        return cells * self.n_centroids + STATISTICS_PER_BAND * form.bands

    def settings(
        self,
        network: Network,
        task: Task,
        options: TrainOptions,
        rows: int,
        callbacks: Sequence[Callback],
        validated: bool,
    ) -> TrainSettings:
        """How each network is trained; the number of rows decides what was left open."""
        optimizer = chosen_optimizer(options, AdamW(self.learning_rate, weight_decay=self.weight_decay))
        batch_size = SMALL_BATCH if rows < SMALL_BATCH_ROWS else BATCH
        epochs = self.epochs
        if task.kind == "regression":
            epochs = max(epochs, -(-MIN_REGRESSION_STEPS * batch_size // max(rows, 1)))
        sizes = {"epochs": epochs, "batch_size": batch_size, "patience": epochs}
        metric = "validation_loss" if validated else "loss"
        return make_settings(
            network, task, options, optimizer, callbacks, metric=metric, label_smoothing=self.label_smoothing, **sizes
        )

    def train(self, setup: TrainingSetup) -> Trained:
        """Learn patch features and statistics, choose among them, and train."""
        return train_on_sounds(setup, self.n_centroids, self.n_networks, self.candidate)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SoundRecipe:
        """The recipe that `to_dict` wrote.

        >>> SoundRecipe.from_dict(SoundRecipe(n_networks=2).to_dict()) == SoundRecipe(n_networks=2)
        True
        """
        form = data.get("form")
        return super().from_dict({**data, "form": None if form is None else SoundFormat.from_dict(form)})


SOUND_PRESETS = {
    "fast": SoundRecipe(epochs=20, n_networks=1),
    "default": SoundRecipe(),
    "best": SoundRecipe(n_centroids=200, epochs=40, n_networks=5),
}
"""Effort -> recipe: one network, three, or five with more centroids."""
