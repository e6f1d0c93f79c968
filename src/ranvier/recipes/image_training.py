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
from ranvier.recipes.augmentation import CELLS, choose_training, is_mirrored, rows_with_copies
from ranvier.recipes.candidates import linear_layers
from ranvier.recipes.ensemble import MemberRows, MergedEvents, merged_members, train_members
from ranvier.recipes.recipe import Trained
from ranvier.rows import Rows
from ranvier.training.events import NoteEvent, Sink, tee, work_progress
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
    member_settings = replace(settings, epochs=epochs)
    events = MergedEvents(sink, recipe.n_networks, epochs)
    features: list[PatchFeatures] = []

    def member_rows(number: int, member: TrainSettings) -> MemberRows:
        patches = PatchFeatures.fit(pixels, recipe.centroids_for(len(rows)), member.seed, stride=recipe.stride)
        features.append(patches)
        progress = work_progress(sink, "Making patch features")
        learned = rows_with_copies(patches, pixels, rows, way.name, copies, member.seed, progress)
        return learned, None if validation is None else _with_features(validation, patches, image), None

    members = train_members(single, member_settings, task, events, member_rows, target, checkpoint)
    results = [result for result, _ in members]
    mirrored = is_mirrored(way.name)
    # For the mirrored picture each network stands in the merged one again.
    repeats = 2 if mirrored else 1
    trained = merged_members(
        single, settings, results, events, way.inverse_temperature, shared_inputs=False, repeats=repeats
    )
    learned_image = replace(image, patches=tuple(features[: len(results)]), mirrored=mirrored, as_bytes=True)
    learned = replace(encoder, encoders=(learned_image,))
    return replace(trained, encoder=learned, notes=way.notes, held_out=way.held_out)


def pixels_of_rows(rows: Rows, image: ImageEncoder) -> Array:
    """The pixels of encoded rows, shape (B, H, W, C)."""
    pixels: Array = rows.inputs.dense.reshape(len(rows), *image.form.shape)
    return pixels


def _with_features(rows: Rows, patches: PatchFeatures, image: ImageEncoder) -> Rows:
    """Rows of pixels with their patch features in their place."""
    return Rows(patches.encode(pixels_of_rows(rows, image)), rows.targets, rows.weights)
