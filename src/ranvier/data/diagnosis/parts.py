"""What is wrong with the rows that a training was given, divided into parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ranvier.data.diagnosis.columns import identifiers, imbalance
from ranvier.data.diagnosis.drift import drift
from ranvier.data.diagnosis.finding import Finding
from ranvier.data.diagnosis.repeats import MAX_ROWS, conflicting_labels, repeated_across
from ranvier.data.diagnosis.table import input_frame
from ranvier.data.encoders.target_values import Values
from ranvier.network.task import Task

if TYPE_CHECKING:
    from ranvier.data.columns.schema import ColumnSchema
    from ranvier.data.labelled_rows import LabelledRows


def input_names(columns: Sequence[ColumnSchema]) -> list[str] | None:
    """The columns that are inputs; None where the rows are arrays."""
    return [column.name for column in columns if column.used] or None


def findings_of_parts(
    parts: Mapping[str, LabelledRows], task: Task, names: Collection[str] | None, profile: Mapping[str, Any]
) -> list[Finding]:
    """Findings on the rows and columns; drift between the training and the test rows among them.

    Parameters:
        parts: "training", and "validation" and "test" where there are such.
        task: what is asked for.
        names: the input columns; None for arrays.
        profile: of the training rows.
    """
    frames = {name: input_frame(part.source, names) for name, part in parts.items()}
    training = frames["training"]
    values = np.concatenate([part.values for part in parts.values()])
    findings = imbalance(values, task)
    if training is None:
        return findings
    present = {name: frame for name, frame in frames.items() if frame is not None}
    findings += identifiers(training)
    findings += conflicting_labels(training, parts["training"].values, task)
    if sum(map(len, present.values())) <= MAX_ROWS:
        findings += repeated_across({name: with_target(frame, parts[name].values) for name, frame in present.items()})
    return findings + drift(profile, present.get("test"))


def with_target(frame: pl.DataFrame, values: Values) -> pl.DataFrame:
    """The input columns and the target, for comparing rows."""
    table = np.asarray(values).reshape(len(frame), -1)
    targets = [
        pl.Series(f"\0target {at}", [str(value) for value in column.tolist()]) for at, column in enumerate(table.T)
    ]
    return frame.with_columns(targets)
