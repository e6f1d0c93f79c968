"""The structure of networks and optimizers: what remains without the values of hyper-parameters."""

from __future__ import annotations

from typing import Any

import pytest

import ranvier as rv
from ranvier.network.structure import network_structure, optimizer_structure

EQUAL: list[tuple[list[Any], list[Any]]] = [
    ([rv.Dense(3, l1=0.1, l2=0.2)], [rv.Dense(3, l1=0.5, l2=0.9)]),
    ([rv.Dense(3), rv.Dropout(0.1), rv.Dense(2)], [rv.Dense(3), rv.Dropout(0.9), rv.Dense(2)]),
    ([rv.Residual([rv.Dense(4, l2=0.1)])], [rv.Residual([rv.Dense(4, l2=0.3)])]),
]
DIFFERENT: list[tuple[list[Any], list[Any]]] = [
    ([rv.Dense(3, l2=0.2)], [rv.Dense(3)]),
    ([rv.Dense(3, l1=0.2)], [rv.Dense(3, l2=0.2)]),
    ([rv.Dense(3)], [rv.Dense(4)]),
    ([rv.Dense(3)], [rv.Dense(3, "relu")]),
    ([rv.Dense(3), rv.Dropout(0.1)], [rv.Dense(3), rv.Dropout(0.0)]),
    ([rv.Dense(3, trainable=False)], [rv.Dense(3)]),
    ([rv.Residual([rv.Dense(4, l2=0.1)])], [rv.Residual([rv.Dense(4)])]),
]


@pytest.mark.parametrize("layers", EQUAL, ids=str)
def test_values_do_not_count(layers: tuple[list[Any], list[Any]]) -> None:
    first, second = (network_structure(rv.Network(4, part)) for part in layers)
    assert first == second


@pytest.mark.parametrize("layers", DIFFERENT, ids=str)
def test_everything_else_does(layers: tuple[list[Any], list[Any]]) -> None:
    first, second = (network_structure(rv.Network(4, part)) for part in layers)
    assert first != second


def test_optimizers_are_of_one_structure_where_the_same_numbers_are_zero() -> None:
    assert optimizer_structure(rv.AdamW(0.1, weight_decay=0.1)) == optimizer_structure(rv.AdamW(0.2, weight_decay=0.3))
    different = [
        rv.SGD(0.1),
        rv.SGD(0.1, momentum=0.9),
        rv.SGD(0.1, momentum=0.9, nesterov=True),
        rv.SGD(0.1, clip_norm=1.0),
        rv.SGD(0.1, ema_decay=0.9),
        rv.Adam(0.1),
        rv.AdamW(0.1),
    ]
    assert len({optimizer_structure(optimizer) for optimizer in different}) == len(different)
