"""Whether networks see texts beside other columns is judged on rows left out; what is merged is what was judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import Member
from ranvier.recipes.sparse_columns import choose_columns, for_block_as_it_is, with_zeros
from ranvier.rows import Rows

TASK = Task("multiclass", 2, ("a", "b"))
TARGETS = np.eye(2)[np.arange(40) % 2]
QUIET: dict[str, Any] = {"effort": "fast", "progress": False, "test": 0.2, "seed": 0}


def member(sure: float, right: float = 1.0) -> Member:
    """A network that gives the right class the probability `sure` in so large a share of the rows, else the other."""
    good = np.arange(40)[:, None] < 40 * right
    return Member(Rows(np.zeros((40, 1)), TARGETS), np.where(good == (TARGETS == 1), sure, 1 - sure))


@pytest.mark.parametrize(
    ("on_all", "on_dense", "chosen"),
    [
        (member(0.9), member(0.6, 0.5), "all"),
        (member(0.99, 0.5), member(0.8), "dense"),
        (member(0.8, 0.8), member(0.8, 0.8), "both"),
    ],
)
def test_one_kind_is_taken_alone_where_it_is_clearly_better(on_all: Member, on_dense: Member, chosen: str) -> None:
    best, members, note = choose_columns(TASK, [on_all], [on_dense])
    assert best == chosen
    assert len(members) == 1
    assert "on 40 rows left out" in note


def test_parameters_for_the_dense_block_and_for_a_scaled_one_give_the_same_outputs() -> None:
    layers = [rv.LearnedScale(2), rv.Dense(4, "tanh"), rv.Dense(1)]
    small, large = rv.Network(2, layers), rv.Network(5, layers)
    flat = small.parameter_table.initial(0)
    moved = large.parameter_table.views(with_zeros(flat, small, large))
    np.testing.assert_array_equal(moved["layers.1.weight"][:2], small.parameter_table.views(flat)["layers.1.weight"])
    assert not moved["layers.1.weight"][2:].any()
    other = large.parameter_table.initial(1)
    slower = for_block_as_it_is(other.copy(), large, 2)
    before, after = (large.parameter_table.views(one)["layers.1.weight"] for one in (other, slower))
    np.testing.assert_array_equal(before[:2], after[:2])
    np.testing.assert_allclose(after[2:], 0.3 * before[2:], rtol=1e-6)


def test_texts_that_say_nothing_do_not_harm() -> None:
    generator = np.random.default_rng(0)
    words = [f"word{number}" for number in range(3000)]
    number = generator.normal(size=500)
    table = {
        "note": [" ".join(generator.choice(words, 25)) for _ in range(500)],
        "number": number,
        "class": np.where(number + generator.normal(0, 0.7, 500) > 0, "high", "low"),
    }
    with_texts, without = (rv.train(table, "class", ignore=ignore, **QUIET) for ignore in ((), ("note",)))
    note = next(note for note in with_texts.report.notes if "without" in note and "left out" in note)
    assert not note.startswith("All networks")
    assert with_texts.report.metrics["log_loss"] < without.report.metrics["log_loss"] + 0.05
