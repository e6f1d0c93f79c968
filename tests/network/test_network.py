"""Networks as descriptions: shapes, parameters, names, round trips and complaints."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.network.activations import ACTIVATIONS, activation
from ranvier.network.initializers import initializer
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, LearnedScale, Rescale, Residual
from ranvier.network.network import Network
from ranvier.network.task import Task

WIDTHS = st.integers(1, 9)
WORDS = {
    "activation": activation,
    "initializer": initializer,
    **{
        kind.__name__: kind for kind in (Network, Dense, Dropout, LayerNorm, BatchNorm, LearnedScale, Rescale, Residual)
    },
}
HIDDEN = sorted(set(ACTIVATIONS) - {"softmax"})


@st.composite
def networks(draw: st.DrawFn) -> Network:
    width = inputs = draw(WIDTHS)
    layers: list[Layer] = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["dense", "dropout", "layer_norm", "batch_norm", "learned_scale", "residual"]))
        if kind == "dense":
            groups = draw(st.sampled_from([1, *(number for number in range(2, 10) if width % number == 0)]))
            width = groups * draw(WIDTHS)
            options = {"bias": draw(st.booleans()), "l1": 0.1, "l2": 0.2, "groups": groups}
            layers.append(Dense(width, draw(st.sampled_from(HIDDEN)), **options))  # type: ignore[arg-type]
        elif kind == "residual":
            layers.append(Residual([Dense(draw(WIDTHS), "tanh"), Dense(width)]))
        else:
            layers.append(
                {"dropout": Dropout(0.3), "layer_norm": LayerNorm(), "batch_norm": BatchNorm()}.get(
                    kind, LearnedScale()
                )
            )
    return Network(inputs, [*layers, Dense(draw(st.integers(2, 9)), "softmax")])


@given(networks())
def test_network_to_dict_and_from_dict_round_trip(network: Network) -> None:
    again = Network.from_dict(network.to_dict())
    assert again == network
    assert again.parameter_table == network.parameter_table


@given(networks(), st.integers(0, 2**32))
def test_parameter_table_covers_the_flat_array_once(network: Network, seed: int) -> None:
    table = network.parameter_table
    covered = np.zeros(table.size, int)
    for entry in table:
        covered[entry.slice] += 1
    assert (covered == 1).all()
    assert table.trainable_count == network.parameter_count == int(table.trainable_mask().sum())
    flat = table.initial(seed)
    assert np.array_equal(flat, table.initial(seed))
    assert table.initial_for_seeds([seed + 1, seed])[1].tobytes() == flat.tobytes()
    views = table.views(flat)
    assert list(views) == [entry.name for entry in table]
    for entry in table:
        assert views[entry.name].shape == entry.shape
        assert np.shares_memory(views[entry.name], flat)


def test_parameter_names_and_shapes_of_nested_layers() -> None:
    network = Network(3, [Dense(4, "relu"), Residual([Dense(8), Dense(4)]), BatchNorm(), Dense(2, "softmax")])
    assert {entry.name: entry.shape for entry in network.parameter_table} == {
        "layers.0.weight": (3, 4),
        "layers.0.bias": (4,),
        "layers.1.layers.0.weight": (4, 8),
        "layers.1.layers.0.bias": (8,),
        "layers.1.layers.1.weight": (8, 4),
        "layers.1.layers.1.bias": (4,),
        "layers.2.scale": (4,),
        "layers.2.bias": (4,),
        "layers.2.running_mean": (4,),
        "layers.2.running_var": (4,),
        "layers.3.weight": (4, 2),
        "layers.3.bias": (2,),
    }
    assert network.parameter_count == 3 * 4 + 4 + 4 * 8 + 8 + 8 * 4 + 4 + 8 + 4 * 2 + 2
    assert network.macs == 12 + 32 + 32 + 8
    decayed = [entry.name for entry in network.parameter_table if entry.weight_decay]
    assert all(name.endswith("weight") for name in decayed)
    assert len(decayed) == 4


def test_groups_in_shapes_cost_and_files() -> None:
    """A neuron has as many weights as its group has inputs."""
    network = Network(6, [Dense(9, "relu", groups=3), Dense(2)])
    assert network.parameter_table["layers.0.weight"].shape == (2, 9)
    assert (network.parameter_count, network.macs) == (2 * 9 + 9 + 9 * 2 + 2, 2 * 9 + 9 * 2)
    assert [layer["groups"] for layer in network.to_dict()["layers"]] == [3, 1]
    assert [info.fan_in for info in network.iter_layers()] == [2, 9]


def test_every_group_is_initialized_as_a_separate_layer() -> None:
    """Weights fit the inputs and units of a group, and those of different groups differ."""
    network = Network(800, [Dense(600, "tanh", groups=2), Dense(30, initializer="orthogonal", groups=3)])
    weights = network.parameter_table.views(network.parameter_table.initial(1))
    first, second = np.split(weights["layers.0.weight"], 2, axis=1)
    for part in (first, second):
        assert part.var() == pytest.approx(2 / (400 + 300), rel=0.05)
    assert not np.array_equal(first, second)
    for part in np.split(weights["layers.1.weight"], 3, axis=1):
        np.testing.assert_allclose(part.T @ part, np.eye(10), atol=1e-12)
    alone = Network(400, [Dense(300, "tanh")])
    assert np.array_equal(first, alone.parameter_table.views(alone.parameter_table.initial(1))["layers.0.weight"])


def test_default_initializer_of_every_activation() -> None:
    """He weights for relu, Glorot for tanh: variance 2 / K and 2 / (K + N)."""
    network = Network(400, [Dense(300, "relu"), Dense(200, "tanh")])
    weights = network.parameter_table.views(network.parameter_table.initial(1))
    assert weights["layers.0.weight"].var() == pytest.approx(2 / 400, rel=0.05)
    assert weights["layers.1.weight"].var() == pytest.approx(2 / 500, rel=0.05)
    assert not weights["layers.0.bias"].any()


def test_layers_of_equal_shape_have_different_initial_weights() -> None:
    network = Network(4, [Dense(4, "relu"), Dense(4, "relu")])
    weights = network.parameter_table.views(network.parameter_table.initial(0))
    assert not np.array_equal(weights["layers.0.weight"], weights["layers.1.weight"])


def test_custom_activation_survives() -> None:
    from ranvier.expression import sigmoid

    swish = activation("swish", lambda x: x * sigmoid(x))
    network = Network(2, [Dense(3, swish), Dense(1)])
    assert Network.from_dict(network.to_dict()) == network


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network(0, [Dense(1)]), "Network: inputs is 0"),
        (lambda: Network(2, []), "no layers"),
        (lambda: Network(2, Dense(1)), "use a list"),
        (lambda: Network(2, [5]), "layer 0 is 5"),
        (lambda: Network(2, [Dense(3, "softmax"), Dense(1)]), "only the output layer"),
        (lambda: Network(2, [Dense(1, "softmax")]), "one softmax neuron"),
        (lambda: Network(2, [Residual([Dense(3)])]).outputs, "has 2 inputs and 3 outputs"),
        (lambda: Dense(0), "Dense: units is 0"),
        (lambda: Dense(2.5), "Dense: units is 2.5"),  # type: ignore[arg-type]
        (lambda: Dense(True), "Dense: units is True"),
        (lambda: Dense(4, groups=0), "Dense: groups is 0"),
        (lambda: Dense(4, groups=1.5), "Dense: groups is 1.5"),  # type: ignore[arg-type]
        (lambda: Dense(10, groups=4), "10 units cannot be divided into 4 equal groups; use a multiple of 4"),
        (
            lambda: Network(2, [Dense(3), Dense(4, groups=2)]),
            "layers.1 has 3 inputs, which cannot be divided into 2 equal groups",
        ),
        (lambda: Dense(3, "rleu"), 'Did you mean "relu"'),
        (lambda: Dense(3, l2=-1), "Dense: l2 is -1"),
        (lambda: Dropout(1.0), "Dropout: rate is 1.0"),
        (lambda: LayerNorm(0.0), "LayerNorm: epsilon is 0.0"),
        (lambda: BatchNorm(momentum=1.5), "BatchNorm: momentum is 1.5"),
        (lambda: Network(2, [Dense(1)]).parameter_table["layers.0.wieght"], 'Did you mean "layers.0.weight"'),
        (lambda: Network.from_dict({"inputs": 1, "layers": [{"kind": "conv"}]}), "no layer of kind 'conv'"),
        (lambda: Task("binary", 1), "2 classes; 0 were given"),
        (lambda: Task("riddle", 1), "must be one of"),
    ],
)
def test_network_errors(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


@given(networks())
def test_repr_of_a_network_is_the_constructor_call(network: Network) -> None:
    assert eval(repr(network), WORDS) == network


def test_repr_of_a_network_leaves_defaults_out() -> None:
    assert repr(Dense(3)) == "Dense(3)"
    leaky = Dense(3, activation("leaky_relu", slope=0.1), initializer="normal", bias=False)
    assert repr(leaky) == "Dense(3, activation('leaky_relu', slope=0.1), initializer='normal', bias=False)"
    assert eval(repr(leaky), WORDS) == leaky
    square = activation("own", lambda x: x * x)
    assert repr(Dense(3, square, initializer=initializer("uniform", limit=0.5))) == (
        "Dense(3, activation('own', lambda x: x * x), initializer=initializer('uniform', limit=0.5))"
    )
    assert repr(Dense(3, activation("identity"), initializer="zeros")) == "Dense(3, initializer='zeros')"
