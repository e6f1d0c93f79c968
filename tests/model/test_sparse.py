"""Sparse X from the public side: what is taken, what is refused, and everything a model does with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import ranvier as rv
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.rows import CSR, Rows
from ranvier.rows.csr import as_csr
from ranvier.training import loop
from ranvier.training.runner import fingerprint
from tests.model.trial import ENGINES, bits, fit

WIDTH = 50


def words(rows: int = 60, seed: int = 0) -> tuple[Any, Any]:
    """Counts of words in rows, some without any, and which of two topics they are about."""
    generator = np.random.default_rng(seed)
    X = sp.csr_array(generator.poisson(0.08, (rows, WIDTH)).astype(np.float64))
    return X, np.asarray(X @ generator.normal(size=WIDTH) > 0).astype(int)


def net(hidden: int = 6) -> rv.Network:
    return rv.Network(WIDTH, [rv.Dense(hidden, "tanh"), rv.Dense(2, "softmax")])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    X, y = words()
    X = X.tolil()
    X[7, 4] = value
    with pytest.raises(DataError, match=r"at row index 7, column index 4"):
        fit(net(), X, y)


def test_what_does_not_fit_is_refused() -> None:
    X, y = words()
    for inputs in (X[:, :49], sp.coo_array(np.ones(WIDTH))):
        with pytest.raises(ShapeError, match="50 numbers a row"):
            fit(net(), inputs, y)
    with pytest.raises(ShapeError, match="60 rows"):
        fit(net(), X, y[:-1])
    with pytest.raises(DataError, match="complex128"):
        fit(net(), X.astype(np.complex128), y)
    with pytest.raises(InputError, match=r"first layer an rv\.Dense"):
        fit(rv.Network(WIDTH, [rv.Dropout(0.1), rv.Dense(2, "softmax")]), X, y)
    with pytest.raises(InputError, match=r"first layer has 2 groups.*X\.toarray"):
        fit(rv.Network(WIDTH, [rv.Dense(4, groups=2), rv.Dense(2, "softmax")]), X, y)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_takes_sparse_and_dense_rows(engine: str) -> None:
    X, y = words()
    dense = X.toarray()
    model = fit(net(), X, y, engine=engine, epochs=40, optimizer=rv.Adam(0.02))
    assert model.engine == engine
    assert model.evaluate(X, y)["accuracy"] > 0.9
    assert np.allclose(model.outputs(X), model.outputs(dense), rtol=0, atol=1e-12 if engine == "reference" else 0)
    assert np.array_equal(model.predict(X), model.predict(dense))
    assert model.probabilities(X[:3]).shape == (3, 2)
    assert [layer.outputs.shape for layer in model.activations(X[:3])] == [(3, 6), (3, 2)]
    actual, expected = model.gradients(X, y), model.gradients(dense, y)
    for name in expected:
        assert np.allclose(actual[name], expected[name], rtol=0, atol=1e-6)
    trained_dense = fit(net(), dense, y, engine=engine)
    assert trained_dense.outputs(X).shape == (60, 2)


@pytest.mark.parametrize("engine", ENGINES)
def test_training_with_everything_around_it(engine: str) -> None:
    X, y = words()
    weights = np.arange(60.0)
    options: dict[str, Any] = {"engine": engine, "sample_weight": weights, "class_weight": "balanced", "epochs": 3}
    sparse = fit(net(), X, y, validation=0.2, callbacks=[rv.EarlyStopping(5)], **options)
    assert sparse.history[-1].validation_loss is not None
    # Validation rows of the other kind become rows of the kind that is trained on.
    held = fit(net(), X, y, validation=(X.toarray(), y), **options).history[-1].validation_loss
    assert held == fit(net(), X, y, validation=(X, y), **options).history[-1].validation_loss
    assert fit(net(), X.toarray(), y, validation=(X, y), **options).history[-1].validation_loss is not None


@pytest.mark.parametrize("engine", ENGINES)
def test_sgd_makes_the_ordinary_steps(engine: str) -> None:
    X, y = words()
    settings: dict[str, Any] = {"engine": engine, "optimizer": rv.SGD(0.1)}
    sparse, dense = fit(net(), X, y, **settings), fit(net(), X.toarray(), y, **settings)
    for name, values in dense.parameters.items():
        assert np.allclose(sparse.parameters[name], values, rtol=0, atol=1e-12 if engine == "reference" else 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_full_batches(engine: str) -> None:
    X, y = words()
    sparse = fit(net(), X, y, engine=engine, optimizer="lbfgs", epochs=5)
    dense = fit(net(), X.toarray(), y, engine=engine, optimizer="lbfgs", epochs=5)
    assert sparse.history[-1].loss == pytest.approx(dense.history[-1].loss, rel=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_resuming_gives_the_same_bits(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = words()
    settings: dict[str, Any] = {"engine": engine, "optimizer": rv.Adam(0.01, ema_decay=0.9), "batch_size": 8}
    full = fit(net(), X, y, epochs=6, **settings)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "SPAN_SECONDS", 0.0)
        fit(net(), X, y, epochs=3, checkpoint=tmp_path, **settings)
    assert bits(fit(net(), X, y, epochs=6, checkpoint=tmp_path, **settings)) == bits(full)
    with pytest.raises(InputError, match="other rows"):
        fit(net(), 2 * X, y, epochs=6, checkpoint=tmp_path, **settings)


def test_saving_and_going_on(tmp_path: Path) -> None:
    X, y = words()
    model = fit(net(), X, y)
    model.save(tmp_path / "words.rv")
    actual = rv.load(tmp_path / "words.rv")
    assert np.array_equal(actual.outputs(X), model.outputs(X))
    assert actual.parameters["layers.0.weight"].shape == (WIDTH, 6)
    assert actual.training.mean_nnz == as_csr(X, WIDTH).mean_nnz
    actual.fit(X.toarray(), y, epochs=1)
    assert actual.training.mean_nnz is None
    actual.fit(X, y, epochs=1)
    assert "entries W" in actual.plan(threads=1)


def test_rows_that_differ_have_other_fingerprints() -> None:
    X, y = words()
    settings, targets = fit(net(), X, y, epochs=1).training, np.eye(2)[y]
    rows = as_csr(X[:, :-1], WIDTH - 1)
    right = CSR(rows.data, rows.indices, rows.indptr, WIDTH)
    moved = CSR(rows.data, rows.indices + np.int32(1), rows.indptr, WIDTH)
    scaled = CSR(2 * rows.data, rows.indices, rows.indptr, WIDTH)
    marks = {fingerprint(net(), settings, Rows(inputs, targets), None) for inputs in (right, moved, scaled)}
    assert len(marks) == 3


def test_ranvier_does_not_import_scipy() -> None:
    code = "import sys, ranvier as rv; rv.Network(2, [rv.Dense(1)]); sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
