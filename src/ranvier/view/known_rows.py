"""The rows that a view knows: those of a run, of a file, or arrays. n rows, K inputs, N outputs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Arrays, Source
from ranvier.data.encoders.context import ContextEncoder
from ranvier.data.sources.array_source import arrays_from
from ranvier.errors import InputError
from ranvier.model import rows as row_tools
from ranvier.model.model import Model
from ranvier.model.predictions import open_rows
from ranvier.model.run_rows import recordings_in, rows_of_run
from ranvier.model.targets import target_array
from ranvier.plural import plural
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.rows.some_rows import evenly

Array = NDArray[Any]
MAX_TRAINING_ROWS, MAX_TRAINING_NUMBERS = 20_000, 8_000_000
"""Among how many training rows, and numbers in them, rows like another one are searched."""


@record(eq=False)
class KnownRows:
    """Rows to show, to ask about, and to measure on.

    Fields:
        source: n rows with the cells as they were read.
        numbers: of the rows in `origin`, counted from 0, shape (n,).
        inputs: the rows encoded, (n, K).
        targets: the true targets encoded, as the network is trained on, (n, N) or class numbers (n, 1); None where
            they are not known.
        name: what they are, such as "the 30 test rows of the set iris".
        notes: what the user should know of them, one sentence each.
        of_training: whether they are the rows that the metrics in the report of the training are of.
        trained_on: reads the rows that the model was trained on, which takes as long as reading these; None where they
            are not known.
        recordings: the files of the rows, where they are recordings and can be read; else None.
    """

    source: Source
    numbers: NDArray[np.int64]
    inputs: Inputs
    targets: Array | None
    name: str
    notes: tuple[str, ...] = ()
    of_training: bool = False
    trained_on: Callable[[], KnownRows] | None = None
    recordings: tuple[Any, ...] | None = None

    def __len__(self) -> int:
        return len(self.inputs)


def rows_from_arrays(model: Model, X: Any, y: Any = None) -> KnownRows:
    """The rows of arrays, or of a table that a model with an encoder reads.

    Raises:
        InputError: they do not fit the model.
    """
    if model.encoder is not None and y is None:
        return rows_from_file(model, X)
    inputs = model.inputs(X)
    array = np.asarray(X) if model.encoder is None and not hasattr(X, "toarray") else inputs.toarray()
    source: Any = arrays_from(array, None, "the array")
    targets = None if y is None else row_tools.targets(model.target, target_array(y), dtype=np.float64)
    if targets is not None:
        row_tools.check_lengths(inputs, targets)
    return KnownRows(source, np.arange(len(inputs)), inputs, targets, f"{plural(len(inputs), 'row')} of the array")


def rows_from_file(model: Model, data: Any) -> KnownRows:
    """The rows of a file, a folder or a named set; with their targets where it holds them.

    Raises:
        InputError: the rows cannot be read, or are not like those the model was trained on.
    """
    rows, targets, notes = open_rows(model, data)
    source = rows if isinstance(rows, Source) else Arrays(rows, targets, str(data), (rows.shape[1],))
    test = source.part("test")
    part = "test rows" if test is not None else "rows"
    return known_rows(model, test or source, None, part, notes)


def rows_of(model: Model, path: Path | None = None) -> KnownRows | None:
    """The rows that the run of a model was measured on; None where they cannot be read any more, or are a text.

    Parameters:
        model: with the report of its training.
        path: of its file, from where the path of the run may start.
    """
    if isinstance(model.encoder, ContextEncoder):
        return None
    run, data = model.report.run, model.report.data
    folders = [] if run is None else [Path(run), *([] if path is None else [path.parent / run])]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    try:
        if folder is not None:
            run_rows = rows_of_run(folder, model)
            rows = known_rows(
                model, run_rows.source, run_rows.numbers, f"{run_rows.part} rows", run_rows.notes, run_rows.recordings
            )
            split = run_rows.part == model.report.evaluated_on
            return replace(rows, of_training=split, trained_on=partial(training_rows, folder, model) if split else None)
        return None if data is None else rows_from_file(model, data)
    except InputError:
        return None


def training_rows(run: Path, model: Model) -> KnownRows:
    """The rows that a run trained on; of many, some that lie evenly among them.

    Raises:
        InputError: they cannot be read any more, or have changed.
    """
    run_rows = rows_of_run(run, model, training=True)
    total = len(run_rows.numbers)
    some = evenly(total, max(1, min(MAX_TRAINING_ROWS, MAX_TRAINING_NUMBERS // model.network.inputs)))
    rows = known_rows(model, run_rows.source.take(some), run_rows.numbers[some], "training rows", run_rows.notes)
    return rows if len(some) == total else replace(rows, name=f"{len(rows):,} of {total:,} training rows")


def known_rows(
    model: Model,
    source: Source,
    numbers: NDArray[np.int64] | None,
    part: str,
    notes: tuple[str, ...],
    recordings: tuple[Any, ...] | None = None,
) -> KnownRows:
    """The rows that have a target, where any has, with files decoded."""
    files: Any = recordings if recordings is not None else recordings_in(source, model)
    source, _, read, _ = row_tools.readable_rows(model.encoder, source)
    if read is not None:
        numbers = read if numbers is None else numbers[read]
        files = None if files is None else [files[at] for at in read.tolist()]
    values: Any = None
    try:
        values, source, index = row_tools.rows_with_target(
            source, model.target.column_names, model.task.classes, model.target.number_formats
        )
    except InputError:
        index = np.arange(source.rows)
    numbers = index if numbers is None or len(numbers) < len(index) else numbers[index]
    inputs = model.inputs(source if model.encoder is not None else source.inputs)
    targets = None if values is None else row_tools.targets(model.target, target_array(values), numbers, np.float64)
    name = f"{len(inputs):,} {part if len(inputs) != 1 else part.removesuffix('s')} of {_name_of(source.origin)}"
    files = None if files is None else tuple(files[at] for at in index.tolist())
    return KnownRows(source, numbers, inputs, targets, name, notes, recordings=files)


def _name_of(origin: str) -> str:
    """Where rows came from in few words: of a path the last part, which pages and reports may be shown to others."""
    return Path(origin).name or origin if os.sep in origin else origin
