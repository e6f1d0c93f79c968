"""Every update rule against a loop written from its paper, and against PyTorch's recorded steps (float64)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranvier.network.optimizers import OPTIMIZERS, SGD, Adam, optimizer
from tests.network.trajectory import Array, follow

RECORDED = json.loads((Path(__file__).parent / "optimizer_trajectories.json").read_text(encoding="utf-8"))
MATRIX, SHIFT = np.array(RECORDED["matrix"]), np.array(RECORDED["shift"])
START, STEPS = np.array(RECORDED["start"]), RECORDED["steps"]
TOLERANCE = 1e-12
Gradient = Callable[[Array], Array]


def derivative(w: Array) -> Array:
    return MATRIX @ w - SHIFT


def sgd(w: Array, g: Gradient, lr: float) -> Iterator[Array]:
    while True:
        w = w - lr * g(w)
        yield w


def momentum(w: Array, g: Gradient, lr: float, mu: float) -> Iterator[Array]:
    """Polyak's heavy ball: the last displacement is repeated, mu times as long."""
    before = w
    while True:
        w, before = w - lr * g(w) + mu * (w - before), w
        yield w


def nesterov(w: Array, g: Gradient, lr: float, mu: float) -> Iterator[Array]:
    """Sutskever et al., equations 3 and 4, told by the points where the gradient is taken: y = w + mu v."""
    y, v = w, np.zeros_like(w)
    while True:
        w = y - mu * v
        v = mu * v - lr * g(y)
        y = w + v + mu * v
        yield y


def adagrad(w: Array, g: Gradient, lr: float) -> Iterator[Array]:
    history: list[Array] = []
    while True:
        history.append(g(w))
        w = w - lr * history[-1] / (np.sqrt(sum(h**2 for h in history)) + 1e-10)
        yield w


def adadelta(w: Array, g: Gradient, rho: float) -> Iterator[Array]:
    squares, moves = np.zeros_like(w), np.zeros_like(w)
    while True:
        gradient = g(w)
        squares = rho * squares + (1 - rho) * gradient**2
        move = -np.sqrt(moves + 1e-6) / np.sqrt(squares + 1e-6) * gradient
        moves = rho * moves + (1 - rho) * move**2
        w = w + move
        yield w


def rmsprop(w: Array, g: Gradient, lr: float, rho: float) -> Iterator[Array]:
    history: list[Array] = []
    while True:
        history.append(g(w))
        mean = sum((1 - rho) * rho**age * h**2 for age, h in enumerate(reversed(history)))
        w = w - lr * history[-1] / (np.sqrt(mean) + 1e-8)
        yield w


def moments(history: list[Array], beta: float, power: int) -> Array:
    """The bias-corrected moving average of the gradients' powers: a weighted mean, written as one."""
    weights = np.array([beta**age for age in range(len(history))])[::-1]
    return np.tensordot(weights, np.array(history) ** power, 1) / weights.sum()


def adam(w: Array, g: Gradient, lr: float, decay: float = 0.0) -> Iterator[Array]:
    history: list[Array] = []
    while True:
        history.append(g(w))
        w = w - lr * decay * w
        w = w - lr * moments(history, 0.9, 1) / (np.sqrt(moments(history, 0.999, 2)) + 1e-8)
        yield w


def nadam(w: Array, g: Gradient, lr: float) -> Iterator[Array]:
    """Dozat, algorithm 2 of the workshop paper, with the schedule of section 3."""
    m, n, product, t = np.zeros_like(w), np.zeros_like(w), 1.0, 0
    while True:
        t += 1
        gradient = g(w)
        mu, following = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * s)) for s in (t, t + 1))
        product *= mu
        m = 0.9 * m + 0.1 * gradient
        n = 0.999 * n + 0.001 * gradient**2
        ahead = (1 - mu) * gradient / (1 - product) + following * m / (1 - product * following)
        w = w - lr * ahead / (np.sqrt(n / (1 - 0.999**t)) + 1e-8)
        yield w


def adamax(w: Array, g: Gradient, lr: float) -> Iterator[Array]:
    history: list[Array] = []
    while True:
        history.append(g(w))
        largest = np.max([0.999**age * (np.abs(h) + 1e-8) for age, h in enumerate(reversed(history))], axis=0)
        w = w - lr * moments(history, 0.9, 1) / largest
        yield w


def amsgrad(w: Array, g: Gradient, lr: float, beta2: float) -> Iterator[Array]:
    history: list[Array] = []
    largest = np.zeros_like(w)
    while True:
        history.append(g(w))
        unbias = 1 - beta2 ** len(history)
        largest = np.maximum(largest, moments(history, beta2, 2) * unbias)
        w = w - lr * moments(history, 0.9, 1) / (np.sqrt(largest / unbias) + 1e-8)
        yield w


def lion(w: Array, g: Gradient, lr: float, decay: float) -> Iterator[Array]:
    """Chen et al., program 1."""
    m = np.zeros_like(w)
    while True:
        gradient = g(w)
        update = np.sign(0.9 * m + 0.1 * gradient)
        m = 0.99 * m + 0.01 * gradient
        w = w - lr * (update + decay * w)
        yield w


PAPERS: list[tuple[str, dict[str, Any], Iterator[Array]]] = [
    ("sgd", {"learning_rate": 0.02}, sgd(START, derivative, 0.02)),
    ("sgd", {"learning_rate": 0.02, "momentum": 0.7}, momentum(START, derivative, 0.02, 0.7)),
    ("sgd", {"learning_rate": 0.02, "momentum": 0.7, "nesterov": True}, nesterov(START, derivative, 0.02, 0.7)),
    ("adagrad", {"learning_rate": 0.2}, adagrad(START, derivative, 0.2)),
    ("adadelta", {}, adadelta(START, derivative, 0.95)),
    ("rmsprop", {"learning_rate": 0.05}, rmsprop(START, derivative, 0.05, 0.9)),
    ("adam", {"learning_rate": 0.1}, adam(START, derivative, 0.1)),
    ("adamw", {"learning_rate": 0.1}, adam(START, derivative, 0.1, decay=0.01)),
    ("nadam", {"learning_rate": 0.1}, nadam(START, derivative, 0.1)),
    ("adamax", {"learning_rate": 0.1}, adamax(START, derivative, 0.1)),
    ("amsgrad", {"learning_rate": 0.3, "beta2": 0.7}, amsgrad(START, derivative, 0.3, 0.7)),
    ("lion", {"learning_rate": 0.05, "weight_decay": 0.3}, lion(START, derivative, 0.05, 0.3)),
]


@pytest.mark.parametrize(("name", "options", "paper"), PAPERS)
def test_rule_follows_its_paper(name: str, options: dict[str, Any], paper: Iterator[Array]) -> None:
    expected = np.array([next(paper) for _ in range(STEPS)])
    points, _ = follow(optimizer(name, **options), START, derivative, STEPS)
    np.testing.assert_allclose(points, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("case", RECORDED["cases"])
def test_rule_follows_pytorch(case: str) -> None:
    record = RECORDED["cases"][case]
    points, _ = follow(optimizer(record["name"], **record["options"]), START, derivative, STEPS)
    np.testing.assert_allclose(points, np.array(record["points"]), rtol=TOLERANCE, atol=TOLERANCE)


def test_every_rule_is_compared() -> None:
    rules = {name for name, kind in OPTIMIZERS.items() if not kind.full_batch}
    assert {name for name, _, _ in PAPERS} == rules
    assert {record["name"] for record in RECORDED["cases"].values()} == rules - {"lion"}, "PyTorch has no Lion"


def test_recorded_cases_tell_the_rules_apart() -> None:
    """No recorded trajectory is followed by the rule of another case, so following one means something."""
    for case, record in RECORDED["cases"].items():
        for other, foreign in RECORDED["cases"].items():
            if case != other:
                options = foreign["options"] | {"learning_rate": record["options"].get("learning_rate", 1.0)}
                points, _ = follow(optimizer(foreign["name"], **options), START, derivative, STEPS)
                assert np.abs(points - np.array(record["points"])).max() > 1e-6, (case, other)


def test_wrong_beta_is_noticed() -> None:
    points, _ = follow(Adam(0.1, beta2=0.99), START, derivative, STEPS)
    assert not np.allclose(points, RECORDED["cases"]["adam"]["points"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", [name for name, kind in OPTIMIZERS.items() if not kind.full_batch])
def test_float32_stays_close_and_finite(name: str) -> None:
    """Rules are evaluated in float32 by compiled code: the first steps agree to a few units of its precision."""
    entry = optimizer(name, learning_rate=0.01, ema_decay=0.9)
    narrow, _ = follow(entry, START.astype(np.float32), lambda w: np.asarray(derivative(w), np.float32), 5)
    wide, _ = follow(entry, START, derivative, 5)
    assert narrow.dtype == np.float32
    np.testing.assert_allclose(narrow, wide, rtol=2e-5, atol=2e-5)
    for size in (0.0, 1e-30, 1e4):
        points, slots = follow(entry, START.astype(np.float32), lambda w, size=size: np.full_like(w, size), 5)
        assert np.isfinite(points).all()
        assert all(np.isfinite(slot).all() for slot in slots.values())


def test_momentum_with_a_changing_learning_rate_is_pytorchs_form() -> None:
    """v <- mu v + g, w <- w - lr v: a learning rate of 0 stops at once, whatever the velocity."""
    rates = np.array([0.1, 0.0, 0.1])
    points, _ = follow(SGD(0.1, momentum=0.5), np.array([1.0]), np.ones_like, 3, rates)
    np.testing.assert_allclose(points[:, 0], [0.9, 0.9, 0.9 - 0.1 * 1.75], rtol=TOLERANCE)
