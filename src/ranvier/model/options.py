"""Choices: what `train` was asked for, as plain values, and the network and settings that follow from them."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ranvier.errors import InputError, nearest
from ranvier.model.targets import default_loss
from ranvier.network.activations import Activation, activation_from_dict
from ranvier.network.layers import Dense, Dropout, Layer, LearnedScale
from ranvier.network.losses import Loss, loss_from_dict
from ranvier.network.losses import loss as find_loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer, optimizer_from_dict
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.renamed import TASK_KINDS
from ranvier.network.schedules import Schedule, schedule_from_dict
from ranvier.network.schedules import schedule as find_schedule
from ranvier.network.task import Task
from ranvier.recipes.recipe import Recipe, recipe
from ranvier.records import record
from ranvier.training.callbacks import EarlyStopping, as_callbacks
from ranvier.training.settings import TrainSettings

OUTPUT_ACTIVATIONS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid", "regression": "identity"}
BATCH_SIZES = ((2_000, 32), (10_000, 64), (40_000, 128), (100_000, 256))
READERS: Mapping[str, Any] = {
    "task": Task.from_dict,
    "activation": activation_from_dict,
    "loss": loss_from_dict,
    "optimizer": optimizer_from_dict,
    "schedule": schedule_from_dict,
    "recipe": Recipe.from_dict,
}


@record
class Choices:
    """What `train` was asked for; see `train` for the meaning of the fields."""

    target: str | tuple[str, ...] | None = None
    task: str | Task | None = None
    hidden: tuple[int, ...] = (256, 256)
    activation: str | Activation = "silu"
    dropout: float = 0.2
    loss: str | Loss | None = None
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | Optimizer = "adamw"
    learning_rate: float | None = None
    schedule: str | Schedule = "cosine"
    weight_decay: float | None = None
    clip_norm: float | None = None
    validation: float | str = 0.1
    held_out: float = 0.2
    ignore: tuple[str, ...] = ()
    patience: int | None = None
    class_weight: str | dict[Any, float] | None = None
    seed: int = 0
    engine: str = "auto"
    precision: str = "float32"
    threads: int | None = None
    recipe: str | Recipe | None = None
    effort: str | None = None

    @property
    def cooked(self) -> Recipe | None:
        """The recipe that was asked for; None for none."""
        return None if self.recipe is None else recipe(self.recipe, self.effort)

    def to_dict(self) -> dict[str, Any]:
        """The choices as plain JSON values."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Choices:
        """The choices that `to_dict` wrote.

        >>> Choices.from_dict(Choices(hidden=(8,)).to_dict()) == Choices(hidden=(8,))
        True
        """
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        for name, read in READERS.items():
            if isinstance(values.get(name), Mapping):
                values[name] = read(values[name])
        if isinstance(values.get("task"), str):
            values["task"] = TASK_KINDS.get(values["task"], values["task"])
        if isinstance(values.get("class_weight"), tuple):
            values["class_weight"] = dict(values["class_weight"])
        return cls(**values)


def _plain(value: Any) -> Any:
    """A choice as a JSON value; a dictionary becomes pairs, because labels need not be text."""
    if isinstance(value, (Activation, Loss, Optimizer, Recipe, Schedule, Task)):
        return value.to_dict()
    if isinstance(value, Mapping):
        return [[_plain(label), _plain(weight)] for label, weight in value.items()]
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value.item() if hasattr(value, "item") else value


def chosen_with_validation(
    target: str | tuple[str, ...] | None, given: Mapping[str, Any], validation: Any
) -> tuple[Choices, Any]:
    """The choices of a call of `train`, and the validation rows where they are in memory: a table or a tuple.

    >>> chosen_with_validation(None, {}, ([[1.0]], [2.0]))[1]
    ([[1.0]], [2.0])

    Raises:
        InputError: an option does not exist, or its value is of the wrong kind.
    """
    if validation is None or isinstance(validation, (numbers.Real, str, Path)):
        return chosen_from(target, {**given, "validation": validation}), None
    if isinstance(validation, tuple) and len(validation) not in (2, 3):
        raise InputError(
            f"validation has {len(validation)} parts; it must be a share of the rows, a file or table of rows, or the "
            "tuple (rows, target values) or (rows, target values, weights)."
        )
    return chosen_from(target, {**given, "validation": 0.0}), validation


def chosen_from(target: str | tuple[str, ...] | None, given: Mapping[str, Any]) -> Choices:
    """The choices of a call of `train`: what was given, and the defaults.

    Raises:
        InputError: an option does not exist, or its value is of the wrong kind.
    """
    known = [field.name for field in fields(Choices)]
    for name in given:
        if name not in known or name == "target":
            raise InputError(f"train has no option {name!r}. {nearest(name, known)}")
    values = {name: value for name, value in given.items() if value is not None}
    values |= {name: _listed(name, values[name]) for name in ("hidden", "ignore") if name in values}
    if isinstance(values.get("validation"), (str, Path)):
        path = Path(values["validation"])
        values["validation"] = str(path.resolve()) if path.exists() else str(path)
    if "optimizer" in values and find_optimizer(values["optimizer"]).full_batch:
        values = {"dropout": 0.0, "schedule": "constant", **values}
    if "recipe" in values:
        values = {**recipe(values["recipe"], values.get("effort")).choices(), **values}
    elif "effort" in values:
        raise InputError("effort goes with a recipe; give recipe='table' (--recipe table) too.")
    return Choices(target=target, **values)


def _listed(name: str, given: Any) -> tuple[Any, ...]:
    if isinstance(given, (str, int)):
        return (given,)
    if not isinstance(given, Sequence) and not hasattr(given, "__array__"):
        example = "(256, 256)" if name == "hidden" else "['name']"
        raise InputError(f"{name} is {given!r}; it must be a list, such as {example}.")
    return tuple(_plain(item) for item in given)


def build_network(inputs: int, task: Task, chosen: Choices) -> Network:
    """Hidden layers as wide as asked, and the output layer that the task needs; scale layers first for a recipe."""
    layers: list[Layer] = [] if chosen.cooked is None else [LearnedScale()] * chosen.cooked.scales
    for width in chosen.hidden:
        layers.append(Dense(width, chosen.activation))
        if chosen.dropout:
            layers.append(Dropout(chosen.dropout))
    return Network(inputs, [*layers, Dense(task.outputs, OUTPUT_ACTIVATIONS[task.kind])])


def build_training(
    network: Network, task: Task, chosen: Choices, rows: int, callbacks: Any, validated: bool
) -> TrainSettings:
    """The settings, with what was left open chosen by the task and the number of rows."""
    options = {name: getattr(chosen, name) for name in ("learning_rate", "weight_decay", "clip_norm")}
    given = {name: value for name, value in options.items() if value is not None}
    cooked = chosen.cooked
    usual_size = batch_size_for(rows) if cooked is None else cooked.batch_size_for(rows)
    batch_size = usual_size if chosen.batch_size is None else chosen.batch_size
    usual = epochs_for(rows, batch_size) if cooked is None else cooked.epochs_for(rows)
    epochs = usual if chosen.epochs is None else chosen.epochs
    usual_patience = usual // 7 if cooked is None else cooked.patience_for(rows)
    patience = usual_patience if chosen.patience is None else chosen.patience
    score = cooked.score if cooked is not None and task.kind != "regression" else "validation_loss"
    stopping = EarlyStopping(patience, score if validated else "loss")
    training = TrainSettings(
        loss=default_loss(network, task) if chosen.loss is None else find_loss(chosen.loss),
        optimizer=_optimizer(chosen, given, batch_size),
        schedule=find_schedule(chosen.schedule),
        epochs=epochs,
        batch_size=batch_size,
        callbacks=(stopping, *as_callbacks(callbacks)),
        seed=chosen.seed,
        engine=chosen.engine,
        precision=chosen.precision,
        threads=chosen.threads,
        shuffle=True,
    )
    training.check(network, task, validated)
    return training


def _optimizer(chosen: Choices, given: dict[str, Any], batch_size: int) -> Optimizer:
    """The optimizer with what was asked for; that of a recipe has a learning rate for the batch size."""
    cooked = chosen.cooked
    if cooked is not None and chosen.optimizer == cooked.optimizer:
        return replace(cooked.optimizer, **{"learning_rate": cooked.learning_rate_for(batch_size), **given})
    return find_optimizer(chosen.optimizer, **given)


def followed(chosen: Choices, training: TrainSettings) -> dict[str, Any]:
    """The parts of the recipe as they were used, with what the user and the number of rows decided; {} without one."""
    if chosen.cooked is None:
        return {}
    optimizer: Any = training.optimizer
    used = {
        "hidden": list(chosen.hidden),
        "activation": getattr(chosen.activation, "name", chosen.activation),
        "dropout": chosen.dropout,
        "learning_rate": optimizer.learning_rate,
        "weight_decay": optimizer.weight_decay,
        "schedule": training.schedule.name,
        "patience": next(c.patience for c in training.callbacks if isinstance(c, EarlyStopping)),
        "batch_size": training.batch_size,
        "epochs": training.epochs,
    }
    return {**chosen.cooked.to_dict(), **used}


def batch_size_for(rows: int) -> int:
    """The rows a step when the user does not say: more for larger sets.

    >>> batch_size_for(1_000), batch_size_for(1_000_000)
    (32, 512)
    """
    return next((size for limit, size in BATCH_SIZES if rows <= limit), 512)


def epochs_for(rows: int, batch_size: int) -> int:
    """The epochs when the user does not say: 300, or as many as 4000 steps take, at most 1000.

    >>> epochs_for(105, 32), epochs_for(100_000, 256)
    (1000, 300)
    """
    steps = -(-rows // max(batch_size, 1))
    return min(max(300, -(-4000 // max(steps, 1))), 1000)
