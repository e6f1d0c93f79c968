"""The native engine agrees with the reference, for everything on the lists of the network folder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.engine import State
from ranvier.expression import absolute, sigmoid
from ranvier.native.engine import NativeEngine
from ranvier.native.lowering.steps import Back, Forward
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.scheduled import ScheduledProduct
from ranvier.native.scheduling.tiles import Registers
from ranvier.network.activations import ACTIVATIONS, activation
from ranvier.network.layers import Dense, Rescale
from ranvier.network.losses import LOSSES, loss
from ranvier.network.optimizers import OPTIMIZERS, SGD, Adam, optimizer
from ranvier.network.parameters import block_diagonal_weight
from ranvier.reference.engine import ReferenceEngine
from tests.native.against_reference import LAYERS, OUTPUT, agree, make_spec, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
PRECISIONS = ("float32", "float64")
SIZES = (1, 2, 15, 16, 17, 31, 33, 100, 257)
GROUP_SIZES = (1, 2, 15, 16, 17, 33)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    hidden = [Dense(9, name), Dense(5, "tanh")] if name != "softmax" else [Dense(5, "tanh")]
    agree(make_spec(7, [*hidden, Dense(3, name)]))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("wide", [False, True])
def test_losses(name: str, wide: bool) -> None:
    """Few outputs are written out column by column, many are walked in a loop; one has no second to lean on."""
    rule = LOSSES[name]
    outputs = 70 if wide else 1 + len(name) % 3
    agree(make_spec(6, [Dense(8, "tanh"), Dense(outputs, OUTPUT[rule.applied_to])], rule, weighted=True))


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].applied_to == "output"])
def test_losses_through_softmax(name: str) -> None:
    agree(make_spec(6, [Dense(5, "softmax")], LOSSES[name]))


@pytest.mark.parametrize("name", ["binary_cross_entropy", "categorical_cross_entropy", "squared_error"])
def test_label_smoothing_and_sums(name: str) -> None:
    on = LOSSES[name].applied_to
    reduction = None if on == "log_probability" else "sum"
    rule = loss(name, label_smoothing=0.2 if on != "output" else 0.0, reduction=reduction)
    agree(make_spec(6, [Dense(20, OUTPUT[on] if on != "output" else "softmax")], rule))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    if OPTIMIZERS[name].full_batch:
        return
    task = make_spec(7, [Dense(9, "tanh", l1=0.01, l2=0.1), Dense(17, "tanh"), Dense(2)], optimizer=optimizer(name))
    agree(task, span=span_for(task, steps=4))


@pytest.mark.parametrize(
    "options",
    [{"clip_value": 0.01}, {"clip_norm": 0.05}, {"clip_norm": 1e6}, {"weight_decay": 0.1}, {"ema_decay": 0.9}],
)
def test_common_options(options: dict[str, float]) -> None:
    layers = [Dense(33, "relu", l2=0.01), Dense(18, "tanh"), Dense(2)]
    agree(make_spec(7, layers, optimizer=Adam(**options), threads=2), gradients=True)  # type: ignore[arg-type]


def test_formulas_of_a_users_own() -> None:
    swish = activation("swish", lambda x: x * sigmoid(x))
    cubic = loss("cubic", lambda output, target: absolute(output - target) ** 3, reduction="sum")
    mine = optimizer(
        "mine",
        lambda parameter, gradient, learning_rate, m, step: (
            parameter - learning_rate * m / step,
            0.5 * m + gradient,
        ),
        {"m": 0.25},
    )
    agree(make_spec(5, [Dense(6, swish), Dense(2)], cubic, mine))


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_layers(layers: list, precision: str) -> None:
    agree(make_spec(7, layers, optimizer=Adam(0.01), precision=precision, threads=2), slack=8.0, gradients=True)


@pytest.mark.parametrize("case", range(14))
def test_sizes(case: int) -> None:
    """Batch, inputs and units run through the sizes, each against others in every case."""
    batch, inputs, units, last = (
        SIZES[(case * step + case // 9 * jump) % 9] for step, jump in ((1, 0), (2, 1), (4, 2), (5, 1))
    )
    task = make_spec(inputs, [Dense(units, "relu"), Dense(last, "tanh")], batch_size=batch, threads=1 + case % 3)
    agree(task, rows_for(task, 2 * batch + 3), span_for(task, 2 * batch + 3, steps=2))


@pytest.mark.parametrize("case", range(12))
def test_groups(case: int) -> None:
    """Inputs and units of a group run through the sizes, each against others; the errors of groups meet in the first.

    Weights move at once, after their norm, or not at all; batches are taken whole or in parts.
    """
    inputs, units = (GROUP_SIZES[(case * step + case // 6) % 6] for step in (1, 5))
    groups, precision = (2, 3, 7)[case % 3], PRECISIONS[case // 3 % 2]
    layers = [Dense(inputs * groups, "gelu"), Dense(units * groups, "tanh", groups=groups, l1=0.01, l2=0.1), Dense(3)]
    optimizer = (SGD(0.05, weight_decay=0.1), Adam(clip_norm=0.5))[case // 2 % 2]
    size = (6, 33, 200)[case // 4]
    task = make_spec(7, layers, None, optimizer, precision=precision, batch_size=size, threads=1 + case % 2)
    agree(task, rows_for(task, 2 * size + 3), span_for(task, 2 * size + 3, steps=2), slack=2.0, gradients=True)


@pytest.mark.parametrize("units", [640, 650])
def test_grouped_weights_are_cut_into_k_blocks(units: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of 8 KiB has no room for rows of such groups, forward or back."""
    monkeypatch.setattr("ranvier.native.prepared.this_machine", lambda *_: Machine(Registers(16, 2), 8 << 10, 8 << 10))
    task = make_spec(1220, [Dense(2 * units, "gelu", groups=2), Dense(2 * units, "tanh", groups=2), Dense(2)])
    products = [
        step for step in NativeEngine().compile(task).plan.stages[0].steps if isinstance(step, ScheduledProduct)
    ]
    assert [product.k_block for product in products if isinstance(product.step, Forward)] == [128, 128, 128]
    assert [product.k_block for product in products if isinstance(product.step, Back)] == [0, 128]
    agree(task, slack=4.0)


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("units", GROUP_SIZES)
def test_groups_give_the_bits_of_a_whole_weight_with_zeros(units: int, precision: str) -> None:
    """Adding 0 x to a chain changes nothing, so that both have the same weighted sums."""
    grouped = make_spec(9, [Dense(15), Dense(3 * units, groups=3), Dense(2)]).network.parameter_table
    results = []
    for groups in (3, 1):
        layers = [Dense(15, "silu"), Dense(3 * units, "tanh", groups=groups), Dense(2)]
        task = make_spec(9, layers, precision=precision)
        pieces = grouped.views(grouped.initial(0) + 0.25)
        pieces["layers.1.weight"] = block_diagonal_weight(pieces["layers.1.weight"], 3 // groups)
        flat = np.concatenate([piece.ravel() for piece in pieces.values()])
        executable = NativeEngine().compile(task)
        executable.set_state(State(flat, np.zeros((0, flat.size)), 0))
        results.append(executable.activations(rows_for(task, 101).inputs))
    for actual, wanted in zip(*results, strict=True):
        assert np.array_equal(actual.weighted_sums, wanted.weighted_sums)
        assert np.array_equal(actual.outputs, wanted.outputs)
    assert results[0][1].outputs.all()


@pytest.mark.parametrize("engine", [NativeEngine(), ReferenceEngine()], ids=["native", "reference"])
@pytest.mark.parametrize("units", GROUP_SIZES)
def test_groups_do_not_see_what_is_infinite_in_others(engine: Any, units: int) -> None:
    """Neither the inputs of another group nor its errors, in the first of these and in the last."""
    for other in (0, 2):
        task = make_spec(5, [Dense(9), Dense(3 * units, groups=3)])
        table, rows = task.network.parameter_table, rows_for(task)
        rows.targets[:, units * other : units * (other + 1)] = np.inf
        flat = table.initial(0)
        table.views(flat)["layers.0.bias"][3 * other : 3 * other + 3] = np.inf
        executable = engine.compile(task)
        executable.set_state(State(flat, np.zeros((0, flat.size)), 0))
        outputs = executable.outputs(rows.inputs)
        _, gradient = executable.loss_and_gradient(rows)
        executable.run(rows, span_for(task))
        results = {"outputs": outputs, **table.views(gradient)}
        for name, piece in [*results.items(), *table.views(executable.get_state().parameters).items()]:
            finite = np.isfinite(piece.reshape(-1, 3, piece.shape[-1] // 3)).all(axis=(0, 2))
            assert finite.tolist() == [group != other for group in range(3)], name


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, np.int32])
@pytest.mark.parametrize("inputs", [16, 21])
def test_kinds_of_inputs(kind: type, inputs: int) -> None:
    scale = [Rescale(1 / 255)] if kind is np.uint8 else []
    task = make_spec(inputs, [*scale, Dense(5, "tanh"), Dense(2)], threads=2, batch_size=13)
    agree(task, rows_for(task, kind=kind))


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "mish"])
def test_double_precision(name: str) -> None:
    layers = [Dense(33, name), Dense(10, "softmax")]
    agree(make_spec(20, layers, loss("categorical_cross_entropy"), Adam(), precision="float64", threads=2))


def test_k_blocks_do_not_change_the_result() -> None:
    layers = [Dense(1300, "gelu"), Dense(20, "tanh"), Dense(2)]
    agree(make_spec(1500, layers, loss("squared_error"), batch_size=200), slack=4.0)


def test_a_batch_without_weight_changes_nothing_but_the_step() -> None:
    task = make_spec(4, [Dense(3)], weighted=True)
    rows = rows_for(task)
    assert rows.weights is not None
    rows.weights[:] = 0.0
    agree(task, rows)
