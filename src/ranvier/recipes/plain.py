"""The recipe "plain": one network, with the settings as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from ranvier.data import TargetEncoder
from ranvier.network.network import Network
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.recipe import Recipe, Trained, make_settings
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.callbacks import Callback
from ranvier.training.events import Sink
from ranvier.training.loop import final_parameters
from ranvier.training.runner import run_training
from ranvier.training.settings import TrainSettings

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

    def train(
        self,
        network: Network,
        settings: TrainSettings,
        task: Task,
        rows: Rows,
        validation: Rows | None,
        *,
        target: TargetEncoder | None = None,
        sinks: tuple[Sink, ...] = (),
        checkpoint: Path | None = None,
        encoder: Any = None,
    ) -> Trained:
        """Train the network."""
        options: dict[str, Any] = {"target": target, "sinks": sinks, "checkpoint": checkpoint}
        result = run_training(network, settings, task, rows, validation, **options)
        state = result.outcome.state
        return Trained(
            network,
            final_parameters(state, settings.optimizer, network),
            state.history,
            result.engine,
            result.outcome.text,
            result.outcome.reason == "interrupted",
            state=state,
        )


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
