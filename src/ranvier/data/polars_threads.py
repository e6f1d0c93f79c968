"""The threads of polars, which a forked child does not have: whatever waits for them there would wait for ever."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ranvier.errors import EngineError

_TASKS = Path("/proc/self/task")
_threads = {"started": False, "lost": False}
"""Whether polars had started its threads before the latest fork, and whether a fork has lost them."""


def check_polars_threads() -> None:
    """Raise an error in a forked child whose parent had read or encoded a table.

    Raises:
        EngineError: the threads of polars do not exist here.
    """
    if _threads["lost"]:
        raise EngineError(
            "This process was forked after its parent had read a table, and has no threads that read tables. "
            'Start processes with multiprocessing.set_start_method("spawn") or "forkserver", or fork before the first '
            "table is read."
        )


def _before_fork() -> None:
    # Where threads cannot be listed, polars is taken to have some as soon as it is imported.
    imported = "polars" in sys.modules
    _threads["started"] = imported and (not _TASKS.is_dir() or any(map(_is_of_polars, _TASKS.iterdir())))


def _is_of_polars(task: Path) -> bool:
    try:
        return (task / "comm").read_text().startswith("polars-0")
    except OSError:
        return False  # A thread that has ended.


def _after_fork() -> None:
    _threads["lost"] |= _threads["started"]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
