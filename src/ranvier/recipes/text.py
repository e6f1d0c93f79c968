"""The recipe "text": networks on two weightings of the terms of texts and a linear model, merged and calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ranvier.data.encoders.feature_options import MAX_TERMS, FeatureOptions
from ranvier.network.network import Network
from ranvier.network.optimizers import Adam
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, chosen_optimizer, make_settings
from ranvier.recipes.table import TableRecipe
from ranvier.recipes.text_training import train_on_texts
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import CALIBRATED_D2

MAX_FIRST_WEIGHTS = 20_000_000
"""Numbers in the first layer of a network above which it gets half as many neurons, down to 64."""
MIN_HIDDEN = 64
MIN_FOLD_ROWS = 4
FEW_ROWS, FEW_FOLDS = 1_000, 5
"""Fewer rows are divided into so many folds, since a tenth of them says too little."""


@record
class TextRecipe(Recipe):
    """Trains three models on columns of texts and merges them into one network.

    A network sees TF-IDF rows; another one and a linear model see them times the strengths of the terms, see
    `term_strengths`. A tenth of the rows decides how many epochs are best, calibrates each, and says whether all are
    merged or fewer; then they are trained again on all rows. Of few rows several folds do so, one after the other.

    Fields:
        hidden: the widths of the hidden layers; narrower where there are very many terms.
        activation, dropout: of the hidden layers.
        label_smoothing, linear_label_smoothing: of the network on strengths, and of the linear model.
        learning_rate, linear_learning_rate: of Adam.
        schedule: of the learning rate.
        batch_size: rows per gradient step.
        epochs, min_steps, class_steps: passes over the rows, more for few rows so that there are `min_steps` steps, and
            `class_steps` for each class.
        n_folds: one of so many parts of the rows is for validation; one of five below 1,000 rows.
        min_validation: as many of these parts are left out in turn as have so many rows together.
        n_seeds: how many networks of each kind are trained on all rows; 0 for none, which keeps the first ones.
        max_terms_again: how many terms of all rows, times the epochs, may be seen again.
        max_terms: the maximum number of terms of each way to make them; 30,000 at most for two classes and numbers.

    Sources: Wang, Manning, "Baselines and bigrams", ACL 2012; Galke, Scherp, "Bag-of-words vs. graph vs. sequence in
    text classification: questioning the necessity of text-graphs and the surprising strength of a wide MLP", ACL 2022.

    >>> TEXT_PRESETS["fast"].n_seeds
    0
    """

    name: ClassVar[str] = "text"
    hidden: tuple[int, ...] = (256,)
    activation: str = "relu"
    dropout: float = 0.5
    label_smoothing: float = 0.1
    linear_label_smoothing: float = 0.05
    learning_rate: float = 1e-3
    linear_learning_rate: float = 1e-2
    schedule: str = "polynomial"
    batch_size: int = 32
    epochs: int = 8
    min_steps: int = 500
    class_steps: int = 13
    n_folds: int = 10
    min_validation: int = 200
    n_seeds: int = 1
    max_terms_again: int = 40_000_000
    max_terms: int = MAX_TERMS

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

    def folds_for(self, rows: int) -> int:
        """Into how many parts so many rows are divided, of which one is for validation.

        >>> [TextRecipe().folds_for(rows) for rows in (5_000, 500, 9, 3)]
        [10, 5, 2, 1]
        """
        folds = min(self.n_folds, rows // MIN_FOLD_ROWS, self.n_folds if rows >= FEW_ROWS else FEW_FOLDS)
        return folds if folds > 1 else 1

    def validations_for(self, rows: int) -> int:
        """How many of the parts of so many rows are left out in turn.

        >>> [TextRecipe().validations_for(rows) for rows in (5_000, 1_500, 500, 100)]
        [1, 2, 2, 5]
        """
        folds = self.folds_for(rows)
        return min(max(-(-self.min_validation * folds // max(rows, 1)), 1), folds)

    def epochs_for(self, rows: int, outputs: int) -> int:
        """Passes over so many rows of so many classes, or other outputs.

        >>> [TextRecipe().epochs_for(rows, outputs) for rows, outputs in ((500, 2), (500, 77), (5_000, 77))]
        [32, 65, 8]
        """
        steps = max(self.min_steps, self.class_steps * outputs)
        return max(self.epochs, -(-steps * self.batch_size // max(rows, 1)))

    def trains_again(self, rows: Rows, settings: TrainSettings) -> bool:
        """Whether the members are trained again on all rows: where these are few enough, and no callback watches."""
        terms = 0 if rows.inputs.entries is None else len(rows.inputs.entries.data)
        few = terms * settings.epochs <= self.max_terms_again
        return self.n_seeds > 0 and few and len(settings.callbacks) == 1

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

    def linear_settings(self, settings: TrainSettings) -> TrainSettings:
        """The settings for the linear model, which learns faster."""
        optimizer: Any = settings.optimizer
        factor = self.linear_learning_rate / self.learning_rate
        if not isinstance(optimizer, Adam):
            return settings
        return replace(settings, optimizer=replace(optimizer, learning_rate=optimizer.learning_rate * factor))

    def train(self, setup: TrainingSetup) -> Trained:
        """Train the members, choose, merge and calibrate."""
        return train_on_texts(self, setup)


TEXT_PRESETS = {
    "fast": TextRecipe(min_validation=100, n_seeds=0, epochs=4, min_steps=300, class_steps=8, max_terms=30_000),
    "default": TextRecipe(),
    "best": TextRecipe(n_seeds=3, max_terms_again=1_000_000_000),
}
"""Effort -> recipe: without training again on all rows, with, or three times."""
