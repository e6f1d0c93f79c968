"""Training on recordings: patch features and statistics, which of them, several networks, merged into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.sound import SoundEncoder, fit_patches
from ranvier.data.images.patches import PatchFeatures
from ranvier.data.sounds.band_statistics import BandStatistics
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.candidates import (
    WITH_LINEAR,
    Candidate,
    Choice,
    choose_candidate,
    linear_layers,
    linear_settings,
    trained_parameters,
)
from ranvier.recipes.ensemble import MemberRows, member_seed, merged_members, train_members
from ranvier.recipes.linear_beside import all_beside_linear
from ranvier.recipes.merged_events import MergedEvents
from ranvier.recipes.recipe import Trained, TrainingSetup
from ranvier.recipes.text_merge import can_hold_linear
from ranvier.rows import Rows
from ranvier.training.events import NoteEvent, tee
from ranvier.training.loop import final_parameters
from ranvier.training.settings import TrainSettings

Array = NDArray[Any]
WORDS = {
    "patches": "patches of the spectrogram and statistics of its bands",
    WITH_LINEAR: "patches of the spectrogram and statistics of its bands, and a linear model on the statistics",
    "statistics": "statistics of the bands",
    "linear": "a linear model on statistics of the bands",
}


def train_on_sounds(setup: TrainingSetup, n_centroids: int, n_networks: int, candidate: str) -> Trained:
    """Train the networks of the recipe "sound" and merge them into one, whose encoder has their features.

    Parameters:
        n_centroids, n_networks, candidate: the parts of the recipe.
        setup: of one network on patch features and statistics; the inputs are spectrograms, and the encoder that gave
            them is that of a table of one column of recordings.
    """
    settings, task, rows, validation = setup.settings, setup.task, setup.rows, setup.validation
    sound = setup.encoder.sound
    spectrograms = _spectrograms(rows, sound)
    statistics = BandStatistics.fit(spectrograms[..., 0])
    block = statistics.encode(spectrograms[..., 0])
    held = None if validation is None else _spectrograms(validation, sound)

    @lru_cache(maxsize=2)
    def patches_of(seed: int) -> tuple[PatchFeatures, Array]:
        patches = fit_patches(spectrograms, sound.form, n_centroids, seed)
        return patches, patches.encode(spectrograms)

    def candidates_of(number: int) -> dict[str, Candidate]:
        seeded = replace(settings, seed=member_seed(settings.seed, number))
        patches, encoded = patches_of(seeded.seed)
        others = None if held is None else (patches.encode(held), statistics.encode(held[..., 0]))
        return _candidates(candidate, setup.network, seeded, (encoded, block), others)

    candidates = candidates_of(0)
    mean_with = ("patches", "linear") if candidate == "auto" and can_hold_linear(setup.network) else None
    second = partial(candidates_of, 1)
    choice = choose_candidate(candidates, rows, task, settings.seed, validation, mean_with, n_networks, second)
    text = choice_text(choice, task, candidate != "auto")
    tee(setup.sinks)(NoteEvent(text))
    on_patches = choice.name in ("patches", WITH_LINEAR)
    best = candidates["patches" if on_patches else choice.name]
    events = MergedEvents(tee(setup.sinks), n_networks, settings.epochs)
    features: list[PatchFeatures] = []
    linear_flats: list[Array] = []

    def member_rows(number: int, member: TrainSettings) -> MemberRows:
        learned, patches = best.features, tuple[PatchFeatures, ...]()
        if on_patches:
            patches = (patches_of(member.seed)[0],)
            learned = np.concatenate([patches_of(member.seed)[1], block], axis=1) if number else learned
        if choice.name == WITH_LINEAR:
            linear = candidates["linear"]
            own_settings = replace(linear.settings, seed=member.seed, callbacks=())
            on_statistics = Rows(linear.features, rows.targets, rows.weights)
            linear_flats.append(trained_parameters(linear.network, own_settings, task, on_statistics))
        encoder = replace(sound, patches=patches, statistics=statistics)
        features.extend(patches)
        own_validation = None if validation is None else _with_features(validation, encoder)
        return Rows(learned, rows.targets, rows.weights), own_validation, None

    members = train_members(replace(setup, network=best.network, settings=best.settings), events, member_rows)
    results = [result for result, _ in members]
    learned_encoder = replace(sound, patches=tuple(features[: len(results)]), statistics=statistics, as_bytes=True)
    shape, flats = best.network, None
    if linear_flats:
        flats = [final_parameters(result.outcome.state, settings.optimizer, shape) for result in results]
        linear = candidates["linear"].network
        first_input = shape.inputs - linear.inputs
        shape, flats = all_beside_linear(shape, flats, linear, linear_flats, choice.linear_factor, first_input)
    trained = merged_members(
        shape, settings, results, events, choice.inverse_temperature, shared_inputs=not on_patches, flats=flats
    )
    table_encoder = replace(setup.encoder, encoders=(learned_encoder,))
    return replace(trained, encoder=table_encoder, notes=(text,), held_out=choice.held_out)


def _candidates(
    candidate: str,
    network: Network,
    settings: TrainSettings,
    features: tuple[Array, Array],
    validation_features: tuple[Array, Array] | None,
) -> dict[str, Candidate]:
    """What can be trained, by name, the preferred one first; one of them, or all for "auto".

    Parameters:
        features, validation_features: those of patches and those of bands, of the rows and of the validation rows.
    """
    statistics, others = features[1], None if validation_features is None else validation_features[1]
    width = statistics.shape[1]
    both = (
        np.concatenate(features, axis=1),
        None if validation_features is None else np.concatenate(validation_features, axis=1),
    )
    on_patches = Candidate(network, settings, *both)
    on_statistics = Candidate(Network(width, network.layers), settings, statistics, others)
    linear = Candidate(Network(width, linear_layers(network)), linear_settings(settings), statistics, others)
    candidates = {"patches": on_patches, "statistics": on_statistics, "linear": linear}
    return candidates if candidate == "auto" else {candidate: candidates[candidate]}


def choice_text(choice: Choice, task: Task, requested: bool) -> str:
    """Why these features were taken, in a sentence.

    >>> choice_text(Choice("linear", 1.0, {}), Task("regression", 1), True)
    'Features: a linear model on statistics of the bands, as requested.'
    """
    start = f"Features: {WORDS[choice.name]}"
    if requested:
        return f"{start}, as requested."
    if not choice.scores:
        return f"{start}, as usual for so few recordings."
    names: Mapping[str, str] = {"patches": "with patches", "statistics": "statistics alone", "linear": "linear"}
    names = {**names, WITH_LINEAR: "with patches and linear"}
    written = {name: f"{score:.1%}" if task.is_classifier else f"{-score:.4g}" for name, score in choice.scores.items()}
    scores_text = ", ".join(f"{names[name]} {value}" for name, value in written.items())
    what = "accuracy" if task.is_classifier else "squared error"
    of_groups = f" in {choice.n_groups:,} groups" if choice.n_groups else ""
    return f"{start}, by the {what} on {choice.n_rows:,} recordings{of_groups} left out ({scores_text})."


def _spectrograms(rows: Rows, sound: SoundEncoder) -> Array:
    """The spectrograms of encoded rows, shape (B, F, T, 1)."""
    spectrograms: Array = rows.inputs.dense.reshape(len(rows), *sound.form.shape)
    return spectrograms


def _with_features(rows: Rows, encoder: SoundEncoder) -> Rows:
    """Rows of spectrograms with features in their place."""
    out = np.empty((len(rows), encoder.width), np.uint8)
    encoder.encode_decoded(_spectrograms(rows, encoder), out)
    return Rows(out, rows.targets, rows.weights)
