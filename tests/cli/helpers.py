"""A small real table, and ways to call the command."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from ranvier.cli.main import main

START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ranvier.cli.main import main; main()"
)
HEADER = ["sepal_length", "sepal_width", "petal_length", "petal_width", "garden", "species"]
QUICK = ["--recipe", "plain", "--epochs", "6", "--hidden", "12"]


def flowers() -> list[list[str]]:
    """The iris table with one more column, of words."""
    from ranvier.data import open_source

    table: Any = open_source("iris")
    gardens = ("north", "south", "east")
    return [
        [*(f"{value:g}" for value in row[:4]), gardens[at % 3], str(row[4])]
        for at, row in enumerate(table.frame.iter_rows())
    ]


def write_table(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> Path:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@dataclass(frozen=True)
class Trained:
    """What the command left behind: the table, the model, the run folder, and the object on standard output."""

    data: Path
    model: Path
    run: Path
    report: dict[str, Any]


def invoke(*words: str | Path) -> Result:
    """Call the command in this process."""
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="ranvier", env={"COLUMNS": "80"})


def printed(*words: str | Path) -> str:
    """Call the command, which succeeds, and give its standard output."""
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: str | Path) -> str:
    """Call the command with wrong input: exit code 2, one line on standard error, nothing on standard output."""
    result = invoke(*words)
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


def started(*words: str | Path, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """Start the command as a process of its own, which Ctrl-C reaches."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "100"}
    command = [sys.executable, "-c", START, *map(str, words)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, encoding="utf-8", **pipes)
