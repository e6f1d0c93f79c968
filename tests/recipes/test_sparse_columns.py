"""Whether networks see texts beside other columns is judged on rows left out; what is merged is what was judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import Member
from ranvier.recipes.sparse_columns import choose_views, for_block_as_it_is, with_zeros
from ranvier.rows import Rows

TASK = Task("multiclass", 2, ("a", "b"))
TARGETS = np.eye(2)[np.arange(40) % 2]
QUIET: dict[str, Any] = {"effort": "fast", "progress": False, "test": 0.2, "seed": 0}


def member(sure: float, right: float = 1.0) -> Member:
    """A network that gives the right class the probability `sure` in this fraction of the rows, else the other."""
    good = np.arange(40)[:, None] < 40 * right
    return Member(Rows(np.zeros((40, 1)), TARGETS), np.where(good == (TARGETS == 1), sure, 1 - sure))


@pytest.mark.parametrize(
    ("on_terms", "on_scores", "expected"),
    [
        (member(0.9), member(0.6, 0.5), ("terms",)),
        (member(0.99, 0.5), member(0.8), ("scores",)),
        (member(0.8, 0.8), member(0.8, 0.8), ("terms", "scores")),
    ],
)
def test_one_view_is_taken_alone_where_it_is_clearly_better(
    on_terms: Member, on_scores: Member, expected: tuple[str, ...]
) -> None:
    best, members, note = choose_views(TASK, {"terms": [on_terms], "scores": [on_scores]})
    assert best == expected
    assert len(members) == 1
    assert "on 40 rows left out" in note


def test_a_view_that_is_too_sure_is_not_worse_for_it() -> None:
    """The same ranks with other temperatures are equally good."""
    targets = np.eye(2)[np.arange(400) % 2]
    held = Rows(np.zeros((400, 1)), targets)
    good = (np.arange(400) < 320)[:, None] == (targets == 1)
    modest, sure = (Member(held, np.where(good, fraction, 1 - fraction)) for fraction in (0.8, 0.97))
    best, _, note = choose_views(TASK, {"terms": [modest], "scores": [sure]})
    assert best == ("terms", "scores")
    assert note.count("0.5004") == 3


def test_parameters_for_the_dense_block_and_for_a_scaled_one_give_the_same_outputs() -> None:
    layers = [rv.LearnedScale(2), rv.Dense(4, "tanh"), rv.Dense(1)]
    small, large = rv.Network(2, layers), rv.Network(5, layers)
    flat = small.parameter_table.initial(0)
    moved = large.parameter_table.views(with_zeros(flat, small, large))
    np.testing.assert_array_equal(moved["layers.1.weight"][:2], small.parameter_table.views(flat)["layers.1.weight"])
    assert not moved["layers.1.weight"][2:].any()
    other = large.parameter_table.initial(1)
    slower = for_block_as_it_is(other, large, 2, np.array([0.3, 0.3, 0.0], np.float32))
    before, after = (large.parameter_table.views(parameters)["layers.1.weight"] for parameters in (other, slower))
    np.testing.assert_array_equal(before[:2], after[:2])
    np.testing.assert_allclose(after[2:4], 0.3 * before[2:4], rtol=1e-6)
    assert not after[4].any()


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
    assert '"note" is left out, since its texts say nothing on rows left out.' in with_texts.report.notes
    assert with_texts.report.metrics["log_loss"] < without.report.metrics["log_loss"] + 0.05
    assert len(with_texts.report.members) == len(without.report.members)
