"""The checks of `ranvier doctor` on the engines: which one is used and why, and the native engine's facts."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ranvier import settings
from ranvier.cli.exit_codes import one_line
from ranvier.errors import RanvierError
from ranvier.plural import plural
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.native.machine.cpu import CpuFacts

BUSY = 0.5
"""So many processors kept busy by others are worth a warning."""


@record
class Check:
    """One check: its name, "ok", "warning" or "error", and a sentence."""

    name: str
    verdict: str
    text: str


def engines() -> Iterator[Check]:
    """Every engine: whether it can run, and which one "auto" takes."""
    from ranvier.training.engines import engine, survey

    reasons = survey()
    try:
        selected = engine().name
    except RanvierError as error:
        selected = ""
        yield Check("Engine", "error", one_line(str(error)))
    why = "RANVIER_ENGINE asks for it" if settings.read().engine != "auto" else "the fastest that runs here"
    for name, reason in reasons.items():
        if reason is None:
            yield Check(f"Engine {name}", "ok", f"ready; used, {why}" if name == selected else "ready")
        else:
            instead = f"; the {selected} engine, which is slower, is used" if selected else ""
            yield Check(f"Engine {name}", "warning", f"{reason}{instead}")
    if reasons["native"] is None:
        yield from _native()


def cache(folder: Path | None) -> Check:
    """Where compiled code is kept, how much there is, and whether more can be written."""
    if folder is None:
        text = "no home folder is known, so every start compiles again; set RANVIER_CACHE to a folder of yours"
        return Check("Cache", "warning", text)
    files = []
    for file in folder.rglob("*"):
        # Another process may remove files at the same time.
        with contextlib.suppress(OSError):
            files += [file.stat().st_size] if file.is_file() else []
    parent = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            usable = True
    except OSError:
        usable = False
    text = f"{folder}: {plural(len(files), 'file')} of compiled code, {size(sum(files))}, "
    refused = code_of_others(folder)
    if refused:
        return Check("Cache", "warning", f"{text}not used, since {refused}; set RANVIER_CACHE to a folder of yours")
    if usable:
        return Check("Cache", "ok", f"{text}can be written")
    advice = "set RANVIER_CACHE to a folder that can"
    return Check("Cache", "warning", f"{text}cannot be written, so every start compiles again; {advice}")


def code_of_others(folder: Path) -> str:
    """Why the code in a folder may not be this user's, in words; "" where it is."""
    from ranvier.native.machine.own_files import check_folder

    try:
        check_folder(folder / "objects")
    except PermissionError as error:
        return str(error)
    except OSError:
        # It is not there yet; whether it can be made is another question.
        return ""
    return ""


def _native() -> Iterator[Check]:
    """What the native engine makes code for."""
    from ranvier.native.machine import cpu

    facts, used = cpu.facts(), cpu.default_threads()
    requested = settings.read().cpu
    origin = f", as RANVIER_CPU={requested} asks" if requested else ""
    yield Check("Native code", "ok", f"{facts.model}, vectors of {facts.vector_bits} bits{origin}")
    dot = (
        "a dot product, faster than float32 on AMD"
        if facts.bf16
        else "no dot product: emulated, no faster than float32"
    )
    yield Check("Native bfloat16", "ok", dot)
    yield Check("Native threads", "ok", _threads(facts, used))
    yield _neighbours(used)
    assumed = "" if facts.caches_known else "; assumed, since the system does not report them"
    yield Check(
        "Native caches",
        "ok" if facts.caches_known else "warning",
        f"{size(facts.l1d)} L1 and {size(facts.l2)} L2 a core, {size(facts.l3)} L3 shared{assumed}",
    )
    yield _peak(used)


def _threads(facts: CpuFacts, used: int) -> str:
    """How many threads are used, of how many."""
    requested = settings.read().threads
    available = f"{plural(facts.threads, 'thread')} on {plural(facts.cores, 'core')}"
    if requested is None:
        return f"all {available}; RANVIER_THREADS is not set"
    if requested > facts.threads:
        return f"all {available}, though RANVIER_THREADS={requested}"
    return f"{used} of {available}, as RANVIER_THREADS={requested} asks"


def _neighbours(threads: int) -> Check:
    """How busy other processes are, and what the engine does about it."""
    from ranvier.native.machine.neighbours import busy_processors

    name, busy = "Other processes", busy_processors()
    if busy is None:
        return Check(name, "ok", "the system does not say how busy they are; the engine measures its own speed")
    text = f"keep {busy:.1f} of {plural(usable(), 'processor')} busy"
    if busy < BUSY:
        return Check(name, "ok", text)
    if threads == 1:
        return Check(name, "warning", f"{text}, which makes training slower")
    what = "training and prediction measure which number of threads is fastest, about once a second, and use that"
    return Check(name, "warning", f"{text}; {what}; the results are the same")


def _peak(threads: int) -> Check:
    """The measured limit of one thread and of all."""
    from ranvier.native.machine.peak import measured_peak

    name = "Native peak"
    try:
        rates = [f"{measured_peak(count):,.0f} with {plural(count, 'thread')}" for count in sorted({1, threads})]
    except (RanvierError, OSError) as error:
        return Check(name, "error", one_line(str(error)))
    return Check(name, "ok", f"GFLOP/s of float32 multiply-adds: {', '.join(rates)}, measured")


def usable() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(32 << 10), size(1536 << 10)
    ('32 KiB', '1.5 MiB')
    """
    return f"{count >> 10} KiB" if count < 1 << 20 else f"{count / 2**20:.3g} MiB"
