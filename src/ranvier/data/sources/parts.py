"""The parts into which a source has divided its rows itself, such as the folders train/ and test/."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table


def training_rows(source: Source) -> NDArray[np.int64] | None:
    """The numbers of the rows that a source calls training rows itself; None where it calls none so.

    >>> import polars as pl
    >>> training_rows(Table(pl.DataFrame({"x": [1, 2]}), "a folder", parts=np.array(["test", "train"]))).tolist()
    [1]
    """
    parts = source.parts if isinstance(source, Table) else None
    return None if parts is None or "train" not in parts else np.flatnonzero(parts == "train")


def given_parts(source: Source, validation: Any = None, test: Any = None) -> tuple[Source, Any, Any]:
    """The training rows of a source, and the sources of validation and test rows.

    Parameters:
        source: the rows; without a part for training all of them are training rows.
        validation, test: what the caller gave for them, which comes before the parts of the source; None for nothing.

    >>> import polars as pl
    >>> table = Table(pl.DataFrame({"x": [1, 2, 3]}), "a folder", parts=np.array(["train", "test", "train"]))
    >>> train, validation, test = given_parts(table)
    >>> train.frame["x"].to_list(), validation, test.frame["x"].to_list()
    ([1, 3], None, [2])
    """
    train = source.part("train")
    if not isinstance(train, Table):
        return source, validation, test
    parts_of_rows = {name: source.part(name) for name in ("validation", "test")}
    counts = [f"{part.rows:,} in {name}/" for name, part in parts_of_rows.items() if part is not None]
    note = (f"The rows are divided by their folders: {train.rows:,} in train/, {', '.join(counts)}.",) if counts else ()
    train = replace(train, notes=(*train.notes, *note))
    return (
        train,
        parts_of_rows["validation"] if validation is None else validation,
        parts_of_rows["test"] if test is None else test,
    )
