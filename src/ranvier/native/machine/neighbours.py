"""How busy other processes keep the processors that this one may use."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

STATISTICS = Path("/proc/stat")
SECONDS = 0.2


def busy_processors(seconds: float = SECONDS) -> float | None:
    """How many of the allowed processors other processes keep busy, measured for some time; None if unknown.

    >>> busy_processors(0.01) is None or busy_processors(0.01) >= 0
    True
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = os.sched_getaffinity(0)
    try:
        first, process_time, start = STATISTICS.read_text(), time.process_time(), time.perf_counter()
        time.sleep(seconds)
        last = STATISTICS.read_text()
    except OSError:
        return None
    elapsed, process_time = time.perf_counter() - start, time.process_time() - process_time
    ticks = busy_ticks(last, allowed) - busy_ticks(first, allowed)
    return min(max(0.0, (ticks / os.sysconf("SC_CLK_TCK") - process_time) / elapsed), float(len(allowed)))


def busy_ticks(text: str, processors: Iterable[int]) -> int:
    """The ticks in which processors were not idle, from the text of /proc/stat.

    >>> busy_ticks("cpu 9 9 9 9 9 0 0 0\\ncpu0 5 1 2 90 7 1 0 3 0 0\\ncpu1 1 0 0 9 0 0 0 0", {0})
    12
    """
    names, ticks = {f"cpu{number}" for number in processors}, 0
    for line in text.splitlines():
        name, *numbers = line.split()[:9] or [""]
        if name in names:
            user, nice, system, _, _, *interrupts = map(int, numbers)
            ticks += user + nice + system + sum(interrupts)
    return ticks
