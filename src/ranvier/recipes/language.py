"""The recipe "language": a network that predicts the next character of a text from those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar

import numpy as np

from ranvier.data import Prepared, Source
from ranvier.data.language.corpus import FORMS
from ranvier.data.language.preparation import TextOptions, prepare_text
from ranvier.data.language.vocabulary import MAX_CHARACTERS
from ranvier.errors import InputError, nearest
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, Residual
from ranvier.network.network import Network
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.task import Task
from ranvier.recipes.ensemble import train_ensemble
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.plain import PlainRecipe
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, make_settings
from ranvier.records import record
from ranvier.training.callbacks import Callback
from ranvier.training.settings import TrainSettings

SMALL, MIDDLE = 30_000, 120_000
"""Training characters below which a quarter and a half of the width are enough."""
MAX_EPOCHS = 20
MANY_EPOCHS = 8
"""From so many passes over a text on, a network overfits unless it is regularized more."""
FEW_CHARACTERS: dict[str, float] = {"dropout": 0.3, "learning_rate": 0.003, "weight_decay": 0.1}
"""What the recipe's fields are then, where they were left as they are."""
SEVERAL: dict[str, Any] = {**FEW_CHARACTERS, "n_networks": 2}
"""And where the width is the whole one: narrower networks, whose mean is better than a single wide one."""
SEVERAL_WIDTH = 2 / 3
BATCH = 512


@record
class LanguageRecipe(Recipe):
    """A network on one-hot characters: a hidden layer, residual blocks with normalization, a softmax.

        h_0 = silu(W x + b)
        h_i = h_{i-1} + V_i dropout(silu(U_i norm(h_{i-1})))      for each block i
        p   = softmax(O norm(h))

    norm is layer normalization; of several networks, which are merged, batch normalization.

    Its size depends on the number of characters, never on a clock.

    Fields:
        context: how many characters it sees.
        width: of the hidden layers, for texts of more than 120,000 characters.
        n_blocks: how many residual blocks.
        n_networks: how many networks are trained, each with its own seed, and merged into one.
        dropout: in each block.
        learning_rate, weight_decay: of AdamW; the learning rate falls along a cosine.
        examples: about how many characters training goes over, all epochs together.
        max_characters: the largest number of characters of the vocabulary; rarer ones are read as one sign.
        form: "text" for running text, "lines" for an example a line; "auto" looks at the lines.

    Source: Bengio, Ducharme, Vincent, Jauvin, "A neural probabilistic language model", JMLR 2003.
    """

    name: ClassVar[str] = "language"

    context: int = 24
    width: int = 384
    n_blocks: int = 2
    n_networks: int = 1
    dropout: float = 0.2
    learning_rate: float = 0.0015
    weight_decay: float = 0.01
    examples: int = 2_800_000
    max_characters: int = MAX_CHARACTERS
    form: str = "auto"

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise InputError(f"There is no form of text {self.form!r}. {nearest(str(self.form), FORMS)}")

    def complete(self, options: TrainOptions) -> TrainOptions:
        """The options, with the optimizer, the activation and the schedule of the recipe where they were left open.

        >>> LanguageRecipe().complete(TrainOptions()).optimizer
        'adamw'
        """
        return options.with_defaults(optimizer="adamw", activation="silu", schedule="cosine")

    def prepare(
        self, source: Source, options: TrainOptions, validation: Any = None, test: Any = None, sample_weight: Any = None
    ) -> Prepared | None:
        """The windows of a text.

        Raises:
            InputError: an option has no meaning for a text.
            DataError: there is no text, or too little.
        """
        _check_options(options, sample_weight, (validation, test))
        validation_fraction, test_fraction = (
            fraction if isinstance(fraction, (int, float)) else 0.0 for fraction in (options.validation, options.test)
        )
        wanted = TextOptions(
            context=self.context,
            max_characters=self.max_characters,
            max_rows=self.examples,
            form=self.form,
            validation=validation_fraction,
            test=test_fraction,
            seed=options.seed,
            ignore=tuple(options.ignore),
            dtype=np.float64 if options.precision == "float64" else np.float32,
        )
        return prepare_text(source, wanted, validation, test)

    def bound(self, encoder: Any, options: TrainOptions, rows: int) -> LanguageRecipe:
        """The recipe for so many training characters: narrower for few, and more regularized where passes are many.

        >>> small, middle = (LanguageRecipe().bound(None, TrainOptions(), rows) for rows in (100_000, 200_000))
        >>> small.width, small.dropout, middle.n_networks
        (192, 0.3, 2)
        """
        width = self.width // (4 if rows < SMALL else 2 if rows < MIDDLE else 1)
        usual = all(
            field.default == getattr(self, field.name) for field in fields(self) if field.name in FEW_CHARACTERS
        )
        changes: dict[str, Any] = FEW_CHARACTERS if usual and self.epochs_for(rows) >= MANY_EPOCHS else {}
        if changes and width == self.width and self.n_networks == 1 and self.n_blocks and options.hidden is None:
            width, changes = round(SEVERAL_WIDTH * width), SEVERAL
        return replace(self, width=max(width, 16), **changes)

    def epochs_for(self, rows: int) -> int:
        """Passes over so many training characters.

        >>> LanguageRecipe().epochs_for(1_000_000)
        3
        """
        return min(max(round(self.examples / rows), 1), MAX_EPOCHS)

    def network(self, inputs: int, task: Task, options: TrainOptions, n_csr: int = 0) -> Network:
        """Residual blocks, or the hidden layers that the options say."""
        rate = self.dropout if options.dropout is None else options.dropout
        if options.hidden is not None:
            return super().network(inputs, task, replace(options, dropout=rate), n_csr)
        activation = options.activation or "silu"
        norm = LayerNorm() if self.n_networks == 1 else BatchNorm()
        layers: list[Layer] = [Dense(self.width, activation)]
        for _ in range(self.n_blocks):
            dropout = [Dropout(rate)] if rate else []
            layers.append(Residual([norm, Dense(self.width, activation), *dropout, Dense(self.width)]))
        return Network(inputs, [*layers, norm, Dense(task.outputs, "softmax")])

    def settings(
        self,
        network: Network,
        task: Task,
        options: TrainOptions,
        rows: int,
        callbacks: Sequence[Callback],
        validated: bool,
    ) -> TrainSettings:
        """As many epochs as make about `examples` characters."""
        changes: dict[str, Any] = options.optimizer_options()
        if options.optimizer in (None, "adamw"):
            changes = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay, **changes}
        optimizer = find_optimizer(options.optimizer or "adamw", **changes)
        batch_size = options.batch_size or min(BATCH, max(32, 1 << max(rows // 200, 1).bit_length()))
        epochs = self.epochs_for(rows)
        metric = "validation_loss" if validated else "loss"
        sizes = {"epochs": epochs, "batch_size": batch_size, "patience": epochs}
        return make_settings(network, task, options, optimizer, callbacks, metric=metric, **sizes)

    def train(self, setup: TrainingSetup) -> Trained:
        """Train the networks; the epoch with the smallest validation loss of each is kept."""
        if self.n_networks == 1:
            return PlainRecipe().train(setup)
        return train_ensemble(setup, self.n_networks, n_folds=1, calibrate=setup.validation is not None)


def _check_options(options: TrainOptions, sample_weight: Any, parts: tuple[Any, ...]) -> None:
    """Raise an `InputError` for an option that says something of columns, which a text has not."""
    if isinstance(options.task, Task):
        raise InputError(
            "The recipe 'language' predicts the next character of a text and learns no other target; take rv.train on "
            "a text file, or recipe='auto'."
        )
    options_of_columns = {
        "target": options.target is not None,
        "split": options.split is not None,
        "group": options.group is not None,
        "positive": options.positive is not None,
        "kinds": bool(options.kinds),
        "task": options.task not in (None, "multiclass"),
        "sample_weight": sample_weight is not None,
        "class_weight": options.class_weight is not None,
        "members": options.members is not None,
        "image_size": options.image_size is not None,
        "augment": options.augment is not None,
    }
    wrong = [name for name, is_given in options_of_columns.items() if is_given]
    if wrong:
        raise InputError(
            f"{wrong[0]} has no meaning for the recipe 'language', which predicts the next character of a text; leave "
            "it out, or take recipe='table' for data with columns."
        )
    if any(isinstance(part, tuple) for part in parts):
        raise InputError("Validation and test texts of the recipe 'language' are fractions or text files, not tuples.")


LANGUAGE_PRESETS = {
    "fast": LanguageRecipe(context=16, width=256, n_blocks=1, examples=2_000_000),
    "default": LanguageRecipe(),
    "best": LanguageRecipe(context=32, width=512, n_blocks=3, dropout=0.3, learning_rate=0.002, examples=10_000_000),
}
"""Effort -> recipe."""
