"""Editors, mypy and pyright see the public names that a running program sees, and a change of them shows in a diff."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ranvier
from tests.typing import public_names

USE = Path(__file__).with_name("use.py")
MISUSE = Path(__file__).with_name("misuse.py")
REWRITE = "python -m tests.typing.public_names writes it again"


def test_the_stub_holds_every_public_name() -> None:
    assert public_names.STUB.read_text() == public_names.stub(), REWRITE


def test_names_and_signatures_are_those_of_the_snapshot() -> None:
    assert public_names.SNAPSHOT.read_text() == public_names.snapshot(), REWRITE


def test_all_is_a_literal_list_of_what_can_be_loaded() -> None:
    tree = ast.parse(Path(ranvier.__file__).read_text())
    literal = next(n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__")
    names = ast.literal_eval(literal)
    assert sorted(names) == sorted(["__version__", *(n for homes in ranvier._EXPORTS.values() for n in homes)])
    assert len(names) == len(set(names))


def marked(path: Path) -> set[int]:
    """The lines that a checker must complain about."""
    return {number for number, line in enumerate(path.read_text().splitlines(), 1) if "# wrong" in line}


def complaints(checker: str) -> dict[str, set[int]]:
    """File -> the lines that mypy or pyright complains about, in one run over both files."""
    command = {
        "mypy": ["mypy", "--strict", "--no-error-summary", "--no-color-output"],
        "pyright": ["pyright", "--pythonpath", sys.executable],
    }[checker]
    done = subprocess.run(
        [sys.executable, "-m", *command, str(USE), str(MISUSE)],
        check=False,
        capture_output=True,
        text=True,
        cwd=public_names.ROOT,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    lines: dict[str, set[int]] = {USE.name: set(), MISUSE.name: set()}
    for line in done.stdout.splitlines():
        for name in lines:
            if f"/{name}:" in line and "error" in line:
                lines[name].add(int(line.split(f"/{name}:")[1].split(":")[0]))
    return lines


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_program_that_uses_everything_has_the_types_it_says_and_wrong_uses_are_found(checker: str) -> None:
    complained = complaints(checker)
    assert complained["use.py"] == set()
    assert complained["misuse.py"] == marked(MISUSE)
