"""Fault injection: the n-th call of a system function fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

FailAt = Callable[[str, int], Callable[[], bool]]


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> FailAt:
    """`fail_at("write", 2)` makes the second call of os.write fail and returns a function that tells whether it did."""
    originals = {name: getattr(os, name) for name in ("write", "fsync", "replace", "open")}

    def arrange(name: str, number: int) -> Callable[[], bool]:
        calls = 0

        def wrapped(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == number:
                raise OSError(errno.EIO, "Input/output error")
            if name == "write":
                arguments = (arguments[0], memoryview(arguments[1])[:7])
            return originals[name](*arguments, **options)

        for other, original in originals.items():
            monkeypatch.setattr(os, other, original)
        monkeypatch.setattr(os, name, wrapped)
        return lambda: calls >= number

    return arrange
