"""Targets that cannot be used: an error that names the way out, or rows that are left out, counted and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.errors import InputError

ROWS = 60
X = np.random.default_rng(0).normal(size=(ROWS, 2))
Y = X @ [1.0, 2.0]
QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (2,), "epochs": 1, "engine": "reference"}
FLAG = "--skip-bad-rows (skip_bad_rows=True)"


def with_cells(cells: list[Any], **odd: Any) -> list[Any]:
    """The cells, others at the rows row_N."""
    changed = list(cells)
    for name, cell in odd.items():
        changed[int(name.removeprefix("row_"))] = cell
    return changed


NUMBERS = [f"{value:.3f}" for value in Y]
CLASSES = ["yes", "no", "no"] * 20
LABELS = {"m": [0, 1] * 30, "n": [1, 1, 0] * 20}
TARGETS: dict[str, tuple[dict[str, list[Any]], dict[str, Any], str, list[int]]] = {
    "a word among numbers": ({"y": with_cells(NUMBERS, row_7="unknown", row_9="12..5")}, {}, "unknown", [7, 9]),
    "the same, asked for": ({"y": with_cells(NUMBERS, row_7="n.b.")}, {"task": "regression"}, "n.b.", [7]),
    "a word among prices": (
        {"y": with_cells([f"${1000 + 37 * row:,}" for row in range(ROWS)], row_11="dear")},
        {},
        "dear",
        [11],
    ),
    "a word among grades": ({"y": with_cells([str(row % 6) for row in range(ROWS)], row_8="1..0")}, {}, "1..0", [8]),
    "an infinity": ({"y": with_cells(Y.tolist(), row_3=np.inf)}, {}, "inf", [3]),
    "a number beyond all": ({"y": with_cells(Y.tolist(), row_3=1e200)}, {}, "1e+200", [3]),
    "an unknown mark": ({"y": with_cells(CLASSES, row_5="??")}, {}, "??", [5]),
    "a label that is none": ({**LABELS, "m": with_cells(LABELS["m"], row_4=2)}, {"task": "multilabel"}, "2", [4]),
    "a word in one of several": ({"y": Y.tolist(), "z": with_cells(NUMBERS, row_20="x")}, {}, "x", [20]),
    "words in both": (
        {"y": with_cells(NUMBERS, row_2="p"), "z": with_cells(NUMBERS, row_1="q")},
        {},
        "p",
        [1, 2],
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_they_are_an_error_or_left_out(name: str, tmp_path: Path) -> None:
    columns, options, cell, rows = TARGETS[name]
    table = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], **columns}, strict=False)
    table.write_csv(tmp_path / "table.csv")
    for data, called in ((table, f"row index {rows[0]}"), (str(tmp_path / "table.csv"), f"row {rows[0] + 1}")):
        if name != "an unknown mark":  # which is a class otherwise
            with pytest.raises(InputError) as refusal:
                rv.train(data, list(columns), **options, **QUICK)
            assert FLAG in str(refusal.value)
        model = rv.train(data, list(columns), skip_bad_rows=True, **options, **QUICK)
        assert model.report.rows == ROWS - len(rows)
        note = next(note for note in model.report.notes if "cannot be used" in note)
        assert note.startswith(f"{len(rows)} row")
        assert called in note
        assert cell in note


@pytest.mark.parametrize("name", ["a word among numbers", "an infinity"])
def test_arrays_of_targets(name: str) -> None:
    columns, _, cell, rows = TARGETS[name]
    (targets,) = columns.values()
    with pytest.raises(InputError, match=f"at row index {rows[0]}|The class"):
        rv.train(X, targets, **QUICK)
    model = rv.train(X, targets, skip_bad_rows=True, sample_weight=np.arange(ROWS) + 1.0, **QUICK)
    assert model.report.rows == ROWS - len(rows)
    assert any(f'"{cell}" at row index {rows[0]}' in note for note in model.report.notes)


def test_rows_of_their_own_are_checked_against_the_task() -> None:
    frame = {"a": X[:, 0], "b": X[:, 1]}
    other = {"a": X[:20, 0], "b": X[:20, 1], "y": with_cells(CLASSES[:20], row_6="maybe", row_8=None)}
    for part in ("validation", "test"):
        with pytest.raises(InputError, match=r'row index 6 is "maybe".*--skip-bad-rows'):
            rv.train({**frame, "y": CLASSES}, "y", **{part: other}, **QUICK)
        model = rv.train({**frame, "y": CLASSES}, "y", **{part: other}, skip_bad_rows=True, **QUICK)
        assert model.report.split[part] == 18
        assert any(f"{part.capitalize()} rows: 1 row was left out" in note for note in model.report.notes)
    held = ([[1.0, 2.0]] * 2, ["1", "dear"])
    with pytest.raises(InputError, match="at row index 1"):
        rv.train(X, Y, validation=held, **QUICK)
    assert rv.train(X, Y, validation=held, skip_bad_rows=True, **QUICK).report.split["validation"] == 1


def test_good_targets_lose_nothing() -> None:
    for targets in (Y.tolist(), CLASSES, [None, *CLASSES[1:]], ["1", "x"] * 30):
        model = rv.train({"a": X[:, 0], "y": targets}, "y", **QUICK)
        same = rv.train({"a": X[:, 0], "y": targets}, "y", skip_bad_rows=True, **QUICK)
        assert same.report.notes == model.report.notes
        np.testing.assert_array_equal(same.parameters["layers.0.weight"], model.parameters["layers.0.weight"])


def test_a_target_that_stays_unusable_is_refused() -> None:
    """Names are no classes with a few bad rows."""
    names = [f"name {row}" for row in range(ROWS)]
    with pytest.raises(InputError, match="too many for classes"):
        rv.train({"a": X[:, 0], "y": names}, "y", skip_bad_rows=True, **QUICK)
    with pytest.raises(InputError, match="60 of 60 cells are text"):
        rv.train({"a": X[:, 0], "y": names}, "y", task="regression", skip_bad_rows=True, **QUICK)
