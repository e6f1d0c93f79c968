"""Drift of columns: what is found, and what chance gives."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ranvier.data.diagnosis.drift import MAX_COLUMNS, MAX_PROFILED_ROWS, drift, profile_of

GENERATOR = np.random.default_rng(0)


def frame(rows: int, shift: float = 0.0) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "number": GENERATOR.normal(size=rows) + shift,
            "count": GENERATOR.poisson(1.0, rows),
            "town": GENERATOR.choice(["Ulm", "Bonn", "Kiel"], rows),
            "text": [str(value) for value in GENERATOR.normal(size=rows)],
            "flag": GENERATOR.random(rows) < 0.3,
        }
    )


@pytest.mark.parametrize("rows", [25, 200, 3000])
def test_chance_is_no_drift(rows: int) -> None:
    profile = profile_of(frame(1000))
    assert set(profile["columns"]) == {"number", "count", "town", "text", "flag"}
    assert [finding for _ in range(20) for finding in drift(profile, frame(rows))] == []


def test_what_changed_is_named() -> None:
    profile = profile_of(frame(1000))
    assert [finding.column for finding in drift(profile, frame(300, shift=1.5))] == ["number"]
    new = frame(300).with_columns(pl.lit("Rom").alias("town"), pl.lit(None, pl.Float64).alias("number"))
    findings = {finding.column: finding.evidence for finding in drift(profile, new)}
    assert "other values in 100 %" in findings["town"]
    assert "missing cells in 100 %" in findings["number"]
    assert drift(profile, frame(10, shift=9.0)) == [], "too few rows to tell"
    assert drift({}, new) == []
    assert drift(profile, None) == []


def test_rows_in_an_order_are_profiled_as_a_whole() -> None:
    rows = 3 * MAX_PROFILED_ROWS
    profile = profile_of(pl.DataFrame({"a": np.arange(float(rows))}))
    assert profile["rows"] < MAX_PROFILED_ROWS
    assert drift(profile, pl.DataFrame({"a": GENERATOR.uniform(0, rows, 2000)})) == []


def test_a_profile_stays_small() -> None:
    wide = pl.DataFrame({f"c{at}": GENERATOR.normal(size=30) for at in range(MAX_COLUMNS + 50)})
    assert len(profile_of(wide)["columns"]) == MAX_COLUMNS
    names = pl.DataFrame({"name": [f"person {at}" for at in range(1000)]})
    assert profile_of(names)["columns"] == {}
    assert profile_of(None) == {}


def test_a_column_of_categories_may_be_called_count() -> None:
    entry = profile_of(pl.DataFrame({"count": ["one", "many", "one", None]}))["columns"]["count"]
    assert entry == {"values": ["many", "one"], "fractions": [0.25, 0.5, 0.0, 0.25]}
