"""The command as a whole: help that loads nothing heavy, exit codes, errors without tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import click
import pytest

import ranvier
from ranvier.__main__ import start
from ranvier.cli.exit_codes import explain
from ranvier.cli.main import COMMANDS
from ranvier.errors import DataError, EngineError, InputError, ModelFileError, RanvierError, TrainingError
from tests.cli.helpers import invoke, started

HEAVY = {"numpy", "rich", "polars", "sklearn", "scipy", "llvmlite", "safetensors", "narwhals"}


def imported(*words: str) -> set[str]:
    """The top-level packages that a command line imports."""
    command = [sys.executable, "-X", "importtime", "-m", "ranvier", *words]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=None)
    lines = [line for line in result.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("words", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    actual = imported(*words)
    assert {"click", "ranvier"} <= actual
    assert not actual & HEAVY


def test_the_check_above_sees_heavy_imports() -> None:
    assert {"rich", "numpy"} <= imported("doctor")


def test_help_lists_every_command_with_its_own_summary() -> None:
    text = invoke("--help").stdout
    for name, summary in COMMANDS.items():
        assert name in text
        assert summary in text
        help_text = invoke(name, "--help")
        assert help_text.exit_code == 0
        assert help_text.stdout.startswith(f"Usage: ranvier {name}")


def test_no_command_shows_the_help_on_standard_error() -> None:
    result = invoke()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


def test_the_version() -> None:
    assert invoke("--version").stdout == f"ranvier {ranvier.__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("x"), 2),
        (DataError("x"), 2),
        (ModelFileError("x"), 2),
        (click.UsageError("x"), 2),
        (TrainingError("x"), 1),
        (EngineError("x"), 1),
        (RanvierError("x"), 1),
        (MemoryError(), 1),
        (OSError(28, "No space left on device", "m.rv"), 1),
        (ZeroDivisionError("x"), 1),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_every_failure_has_its_exit_code_and_one_line(error: BaseException, code: int) -> None:
    sentence, actual = explain(error)
    assert actual == code
    assert sentence
    assert "\n" not in sentence


def test_lines_in_an_error_become_one() -> None:
    assert explain(InputError("first\n  second")) == ("first second", 2)


def test_debug_shows_the_traceback_and_leaves_the_exit_code_as_it_is(here: Path) -> None:
    plain = invoke("show", "nothing.rv")
    assert "Traceback" not in plain.stderr
    for words in (["--debug", "show", "nothing.rv"], ["show", "nothing.rv", "--debug"]):
        result = invoke(*words)
        assert (result.exit_code, result.stdout) == (2, "")
        traceback, text = result.stderr.removesuffix(plain.stderr), result.stderr[-len(plain.stderr) :]
        assert text == plain.stderr
        assert traceback.startswith("Traceback (most recent call last):")
        assert "ranvier.errors.ModelFileError: " in traceback


def test_debug_has_no_traceback_for_words_that_are_no_command_line() -> None:
    assert invoke("--debug", "nothing").stderr == invoke("nothing").stderr


def test_diverging_training_exits_with_one(here: Path) -> None:
    words = ["--epochs", "50", "--optimizer", "sgd", "--learning-rate", "1e9", "--schedule", "constant"]
    result = invoke("train", "diabetes", *words, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: ")
    assert "learning rate" in error
    assert "--clip-norm 1" in error


def test_a_process_gives_the_codes_to_the_shell(here: Path) -> None:
    for words, code in ((["--version"], 0), (["show", "nothing.rv"], 2), (["nothing"], 2)):
        with started(*words, folder=here) as process:
            _, errors = process.communicate(timeout=60)
        assert process.returncode == code
        assert errors.count("\n") == (code != 0)
        assert "\x1b" not in errors


PRESS = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
where = sys.argv.pop(1)

class Press:
    def find_spec(self, name, *others):
        if name == where:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press())
from {module} import {function}
{function}()
"""


def pressed(where: str, here: Path, module: str = "ranvier.__main__", function: str = "start") -> tuple[int, str]:
    """Press Ctrl-C when a module is about to be imported: the exit code and what is said."""
    command = [sys.executable, "-c", PRESS.format(module=module, function=function), where, "train", "iris", "--quiet"]
    result = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == ""
    return result.returncode, result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent the POSIX way")
@pytest.mark.parametrize(
    "where",
    ["ranvier.cli.main", "click", "inspect", "click.core", "ranvier.errors", "ranvier.cli.train", "numpy", "polars"],
)
def test_ctrl_c_during_the_imports_is_one_line(where: str, here: Path) -> None:
    code, text = pressed(where, here)
    assert code == 130
    assert text.strip().startswith("Interrupted.")
    assert "\n" not in text.strip()
    assert list(here.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent the POSIX way")
def test_little_is_imported_before_ctrl_c_is_caught() -> None:
    """Where the console script imports `start`; what Python loads by itself at its start is left out."""
    code = "import sys; before = set(sys.modules); import ranvier.__main__; print(*set(sys.modules) - before)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert loaded <= {"ranvier", "__future__", "importlib", "warnings", "time", "sys"}


def test_the_check_above_sees_a_traceback(here: Path) -> None:
    assert "Traceback" in pressed("click", here, "ranvier.cli.main", "main")[1]


def test_the_command_starts_where_ctrl_c_is_caught() -> None:
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = scripts["scripts"]["ranvier"].partition(":")
    assert getattr(import_module(module), function) is start
