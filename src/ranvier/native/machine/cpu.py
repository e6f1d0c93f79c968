"""Facts about this machine: whether the native engine supports it, its cores, caches and vector width."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path

from ranvier import settings
from ranvier.native.machine import target as targets
from ranvier.native.machine.target import Target
from ranvier.records import record

_CPUS = Path("/sys/devices/system/cpu")
_GROUPS = Path("/sys/fs/cgroup")
_DEFAULT_SIZES = {"l1d": 32 << 10, "l2": 512 << 10, "l3": 8 << 20}


@record
class CpuFacts:
    """Facts about the machine.

    Fields: `model` (the vendor's name), `vector_bits`, `bf16` (it has a bfloat16 dot product, which is used), `threads`
    (hardware threads this process may use), `cores` (distinct cores behind them), `l1d`, `l2`, `l3` (cache sizes in
    bytes; cores share l3), `caches_known` (False if the system does not report the sizes and defaults are used).
    """

    model: str
    vector_bits: int
    bf16: bool
    threads: int
    cores: int
    l1d: int
    l2: int
    l3: int
    caches_known: bool


@cache
def available() -> str | None:
    """Why the native engine cannot run on this machine; None if it can."""
    try:
        from ranvier.native.machine import llvm
    except ImportError as error:
        return f"llvmlite is missing ({error}); install it with: pip install llvmlite"
    except OSError as error:
        return f"llvmlite cannot be loaded ({error})"
    return targets.missing(llvm.host())


def target() -> Target:
    """The processor to compile for: this one, or the one named by the setting RANVIER_CPU.

    Raises:
        EngineError: RANVIER_CPU is not a known name, or names a processor with instructions that this one lacks.
    """
    return _resolve_target(settings.cpu())


@cache
def _resolve_target(name: str | None) -> Target:
    from ranvier.native.machine import llvm

    return targets.choose(name, llvm.host())


def facts() -> CpuFacts:
    """Facts about this machine, for schedules and for `ranvier doctor`.

    Raises:
        EngineError: RANVIER_CPU cannot be used here.
    """
    compiled_for = target()
    allowed = _allowed()
    sizes = _known_caches(first_processor())
    return CpuFacts(
        model=_model(),
        vector_bits=compiled_for.vector_bits,
        bf16=compiled_for.has_bf16_dot,
        threads=threads(),
        cores=min(threads(), _cores(allowed)),
        caches_known=len(sizes) == len(_DEFAULT_SIZES),
        **{**_DEFAULT_SIZES, **sizes},
    )


def threads() -> int:
    """The number of threads that can run at once: limited by CPU affinity and by control groups."""
    return max(1, min(len(_allowed()), _known_quota() or sys.maxsize))


def default_threads() -> int:
    """The number of threads by default: RANVIER_THREADS, at most `threads()`."""
    return min(threads(), settings.threads() or sys.maxsize)


def _allowed() -> frozenset[int]:
    if sys.platform == "linux":
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def _quota() -> int | None:
    """Processors' worth of time that the control groups of this process allow, at least 1; None without a limit."""
    limits = [limit for folder in _control_groups() for limit in _limits(folder)]
    return max(1, int(min(limits))) if limits else None


@cache
def _known_quota() -> int | None:
    """The quota, read once in a process: every network that is made ready asks for it, and many files may say it."""
    return _quota()


def _control_groups() -> list[Path]:
    """The folders of this process' control groups and of those around them, in versions 1 and 2."""
    folders = [_GROUPS]
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        parts = [part for part in path.split("/") if part]
        if ".." in parts:  # outside what this process sees
            parts = []
        roots = [_GROUPS, _GROUPS / "unified"] if number == "0" and not controllers else []
        if "cpu" in controllers.split(","):
            roots = [_GROUPS / controllers, _GROUPS / "cpu"]
        folders += [root.joinpath(*parts[:depth]) for root in roots for depth in range(len(parts) + 1)]
    return list(dict.fromkeys(folders))


def _limits(folder: Path) -> list[float]:
    """Quota / period of a control group, none where it is not limited."""
    pairs = [
        _read(folder / "cpu.max").split(),
        [_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")],
    ]
    limited = [pair for pair in pairs if len(pair) == 2 and pair[0].isdigit() and pair[1].isdigit()]
    return [int(quota) / int(period) for quota, period in limited if int(period)]


def _cores(allowed: frozenset[int]) -> int:
    siblings = {_read(_CPUS / f"cpu{number}/topology/thread_siblings_list") or str(number) for number in allowed}
    return len(siblings)


def _caches(number: int) -> dict[str, int]:
    sizes_by_level = {}
    for folder in sorted(_CPUS.glob(f"cpu{number}/cache/index*")):
        name = f"l{_read(folder / 'level')}" + ("d" if _read(folder / "type") == "Data" else "")
        size = _read(folder / "size")
        if name in _DEFAULT_SIZES and size[:-1].isdigit():
            sizes_by_level[name] = int(size[:-1]) << {"K": 10, "M": 20}.get(size[-1], 0)
    return sizes_by_level


def first_processor() -> int:
    """The number of the first processor that this process may use."""
    return min(_allowed())


def cache_sizes(processor: int) -> dict[str, int]:
    """Bytes of "l1d", "l2" and "l3" of a processor; defaults if the system does not report them."""
    return {**_DEFAULT_SIZES, **_known_caches(processor)}


@cache
def _known_caches(number: int) -> dict[str, int]:
    return _caches(number)


def _model() -> str:
    for line in _read(Path("/proc/cpuinfo")).splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
