"""The recipe "table" for tables whose columns give a dense and a CSR block: numbers beside bags of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import Table
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.engine import CompileSpec, Span, State
from ranvier.errors import EngineError, InputError
from ranvier.network.losses import loss
from ranvier.recipes.registry import recipe
from ranvier.recipes.table import TableRecipe
from ranvier.rows import CSR, Inputs, Rows
from ranvier.training.engines import engine
from tests.data.columns.test_kinds import REVIEWS, WordsEncoder

ENGINES = ("native", "reference")
KINDS = {"text": "words", "title": "words"}
SMALL: dict[str, Any] = {"hidden": (4,), "epochs": 3, "progress": False, "test": 0.0, "seed": 1}


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLUMN_KINDS, "words", WordsEncoder)


def reviews(*columns: str, target: Any = None) -> Table:
    cells: dict[str, Any] = {name: REVIEWS[name] for name in columns}
    cells["stars"] = REVIEWS["stars"] if target is None else target
    kinds = {name: kind for name, kind in KINDS.items() if name in columns}
    return Table(pl.DataFrame(cells), "the reviews", kinds=kinds)


@pytest.mark.parametrize(
    ("name", "task"), [("native", "regression"), ("native", "multiclass"), ("reference", "regression")]
)
def test_an_ensemble_on_both_blocks_is_merged_saved_and_asked_for_one_row(name: str, task: str, tmp_path: Path) -> None:
    target = None if task == "regression" else ["high", "low", "high", "middle"] * 20
    table_recipe = TableRecipe(n_networks=2, n_folds=2, min_steps=10)
    table = reviews("text", "title", "price", "shop", target=target)
    model = rv.train(table, target="stars", recipe=table_recipe, engine=name, task=task, **SMALL)
    assert (model.engine, model.report.recipe, len(model.report.members)) == (name, "table", 4)
    assert [type(layer) for layer in model.network.layers] == [rv.Dense, rv.Dropout, rv.Dense]
    assert model.inputs(REVIEWS).n_csr == 7
    outputs = model.outputs(REVIEWS)
    assert outputs.std(axis=0).min() > 0
    model.save(tmp_path / "reviews.rv")
    loaded = rv.load(tmp_path / "reviews.rv")
    assert loaded.outputs(REVIEWS).tobytes() == outputs.tobytes()
    row = {name: cells[1] for name, cells in REVIEWS.items()}
    np.testing.assert_allclose(loaded.outputs(row)[0], outputs[1], rtol=1e-5)


def test_without_dense_columns_nothing_is_scaled() -> None:
    model = rv.train(reviews("text"), target="stars", recipe="table", effort="fast", engine="native", **SMALL)
    assert model.inputs(REVIEWS).shape == (80, 4)
    assert recipe("table").network(5, model.task, rv_options(), n_csr=5).layers[0] == rv.Dense(4, "silu")


def rv_options() -> Any:
    from ranvier.recipes.options import TrainOptions

    return TrainOptions(hidden=(4,))


def test_words_beside_numbers_help() -> None:
    options: dict[str, Any] = {"recipe": "table", "effort": "fast", "engine": "native", "task": "regression"}
    options |= {**SMALL, "epochs": 20}
    with_words = rv.train(reviews("text", "price"), target="stars", **options)
    without = rv.train(reviews("price"), target="stars", **options)
    assert with_words.evaluate(REVIEWS)["rmse"] < without.evaluate(REVIEWS)["rmse"]


def blocks(count: int = 24) -> Rows:
    """Rows with 3 dense and 5 CSR inputs, and 2 targets."""
    generator = np.random.default_rng(3)
    cells = np.where(generator.random((count, 5)) < 0.4, generator.normal(size=(count, 5)), 0.0)
    csr = CSR.from_dense(cells.astype(np.float32))
    dense = generator.normal(size=(count, 3)).astype(np.float32)
    return Rows(Inputs(dense, csr), generator.normal(size=(count, 2)).astype(np.float32))


LAYERS = [rv.LearnedScale(3), rv.LearnedScale(3), rv.Dense(6, "tanh"), rv.Dense(2)]


@pytest.mark.parametrize("precision", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("clip", [None, 0.3])
def test_engines_agree_on_factors_of_the_dense_block(precision: str, clip: float | None) -> None:
    optimizer, rows = rv.AdamW(0.01, clip_norm=clip), blocks()
    network = rv.Network(8, LAYERS)
    spec = CompileSpec(
        network, loss("squared_error"), optimizer, batch_size=8, precision=precision, mean_nnz=2, n_dense=3
    )
    flat = network.parameter_table.initial(0)
    scalars = optimizer.scalar_values(np.arange(1, 7), np.full(6, 0.01))
    span = Span(np.arange(48) % 24, np.arange(7) * 8, scalars)
    outputs = []
    for name in ENGINES:
        executable = engine(name).compile(spec)
        executable.set_state(State(flat, optimizer.initial_slots(flat), 0))
        _, gradient = executable.loss_and_gradient(rows)
        losses = executable.run(executable.upload(rows), span)
        values = executable.activations(rows.inputs)
        assert [layer.outputs.shape[1] for layer in values] == [3, 3, 6, 2]
        outputs.append((gradient, losses, executable.snapshot(), executable.outputs(rows.inputs), values[1].outputs))
        assert executable.evaluate(rows)[1].shape == (24, 2)
    tolerance = {"float64": 1e-9, "float32": 2e-4, "bfloat16": 2e-2}[precision]
    for ours, theirs in zip(*outputs, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    assert not np.array_equal(outputs[1][2][:6], flat[:6])


def test_factors_of_some_columns_of_a_dense_block_are_left_to_the_reference() -> None:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(30, 4)), generator.normal(size=30)
    network = rv.Network(4, [rv.LearnedScale(2), rv.Dense(1)])
    model = network.fit(X, y, epochs=2, engine="auto", progress=False)
    assert model.engine == "reference"
    assert model.parameters["layers.0.scale"].shape == (2,)
    scaled = X * [*model.parameters["layers.0.scale"], 1.0, 1.0]
    expected = scaled @ model.parameters["layers.1.weight"] + model.parameters["layers.1.bias"]
    np.testing.assert_allclose(model.outputs(X), expected, rtol=1e-9)
    with pytest.raises(EngineError, match="scales 2 of 4 columns"):
        network.fit(X, y, epochs=1, engine="native", progress=False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rv.LearnedScale(0), "columns"),
        (lambda: rv.Network(2, [rv.LearnedScale(3), rv.Dense(1)]), "scales 3 columns and has 2 inputs"),
        (
            lambda: CompileSpec(
                rv.Network(8, LAYERS), loss("squared_error"), rv.SGD(), batch_size=1, mean_nnz=2, n_dense=2
            ),
            r"the first layer is LearnedScale\(3\); make the first layer an rv.Dense, or LearnedScale\(2\)",
        ),
    ],
)
def test_factors_that_do_not_fit_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_layers_are_read_back_and_those_of_before_are_written_as_before() -> None:
    network = rv.Network(8, [rv.LearnedScale(), *LAYERS])
    assert rv.Network.from_dict(network.to_dict()) == network
    assert network.to_dict()["layers"][0] == {"kind": "learned_scale"}
