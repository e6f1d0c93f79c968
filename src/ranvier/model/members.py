"""Training the networks of a recipe one after the other, each with other rows left out, and joining them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Encoder, Prepared, TargetEncoder
from ranvier.engine import Rows
from ranvier.model.fit import model_of
from ranvier.model.model import Model
from ranvier.model.report import layer_rows
from ranvier.model.rows import take
from ranvier.model.training import Result, Training, best_epoch, run
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.random import SAMPLE, permutation
from ranvier.recipes.class_prior import beginning
from ranvier.recipes.merge import join, with_hats
from ranvier.recipes.recipe import Recipe
from ranvier.rows.dataset import split_rows
from ranvier.training.events import Event, Sink, tee
from ranvier.training.history import Epoch
from ranvier.training.loop import final_parameters
from ranvier.training.metrics import class_indices
from ranvier.training.temperature import sharpness

Array = NDArray[Any]
TOGETHER = 0.7
"""The power of one network's factor that several joined ones take: between 1, for networks that err alike, and 0, for
many that err independently."""
SEEDS, SEED_STEP = 2**64, 0x9E3779B97F4A7C15
"""Seeds lie below 2**64; those of one run lie far apart, so that the runs of neighbouring seeds share no network."""


@dataclass(frozen=True, slots=True)
class Joined:
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

    def model(self, prepared: Prepared, training: Training) -> Model:
        """The model of the joined network, which has hats where its members learned from ramps."""
        ramps = prepared.encoder.ramps if isinstance(prepared.encoder, Encoder) else ()
        return Model(
            self.network,
            prepared.target,
            with_hats(self.network, self.parameters, ramps),
            training=training,
            history=self.history,
            engine=self.engine,
            encoder=prepared.answering,
        )

    def report(self, recipe: dict[str, Any]) -> dict[str, Any]:
        """What the report of `train` says besides what it says of every model; `recipe` holds the parts as used."""
        return {
            "recipe": recipe,
            "networks": list(self.members),
            "sharpness": self.sharpness,
            "layers": layer_rows(self.network),
            "parameters": self.network.parameter_count,
            "stopped": self.text,
            "interrupted": self.interrupted,
        }


def train_members(
    recipe: Recipe,
    network: Network,
    training: Training,
    task: Task,
    rows: Rows,
    validation: Rows | None,
    *,
    sinks: tuple[Sink, ...] = (),
    checkpoint: Path | None = None,
) -> Joined:
    """Train as many networks as the recipe asks for and join them.

    A checkpoint folder keeps one folder for each network, so that an interrupted call goes on with the network that it
    had come to and gives the same bits.

    Parameters:
        recipe: how many networks, and into how many parts the rows are divided.
        network, training: what each of them is and how it is trained; every one has its own seed.
        task, rows: what to learn, and from what.
        validation: the rows that say when to stop; None leaves other rows out for every network.
        sinks: who listens; they see one run whose epochs are numbered through.
        checkpoint: where to save the states of training.
    """
    voice = _Voice(tee(sinks), recipe.members, training.epochs)
    done: list[Result] = []
    left_out: list[tuple[Array, Rows]] = []
    interrupted = False
    for place, (learned, watched) in enumerate(divided(task, rows, validation, recipe, training.seed)):
        folder = None if checkpoint is None else checkpoint / f"network-{place + 1}"
        settings = replace(training, seed=(training.seed + place * SEED_STEP) % SEEDS)
        voice.place = place
        begin = beginning(network, settings.optimizer, task, learned, settings.seed)
        result = run(network, settings, task, learned, watched, state=begin, sinks=(voice,), checkpoint=folder)
        voice.epochs_before += len(result.outcome.state.history)
        interrupted = result.outcome.reason == "interrupted"
        if not interrupted or not done:
            done.append(result)
        if interrupted:
            break
        if watched is not None and recipe.sharpen and task.kind != "regression":
            left_out.append((_said(network, settings, task, result, watched), watched))
    flats = [final_parameters(result.outcome.state, training.optimizer, network) for result in done]
    factor = _sharpness(task, left_out)
    joined, parameters = join(network, flats, factor)
    text = _ending(len(done), recipe.members, interrupted, done[-1])
    history = tuple(_numbered(result.outcome.state.history for result in done))
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
    members = tuple(_record(result) for result in done)
    return Joined(joined, parameters, history, members, factor, done[-1].engine, text, interrupted)


def divided(
    task: Task, rows: Rows, validation: Rows | None, recipe: Recipe, seed: int
) -> Iterator[tuple[Rows, Rows | None]]:
    """The rows to learn from and to watch, for every network of a recipe.

    Each round divides the rows anew into `recipe.folds` parts that hold the classes in proportion, and every network of
    the round leaves out another part. Too few rows to divide are learned from by all.
    """
    folds = recipe.parts(len(rows))
    labels = class_indices(task, rows.targets) if task.classifies else None
    parts: tuple[NDArray[np.int64], ...] = ()
    for place in range(recipe.members):
        if validation is not None or folds < 2:
            yield rows, validation
            continue
        turn = place % folds
        if turn == 0:
            parts = split_rows(len(rows), (1.0 / folds,) * folds, (seed + place) % SEEDS, labels)
        left_out = parts[folds - 1 - turn]
        kept = np.setdiff1d(np.arange(len(rows)), left_out, assume_unique=True)
        yield take(rows, kept), take(rows, left_out)


@dataclass(slots=True)
class _Voice:
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


def _said(network: Network, training: Training, task: Task, result: Result, rows: Rows) -> Array:
    """What a network says of the rows that it did not learn from."""
    trained = model_of(network, TargetEncoder(task), training, result)
    outputs = trained.outputs_of(rows.inputs)
    trained.close()
    return outputs


def _sharpness(task: Task, left_out: list[tuple[Array, Rows]]) -> float:
    """The factor for the joined network: that of one network, nearer to 1, since several together are less sure."""
    if not left_out:
        return 1.0
    outputs, targets = np.concatenate([said for said, _ in left_out]), np.concatenate([r.targets for _, r in left_out])
    weights = [rows.weights for _, rows in left_out if rows.weights is not None]
    # Where they are many, the first ones speak for all.
    order = permutation(0, SAMPLE, 0, len(outputs))
    counted = np.concatenate(weights)[order] if weights else None
    factor = sharpness(task, outputs[order], targets[order], counted)
    return factor if len(left_out) == 1 else float(factor**TOGETHER)


def _numbered(histories: Any) -> Iterator[Epoch]:
    """The epochs of several runs, numbered through."""
    number = 0
    for history in histories:
        for epoch in history:
            number += 1
            yield replace(epoch, epoch=number)


def _record(result: Result) -> dict[str, Any]:
    state = result.outcome.state
    kept = best_epoch(state)
    watched = state.history[kept - 1].validation_loss if state.history and kept else None
    return {
        "epochs": len(state.history),
        "best_epoch": kept,
        "validation_loss": watched,
        "seconds": sum(epoch.seconds for epoch in state.history),
    }


def _ending(done: int, asked: int, interrupted: bool, last: Result) -> str:
    if asked == 1:
        return last.outcome.text
    if interrupted and last.outcome.reason == "interrupted":
        return f"{last.outcome.text} No network was done; the model is the first one so far."
    if interrupted:
        return (
            f"Interrupted; the model is the {'network that was' if done == 1 else f'{done} networks that were'} done."
        )
    return f"All {asked} networks are trained."
