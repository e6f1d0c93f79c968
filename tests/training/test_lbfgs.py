"""L-BFGS: closed forms, the two loops against a matrix, the line search, and what it leaves alone."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray

from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.network.optimizers import LBFGS, Adam
from ranvier.rows import Rows
from ranvier.training import lbfgs
from tests.training.trial import Recorder, begin, make_config, make_rows, run

Array = NDArray[np.float64]


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_reaches_the_closed_form_of_linear_regression(weighted: bool, l2: float) -> None:
    generator = np.random.default_rng(1)
    X = generator.normal(size=(40, 3))
    t = X @ [1.0, -2.0, 0.5] + 0.7 + 0.1 * generator.normal(size=40)
    w = generator.uniform(0.5, 2.0, 40) if weighted else np.ones(40)
    config = make_config(
        LBFGS(gradient_tolerance=1e-12),
        Rows(X, t[:, None], w if weighted else None),
        layers=(Dense(1, l2=l2),),
        epochs=30,
    )
    padded = np.column_stack((X, np.ones(40)))
    fraction = w / w.sum()
    ridge = np.diag([l2, l2, l2, 0.0])
    exact = np.linalg.solve(2 * padded.T @ (fraction[:, None] * padded) + ridge, 2 * padded.T @ (fraction * t))
    outcome = run(config)
    np.testing.assert_allclose(outcome.state.engine.parameters, exact, atol=1e-8)
    error = padded @ exact - t
    assert outcome.state.history[-1].loss == pytest.approx(fraction @ error**2, rel=1e-9)


def test_it_gets_below_adam_on_a_small_network() -> None:
    rows = make_rows(60)
    layers = (Dense(8, "tanh"), Dense(1))
    quasi = run(make_config(LBFGS(), rows, layers=layers, epochs=100)).state.history
    adam = run(make_config(Adam(0.01), rows, layers=layers, epochs=100, batch_size=60)).state.history
    assert quasi[-1].loss < 0.1 * adam[-1].loss
    assert all(late.loss <= early.loss for early, late in itertools.pairwise(quasi))


@examples(max_examples=25)
@given(st.integers(1, 6), st.integers(0, 9), st.integers(1, 5), st.integers(0, 99))
def test_the_two_loops_are_the_matrix_formula(size: int, pairs: int, history: int, seed: int) -> None:
    """H <- V' H V + rho s s' with V = I - rho y s', from H = (s'y / y'y) I of the newest pair."""
    generator = np.random.default_rng(seed)
    root = generator.normal(size=(size, size))
    hessian = root @ root.T + np.eye(size)
    slots = np.zeros((2 * history, size))
    given_pairs = []
    for _ in range(pairs):
        s = generator.normal(size=size)
        lbfgs.push_pair(slots, s, hessian @ s)
        given_pairs.append((s, hessian @ s))
    gradient = generator.normal(size=size)
    newest = given_pairs[-history:]
    if not newest:
        expected = -gradient / max(1.0, float(np.linalg.norm(gradient)))
    else:
        s, y = newest[-1]
        inverse = np.eye(size) * (s @ y) / (y @ y)
        for s, y in newest:
            turned = np.eye(size) - np.outer(y, s) / (s @ y)
            inverse = turned.T @ inverse @ turned + np.outer(s, s) / (s @ y)
        expected = -inverse @ gradient
    np.testing.assert_allclose(lbfgs.two_loop_direction(slots, gradient), expected, rtol=1e-7, atol=1e-9)


def test_a_pair_without_positive_curvature_is_not_remembered() -> None:
    slots = np.zeros((4, 2))
    lbfgs.push_pair(slots, np.array([1.0, 0.0]), np.array([-1.0, 0.0]))
    assert not slots.any()
    lbfgs.push_pair(slots, np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    assert slots.tolist() == [[0, 0], [1, 0], [0, 0], [2, 0]]


def test_one_epoch_is_one_step_and_its_pair_is_in_the_slots() -> None:
    config = make_config(LBFGS(history_size=3), epochs=1)
    start, state = begin(config).engine, run(config).state
    assert state.engine.step == 1
    np.testing.assert_allclose(state.engine.slots[2], state.engine.parameters - start.parameters, rtol=1e-12)
    assert not state.engine.slots[[0, 1, 3, 4]].any()


def test_at_the_minimum_nothing_moves() -> None:
    rows = make_rows(10)
    config = make_config(LBFGS(), Rows(rows.inputs, np.zeros((10, 1))), layers=(Dense(1),), epochs=3)
    state = begin(config)
    state = replace(state, engine=replace(state.engine, parameters=np.zeros(3)))
    ended = run(config, state).state.engine
    assert not ended.parameters.any()
    assert ended.step == 3


def test_an_objective_that_is_no_number_changes_nothing() -> None:
    config = make_config(LBFGS())
    executable = Recorder(config).inner
    start = replace(begin(config).engine, parameters=np.full(17, 1e200))
    executable.set_state(start)
    table = config.spec.network.parameter_table
    assert not np.isfinite(lbfgs.step(executable, config.rows, LBFGS(), 1.0, table))
    np.testing.assert_array_equal(executable.get_state().parameters, start.parameters)


def test_a_search_that_finds_nothing_lower_leaves_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(LBFGS())
    executable = Recorder(config).inner
    start = begin(config).engine
    executable.set_state(start)
    monkeypatch.setattr("scipy.optimize.line_search", lambda *arguments, **options: (1e9, 0, 0, 0, 0, 0))
    lbfgs.step(executable, config.rows, LBFGS(), 1.0, config.spec.network.parameter_table)
    np.testing.assert_array_equal(executable.get_state().parameters, start.parameters)


def test_the_penalty_is_no_part_of_the_reported_loss() -> None:
    layers = (Dense(1, l1=0.5, l2=2.0),)
    config = make_config(LBFGS(), layers=layers, epochs=1)
    executable = Recorder(config).inner
    executable.set_state(begin(config).engine)
    assert run(config).state.history[0].loss == pytest.approx(executable.evaluate(config.rows)[0], rel=1e-12)
    assert Network(2, layers).parameter_table.penalty(np.ones(3)) == pytest.approx(3.0)
