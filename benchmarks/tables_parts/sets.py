"""The tables: what is read, what is predicted, and which rows train and test. The same rows for every method.

A set with official files keeps its test file; its seed picks the training rows. Any other set is split 80 to 20 by the
seed, classes in their shares. At most MAX_TRAIN rows train and MAX_TEST rows test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Frame = Any
MAX_TRAIN, MAX_TEST = 10_000, 20_000
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Table:
    """A set as it is read.

    Fields: `name`; `target`, its column; `kind`, "binary", "multiclass" or "regression"; `drop`, columns that identify
    rows or give the answer away; `missing`, cells that hold nothing; `folder` under tabular/, or `builtin`, the name of
    a set that comes with scikit-learn; `official`, it has a training and a test file; `first`, only so many rows are
    read; `cut`, the rows before it train and the others test.
    """

    name: str
    target: str
    kind: str
    drop: tuple[str, ...] = ()
    missing: tuple[str, ...] = ("", "NA")
    builtin: str | None = None
    official: bool = False
    first: int | None = None
    cut: int | None = None


TABLES = {
    table.name: table
    for table in (
        Table("adult", "income", "binary", missing=("", "NA", "?"), official=True),
        Table("bank_marketing", "y", "binary", drop=("duration",)),
        Table("telco_churn", "churn", "binary"),
        Table("higgs_sample", "label", "binary", official=True),
        Table("titanic", "Survived", "binary", drop=("PassengerId", "Name", "Ticket")),
        Table("breast_cancer", "target", "binary", builtin="breast_cancer"),
        Table("covertype_sample", "Cover_Type", "multiclass", first=10_000),
        Table("letter", "Letter", "multiclass", cut=16_000),
        Table("digits", "target", "multiclass", builtin="digits"),
        Table("wine_quality", "quality", "regression"),
        Table("california_housing", "median_house_value", "regression"),
        Table("diamonds", "price", "regression"),
        Table("ames_housing", "price", "regression", drop=("Order", "PID")),
        Table("diabetes", "target", "regression", builtin="diabetes"),
    )
}


@dataclass(frozen=True, slots=True)
class SplitTable:
    """One set at one seed.

    Fields: `table`; `train` and `test`, frames with the target; `seed`, which the methods take as their own too;
    `threads` that a method may use.
    """

    table: Table
    train: Frame
    test: Frame
    seed: int
    threads: int

    @property
    def classification(self) -> bool:
        """Classes are predicted, not numbers."""
        return self.table.kind != "regression"

    @property
    def columns(self) -> list[str]:
        """The columns that are known when predicting."""
        return [name for name in self.train.columns if name != self.table.target]

    @property
    def categorical(self) -> list[str]:
        """Those of them that hold words."""
        from pandas.api.types import is_numeric_dtype

        return [name for name in self.columns if not is_numeric_dtype(self.train[name])]

    @property
    def classes(self) -> list[Any]:
        """The labels in the training rows, in order."""
        return sorted(self.train[self.table.target].unique().tolist())

    def digest(self) -> str:
        """A word that is the same for the same rows in the same order."""
        hasher = hashlib.sha256()
        for frame in (self.train, self.test):
            hasher.update(frame.to_csv(index=False).encode())
        return hasher.hexdigest()[:16]


def problem(table: Table, data: Path, seed: int, threads: int = 1) -> SplitTable:
    """Read a set and split it."""
    if table.official:
        read = {part: _read(table, data, part) for part in ("train", "test")}
        train, test = read["train"], read["test"]
    else:
        train, test = split(table, _read(table, data, "data"), seed)
    train, test = at_most(train, MAX_TRAIN, seed), at_most(test, MAX_TEST, seed)
    return SplitTable(table, train.reset_index(drop=True), test.reset_index(drop=True), seed, threads)


def split(table: Table, frame: Frame, seed: int) -> tuple[Frame, Frame]:
    """Training and test rows of a frame."""
    from sklearn.model_selection import train_test_split

    if table.cut is not None:
        return frame.iloc[: table.cut], frame.iloc[table.cut :]
    classes = None if table.kind == "regression" else frame[table.target]
    train, test = train_test_split(frame, test_size=TEST_SHARE, random_state=seed, stratify=classes)
    return train, test


def at_most(frame: Frame, rows: int, seed: int) -> Frame:
    """So many rows at most, in random order where some are left out."""
    return frame if len(frame) <= rows else frame.sample(rows, random_state=seed)


def _read(table: Table, data: Path, part: str) -> Frame:
    import pandas

    if table.builtin is not None:
        return _builtin(table.builtin)
    folder = data / "tabular" / table.name
    path = folder / f"{part}.csv"
    path = path if path.exists() else folder / f"{part}.csv.gz"
    frame = pandas.read_csv(path, keep_default_na=False, na_values=list(table.missing), nrows=table.first)
    return frame.drop(columns=list(table.drop)).dropna(subset=[table.target])


def _builtin(name: str) -> Frame:
    from sklearn import datasets

    loaders: dict[str, Callable[..., Any]] = {
        "breast_cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
        "diabetes": datasets.load_diabetes,
    }
    return loaders[name](as_frame=True).frame
