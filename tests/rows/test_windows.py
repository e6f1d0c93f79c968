"""Windows of a text are the CSR rows that they stand for, in training, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import ShapeError
from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.plain import PlainRecipe
from ranvier.recipes.recipe import TrainingSetup
from ranvier.rows import Inputs, Rows, Windows, as_inputs


@given(st.integers(1, 5), st.integers(2, 6), st.lists(st.integers(0, 5), min_size=5, max_size=30))
def test_every_row_is_the_one_hot_code_of_its_window(width: int, symbols: int, text: list[int]) -> None:
    codes = np.array(text, np.uint16) % symbols
    ends = np.arange(width, len(codes) + 1, dtype=np.int64)
    rows = Windows(codes, ends, width, symbols)
    expected = np.zeros((len(ends), width, symbols), np.float32)
    for row, end in enumerate(ends):
        for offset in range(width):
            expected[row, offset, codes[end - width + offset]] = 1.0
    assert (rows.toarray() == expected.reshape(len(ends), -1)).all()
    order = np.arange(len(ends))[::-2].astype(np.int64)
    assert (rows[order].toarray() == rows.toarray()[order]).all()
    assert as_inputs(rows).shape == rows.shape
    assert rows.in_memory().mean_nnz == rows.mean_nnz


def test_windows_outside_the_text_are_refused() -> None:
    codes = np.zeros(5, np.uint16)
    for ends, symbols in (([1], 2), ([6], 2)):
        with pytest.raises(ShapeError, match="must end at 2 to 5"):
            Windows(codes, np.array(ends, np.int64), 2, symbols)
    with pytest.raises(ShapeError, match="must be in 0 to 1"):
        Windows(codes + 2, np.array([2], np.int64), 2, 2)
    with pytest.raises(ShapeError, match="int64"):
        Windows(codes, np.array([2], np.int32), 2, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_training_on_windows_has_the_bits_of_training_on_their_csr_rows(engine: str) -> None:
    codes = np.random.default_rng(0).integers(0, 20, 160).astype(np.uint16)
    windows = Windows(codes, np.arange(3, 160, dtype=np.int64), 3, 20)
    targets = codes[windows.ends].astype(np.int32)[:, None]
    network, task = Network(60, [Dense(8, "silu"), Dense(20, "softmax")]), Task("multiclass", 20, tuple(range(20)))
    results: list[Any] = []
    for rows in (windows, windows.in_memory()):
        learned = Rows(Inputs(None, rows), targets)
        recipe, options = PlainRecipe(), TrainOptions(engine=engine, epochs=2, batch_size=32, hidden=(8,))
        options = recipe.complete(options)
        settings = recipe.settings(network, task, options, len(learned), (), True).on(learned.inputs)
        results.append(recipe.train(TrainingSetup(network, settings, task, learned, learned.take(slice(0, 50)))))
    assert (results[0].parameters == results[1].parameters).all()
    assert [epoch.validation_loss for epoch in results[0].history] == [
        epoch.validation_loss for epoch in results[1].history
    ]


def test_a_large_evaluation_goes_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    from ranvier.engine import State
    from ranvier.native import resident
    from ranvier.native.engine import NativeEngine
    from ranvier.network.optimizers import SGD

    codes = np.random.default_rng(0).integers(0, 20, 100).astype(np.uint16)
    windows = Windows(codes, np.arange(3, 100, dtype=np.int64), 3, 20)
    rows = Rows(windows, codes[windows.ends].astype(np.int32)[:, None])
    network = Network(60, [Dense(20, "softmax")])
    options = PlainRecipe().complete(TrainOptions(hidden=()))
    settings = PlainRecipe().settings(network, Task("multiclass", 20, tuple(range(20))), options, 97, (), False)
    spec = replace(settings.on(rows.inputs).compile_spec(network), optimizer=SGD())
    executable = NativeEngine().compile(spec)
    parameters = network.parameter_table.initial(0, np.float32)
    executable.set_state(State(parameters, np.zeros((0, parameters.size), np.float32), 0))
    expected = executable.evaluate(executable.upload(rows))
    monkeypatch.setattr(resident, "AT_ONCE", 40)
    parts = executable.evaluate(executable.upload(rows))
    assert (parts[1] == expected[1]).all()
    assert parts[0] == pytest.approx(expected[0], rel=1e-12)
