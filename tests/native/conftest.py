"""Every test here compiles into a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def engine_objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine_cache")


@pytest.fixture
def own_cache(monkeypatch: pytest.MonkeyPatch, engine_objects: Path) -> None:
    monkeypatch.setenv("RANVIER_CACHE", str(engine_objects))
    monkeypatch.delenv("RANVIER_CPU", raising=False)
