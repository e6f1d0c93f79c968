"""Recipes: everything that `train` chooses by itself, put together as frozen records with one preset an effort.

A recipe is a way to encode a table and to train several small networks on it, each with other rows left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.errors import InputError, nearest
from ranvier.network.optimizers import AdamW
from ranvier.records import record
from ranvier.training.temperature import EXPLAINED


@record
class Recipe:
    """How to train on a table without being told anything else.

    Fields:
        members: how many networks are trained, each with its own seed and its own rows left out.
        folds: into how many parts the rows are divided; one part is left out of a network's training and says when
            to stop.
        scales: how many trained factors, multiplied, stand before each input; more of them move faster.
        hidden: the widths of the hidden layers of one network.
        activation, dropout: of the hidden layers.
        learning_rate, weight_decay, beta2: of AdamW.
        schedule: of the learning rate.
        score: what says which epoch is the best, on the rows left out: "explained_share" or "validation_loss"; numbers
            always take the loss.
        patience: how many of these `epochs` may pass without improvement; more where few rows are seen more often, in
            proportion.
        sharpen: whether the probabilities are made as sure as they should be on the rows left out, see `sharpness`.
        batch_size: the rows a step; fewer where there are few rows, more beyond 20,000.
        steps: the steps that a network makes where there are few rows: a step then takes fewer, down to 32.
        epochs: how often a network sees its rows; beyond 20,000 rows less often, down to twice, so that the rows seen
            stay about the same.
        waves, bins, most_inputs, fewest_rows: of the inputs, see `FeatureOptions`.

    >>> recipe("table", "fast").members
    1
    """

    members: int
    folds: int
    scales: int
    hidden: tuple[int, ...]
    activation: str
    dropout: float
    learning_rate: float
    weight_decay: float
    beta2: float
    schedule: str
    score: str
    patience: int
    sharpen: bool
    batch_size: int
    steps: int
    epochs: int
    waves: int
    bins: int
    most_inputs: int
    fewest_rows: int

    @property
    def features(self) -> FeatureOptions:
        """How far the columns are spelled out."""
        return FeatureOptions(self.waves, self.bins, self.most_inputs, self.fewest_rows)

    @property
    def optimizer(self) -> AdamW:
        """How a step is made at the usual batch size."""
        return AdamW(self.learning_rate, weight_decay=self.weight_decay, beta2=self.beta2)

    def parts(self, rows: int) -> int:
        """Into how many parts so many rows are divided: at least three of a hundred rows each, where there are so many.

        >>> recipe("table").parts(5_000), recipe("table").parts(500), recipe("table").parts(9), recipe("table").parts(3)
        (10, 5, 3, 1)
        """
        return max(min(self.folds, max(rows // ROWS_LEFT_OUT, 3), rows // FEWEST_LEFT_OUT), 1)

    def batch_size_for(self, rows: int) -> int:
        """The rows a step: small enough for the steps that few rows need, larger for very many rows.

        >>> chosen = recipe("table", "default")
        >>> chosen.batch_size_for(100), chosen.batch_size_for(8_000), chosen.batch_size_for(1_000_000)
        (32, 128, 1024)
        """
        size = self.batch_size
        while size > SMALLEST_BATCH and rows * self.epochs < self.steps * size:
            size //= 2
        while size < LARGEST_BATCH and rows > MANY_ROWS * size // self.batch_size:
            size *= 2
        return size

    def learning_rate_for(self, batch_size: int) -> float:
        """The learning rate for so many rows a step: smaller, with the root of their number, for fewer.

        >>> chosen = recipe("table", "default")
        >>> chosen.learning_rate_for(chosen.batch_size // 4) == chosen.learning_rate / 2
        True
        """
        return self.learning_rate * math.sqrt(min(batch_size / self.batch_size, 1.0))

    def epochs_for(self, rows: int) -> int:
        """How often the rows are seen, at most: more often where they are few, less often where they are very many.

        >>> chosen = recipe("table", "default")
        >>> chosen.epochs_for(100), chosen.epochs_for(8_000), chosen.epochs_for(1_000_000)
        (96, 25, 2)
        """
        needed = min(-(-FEWEST_STEPS * SMALLEST_BATCH // max(rows, 1)), MOST_EPOCHS)
        return max(min(self.epochs, self.epochs * MANY_ROWS // max(rows, 1)), needed, 2)

    def patience_for(self, rows: int) -> int:
        """The epochs without improvement that are borne: the same share of all where the rows are seen more often.

        >>> chosen = recipe("table", "default")
        >>> chosen.patience_for(100), chosen.patience_for(8_000), chosen.patience_for(1_000_000)
        (46, 12, 12)
        """
        return max(self.patience * self.epochs_for(rows) // self.epochs, self.patience)

    def choices(self) -> dict[str, Any]:
        """What the recipe chooses of the options of `train` that do not depend on the number of rows."""
        names = ("optimizer", "hidden", "activation", "dropout", "schedule")
        return {name: getattr(self, name) for name in names}

    def describe(self) -> list[tuple[str, str]]:
        """The parts, name and value, as text.

        >>> dict(recipe("table", "default").describe())["hidden"]
        '128, 64'
        """
        return [(field.name.replace("_", " "), _text(getattr(self, field.name))) for field in fields(self)]

    def to_dict(self) -> dict[str, Any]:
        """The parts as plain JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_dict` wrote.

        >>> Recipe.from_dict(recipe("table").to_dict()) == recipe("table")
        True
        """
        values: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in data.items()}
        return cls(**values)


FEWEST_LEFT_OUT, ROWS_LEFT_OUT = 2, 100
SMALLEST_BATCH, LARGEST_BATCH = 32, 1024
FEWEST_STEPS = 300
MOST_EPOCHS = 200
MANY_ROWS = 20_000
_DEFAULT = Recipe(
    members=6,
    folds=10,
    scales=3,
    hidden=(128, 64),
    activation="silu",
    dropout=0.1,
    learning_rate=0.007,
    weight_decay=0.2,
    beta2=0.99,
    schedule="cosine",
    score=EXPLAINED,
    patience=12,
    sharpen=True,
    batch_size=128,
    steps=1000,
    epochs=25,
    waves=0,
    bins=32,
    most_inputs=800,
    fewest_rows=3,
)


RECIPES: dict[str, dict[str, Recipe]] = {
    "table": {
        "fast": replace(_DEFAULT, members=1, epochs=10, patience=4, steps=400, waves=6),
        "default": _DEFAULT,
        "best": replace(_DEFAULT, members=16, hidden=(160, 80), epochs=40, patience=20),
    }
}
EFFORTS = ("fast", "default", "best")


def recipe(name: str | Recipe, effort: str | None = None) -> Recipe:
    """The recipe of a name, for an effort.

    Parameters:
        name: "table"; or a recipe, which is given back, so that one with other parts can be made with
            `dataclasses.replace(recipe("table"), members=3)`.
        effort: "fast" trains one network, "default" a few, "best" many and longer; None means "default".

    Raises:
        InputError: there is no such recipe or effort.

    >>> recipe("tabel")
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no recipe 'tabel'. Did you mean "table"?
    """
    if isinstance(name, Recipe):
        if effort is not None:
            raise InputError(
                f"The recipe is a record already, and the effort is {effort!r}; give one of the two (effort=None)."
            )
        return name
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}. {nearest(str(name), RECIPES)}")
    if effort is not None and effort not in EFFORTS:
        raise InputError(f"There is no effort {effort!r}. {nearest(str(effort), EFFORTS)}")
    return RECIPES[name][effort or "default"]


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
