"""Gradients of outputs along inputs: native as in the reference, for every layer and kind of inputs, on any threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.engine import CompileSpec
from ranvier.errors import DataError, ShapeError
from ranvier.native.engine import NativeEngine
from ranvier.native.input_gradients import MAX_JACOBIAN
from ranvier.network.activations import ACTIVATIONS
from ranvier.network.layers import Dense, Dropout, Layer, Rescale
from ranvier.network.losses import loss
from ranvier.reference.engine import ReferenceEngine
from ranvier.rows import CSR, Inputs
from ranvier.training.state import initial_state
from tests.native.against_reference import LAYERS, TOLERANCE, make_spec, one_step, rows_for, span_for

pytestmark = pytest.mark.usefixtures("own_cache")
ROWS = 37


def ready(engine: Any, spec: CompileSpec) -> Any:
    executable = engine.compile(spec)
    executable.set_state(initial_state(spec.network, spec.optimizer, 0).engine)
    return executable


def output_gradients(spec: CompileSpec, seed: int = 1) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((ROWS, spec.network.outputs))


def check(spec: CompileSpec, inputs: Any, logits: bool = False) -> None:
    expected = ready(ReferenceEngine(), spec).input_gradients(inputs, output_gradients(spec), logits)
    actual = ready(NativeEngine(), spec).input_gradients(inputs, output_gradients(spec), logits)
    assert actual.shape == expected.shape == (ROWS, spec.network.inputs)
    size = max(1.0, float(np.abs(expected).max()))
    assert np.abs(actual - expected).max() <= TOLERANCE[spec.precision] * size
    every = ready(NativeEngine(), spec).input_gradients(inputs, logits=logits)
    for output in range(spec.network.outputs):
        one_hot = np.zeros((ROWS, spec.network.outputs))
        one_hot[:, output] = 1
        alone = ready(NativeEngine(), spec).input_gradients(inputs, one_hot, logits)
        np.testing.assert_array_equal(every[:, output], alone)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_layer(name: str, precision: str) -> None:
    spec = make_spec(7, LAYERS[name], precision=precision)
    check(spec, np.random.default_rng(0).standard_normal((ROWS, 7)))


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_output_activation(name: str, logits: bool) -> None:
    check(make_spec(7, [Dense(20, "tanh"), Dense(5, name)]), np.random.default_rng(0).random((ROWS, 7)), logits)


@pytest.mark.parametrize("n_dense", [0, 5])
def test_a_csr_block_has_derivatives_where_it_is_zero(n_dense: int) -> None:
    generator = np.random.default_rng(0)
    csr = CSR.from_dense(generator.random((ROWS, 40)) * (generator.random((ROWS, 40)) < 0.1))
    inputs = Inputs(generator.random((ROWS, n_dense)) if n_dense else None, csr)
    layers: list[Layer] = [Dense(20, "silu"), Dense(3)]
    spec = make_spec(40 + n_dense, layers, precision="float64", mean_nnz=4, n_dense=n_dense)
    check(spec, inputs)
    dense = make_spec(40 + n_dense, layers, precision="float64")
    alone = ready(NativeEngine(), dense).input_gradients(inputs.toarray(), output_gradients(dense))
    np.testing.assert_array_equal(ready(NativeEngine(), spec).input_gradients(inputs, output_gradients(spec)), alone)


def test_more_outputs_than_one_plan_has() -> None:
    spec = make_spec(7, [Dense(5, "tanh"), Dense(MAX_JACOBIAN + 1)])
    inputs = np.random.default_rng(0).standard_normal((ROWS, 7))
    actual, expected = (ready(engine(), spec).input_gradients(inputs) for engine in (NativeEngine, ReferenceEngine))
    assert actual.shape == (ROWS, MAX_JACOBIAN + 1, 7)
    assert np.abs(actual - expected).max() <= TOLERANCE["float32"]


def test_bytes_and_rounded_weights() -> None:
    inputs = np.random.default_rng(0).integers(0, 256, (ROWS, 7)).astype(np.uint8)
    check(make_spec(7, [Rescale(1 / 255), Dense(20, "gelu"), Dense(3)]), inputs)
    spec = make_spec(7, [Dense(20, "relu"), Dense(3)], precision="bfloat16")
    pair = [
        ready(engine(), spec).input_gradients(inputs / 255, output_gradients(spec))
        for engine in (ReferenceEngine, NativeEngine)
    ]
    assert np.abs(pair[0] - pair[1]).max() <= 2**-8


def test_bits_do_not_depend_on_threads_or_rows() -> None:
    layers = LAYERS["nested"]
    inputs = np.random.default_rng(0).standard_normal((ROWS, 7))
    actual = []
    for threads in (1, 2):
        spec = make_spec(7, layers, threads=threads)
        executable = ready(NativeEngine(), spec)
        executable.threads_for = lambda rows, threads=threads: threads
        actual.append(executable.input_gradients(np.tile(inputs, (20, 1)), np.tile(output_gradients(spec), (20, 1))))
    np.testing.assert_array_equal(actual[0], actual[1])
    np.testing.assert_array_equal(actual[0][:ROWS], actual[0][-ROWS:])
    np.testing.assert_array_equal(actual[0][3:4], executable.input_gradients(inputs[3:4], output_gradients(spec)[3:4]))


def test_they_follow_the_weights_of_a_training() -> None:
    """The first layer's transposed weight is no part of a training step, so it is made again."""
    spec = make_spec(7, [Dense(20, "tanh"), Dropout(0.5), Dense(3)], precision="float64")
    inputs = np.random.default_rng(0).standard_normal((ROWS, 7))
    executable, fresh = ready(NativeEngine(), spec), NativeEngine().compile(spec)
    before = executable.input_gradients(inputs, output_gradients(spec))
    executable.run(rows_for(spec), one_step(span_for(spec)))
    fresh.set_state(executable.get_state())
    after = executable.input_gradients(inputs, output_gradients(spec))
    np.testing.assert_array_equal(after, fresh.input_gradients(inputs, output_gradients(spec)))
    assert np.abs(after - before).max() > 0
    executable.restore(np.zeros(spec.network.parameter_table.size))
    assert not executable.input_gradients(inputs, output_gradients(spec)).any()


def test_refusals() -> None:
    spec = make_spec(7, [Dense(3, "softmax")], loss("categorical_cross_entropy"))
    executable = ready(NativeEngine(), spec)
    inputs = np.zeros((ROWS, 7))
    with pytest.raises(ShapeError, match="output gradients"):
        executable.input_gradients(inputs, np.zeros((ROWS, 2)))
    with pytest.raises(ShapeError, match="37 rows"):
        executable.input_gradients(inputs, np.zeros((3, 3)))
    inputs[4, 2] = np.nan
    with pytest.raises(DataError, match="row"):
        executable.input_gradients(inputs, output_gradients(spec))
