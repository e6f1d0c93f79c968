"""Every schedule of SCHEDULES: PyTorch's recorded learning rates, ends, resuming, storage, refusals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.network.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    CosineRestarts,
    Exponential,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
    WarmUp,
    schedule,
    schedule_from_dict,
)

RECORDED = json.loads((Path(__file__).parent / "schedule_factors.json").read_text(encoding="utf-8"))
SOME = [kind() for kind in SCHEDULES.values()] + [
    CosineRestarts(first=1, multiply=1.0),
    CosineRestarts(first=1, multiply=1.5, final=0.2),
    WarmUp(0.5, OneCycle()),
    WarmUp(0, "cosine"),  # type: ignore[arg-type]
    WarmUp(3, WarmUp(2, Cosine())),
]


def test_list_is_complete() -> None:
    names = "constant step exponential cosine cosine_restarts one_cycle warm_up polynomial reduce_on_plateau"
    assert set(SCHEDULES) == set(names.split())


@pytest.mark.parametrize("case", RECORDED["cases"])
def test_factors_are_pytorchs(case: str) -> None:
    """One step an epoch there, so steps and epochs are the same."""
    record, steps = RECORDED["cases"][case], RECORDED["steps"]
    factors = schedule(record["name"], **record["options"]).factors(np.arange(steps), 1, steps)
    np.testing.assert_allclose(factors, record["factors"], rtol=1e-12, atol=1e-15)


def test_recorded_cases_tell_the_schedules_apart() -> None:
    courses = [tuple(record["factors"]) for record in RECORDED["cases"].values()]
    assert len(set(courses)) == len(courses)


@pytest.mark.parametrize("chosen", SOME, ids=repr)
@given(start=st.integers(0, 3000), count=st.integers(0, 50), per_epoch=st.integers(1, 40), total=st.integers(1, 2500))
def test_factors_depend_on_the_step_alone(chosen: Schedule, start: int, count: int, per_epoch: int, total: int) -> None:
    """In one span or step by step, past the end too: the same bits, within 0 and 1."""
    steps = np.arange(start, start + count)
    together = chosen.factors(steps, per_epoch, total)
    assert together.dtype == np.float64
    assert together.shape == (count,)
    assert ((together >= 0) & (together <= 1)).all()
    single = [chosen.factors(steps[i : i + 1], per_epoch, total)[0] for i in range(count)]
    np.testing.assert_array_equal(together, np.array(single))


@pytest.mark.parametrize("chosen", [Constant(), Step(), Exponential(), Cosine(), CosineRestarts()], ids=repr)
def test_training_starts_at_the_full_learning_rate(chosen: Schedule) -> None:
    assert chosen.factors(np.arange(1), 7, 70)[0] == 1.0


def test_steps_and_epochs() -> None:
    np.testing.assert_array_equal(
        Step(every=2, factor=0.5).factors(np.array([0, 19, 20, 39, 40]), 10, 100), [1, 1, 0.5, 0.5, 0.25]
    )
    np.testing.assert_allclose(Exponential(0.5).factors(np.array([0, 5, 10]), 10, 100), [1, math.sqrt(0.5), 0.5])


def test_cosine_ends_at_its_final_factor() -> None:
    np.testing.assert_allclose(Cosine(final=0.1).factors(np.array([50, 100, 500]), 10, 100), [0.55, 0.1, 0.1])


def test_restarts_begin_anew() -> None:
    starts = np.array([0, 10, 30, 70])
    assert CosineRestarts(first=1, multiply=2).factors(starts, 10, 100).tolist() == [1, 1, 1, 1]
    assert (CosineRestarts(first=1, multiply=2).factors(starts[1:] - 1, 10, 100) < 0.03).all()


def test_one_cycle_peaks_once() -> None:
    factors = OneCycle(peak_at=0.25).factors(np.arange(100), 10, 100)
    assert factors.argmax() == 24
    assert factors[0] == pytest.approx(0.04)
    assert factors[24] == 1.0
    assert factors[-1] == pytest.approx(1e-4)
    assert (np.diff(factors[:25]) > 0).all()
    assert (np.diff(factors[24:]) < 0).all()


@pytest.mark.parametrize("total", [1, 2, 3])
def test_one_cycle_over_very_few_steps_is_finite(total: int) -> None:
    assert np.isfinite(OneCycle().factors(np.arange(total), 1, total)).all()


def test_warm_up_then_hands_over() -> None:
    factors = WarmUp(2, Cosine()).factors(np.arange(10), 2, 10)
    np.testing.assert_allclose(factors[:4], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_array_equal(factors[4:], Cosine().factors(np.arange(6), 2, 6))


def watch(chosen: Schedule, values: list[float]) -> list[float]:
    state, factors = chosen.first_state(), []
    for value in values:
        state = json.loads(json.dumps(chosen.after_epoch(state, value)))
        factors.append(state["factor"])
    return factors


def test_plateau_cuts_after_its_patience() -> None:
    plateau = ReduceOnPlateau(factor=0.5, patience=2)
    assert watch(plateau, [3, 2, 2, 2, 2, 2, 2, 2]) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert watch(plateau, [3, 2, 2, 2, 1, 1, 1, 1]) == [1, 1, 1, 1, 1, 1, 1, 0.5]


def test_plateau_details() -> None:
    assert watch(ReduceOnPlateau(factor=0.1, patience=0, minimum=0.05), [1, 1, 1, 1]) == [1, 0.1, 0.05, 0.05]
    assert watch(ReduceOnPlateau(patience=0, threshold=0.1), [1.0, 0.95, 0.8]) == [1, 0.5, 0.5]
    assert watch(ReduceOnPlateau(patience=0, threshold=0.1), [-1.0, -1.05, -1.2]) == [1, 0.5, 0.5]
    assert watch(ReduceOnPlateau(patience=0), [math.nan, 2.0, math.inf, 1.0]) == [0.5, 0.5, 0.25, 0.25]


def test_warm_up_passes_the_watched_value_on() -> None:
    inner = ReduceOnPlateau(patience=0)
    assert watch(WarmUp(1, inner), [1, 1, 1]) == watch(inner, [1, 1, 1]) == [1, 0.5, 0.25]
    assert watch(Cosine(), [1, 1, 1]) == [1, 1, 1]


@pytest.mark.parametrize("chosen", SOME, ids=repr)
def test_stored_and_back(chosen: Schedule) -> None:
    assert schedule_from_dict(json.loads(json.dumps(chosen.to_dict()))) == chosen == schedule(chosen)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cosin", {}, 'There is no schedule "cosin". Did you mean "cosine"'),
        (0.5, {}, 'There is no schedule "0.5"'),
        ("step", {"size": 3}, 'step has no option "size"'),
        ("step", {"every": 0}, "Step: every is 0; it must be a whole number of at least 1."),
        ("step", {"every": 1.5}, "every is 1.5"),
        ("exponential", {"factor": 1.5}, "factor is 1.5; it must be a number greater than 0 and at most 1."),
        ("polynomial", {"power": 0}, "power is 0"),
        ("cosine", {"final": 2}, "final is 2; it must be a number from 0 to 1."),
        ("cosine_restarts", {"multiply": 0.5}, "multiply is 0.5; it must be a number of at least 1."),
        ("one_cycle", {"peak_at": 1}, "peak_at is 1"),
        ("warm_up", {"epochs": -1}, "epochs is -1"),
        ("warm_up", {"then": "nothing"}, 'There is no schedule "nothing"'),
        ("reduce_on_plateau", {"patience": -1}, "patience is -1; it must be a whole number of at least 0."),
        (Cosine(), {"final": 0.1}, "finished schedule"),
    ],
)
def test_refusals(name: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        schedule(name, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(("per_epoch", "total"), [(0, 10), (10, 0)])
def test_training_without_steps_is_refused(per_epoch: int, total: int) -> None:
    with pytest.raises(InputError, match="both must be 1 or more"):
        Constant().factors(np.arange(2), per_epoch, total)
