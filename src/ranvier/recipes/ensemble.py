"""Train an ensemble: networks of one shape, each with another validation fold, merged into one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Rows
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.random import SAMPLE, permutation
from ranvier.recipes.class_prior import beginning
from ranvier.recipes.merge import join
from ranvier.recipes.recipe import Recipe
from ranvier.records import record
from ranvier.rows.dataset import split_rows
from ranvier.training.events import Event, Sink, tee
from ranvier.training.history import Epoch
from ranvier.training.inference import compile_for_inference
from ranvier.training.loop import final_parameters
from ranvier.training.metrics import class_indices
from ranvier.training.runner import RunResult, best_epoch, run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.temperature import sharpness

Array = NDArray[Any]
ENSEMBLE_TEMPERATURE_POWER = 0.7
"""The power of one network's factor that several merged ones take: between 1, for networks that err alike, and 0, for
many that err independently."""
SEED_RANGE, SEED_STEP = 2**64, 0x9E3779B97F4A7C15
"""Seeds lie below 2**64; those of one run lie far apart, so that the runs of neighbouring seeds share no network."""


@record
class TrainedEnsemble:
    """What the training of several networks gives.

    Fields:
        network, parameters: the networks joined to one, and its flat parameters.
        history: the epochs of all of them, numbered through.
        members: one record a network: its epochs, the one whose weights were kept, its validation loss, its seconds.
        sharpness: what the mean of their weighted sums was multiplied by, so that probabilities are right.
        engine: the name of the engine that ran them.
        text: how it ended, in a sentence.
        interrupted: whether Ctrl-C ended it; the networks that were done by then are joined.
    """

    network: Network
    parameters: Array
    history: tuple[Epoch, ...]
    members: tuple[dict[str, Any], ...]
    sharpness: float
    engine: str
    text: str
    interrupted: bool


def train_ensemble(
    recipe: Recipe,
    network: Network,
    training: TrainSettings,
    task: Task,
    rows: Rows,
    validation: Rows | None,
    *,
    sinks: tuple[Sink, ...] = (),
    checkpoint: Path | None = None,
) -> TrainedEnsemble:
    """Train as many networks as the recipe asks for and join them.

    A checkpoint folder keeps one folder for each network, so that an interrupted call goes on with the network that it
    had come to and gives the same bits.

    Parameters:
        recipe: how many networks, and into how many folds the rows are divided.
        network, training: what each of them is and how it is trained; every one has its own seed.
        task, rows: what to learn, and from what.
        validation: the rows that say when to stop; None leaves other rows out for every network.
        sinks: who listens; they see one run whose epochs are numbered through.
        checkpoint: where to save the states of training.
    """
    events = _MergedEvents(tee(sinks), recipe.members, training.epochs)
    done: list[RunResult] = []
    flats: list[Array] = []
    left_out: list[tuple[Array, Rows]] = []
    interrupted = False
    for place, (learned, watched) in enumerate(member_splits(task, rows, validation, recipe, training.seed)):
        folder = None if checkpoint is None else checkpoint / f"network-{place + 1}"
        settings = replace(training, seed=(training.seed + place * SEED_STEP) % SEED_RANGE)
        events.place = place
        begin = beginning(network, settings.optimizer, task, learned, settings.seed)
        result = run_training(
            network, settings, task, learned, watched, state=begin, sinks=(events,), checkpoint=folder
        )
        events.epochs_before += len(result.outcome.state.history)
        interrupted = result.outcome.reason == "interrupted"
        flat = final_parameters(result.outcome.state, training.optimizer, network)
        if not interrupted or not done:
            done.append(result)
            flats.append(flat)
        if interrupted:
            break
        if watched is not None and recipe.sharpen and task.kind != "regression":
            left_out.append((_outputs(network, settings, flat, watched), watched))
    factor = _merged_sharpness(task, left_out)
    joined, parameters = join(network, flats, factor)
    text = _stop_message(len(done), recipe.members, interrupted, done[-1])
    history = tuple(_renumbered(result.outcome.state.history for result in done))
    tee(sinks)(
        {
            "kind": "end",
            "reason": "interrupted" if interrupted else "finished",
            "text": text,
            "best_epoch": len(history),
            "epochs": len(history),
            "seconds": sum(epoch.seconds for epoch in history),
        }
    )
    members = tuple(_member_summary(result) for result in done)
    return TrainedEnsemble(joined, parameters, history, members, factor, done[-1].engine, text, interrupted)


def member_splits(
    task: Task, rows: Rows, validation: Rows | None, recipe: Recipe, seed: int
) -> Iterator[tuple[Rows, Rows | None]]:
    """The rows to learn from and to watch, for every network of a recipe.

    Each round divides the rows anew into `recipe.folds` parts that hold the classes in proportion, and every network of
    the round leaves out another part. Too few rows to divide are learned from by all.
    """
    folds = recipe.parts(len(rows))
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    parts: tuple[NDArray[np.int64], ...] = ()
    for place in range(recipe.members):
        if validation is not None or folds < 2:
            yield rows, validation
            continue
        turn = place % folds
        if turn == 0:
            parts = split_rows(len(rows), (1.0 / folds,) * folds, (seed + place) % SEED_RANGE, labels)
        left_out = parts[folds - 1 - turn]
        kept = np.setdiff1d(np.arange(len(rows)), left_out, assume_unique=True)
        yield _select(rows, kept), _select(rows, left_out)


@dataclass(slots=True)
class _MergedEvents:
    """Tells the events of several runs as those of one."""

    sink: Sink
    members: int
    epochs: int
    place: int = 0
    epochs_before: int = 0
    started: bool = False

    def __call__(self, event: Event) -> None:
        kind = event["kind"]
        numbered = {"network": self.place + 1, "networks": self.members}
        if kind == "start":
            if not self.started:
                self.sink({**event, **numbered, "epochs": self.members * self.epochs})
            self.started = True
        elif kind in ("progress", "epoch"):
            self.sink({**event, **numbered, "epoch": event["epoch"] + self.epochs_before})
        elif kind != "end" or event["reason"] == "failed":
            self.sink(event)


def _outputs(network: Network, settings: TrainSettings, parameters: Array, rows: Rows) -> Array:
    """What a network with these parameters outputs for rows that it was not trained on, (n, N)."""
    executable = compile_for_inference(network, settings, parameters, rows.inputs)
    outputs = executable.outputs(rows.inputs)
    executable.close()
    return outputs


def _select(rows: Rows, index: NDArray[np.int64]) -> Rows:
    """Some of the rows, in the given order."""
    weights = None if rows.weights is None else rows.weights[index]
    return Rows(rows.inputs[index], rows.targets[index], weights)


def _merged_sharpness(task: Task, left_out: list[tuple[Array, Rows]]) -> float:
    """The factor for the joined network: that of one network, nearer to 1, since several together are less sure."""
    if not left_out:
        return 1.0
    outputs, targets = np.concatenate([said for said, _ in left_out]), np.concatenate([r.targets for _, r in left_out])
    weights = [rows.weights for _, rows in left_out if rows.weights is not None]
    # Where they are many, the first ones speak for all.
    order = permutation(0, SAMPLE, 0, len(outputs))
    counted = np.concatenate(weights)[order] if weights else None
    factor = sharpness(task, outputs[order], targets[order], counted)
    return factor if len(left_out) == 1 else float(factor**ENSEMBLE_TEMPERATURE_POWER)


def _renumbered(histories: Any) -> Iterator[Epoch]:
    """The epochs of several runs, numbered through."""
    number = 0
    for history in histories:
        for epoch in history:
            number += 1
            yield replace(epoch, epoch=number)


def _member_summary(result: RunResult) -> dict[str, Any]:
    state = result.outcome.state
    kept = best_epoch(state)
    watched = state.history[kept - 1].validation_loss if state.history and kept else None
    return {
        "epochs": len(state.history),
        "best_epoch": kept,
        "validation_loss": watched,
        "seconds": sum(epoch.seconds for epoch in state.history),
    }


def _stop_message(done: int, asked: int, interrupted: bool, last: RunResult) -> str:
    if asked == 1:
        return last.outcome.text
    if interrupted and last.outcome.reason == "interrupted":
        return f"{last.outcome.text} No network was done; the model is the first one so far."
    if interrupted:
        return (
            f"Interrupted; the model is the {'network that was' if done == 1 else f'{done} networks that were'} done."
        )
    return f"All {asked} networks are trained."
