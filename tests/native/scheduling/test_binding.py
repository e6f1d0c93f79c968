"""Hyper-parameters stand in the row of numbers of a step: plans that differ in them alone share their code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
import ranvier as rv
from ranvier.engine import CompileSpec
from ranvier.expression import evaluate, show, variable
from ranvier.native.lowering.lowered import PREDICT, TRAIN
from ranvier.native.machine import cpu
from ranvier.native.scheduling.binding import number_row, opened
from ranvier.native.scheduling.plan import Plan, make_plan
from ranvier.native.this_machine import this_machine
from ranvier.network.optimizers import OPTIMIZERS


def plan_of(fraction: float, optimizer: rv.Optimizer, purpose: str = TRAIN) -> Plan:
    """The plan of a network whose hyper-parameters are in proportion to `share`."""
    layers = [
        rv.Dense(
            8, "relu", l1=fraction, l2=fraction / 2, learning_rate_factor=fraction, constraint=rv.MaxNorm(fraction)
        ),
        rv.Dropout(fraction),
        rv.Dense(2, "softmax"),
    ]
    loss = rv.loss("categorical_cross_entropy", label_smoothing=fraction / 4)
    spec = CompileSpec(rv.Network(4, layers), loss, optimizer, batch_size=8)
    return make_plan(spec, purpose, this_machine(cpu.target(), "float32"), 1)


OPTIONS: dict[str, tuple[str, ...]] = {
    "sgd": ("momentum",),
    "adagrad": (),
    "adadelta": ("rho",),
    "rmsprop": ("rho", "momentum"),
    "adam": ("beta1", "beta2"),
    "adamw": ("beta1", "beta2"),
    "nadam": ("beta1", "beta2"),
    "adamax": ("beta1", "beta2"),
    "amsgrad": ("beta1", "beta2"),
    "lion": ("beta1", "beta2"),
}


def test_all_optimizers_are_tested() -> None:
    assert {name for name, kind in OPTIMIZERS.items() if not kind.full_batch} == set(OPTIONS)


@pytest.mark.parametrize("name", OPTIONS)
def test_plans_that_differ_in_hyper_parameters_share_their_code(name: str) -> None:
    plans = []
    for fraction in (0.25, 0.5, 0.3):
        common = {"weight_decay": fraction, "clip_norm": fraction, "clip_value": fraction, "ema_decay": fraction}
        options: dict[str, Any] = {**dict.fromkeys(OPTIONS[name], fraction), "learning_rate": fraction, **common}
        plans.append(plan_of(fraction, rv.optimizer(name, **options)))
    assert plans[0].code == plans[1].code == plans[2].code
    assert plans[0].numbers != plans[1].numbers
    assert len({len(plan.numbers) for plan in plans}) == 1


def test_predictions_share_their_code() -> None:
    first, second = (plan_of(fraction, rv.SGD(0.1), PREDICT) for fraction in (0.25, 0.5))
    assert first.code == second.code


def test_what_is_not_there_is_other_code() -> None:
    assert plan_of(0.25, rv.SGD(0.1, momentum=0.5)).code != plan_of(0.25, rv.SGD(0.1)).code


@pytest.mark.parametrize("name", OPTIONS)
def test_a_rule_with_its_numbers_is_the_rule(name: str) -> None:
    optimizer = rv.optimizer(name, weight_decay=0.125, clip_value=0.75)
    formula, bound_rule = optimizer.open_rule()
    expressions, numbers = opened((formula.parameter, *formula.updates), bound_rule)
    rule, generator = optimizer.rule(), np.random.default_rng(0)
    names = ("gradient", "parameter", "decay", *rule.scalars, *(slot for slot, _ in rule.slots))
    values = {name: generator.random(9).astype(np.float32) for name in names}
    single = {name: np.float32(number) for name, number in numbers.items()}
    actual = evaluate(expressions, {**values, **single})
    for value, other in zip(actual, evaluate((rule.parameter, *rule.updates), values), strict=True):
        np.testing.assert_array_equal(value, other)


def test_equal_values_have_numbers_of_their_own() -> None:
    a, b, x = variable("a"), variable("b"), variable("x")
    expressions, numbers = opened((a * x + b, 2.0 * x + (1.0 - a)), {"a": 0.5, "b": 0.5})
    assert [show(expression) for expression in expressions] == ["number0 * x + number1", "2 * x + number2"]
    assert numbers == {"number0": 0.5, "number1": 0.5, "number2": 0.5}


def test_numbers_are_written_as_code_reads_them() -> None:
    row = number_row((("float32", 0.1), ("float64", 0.1), ("uint32", 2**32 - 1)))
    assert row[0:1].view(np.float32)[0] == np.float32(0.1)
    assert row[1] == 0.1
    assert row[2:3].view(np.uint32)[0] == 2**32 - 1
