"""History: epochs as records, as arrays, as a data frame and as a picture."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np
import pytest

from ranvier.errors import InputError
from ranvier.training.epoch_columns import EpochColumns
from ranvier.training.history import Epoch, History, deferred_history


def history() -> History:
    first = Epoch(1, 0.5, 0.6, {"accuracy": 0.8}, 0.01, 0.2, 900.0, True)
    return History([first, Epoch(2, 0.25, 0.7, {"accuracy": 0.9, "f1": 0.5}, 0.005, 0.1, 1800.0, False)])


def test_numbers_are_arrays_and_an_epoch_without_a_value_has_nan() -> None:
    values = history()
    assert values.epoch.tolist() == [1, 2]
    assert values.validation_loss.tolist() == [0.6, 0.7]
    np.testing.assert_array_equal(values.f1, [np.nan, 0.5])
    assert values[1:].accuracy.tolist() == [0.9]
    assert values[-1] == Epoch(2, 0.25, 0.7, {"accuracy": 0.9, "f1": 0.5}, 0.005, 0.1, 1800.0, False)
    assert np.isnan(History([Epoch(1, 0.5)]).validation_loss).all()
    with pytest.raises(AttributeError, match="no 'r2'; it has epoch, loss"):
        values.r2  # noqa: B018


@pytest.mark.parametrize("column_names", [False, True])
def test_several_epochs_are_appended_as_one_after_the_other(column_names: bool) -> None:
    first = History([Epoch(1, 3.0, seconds=0.5, best=True), Epoch(2, 2.0, seconds=0.25)])
    if column_names:
        first.appended(Epoch(3, 9.0))
    records = [Epoch(3, 1.0, None, {}, 0.1, 0.75, 8.0), Epoch(4, 0.5, None, {}, 0.2, 0.125, 9.0)]
    names = ("loss", "learning_rate", "seconds", "examples_per_second")
    longer = first.extended(range(3, 5), {name: [getattr(record, name) for record in records] for name in names})
    assert longer == first.appended(records[0]).appended(records[1])
    assert (longer.total_seconds, longer.best_epoch) == (1.625, 1)
    assert len(first) == 2


@pytest.mark.parametrize("best", [(False, False, False), (True, False, True), (False, True, False)])
def test_so_are_epochs_with_measured_values_and_marks(best: tuple[bool, ...]) -> None:
    first = History([Epoch(1, 3.0, 0.7, {"r2": 0.5}, best=True)])
    records = [Epoch(2 + n, 1.0, 0.5 + n, {"auc": 0.5 * n}, 0.1, 0.75, 8.0, mark) for n, mark in enumerate(best)]
    one_by_one = first
    for record in records:
        one_by_one = one_by_one.appended(record)
    names = ("loss", "validation_loss", "learning_rate", "seconds", "examples_per_second", "best")
    columns = {name: np.array([getattr(record, name) for record in records]) for name in names}
    longer = first.extended(range(2, 5), {**columns, "auc": np.array([record.metrics["auc"] for record in records])})
    assert longer == one_by_one
    assert longer.best_epoch == one_by_one.best_epoch
    assert longer.stored() == one_by_one.stored()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_data_frame_has_one_row_an_epoch(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "polars":
        monkeypatch.setitem(sys.modules, "pandas", None)
    else:
        pytest.importorskip("pandas")
    frame = history().to_frame()
    assert type(frame).__module__.partition(".")[0] == library
    names = "epoch loss validation_loss accuracy f1 learning_rate seconds examples_per_second best"
    assert list(frame.columns) == names.split()
    assert frame["loss"].to_list() == [0.5, 0.25]
    assert frame["best"].to_list() == [True, False]


class Axes:
    """Records what is drawn on it."""

    def __init__(self) -> None:
        self.lines: dict[str, list[float]] = {}
        self.titles: dict[str, str] = {}
        self.marked: list[float] = []

    def plot(self, x: Any, y: Any, label: str) -> None:
        self.lines[label] = list(y)

    def axvline(self, x: float, **options: Any) -> None:
        self.marked.append(x)

    def set(self, **titles: str) -> None:
        self.titles = titles

    def legend(self, **options: Any) -> None:
        pass


def test_the_plot_shows_both_losses_and_the_best_epoch() -> None:
    axes = Axes()
    assert history().plot(axes) is axes
    assert axes.lines == {"training": [0.5, 0.25], "validation": [0.6, 0.7]}
    assert axes.marked == [1]
    assert axes.titles == {"xlabel": "epoch", "ylabel": "loss"}
    without_validation = Axes()
    History([Epoch(1, 0.5)]).plot(without_validation)
    assert list(without_validation.lines) == ["training"]


def test_a_plot_without_matplotlib_or_without_epochs_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="pip install matplotlib"):
        history().plot()
    with pytest.raises(InputError, match="no epochs"):
        History().plot()


def test_a_deferred_history_is_made_once_somebody_asks_and_is_like_any_other() -> None:
    plain = History([Epoch(1, 0.5, 0.7, {"accuracy": 0.8}), Epoch(2, 0.25, 0.6, {"accuracy": 0.9}, best=True)])
    made: list[int] = []

    def make() -> EpochColumns:
        made.append(1)
        return plain._columns.first(2)

    deferred = deferred_history(2, make)
    assert len(deferred) == 2
    assert not made
    assert deferred == plain
    assert deferred.appended(Epoch(3, 0.1)) == plain.appended(Epoch(3, 0.1))
    assert deferred.best_epoch == 2
    assert pickle.loads(pickle.dumps(deferred)) == plain
    assert deferred.stored() == plain.stored()
    assert made == [1]
