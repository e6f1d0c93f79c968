"""TrainSettings: how to train a network, checked, as one frozen record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ranvier.engine import CompileSpec
from ranvier.errors import InputError
from ranvier.network.activations import positive
from ranvier.network.layers import BatchNorm, Dropout
from ranvier.network.losses import LOSSES, Loss, loss, loss_from_dict
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer, optimizer, optimizer_from_dict
from ranvier.network.renamed import TRAINING_FIELDS, renamed
from ranvier.network.schedules import Schedule, schedule, schedule_from_dict
from ranvier.network.task import Task
from ranvier.random import check_seed
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.scalars import as_integer
from ranvier.training.callbacks import Callback, as_callbacks
from ranvier.training.engines import engine as find_engine
from ranvier.training.epoch_metrics import Metric, names_for


@record
class TrainSettings:
    """How to train: what `fit` takes, checked, without the rows.

    Fields are named as the parameters of `fit`; `mean_nnz` and `n_dense` are those of `CompileSpec`.
    """

    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    epochs: int
    batch_size: int
    callbacks: tuple[Callback, ...]
    seed: int
    engine: str
    precision: str
    threads: int | None
    shuffle: bool
    mean_nnz: int | None = None
    n_dense: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            number = as_integer(value)
            if number is None or number < 1:
                raise InputError(f"{name} is {value!r}; it must be an integer of at least 1.")
            object.__setattr__(self, name, number)
        if self.threads is not None:
            threads = as_integer(self.threads)
            if threads is None:
                raise InputError(f"threads is {self.threads!r}; it must be an integer, or None for every core.")
            object.__setattr__(self, "threads", threads)
        object.__setattr__(self, "seed", check_seed(self.seed))
        object.__setattr__(self, "shuffle", bool(self.shuffle))

    @property
    def row_dtype(self) -> type[np.float32] | type[np.float64]:
        """The type that encoded rows and targets have: float64 where that is the precision, else float32."""
        return np.float64 if self.precision == "float64" else np.float32

    def compile_spec(
        self, network: Network, batch_size: int | None = None, weighted: bool = False, loss: Loss | None = None
    ) -> CompileSpec:
        """What the engine specializes itself to; what is None is that of these settings."""
        batch = batch_size or self.batch_size
        settings = (batch, weighted, self.precision, self.threads, self.seed, self.mean_nnz, self.n_dense)
        return _spec(network, loss or self.loss, self.optimizer, *settings)

    def on(self, inputs: Inputs) -> TrainSettings:
        """The settings for rows with these blocks."""
        mean_nnz, n_dense = inputs.mean_nnz, inputs.n_dense if inputs.n_csr else 0
        if (mean_nnz, n_dense) == (self.mean_nnz, self.n_dense):
            return self
        return replace(self, mean_nnz=mean_nnz, n_dense=n_dense)

    def check(self, network: Network, task: Task, validated: bool) -> None:
        """Make sure, before training, that everything goes together.

        Raises:
            InputError: the loss, optimizer, a layer or a callback does not fit the others.
            EngineError: the engine cannot run here.
        """
        find_engine(self.engine)
        # Refuses what does not fit. Whatever the seed, so that a population of trainings is checked once.
        replaced = (self.batch_size, False, self.precision, self.threads, 0, self.mean_nnz, self.n_dense)
        _spec(network, self.loss, self.optimizer, *replaced)
        if network.parameter_count and not network.parameter_table.trainable_count:
            raise InputError(
                "Every layer of the network is frozen, so there is nothing to train; leave trainable=False out of one."
            )
        if task.kind == "regression" and self.loss.units.lowest >= 0.0 and not positive(network.output_activation):
            raise InputError(
                f"The loss {self.loss.name} needs outputs that are never negative, and the output layer has the "
                f"activation {network.output_activation.name}; end with rv.Dense({network.outputs}, "
                f"{self.loss.units.output!r}), or choose another loss."
            )
        for bound in network.iter_layers() if self.optimizer.full_batch else ():
            kind = type(bound.layer).__name__
            if isinstance(bound.layer, (Dropout, BatchNorm)):
                other = "optimizer='adam'" if kind == "Dropout" else "LayerNorm, or optimizer='adam'"
                raise InputError(
                    f"{bound.path} is {kind}, which needs steps over batches, and L-BFGS looks at all rows at once; "
                    f"leave the layer out, or take {other}."
                )
        requested = [metric for callback in self.callbacks for metric in callback.metrics()]
        user_names = tuple(metric.name for metric in requested if isinstance(metric, Metric))
        names: tuple[str, ...] = ("loss", "validation_loss", *names_for(task), *user_names) if validated else ("loss",)
        for callback in self.callbacks:
            callback.validate(names)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values; callbacks are functions of the program and stay out."""
        plain = ("epochs", "batch_size", "seed", "engine", "precision", "threads", "shuffle", "mean_nnz", "n_dense")
        records = ("loss", "optimizer", "schedule")
        return {name: getattr(self, name) for name in plain} | {name: getattr(self, name).to_dict() for name in records}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TrainSettings:
        """The settings that `to_dict` wrote."""
        records = {
            "loss": loss_from_dict(data["loss"]),
            "optimizer": optimizer_from_dict(data["optimizer"]),
            "schedule": schedule_from_dict(data["schedule"]),
        }
        return cls(**{**renamed(data, TRAINING_FIELDS), **records}, callbacks=())


@lru_cache(64)
def _spec(*values: Any) -> CompileSpec:
    """The spec with these fields; going on with a training asks for the same one again."""
    return CompileSpec(*values)


def default_loss(network: Network, task: Task) -> Loss:
    """The loss that fits: cross-entropy where the output layer gives probabilities, squared error otherwise."""
    activation = network.output_activation.name
    if activation == "softmax" and task.kind == "multiclass":
        return LOSSES["categorical_cross_entropy"]
    if activation == "sigmoid" and task.kind != "regression":
        return LOSSES["binary_cross_entropy"]
    return LOSSES["squared_error"]


def override_settings(
    settings: TrainSettings, epochs: int, callbacks: Sequence[Any], changes: Mapping[str, Any]
) -> TrainSettings:
    """The settings for going on: those that are None in `changes` stay.

    Raises:
        InputError: a setting cannot be used.
    """
    makers: dict[str, Callable[[Any], Any]] = {"optimizer": optimizer, "schedule": schedule, "loss": loss}
    wanted = {name: makers.get(name, _unchanged)(value) for name, value in changes.items() if value is not None}
    changed = {name: value for name, value in wanted.items() if not _same(value, getattr(settings, name))}
    if not changed and epochs == settings.epochs and not callbacks and not settings.callbacks:
        return settings
    return replace(settings, epochs=epochs, callbacks=as_callbacks(callbacks), **changed)


def _same(value: Any, before: Any) -> bool:
    """Whether a setting stays as it was: then what was made ready for the settings serves on."""
    return value is before or (type(value) is type(before) and bool(value == before))


def _unchanged(value: Any) -> Any:
    return value
