"""From the `Code` of a plan to the loaded library, cached in memory and on disk.

IR is written only where neither cache has the library. The lookup on disk is

    canonical form of a `Code` + fingerprint of our source files  ->  index entry  ->  objects    (machine/cache.py)

A program finds only index entries that were written by the same sources.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from ranvier import settings, version
from ranvier.expression import Expression, to_list
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.plan import Code

if TYPE_CHECKING:
    from ranvier.native.machine.llvm import Library

P = ParamSpec("P")
R = TypeVar("R")
MAX_MEMOIZED = 64
"""How many plans and how many libraries stay in memory."""
SOURCES = ("native", "network", "expression", "engine")
"""The folders whose files decide the IR and the objects, in addition to the files at the top of the package."""
MIN_SOURCE_AGE_NS = 2 * 10**9
"""Source files must have been older than this when they were imported; newer ones may differ from what was imported."""


_clear_functions: list[Callable[[], None]] = []


def memoize(function: Callable[P, R]) -> Callable[P, R]:
    """Memoize a function of records, for the latest arguments. Results for unhashable arguments are not kept.

    Threads that ask for the same at the same time wait for the first of them.

    >>> memoize(len)([1, 2])
    2
    """
    memoized: Any = lru_cache(MAX_MEMOIZED)(function)
    working: dict[Any, threading.RLock] = {}

    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            lock = working.setdefault(arguments, threading.RLock())
        except TypeError:
            return function(*arguments, **options)
        try:
            with lock:
                result: R = memoized(*arguments, **options)
        finally:
            working.pop(arguments, None)
        return result

    _clear_functions.append(memoized.cache_clear)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=working.clear)
    return call


def clear_memoized() -> None:
    """Drop the memoized plans and libraries; those in use stay valid."""
    for clear in _clear_functions:
        clear()


@memoize
def library(code: Code, target: Target) -> Library:
    """The compiled code of a plan, loaded into this process.

    Raises:
        EngineError: LLVM refuses the code, or it cannot be loaded.
    """
    from ranvier.native.machine import cache as objects
    from ranvier.native.machine import llvm

    def write() -> Iterator[str]:
        from ranvier.native.kernels.module import LINES, plan_ir

        yield from plan_ir(code, target, 1 if settings.read().dump else LINES)

    images = objects.compile_cached(write(), target, name=cache_key(code))
    return llvm.load_objects(images, f"{code.purpose} plan")


def cache_key(code: Code) -> str | None:
    """The key of a plan in the index on disk; None if the sources are unknown or the plan has no canonical form."""
    mark = fingerprint()
    try:
        return None if mark is None else f"{mark} {canonical_form(code)}"
    except TypeError:
        return None


def canonical_form(record: Any, memo: dict[int, str] | None = None) -> str:
    """Records, tuples, expressions and plain values as one text. Equal texts mean equal records.

    Parameters:
        memo: texts of records met before, by id, since steps share buffers and expressions.

    Raises:
        TypeError: the record holds a value of another type.

    >>> canonical_form((1, 1.0, "a", None))
    "(1,1.0,'a',None)"
    """
    memo = {} if memo is None else memo
    kind = type(record)
    if record is None or kind in (bool, int, float, str):
        return repr(record)
    if id(record) not in memo:
        if kind is tuple:
            text = ",".join(canonical_form(part, memo) for part in record)
        elif kind is Expression:
            text = repr(to_list(record))
        elif is_dataclass(record):
            inside = ",".join(canonical_form(getattr(record, field.name), memo) for field in fields(record))
            text = f"{kind.__module__}.{kind.__qualname__}:{inside}"
        else:
            raise TypeError(f"{kind.__name__} has no canonical form.")
        memo[id(record)] = f"({text})"
    return memo[id(record)]


@cache
def fingerprint() -> str | None:
    """A digest of our source files, Python and NumPy; None if the files may differ from what was imported.

    Source files are identified as Python identifies them for its cache: by name, size and modification time.
    """
    return source_fingerprint(str(Path(version.__file__).parent), version.IMPORTED)


def source_fingerprint(package: str, imported: int) -> str | None:
    """The fingerprint of the source files below a folder; None if a file may have changed after it was imported.

    Where all of them have one modification time, as some installers write it, their contents count, too.

    Parameters:
        imported: the time of the first import, in nanoseconds.
    """
    lines = [f"{version.__version__} {sys.version} {np.__version__} {package}"]
    times: dict[str, int] = {}
    try:
        for folder, inner, names in os.walk(package):
            if folder == package:
                inner[:] = SOURCES
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(folder, name)
                    status = os.stat(path)
                    if max(status.st_mtime_ns, status.st_ctime_ns) + MIN_SOURCE_AGE_NS > imported:
                        return None
                    lines.append(f"{path} {status.st_size} {status.st_mtime_ns}")
                    times[path] = status.st_mtime_ns
        if len(set(times.values())) == 1:  # installers that give all files one time tell no sources apart
            lines += [f"{path} {hashlib.sha256(Path(path).read_bytes()).hexdigest()}" for path in times]
    except OSError:
        return None
    # Sources in an archive are not files and have no fingerprint.
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest() if len(lines) > 1 else None
