"""From what decides a plan's code to the loaded library, kept in memory and, by way of an index, on disk.

The text of modules is written only where neither memory nor disk holds what came of it. On disk the way is

    text of a `Code` + our own source files  ->  index entry  ->  objects       (machine/cache.py keeps both)

An index entry is found only by a program with the sources of the one that wrote it.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from ranvier import version
from ranvier.engine.problem import Problem
from ranvier.expression import Expression, to_list
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.plan import Code, Plan, make_plan
from ranvier.native.scheduling.processor import Machine

if TYPE_CHECKING:
    from ranvier.native.machine.llvm import Library

P = ParamSpec("P")
R = TypeVar("R")
KEPT = 64
"""How many plans and libraries are kept in memory."""
SOURCES = ("native", "network", "expression", "engine")
"""The folders that decide the text of a module, and which object it becomes, beside the files of the package itself."""
SETTLED = 2 * 10**9
"""Nanoseconds: source files must be older than our import by so much, or what runs may not be what they hold."""


_forgetting: list[Callable[[], None]] = []


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Keep the latest results of a function of records; arguments that cannot be hashed are computed anew.

    >>> remembered(len)([1, 2])
    2
    """
    known: Any = lru_cache(KEPT)(function)

    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            hash(arguments)
        except TypeError:
            return function(*arguments, **options)
        found: R = known(*arguments, **options)
        return found

    _forgetting.append(known.cache_clear)
    return call


def forget() -> None:
    """Drop the plans and libraries that are kept in memory; whoever uses one keeps it."""
    for clear in _forgetting:
        clear()


@remembered
def _planned(problem: Problem, purpose: str, machine: Machine, threads: int) -> Plan:
    return make_plan(problem, purpose, machine, threads)


def planned(problem: Problem, purpose: str, machine: Machine, threads: int) -> Plan:
    """What `make_plan` makes of a problem; its seed, which compiled code reads as it runs, is 0 in it."""
    return _planned(replace(problem, seed=0, threads=None), purpose, machine, threads)


@remembered
def library(code: Code, target: Target) -> Library:
    """The compiled code of a plan, loaded into this process.

    Raises:
        EngineError: LLVM refuses the code, or it cannot be loaded.
    """
    from ranvier.native.machine import cache as objects
    from ranvier.native.machine import llvm

    def write() -> Iterator[str]:
        from ranvier.native.kernels.module import plan_ir

        yield from plan_ir(code, target)

    images = objects.compile_cached(write(), target, known=known_as(code))
    return llvm.load_objects(images, f"{code.purpose} plan")


def known_as(code: Code) -> str | None:
    """A text that is the same for the same module in all programs with these sources; None where there is none."""
    mark = fingerprint()
    try:
        return None if mark is None else f"{mark} {text_of(code)}"
    except TypeError:
        return None


def text_of(record: Any, known: dict[int, str] | None = None) -> str:
    """Records, tuples, expressions and plain values as one text; equal texts mean equal records.

    Parameters:
        known: texts by the identity of what they stand for, since steps share buffers and expressions.

    Raises:
        TypeError: something else is in it.

    >>> text_of((1, 1.0, "a", None))
    "(1,1.0,'a',None)"
    """
    known = {} if known is None else known
    kind = type(record)
    if record is None or kind in (bool, int, float, str):
        return repr(record)
    if id(record) not in known:
        if kind is tuple:
            text = ",".join(text_of(part, known) for part in record)
        elif kind is Expression:
            text = repr(to_list(record))
        elif is_dataclass(record):
            inside = ",".join(text_of(getattr(record, field.name), known) for field in fields(record))
            text = f"{kind.__module__}.{kind.__qualname__}:{inside}"
        else:
            raise TypeError(f"{kind.__name__} has no text here.")
        known[id(record)] = f"({text})"
    return known[id(record)]


@cache
def fingerprint() -> str | None:
    """A digest of our sources and of what they run on; None where it is not certain that they are what runs.

    Of the sources it takes what Python's own cache of compiled modules goes by: names, sizes and times of change.
    """
    return taken(str(Path(version.__file__).parent), version.IMPORTED)


def taken(package: str, imported: int) -> str | None:
    """The fingerprint of the sources below a folder, of which some were imported from the time `imported` on."""
    found = [f"{version.__version__} {sys.version} {np.__version__} {package}"]
    try:
        for folder, inner, names in os.walk(package):
            if folder == package:
                inner[:] = SOURCES
            for name in names:
                if name.endswith(".py"):
                    path = os.path.join(folder, name)
                    status = os.stat(path)
                    if max(status.st_mtime_ns, status.st_ctime_ns) + SETTLED > imported:
                        return None
                    found.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    except OSError:
        return None
    # Sources that are not files, as in an archive, cannot be told apart.
    return hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest() if len(found) > 1 else None
