"""Environment variables are read once, checked, and named in every complaint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ranvier import settings
from ranvier.errors import InputError


def test_values(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("RANVIER_THREADS", "3")
    actual = settings.read()
    assert actual == settings.Settings(None, Path("/somewhere/ranvier"), "auto", 3, None, None)


@pytest.mark.parametrize(("name", "value"), [("RANVIER_ENGINE", "warp"), ("RANVIER_THREADS", "0")])
def test_wrong_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{name} is '{value}'"):
        settings.read()


@pytest.mark.parametrize(
    ("variables", "cache"),
    [
        ({"HOME": "/home/a"}, "/home/a/.cache/ranvier"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": "/big"}, "/big/ranvier"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": "relative"}, "/home/a/.cache/ranvier"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": "./relative"}, "/home/a/.cache/ranvier"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": ""}, "/home/a/.cache/ranvier"),
        ({"HOME": "/home/a", "XDG_CACHE_HOME": "~/caches"}, "/home/a/.cache/ranvier"),
        ({"HOME": "relative"}, None),
        ({"HOME": "~"}, None),
        ({"HOME": "~", "XDG_CACHE_HOME": "/big"}, "/big/ranvier"),
        ({"HOME": "~", "RANVIER_CACHE": "/chosen"}, "/chosen"),
        ({"HOME": "/home/a", "RANVIER_CACHE": "~/chosen"}, "/home/a/chosen"),
        ({"HOME": "/home/a", "RANVIER_CACHE": "here"}, "here"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="homes are named by other variables")
def test_where_code_is_kept(variables: dict[str, str], cache: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never below the current folder unless the user says so."""
    for name in ("XDG_CACHE_HOME", "RANVIER_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert settings.read().cache == (None if cache is None else Path(cache))


@pytest.mark.skipif(os.name != "posix", reason="homes are named by other variables")
def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a user of its own."""
    import pwd

    def unknown(number: int) -> None:
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME", "RANVIER_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert settings.read().cache is None
