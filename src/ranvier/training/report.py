"""TrainReport: what `train` read, trained and measured, as one frozen record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field, fields
from typing import Any

from ranvier.network.renamed import REPORT_FIELDS, TASK_KINDS, renamed
from ranvier.records import record

VERSION = 1
SUMMARY = (
    "model",
    "run",
    "task",
    "rows",
    "epochs",
    "seconds",
    "engine",
    "recipe",
    "metrics",
    "baseline",
    "parameters",
    "notes",
    "linear_baseline",
    "diagnosis",
)
"""What `ranvier train --json` prints."""


@record(kw_only=True)
class TrainReport:
    """What `train` read, trained and measured.

    Fields:
        model, run, data: the model file, the run folder and the source; None where there is none.
        data_sha256: of the bytes of the source, where it is a file.
        origin, task, target, classes, class_counts, positive, rows, split, columns, notes, inputs, layers,
            parameters: as in `training.events.DataEvent`.
        recipe, recipe_settings: the name of the recipe, and what it chose.
        evaluated_on: which rows the metrics are of, "test" or, without test rows, "validation": the rows that decided
            when to stop.
        metrics, baseline: on these rows, of the model and of the majority class or the mean of the training rows:
            accuracy, log_loss, brier, ece, f1, auc; or r2, rmse, mae. Empty without such rows.
        linear_baseline: the same metrics of a linear model on the same inputs, so that one sees what the hidden layers
            add; empty where there is none.
        per_class: label, rows, precision, recall and f1 of each class or label.
        most_confused_pair: actual, predicted, rows; None where no class was mistaken for another.
        worst_mistakes: name, actual, predicted and, for classes, probability of the actual one; of rows with files or
            texts.
        epochs, best_epoch, seconds, engine: how long training took, in seconds, and on which engine.
        members: one record for each network of an ensemble: epochs, best_epoch, validation_loss, seconds, for
            texts name and merged, whether it is a part of the model; else empty.
        temperature: what the logits were divided by, so that probabilities are calibrated.
        findings: those of the notes that the metrics gave rise to.
        diagnosis: what is wrong with the rows and the model, each as `Finding.to_dict` gives it; see `Model.diagnose`.
        profile: how the cells of each column were distributed in the training rows, and digests of these, for comparing
            new rows.
        stop_reason, interrupted: why training ended, in a sentence; whether Ctrl-C ended it.

    >>> import ranvier as rv
    >>> report = rv.train("iris", recipe="plain", epochs=5, engine="reference").report
    >>> report.task, report.rows, report.split["test"], sorted(report.baseline) == sorted(report.metrics)
    ('multiclass', 150, 30, True)
    """

    model: str | None = None
    run: str | None = None
    data: str | None = None
    data_sha256: str | None = None
    origin: str = ""
    task: str = ""
    target: list[str] = field(default_factory=list)
    classes: list[Any] = field(default_factory=list)
    class_counts: dict[str, int] = field(default_factory=dict)
    positive: Any = None
    rows: int = 0
    split: dict[str, int] = field(default_factory=dict)
    columns: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    inputs: int = 0
    layers: list[dict[str, Any]] = field(default_factory=list)
    parameters: int = 0
    recipe: str = "plain"
    recipe_settings: dict[str, Any] = field(default_factory=dict)
    evaluated_on: str = "test"
    metrics: dict[str, float | None] = field(default_factory=dict)
    baseline: dict[str, float | None] = field(default_factory=dict)
    linear_baseline: dict[str, float | None] = field(default_factory=dict)
    per_class: list[dict[str, Any]] = field(default_factory=list)
    most_confused_pair: dict[str, Any] | None = None
    worst_mistakes: list[dict[str, Any]] = field(default_factory=list)
    epochs: int = 0
    best_epoch: int = 0
    seconds: float = 0.0
    engine: str = ""
    members: list[dict[str, Any]] = field(default_factory=list)
    temperature: float = 1.0
    findings: list[str] = field(default_factory=list)
    diagnosis: list[dict[str, Any]] = field(default_factory=list)
    profile: dict[str, Any] = field(default_factory=dict)
    stop_reason: str = ""
    interrupted: bool = False

    def summary(self) -> dict[str, Any]:
        """What `ranvier train --json` prints: model, run, task, rows, epochs, seconds, engine, recipe, metrics, ..."""
        return {name: getattr(self, name) for name in SUMMARY}

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values, with its version.

        >>> TrainReport(task="binary").to_dict()["version"]
        1
        """
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainReport:
        """The report that `to_dict` wrote, also under earlier names; fields that are not known here are left out.

        >>> TrainReport.from_dict({"stopped": "All 4 epochs are done.", "sharpness": 0.5}).temperature
        2.0
        """
        values = renamed(data, REPORT_FIELDS)
        if "sharpness" in values:
            values["temperature"] = 1.0 / values["sharpness"]
        if isinstance(values.get("recipe"), Mapping):
            values["recipe_settings"] = dict(values["recipe"])
            values["recipe"] = values["recipe_settings"].pop("name", "table")
        if "held_out" in values.get("split", {}):
            values["split"] = {"test" if part == "held_out" else part: n for part, n in values["split"].items()}
        if "evaluated_on" not in values and not values.get("split", {}).get("test", 1):
            values["evaluated_on"] = "validation"
        values["task"] = TASK_KINDS.get(values.get("task", ""), values.get("task", ""))
        names = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})
