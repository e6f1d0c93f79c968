"""Plans as text: one that is reviewed as a whole, and what must be in all of them.

RANVIER_UPDATE_PLAN=1 pytest tests/native/test_plan_show.py writes the reviewed one again; read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ranvier.native.scheduling.plan import Plan, make_plan
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.show import show_plan
from ranvier.native.scheduling.tiles import Registers
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, LearnedScale, Residual
from ranvier.network.losses import loss
from ranvier.network.optimizers import LBFGS, SGD, Adam, Optimizer
from tests.native.against_reference import make_spec

GOLDEN = Path(__file__).with_name("plan_of_a_small_network.txt")
AVX2 = Machine(Registers(16, 2), 32 << 10, 512 << 10)
AVX512 = Machine(Registers(32, 1), 48 << 10, 2 << 20)


def small() -> Plan:
    """A plan with every kind of loop: a block, dropout, both norms."""
    layers = [
        Dense(24, "gelu"),
        Dropout(0.2),
        BatchNorm(),
        Residual([LayerNorm(), Dense(24, "tanh", bias=False)]),
        Dense(3, "softmax"),
    ]
    task = make_spec(10, layers, loss("categorical_cross_entropy"), Adam(), batch_size=64)
    return make_plan(task, "train", AVX2, 2)


def test_the_reviewed_plan() -> None:
    text = show_plan(small(), 2)
    if os.environ.get("RANVIER_UPDATE_PLAN"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def inner(width: int) -> st.SearchStrategy[list[Layer]]:
    """Layers that keep their width, residual blocks among them."""
    plain: st.SearchStrategy[Layer] = st.one_of(
        st.sampled_from([Dropout(0.0), Dropout(0.3), BatchNorm(), LayerNorm(), LearnedScale()]),
        st.builds(
            Dense,
            st.just(width),
            st.sampled_from(["relu", "gelu", "identity"]),
            bias=st.booleans(),
            groups=st.sampled_from([number for number in range(1, width + 1) if width % number == 0]),
        ),
    )
    blocks = st.recursive(
        plain, lambda layer: st.builds(Residual, st.lists(layer, min_size=1, max_size=2)), max_leaves=4
    )
    return st.lists(blocks, max_size=4)


@st.composite
def networks(draw: st.DrawFn) -> tuple[int, list[Layer]]:
    """Inputs and layers of a small network."""
    width = draw(st.integers(1, 40))
    first, last = Dense(width, "silu"), Dense(draw(st.integers(1, 20)))
    return draw(st.integers(1, 40)), [first, *draw(inner(width)), last]


def sections(text: str) -> dict[str, list[str]]:
    """The lines of the lists, by their titles."""
    parts = [part.splitlines() for part in text.strip().split("\n\n")]
    return {part[0].partition(":")[0]: part[1:] for part in parts}


@given(
    network=networks(),
    optimizer=st.sampled_from([SGD(0.1), Adam(clip_norm=1.0, ema_decay=0.9), LBFGS()]),
    batch=st.sampled_from([1, 7, 64, 300]),
    machine=st.sampled_from([AVX2, AVX512]),
    threads=st.integers(1, 4),
    learns=st.booleans(),
)
def test_plans_list_every_layer(
    network: tuple[int, list[Layer]], optimizer: Optimizer, batch: int, machine: Machine, threads: int, learns: bool
) -> None:
    task = make_spec(*network, optimizer=optimizer, batch_size=batch)
    purpose = ("gradient" if optimizer.full_batch else "train") if learns else "predict"
    plan = make_plan(task, purpose, machine, threads)
    text = show_plan(plan, threads)
    infos = list(task.network.iter_layers())
    lines = [line.split()[:2] for line in sections(text)["layers"]]
    assert lines == [[info.path, type(info.layer).__name__] for info in infos]
    words = " ".join(text.split())
    for info in infos:
        if isinstance(info.layer, Dense):
            assert re.search(rf" {info.path}: [^:]* W\b", words)
            assert words.count(f" {info.path}: dW = ") == int(learns)
    for entry in task.network.parameter_table:
        if learns and entry.trainable and not entry.name.endswith(".weight"):
            assert f" VectorGradient of {entry.name}: " in words
    assert [line.split()[0] for line in sections(text)["buffers"][:-1]] == [buffer.name for buffer in plan.buffers]
    if max(len(info.path) for info in infos) <= len("layers.0.layers.0"):
        assert max(map(len, text.splitlines())) <= 80
    assert 0 <= int(text.rpartition(": ")[2].rstrip("%\n")) <= 100


def test_plans_say_what_groups_are_worth() -> None:
    """Each product is listed with its size for one group and all units, and makes as many FLOPs as a row costs."""
    task = make_spec(8, [Dense(96, "relu"), Dense(48, "tanh", groups=3), Dense(2)], batch_size=64)
    text = show_plan(make_plan(task, "train", AVX2, 1))
    assert "layers.1   Dense 96 -> 48 in 3 groups" in text
    assert text.count("each of 3 groups'") == 3
    for product in ("64 x 32 x 48, 0.197", "64 x 16 x 96, 0.197", "32 x 64 x 48, 0.197"):
        assert f"{product} MFLOP" in text
    products = 2 * 64 * (2 * 8 * 96 + 3 * 32 * 48 + 3 * 48 * 2)
    assert f"{products / 1e6:,.3f} million FLOPs" in text


def test_expected_fraction_of_peak_falls_with_the_width() -> None:
    """Whole panels keep the units busy; one column of sixteen does not."""

    def fraction(units: int) -> int:
        task = make_spec(256, [Dense(units, "relu"), Dense(units)], batch_size=128)
        return int(show_plan(make_plan(task, "train", AVX2, 1)).rpartition(": ")[2].rstrip("%\n"))

    assert fraction(256) > 80 > 20 > fraction(1)
