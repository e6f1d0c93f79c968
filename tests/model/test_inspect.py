"""Looking inside a model: layers with groups, and what the records print."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv


@pytest.fixture(scope="module")
def model() -> rv.Model:
    X = np.random.default_rng(0).normal(size=(20, 6))
    y = np.where(X[:, 0] > 0, "yes", "no")
    network = rv.Network(6, [rv.Dense(4, "tanh", groups=2), rv.Dense(2, "softmax")])
    return network.fit(X, y, epochs=1, engine="reference", progress=False)


def test_a_neuron_of_a_group_has_the_inputs_of_its_group(model: rv.Model) -> None:
    weight = model.parameters["layers.0.weight"]
    first, last = model.neuron(0, 1), model.neuron("layers.0", 2)
    assert first.inputs == ("x0", "x1", "x2")
    assert last.inputs == ("x3", "x4", "x5")
    assert first.weights.shape == last.weights.shape == (3,)
    np.testing.assert_array_equal(model.layer(0).weights[:, 2], last.weights)
    assert set(last.weights.tolist()) <= set(weight.ravel().tolist())


def test_weights_of_a_group_give_the_activations(model: rv.Model) -> None:
    X = np.random.default_rng(1).normal(size=(3, 6))
    for number in range(4):
        neuron = model.neuron(0, number)
        columns = [int(name.removeprefix("x")) for name in neuron.inputs]
        expected = np.tanh(X[:, columns] @ neuron.weights + neuron.bias)
        np.testing.assert_allclose(model.activations(X)[0].outputs[:, number], expected, rtol=1e-5)


def test_the_strongest_input_of_a_grouped_neuron_is_named(model: rv.Model) -> None:
    layer = model.layer(0)
    for number in range(4):
        neuron = model.neuron(0, number)
        strongest = neuron.inputs[int(np.abs(neuron.weights).argmax())]
        assert layer.inputs[layer.strongest[number]] == strongest
        assert strongest in str(layer)


def test_output_neurons_stand_for_classes(model: rv.Model) -> None:
    assert model.layer(1).labels == ("no", "yes")
    assert model.neuron(1, 1).stands_for == "yes"
    assert model.neuron(1, 1).inputs == tuple(f"layers.0 neuron {number}" for number in range(4))
    with pytest.raises(rv.InputError, match="neurons 0 to 1; there is no neuron 2"):
        model.neuron(1, 2)
