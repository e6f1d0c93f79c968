"""Evaluating on the training file is said to be so, under any name; other rows are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.helpers import Trained, invoke


@pytest.mark.parametrize("how", ["path", "relative", "copy"])
def test_the_training_file_is_recognized(
    trained: Trained, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"path": str(trained.data), "relative": trained.data.name, "copy": "copied.csv"}[how]
    monkeypatch.chdir(trained.data.parent if how == "relative" else tmp_path)
    if how == "copy":
        shutil.copy(trained.data, data)
    result = invoke("evaluate", trained.model, data, "--json")
    note = json.loads(result.stdout)["notes"][0]
    assert note.startswith("The model was trained on rows of these data, so these metrics are too good")
    assert "on its test rows: Accuracy" in note
    assert "these metrics are too good" in " ".join(result.stderr.split())


def notes_of(model: Path, data: Path) -> list[str]:
    notes: list[str] = json.loads(invoke("evaluate", model, data, "--json").stdout)["notes"]
    return [note for note in notes if "too good" in note]


@pytest.mark.parametrize("written", ["as it was", "by pandas", "backwards", "beside others"])
def test_some_of_the_training_rows_are_counted(trained: Trained, written: str, tmp_path: Path) -> None:
    header, *lines = trained.data.read_text().splitlines(keepends=True)
    rows, expected = lines[20:80], 60
    if written == "by pandas":
        header = "index," + header
        rows = [
            f"{at}," + ",".join(f"{float(cell)}" if "." in cell else cell for cell in row.split(","))
            for at, row in enumerate(rows)
        ]
    rows = rows[::-1] if written == "backwards" else rows
    if written == "beside others":
        rows, expected = [*rows[:15], *(row.replace(".", "8.") for row in rows[15:])], 15
    other = tmp_path / "some.csv"
    other.write_text(header + "".join(rows))
    (note,) = notes_of(trained.model, other)
    count = int(note.split()[0])
    assert note.startswith(f"{count} of the 60 rows were trained on, so these metrics are too good; on its test rows: ")
    # A fifth of the rows of the file were test rows.
    assert 0.6 * expected <= count <= expected


def test_new_rows_are_not(trained: Trained, tmp_path: Path) -> None:
    header, *lines = trained.data.read_text().splitlines(keepends=True)
    other = tmp_path / trained.data.name
    other.write_text(header + "".join(row.replace(".", "8.") for row in lines))
    assert notes_of(trained.model, other) == []
