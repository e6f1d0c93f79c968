"""What a recipe is: an object that decides how a network is made of data, and what every recipe gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Self, cast

from numpy.typing import NDArray

from ranvier.data import Prepared, Source, TargetEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.row_encoder import RowEncoder, row_encoder
from ranvier.errors import InputError
from ranvier.network.layers import Dense, Dropout, Layer
from ranvier.network.losses import Loss
from ranvier.network.losses import loss as find_loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.schedules import schedule as find_schedule
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.scalars import plain_scalar
from ranvier.training.callbacks import Callback, EarlyStopping
from ranvier.training.events import Sink
from ranvier.training.held_out import HeldOut
from ranvier.training.history import History
from ranvier.training.settings import TrainSettings, default_loss
from ranvier.training.state import TrainingState

Array = NDArray[Any]
OUTPUT_ACTIVATIONS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid"}


@record(eq=False)
class TrainingSetup:
    """What a recipe trains, on what, and who is told.

    Fields:
        network, settings: what is trained, and how.
        task, rows: what to learn, and from what.
        validation: rows that decide when to stop; None where the recipe divides `rows` itself.
        target: how targets are encoded, for metrics in their units; None for those of the encoded targets.
        sinks: who listens.
        checkpoint: the folder where training states are saved; None for none. One that holds those of an interrupted
            call with the same arguments goes on to the same bits.
        encoder: how rows were encoded; None where nobody asks.
    """

    network: Network
    settings: TrainSettings
    task: Task
    rows: Rows
    validation: Rows | None
    target: TargetEncoder | None = None
    sinks: tuple[Sink, ...] = ()
    checkpoint: Path | None = None
    encoder: Any = None


@record(eq=False)
class Trained:
    """What the training of a recipe gives.

    Fields:
        network, parameters: one network, whatever was trained, and its flat parameters (P,).
        history: the epochs of all trained networks, numbered through.
        engine: the name of the engine that ran them.
        stop_reason: why training ended, in a sentence.
        interrupted: whether Ctrl-C ended it.
        members: one record for each network of an ensemble: epochs, best_epoch, validation_loss, seconds; else empty.
        temperature: what the logits were divided by, so that probabilities are calibrated; 1 for none.
        state: where `Model.fit` goes on; None where it starts with an empty optimizer state.
        encoder: how the finished model encodes rows, where the recipe learned that; None where it stays as it was.
        notes: what the recipe decided, one sentence each.
        linear: a linear model on the same inputs and its parameters, where the recipe trained one; else None.
        held_out: outputs for rows that stood outside training, with the temperature; None for none.
    """

    network: Network
    parameters: Array
    history: History
    engine: str
    stop_reason: str
    interrupted: bool
    members: tuple[dict[str, Any], ...] = ()
    temperature: float = 1.0
    state: TrainingState | None = None
    encoder: Any = None
    notes: tuple[str, ...] = ()
    held_out: HeldOut | None = None
    linear: tuple[Network, Array] | None = None


class Recipe(ABC):
    """How `train` makes a network of one kind of data: encoders, network, training, ensemble, calibration.

    `train` calls these methods in the order in which they stand here and does not know which recipe it follows. A new
    recipe is a file in this folder and a line in `registry.RECIPES`. Recipes are frozen records, so that one with other
    parts is made by `dataclasses.replace(rv.recipe("table"), n_networks=3)`.

    >>> from ranvier.recipes.registry import recipe
    >>> replace(recipe("table"), n_networks=3).n_networks
    3
    """

    __slots__ = ()
    name: ClassVar[str]
    rescales: ClassVar[bool] = False
    """Whether the network that the recipe builds scales bytes itself."""
    leaves_rows_out: ClassVar[bool] = False
    """Whether it leaves rows out to choose by them, where no validation rows are given; they are trained on then."""

    def source(self, source: Source) -> Source:
        """The opened data in the form that the recipe takes."""
        return source

    def prepare(
        self, source: Source, options: TrainOptions, validation: Any = None, test: Any = None, sample_weight: Any = None
    ) -> Prepared | None:
        """The training, validation and test rows where the recipe makes them itself; None where columns are encoded.

        Parameters:
            validation, test: rows for these parts from outside, opened; None where a fraction is taken.
            sample_weight: as it was given to `train`.
        """
        return None

    def bound(self, encoder: Any, options: TrainOptions, rows: int) -> Recipe:
        """The recipe with what it needs to know of the encoder, the options and the number of training rows.

        `network`, `settings` and `train` are its own.
        """
        return self

    def with_members(self, count: int) -> Recipe:
        """The recipe that trains and merges so many networks.

        Raises:
            InputError: it does not leave that open.

        >>> from ranvier.recipes.registry import recipe
        >>> recipe("table").with_members(8).n_networks
        8
        """
        if "n_networks" not in {part.name for part in fields(cast(Any, self))}:
            raise InputError(
                f"members is {count}, and the recipe {self.name!r} does not leave open how many networks are trained; "
                'leave members out, or take recipe="table".'
            )
        return cast(Recipe, replace(cast(Any, self), n_networks=count))

    @abstractmethod
    def complete(self, options: TrainOptions) -> TrainOptions:
        """The options of a call, with those that were left open (None) and do not depend on the rows filled in."""

    def features(self) -> FeatureOptions | None:
        """How columns of a table become inputs; None for one number a number."""
        return None

    def validation_fraction(self, options: TrainOptions) -> float:
        """The fraction of the rows taken for validation before training, 0 where the recipe divides the rows itself."""
        return options.validation if isinstance(options.validation, float) else 0.0

    def validates(self, rows: int, validation: bool) -> bool:
        """Whether networks trained on so many rows have validation rows; `validation` says whether some are given."""
        return validation

    def network(self, inputs: int, task: Task, options: TrainOptions, n_csr: int = 0) -> Network:
        """Hidden layers as wide as the options say, and the output layer of the task, or of a regression's loss.

        Parameters:
            n_csr: how many of the inputs, the last ones, are in the CSR block.
        """
        layers: list[Layer] = []
        for width in options.hidden or ():
            layers.append(Dense(width, options.activation or "silu"))
            if options.dropout:
                layers.append(Dropout(options.dropout))
        activation = OUTPUT_ACTIVATIONS.get(task.kind) or find_loss(options.loss or "squared_error").units.output
        return Network(inputs, [*layers, Dense(task.outputs, activation)])

    @abstractmethod
    def settings(
        self,
        network: Network,
        task: Task,
        options: TrainOptions,
        rows: int,
        callbacks: Sequence[Callback],
        validated: bool,
    ) -> TrainSettings:
        """How the network is trained, with what was left open chosen by the task and the number of rows."""

    @abstractmethod
    def train(self, setup: TrainingSetup) -> Trained:
        """Train, and merge and calibrate what was trained."""

    def to_dict(self) -> dict[str, Any]:
        """The name and the parts as plain JSON values."""
        recipe: Any = self
        return {"name": self.name, **{part.name: _as_json(getattr(self, part.name)) for part in fields(recipe)}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The recipe that `to_dict` wrote; parts that are absent are as usual, and unknown ones do not count."""
        recipe: Any = cls
        names = {part.name for part in fields(recipe)}
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in names})


def _as_json(part: Any) -> Any:
    if isinstance(part, tuple):
        return list(part)
    return part.to_dict() if hasattr(part, "to_dict") else plain_scalar(part)


def only_column(encoder: RowEncoder | None, recipe: str, what: str) -> Any:
    """The encoder of the one column that is the input, for the recipes "image" and "sound".

    Raises:
        InputError: there are other columns, or none of this kind.
    """
    rows = row_encoder(encoder)
    column_encoder = {"image": rows.image, "sound": rows.sound}[recipe]
    if column_encoder is None:
        names = ", ".join(column.name for column in rows.columns if column.used)
        raise InputError(
            f"The recipe {recipe!r} trains on one column of {what}, and the inputs are {names or 'numbers'}; take "
            "recipe='auto'."
        )
    return column_encoder


def chosen_optimizer(options: TrainOptions, usual: Optimizer) -> Optimizer:
    """The optimizer that the options name, or else the usual one, each with the settings that the options give."""
    changes: dict[str, Any] = options.optimizer_options()
    if options.optimizer is None:
        return replace(usual, **changes)
    return find_optimizer(options.optimizer, **changes)


def make_settings(
    network: Network,
    task: Task,
    options: TrainOptions,
    optimizer: Optimizer,
    callbacks: Sequence[Callback],
    *,
    epochs: int,
    batch_size: int,
    patience: int,
    metric: str,
    label_smoothing: float = 0.0,
) -> TrainSettings:
    """Settings with early stopping first; `epochs`, `batch_size` and `patience` count where the options are open.

    Parameters:
        metric: what early stopping looks at; another one than "loss" needs validation rows.
        label_smoothing: of the usual loss of classes, where the options leave the loss open.
    """
    stopping = EarlyStopping(patience if options.patience is None else options.patience, metric)
    settings = TrainSettings(
        loss=_usual_loss(network, task, label_smoothing) if options.loss is None else find_loss(options.loss),
        optimizer=optimizer,
        schedule=find_schedule("cosine" if options.schedule is None else options.schedule),
        epochs=epochs if options.epochs is None else options.epochs,
        batch_size=batch_size if options.batch_size is None else options.batch_size,
        callbacks=(stopping, *callbacks),
        seed=options.seed,
        engine=options.engine,
        precision=options.precision,
        threads=options.threads,
        shuffle=True,
    )
    settings.check(network, task, metric != "loss")
    return settings


def _usual_loss(network: Network, task: Task, label_smoothing: float) -> Loss:
    usual = default_loss(network, task)
    if task.kind == "regression" or not label_smoothing:
        return usual
    return find_loss(usual.name, label_smoothing=label_smoothing)


def recipe_as_used(recipe: Recipe, options: TrainOptions, settings: TrainSettings) -> dict[str, Any]:
    """The parts of a recipe as they were used: with what the caller and the number of rows decided."""
    optimizer: Any = settings.optimizer
    used = {
        "hidden": recipe.to_dict().get("hidden", []) if options.hidden is None else list(options.hidden),
        "activation": getattr(options.activation, "name", options.activation),
        "dropout": getattr(recipe, "dropout", None) if options.dropout is None else options.dropout,
        "optimizer": type(optimizer).__name__,
        "learning_rate": getattr(optimizer, "learning_rate", None),
        "weight_decay": getattr(optimizer, "weight_decay", None),
        "schedule": settings.schedule.name,
        "patience": next(c.patience for c in settings.callbacks if isinstance(c, EarlyStopping)),
        "batch_size": settings.batch_size,
        "epochs": settings.epochs,
    }
    return {**recipe.to_dict(), **used}
