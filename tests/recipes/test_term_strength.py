"""Strengths of terms: what they need in memory, and that the sums do not depend on the parts that rows are read in."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ranvier.network.task import Task
from ranvier.recipes import term_strength
from ranvier.recipes.term_strength import mean_norm, scaled, term_strengths
from ranvier.rows import CSR, Inputs, Rows, csr
from ranvier.rows.csr_view import CSRView


def rows_of(count: int, entries: int, columns: int, classes: int, dtype: type = np.float32) -> Rows:
    """Rows with so many entries each, in columns drawn for each."""
    generator = np.random.default_rng(3)
    step = columns // entries
    indices = generator.integers(0, step, (count, entries)) + np.arange(entries) * step
    indptr = np.arange(count + 1, dtype=np.int64) * entries
    data = generator.random(count * entries).astype(dtype)
    inputs = Inputs(None, CSR(data, indices.reshape(-1).astype(np.int32), indptr, columns))
    targets = np.eye(classes, dtype=np.float32)[generator.integers(0, classes, count)]
    return Rows(inputs, targets, generator.random(count))


@pytest.mark.parametrize("at_once", [1, 70, 1 << 20])
def test_sums_have_the_bits_of_sums_over_all_rows_at_once(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(50, 7, 35, 3)
    entries, weights = rows.inputs.entries, rows.weights
    assert entries is not None
    assert weights is not None
    expected = np.bincount(entries.indices, np.repeat(weights, 7), 35)
    monkeypatch.setattr(csr, "ENTRIES_AT_ONCE", at_once)
    view = CSRView.of(entries)
    assert np.array_equal(term_strength._sums(view, weights), expected)
    assert term_strength._sums(view[:0], weights[:0]).tolist() == [0.0] * 35


def test_strengths_need_less_memory_than_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csr, "ENTRIES_AT_ONCE", 5_000)
    rows, task = rows_of(2_000, 100, 1_000, 8), Task("multiclass", 8, tuple("abcdefgh"))
    of_rows = sum(array.nbytes for array in rows.inputs.arrays())
    tracemalloc.start()
    try:
        term_strengths(task, rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < of_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaled_rows_share_all_but_the_numbers(dtype: type) -> None:
    rows, strengths = rows_of(20, 3, 12, 2, dtype), np.linspace(0.1, 2.0, 12).astype(np.float32)
    stronger, entries = scaled(rows.inputs, strengths).entries, rows.inputs.entries
    assert stronger is not None
    assert entries is not None
    assert np.array_equal(stronger.data, entries.data * strengths[entries.indices].astype(dtype))
    assert stronger.indices is entries.indices
    assert mean_norm(Inputs(None, stronger)) > 0.0
