"""Tests here compile into the folder of all tests, and processes they start find the package."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ranvier.errors

# Time for a process that starts Python, loads LLVM and compiles a little, on a busy machine.
SECONDS = 60


@pytest.fixture(scope="session")
def engine_objects(_own_cache: None) -> Path:
    return Path(os.environ["RANVIER_CACHE"])


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, engine_objects: Path) -> None:
    monkeypatch.setenv("RANVIER_CACHE", str(engine_objects))
    monkeypatch.delenv("RANVIER_CPU", raising=False)


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start a Python program given as text, in which every warning is an error."""

    def run(code: str, *arguments: str) -> subprocess.Popen[str]:
        indices = os.pathsep.join(map(str, (Path(ranvier.errors.__file__).parents[1], Path(__file__).parents[2])))
        command = [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code, *arguments]
        environment = {**os.environ, "PYTHONPATH": indices}
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    return run


@pytest.fixture
def python(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., str]:
    """Run a Python program given as text to its end; gives what it printed."""

    def run(code: str, *arguments: str) -> str:
        process = start(code, *arguments)
        output, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, output
        return output

    return run
