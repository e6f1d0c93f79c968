"""From what a recipe trained to a model: its encoder, its parameters, the rows that it is measured on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ranvier.data import Prepared
from ranvier.model.model import Model
from ranvier.recipes.merge import ple_to_linear_spline
from ranvier.recipes.recipe import Trained
from ranvier.rows import Rows
from ranvier.training.conformal import conformal_of
from ranvier.training.settings import TrainSettings
from ranvier.training.threshold import checked_threshold, chosen_threshold


def model_from_trained(trained: Trained, prepared: Prepared, settings: TrainSettings) -> Model:
    """The model of a trained network: piecewise-linear encodings become linear splines, which predict faster."""
    encodings = prepared.encoder.piecewise_linear
    parameters = (
        ple_to_linear_spline(trained.network, trained.parameters, encodings) if encodings else trained.parameters
    )
    return Model(
        trained.network,
        prepared.target,
        parameters,
        training=settings,
        state=trained.state,
        history=trained.history,
        engine=trained.engine,
        encoder=prepared.inference_encoder,
        conformal=conformal_of(prepared.target, trained.held_out),
    )


def with_learned_encoder(prepared: Prepared, trained: Trained) -> Prepared:
    """The rows for the metrics encoded as the finished model does, where its recipe learned how."""
    if trained.encoder is None:
        return replace(prepared, notes=(*prepared.notes, *trained.notes))
    rows = prepared.evaluation_set
    if rows is not None:
        rows = _with_learned_features(rows, prepared.encoder, trained.encoder)
    notes = (*prepared.notes, *trained.notes)
    return replace(prepared, inference_encoder=trained.encoder, evaluation_set=rows, notes=notes)


def with_threshold(prepared: Prepared, trained: Trained, rule: float | str | None) -> Prepared:
    """The rows with the threshold in their task, chosen on rows that stood outside training where a metric decides."""
    checked = checked_threshold(rule)
    if checked is None:
        return prepared
    threshold = chosen_threshold(checked, prepared.target.task, trained.held_out)
    positive = prepared.target.task.classes[1]
    note = f'Threshold: "{positive}" is predicted from a probability of {threshold:.3g} on ({rule}).'
    return replace(prepared, target=prepared.target.with_threshold(threshold), notes=(*prepared.notes, note))


def _with_learned_features(rows: Rows, plain: Any, learned: Any) -> Rows:
    """Rows of pixels or spectrograms as the encoder of the finished model encodes them.

    Parameters:
        rows: encoded by `plain`.
        plain, learned: table encoders of one column of files, without and with features.
    """
    out = np.empty((len(rows), learned.width), np.uint8)
    learned.encoders[0].encode_decoded(rows.inputs.dense.reshape(len(rows), *plain.encoders[0].form.shape), out)
    return Rows(out, rows.targets, rows.weights)
