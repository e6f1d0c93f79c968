"""Whether rows are those that a model was trained on: by the name of their file, by its bytes, or one by one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ranvier.data import target_values
from ranvier.data.diagnosis.trained_rows import digests, n_trained
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.data.sources import NAMED
from ranvier.data.sources.source import Source
from ranvier.display.tables import METRICS, metric
from ranvier.training.report import TrainReport

if TYPE_CHECKING:
    from ranvier.model.model import Model


def file_sha256(data: Any) -> str | None:
    """The SHA-256 of a file's bytes in hexadecimal digits; None for everything else.

    >>> file_sha256("iris") is None
    True
    """
    if not isinstance(data, (str, Path)) or is_named(data) or not Path(data).is_file():
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
    same = report.data in (str(data), reopenable(data))
    if not same and (report.data_sha256 is None or file_sha256(data) != report.data_sha256):
        return ""
    return f"The model was trained on rows of these data, so these metrics are too good{_test_metric(report)}"


def _test_metric(report: TrainReport) -> str:
    """The end of a sentence: what to do, or the first metric on the test rows."""
    name = next(iter(report.metrics), None)
    if name is None or report.evaluated_on != "test":
        return "; give other rows."
    return f"; on its test rows: {METRICS.get(name, (name,))[0]} {metric(name, report.metrics[name])}."


def training_rows_note(model: Model, rows: Any) -> str:
    """A sentence where some of the rows to evaluate were trained on; else empty.

    Parameters:
        rows: a source.
    """
    stored, columns = model.report.profile.get("trained_rows"), row_encoder(model.encoder).columns
    if not stored or not isinstance(rows, Source) or not rows.column_names:
        return ""
    target = model.target
    values = target_values(rows, target.column_names, model.task.classes, target.number_formats)
    trained, counted = n_trained(stored, digests(rows, columns, values))
    if not trained:
        return ""
    count = f"{trained:,}" if counted else f"About {trained:,}"
    were = f"{count} of the {rows.rows:,} rows {'was' if trained == 1 else 'were'} trained on"
    return f"{were}, so these metrics are too good{_test_metric(model.report)}"


def run_name(data: Any) -> str:
    """What a run's folder is named after."""
    return Path(data).name.split(".")[0] if isinstance(data, (str, Path)) else "table"


def reopenable(data: Any) -> str | None:
    """What to write down so that the data can be read again: an absolute path or a set's name; None for memory."""
    if not isinstance(data, (str, Path)):
        return None
    return str(Path(data).resolve()) if not is_named(data) and Path(data).exists() else str(data)


def is_named(data: Any) -> bool:
    """Whether data are the name of a set, which is read as that even where a file or a folder is called so, too."""
    return isinstance(data, str) and data in NAMED


def paths_among(*sources: Any) -> list[str | Path]:
    """What among the data could be files, which the model must not replace."""
    return [source for source in sources if isinstance(source, (str, Path))]
