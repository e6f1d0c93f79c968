"""What a run that still trains is trained on, read again from its data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ranvier.data import Prepared, open_source
from ranvier.data.decoded_columns import decoded_rows
from ranvier.errors import InputError
from ranvier.model.reading import reading_of
from ranvier.model.run_rows import RunRows
from ranvier.model.train import TrainData, TrainJob
from ranvier.recipes.registry import recipe_for
from ranvier.recipes.stored import options_from_dict
from ranvier.storage.run_folder import RunFolder
from ranvier.training.events import silent


def data_of_running(run: str | Path) -> tuple[Prepared, RunRows]:
    """The rows of a run as it divides and encodes them, and those of them to look at while it trains.

    These are the validation rows, or training rows where it has none: the test rows stay unseen until training ends.

    Raises:
        InputError: its data are in memory, or cannot be read.
    """
    described = RunFolder.open(run).read_description()
    options, data = options_from_dict(described["options"]), described["data"]
    if data is None:
        raise InputError(f'The run "{run}" trains on data from memory.')
    if described.get("in_memory"):
        raise InputError(f'The run "{run}" was given {" and ".join(described["in_memory"])} from memory.')
    reading = reading_of(options)
    source = open_source(data, reading=reading)
    recipe, notes = recipe_for(options.recipe, options.effort, source, options)
    options, source = recipe.complete(options), recipe.source(source)
    job = TrainJob(TrainData(data, options.target, None, None, None), options, None, (), silent)
    prepared = job.prepare(source, reading, recipe, notes)
    source, _, _, row_numbers = decoded_rows(source, None, None, options.kinds, options.image_size)
    every = np.arange(source.rows) if row_numbers is None else row_numbers
    in_source = isinstance(options.validation, str)
    numbers, part = (None if in_source else prepared.validation_rows), "validation"
    if numbers is None or not len(numbers):
        numbers, part = prepared.train_rows, "training"
    return prepared, RunRows(source.take(np.searchsorted(every, numbers)), numbers, part)
