"""Every environment variable Ranvier looks at, in one place."""

from __future__ import annotations

import os
from dataclasses import fields
from functools import cache, lru_cache
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
    return _checked(os.environ.get("XDG_CACHE_HOME"), os.path.expanduser("~"), *map(os.environ.get, variables()))


@lru_cache(8)
def _checked(
    caches: str | None,
    home: str,
    data: str | None,
    cache: str | None,
    engine: str | None,
    threads: str | None,
    cpu: str | None,
    dump: str | None,
) -> Settings:
    engine = engine or "auto"
    if engine not in ENGINES:
        raise InputError(f"RANVIER_ENGINE is {engine!r}; it must be one of {', '.join(ENGINES)}.")
    if threads and not (threads.isdigit() and int(threads) > 0):
        raise InputError(f"RANVIER_THREADS is {threads!r}; it must be an integer of at least 1.")
    return Settings(
        data=Path(data) if data else None,
        cache=_cache(caches, home, cache),
        engine=engine,
        threads=int(threads) if threads else None,
        cpu=cpu or None,
        dump=Path(dump) if dump else None,
    )


def _cache(caches: str | None, home: str, requested: str | None) -> Path | None:
    """The folder requested, else one in XDG_CACHE_HOME or in the home folder, which only count as absolute paths.

    A relative one would be in the current folder, which may hold what others put there.
    """
    if requested:
        return Path(os.path.expanduser(requested))
    known = (path for path in (Path(caches or ""), Path(home, ".cache")) if path.is_absolute())
    return next((path / "ranvier" for path in known), None)


@cache
def variables() -> tuple[str, ...]:
    """The names of the environment variables, in the order of `Settings`.

    >>> variables()[0]
    'RANVIER_DATA'
    """
    return tuple(f"RANVIER_{field.name.upper()}" for field in fields(Settings))
