"""The report of `ranvier.train`: what was read, what the network is, how good it is on rows it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Prepared
from ranvier.model.model import Model
from ranvier.network.network import Network
from ranvier.network.summary import summarize
from ranvier.training import metrics

Array = NDArray[Any]


def data_report(prepared: Prepared, network: Network) -> dict[str, Any]:
    """What was read and what will be trained, known before training."""
    task = prepared.target.task
    parts = {"training": prepared.train, "validation": prepared.validation, "held_out": prepared.held_out}
    split = {name: 0 if part is None else len(part.X) for name, part in parts.items()}
    described = prepared.inference_encoder.describe()
    return {
        "origin": prepared.origin,
        "task": task.kind,
        "target": list(task.target_names),
        "classes": list(task.classes),
        "class_counts": _class_counts(prepared),
        "rows": sum(split.values()),
        "split": split,
        "columns": [
            {"name": name, "kind": kind, "encoded": encoded, "note": note} for name, kind, encoded, note in described
        ],
        "notes": list(prepared.notes),
        "inputs": network.inputs,
        "layers": layer_rows(network),
        "parameters": network.parameter_count,
    }


def _class_counts(prepared: Prepared) -> dict[str, int]:
    """How many rows each class has, all parts together; empty where there are no classes."""
    task = prepared.target.task
    if not task.is_classifier:
        return {}
    parts = (prepared.train, prepared.validation, prepared.held_out)
    targets = np.concatenate([part.y for part in parts if part is not None])
    counts = np.bincount(metrics.class_indices(task, targets), minlength=len(task.classes))
    return {str(label): int(count) for label, count in zip(task.classes, counts, strict=True)}


def result_report(model: Model, prepared: Prepared | None) -> dict[str, Any]:
    """How good the model is on the rows held out, next to always guessing; None measures nothing.

    Raises:
        TrainingError: an output is not a finite number.
    """
    held = None if prepared is None else prepared.evaluation_set
    found: dict[str, Any] = {"metrics": {}, "baseline": {}, "per_class": [], "most_confused": None}
    if prepared is not None and held is not None:
        outputs: Array = model.outputs_of(held.X)
        targets: Array = held.y
        known: Array = prepared.train.y
        if model.task.kind == "regression":
            values = model.target.values
            outputs, targets, known = values(outputs), values(targets), values(known)
        found = {
            "metrics": metrics.full(model.task, outputs, targets),
            "baseline": metrics.baseline(model.task, known, targets),
            "per_class": metrics.per_class(model.task, outputs, targets),
            "most_confused": metrics.most_confused(model.task, outputs, targets),
        }
    history = model.history
    timing = {"epochs": len(history), "best_epoch": model.best_epoch, "seconds": sum(e.seconds for e in history)}
    return {**found, **timing, "engine": model.engine}


def layer_rows(network: Network) -> list[dict[str, Any]]:
    """One row a layer: its path, what it is, how wide it is and how many parameters it trains."""
    return [layer.to_dict() for layer in summarize(network).layers]
