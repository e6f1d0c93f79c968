"""Environment variables are read once, checked, and named in every complaint."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier import settings
from ranvier.errors import InputError


def test_values(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("RANVIER_THREADS", "3")
    found = settings.read()
    assert found == settings.Settings(None, Path("/somewhere/ranvier"), "auto", 3, None, None)


@pytest.mark.parametrize(("name", "value"), [("RANVIER_ENGINE", "warp"), ("RANVIER_THREADS", "0")])
def test_wrong_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{name} is '{value}'"):
        settings.read()
