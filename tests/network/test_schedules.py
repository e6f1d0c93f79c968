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
    ConstantSchedule,
    CosineDecay,
    CosineWarmRestarts,
    ExponentialDecay,
    OneCycle,
    PolynomialDecay,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    Warmup,
    schedule,
    schedule_from_dict,
)

RECORDED = json.loads((Path(__file__).parent / "schedule_factors.json").read_text(encoding="utf-8"))
SOME = [kind() for kind in SCHEDULES.values()] + [
    CosineWarmRestarts(first_cycle_epochs=1, cycle_multiplier=1.0),
    CosineWarmRestarts(first_cycle_epochs=1, cycle_multiplier=1.5, min_factor=0.2),
    Warmup(0.5, OneCycle()),
    Warmup(0, "cosine"),  # type: ignore[arg-type]
    Warmup(3, Warmup(2, CosineDecay())),
]


def test_every_schedule_is_listed() -> None:
    names = "constant step exponential cosine cosine_restarts one_cycle warm_up polynomial reduce_on_plateau"
    assert set(SCHEDULES) == set(names.split())


@pytest.mark.parametrize("case", RECORDED["cases"])
def test_schedule_factors_equal_pytorch(case: str) -> None:
    """One step an epoch there, so steps and epochs are the same."""
    record, steps = RECORDED["cases"][case], RECORDED["steps"]
    factors = schedule(record["name"], **record["options"]).factors(np.arange(steps), 1, steps)
    np.testing.assert_allclose(factors, record["factors"], rtol=1e-12, atol=1e-15)


def test_recorded_factors_differ_between_schedules() -> None:
    courses = [tuple(record["factors"]) for record in RECORDED["cases"].values()]
    assert len(set(courses)) == len(courses)


@pytest.mark.parametrize("entry", SOME, ids=repr)
@given(start=st.integers(0, 3000), count=st.integers(0, 50), per_epoch=st.integers(1, 40), total=st.integers(1, 2500))
def test_schedule_factors_depend_only_on_the_step(
    entry: Schedule, start: int, count: int, per_epoch: int, total: int
) -> None:
    """In one span or step by step, past the end too: the same bits, within 0 and 1."""
    steps = np.arange(start, start + count)
    together = entry.factors(steps, per_epoch, total)
    assert together.dtype == np.float64
    assert together.shape == (count,)
    assert ((together >= 0) & (together <= 1)).all()
    single = [entry.factors(steps[i : i + 1], per_epoch, total)[0] for i in range(count)]
    np.testing.assert_array_equal(together, np.array(single))


@pytest.mark.parametrize(
    "entry", [ConstantSchedule(), StepDecay(), ExponentialDecay(), CosineDecay(), CosineWarmRestarts()], ids=repr
)
def test_training_starts_at_the_full_learning_rate(entry: Schedule) -> None:
    assert entry.factors(np.arange(1), 7, 70)[0] == 1.0


def test_steps_and_epochs() -> None:
    np.testing.assert_array_equal(
        StepDecay(step_epochs=2, decay_factor=0.5).factors(np.array([0, 19, 20, 39, 40]), 10, 100),
        [1, 1, 0.5, 0.5, 0.25],
    )
    np.testing.assert_allclose(ExponentialDecay(0.5).factors(np.array([0, 5, 10]), 10, 100), [1, math.sqrt(0.5), 0.5])


def test_cosine_ends_at_its_final_factor() -> None:
    np.testing.assert_allclose(
        CosineDecay(final_factor=0.1).factors(np.array([50, 100, 500]), 10, 100), [0.55, 0.1, 0.1]
    )


def test_cosine_warm_restarts_start_at_one() -> None:
    starts = np.array([0, 10, 30, 70])
    assert CosineWarmRestarts(first_cycle_epochs=1, cycle_multiplier=2).factors(starts, 10, 100).tolist() == [
        1,
        1,
        1,
        1,
    ]
    assert (CosineWarmRestarts(first_cycle_epochs=1, cycle_multiplier=2).factors(starts[1:] - 1, 10, 100) < 0.03).all()


def test_one_cycle_peaks_once() -> None:
    factors = OneCycle(peak_fraction=0.25).factors(np.arange(100), 10, 100)
    assert factors.argmax() == 24
    assert factors[0] == pytest.approx(0.04)
    assert factors[24] == 1.0
    assert factors[-1] == pytest.approx(1e-4)
    assert (np.diff(factors[:25]) > 0).all()
    assert (np.diff(factors[24:]) < 0).all()


@pytest.mark.parametrize("total", [1, 2, 3])
def test_one_cycle_over_very_few_steps_is_finite(total: int) -> None:
    assert np.isfinite(OneCycle().factors(np.arange(total), 1, total)).all()


def test_warmup_then_follows_the_next_schedule() -> None:
    factors = Warmup(2, CosineDecay()).factors(np.arange(10), 2, 10)
    np.testing.assert_allclose(factors[:4], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_array_equal(factors[4:], CosineDecay().factors(np.arange(6), 2, 6))


def watch(entry: Schedule, values: list[float]) -> list[float]:
    state, factors = entry.init_state(), []
    for value in values:
        state = json.loads(json.dumps(entry.on_epoch_end(state, value)))
        factors.append(state["factor"])
    return factors


def test_reduce_on_plateau_after_patience_epochs() -> None:
    plateau = ReduceOnPlateau(factor=0.5, patience=2)
    assert watch(plateau, [3, 2, 2, 2, 2, 2, 2, 2]) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert watch(plateau, [3, 2, 2, 2, 1, 1, 1, 1]) == [1, 1, 1, 1, 1, 1, 1, 0.5]


def test_reduce_on_plateau_threshold_and_minimum() -> None:
    assert watch(ReduceOnPlateau(factor=0.1, patience=0, min_factor=0.05), [1, 1, 1, 1]) == [1, 0.1, 0.05, 0.05]
    assert watch(ReduceOnPlateau(patience=0, threshold=0.1), [1.0, 0.95, 0.8]) == [1, 0.5, 0.5]
    assert watch(ReduceOnPlateau(patience=0, threshold=0.1), [-1.0, -1.05, -1.2]) == [1, 0.5, 0.5]
    assert watch(ReduceOnPlateau(patience=0), [math.nan, 2.0, math.inf, 1.0]) == [0.5, 0.5, 0.25, 0.25]


def test_warmup_passes_the_loss_to_the_next_schedule() -> None:
    inner = ReduceOnPlateau(patience=0)
    assert watch(Warmup(1, inner), [1, 1, 1]) == watch(inner, [1, 1, 1]) == [1, 0.5, 0.25]
    assert watch(CosineDecay(), [1, 1, 1]) == [1, 1, 1]


@pytest.mark.parametrize("entry", SOME, ids=repr)
def test_schedule_to_dict_and_from_dict_round_trip(entry: Schedule) -> None:
    assert schedule_from_dict(json.loads(json.dumps(entry.to_dict()))) == entry == schedule(entry)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"name": "step", "every": 3, "factor": 0.5}, StepDecay(3, 0.5)),
        ({"name": "exponential", "factor": 0.5}, ExponentialDecay(0.5)),
        ({"name": "polynomial", "power": 2.0, "final": 0.1}, PolynomialDecay(2.0, 0.1)),
        ({"name": "cosine", "final": 0.1}, CosineDecay(0.1)),
        ({"name": "cosine_restarts", "first": 2, "multiply": 3.0, "final": 0.1}, CosineWarmRestarts(2, 3.0, 0.1)),
        ({"name": "one_cycle", "peak_at": 0.2, "start": 0.1, "final": 0.01}, OneCycle(0.2, 0.1, 0.01)),
        (
            {"name": "warm_up", "epochs": 2.0, "then": {"name": "cosine", "final": 0.1}},
            Warmup(2.0, CosineDecay(0.1)),
        ),
        (
            {"name": "reduce_on_plateau", "factor": 0.2, "patience": 1, "threshold": 0.1, "minimum": 0.01},
            ReduceOnPlateau(0.2, 1, 0.1, 0.01),
        ),
    ],
)
def test_schedules_stored_under_the_names_of_version_0_1_are_read(stored: dict[str, Any], expected: Schedule) -> None:
    assert schedule_from_dict(stored) == expected


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cosin", {}, 'There is no schedule "cosin". Did you mean "cosine"'),
        (0.5, {}, 'There is no schedule "0.5"'),
        ("step", {"size": 3}, 'step has no option "size"'),
        ("step", {"step_epochs": 0}, "StepDecay: step_epochs is 0; it must be an integer of at least 1."),
        ("step", {"step_epochs": 1.5}, "step_epochs is 1.5"),
        (
            "exponential",
            {"decay_factor": 1.5},
            "decay_factor is 1.5; it must be a number greater than 0 and at most 1.",
        ),
        ("polynomial", {"power": 0}, "power is 0"),
        ("cosine", {"final_factor": 2}, "final_factor is 2; it must be a number from 0 to 1."),
        ("cosine_restarts", {"cycle_multiplier": 0.5}, "cycle_multiplier is 0.5; it must be a number of at least 1."),
        ("one_cycle", {"peak_fraction": 1}, "peak_fraction is 1"),
        ("warm_up", {"epochs": -1}, "epochs is -1"),
        ("warm_up", {"next_schedule": "nothing"}, 'There is no schedule "nothing"'),
        ("reduce_on_plateau", {"patience": -1}, "patience is -1; it must be an integer of at least 0."),
        (CosineDecay(), {"final_factor": 0.1}, "cannot be passed with a record; write schedule"),
    ],
)
def test_schedule_errors(name: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        schedule(name, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(("per_epoch", "total"), [(0, 10), (10, 0)])
def test_schedule_factors_without_steps_are_refused(per_epoch: int, total: int) -> None:
    with pytest.raises(InputError, match="both must be at least 1"):
        ConstantSchedule().factors(np.arange(2), per_epoch, total)
