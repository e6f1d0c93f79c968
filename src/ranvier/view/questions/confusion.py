"""Which classes are taken for which, and which rows are these? C classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.training import metrics
from ranvier.view.questions.rows import describe_rows
from ranvier.view.subject import Subject

MAX_CELL_ROWS = 60


def confusion(subject: Subject) -> dict[str, Any]:
    """`counts[true][predicted]` of the known rows, (C, C), the number of `rows`, and how many are `wrong`.

    Raises:
        InputError: the task has no classes, or the true answers are not known.
    """
    n_classes = _n_classes(subject)
    flat = np.bincount(subject.actual * n_classes + subject.predicted, minlength=n_classes * n_classes)
    wrong = int((subject.actual != subject.predicted).sum())
    return {"counts": flat.reshape(n_classes, n_classes).tolist(), "rows": len(subject.actual), "wrong": wrong}


def cell(subject: Subject, actual: int, predicted: int) -> dict[str, Any]:
    """The rows of one cell of the confusion matrix, the most wrong first: their `total`, and the first 60.

    Raises:
        InputError: there is no such class.
    """
    n_classes = _n_classes(subject)
    if not all(type(index) is int and 0 <= index < n_classes for index in (actual, predicted)):
        raise InputError(f"There is no cell ({actual!r}, {predicted!r}); the classes are 0 to {n_classes - 1}.")
    index = np.flatnonzero((subject.actual == actual) & (subject.predicted == predicted))
    index = index[np.argsort(-subject.losses[index], kind="stable")]
    return {"total": len(index), "rows": describe_rows(subject, index[:MAX_CELL_ROWS])}


def per_class(subject: Subject) -> list[dict[str, Any]]:
    """Rows, precision, recall and f1 of every class or label."""
    scores = metrics.per_class(subject.model.task, subject.outputs, subject.targets)
    return [{**score, "label": str(score["label"])} for score in scores]


def measured(subject: Subject) -> dict[str, float]:
    """Every metric of the task on the known rows."""
    return {name: value for name, value in subject.metrics.items() if np.isfinite(value)}


def _n_classes(subject: Subject) -> int:
    if not subject.model.task.is_classifier:
        raise InputError(f"A model for {subject.model.task.kind} has no classes to confuse.")
    return len(subject.model.task.classes)
