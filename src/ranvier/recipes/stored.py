"""Reading the options of a run folder, of this version and of version 0.1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ranvier.network.activations import activation_from_dict
from ranvier.network.losses import loss_from_dict
from ranvier.network.optimizers import optimizer_from_dict
from ranvier.network.renamed import TASK_KINDS
from ranvier.network.schedules import schedule_from_dict
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.registry import recipe, recipe_from_dict
from ranvier.recipes.table import TableRecipe

FROM_DICT: Mapping[str, Any] = {
    "task": Task.from_dict,
    "activation": activation_from_dict,
    "loss": loss_from_dict,
    "optimizer": optimizer_from_dict,
    "schedule": schedule_from_dict,
    "recipe": recipe_from_dict,
}

N_FREQUENCIES_0_1 = {"fast": 6}
"""Effort -> the frequencies of a number in the recipe "table" of version 0.1, where it had any."""
PATIENCE_0_1 = {"fast": 4, "default": 12, "best": 20}
"""Effort -> the patience of the recipe "table" of version 0.1."""


def options_from_dict(data: Mapping[str, Any]) -> TrainOptions:
    """The options that `TrainOptions.to_dict` wrote.

    >>> options_from_dict(TrainOptions(hidden=(8,)).to_dict()) == TrainOptions(hidden=(8,))
    True
    """
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    if "held_out" in values:
        values = _of_version_0_1(values)
    for name, read in FROM_DICT.items():
        if isinstance(values.get(name), Mapping):
            values[name] = read(values[name])
    task = values.get("task")
    if isinstance(task, str):
        values["task"] = TASK_KINDS.get(task, task)
    for name in ("class_weight", "kinds"):
        if isinstance(values.get(name), tuple):
            values[name] = dict(values[name])
    return TrainOptions(**values)


def _of_version_0_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """Options under their names of today; version 0.1 wrote the optimizer of a recipe out, where None stands now."""
    translated = {name: value for name, value in values.items() if name != "held_out"}
    translated |= {"test": values["held_out"], "effort": values["effort"] or "default"}
    stored = values["recipe"]
    if stored is None:
        return {**translated, "recipe": "plain", "effort": "default"}
    table = recipe_from_dict(stored) if isinstance(stored, Mapping) else recipe(stored, translated["effort"])
    optimizer = values["optimizer"]
    stored_optimizer = optimizer_from_dict(optimizer) if isinstance(optimizer, Mapping) else optimizer
    if not isinstance(table, TableRecipe):
        return translated
    if isinstance(stored, str):
        n_frequencies = N_FREQUENCIES_0_1.get(translated["effort"], 0)
        patience = PATIENCE_0_1[translated["effort"]]
        changed = replace(table, max_epochs=table.epochs, n_frequencies=n_frequencies, patience=patience)
        table = replace(changed, n_pilots=0, overlap=False)
    optimizer = None if stored_optimizer == table.optimizer else optimizer
    return {**translated, "recipe": table, "effort": "default", "optimizer": optimizer}
