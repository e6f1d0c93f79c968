"""Trainings whose bits are the same on every processor: x86-64 with AVX2 or AVX-512, and 64-bit ARM (`on_arm.sh`).

A change that means to change bits writes new digests: they must come from two kinds of processors.
"""

from __future__ import annotations

from typing import Any

import pytest

from ranvier.engine import CompileSpec
from ranvier.network.constraints import MaxNorm
from ranvier.network.layers import Dense, Dropout, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import SGD, Adam, RMSprop
from tests.native.against_reference import make_spec
from tests.native.test_same_bits import classifier, trained

pytestmark = pytest.mark.usefixtures("own_cache")
MIXED: dict[str, dict[str, Any]] = {
    "48bec19225b166aa": {},
    "2e45dbc913e98ef8": {"precision": "float64"},
    "22bcfb605cf43fcd": {"precision": "bfloat16"},
    "d8748bbe2bb579b7": {"batch_size": 3},
}
ACTIVATIONS = {
    "sigmoid": "0ff770010c01659e",
    "tanh": "5c428d5254f643bd",
    "gelu": "b510e8b6d08e2512",
    "silu": "6ea7f27ce9c9d5ed",
    "mish": "f8b715f4a4154a83",
    "softplus": "ce0280ea2cd41911",
    "elu": "81ea804906dbe8b3",
}


ROUNDED: dict[str, CompileSpec] = {
    "bf0447c2a25f0bb4": make_spec(
        785, [Dense(129, "relu"), Dense(50, "tanh"), Dense(3)], None, Adam(0.01), batch_size=67, precision="bfloat16"
    ),
    "33e7572a58b342da": make_spec(
        31, [Dense(96, "gelu"), Residual([Dense(96, "relu"), Dense(96)]), Dense(10)], None, SGD(0.1),
        batch_size=128, precision="bfloat16", threads=2,
    ),
    "c13c443c67de4138": make_spec(
        1100, [Dense(160, "relu", constraint=MaxNorm(1.0)), Dense(144, "relu"), Dense(2)], None,
        Adam(0.01, clip_norm=1.0), batch_size=150, precision="bfloat16",
    ),
}  # fmt: skip


def regression(activation: str) -> CompileSpec:
    return make_spec(31, [Dense(40, activation), Dropout(0.2), Dense(3)], loss("huber"), RMSprop(), batch_size=19)


@pytest.mark.parametrize(("digest", "options"), MIXED.items())
def test_layers_of_all_kinds(digest: str, options: dict[str, Any]) -> None:
    assert trained(classifier(**options), 1)[:16] == digest


@pytest.mark.parametrize(("activation", "digest"), ACTIVATIONS.items())
def test_activations(activation: str, digest: str) -> None:
    assert trained(regression(activation), 1)[:16] == digest


@pytest.mark.parametrize(("digest", "task"), ROUNDED.items())
def test_bfloat16(digest: str, task: CompileSpec) -> None:
    """With the processor's own dot product, where it has one, and with float32 kernels."""
    assert trained(task, task.threads or 1)[:16] == digest


def test_the_digest_is_that_of_this_training() -> None:
    assert len({*MIXED, *ACTIVATIONS.values(), *ROUNDED}) == len(MIXED) + len(ACTIVATIONS) + len(ROUNDED)
