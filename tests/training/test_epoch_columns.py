"""Histories share their columns, take constant time to go on, and are stored in a few bytes an epoch."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.training.epoch_columns import EpochColumns
from ranvier.training.history import Epoch, History

NUMBER = st.floats(width=64)
METRICS = st.dictionaries(st.sampled_from(["accuracy", "r2", "own", "validation_r2"]), NUMBER)
EPOCHS = st.builds(
    Epoch,
    epoch=st.integers(0, 10**9),
    loss=NUMBER,
    validation_loss=st.none() | NUMBER,
    metrics=METRICS,
    learning_rate=NUMBER,
    seconds=st.floats(0, 1e6),
    examples_per_second=NUMBER,
    best=st.booleans(),
)


def plain(history: Any) -> list[str]:
    """The epochs as text, in which NaN equals NaN and the order of metrics does not count."""
    return [json.dumps(epoch.to_json(), sort_keys=True) for epoch in history]


@given(st.lists(EPOCHS, max_size=6))
def test_what_goes_in_comes_out(epochs: list[Epoch]) -> None:
    history = History(epochs)
    assert plain(history) == plain(epochs)
    for other in (
        History.from_stored(json.loads(json.dumps(history.stored()))),
        pickle.loads(pickle.dumps(history)),
        copy.deepcopy(history),
        copy.copy(history),
        History.from_stored([epoch.to_json() for epoch in epochs]),
        History(history),
    ):
        assert plain(other) == plain(epochs)
        assert len(other) == len(epochs)
    assert history.best_epoch == next((epoch.epoch for epoch in reversed(epochs) if epoch.best), 0)
    assert history.total_seconds == pytest.approx(sum(epoch.seconds for epoch in epochs))
    for name, values in history.metrics.items():
        expected = [epoch.metrics.get(name, np.nan) for epoch in epochs]
        np.testing.assert_array_equal(values, expected)


def test_two_histories_go_on_from_one() -> None:
    first = History([Epoch(1, 0.5)])
    left, right = first.appended(Epoch(2, 0.25, metrics={"r2": 0.5})), first.appended(Epoch(2, 0.75))
    left = left.appended(Epoch(3, 0.1))
    right.mark_best()
    assert (len(first), len(left), len(right)) == (1, 3, 2)
    assert left.loss.tolist() == [0.5, 0.25, 0.1]
    assert right.loss.tolist() == [0.5, 0.75]
    assert (left.best_epoch, right.best_epoch) == (0, 2)
    assert list(right.metrics) == list(first.metrics) == []
    assert (left[-1], left[1:], left[::-1][0]) == (Epoch(3, 0.1), History(left)[1:], Epoch(3, 0.1))
    assert first != left
    assert first == [Epoch(1, 0.5)]


def test_going_on_copies_nothing() -> None:
    history = History()
    columns = history._columns
    for number in range(1, 200):
        history = history.appended(Epoch(number, 1 / number))
    assert history._columns is columns


@pytest.mark.parametrize("index", [2, -3])
def test_there_is_no_such_epoch(index: int) -> None:
    with pytest.raises(IndexError, match="2 epochs"):
        History([Epoch(1, 0.5), Epoch(2, 0.5)])[index]


def test_long_histories_are_stored_in_a_few_bytes_and_thinned_out() -> None:
    generator = np.random.default_rng(0)
    history = History()
    for number, loss in enumerate(generator.normal(size=3000), start=1):
        history = history.appended(Epoch(number, float(loss), float(loss), {"r2": float(loss)}, 0.1, 0.5, 3.0))
    assert len(json.dumps(history.stored())) < 3000 * 40
    thinned = History.from_stored(history.stored(1000))
    assert len(thinned) == 1000
    assert thinned.epoch[0] == 1
    assert thinned.epoch[500:].tolist() == list(range(2501, 3001))
    assert (np.diff(thinned.epoch) > 0).all()
    np.testing.assert_array_equal(thinned.r2, history.r2[thinned.epoch - 1])


STORED = History([Epoch(1, 0.5, 0.25, {"r2": 0.5}), Epoch(2, 0.25)]).stored()
LONGER = History([Epoch(number, 0.5, 0.5) for number in range(1, 5)]).stored()


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 3},
        {"count": 1},
        {"epoch": "AAAA"},
        {"epoch": "é"},
        {"numbers": {}},
        {"numbers": {**STORED["numbers"], "loss": LONGER["numbers"]["loss"]}},
        {"optional": LONGER["optional"]},
        {"optional": 3},
        {"best": None},
    ],
)
def test_damage_is_noticed(changes: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        EpochColumns.restored({**STORED, **changes})


def test_the_handler_of_a_signal_appends_while_another_does() -> None:
    """It is given False, and copies, instead of waiting for the one that it has interrupted."""
    columns, nested = EpochColumns(), []

    class Interrupted(dict[str, Any]):
        def get(self, name: str, default: Any = None) -> Any:
            nested.append(columns.append(0, {"epoch": 9, "loss": 9.0}, {}))
            return super().get(name, default)

    assert columns.append(0, Interrupted(epoch=1, loss=0.5), {})
    assert nested
    assert not any(nested)
    assert columns.values("loss", 1).tolist() == [0.5]
    assert columns.append(1, {"epoch": 2, "loss": 0.25}, {})
