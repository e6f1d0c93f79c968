"""What is imported only where it is needed: a first fit is quick, and small, as long as it loads little."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

FITS = """
import sys
import numpy as np
import ranvier as rv
X = np.zeros((4, 2), np.float32)
model = rv.Network(2, [rv.Dense(2, "softmax")]).fit(X, np.arange(4) % 2, epochs=1, engine="reference", progress=False)
model.predict(X)
print(*sys.modules)
"""


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """What a process has imported that fitted a network on arrays."""
    process = subprocess.run([sys.executable, "-c", FITS], check=True, capture_output=True, text=True)
    names = process.stdout.split()
    return {name.split(".")[0] for name in names} | {".".join(name.split(".")[:3]) for name in names}


@pytest.mark.parametrize(
    "library", ["polars", "pandas", "narwhals", "sklearn", "scipy", "rich", "click", "llvmlite", "filelock"]
)
def test_a_fit_on_arrays_does_without(library: str, loaded: set[str]) -> None:
    assert find_spec(library) is not None, "a library that is not installed cannot be imported by mistake"
    assert library not in loaded


@pytest.mark.parametrize("folder", ["ranvier.storage", "ranvier.data.sources", "ranvier.data.language"])
def test_a_fit_on_arrays_opens_no_files(folder: str, loaded: set[str]) -> None:
    assert find_spec(folder) is not None
    assert folder not in loaded


def test_what_it_needs_is_seen(loaded: set[str]) -> None:
    assert {"ranvier", "numpy", "ranvier.training", "ranvier.data.encoders"} <= loaded
