"""The recipe "plain": one network, with the settings as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray

from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe, Trained, TrainingSetup, make_settings
from ranvier.records import record
from ranvier.training.callbacks import Callback
from ranvier.training.held_out import HeldOut
from ranvier.training.inference import outputs_of
from ranvier.training.loop import final_parameters
from ranvier.training.runner import run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]
BATCH_SIZES = ((2_000, 32), (10_000, 64), (40_000, 128), (100_000, 256))


@record
class PlainRecipe(Recipe):
    """One network: two hidden layers of 256 SiLU neurons with dropout 0.2, AdamW, cosine decay.

    A fraction of the rows is used for validation only; the epoch with the smallest validation loss is kept.
    """

    name: ClassVar[str] = "plain"

    def complete(self, options: TrainOptions) -> TrainOptions:
        """The options, with the usual network and optimizer where they were left open.

        >>> PlainRecipe().complete(TrainOptions(dropout=0.5)).hidden
        (256, 256)
        """
        defaults = {"hidden": (256, 256), "activation": "silu", "dropout": 0.2, "schedule": "cosine"}
        return options.with_defaults(**{"optimizer": "adamw", **defaults})

    def settings(
        self,
        network: Network,
        task: Task,
        options: TrainOptions,
        rows: int,
        callbacks: Sequence[Callback],
        validated: bool,
    ) -> TrainSettings:
        """How the network is trained; the number of rows decides what was left open."""
        batch_size = batch_size_for(rows) if options.batch_size is None else options.batch_size
        epochs = epochs_for(rows, batch_size)
        changes: dict[str, Any] = options.optimizer_options()
        optimizer = find_optimizer(options.optimizer or "adamw", **changes)
        metric = "validation_loss" if validated else "loss"
        sizes = {"epochs": epochs, "batch_size": batch_size, "patience": epochs // 7}
        return make_settings(network, task, options, optimizer, callbacks, metric=metric, **sizes)

    def train(self, setup: TrainingSetup) -> Trained:
        """Train the network, and calibrate it on the validation rows.

        Training goes on from the state, whose output layer has no temperature.
        """
        network, settings, task, validation = setup.network, setup.settings, setup.task, setup.validation
        outside: dict[str, Any] = {"target": setup.target, "sinks": setup.sinks, "checkpoint": setup.checkpoint}
        result = run_training(network, settings, task, setup.rows, validation, **outside)
        state = result.outcome.state
        flat = final_parameters(state, settings.optimizer, network)
        held_out, factor = None, 1.0
        if validation is not None:
            outputs = outputs_of(network, settings, flat, validation.inputs)
            if can_be_scaled(network, task):
                factor = inverse_temperature(task, outputs, validation.targets, validation.weights)
            held_out = HeldOut(outputs, validation.targets, validation.weights).calibrated(task, factor)
        return Trained(
            network,
            with_temperature(network, flat, factor),
            state.history,
            result.engine,
            result.outcome.text,
            result.outcome.reason == "interrupted",
            temperature=1.0 / factor,
            state=state,
            held_out=held_out,
        )


def can_be_scaled(network: Network, task: Task) -> bool:
    """Whether the output layer has weights and biases alone, and gives probabilities of classes or labels.

    >>> can_be_scaled(Network(1, [Dense(3, "softmax")]), Task("multiclass", 3, ("a", "b", "c")))
    True
    """
    last = network.layers[-1]
    if not isinstance(last, Dense) or last.activation.name not in ("sigmoid", "softmax"):
        return False
    return task.kind != "regression" and last.trainable and last.constraint is None


def with_temperature(network: Network, parameters: Array, inverse_temperature: float) -> Array:
    """The parameters (P,) of the network whose logits are multiplied by a factor.

    >>> network = Network(1, [Dense(2, "tanh"), Dense(1)])
    >>> flat = network.parameter_table.initial(0) + 1
    >>> (with_temperature(network, flat, 0.5) / flat).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    """
    if inverse_temperature == 1.0:
        return parameters
    scaled = parameters.copy()
    last = f"layers.{len(network.layers) - 1}."
    for name, view in network.parameter_table.views(scaled).items():
        if name.startswith(last):
            view[...] = view * inverse_temperature
    return scaled


def batch_size_for(rows: int) -> int:
    """The batch size where the caller leaves it open: larger for more rows.

    >>> batch_size_for(1_000), batch_size_for(1_000_000)
    (32, 512)
    """
    return next((size for limit, size in BATCH_SIZES if rows <= limit), 512)


def epochs_for(rows: int, batch_size: int) -> int:
    """The maximum number of epochs where the caller leaves it open: 300, or as many as 4000 steps take, at most 1000.

    >>> epochs_for(105, 32), epochs_for(100_000, 256)
    (1000, 300)
    """
    steps = -(-rows // max(batch_size, 1))
    return min(max(300, -(-4000 // max(steps, 1))), 1000)
