"""How good is the model, beside a baseline, and what should its user know?"""

from __future__ import annotations

from typing import Any

from ranvier.display.ngrams import ngram_sentence
from ranvier.model.evaluation import baseline_metrics, measured_levels
from ranvier.model.model import Model
from ranvier.training import metrics
from ranvier.view.json_values import finite_or_none
from ranvier.view.subject import Subject


def result(subject: Subject) -> dict[str, Any]:
    """The metrics of the known rows, or where there are none those of training, and notes in words.

    Returns `metrics` and `baseline`, by name, None where undefined; `headline`, the name of the one that counts;
    `measured_on`, in words, or None where nothing was measured; `guess`, what the baseline does; `warnings`, what the
    metrics gave rise to; `notes`, what was read, repaired or guessed.
    """
    model, report = subject.model, subject.model.report
    rows = subject.rows
    values, baseline = dict(report.metrics), dict(report.baseline)
    measured_on = _training_rows(subject) if values else None
    findings = list(report.findings)
    if rows is not None and rows.targets is not None and not rows.of_training:
        values, baseline = _measured(subject)
        measured_on = rows.name
        findings = []
    if rows is not None and rows.of_training and values:
        measured_on = rows.name
    ngrams = ngram_sentence(baseline)
    return {
        "metrics": values,
        "baseline": baseline,
        "headline": headline(model.task, values),
        "measured_on": measured_on,
        "guess": ngrams or _guess(model) if baseline else None,
        "warnings": findings,
        "notes": [note for note in (*report.notes, *(() if rows is None else rows.notes)) if note not in findings],
    }


def headline(task: Any, values: dict[str, float | None]) -> str | None:
    """The metric that is named first: that of the task, or for a text how many bits a character takes.

    >>> from ranvier.network.task import Task
    >>> headline(Task("regression", 1), {"rmse": 2.0, "r2": 0.5})
    'r2'
    """
    names = ("bits_per_character", metrics.headline_metric_name(task), *values)
    return next((name for name in names if values.get(name) is not None), None)


def _training_rows(subject: Subject) -> str:
    report = subject.model.report
    count = report.split.get(report.evaluated_on)
    rows = f"{report.evaluated_on} rows"
    return f"{rows} of its training" if count is None else f"the {count:,} {rows} of its training"


def _guess(model: Model) -> str:
    if model.task.kind == "regression":
        value = "the same quantiles" if measured_levels(model) else "the mean of the training rows"
        return f"The baseline predicts {value} for every row."
    return "The baseline predicts for every row how frequent the classes are, and so the most frequent one."


def _measured(subject: Subject) -> tuple[dict[str, float | None], dict[str, float | None]]:
    """The metrics of the known rows, and of the majority class, the mean or the quantiles of these."""
    model, targets = subject.model, subject.targets
    baseline = baseline_metrics(model.task, (targets, None), targets, None, measured_levels(model))
    return (
        {name: finite_or_none(value) for name, value in subject.metrics.items()},
        {name: finite_or_none(baseline.get(name)) for name in subject.metrics},
    )
