"""Sparse matrices as a source: what is taken and how, what is refused, and what comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as some

from ranvier.data import Arrays, encoder_from_dict, fit_encoder, open_source, prepare
from ranvier.data.splitting.canonical_order import canonical_order
from ranvier.errors import DataError, InputError
from ranvier.rows.csr import as_csr

WIDTH = 50
CELLS = some.sampled_from([0.0, -0.0, 1.5, -2.0])


def arranged(source: Any, values: Any, weight: Any = None) -> tuple[Any, Any, Any]:
    """The rows in canonical order, their targets and their weights."""
    index, weights = canonical_order(source, values, weight)
    return source.take(index), values[index], weights


def counts(rows: int = 60) -> Any:
    return sp.csr_array(np.random.default_rng(0).poisson(0.08, (rows, WIDTH)).astype(np.float64))


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok"])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, np.bool_])
def test_every_scipy_format_is_read(form: str, kind: type) -> None:
    X = counts()
    given = X.astype(kind).asformat(form)
    rows = as_csr(given, WIDTH)
    assert np.array_equal(rows.toarray(), X.toarray().astype(kind))
    assert rows.dtype == (np.float32 if kind is np.float32 else np.float64)
    assert np.array_equal(as_csr(sp.csr_matrix(given), WIDTH).toarray(), rows.toarray())


def test_unsorted_entries_are_sorted_and_x_is_not_changed() -> None:
    arrays = (np.array([2.0, 3.0, 0.0, 4.0, 5.0, -5.0]), [3, 1, 0, 3, 2, 2], [0, 4, 4, 6])
    X = sp.csr_array(arrays, shape=(3, WIDTH))
    rows = as_csr(X, WIDTH)
    assert (rows.indices.tolist(), rows.data.tolist(), rows.indptr.tolist()) == ([1, 3], [3.0, 6.0], [0, 2, 2, 2])
    assert X.indices.tolist() == [3, 1, 0, 3, 2, 2]
    pixels = as_csr(sp.csr_array(np.array([[0, 51, 255]], np.uint8)), 3)
    assert pixels.data.tolist() == [51.0, 255.0]
    assert as_csr(pixels, 3) is pixels


def test_unusable_sparse_matrices_are_refused() -> None:
    with pytest.raises(InputError, match="at most"):
        as_csr(sp.csr_array((1, 2**31)), 2**31)
    for shape in ((0, 3), (3, 0)):
        with pytest.raises(DataError, match="both at least 1"):
            open_source(sp.csr_array(shape))
    with pytest.raises(DataError, match=r"60 rows and its targets have shape \(59,\)"):
        open_source(counts(), np.zeros(59))


@given(some.lists(some.tuples(CELLS, CELLS, CELLS, some.integers(0, 1)), min_size=1, max_size=12))
def test_canonical_order_equals_that_of_dense_rows(rows: list[tuple[Any, ...]]) -> None:
    inputs, values = np.array([row[:3] for row in rows]), np.array([row[3] for row in rows])
    dense, y, _ = arranged(Arrays(inputs, None, "the rows", (3,)), values)
    thin, y_thin, _ = arranged(open_source(sp.csr_array(inputs)), values)
    assert y_thin.tolist() == y.tolist()
    assert np.array_equal(thin.inputs.toarray(), dense.inputs)


def test_sparse_rows_are_split_unchanged() -> None:
    X = counts()
    prepared = prepare(X, np.arange(60) % 3, validation=0.2, test=0.1)
    parts = (prepared.train, prepared.validation, prepared.test)
    arrays = (prepared.train_rows, prepared.validation_rows, prepared.test_rows)
    for part, rows in zip(parts, arrays, strict=True):
        assert part.inputs.n_dense == 0
        assert part.inputs.csr.dtype == np.float32
        assert np.array_equal(part.inputs.toarray(), X.toarray()[rows])
    assert sorted(np.concatenate(arrays)) == list(range(60))
    assert prepared.encoder.describe() == [("50 inputs", "sparse rows", "x", "")]


def test_the_encoder_of_sparse_rows_reads_every_container() -> None:
    X = counts()
    encoder = fit_encoder(open_source(X))
    assert encoder_from_dict(encoder.to_dict()) == encoder
    for source in (X, X.toarray(), X.astype(np.uint8), X.astype(np.uint8).toarray(), as_csr(X, WIDTH)):
        assert np.array_equal(encoder.transform(source).toarray(), X.toarray())
    row = X.toarray()[0]
    assert np.array_equal(encoder.transform(row.tolist()).toarray(), row[None])
    for value, words in ((np.inf, "hold inf at row index 1, column index 2"), (1e39, "hold 1e.39 at column index 2")):
        with pytest.raises(DataError, match=words):
            encoder.transform(np.where(np.arange(2 * WIDTH) == WIDTH + 2, value, 0.0).reshape(2, WIDTH))
