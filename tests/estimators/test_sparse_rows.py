"""Sparse matrices: trained on as they are, by every way into an estimator, and every wrong one in one sentence."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import ranvier as rv
from ranvier.data.sources import source
from ranvier.errors import InputError
from ranvier.recipes.registry import recipe
from ranvier.rows import CSR

QUICK: dict[str, Any] = {"hidden": (4,), "epochs": 6, "random_state": 0, "engine": "reference"}
ROWS, WIDTH = 60, 40


def words(rows: int = ROWS, width: int = WIDTH, seed: int = 0) -> tuple[Any, Any]:
    """Rows with a few words each; the first word of a row is 0 or 1 and says which of two classes it belongs to."""
    generator = np.random.default_rng(seed)
    y = np.arange(rows) % 2
    indices = np.column_stack([y, generator.integers(2, width, (rows, 5))])
    coordinates = (np.repeat(np.arange(rows), 6), indices.ravel())
    return sparse.csr_array((np.ones(rows * 6), coordinates), shape=(rows, width)), y


X, Y = words()


def classifier(**changes: Any) -> rv.Classifier:
    return rv.Classifier(**{**QUICK, **changes})


def bits(fitted: Any) -> bytes:
    return b"".join(array.tobytes() for array in fitted.model_.parameters.values())


def test_a_hundred_thousand_columns_are_never_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rows: CSR) -> Any:
        raise AssertionError(f"rows of shape {rows.shape} were filled in")

    monkeypatch.setattr(CSR, "toarray", refuse)
    wide, y = words(200, 100_000)
    fitted = rv.Classifier(hidden=(4,), epochs=25, random_state=0).fit(wide, y)
    assert fitted.model_.training.mean_nnz == 6
    assert fitted.model_.report.split == {"training": 180, "validation": 20, "test": 0}
    assert fitted.score(wide, y) > 0.9
    assert pickle.loads(pickle.dumps(fitted)).predict_proba(wide).tobytes() == fitted.predict_proba(wide).tobytes()
    parts = rv.Regressor(hidden=(4,), random_state=0).partial_fit(wide[:100], y[:100]).partial_fit(wide[100:], y[100:])
    assert parts.predict(wide).shape == (200,)


def test_the_recipe_is_left_out_and_so_is_scaling() -> None:
    plain = classifier(recipe="plain").fit(X, Y)
    assert bits(classifier().fit(X, Y)) == bits(classifier(effort="best").fit(X, Y)) == bits(plain)
    inputs = plain.model_.inputs(X)
    assert inputs.n_dense == 0
    assert np.array_equal(inputs.toarray(), X.toarray())
    layers = [type(layer).__name__ for layer in classifier(dropout=0.3).fit(X, Y).model_.network.layers]
    assert layers == ["Dense", "Dropout", "Dense"]


def test_what_a_matrix_holds_is_what_counts() -> None:
    expected = classifier().fit(X, Y)
    order = np.random.default_rng(1).permutation(ROWS)
    assert bits(classifier().fit(X[order], Y[order])) == bits(expected)
    assert bits(classifier().fit(X.astype(np.uint8), Y)) == bits(expected)
    assert expected.predict_proba(X.toarray()).tobytes() == expected.predict_proba(X).tobytes()
    assert expected.predict(X[[3]].toarray()[0].tolist()).tolist() == expected.predict(X[[3]]).tolist()
    by_train = rv.train(X, Y, hidden=(4,), epochs=6, engine="reference")
    assert by_train.report.rows == ROWS
    assert by_train.predict(X).shape == (ROWS,)


def test_weights_of_rows_and_of_classes() -> None:
    doubled = classifier(validation=0.0).fit(X, Y, sample_weight=np.where(Y == 1, 2, 1))
    repeated = classifier(validation=0.0).fit(sparse.vstack([X, X[Y == 1]]), np.concatenate([Y, Y[Y == 1]]))
    assert bits(doubled) == bits(repeated)
    assert bits(classifier().fit(X, Y, sample_weight=np.linspace(0.1, 1, ROWS))) != bits(classifier().fit(X, Y))
    plain, heavy = classifier().fit(X, Y), classifier(class_weight={0: 1.0, 1: 50.0}).fit(X, Y)
    assert heavy.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()


def test_validation_rows_parts_and_warm_starts() -> None:
    with_validation = classifier().fit(X, Y, validation=(X[:20], Y[:20]))
    assert bits(classifier().fit(X, Y, validation=(X[:20].toarray(), Y[:20]))) == bits(with_validation)
    warm = classifier(warm_start=True, dropout=0.0, learning_rate=0.02).fit(X, Y)
    first = warm.loss_
    assert warm.fit(X, Y).n_iter_ == 12
    assert warm.loss_ < first
    parts = classifier().partial_fit(X[:30], Y[:30], classes=[0, 1]).partial_fit(X[30:], Y[30:])
    assert parts.n_iter_ == 2
    assert parts.partial_fit(X.toarray(), Y).n_iter_ == 3
    both = classifier().fit(X, np.column_stack([Y, 1 - Y]))
    assert both.predict(X).shape == (ROWS, 2)


def test_a_model_of_arrays_takes_sparse_rows_of_moderate_size(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = classifier(recipe="plain").fit(X.toarray(), Y)
    assert fitted.predict_proba(X).tobytes() == fitted.predict_proba(X.toarray()).tobytes()
    dense = (X.toarray() * 25).astype(np.uint8)
    pixels = classifier(recipe="plain").fit(dense, Y)
    assert bits(pixels) == bits(classifier(recipe="plain").fit(dense.astype(np.int64), Y))
    assert pixels.predict_proba(sparse.csr_array(dense)).tobytes() == pixels.predict_proba(dense).tobytes()
    monkeypatch.setattr(source, "MAX_DENSE_CELLS", X.shape[0] * X.shape[1] - 1)
    with pytest.raises(InputError, match=r"shape \(60, 40\), which is too large to fill in"):
        fitted.predict(X)


def with_value(value: float) -> Any:
    matrix = X.tolil()
    matrix[7, 5] = value
    return matrix.tocsr()


WRONG: dict[str, tuple[Any, str]] = {
    "a missing number": (lambda: classifier().fit(with_value(np.nan), Y), "X holds nan at row index 7,"),
    "an infinite number": (
        lambda: classifier().fit(with_value(np.inf), Y),
        "X holds inf at row index 7,",
    ),
    "a missing number to predict": (
        lambda: classifier().fit(X, Y).predict(with_value(np.nan)),
        "X holds nan at row index 7",
    ),
    "a number too large": (lambda: classifier().fit(with_value(1e300), Y), r"1e\+300 at column index 5; .*divide"),
    "another width": (
        lambda: classifier().fit(X, Y).predict(X[:, :9]),
        "X has 9 features, but Classifier is expecting",
    ),
    "another width of a model": (lambda: rv.train(X, Y, **PLAIN).predict(X[:, :9]), "have 9 numbers; .*takes 40"),
    "an array with missing numbers": (
        lambda: classifier().fit(X, Y).predict(np.full((1, WIDTH), np.nan)),
        "have missing values, and the model was trained on sparse rows",
    ),
    "more labels than rows": (lambda: classifier().fit(X, Y[:-1]), "X has 60 rows and y has 59"),
    "labels beside rows for train": (lambda: rv.train(X, Y[:-1], **PLAIN), r"60 rows and its targets have shape \(59,"),
    "no rows": (lambda: rv.train(X[:0], Y[:0], **PLAIN), r"has shape \(0, 40\)"),
    "a recipe for train": (lambda: rv.train(X, Y, recipe="table"), "recipe=.auto."),
    "a recipe of one's own": (
        lambda: classifier(recipe=recipe("table")).fit(X, Y),
        "recipe=.auto.",
    ),
    "an unknown recipe": (lambda: classifier(recipe="tabel").fit(X, Y), 'Did you mean "table"'),
    "an unknown effort": (lambda: classifier(effort="bset").fit(X, Y), 'Did you mean "best"'),
}
PLAIN: dict[str, Any] = {"hidden": (), "epochs": 1, "engine": "reference"}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_reported_in_one_sentence(name: str) -> None:
    call, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
