"""What a benchmark runs with: the versions of the packages, and the folder with the sets."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path

from ranvier import settings


def versions(packages: Iterable[str]) -> dict[str, str]:
    """What is installed of these, and Python."""
    numbers = {"python": platform.python_version()}
    for package in packages:
        try:
            numbers[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return numbers


def data_folder() -> Path:
    """The folder with the real data sets; without it the benchmark ends."""
    folder = settings.read().data
    if folder is None:
        raise SystemExit("Set RANVIER_DATA to the folder with the real data sets.")
    return folder
