"""Training on pictures: the augmentation, patch features, one or several networks, merged into one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.images.patches import PatchFeatures
from ranvier.network.layers import Rescale
from ranvier.network.network import Network
from ranvier.recipes.augmentation import ChosenTraining, choose_training
from ranvier.recipes.augmentation_comparison import (
    LINEAR,
    LINEAR_PIXELS,
    PIXEL_AUGMENTATION,
    WITH_LINEAR,
    WITH_PIXELS,
    pixel_layers,
)
from ranvier.recipes.candidates import linear_layers, linear_settings, trained_parameters
from ranvier.recipes.ensemble import MemberRows, is_interrupted, merged_members, train_members
from ranvier.recipes.image_parts import ImageParts
from ranvier.recipes.linear_beside import all_beside_linear
from ranvier.recipes.merged_events import MergedEvents
from ranvier.recipes.picture_rows import CELLS, is_mirrored, rows_with_copies
from ranvier.recipes.recipe import Trained, TrainingSetup
from ranvier.recipes.shared_features import MemberFeatures
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.events import NoteEvent, Sink, tee, work_progress
from ranvier.training.loop import final_parameters
from ranvier.training.settings import TrainSettings

Array = NDArray[Any]


def train_on_pictures(recipe: ImageParts, setup: TrainingSetup) -> Trained:
    """Train the networks of a recipe and merge them into one, whose encoder has their patch features.

    Parameters:
        recipe: bound to the format of the pictures.
        setup: of one network on pictures without copies; the inputs are pixels, and the encoder that gave them is that
            of a table of one column of pictures.
    """
    network, settings, rows, validation = setup.network, setup.settings, setup.rows, setup.validation
    image = setup.encoder.image
    pixels = pixels_of_rows(rows, image)
    held_out = None if validation is None else (pixels_of_rows(validation, image), validation)
    sink = tee(setup.sinks)
    progress = work_progress(sink, "Comparing small networks")
    features = MemberFeatures(recipe, pixels, settings.seed)
    choice = choose_training(recipe, pixels, rows, setup.task, network, settings, features, held_out, progress)
    for note in choice.notes:
        sink(NoteEvent(note))
    members = _Members(recipe, setup, image, pixels, features, choice, sink)
    if choice.learner == LINEAR_PIXELS:
        trained, learned_image = members.on_pixels()
    else:
        trained, learned_image = members.on_patches()
    learned = replace(setup.encoder, encoders=(learned_image,))
    return replace(trained, encoder=learned, notes=choice.notes, held_out=choice.held_out)


@record(eq=False)
class _Members:
    """Trains the networks that were chosen, and merges them into one.

    Fields:
        recipe, setup: as for `train_on_pictures`.
        image: the encoder of the pictures as pixels.
        pixels, features: of the rows, shape (B, H, W, C); and of each network's own patches.
        choice: how pictures are distorted, and what learns from them.
        sink: who listens.
    """

    recipe: ImageParts
    setup: TrainingSetup
    image: ImageEncoder
    pixels: Array
    features: MemberFeatures
    choice: ChosenTraining
    sink: Sink

    def on_patches(self) -> tuple[Trained, ImageEncoder]:
        """The merged network on patch features, and on pixels beside them if that was chosen; and its encoder."""
        recipe, choice, count = self.recipe, self.choice, len(self.setup.rows)
        network, settings = self.setup.network, self.setup.settings
        copies = 0 if choice.augmentation == "none" else recipe.copies_for(count)
        alone = choice.learner == LINEAR
        single = Network(CELLS * recipe.centroids_for(count), linear_layers(network) if alone else network.layers)
        n_networks = recipe.networks_for(count)
        joins = choice.learner == WITH_PIXELS
        pixel_copies = recipe.pixel_copies_for(count)
        pixel_epochs = recipe.pixel_epochs_for(pixel_copies)
        epochs = recipe.epochs_for(settings.epochs, copies)
        events = MergedEvents(self.sink, n_networks + joins, max(epochs, pixel_epochs if joins else 0))
        patches: list[PatchFeatures] = []
        linear, linear_flats = Network(single.inputs, linear_layers(network)), list[Array]()

        def member_rows(number: int, member: TrainSettings) -> MemberRows:
            features = self.features.pop(number)
            patches.append(features.patches)
            progress = work_progress(self.sink, "Making patch features")
            learned = features.with_copies(self.setup.rows, choice.augmentation, copies, progress=progress)
            unencoded = self.setup.validation
            validation = None if unencoded is None else _with_features(unencoded, features.patches, self.image)
            if choice.learner == WITH_LINEAR:
                linear_flats.append(self._linear_member(linear, member, learned))
            return learned, validation, None

        member = linear_settings(settings) if alone else settings
        member = replace(member, epochs=epochs)
        which = range(n_networks)
        trained = train_members(replace(self.setup, network=single, settings=member), events, member_rows, which)
        results = [result for result, _ in trained]
        others: list[Array] = []
        if joins and len(results) == n_networks and not (is_interrupted(results[-1]) or events.ended_by):
            pixel_settings = replace(settings, epochs=pixel_epochs)
            others = self._pixel_member(single, pixel_settings, pixel_copies, events)
        shape, flats = single, None
        if linear_flats:
            flats = [final_parameters(result.outcome.state, settings.optimizer, single) for result in results]
            shape, flats = all_beside_linear(single, flats, linear, linear_flats, choice.linear_factor)
        # For the mirrored picture each network stands in the merged one again.
        repeats = 2 if is_mirrored(choice.augmentation) else 1
        merged = merged_members(
            shape,
            settings,
            results,
            events,
            choice.inverse_temperature,
            shared_inputs=False,
            repeats=repeats,
            others=others,
            flats=flats,
        )
        padding = single.inputs - self.image.form.pixels if others else 0
        learned = replace(self.image, patches=tuple(patches[: len(results)]), mirrored=repeats == 2, as_bytes=True)
        return merged, replace(learned, with_pixels=bool(others), padding=padding)

    def _linear_member(self, linear: Network, settings: TrainSettings, rows: Rows) -> Array:
        """The parameters of a linear model on the features that a network learns from."""
        member_settings = replace(linear_settings(settings), callbacks=())
        return trained_parameters(linear, member_settings, self.setup.task, rows)

    def _pixel_member(self, single: Network, settings: TrainSettings, copies: int, events: MergedEvents) -> list[Array]:
        """The parameters of a network on the pixels of distorted copies, in the shape of those on patch features."""
        network = Network(self.image.form.pixels, pixel_layers(single.layers))

        def member_rows(number: int, member: TrainSettings) -> MemberRows:
            progress = work_progress(self.sink, "Distorting pictures")
            learned = rows_with_copies(
                None, self.pixels, self.setup.rows, PIXEL_AUGMENTATION, copies, member.seed, progress
            )
            return learned, self.setup.validation, None

        number = self.recipe.networks_for(len(self.setup.rows))
        which = range(number, number + 1)
        trained = train_members(replace(self.setup, network=network, settings=settings), events, member_rows, which)
        result = next(iter(trained), None)
        if result is None or is_interrupted(result[0]):
            return []
        flat = final_parameters(result[0].outcome.state, settings.optimizer, network)
        return [in_shape_of_features(flat, network, single)]

    def on_pixels(self) -> tuple[Trained, ImageEncoder]:
        """A linear model on pixels, and its encoder."""
        linear = Network(self.image.form.pixels, pixel_layers(linear_layers(self.setup.network)))
        pixel_settings = linear_settings(self.setup.settings)
        events = MergedEvents(self.sink, 1, pixel_settings.epochs)

        def member_rows(number: int, member: TrainSettings) -> MemberRows:
            return self.setup.rows, self.setup.validation, None

        trained = train_members(replace(self.setup, network=linear, settings=pixel_settings), events, member_rows)
        results = [result for result, _ in trained]
        factor = self.choice.inverse_temperature
        return merged_members(linear, pixel_settings, results, events, factor), replace(self.image, as_bytes=True)


def in_shape_of_features(flat: Array, network: Network, single: Network) -> Array:
    """The parameters of a network on pixels in the shape of one on patch features, of which the last are not there.

    The two scale their bytes differently: f p + a and g p + b. So weights are multiplied by f / g, and their sums times
    a g / f - b are added to the biases. Bytes behind the pixels have the weight 0.
    """
    (factor, before), (scale, offset) = (
        (layer.factor, layer.offset) for layer in (network.layers[0], single.layers[0]) if isinstance(layer, Rescale)
    )
    views, moved = network.parameter_table.views(flat), np.zeros(single.parameter_table.size, flat.dtype)
    for name, view in single.parameter_table.views(moved).items():
        view[: len(views[name])] = views[name]
    first = single.parameter_table.views(moved)
    first["layers.1.weight"] *= factor / scale
    sums = first["layers.1.weight"].sum(axis=0, dtype=np.float64)
    first["layers.1.bias"] += ((before * scale / factor - offset) * sums).astype(flat.dtype)
    return moved


def pixels_of_rows(rows: Rows, image: ImageEncoder) -> Array:
    """The pixels of encoded rows, shape (B, H, W, C)."""
    pixels: Array = rows.inputs.dense.reshape(len(rows), *image.form.shape)
    return pixels


def _with_features(rows: Rows, patches: PatchFeatures, image: ImageEncoder) -> Rows:
    """Rows of pixels with their patch features in their place."""
    return Rows(patches.encode(pixels_of_rows(rows, image)), rows.targets, rows.weights)
