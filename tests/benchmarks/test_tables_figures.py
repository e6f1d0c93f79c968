"""Scores, ranks, comparisons and the summary of the tables benchmark, on results made up here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables_parts import records, scores
from tables_parts.ranking import geometric_mean, mean_and_error, mean_ranks, ranks, verdict
from tables_parts.report import duration, markdown, score
from tables_parts.sets import TABLES
from tables_parts.summary import PEERS, RowsDifferError, summarize

LOSSES = st.dictionaries(st.text(max_size=3), st.sampled_from([0.0, 0.5, 1.0, math.inf]), min_size=1, max_size=8)
EPSILON = float(np.finfo(np.float64).eps)


def row(method: str, seed: int = 0, name: str = "adult", **actual: Any) -> dict[str, Any]:
    """A result as a worker and the runs write it."""
    given = {"kind": "score", "set": name, "seed": seed, "method": method, "threads": 1}
    done = {"rows": {"digest": f"{name} {seed}"}, "fit_seconds": [2.0], "predict_seconds": [1.0]}
    return given | (actual if "failed" in actual else done | {"scores": actual.pop("scores")} | actual)


def classes(method: str, accuracy: float, log_loss: float, seed: int = 0, **more: Any) -> dict[str, Any]:
    return row(method, seed, scores={"accuracy": accuracy, "log_loss": log_loss}, **more)


@given(LOSSES)
def test_ranks_sum_to_those_of_all_methods(values: dict[str, float]) -> None:
    actual, count = ranks(values), len(values)
    assert sum(actual.values()) == count * (count + 1) / 2
    for value in values:
        for other in values:
            assert (actual[value] < actual[other]) == (values[value] < values[other])


def test_ranks() -> None:
    assert ranks({"a": 3.0, "b": 1.0, "c": 2.0}) == {"a": 3.0, "b": 1.0, "c": 2.0}
    assert ranks({"a": 1.0, "b": 1.0, "failed": math.inf}) == {"a": 1.5, "b": 1.5, "failed": 3.0}
    assert mean_ranks([{"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 1.0}]) == {"a": 1.5, "b": 1.5}
    assert mean_ranks([]) == {}


def test_mean_and_standard_error() -> None:
    mean, error = mean_and_error([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert error == pytest.approx(np.std([1, 2, 3, 4], ddof=1) / 2, rel=4 * EPSILON)
    assert mean_and_error([7.0]) == (7.0, None)


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        ([1.0, 1.0], [1.1, 1.2], "ahead"),
        ([1.0, 1.0], [1.0, 1.0], "level"),
        ([1.0, 1.2], [1.1, 1.0], "level"),
        ([1.2, 1.2], [1.0, 1.1], "behind"),
        ([1.0], [1.0], "level"),
        ([1.1], [1.0], "behind"),
    ],
)
def test_verdict(ours: list[float], theirs: list[float], words: str) -> None:
    assert verdict(ours, theirs)[0] == words


def test_verdict_wants_the_same_seeds() -> None:
    with pytest.raises(ValueError, match="shorter"):
        verdict([1.0, 2.0], [1.0])


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=10))
def test_the_geometric_mean_of_reciprocals_is_the_reciprocal(values: list[float]) -> None:
    product = geometric_mean(values) * geometric_mean([1 / value for value in values])
    assert product == pytest.approx(1.0, rel=100 * EPSILON)


def test_scores_of_classes() -> None:
    actual = scores.of_classes(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), ["no", "yes", "yes"], ["no", "yes"])
    assert actual["accuracy"] == pytest.approx(2 / 3)
    assert actual["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4]).mean())


def test_a_certain_mistake_and_an_unknown_label_cost_the_same() -> None:
    sure = scores.of_classes(np.array([[1.0, 0.0]]), ["b"], ["a", "b"])
    unknown = scores.of_classes(np.array([[0.5, 0.5]]), ["c"], ["a", "b"])
    assert sure == unknown == {"accuracy": 0.0, "log_loss": pytest.approx(-math.log(EPSILON))}


def test_scores_of_numbers() -> None:
    values = np.array([1.0, 2.0, 3.0, 6.0])
    assert scores.of_numbers(np.full(4, 3.0), values) == {"rmse": 1.0, "mae": 1.5}
    assert scores.of_numbers(values, values) == {"rmse": 0.0, "mae": 0.0}


@pytest.mark.parametrize(
    ("predictions", "count", "reason"),
    [
        (np.array([[0.5, 0.5]]), 2, "shape"),
        (np.array([[0.5, 0.5], [0.7, 0.7]]), 2, "no probabilities"),
        (np.array([[0.5, 0.5], [1.2, -0.2]]), 2, "no probabilities"),
        (np.array([[0.5, 0.5], [np.nan, 0.2]]), 2, "not finite"),
        (np.array([1.0, np.inf]), None, "not finite"),
        (np.array([[1.0], [2.0]]), None, "shape"),
    ],
)
def test_what_is_not_scored(predictions: np.ndarray[Any, Any], count: int | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        scores.check(predictions, 2, count)


def test_what_is_scored() -> None:
    scores.check(np.array([[0.5, 0.5], [1.0, 0.0]]), 2, 2)
    scores.check(np.array([1.0, -5.0]), 2, None)


def test_ranks_are_those_of_the_means_over_the_seeds_that_all_have() -> None:
    rows = [classes(method, 0.7, 0.6, seed) for method in PEERS for seed in (0, 1)]
    rows += [classes(PEERS[0], 0.1, 9.0, 2)]
    rows += [classes("ranvier-default", 0.9, 0.7, 0), classes("ranvier-default", 0.7, 0.6, 1)]
    actual = summarize(rows)["ranks"]
    count = len(PEERS)
    assert actual["accuracy or RMSE"]["peers"]["mean_ranks"] == dict.fromkeys(PEERS, (count + 1) / 2)
    assert actual["accuracy or RMSE"]["ranvier-default"]["mean_ranks"]["ranvier-default"] == 1.0
    assert actual["log loss or RMSE"]["ranvier-default"]["mean_ranks"]["ranvier-default"] == count + 1
    assert actual["log loss or RMSE"]["ranvier-default"]["sets"] == ["adult"]


def test_a_failure_is_kept_and_comes_last() -> None:
    rows = [classes(method, 0.7, 0.6) for method in PEERS[1:]] + [row(PEERS[0], failed="out of memory")]
    actual = summarize(rows)
    assert actual["ranks"]["accuracy or RMSE"]["peers"]["mean_ranks"][PEERS[0]] == len(PEERS)
    assert [record["failed"] for record in actual["failed"]] == ["out of memory"]
    assert f"{PEERS[0]} on adult, seed 0: out of memory" in markdown(actual)


def test_the_comparison_with_the_mlp_is_paired_by_seed() -> None:
    rows = [classes("sklearn-mlp", 0.7 + seed / 10, 0.5, seed) for seed in (0, 1, 2)]
    rows += [classes("ranvier-fast", 0.71 + seed / 10, 0.6, seed) for seed in (1, 2)]
    rows += [row("ranvier-fast", name="diabetes", failed="no"), row("sklearn-mlp", name="diabetes", scores={"rmse": 1})]
    actual = summarize(rows)["against_mlp"]["ranvier-fast"]
    assert actual["adult"]["accuracy"]["verdict"] == "ahead"
    assert actual["adult"]["accuracy"]["better_by"] == pytest.approx(0.01)
    assert actual["adult"]["accuracy"]["seeds"] == [1, 2]
    assert actual["adult"]["log_loss"]["verdict"] == "behind"
    assert actual["diabetes"]["rmse"]["verdict"] == "failed"


def test_scores_on_different_rows_are_refused() -> None:
    rows = [classes("histgb", 0.7, 0.6), classes("xgboost", 0.7, 0.6, rows={"digest": "others"})]
    with pytest.raises(RowsDifferError, match="histgb and xgboost saw different rows of adult, seed 0"):
        summarize(rows)


def test_an_earlier_summary_stands_for_methods_that_were_not_run() -> None:
    peers = [classes("catboost", 0.8, 0.4, seed) for seed in (0, 1)]
    before = summarize([*peers, *(classes("ranvier-default", 0.7, 0.5, seed) for seed in (0, 1))])
    now = [classes("ranvier-default", 0.9, 0.3, seed) for seed in (0, 1)]
    actual = summarize([*now, *records.earlier(before, ["ranvier-default"])])
    assert actual["sets"] == summarize([*now, *peers])["sets"]
    assert actual["ranks"] == summarize([*now, *peers])["ranks"]


def test_seconds_come_from_the_timing_pass_alone() -> None:
    scored = [classes("realmlp-td", 0.7, 0.6), classes("histgb", 0.7, 0.6)]
    assert summarize(scored)["seconds"] == {}
    timed = [record | {"kind": "time"} for record in scored]
    timed[1] = timed[1] | {"fit_seconds": [0.9, 0.2, 0.1]}
    actual = summarize(scored + timed)["seconds"]["histgb"]
    assert actual["fit"] == pytest.approx(0.2)
    assert actual["first_fit"] == pytest.approx(0.9)
    assert actual["of_slow"] == pytest.approx(0.1)


def test_the_report_names_every_set_and_the_best() -> None:
    rows = [row(method, name=name, scores=made) for method, made in (("histgb", {"rmse": 0.5, "mae": 20.0}),
            ("xgboost", {"rmse": 0.25, "mae": 30.0})) for name in ("diabetes", "diamonds")]  # fmt: skip
    text = markdown(summarize(rows))
    assert "| diabetes | 0.5000 | **0.2500** |" in text
    assert "| diamonds | **20** | 30 |" in text
    assert set(TABLES) >= {"diabetes", "diamonds"}


def test_numbers_in_the_report() -> None:
    assert score(0.85678, 0.00123) == "0.8568 ± 0.0012"
    assert score(38460.2, 123.4, None) == "3.846e+04 ± 1.2e+02"
    assert score(0.5, None) == "0.5000"
    assert [duration(value) for value in (12.5e-6, 34.5e-3, 34.5)] == ["12.5 us", "34.5 ms", "34.5 s"]
