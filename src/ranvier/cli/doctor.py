"""`ranvier doctor`: whether this machine and this installation can train, in plain words."""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import click

from ranvier import settings
from ranvier.cli import doctor_checks
from ranvier.cli.console import JSON_OPTION, Output
from ranvier.cli.doctor_checks import Check
from ranvier.cli.exit_codes import DONE, FAILED, one_line
from ranvier.errors import InputError
from ranvier.version import __version__

LIBRARIES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "sklearn",
    "polars": "polars",
    "narwhals": "narwhals",
    "charset-normalizer": "charset_normalizer",
    "pillow": "PIL",
    "soundfile": "soundfile",
    "safetensors": "safetensors",
    "click": "click",
    "rich": "rich",
    "filelock": "filelock",
    "llvmlite": "llvmlite",
    "threadpoolctl": "threadpoolctl",
    "starlette": "starlette",
    "uvicorn": "uvicorn",
}
"""Everything that Ranvier depends on -> its module."""
MIN_PYTHON = (3, 11)
MIN_MEMORY = 1 << 30
MARKS = {"ok": ("✓", "green"), "warning": ("·", "yellow"), "error": ("✗", "red")}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help=JSON_OPTION)
def command(as_json: bool) -> int:
    """Check this machine and this installation.

    Exits with status 0 if everything that training needs is installed and works, 1 otherwise.
    """
    output = Output(as_json)
    with warnings.catch_warnings():
        # A cache that cannot be written is among the checks.
        warnings.simplefilter("ignore", RuntimeWarning)
        checks = list(run_checks())
    healthy = all(check.verdict != "error" for check in checks)
    verdict = "Everything that training needs is installed." if healthy else "Something is missing or broken: see ✗."
    _show(output, checks, verdict, healthy)
    output.finish(lambda: {"healthy": healthy, "version": __version__, "checks": [asdict(check) for check in checks]})
    return DONE if healthy else FAILED


def _show(output: Output, checks: list[Check], words: str, healthy: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    for check in checks:
        mark, style = MARKS[check.verdict]
        grid.add_row(Text(mark, style), check.name, Text(check.text, "dim" if check.verdict == "ok" else ""))
    output.console.print(grid)
    output.say()
    output.say(words, "bold green" if healthy else "bold red")


def run_checks() -> Iterator[Check]:
    """Every check, in the order of the list."""
    yield _python()
    yield Check("Ranvier", "ok", f"{__version__}, in {Path(__file__).parents[1]}")
    yield from (_library(name, module) for name, module in LIBRARIES.items())
    yield Check(
        "Processor", "ok", f"{_processor()}, {doctor_checks.usable()} of {os.cpu_count()} threads for this process"
    )
    yield _memory()
    yield from _settings()
    yield _training()


def _python() -> Check:
    text = f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}"
    if sys.version_info[:2] < MIN_PYTHON:
        return Check("Python", "error", f"{text}; Ranvier needs {'.'.join(map(str, MIN_PYTHON))} or later.")
    return Check("Python", "ok", text)


def _library(name: str, module: str) -> Check:
    try:
        import_module(module)
        return Check(name, "ok", metadata.version(name))
    except (ImportError, OSError, metadata.PackageNotFoundError) as error:
        verdict = "error" if name != "llvmlite" else "warning"
        return Check(name, verdict, f"cannot be loaded ({one_line(str(error))}); install it with: pip install {name}")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory() -> Check:
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return Check("Memory", "warning", "the system does not report how much there is")
    text = f"{size / 2**30:.1f} GiB"
    return Check("Memory", "ok" if size >= MIN_MEMORY else "warning", text)


def _settings() -> Iterator[Check]:
    try:
        current = settings.read()
    except InputError as error:
        yield Check("Settings", "error", str(error))
        return
    set_variables = [f"{name}={os.environ[name]}" for name in settings.variables() if os.environ.get(name)]
    yield Check("Settings", "ok", ", ".join(set_variables) or f"none of {', '.join(settings.variables())} is set")
    yield doctor_checks.cache(current.cache)
    yield from doctor_checks.engines()


def _training() -> Check:
    """A training of a tiny network: any exception is an error."""
    try:
        return Check("Training", "ok", _fall_of_loss())
    except Exception as error:  # noqa: BLE001
        return Check("Training", "error", one_line(f"{type(error).__name__}: {error}"))


def _fall_of_loss() -> str:
    """Train a tiny network; gives how its loss fell, in words."""
    import ranvier

    rows: list[Any] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    network = ranvier.Network(2, [ranvier.Dense(4, "tanh"), ranvier.Dense(1, "sigmoid")])
    model = network.fit(rows, [0, 1, 1, 1], epochs=40, optimizer=ranvier.Adam(0.1), progress=False)
    first, last = model.history[0].loss, model.history[-1].loss
    if not last < first:
        raise ranvier.RanvierError(f"the loss of a tiny network went from {first:.3f} to {last:.3f}")
    return f"a tiny network learns: its loss fell from {first:.3f} to {last:.3f}"
