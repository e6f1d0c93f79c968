"""What stands before the first result: imports, the first training of a process, and the memory all of it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from versus_parts.measure import Results, Say, Settings
from versus_parts.processes import Process, environment

CONTENDERS = ("ranvier", "jax", "torch", "scikit-learn")
IMPORTED = {"ranvier": "ranvier", "jax": "jax", "torch": "torch", "scikit-learn": "sklearn.neural_network"}
IMPORT_PROGRAM = """
import time
start = time.perf_counter()
import numpy
middle = time.perf_counter()
import {module}
print(middle - start, time.perf_counter() - middle)
"""


def imports(settings: Settings, say: Say) -> Results:
    """Seconds of `import numpy`, and of importing each library after it, in new processes."""
    say("imports")
    figures: Results = {}
    for contender in settings.here(CONTENDERS):
        pairs = [_import_seconds(IMPORTED[contender], settings) for _ in range(max(3, settings.repeats))]
        figures[contender] = {
            "numpy": median(first for first, _ in pairs),
            "library": median(then for _, then in pairs),
        }
    return figures


def _import_seconds(module: str, settings: Settings) -> tuple[float, float]:
    program = [sys.executable, "-W", "ignore", "-c", IMPORT_PROGRAM.format(module=module)]
    done = subprocess.run(program, env=environment(settings.threads), capture_output=True, text=True, check=True)
    first, then = done.stdout.split()[-2:]
    return float(first), float(then)


def first_fit(name: str, settings: Settings, say: Say) -> Results:
    """Seconds of the first training in a new process next to those of the next one: cold, and with objects on disk."""
    workload, figures = settings.workload(name), {}
    say(f"{name}: first fit")
    for contender in settings.here(CONTENDERS):
        cases = ("cold", "cached") if contender == "ranvier" else ("cold",)
        samples: dict[str, list[Results]] = {case: [] for case in cases}
        for turn in range(max(2, settings.repeats // 2)):
            cache = settings.folder / f"cache-{turn}"
            shutil.rmtree(cache, ignore_errors=True)
            for case in cases:
                with Process("cold_start", settings.job(contender, workload), cache) as process:
                    samples[case].append(process.ask("first"))
        figures[contender] = {case: _summary(entry) for case, entry in samples.items()}
    return figures


def _summary(samples: list[Results]) -> Results:
    """The medians, and what the first training takes over the next: all of it, and without what it imports."""
    figures: dict[str, Any] = {name: median(sample[name] for sample in samples) for name in samples[0]}
    figures["extra"] = median(sample["first"] - sample["warm"] for sample in samples)
    figures["extra_without_imports"] = median(sample["first"] - sample["inside"] - sample["warm"] for sample in samples)
    return figures | {"samples": samples}


def memory(name: str, settings: Settings, say: Say) -> Results:
    """The most bytes that a process with the same rows and the same training ever holds, next to torch's."""
    workload, figures = settings.workload(name), {}
    say(f"{name}: memory")
    if not Path("/proc/self/status").exists() or os.name != "posix":
        return {"failed": "this system does not say how much memory a process holds"}
    for contender in settings.here(("ranvier", "torch")):
        samples = []
        for _ in range(2):
            with Process("cold_start", settings.job(contender, workload)) as process:
                samples.append(process.ask("memory"))
        figures[contender] = {key: median(sample[key] for sample in samples) for key in samples[0]} | {
            "samples": samples
        }
    if len(figures) == 2:
        ours, torch = figures["ranvier"], figures["torch"]
        figures["share"] = ours["peak"] / torch["peak"]
        figures["share_over_rows"] = (ours["peak"] - ours["bare"]) / max(1, torch["peak"] - torch["bare"])
    return figures
