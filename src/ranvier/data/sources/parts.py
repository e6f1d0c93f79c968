"""The parts into which a source has divided its rows itself, such as the folders train/ and test/."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.source import Source

ORDER = ("train", "validation", "test")


def training_rows(source: Source) -> NDArray[np.int64] | None:
    """The numbers of the rows that a source calls training rows itself; None where it calls none so.

    >>> import polars as pl
    >>> from ranvier.data import Table
    >>> training_rows(Table(pl.DataFrame({"x": [1, 2]}), "a folder", parts=np.array(["test", "train"]))).tolist()
    [1]
    """
    parts = source.parts
    return None if parts is None or "train" not in parts else np.flatnonzero(parts == "train")


def part_notes(source: Source) -> tuple[str, ...]:
    """How a source has divided its rows, in a sentence; nothing where it has not.

    >>> import polars as pl
    >>> from ranvier.data import Table
    >>> part_notes(Table(pl.DataFrame({"x": [1, 2, 3]}), "a folder", parts=np.array(["train", "test", "train"])))
    ('The rows are divided as they are stored: 2 in train, 1 in test.',)
    """
    rows = Counter([] if source.parts is None else source.parts.tolist())
    counts = [f"{rows[name]:,} in {name}" for name in ORDER if name in rows]
    return (f"The rows are divided as they are stored: {', '.join(counts)}.",) if len(counts) > 1 else ()


def given_parts(source: Source, validation: Any = None, test: Any = None) -> tuple[Source, Any, Any]:
    """The training rows of a source, and the sources of validation and test rows.

    Parameters:
        source: the rows; without a part for training all of them are training rows.
        validation, test: what the caller gave for them, which comes before the parts of the source; None for nothing.

    >>> import polars as pl
    >>> from ranvier.data import Table
    >>> table = Table(pl.DataFrame({"x": [1, 2, 3]}), "a folder", parts=np.array(["train", "test", "train"]))
    >>> train, validation, test = given_parts(table)
    >>> train.frame["x"].to_list(), validation, test.frame["x"].to_list()
    ([1, 3], None, [2])
    """
    train = source.part("train")
    if train is None:
        return source, validation, test
    parts_of_rows = {name: source.part(name) for name in ("validation", "test")}
    return (
        train.with_notes(part_notes(source)),
        parts_of_rows["validation"] if validation is None else validation,
        parts_of_rows["test"] if test is None else test,
    )
