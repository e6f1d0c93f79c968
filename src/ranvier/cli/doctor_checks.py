"""What `ranvier doctor` finds out about the engines: which one is used and why, and what the native one found here."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ranvier import settings
from ranvier.cli.exit_codes import one_line
from ranvier.display.format import plural
from ranvier.errors import RanvierError
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.native.machine.cpu import CpuFacts


@record
class Check:
    """One finding: what was looked at, "good", "note" or "bad", and a sentence."""

    name: str
    verdict: str
    text: str


def engines() -> Iterator[Check]:
    """Every engine: whether it can run, and which one "auto" takes."""
    from ranvier.training.engines import engine, survey

    found = survey()
    try:
        taken = engine().name
    except RanvierError as error:
        taken = ""
        yield Check("Engine", "bad", one_line(str(error)))
    why = "RANVIER_ENGINE asks for it" if settings.read().engine != "auto" else "the fastest that runs here"
    for name, reason in found.items():
        if reason is None:
            yield Check(f"Engine {name}", "good", f"ready; used, {why}" if name == taken else "ready")
        else:
            instead = f"; the {taken} engine, which is slower, is used" if taken else ""
            yield Check(f"Engine {name}", "note", f"{reason}{instead}")
    if found["native"] is None:
        yield from _native()


def cache(folder: Path) -> Check:
    """Where compiled code is kept, how much there is, and whether more can be written."""
    files = []
    for file in folder.rglob("*"):
        # Another process may remove files at the same time.
        with contextlib.suppress(OSError):
            files += [file.stat().st_size] if file.is_file() else []
    place = next(known for known in (folder, *folder.parents) if known.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            usable = True
    except OSError:
        usable = False
    text = f"{folder}: {plural(len(files), 'file')} of compiled code, {size(sum(files))}, "
    if usable:
        return Check("Cache", "good", f"{text}can be written")
    advice = "set RANVIER_CACHE to a folder that can"
    return Check("Cache", "note", f"{text}cannot be written, so every start compiles again; {advice}")


def _native() -> Iterator[Check]:
    """What the native engine makes code for."""
    from ranvier.native.machine import cpu

    facts, used = cpu.facts(), cpu.default_threads()
    asked = settings.read().cpu
    chosen = f", as RANVIER_CPU={asked} asks" if asked else ""
    yield Check("Native code", "good", f"{facts.model}, vectors of {facts.vector_bits} bits{chosen}")
    dot = "a bfloat16 dot product, not used yet" if facts.bf16 else "no bfloat16 dot product"
    yield Check("Native bfloat16", "good", f"{dot}: emulated, no faster than float32 here")
    yield Check("Native threads", "good", _threads(facts, used))
    guessed = "" if facts.caches_known else "; these are the usual sizes, since the system does not say"
    yield Check(
        "Native caches",
        "good" if facts.caches_known else "note",
        f"{size(facts.l1d)} L1 and {size(facts.l2)} L2 a core, {size(facts.l3)} L3 shared{guessed}",
    )
    yield _peak(used)


def _threads(facts: CpuFacts, used: int) -> str:
    """How many threads are used, of how many."""
    given = settings.read().threads
    there = f"{plural(facts.threads, 'thread')} on {plural(facts.cores, 'core')}"
    if given is None:
        return f"all {there}; RANVIER_THREADS is not set"
    if given > facts.threads:
        return f"all {there}, though RANVIER_THREADS={given}"
    return f"{used} of {there}, as RANVIER_THREADS={given} asks"


def _peak(threads: int) -> Check:
    """The measured limit of one thread and of all."""
    from ranvier.native.machine.peak import measured_peak

    name = "Native peak"
    try:
        found = [f"{measured_peak(count):,.0f} with {plural(count, 'thread')}" for count in sorted({1, threads})]
    except (RanvierError, OSError) as error:
        return Check(name, "bad", one_line(str(error)))
    return Check(name, "good", f"GFLOP/s of float32 multiply-adds: {', '.join(found)}, measured")


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(32 << 10), size(1536 << 10)
    ('32 KiB', '1.5 MiB')
    """
    return f"{count >> 10} KiB" if count < 1 << 20 else f"{count / 2**20:.3g} MiB"
