"""A model trained by the command, and an empty folder to work in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.helpers import QUICK, Trained, flowers, invoke, write_table


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A classifier of flowers."""
    folder = tmp_path_factory.mktemp("trained")
    data = write_table(folder / "flowers.csv", flowers())
    model, run = folder / "flowers.rv", folder / "run"
    result = invoke("train", data, "--target", "species", "--model", model, "--run", run, *QUICK, "--json")
    assert result.exit_code == 0, result.output
    return Trained(data, model, run, json.loads(result.stdout))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def table(here: Path) -> Callable[..., Path]:
    """Writes flowers.csv into the current folder, changed by a function of its rows."""

    def write(change: Callable[[list[list[str]]], Any] | None = None, name: str = "flowers.csv") -> Path:
        rows = flowers()
        if change is not None:
            change(rows)
        return write_table(here / name, rows)

    return write
