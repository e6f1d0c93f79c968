"""Names in stored files that have changed: readers translate them, so that every file ever written can be loaded.

Each table maps the name in files of version 0.1 before its release to the name of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Names = Mapping[str, str]

METRICS: Names = {"explained_share": "calibrated_d2_log_loss"}
CALLBACK_FIELDS: Names = {"minimum_change": "min_delta"}
EVENT_FIELDS: Names = {"network": "member", "networks": "members"}
REPORT_FIELDS: Names = {"stopped": "stop_reason", "networks": "members", "most_confused": "most_confused_pair"}
LAYER_KINDS: Names = {"scale": "learned_scale"}
PARAMETER_ROLES: Names = {"gain": "scale", "shift": "bias", "mean": "running_mean", "variance": "running_var"}
INITIALIZER_OPTIONS: Mapping[str, Names] = {"normal": {"deviation": "stddev"}}
TRAINING_FIELDS: Names = {"entries": "mean_nnz"}
LOSS_FIELDS: Names = {"on": "applied_to"}
TASK_FIELDS: Names = {"names": "target_names"}
TASK_KINDS: Names = {"classes": "multiclass"}
OPTIMIZER_FIELDS: Names = {"average": "ema_decay"}
LBFGS_FIELDS: Names = {
    "history": "history_size",
    "decrease": "c1",
    "curvature": "c2",
    "evaluations": "max_line_search_evals",
    "tolerance": "gradient_tolerance",
}
SCHEDULE_FIELDS: Mapping[str, Names] = {
    "step": {"every": "step_epochs", "factor": "decay_factor"},
    "exponential": {"factor": "decay_factor"},
    "polynomial": {"final": "final_factor"},
    "cosine": {"final": "final_factor"},
    "cosine_restarts": {"first": "first_cycle_epochs", "multiply": "cycle_multiplier", "final": "min_factor"},
    "one_cycle": {"peak_at": "peak_fraction", "start": "initial_factor", "final": "final_factor"},
    "warm_up": {"then": "next_schedule"},
    "reduce_on_plateau": {"minimum": "min_factor"},
}


def renamed(values: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """The values under their names of today.

    >>> renamed({"name": "cosine", "final": 0.1}, SCHEDULE_FIELDS["cosine"])
    {'name': 'cosine', 'final_factor': 0.1}
    """
    return {names.get(name, name): value for name, value in values.items()}


def renamed_task(data: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a task with its fields and its kind as they are called today.

    >>> renamed_task({"kind": "classes", "outputs": 3, "classes": [], "names": ["y"]})
    {'kind': 'multiclass', 'outputs': 3, 'classes': [], 'target_names': ['y']}
    """
    kind = data["kind"]
    return {**renamed(data, TASK_FIELDS), "kind": TASK_KINDS.get(kind, kind)}


def renamed_parameters(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of a model file under the names that parameters have today.

    >>> renamed_parameters({"layers.0.weight": 1, "layers.1.gain": 2})
    {'layers.0.weight': 1, 'layers.1.scale': 2}
    """
    parted = {name: name.rpartition(".") for name in arrays}
    return {f"{path}{dot}{PARAMETER_ROLES.get(role, role)}": arrays[name] for name, (path, dot, role) in parted.items()}


def original_network(data: Mapping[str, Any]) -> dict[str, Any]:
    """What `Network.to_dict` gave when the first files were written; `original_training` says why.

    >>> original_network({"inputs": 2, "layers": [{"kind": "learned_scale"}]})
    {'inputs': 2, 'layers': [{'kind': 'scale'}]}
    """
    return {**data, "layers": [_original_layer(layer) for layer in data["layers"]]}


def original_training(data: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a training under the names of the first files.

    A checkpoint holds a digest of the network and the settings. It is taken over these names for ever, so that a
    checkpoint can be continued after a field has been renamed.
    """
    records = {
        "loss": renamed(data["loss"], _inverse(LOSS_FIELDS)),
        "optimizer": _original_optimizer(data["optimizer"]),
        "schedule": _original_schedule(data["schedule"]),
    }
    rest = renamed({name: value for name, value in data.items() if name != "n_dense"}, _inverse(TRAINING_FIELDS))
    # Rows of the first files had a single block.
    blocks = {"n_dense": data["n_dense"]} if data.get("n_dense") else {}
    return {**rest, **blocks, **records}


def original_callback(text: str) -> str:
    """The text of a callback, its fields and metrics under the names of the first files; see `original_training`.

    >>> original_callback("EarlyStopping(metric='calibrated_d2_log_loss', min_delta=0.0)")
    "EarlyStopping(metric='explained_share', minimum_change=0.0)"
    """
    for new, old in _inverse(METRICS).items():
        text = text.replace(f"'{new}'", f"'{old}'")
    for new, old in _inverse(CALLBACK_FIELDS).items():
        text = text.replace(f"{new}=", f"{old}=")
    return text


def _inverse(names: Names) -> Names:
    return {new: old for old, new in names.items()}


def _original_layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    values = {**layer, "kind": _inverse(LAYER_KINDS).get(layer["kind"], layer["kind"])}
    if "initializer" in values:
        initializer = values["initializer"]
        values["initializer"] = renamed(initializer, _inverse(INITIALIZER_OPTIONS.get(initializer["name"], {})))
    if "layers" in values:
        values["layers"] = [_original_layer(inner) for inner in values["layers"]]
    return values


def _original_optimizer(data: Mapping[str, Any]) -> dict[str, Any]:
    return renamed(data, _inverse({**OPTIMIZER_FIELDS, **(LBFGS_FIELDS if data["name"] == "lbfgs" else {})}))


def _original_schedule(data: Mapping[str, Any]) -> dict[str, Any]:
    values = renamed(data, _inverse(SCHEDULE_FIELDS.get(data["name"], {})))
    return {name: _original_schedule(value) if isinstance(value, Mapping) else value for name, value in values.items()}
