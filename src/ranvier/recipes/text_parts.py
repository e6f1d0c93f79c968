"""The parts of the recipe "text", and how many epochs and folds so many rows get."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ranvier.data.encoders.feature_options import MAX_TERMS
from ranvier.network.optimizers import Adam
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.settings import TrainSettings

MIN_FOLD_ROWS = 4
FEW_ROWS, FEW_FOLDS = 1_000, 5
"""Fewer rows are divided into so many folds, since a tenth of them says too little."""


@record
class TextParts:
    """What the recipe "text" leaves open.

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
    """

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

    def folds_for(self, rows: int) -> int:
        """Into how many parts so many rows are divided, of which one is for validation.

        >>> [TextParts().folds_for(rows) for rows in (5_000, 500, 9, 3)]
        [10, 5, 2, 1]
        """
        folds = min(self.n_folds, rows // MIN_FOLD_ROWS, self.n_folds if rows >= FEW_ROWS else FEW_FOLDS)
        return folds if folds > 1 else 1

    def validations_for(self, rows: int) -> int:
        """How many of the parts of so many rows are left out in turn.

        >>> [TextParts().validations_for(rows) for rows in (5_000, 1_500, 500, 100)]
        [1, 2, 2, 5]
        """
        folds = self.folds_for(rows)
        return min(max(-(-self.min_validation * folds // max(rows, 1)), 1), folds)

    def epochs_for(self, rows: int, outputs: int) -> int:
        """Passes over so many rows of so many classes, or other outputs.

        >>> [TextParts().epochs_for(rows, outputs) for rows, outputs in ((500, 2), (500, 77), (5_000, 77))]
        [32, 65, 8]
        """
        steps = max(self.min_steps, self.class_steps * outputs)
        return max(self.epochs, -(-steps * self.batch_size // max(rows, 1)))

    def trains_again(self, rows: Rows, settings: TrainSettings) -> bool:
        """Whether the members are trained again on all rows: where these are few enough, and no callback watches."""
        terms = 0 if rows.inputs.entries is None else len(rows.inputs.entries.data)
        few = terms * settings.epochs <= self.max_terms_again
        return self.n_seeds > 0 and few and len(settings.callbacks) == 1

    def linear_settings(self, settings: TrainSettings) -> TrainSettings:
        """The settings for the linear model, which learns faster."""
        optimizer: Any = settings.optimizer
        factor = self.linear_learning_rate / self.learning_rate
        if not isinstance(optimizer, Adam):
            return settings
        return replace(settings, optimizer=replace(optimizer, learning_rate=optimizer.learning_rate * factor))
