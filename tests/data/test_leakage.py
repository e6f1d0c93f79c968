"""Columns that give the target away are named, and honest ones are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data import NAMED, prepare

RANDOM = np.random.default_rng(11)
ROWS = 240
Y = RANDOM.normal(size=ROWS)
LABELS = np.where(RANDOM.normal(size=ROWS) + Y > 0.4, "yes", "no")
ORDER = np.argsort(LABELS, kind="stable").argsort()
GIVEAWAYS: dict[str, tuple[str, Any, str]] = {
    "copy": ("y", Y, 'is a copy of the target "y"'),
    "in other units": ("y", Y * 2.54 + 3, 'alone predicts "y" with R²'),
    "skewed": ("y", np.exp(3 * Y), 'alone predicts "y" with R²'),
    "rounded": ("y", np.round(Y, 2), 'alone predicts "y" with R²'),
    "row numbers of sorted numbers": ("y", np.argsort(Y).argsort(), "looks like row numbers"),
    "copy of labels": ("label", LABELS, 'is a copy of the target "label"'),
    "codes of labels": ("label", np.where(LABELS == "yes", 7, 3), 'alone predicts "label" in 100 %'),
    "known only after it": ("label", np.where(LABELS == "yes", Y * 50, np.nan), 'alone predicts "label" in 100 %'),
    "row numbers of sorted labels": ("label", ORDER, "looks like row numbers"),
    "a part of a sorted table": ("label", ORDER * 5 + 17, 'alone predicts "label" in'),
}


def table(**columns: Any) -> pl.DataFrame:
    honest = {"x": Y + RANDOM.normal(size=ROWS), "z": RANDOM.normal(size=ROWS), "y": Y, "label": LABELS}
    return pl.DataFrame(honest | columns).with_columns(pl.col(pl.Float64).fill_nan(None))


def named(notes: tuple[str, ...]) -> list[str]:
    words = ("is a copy of", "alone predicts", "row numbers and alone")
    return [note for note in notes if any(word in note for word in words)]


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize("name", GIVEAWAYS)
def test_what_gives_the_target_away_is_named(name: str, in_file: bool, tmp_path: Path) -> None:
    target, cells, words = GIVEAWAYS[name]
    other = "label" if target == "y" else "y"
    frame = table(Leak=cells)
    if in_file:
        frame.write_csv(tmp_path / "rows.csv")
    prepared = prepare(
        tmp_path / "rows.csv" if in_file else frame,
        target,
        ignore=[other],
        kinds={"Leak": "number"} if name != "copy of labels" else None,
    )
    notes = named(prepared.notes)
    assert len(notes) == 1
    assert notes[0].startswith('Column "Leak" ')
    assert words in notes[0]
    assert "--ignore Leak" in notes[0]


def test_advice_can_be_copied_for_a_name_with_blanks() -> None:
    target, cells, _ = GIVEAWAYS["copy of labels"]
    prepared = prepare(table(**{"General status": cells}), target, ignore=["label" if target == "y" else "y"])
    assert "--ignore 'General status'." in named(prepared.notes)[0]


@pytest.mark.parametrize("target", ["y", "label"])
def test_honest_columns_are_not(target: str) -> None:
    other = "label" if target == "y" else "y"
    frame = table(group=RANDOM.integers(0, 5, ROWS), name=[f"n{row}" for row in RANDOM.integers(0, 90, ROWS)])
    assert named(prepare(frame, target, ignore=[other]).notes) == []
    rare = np.where(RANDOM.random(ROWS) < 0.02, "yes", "no")
    rare[:3] = "yes"
    assert named(prepare(table(rare=rare), "rare", ignore=["label"]).notes) == []


@pytest.mark.parametrize("name", NAMED)
def test_the_sets_of_scikit_learn_are_honest(name: str) -> None:
    assert named(prepare(name).notes) == []


def test_numbers_whose_squares_overflow_are_compared() -> None:
    generator = np.random.default_rng(0)
    far, target = 50 + generator.normal(size=60), generator.normal(size=60)
    far[7] = 1e300
    notes = prepare(pl.DataFrame({"far": far, "copy": 1e200 * target, "y": target}), "y").notes
    assert any('"copy" alone predicts "y"' in note for note in notes)
    assert not any('"far" alone' in note for note in notes)
