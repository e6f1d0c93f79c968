"""Contenders as processes: a fixed number of threads each, asked over a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC", "RANVIER_THREADS")


class ContenderError(RuntimeError):
    """A contender could not do what it was asked."""


def pin(count: int) -> None:
    """Keep this process, and the contenders it starts, on so many processors; on cores of their own where it can be."""
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < count:
        raise SystemExit(f"This process may use {len(allowed)} processors; --threads {count} asks for more.")
    firsts: dict[str, int] = {}
    for number in allowed:
        path = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        firsts.setdefault(path.read_text() if path.exists() else str(number), number)
    apart = list(firsts.values())
    os.sched_setaffinity(0, (apart + [number for number in allowed if number not in apart])[:count])


def environment(threads: int, cache: Path | None = None) -> dict[str, str]:
    """The environment of a contender: the same number of threads for every library, and Python's usual bytecode."""
    variables = dict(os.environ, PYTHONPATH=str(BENCHMARKS), JAX_PLATFORMS="cpu", CUDA_VISIBLE_DEVICES="")
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={threads}"
    return variables if cache is None else variables | {"RANVIER_CACHE": str(cache)}


class Process:
    """A contender in its own process; `ask` sends one command and waits for the answer."""

    def __init__(self, kind: str, job: dict[str, Any], cache: Path | None = None) -> None:
        self.name = job["contender"]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "versus_parts.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=BENCHMARKS,
            env=environment(job["threads"], cache),
        )
        try:
            self._send({"kind": kind, **job})
        except ContenderError:
            self.close()
            raise

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def ask(self, do: str, **arguments: Any) -> Any:
        """Have one method of the worker called.

        Raises:
            ContenderError: it failed there, or the process ended.
        """
        return self._send({"do": do, **arguments})

    def _send(self, command: dict[str, Any]) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        reply = json.loads(line) if line else {"error": f"the process ended with {self.process.wait()}"}
        if "error" in reply:
            raise ContenderError(f"{self.name}: {reply['error']}")
        return reply["answer"]

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
