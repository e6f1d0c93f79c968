"""What the tests of stored files share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ranvier as rv
from tests.golden.stored import from_plain, read

A_MODEL = Path(__file__).parent / "0.1.0/models/layer-dense.rv"


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Takes an engine for everything that leaves the choice open."""

    def choose(engine: str) -> None:
        monkeypatch.setenv("RANVIER_ENGINE", engine)
        try:
            rv.load(A_MODEL).outputs(from_plain(read(A_MODEL.with_suffix(".json"))["X"]))
        except rv.EngineError as error:
            pytest.skip(str(error))

    return choose
