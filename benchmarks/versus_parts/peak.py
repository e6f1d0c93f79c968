"""How much of the machine is used: FLOP/s of training over what its threads reach on multiply-adds and nothing else."""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

from versus_parts.measure import PAUSE_SECONDS, Results, Say, Settings, epochs_of_a_sample
from versus_parts.processes import Process
from versus_parts.workloads import Workload


def share_of_peak(name: str, settings: Settings, say: Say) -> Results:
    """FLOP/s of one workload on one thread and on all, each next to the peak measured right after it."""
    workload = settings.workload(name)
    say(f"{name}: share of peak")
    counts = sorted({1, settings.threads})
    return {"step_flops": workload.step_flops} | {
        str(count): _fraction(workload, replace(settings, threads=count)) for count in counts
    }


def _fraction(workload: Workload, settings: Settings) -> Results:
    rates, peaks = [], []
    with Process("trainer", settings.job("ranvier", workload)) as process:
        epochs = epochs_of_a_sample(process, settings)
        for _ in range(settings.repeats):
            time.sleep(PAUSE_SECONDS)
            seconds = process.ask("timed", epochs=epochs) / epochs
            rates.append(workload.steps * workload.step_flops / seconds)
            peaks.append(process.ask("peak"))
    fraction = median(rate / peak for rate, peak in zip(rates, peaks, strict=True))
    return {"flops_per_second": rates, "peaks": peaks, "rate": median(rates), "peak": median(peaks), "share": fraction}
