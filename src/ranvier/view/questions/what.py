"""What is this model? Its task, layers, rows and history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ranvier.model.inspect import class_labels, input_names, output_label, task_sentence
from ranvier.view.shown_epochs import shown_epochs
from ranvier.view.stepping import why_no_steps
from ranvier.view.subject import Subject

MAX_NAMES = 1000
"""Of how many inputs the names are sent."""


def what(subject: Subject) -> dict[str, Any]:
    """The model in words and sizes, what a row looks like, and the epochs of its training that the curves show."""
    model, rows = subject.model, subject.rows
    task = model.task
    labels = class_labels(model) if task.is_classifier else task.target_names
    report, history = model.report, model.history
    # The epochs of several networks follow each other, and are counted.
    shown = shown_epochs(history) if len(report.members) < 2 else range(len(history))
    return {
        "name": subject.name,
        "predicts": task_sentence(model),
        "task": task.kind,
        "classes": [str(label) for label in labels],
        "target": list(task.target_names),
        "parameters": model.network.parameter_count,
        "inputs": _inputs(subject),
        "layers": _layers(subject),
        "form": asdict(subject.form),
        "rows": None if rows is None else {"count": len(rows), "name": rows.name, "notes": list(rows.notes)},
        "plays": rows is not None and rows.recordings is not None,
        "has_targets": rows is not None and rows.targets is not None,
        "no_steps": why_no_steps(subject),
        "training": {
            "recipe": report.recipe,
            "seconds": report.seconds,
            "epochs": len(model.history),
            "members": len(report.members),
            "member_epochs": [int(member["epochs"]) for member in report.members],
            "best_epoch": report.best_epoch,
            "metrics": report.metrics,
            "measured_on": report.evaluated_on,
            "stop_reason": report.stop_reason,
        },
        "history": [history[int(at)].to_json() for at in shown],
    }


def _inputs(subject: Subject) -> dict[str, Any]:
    """The input layer: how many, their names, and which of them are the pixels of a picture."""
    model, form = subject.model, subject.form
    names = input_names(model, next(iter(subject.dense_layers))) if subject.dense_layers else []
    height, width, channels = form.shape if form.kind == "picture" else (0, 0, 0)
    is_picture = not form.pixels and height * width * channels == model.network.inputs and channels == 1
    return {
        "count": model.network.inputs,
        "names": names[:MAX_NAMES],
        "picture": is_picture,
        "pixels": _pixels(subject),
    }


def _pixels(subject: Subject) -> list[int] | None:
    """For each input the pixel that it is made of, where every input is made of one; else None.

    Spectrograms are shown with low bands below, and are inputs with low bands first.
    """
    encoder, pixels = subject.model.encoder, subject.form.pixels
    if subject.form.kind == "sound":
        bands, frames, _ = subject.form.shape
        if bands * frames != subject.model.network.inputs:
            return None
        return np.arange(bands * frames).reshape(bands, frames)[::-1].ravel().tolist()
    if not pixels or encoder.width > sum(part.width for part in encoder.encoders):
        return None
    index = {name: at for at, name in enumerate(pixels)}
    return [index[part.column] for part in encoder.encoders for _ in range(part.width)]


def _layers(subject: Subject) -> list[dict[str, Any]]:
    """The layers in order; those with neurons have an activation and, at the end, labels."""
    layers = []
    for info in subject.model.network.iter_layers():
        layer: Any = info.layer
        neurons = info in subject.dense_layers
        labels = [output_label(subject.model, info, at) for at in range(info.outputs)] if neurons else []
        layers.append(
            {
                "path": info.path,
                "kind": type(layer).__name__,
                "units": info.outputs,
                "inputs": info.inputs,
                "groups": info.groups,
                "neurons": neurons,
                "activation": layer.activation.name if neurons else None,
                "rate": getattr(layer, "rate", None),
                "labels": labels if labels and labels[0] is not None else None,
            }
        )
    return layers
