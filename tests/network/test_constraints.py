"""Layers that are frozen, learn at a rate of their own or hold their weights to a constraint, as records."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.errors import InputError
from ranvier.network.constraints import CONSTRAINTS, MaxNorm, NonNegative, constraint_from_dict
from ranvier.network.layers import (
    BatchNorm,
    Dense,
    Layer,
    LayerNorm,
    LearnedScale,
    Residual,
    layer_from_dict,
    layer_to_dict,
)
from ranvier.network.network import Network

LAYERS: list[Layer] = [
    Dense(3, trainable=False),
    Dense(3, learning_rate_factor=0.1),
    Dense(3, constraint=NonNegative()),
    Dense(3, constraint=MaxNorm(3.0), trainable=False, learning_rate_factor=2.0),
    LayerNorm(trainable=False),
    BatchNorm(0.5, learning_rate_factor=0.1),
    LearnedScale(trainable=False),
    Residual([Dense(3, trainable=False)]),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_round_trip(layer: Layer) -> None:
    assert layer_from_dict(layer_to_dict(layer)) == layer
    names = {"Dense": Dense, "LayerNorm": LayerNorm, "BatchNorm": BatchNorm, "LearnedScale": LearnedScale}
    names |= {"Residual": Residual, "NonNegative": NonNegative, "MaxNorm": MaxNorm}
    assert eval(repr(layer), names) == layer


def test_usual_layers_are_written_as_before() -> None:
    """Digests of networks in checkpoints are taken over these values."""
    assert layer_to_dict(LayerNorm()) == {"kind": "layer_norm", "epsilon": 1e-5}
    assert layer_to_dict(LearnedScale()) == {"kind": "learned_scale"}
    assert not {"trainable", "learning_rate_factor", "constraint"} & set(layer_to_dict(Dense(3)))


def test_names_and_unknown_kinds() -> None:
    assert Dense(3, constraint="max_norm").constraint == MaxNorm(2.0)
    assert set(CONSTRAINTS) == {"non_negative", "max_norm"}
    with pytest.raises(InputError, match="no constraint of kind 'unit'"):
        constraint_from_dict({"kind": "unit"})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(3, constraint=1.0), "Use rv.NonNegative"),  # type: ignore[arg-type]
        (lambda: Dense(3, constraint="max_nrom"), "Did you mean"),
        (lambda: Dense(3, trainable=0.5), "True or False"),  # type: ignore[arg-type]
        (lambda: LayerNorm(learning_rate_factor=0), "trainable=False freezes"),
        (lambda: Dense(3, learning_rate_factor=-1), "learning_rate_factor is -1"),
        (lambda: MaxNorm(0), "limit is 0"),
    ],
)
def test_errors(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


def test_a_frozen_layer_has_no_penalty_and_counts_as_parameters() -> None:
    network = Network(2, [Dense(3, trainable=False, l2=1.0), BatchNorm(trainable=False), Dense(1)])
    table = network.parameter_table
    assert (network.parameter_count, table.trainable_count) == (3 * 3 + 6 + 4, 4)
    assert table.penalty(np.ones(table.size)) == 0.0
    assert "Dense 3, identity, frozen" in str(network.summary())


def test_initial_weights_fulfil_the_constraint() -> None:
    network = Network(50, [Dense(40, constraint=NonNegative()), Dense(7, constraint=MaxNorm(0.1))])
    views = network.parameter_table.views(network.parameter_table.initial(0))
    assert views["layers.0.weight"].min() == 0.0
    assert np.linalg.norm(views["layers.1.weight"], axis=0).max() <= 0.1 * (1 + 1e-12)
