"""Every environment variable Ranvier looks at, in one place."""

from __future__ import annotations

import os
from dataclasses import fields
from functools import cache
from pathlib import Path

from ranvier.errors import InputError
from ranvier.records import record

ENGINES = ("auto", "native", "reference")


@record
class Settings:
    """The environment variables, read and checked.

    Fields: `data` (RANVIER_DATA, a folder with real data sets for tests and benchmarks), `cache` (RANVIER_CACHE, where
    compiled code is kept; None if it is not set and no home folder is known), `engine` (RANVIER_ENGINE, what
    `engine="auto"` means), `threads` (RANVIER_THREADS, the number of threads; None takes every core), `cpu`
    (RANVIER_CPU, the processor to compile for; None takes this one), `dump` (RANVIER_DUMP, a folder for IR, assembly
    and objects of compiled code; None writes none).
    """

    data: Path | None
    cache: Path | None
    engine: str
    threads: int | None
    cpu: str | None
    dump: Path | None


def read() -> Settings:
    """Read the environment.

    Raises:
        InputError: a variable has a value that cannot be used.

    >>> read().engine in ENGINES
    True
    """
    data, dump = os.environ.get("RANVIER_DATA"), os.environ.get("RANVIER_DUMP")
    return Settings(
        data=Path(data) if data else None,
        cache=_cache(),
        engine=engine(),
        threads=threads(),
        cpu=cpu(),
        dump=Path(dump) if dump else None,
    )


def engine() -> str:
    """What `engine="auto"` means, as `read` gives it: every training asks for this one alone."""
    name = os.environ.get("RANVIER_ENGINE") or "auto"
    if name not in ENGINES:
        raise InputError(f"RANVIER_ENGINE is {name!r}; it must be one of {', '.join(ENGINES)}.")
    return name


def threads() -> int | None:
    """The number of threads, as `read` gives it."""
    number = os.environ.get("RANVIER_THREADS")
    if number and not (number.isdigit() and int(number) > 0):
        raise InputError(f"RANVIER_THREADS is {number!r}; it must be an integer of at least 1.")
    return int(number) if number else None


def cpu() -> str | None:
    """The processor to compile for, as `read` gives it."""
    return os.environ.get("RANVIER_CPU") or None


def _cache() -> Path | None:
    """The folder requested, else one in XDG_CACHE_HOME or in the home folder, which only count as absolute paths.

    A relative one would be in the current folder, which may hold what others put there.
    """
    requested = os.environ.get("RANVIER_CACHE")
    if requested:
        return Path(os.path.expanduser(requested))
    caches = Path(os.environ.get("XDG_CACHE_HOME") or ""), Path(os.path.expanduser("~"), ".cache")
    return next((path / "ranvier" for path in caches if path.is_absolute()), None)


@cache
def variables() -> tuple[str, ...]:
    """The names of the environment variables, in the order of `Settings`.

    >>> variables()[0]
    'RANVIER_DATA'
    """
    return tuple(f"RANVIER_{field.name.upper()}" for field in fields(Settings))
