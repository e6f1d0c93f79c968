"""Every environment variable Ranvier looks at, in one place."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

from ranvier.errors import InputError

ENGINES = ("auto", "native", "reference", "gpu")


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment variables, read and checked.

    Fields: `data` (RANVIER_DATA, a folder with real data sets for tests and benchmarks), `cache` (RANVIER_CACHE, where
    compiled code is kept), `engine` (RANVIER_ENGINE, what `engine="auto"` means), `threads` (RANVIER_THREADS, the
    number of threads; None takes every core), `cpu` (RANVIER_CPU, the processor to compile for; None takes this one).
    """

    data: Path | None
    cache: Path
    engine: str
    threads: int | None
    cpu: str | None


def read() -> Settings:
    """Read the environment.

    Raises:
        InputError: a variable has a value that cannot be used.

    >>> read().engine in ENGINES
    True
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    data = os.environ.get("RANVIER_DATA")
    engine = os.environ.get("RANVIER_ENGINE") or "auto"
    if engine not in ENGINES:
        raise InputError(f"RANVIER_ENGINE is {engine!r}; it must be one of {', '.join(ENGINES)}.")
    threads = os.environ.get("RANVIER_THREADS")
    if threads and not (threads.isdigit() and int(threads) > 0):
        raise InputError(f"RANVIER_THREADS is {threads!r}; it must be a whole number of at least 1.")
    return Settings(
        data=Path(data) if data else None,
        cache=Path(os.environ.get("RANVIER_CACHE") or home / "ranvier"),
        engine=engine,
        threads=int(threads) if threads else None,
        cpu=os.environ.get("RANVIER_CPU") or None,
    )


def variables() -> tuple[str, ...]:
    """The names of the environment variables, in the order of `Settings`.

    >>> variables()[0]
    'RANVIER_DATA'
    """
    return tuple(f"RANVIER_{field.name.upper()}" for field in fields(Settings))
