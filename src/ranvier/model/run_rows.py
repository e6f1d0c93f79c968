"""The rows that a run was measured on, read again from its data and divided again as it divided them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Source, open_source
from ranvier.data.decoded_columns import decoded_rows, is_object
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.errors import InputError
from ranvier.model.reading import reading_of
from ranvier.model.train import TrainData, TrainJob
from ranvier.model.training_file import file_sha256
from ranvier.recipes.registry import recipe_for
from ranvier.recipes.stored import options_from_dict
from ranvier.records import record
from ranvier.storage.run_folder import RunFolder
from ranvier.training.events import silent

if TYPE_CHECKING:
    from ranvier.model.model import Model


@record(eq=False)
class RunRows:
    """Some of the rows of a run's data.

    Fields:
        source: these rows.
        numbers: of them in the data, counted from 0.
        part: "test", "validation", "training", or "known", where they may be any.
        notes: why they are not test rows, one sentence each.
        recordings: the files of these rows, where they are recordings; else None.
    """

    source: Source
    numbers: NDArray[np.int64]
    part: str
    notes: tuple[str, ...] = ()
    recordings: tuple[Any, ...] | None = None


def rows_of_run(run: str | Path, model: Model, training: bool = False) -> RunRows:
    """The test rows of a run; its validation rows where it had no test rows; all rows where its data have changed.

    Parameters:
        run: its folder.
        model: that it trained.
        training: whether to give the rows that the model was trained on instead.

    Raises:
        InputError: its data were in memory, or cannot be read any more, or have changed and training rows are wanted.
    """
    described = RunFolder.open(run).read_description()
    options = options_from_dict(described["options" if "options" in described else "choices"])
    data = described["data"]
    if data is None:
        raise InputError(f'The run "{run}" was trained on data from memory; give the rows again.')
    reading = reading_of(options)
    recipe, notes = recipe_for(options.recipe, options.effort, source := open_source(data, reading=reading), options)
    options, source = recipe.complete(options), recipe.source(source)
    if isinstance(options.test, str) and not training:
        source = open_source(options.test, reading=replace(reading, usual_encoding=source.encoding))
        return RunRows(source, np.arange(source.rows), "test")
    test_part = source.part("test")
    if test_part is not None and not training:
        return RunRows(test_part, np.arange(test_part.rows), "test")
    files = recordings_in(source, model)
    source, _, _, row_numbers = decoded_rows(source, None, None, options.kinds, options.image_size)
    every = np.arange(source.rows) if row_numbers is None else row_numbers
    cause = ""
    if model.report.data_sha256 not in (None, file_sha256(data)):
        cause = "The file has changed since training"
    elif described.get("in_memory"):
        cause = f"Training was given {' and '.join(described['in_memory'])} from memory"
    if cause and training:
        raise InputError(f"{cause}, so the rows that were trained on are not known.")
    if cause:
        return RunRows(source, every, "known", (f"{cause}; these are all its rows.",), _some(files, every))
    job = TrainJob(TrainData(data, options.target, None, None, None), options, None, (), silent, "options" in described)
    prepared = job.prepare(source, reading, recipe, notes)
    if training:
        learned = prepared.train_rows
        return RunRows(source.take(np.searchsorted(every, learned)), learned, "training", (), _some(files, learned))
    parts = {"test": prepared.test_rows, "validation": prepared.validation_rows}
    for part, numbers in parts.items():
        if numbers is not None and len(numbers) == model.report.split.get(part):
            return RunRows(source.take(np.searchsorted(every, numbers)), numbers, part, (), _some(files, numbers))
    note = ("These rows include those that the model was trained on.",)
    return RunRows(source, every, "known", note, _some(files, every))


def recordings_in(source: Source, model: Model) -> list[Any] | None:
    """The files that a model's recordings are read from, one for each row; None where the source holds none."""
    sound = row_encoder(model.encoder).sound
    if sound is None or sound.column not in source.column_names or not is_object(source.frame[sound.column]):
        return None
    return list(source.frame[sound.column].to_list())


def _some(files: list[Any] | None, numbers: NDArray[np.int64]) -> tuple[Any, ...] | None:
    return None if files is None else tuple(files[at] for at in numbers.tolist())
