"""How the command prints what a diagnosis found."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.cli.console import Output
from ranvier.cli.diagnosis import print_diagnosis
from tests.cli.helpers import QUICK, printed, write_table


def finding(evidence: str, meaning: str, advice: str) -> dict[str, str]:
    return {"evidence": evidence, "meaning": meaning, "advice": advice}


def test_what_layers_have_in_common_is_explained_once(capsys: pytest.CaptureFixture[str]) -> None:
    copies = ("They are copies.", "Take fewer.")
    repeats = finding("Rows repeat.", "Too easy.", "Remove them.")
    print_diagnosis(Output(), [repeats, finding("A repeats.", *copies), finding("B repeats.", *copies)])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[:3] == ["Diagnosis", "Rows repeat.", "Too easy. Remove them."]
    assert lines[3:] == ["A repeats.", "B repeats.", "They are copies. Take fewer."]


def test_nothing_is_printed_where_nothing_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    print_diagnosis(Output(), [])
    assert capsys.readouterr().out == ""


def test_a_note_from_before_the_training_is_not_repeated(here: Path) -> None:
    rows = [[f"{at % 7}", f"{at % 5}", f"{at % 5 * 2}"] for at in range(200)]
    write_table(here / "table.csv", rows, ["a", "copy", "y"])
    text = " ".join(
        printed("train", "table.csv", "--target", "y", "--task", "regression", *QUICK, "--model", "m.rv").split()
    )
    assert text.count('Column "copy" alone predicts') == 1
    assert "Diagnosis" in text
