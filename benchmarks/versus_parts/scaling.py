"""Whether the cost grows linearly in rows, epochs and parameters: seconds per FLOP should stay the same.

Rows lie in a memory-mapped file, and whole calls of the public `fit` are timed. What a call costs once, however little
it trains on, is measured by a call on one batch, told, and taken off before FLOPs are priced. Parameters are those of
square networks of three layers; there, a step is timed.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from versus_parts.measure import STEP_TOLERANCE, CheckError, Results, Say, Settings
from versus_parts.processes import Process
from versus_parts.scaler import BATCH, ROW_SIZES, flops_of, parameters_of, square_sizes

ROWS = tuple(10**power for power in range(3, 8))
QUICK_ROWS = ROWS[:-1]
EPOCH_ROWS = 10_000
EPOCHS = (1, 3, 10, 30, 100)
PARAMETERS = tuple(10 ** (half / 2) for half in range(6, 16))
QUICK_PARAMETERS = PARAMETERS[:-2]
FLAT_FROM = {"rows": 1e5, "epochs": 10, "parameters": 1e5}
SPARE_DISK = 2
FIXED_REPEATS = 11
TOLD_APART = 1.5
"""How many times the fixed cost a call must take for the rest to have a price."""
Priced = tuple[list[Results], float]
"""The points, and the seconds that a call costs in any case."""


def scaling(kind: str, settings: Settings, say: Say) -> Results:
    """Seconds per FLOP over growing rows, epochs or parameters, and how far from flat they are."""
    with tempfile.TemporaryDirectory(dir=settings.folder) as folder:
        job = {"contender": "ranvier", "threads": settings.threads, "engine": settings.engine, "folder": folder}
        with Process("scaler", job) as process:
            points, fixed = MAKERS[kind](process, settings, say, Path(folder))
    figures: Results = {"points": points, "flat_from": FLAT_FROM[kind], "flatness": flatness(points, FLAT_FROM[kind])}
    return figures | ({"fixed_seconds": fixed} if fixed else {})


def flatness(points: list[Results], begin: float) -> float | None:
    """The dearest over the cheapest FLOP of all points from `begin` on; None where fewer than two have a price."""
    costs = [point["seconds_per_flop"] for point in points if point["size"] >= begin and point["seconds_per_flop"]]
    return max(costs) / min(costs) if len(costs) > 1 else None


def point(size: float, flops: float, seconds: list[float], fixed: float = 0.0, **more: Any) -> Results:
    """One size and what a FLOP costs there, above what a call costs in any case; None where that is nearly all."""
    seconds_of_all = median(seconds)
    cost = (seconds_of_all - fixed) / flops if seconds_of_all > TOLD_APART * fixed else None
    return {"size": size, "flops": flops, "seconds": seconds, "seconds_per_flop": cost, **more}


def _check_rows(process: Process) -> None:
    mapped, held, reference = process.ask("check_rows")
    if mapped != held:
        raise CheckError(f"The losses are {mapped} on memory-mapped rows and {held} on the same rows in memory.")
    _compare("rows", mapped, reference)


def _compare(what: str, losses: list[float], reference: list[float]) -> None:
    if not np.allclose(losses, reference, rtol=STEP_TOLERANCE, atol=0.0):
        raise CheckError(f"scaling, {what}: the losses are {losses}, and {reference} in the reference engine.")


def over_rows(process: Process, settings: Settings, say: Say, folder: Path) -> Priced:
    """One epoch over 10^3 to 10^7 rows."""
    counts = QUICK_ROWS if settings.quick else ROWS
    most = counts[-1] * 4 * (ROW_SIZES[0] + 1)
    if shutil.disk_usage(folder).free < SPARE_DISK * most:
        raise CheckError(f"There is no room for {most / 1e6:.0f} MB of rows, and as much again, in {folder}.")
    say(f"scaling: writing {counts[-1]:,} rows")
    process.ask("write", rows=counts[-1])
    _check_rows(process)
    figures, fixed = [], _fixed(process)
    for count in counts:
        say(f"scaling: {count:,} rows")
        answer = process.ask("fit_rows", rows=count, epochs=1, repeats=_repeats(settings, count))
        figures.append(point(count, flops_of(ROW_SIZES, count), answer["seconds"], fixed, loss=answer["loss"]))
    return figures, fixed


def _fixed(process: Process) -> float:
    """Seconds of a call on one batch."""
    return median(process.ask("fit_rows", rows=BATCH, epochs=1, repeats=FIXED_REPEATS)["seconds"])


def _repeats(settings: Settings, rows: int) -> int:
    """As many as for the fixed cost, where it is most of what is measured."""
    return FIXED_REPEATS if rows <= EPOCH_ROWS else min(3, settings.repeats)


def over_epochs(process: Process, settings: Settings, say: Say, folder: Path) -> Priced:
    """1 to 100 epochs over 10^4 rows."""
    process.ask("write", rows=EPOCH_ROWS)
    _check_rows(process)
    figures, fixed = [], _fixed(process)
    for count in EPOCHS:
        say(f"scaling: {count} epochs")
        rows = EPOCH_ROWS * count
        answer = process.ask("fit_rows", rows=EPOCH_ROWS, epochs=count, repeats=_repeats(settings, rows))
        figures.append(point(count, flops_of(ROW_SIZES, rows), answer["seconds"], fixed, loss=answer["loss"]))
    return figures, fixed


def over_parameters(process: Process, settings: Settings, say: Say, folder: Path) -> Priced:
    """A step of networks of 10^3 to 10^7.5 parameters."""
    figures = []
    for parameters in QUICK_PARAMETERS if settings.quick else PARAMETERS:
        sizes = square_sizes(parameters)
        say(f"scaling: {'-'.join(map(str, sizes))}")
        _compare("-".join(map(str, sizes)), *process.ask("check_parameters", sizes=sizes))
        seconds = process.ask(
            "fit_parameters", sizes=sizes, sample_seconds=settings.sample_seconds, repeats=min(3, settings.repeats)
        )["seconds"]
        figures.append(point(parameters_of(sizes), flops_of(sizes, BATCH), seconds, width=sizes[0]))
    return figures, 0.0


MAKERS = {"rows": over_rows, "epochs": over_epochs, "parameters": over_parameters}
