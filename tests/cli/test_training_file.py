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


def test_other_rows_are_not(trained: Trained, tmp_path: Path) -> None:
    lines = trained.data.read_text().splitlines(keepends=True)
    other = tmp_path / trained.data.name
    other.write_text("".join(lines[:-1]))
    result = invoke("evaluate", trained.model, other, "--json")
    assert not any("too good" in note for note in json.loads(result.stdout)["notes"])
