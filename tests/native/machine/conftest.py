"""Every test here compiles into a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def objects_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, objects_folder: Path) -> None:
    monkeypatch.setenv("RANVIER_CACHE", str(objects_folder))
    monkeypatch.delenv("RANVIER_CPU", raising=False)
