"""The examples run, warn of nothing, and are short."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
MAX_LINES = 40
LAST_LINES = {
    "interrupted": "bit-identical: True",
    "without_ranvier": "100% of the predictions are the same",
    "words": "'a dull and boring ending': bad",
}
"""What the last line must say, where an example shows that something holds."""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(path: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env={**os.environ})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert lines[-1] == LAST_LINES.get(path.stem, lines[-1])
    assert not [file.name for file in tmp_path.iterdir() if file.is_file()]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_short_and_says_what_it_shows(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(text))


def test_there_are_examples() -> None:
    assert {path.stem for path in EXAMPLES} >= {"digits", "table", "words"} | LAST_LINES.keys()
