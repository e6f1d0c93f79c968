"""Sparse rows in the reference engine: the same sums as with all the zeros, and which weights a step moves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.engine import CompileSpec, Span
from ranvier.errors import EngineError, InputError
from ranvier.network.layers import Dense, Dropout, LayerNorm, Residual
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer, optimizer
from ranvier.reference import network as reference_network
from ranvier.reference import optimizers
from ranvier.reference.engine import ReferenceEngine, ReferenceExecutable
from ranvier.rows import CSR, Rows
from ranvier.training.state import initial_state
from tests.helpers import ALL_OPTIMIZERS, assert_ulps

INPUTS, OUTPUTS, ROWS, BATCH = 17, 3, 12, 4
LAYERS = [Dense(6, "tanh", l1=0.01, l2=0.1), LayerNorm(), Dense(OUTPUTS)]


def sparse_rows(seed: int = 0, fraction: float = 0.12) -> tuple[Any, Rows]:
    """Inputs with their zeros, and the same rows sparse; one row and several columns hold nothing."""
    generator = np.random.default_rng(seed)
    dense = generator.normal(size=(ROWS, INPUTS)) * (generator.random((ROWS, INPUTS)) < fraction)
    dense[5] = 0.0
    dense[:, 3] = 0.0
    return dense, Rows(CSR.from_dense(dense), generator.normal(size=(ROWS, OUTPUTS)))


def executable(layers: Any, rule: Optimizer, entries: int | None) -> ReferenceExecutable:
    task = CompileSpec(Network(INPUTS, layers), loss("squared_error"), rule, BATCH, mean_nnz=entries)
    actual = ReferenceEngine().compile(task)
    actual.set_state(initial_state(task.network, rule, 3).engine)
    return actual


def span(rule: Optimizer, steps: int = 3) -> Span:
    numbers = np.arange(1, steps + 1)
    rates = np.full(steps, rule.learning_rate)
    return Span(np.arange(steps * BATCH) % ROWS, np.arange(steps + 1) * BATCH, rule.scalar_values(numbers, rates))


def test_sparse_outputs_and_losses_equal_dense_ones() -> None:
    dense, rows = sparse_rows()
    actual, expected = executable(LAYERS, optimizer("adam"), 2), executable(LAYERS, optimizer("adam"), None)
    filled = Rows(dense, rows.targets)
    # A sum of 17 products and a few functions after it.
    for first, second in (
        (actual.loss_and_gradient(rows), expected.loss_and_gradient(filled)),
        (actual.evaluate(rows), expected.evaluate(filled)),
        # An executable takes rows of the other kind, too.
        (actual.evaluate(filled), expected.evaluate(rows)),
    ):
        assert_ulps(first[0], second[0], 40)
        assert_ulps(first[1], second[1], 40)
    for one_layer, other_layer in zip(actual.activations(rows.inputs), expected.activations(dense), strict=True):
        assert_ulps(one_layer.outputs, other_layer.outputs, 40)


def test_sparse_outputs_of_a_row_do_not_depend_on_other_rows() -> None:
    _, rows = sparse_rows()
    actual = executable(LAYERS, optimizer("adam"), 2)
    alone = np.concatenate([actual.outputs(rows.inputs[row : row + 1]) for row in range(ROWS)])
    assert np.array_equal(actual.outputs(rows.inputs), alone)


@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_sparse_steps_of_sgd_and_adagrad_equal_dense_steps(name: str) -> None:
    dense, rows = sparse_rows()
    layers = [Dense(6, "tanh"), Dense(OUTPUTS)]
    rule = optimizer(name, learning_rate=0.1)
    actual, expected = executable(layers, rule, 2), executable(layers, rule, None)
    assert_ulps(actual.run(rows, span(rule, 9)), expected.run(Rows(dense, rows.targets), span(rule, 9)), 200)
    assert_ulps(actual.get_state().parameters, expected.get_state().parameters, 200)


@pytest.mark.parametrize("name", ALL_OPTIMIZERS)
def test_a_sparse_step_updates_only_columns_of_the_batch(name: str) -> None:
    """By hand, for one layer: the rule is applied to the numbers reached as if there were no others."""
    rule = ALL_OPTIMIZERS[name]
    dense, rows = sparse_rows()
    layers = [Dense(OUTPUTS, l1=0.02, l2=0.1)]
    actual = executable(layers, rule, 2)
    state = actual.get_state()
    w, slots = state.parameters, state.slots
    names = [slot for slot, _ in rule.rule().slots]
    decayed = np.arange(w.size) < INPUTS * OUTPUTS
    actual.run(rows, span(rule))
    for t in (1, 2, 3):
        batch = np.arange((t - 1) * BATCH, t * BATCH) % ROWS
        x = dense[batch]
        dz = 2.0 * (x @ w[decayed].reshape(INPUTS, OUTPUTS) + w[~decayed] - rows.targets[batch]) / OUTPUTS / BATCH
        g = np.concatenate([(x.T @ dz).ravel(), dz.sum(axis=0)])
        g[decayed] += 0.1 * w[decayed] + 0.02 * np.sign(w[decayed])
        moving = np.append(np.repeat((x != 0).any(axis=0), OUTPUTS), np.ones(OUTPUTS, bool))
        assert not moving.all()
        old = {slot: slots[number, moving] for number, slot in enumerate(names)}
        w[moving], new = optimizers.step(rule, w[moving], g[moving], old, rule.learning_rate, t, decayed[moving])
        for number, slot in enumerate(names):
            slots[number, moving] = new[slot]
    # Three steps of sums of 17 products; the rules keep the relative error of the gradient.
    assert_ulps(actual.get_state().parameters, w, 200)
    assert_ulps(actual.get_state().slots, slots, 200)


def test_weights_of_unused_columns_are_unchanged() -> None:
    _, rows = sparse_rows()
    rule = ALL_OPTIMIZERS["adam with all extras"]
    actual = executable(LAYERS, rule, 2)
    before = actual.get_state()
    actual.run(rows, span(rule))
    after = actual.get_state()
    untouched = slice(3 * 6, 4 * 6)
    assert np.array_equal(before.parameters[untouched], after.parameters[untouched])
    assert np.array_equal(before.slots[:, untouched], after.slots[:, untouched])
    assert not np.array_equal(before.parameters, after.parameters)


@pytest.mark.parametrize("first", [Dropout(0.1), LayerNorm(), Residual([Dense(INPUTS)])])
def test_sparse_inputs_need_a_dense_first_layer(first: Any) -> None:
    with pytest.raises(InputError, match="first layer"):
        executable([first, Dense(OUTPUTS)], optimizer("sgd"), 2)
    _, rows = sparse_rows()
    network = Network(INPUTS, [first, Dense(OUTPUTS)])
    parameters = network.parameter_table.views(network.parameter_table.initial(0))
    with pytest.raises(EngineError, match="Dense"):
        reference_network.forward(network.layer_infos, parameters, rows.inputs.dense, csr=rows.inputs.csr)
