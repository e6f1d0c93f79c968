"""Jobs one after the other, each in a process of its own with a limit on its processor time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .records import Row

BENCHMARKS = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "POLARS_MAX_THREADS",
    "RANVIER_THREADS",
)
PATIENCE = 8
"""How many times the limit on processor time a process may last by the clock: it may be stopped or wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Job:
    """One method on one set at one seed; `kind` is "score" or "time"."""

    kind: str
    set: str
    seed: int
    method: str

    @property
    def key(self) -> tuple[str, str, int, str]:
        """As `records.key`."""
        return self.kind, self.set, self.seed, self.method


def jobs(kind: str, sets: Sequence[str], seeds: Sequence[int], methods: Sequence[str]) -> Iterator[Job]:
    """What is to be done, in order: scores method by method, times set by set."""
    if kind == "time":
        yield from (Job(kind, name, seed, method) for name in sets for seed in seeds for method in methods)
    else:
        yield from (Job(kind, name, seed, method) for method in methods for seed in seeds for name in sets)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how jobs run: `data`, the folder of the sets; `threads`; `limit`, seconds of processor time of one
    process; `label`, a word in the command line of every process, to find and stop them by."""

    data: Path
    threads: int
    limit: int
    label: str

    def run(self, job: Job) -> Row:
        """The result of a job, or why there is none."""
        words = ["--set", job.set, "--seed", str(job.seed), "--method", job.method]
        row = {"kind": job.kind, "set": job.set, "seed": job.seed, "method": job.method, "threads": self.threads}
        return row | self.ask("worker", [*words, *(["--timing"] if job.kind == "time" else [])])

    def ask(self, module: str, arguments: Sequence[str]) -> dict[str, Any]:
        """What a module of this package answers in a process of its own; {"failed": ...} where it does not."""
        shared = ["--data", str(self.data), "--threads", str(self.threads), "--label", self.label]
        shared += ["--limit", str(self.limit)]
        process = subprocess.Popen(
            [*self._command(module), *shared, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=BENCHMARKS,
            env=self._environment(),
            process_group=0,
        )
        try:
            answer, complaint = process.communicate(timeout=PATIENCE * self.limit)
        except subprocess.TimeoutExpired:
            return {"failed": f"no answer within {PATIENCE * self.limit} s"}
        finally:
            _end(process)
        if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return {"failed": f"ended by signal {-process.returncode}; its limit was {self.limit} s of processor time"}
        if process.returncode or not answer:
            return {"failed": (complaint.strip().splitlines() or ["no answer"])[-1][:500]}
        answer_values: dict[str, Any] = json.loads(answer)
        return answer_values

    def _command(self, module: str) -> list[str]:
        return [sys.executable, "-m", f"{__package__}.{module}"]

    def _environment(self) -> dict[str, str]:
        environment = dict(os.environ, PYTHONPATH=str(BENCHMARKS), CUDA_VISIBLE_DEVICES="", PYTHONWARNINGS="ignore")
        return environment | dict.fromkeys(THREAD_VARIABLES, str(self.threads))


def _end(process: subprocess.Popen[str]) -> None:
    """End a process that still runs, and those that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
