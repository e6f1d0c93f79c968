"""Training on pictures: the augmentation, patch features, one or several networks, merged into one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.images.patches import PatchFeatures
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.augmentation import (
    CELLS,
    ChosenTraining,
    choose_training,
    is_mirrored,
    linear_layers,
    rows_with_copies,
)
from ranvier.recipes.ensemble import SEED_RANGE, SEED_STEP, MergedEvents, member_summary, renumbered
from ranvier.recipes.merge import merge_networks
from ranvier.recipes.recipe import Trained
from ranvier.rows import Rows
from ranvier.training.events import NoteEvent, Sink, tee, work_progress
from ranvier.training.history import History
from ranvier.training.loop import final_parameters
from ranvier.training.runner import RunResult, run_training
from ranvier.training.settings import TrainSettings

if TYPE_CHECKING:
    from ranvier.recipes.image import ImageRecipe

Array = NDArray[Any]


def train_on_pictures(
    recipe: ImageRecipe,
    network: Network,
    settings: TrainSettings,
    task: Task,
    rows: Rows,
    validation: Rows | None,
    encoder: TableEncoder,
    *,
    target: TargetEncoder | None = None,
    sinks: tuple[Sink, ...] = (),
    checkpoint: Path | None = None,
) -> Trained:
    """Train the networks of a recipe and merge them into one, whose encoder has their patch features.

    Parameters:
        recipe: bound to the format of the pictures.
        network, settings: of one network on pictures without copies.
        task, rows, validation: what to learn, and from what; the inputs are pixels.
        encoder: gave these rows: a table of one column of pictures.
        target, sinks, checkpoint: as for `Recipe.train`.
    """
    image = encoder.image
    assert image is not None
    pixels = pixels_of_rows(rows, image)
    held_out = None if validation is None else (pixels_of_rows(validation, image), validation)
    sink = tee(sinks)
    progress = work_progress(sink, "Choosing the augmentation")
    way = choose_training(recipe, pixels, rows, task, network, settings, held_out, progress)
    for note in way.notes:
        sink(NoteEvent(note))
    copies = 0 if way.name == "none" else recipe.copies_for(len(rows))
    layers = linear_layers(network) if way.linear else network.layers
    single = Network(CELLS * recipe.centroids_for(len(rows)), layers)
    epochs = recipe.epochs_for(settings.epochs, copies)
    events = MergedEvents(sink, recipe.n_networks, epochs)
    results: list[RunResult] = []
    features: list[PatchFeatures] = []
    for number in range(recipe.n_networks):
        member = replace(settings, epochs=epochs, seed=(settings.seed + number * SEED_STEP) % SEED_RANGE)
        patches = PatchFeatures.fit(pixels, recipe.centroids_for(len(rows)), member.seed, stride=recipe.stride)
        learned = rows_with_copies(
            patches, pixels, rows, way.name, copies, member.seed, work_progress(sink, "Making patch features")
        )
        held = None if validation is None else _with_features(validation, patches, image)
        folder = None if checkpoint is None else checkpoint / f"network-{number + 1}"
        events.number = number
        options: dict[str, Any] = {"target": target, "sinks": (events,), "checkpoint": folder}
        result = run_training(single, member, task, learned, held, **options)
        events.epochs_before += len(result.outcome.state.history)
        if result.outcome.reason == "interrupted" and results:
            break
        results.append(result)
        features.append(patches)
        if result.outcome.reason == "interrupted":
            break
    return _merged(recipe, single, settings, way, results, features, encoder, events)


def _merged(
    recipe: ImageRecipe,
    network: Network,
    settings: TrainSettings,
    way: ChosenTraining,
    results: list[RunResult],
    features: list[PatchFeatures],
    encoder: TableEncoder,
    events: MergedEvents,
) -> Trained:
    """One network of those that were trained, and of each again for the mirrored picture where that counts."""
    image = encoder.image
    assert image is not None
    interrupted = results[-1].outcome.reason == "interrupted" or len(results) < recipe.n_networks
    flats = [final_parameters(result.outcome.state, settings.optimizer, network) for result in results]
    mirrored = is_mirrored(way.name)
    blocks = flats * 2 if mirrored else flats
    merged, flat = merge_networks(network, blocks, way.inverse_temperature, shared_inputs=False)
    history = History(renumbered(result.outcome.state.history for result in results))
    text = results[-1].outcome.text if len(results) == 1 else f"{len(results)} networks are trained."
    events.end(text, interrupted, history)
    learned = replace(image, patches=tuple(features), mirrored=mirrored, as_bytes=True)
    members = tuple(member_summary(result) for result in results)
    return Trained(
        merged,
        flat,
        history,
        results[-1].engine,
        text,
        interrupted,
        members,
        1.0 / way.inverse_temperature,
        encoder=replace(encoder, encoders=(learned,)),
        notes=way.notes,
    )


def pixels_of_rows(rows: Rows, image: ImageEncoder) -> Array:
    """The pixels of encoded rows, shape (B, H, W, C)."""
    pixels: Array = rows.inputs.dense.reshape(len(rows), *image.form.shape)
    return pixels


def _with_features(rows: Rows, patches: PatchFeatures, image: ImageEncoder) -> Rows:
    """Rows of pixels with their patch features in their place."""
    return Rows(patches.encode(pixels_of_rows(rows, image)), rows.targets, rows.weights)
