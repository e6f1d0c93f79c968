"""Whether a file is the one that a model was trained on, by its name or by its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from ranvier.display.tables import METRICS, metric
from ranvier.training.report import TrainReport


def file_sha256(data: Any) -> str | None:
    """The SHA-256 of a file's bytes in hexadecimal digits; None for everything else.

    >>> file_sha256("iris") is None
    True
    """
    if not isinstance(data, (str, Path)) or not Path(data).is_file():
        return None
    with Path(data).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def training_file_note(report: TrainReport, data: Any) -> str:
    """A sentence where rows to evaluate are those of the training file, whatever its name is now; else empty.

    Parameters:
        report: of the model.
        data: the rows to evaluate.

    >>> training_file_note(TrainReport(data="iris", metrics={"accuracy": 0.9}, evaluated_on="test"), "iris")
    'The model was trained on rows of these data, so these metrics are too good; on its test rows: Accuracy 90.0 %.'
    """
    if not isinstance(data, (str, Path)) or report.data is None:
        return ""
    same = str(data) == report.data or (Path(data).exists() and str(Path(data).resolve()) == report.data)
    if not same and (report.data_sha256 is None or file_sha256(data) != report.data_sha256):
        return ""
    name = next(iter(report.metrics), None)
    start = "The model was trained on rows of these data, so these metrics are too good"
    if name is None or report.evaluated_on != "test":
        return f"{start}; give other rows."
    return f"{start}; on its test rows: {METRICS.get(name, (name,))[0]} {metric(name, report.metrics[name])}."
