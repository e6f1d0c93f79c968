"""The recipe "table": piecewise-linear features, an ensemble on cross-validation folds, merged and calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.network.layers import Layer, LearnedScale
from ranvier.network.network import Network
from ranvier.network.optimizers import AdamW
from ranvier.network.task import Task
from ranvier.recipes.ensemble import train_ensemble
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, chosen_optimizer, make_settings
from ranvier.records import record
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import CALIBRATED_D2

MIN_FOLD_ROWS, USUAL_FOLD_ROWS = 2, 100
MIN_BATCH, MAX_BATCH = 32, 1024
MIN_STEPS = 300
MAX_EPOCHS = 200
FEW_ROWS, LARGE_ROWS = 8_000, 20_000
OLD_NAMES = {
    "members": "n_networks",
    "folds": "n_folds",
    "scales": "n_scaling_layers",
    "score": "selection_metric",
    "sharpen": "calibrate",
    "steps": "min_steps",
    "waves": "n_frequencies",
    "bins": "n_bins",
    "most_inputs": "max_inputs",
    "fewest_rows": "min_frequency",
}
"""The names of parts in files of version 0.1, and what they are called now."""


@record
class TableRecipe(Recipe):
    """Trains an ensemble of small networks on a table and merges them into one.

    Columns of texts beside others are judged one by one. As many networks more are trained, which see scores of linear
    models on texts in the place of terms; validation folds say whether both kinds are merged or one of them. Beside
    pictures, recordings and texts they also say whether a linear model stands beside the networks or alone.

    Fields:
        n_networks: how many networks are trained, each with its own seed and its own validation fold.
        n_folds: one part in how many of the rows a network is not trained on; this validation fold decides when to
            stop.
        overlap: whether a third of the validation fold is in that of the next network, too; their outputs for these
            rows tell how much better the mean of all is.
        n_pilots: how many of the networks are trained first, for `epochs`; their best epochs decide how many the others
            need. 0 trains all for as long.
        n_scaling_layers: how many `LearnedScale` layers stand before the first dense layer; their product, one factor
            for each input, learns faster the more there are.
        hidden: the widths of the hidden layers of one network.
        activation, dropout: of the hidden layers.
        learning_rate, weight_decay, beta2: of AdamW.
        schedule: of the learning rate.
        selection_metric: which metric on the validation fold selects the epoch: "calibrated_d2_log_loss" or
            "validation_loss"; a regression always takes the loss.
        patience: how many of these `epochs` may pass without improvement; more for few rows, in proportion to the
            epochs.
        calibrate: whether the merged network gets a temperature, fitted on the validation folds.
        batch_size: rows per gradient step; smaller for few rows, larger beyond 20,000.
        min_steps: how many steps a network makes at least; for few rows batches get smaller, down to 32, to reach it.
        epochs, max_epochs: passes over 8,000 to 20,000 rows, and over few rows: below 8,000 there are more and beyond
            20,000 fewer, down to 2, so that the number of seen rows stays about the same.
        n_frequencies, n_bins, max_inputs, min_frequency, max_terms, adapt_bins: of the inputs, see `FeatureOptions`.

    Sources: Holzmüller, Grinsztajn, Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024; Gorishniy, Rubachev, Babenko, "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022.

    >>> PRESETS["fast"].n_networks
    1
    """

    name: ClassVar[str] = "table"
    n_networks: int = 6
    n_folds: int = 10
    overlap: bool = True
    n_pilots: int = 2
    n_scaling_layers: int = 3
    hidden: tuple[int, ...] = (128, 64)
    activation: str = "silu"
    dropout: float = 0.1
    learning_rate: float = 0.007
    weight_decay: float = 0.2
    beta2: float = 0.99
    schedule: str = "cosine"
    selection_metric: str = CALIBRATED_D2
    patience: int = 8
    calibrate: bool = True
    batch_size: int = 128
    min_steps: int = 1000
    epochs: int = 25
    max_epochs: int = 100
    n_frequencies: int = 6
    n_bins: int = 32
    max_inputs: int = 800
    min_frequency: int = 3
    max_terms: int = 10_000
    adapt_bins: bool = True

    @property
    def optimizer(self) -> AdamW:
        """The optimizer at the usual batch size."""
        return AdamW(self.learning_rate, weight_decay=self.weight_decay, beta2=self.beta2)

    def complete(self, options: TrainOptions) -> TrainOptions:
        """The options, with the recipe's hidden layers and schedule where they were left open."""
        names = ("hidden", "activation", "dropout", "schedule")
        return options.with_defaults(**{name: getattr(self, name) for name in names})

    def features(self) -> FeatureOptions:
        """How columns become inputs: piecewise-linear and periodic features of numbers, one-hot categories, terms."""
        limits = (self.n_frequencies, self.n_bins, self.max_inputs, self.min_frequency)
        return FeatureOptions(*limits, max_terms=self.max_terms, adapt_bins=self.adapt_bins)

    def bound(self, encoder: Any, options: TrainOptions, rows: int) -> Recipe:
        """Without pilots, where the caller says how many epochs all networks are trained for."""
        return self if options.epochs is None else replace(self, n_pilots=0)

    def validation_fraction(self, options: TrainOptions) -> float:
        """0: each network has its own fold for validation."""
        return 0.0

    def validates(self, rows: int, validation: bool) -> bool:
        """Whether there are validation rows, or enough rows to divide into folds."""
        return validation or self.folds_for(rows) > 1

    def network(self, inputs: int, task: Task, options: TrainOptions, n_csr: int = 0) -> Network:
        """One network of the ensemble: scaling layers on the dense block, hidden layers, output layer."""
        plain = Recipe.network(self, inputs, task, options, n_csr)
        scale = LearnedScale(inputs - n_csr) if 0 < n_csr < inputs else LearnedScale()
        scaling: list[Layer] = [scale] * (0 if n_csr == inputs else self.n_scaling_layers)
        return Network(inputs, [*scaling, *plain.layers])

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
        batch_size = self.batch_size_for(rows) if options.batch_size is None else options.batch_size
        usual = replace(self.optimizer, learning_rate=self.learning_rate_for(batch_size))
        optimizer = chosen_optimizer(options, usual)
        metric = "validation_loss" if task.kind == "regression" else self.selection_metric
        sizes = {"epochs": self.epochs_for(rows), "batch_size": batch_size, "patience": self.patience_for(rows)}
        metric = metric if validated else "loss"
        return make_settings(network, task, options, optimizer, callbacks, metric=metric, **sizes)

    def train(self, setup: TrainingSetup) -> Trained:
        """Train the ensemble, merge it and calibrate it."""
        folds = self.folds_for(len(setup.rows))
        return train_ensemble(
            setup,
            self.n_networks,
            folds,
            self.calibrate,
            judge_sparse=True,
            n_pilots=self.n_pilots,
            overlap=self.overlap,
        )

    def folds_for(self, rows: int) -> int:
        """Into how many folds so many rows are divided: at least three of a hundred rows each, if there are so many.

        >>> [TableRecipe().folds_for(rows) for rows in (5_000, 500, 9, 3)]
        [10, 5, 3, 1]
        """
        return max(min(self.n_folds, max(rows // USUAL_FOLD_ROWS, 3), rows // MIN_FOLD_ROWS), 1)

    def batch_size_for(self, rows: int) -> int:
        """The batch size: small enough for `min_steps`, larger for very many rows.

        >>> [TableRecipe().batch_size_for(rows) for rows in (100, 1_000, 8_000, 1_000_000)]
        [32, 64, 128, 1024]
        """
        size, rows_in_all = self.batch_size, rows * self.epochs_for(rows)
        while size > MIN_BATCH and rows_in_all < self.min_steps * size:
            size //= 2
        while size < MAX_BATCH and rows > LARGE_ROWS * size // self.batch_size:
            size *= 2
        return size

    def learning_rate_for(self, batch_size: int) -> float:
        """The learning rate for a batch size: in proportion to its square root, up to the recipe's batch size.

        >>> TableRecipe().learning_rate_for(32) == TableRecipe().learning_rate / 2
        True
        """
        return self.learning_rate * math.sqrt(min(batch_size / self.batch_size, 1.0))

    def epochs_for(self, rows: int) -> int:
        """The number of epochs, if none stops early: more for few rows, fewer for very many.

        >>> [TableRecipe().epochs_for(rows) for rows in (100, 4_000, 8_000, 1_000_000)]
        [100, 50, 25, 2]
        """
        rows = max(rows, 1)
        needed = min(-(-MIN_STEPS * MIN_BATCH // rows), MAX_EPOCHS)
        more = min(self.epochs * FEW_ROWS // rows, self.max_epochs)
        return max(min(max(self.epochs, more), self.epochs * LARGE_ROWS // rows), needed, 2)

    def patience_for(self, rows: int) -> int:
        """How many epochs may pass without improvement: the same fraction of all epochs, and no fewer than `patience`.

        >>> [TableRecipe().patience_for(rows) for rows in (100, 8_000, 1_000_000)]
        [32, 8, 8]
        """
        return max(self.patience * self.epochs_for(rows) // self.epochs, self.patience)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TableRecipe:
        """The recipe that `to_dict` wrote, here or in version 0.1.

        >>> TableRecipe.from_dict(TableRecipe(n_networks=2).to_dict()).n_networks
        2
        """
        values: dict[str, Any] = {OLD_NAMES.get(name, name): value for name, value in data.items()}
        if "epochs" in values:
            values.setdefault("max_epochs", values["epochs"])  # once there were no more epochs for few rows
            values.setdefault("n_pilots", 0)
            values.setdefault("overlap", False)
            values.setdefault("adapt_bins", False)
        if values.get("selection_metric") == "explained_share":
            values["selection_metric"] = CALIBRATED_D2
        return super().from_dict(values)


PRESETS = {
    "fast": TableRecipe(n_networks=1, n_pilots=0, epochs=10, max_epochs=10, patience=4, min_steps=400),
    "default": TableRecipe(),
    "best": TableRecipe(n_networks=16, hidden=(160, 80), epochs=40, max_epochs=160, patience=13),
}
"""Effort -> recipe: one network, some, or many that are wider and trained for longer."""
