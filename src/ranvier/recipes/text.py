"""The recipe "text": networks on two weightings of the terms of texts and a linear model, merged and calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.network.network import Network
from ranvier.network.optimizers import Adam
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, chosen_optimizer, make_settings
from ranvier.recipes.table import TableRecipe
from ranvier.recipes.text_parts import TextParts
from ranvier.recipes.text_training import train_on_texts
from ranvier.records import record
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import CALIBRATED_D2

MAX_FIRST_WEIGHTS = 20_000_000
"""Numbers in the first layer of a network above which it gets half as many neurons, down to 64."""
MIN_HIDDEN = 64


@record
class TextRecipe(TextParts, Recipe):
    """Trains three models on columns of texts and merges them into one network.

    A network sees TF-IDF rows; another one and a linear model see them times the strengths of the terms, see
    `term_strengths`. A tenth of the rows decides how many epochs are best, calibrates each, and says whether all are
    merged or fewer; then they are trained again on all rows. Of few rows several folds do so, one after the other.

    Its parts are those of `TextParts`.

    Sources: Wang, Manning, "Baselines and bigrams", ACL 2012; Galke, Scherp, "Bag-of-words vs. graph vs. sequence in
    text classification: questioning the necessity of text-graphs and the surprising strength of a wide MLP", ACL 2022.

    >>> TEXT_PRESETS["fast"].n_seeds
    0
    """

    name: ClassVar[str] = "text"

    def complete(self, options: TrainOptions) -> TrainOptions:
        """The options, with the recipe's parts where they were left open; how wide layers are depends on the terms."""
        names = ("activation", "dropout", "schedule")
        return options.with_defaults(**{name: getattr(self, name) for name in names})

    def features(self) -> FeatureOptions:
        """How columns become inputs: texts by their terms, others as by the recipe "table"."""
        return replace(TableRecipe().features(), max_terms=self.max_terms)

    def bound(self, encoder: Any, options: TrainOptions, rows: int) -> TextRecipe:
        """The recipe with hidden layers for the number of terms."""
        if options.hidden is not None:
            return replace(self, hidden=tuple(options.hidden))
        widths = self.hidden
        while widths and widths[0] > MIN_HIDDEN and widths[0] * encoder.width > MAX_FIRST_WEIGHTS:
            widths = tuple(max(width // 2, MIN_HIDDEN) for width in widths)
        return replace(self, hidden=widths)

    def validation_fraction(self, options: TrainOptions) -> float:
        """0: rows are left out for validation, and then trained on."""
        return 0.0

    def validates(self, rows: int, validation: bool) -> bool:
        """Whether there are validation rows, or enough rows to leave some out."""
        return validation or self.folds_for(rows) > 1

    def network(self, inputs: int, task: Task, options: TrainOptions, n_csr: int = 0) -> Network:
        """One network on terms."""
        return Recipe.network(self, inputs, task, replace(options, hidden=self.hidden), n_csr)

    def settings(
        self,
        network: Network,
        task: Task,
        options: TrainOptions,
        rows: int,
        callbacks: Sequence[Callback],
        validated: bool,
    ) -> TrainSettings:
        """How the network on TF-IDF is trained; the number of rows decides what was left open."""
        optimizer = chosen_optimizer(options, Adam(self.learning_rate))
        epochs = self.epochs_for(rows, task.outputs)
        metric = "validation_loss" if task.kind == "regression" else CALIBRATED_D2
        sizes = {"epochs": epochs, "batch_size": self.batch_size, "patience": epochs}
        return make_settings(
            network, task, options, optimizer, callbacks, metric=metric if validated else "loss", **sizes
        )

    def train(self, setup: TrainingSetup) -> Trained:
        """Train the members, choose, merge and calibrate."""
        return train_on_texts(self, setup)


TEXT_PRESETS = {
    "fast": TextRecipe(min_validation=100, n_seeds=0, epochs=4, min_steps=300, class_steps=8, max_terms=30_000),
    "default": TextRecipe(),
    "best": TextRecipe(n_seeds=3, max_terms_again=1_000_000_000),
}
"""Effort -> recipe: without training again on all rows, with, or three times."""
