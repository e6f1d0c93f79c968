"""From results to figures: means over the seeds, ranks, the comparison with scikit-learn's MLP, seconds.

Scores come from "score" results, seconds from "time" results alone: those were made on a quiet machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import Any

from . import records
from .ranking import geometric_mean, mean_and_error, mean_ranks, verdict
from .records import Key, Row
from .registry import METHODS
from .sets import TABLES

Results = dict[str, Any]
MEASURES = {"accuracy": "high", "log_loss": "low", "rmse": "low", "mae": "low"}
RANKINGS = {"accuracy or RMSE": ("accuracy", "rmse"), "log loss or RMSE": ("log_loss", "rmse")}
MLP, SLOW = "sklearn-mlp", "realmlp-td"
SHORTEST = 1e-6
"""Seconds: a geometric mean needs times above 0."""
OURS = [name for name, method in METHODS.items() if method.ours]
SEARCHED = [name for name, method in METHODS.items() if method.searched]
"""Those that are ranked beside our best effort, on the sets on which they were run."""
BEST = "ranvier-best"
PEERS = [
    name
    for name, method in METHODS.items()
    if not (method.ours or method.searched) and name != "baseline" and method.most_rows is None
]
"""Those that are run on every set; only they are ranked beside all of ours."""


class RowsDifferError(ValueError):
    """Two methods saw different rows at the same seed: their scores cannot be compared."""


def summarize(rows: list[Row]) -> Results:
    """All figures of the report, from the lines of the results.

    Raises:
        RowsDifferError: methods saw different rows.
    """
    scores, times = (
        {key: row for key, row in records.results(rows, kind).items() if "skipped" not in row}
        for kind in ("score", "time")
    )
    check_rows({**scores, **times})
    return {
        "runs": [row for row in rows if row["kind"] == "run"],
        "sets": {name: _set(scores, name) for name in TABLES if any(key[1] == name for key in scores)},
        "ranks": {title: _rankings(scores, measures) for title, measures in RANKINGS.items()},
        "against_mlp": {name: _against_mlp(scores, name) for name in OURS},
        "seconds": _seconds(times),
        "latency": {row["method"]: row for row in rows if row["kind"] == "latency"},
        "failed": [row for row in (*scores.values(), *times.values()) if "failed" in row],
    }


def check_rows(results: Mapping[Key, Row]) -> None:
    """Make sure that at each set and seed all methods that were run now saw the same rows."""
    fastest: dict[tuple[str, int], tuple[str, str]] = {}
    for (_, name, seed, method), row in results.items():
        if "failed" not in row and "rows" in row:
            first, digest = fastest.setdefault((name, seed), (method, row["rows"]["digest"]))
            if row["rows"]["digest"] != digest:
                raise RowsDifferError(f"{first} and {method} saw different rows of {name}, seed {seed}.")


def _values(scores: Mapping[Key, Row], name: str, method: str) -> dict[int, Row]:
    """Seed -> result of a method on a set."""
    return {key[2]: row for key, row in scores.items() if key[1] == name and key[3] == method}


def _set(scores: Mapping[Key, Row], name: str) -> Results:
    figures: Results = {}
    for method in METHODS:
        by_seed = _values(scores, name, method)
        done = {seed: row for seed, row in sorted(by_seed.items()) if "failed" not in row}
        if not by_seed:
            continue
        figures[method] = {"seeds": list(done), "failed": len(by_seed) - len(done)}
        for measure in MEASURES:
            values = [row["scores"][measure] for row in done.values() if measure in row["scores"]]
            if values:
                mean, error = mean_and_error(values)
                figures[method][measure] = {"mean": mean, "error": error, "values": values}
    return figures


def measure_of(name: str, measures: tuple[str, str]) -> str:
    """Which of (for classes, for numbers) is meant on a set."""
    return measures[1] if TABLES[name].kind == "regression" else measures[0]


def losses(scores: Mapping[Key, Row], name: str, measure: str, methods: list[str]) -> dict[str, float] | None:
    """The mean of each method over the seeds that all of them have, so turned that smaller is better.

    A method that failed on one of the seeds has infinity; None where there is no seed that all have.
    """
    figures = {method: _values(scores, name, method) for method in methods}
    seeds = set.intersection(*(set(entry) for entry in figures.values()))
    if not seeds:
        return None
    sign = -1.0 if MEASURES[measure] == "high" else 1.0
    return {
        method: math.inf
        if any("failed" in by_seed[seed] for seed in seeds)
        else sign * mean_and_error([by_seed[seed]["scores"][measure] for seed in sorted(seeds)])[0]
        for method, by_seed in figures.items()
    }


def _rankings(scores: Mapping[Key, Row], measures: tuple[str, str]) -> Results:
    """The mean ranks of the peers among themselves, and with each of ours."""
    figures: Results = {}
    present = {key[3] for key in scores}
    peers = [name for name in PEERS if name in present]
    groups: dict[str, list[str]] = {"peers": peers}
    groups |= {name: [*peers, name] for name in OURS if name in present}
    groups |= {f"{BEST} and {name}": [name, BEST] for name in SEARCHED if {name, BEST} <= present}
    for title, methods in groups.items():
        tables = {
            name: entry
            for name in TABLES
            if methods and (entry := losses(scores, name, measure_of(name, measures), methods)) is not None
        }
        if tables:
            figures[title] = {"sets": list(tables), "mean_ranks": mean_ranks(list(tables.values()))}
    return figures


def _against_mlp(scores: Mapping[Key, Row], ours: str) -> Results:
    """Set -> measure -> ahead, level or behind of scikit-learn's MLP."""
    figures: Results = {}
    for name, table in TABLES.items():
        our, their = (_values(scores, name, method) for method in (ours, MLP))
        seeds = sorted(set(our) & set(their))
        if not seeds:
            continue
        figures[name] = {}
        for measure in ("rmse",) if table.kind == "regression" else ("accuracy", "log_loss"):
            if any("failed" in their[seed] for seed in seeds) or any("failed" in our[seed] for seed in seeds):
                figures[name][measure] = {"verdict": "failed", "seeds": seeds}
                continue
            sign = -1.0 if MEASURES[measure] == "high" else 1.0
            mine, other = ([sign * entry[seed]["scores"][measure] for seed in seeds] for entry in (our, their))
            words, difference, error = verdict(mine, other)
            figures[name][measure] = {"verdict": words, "better_by": difference, "error": error, "seeds": seeds}
    return figures


def _seconds(times: Mapping[Key, Row]) -> Results:
    """Method -> geometric means over the sets, and of the ratios to RealMLP's time to fit on the sets both have.

    The time on a set is the median of the fits of one process.
    """
    figures: Results = {}
    done = {key: row for key, row in times.items() if "failed" not in row}
    for method in METHODS:
        mine = {key[1:3]: row for key, row in done.items() if key[3] == method}
        if not mine:
            continue
        slow = {key[1:3]: row for key, row in done.items() if key[3] == SLOW and key[1:3] in mine}
        ratios = [_middle(mine[key]["fit_seconds"]) / _middle(slow[key]["fit_seconds"]) for key in slow]
        figures[method] = {
            "fit": geometric_mean([_middle(row["fit_seconds"]) for row in mine.values()]),
            "first_fit": geometric_mean([row["fit_seconds"][0] for row in mine.values()]),
            "predict": geometric_mean([_middle(row["predict_seconds"]) for row in mine.values()]),
            "of_slow": geometric_mean(ratios) if ratios else None,
            "sets": {name: _middle(row["fit_seconds"]) for (name, _), row in mine.items()},
            "threads": sorted({row["threads"] for row in mine.values()}),
        }
    return figures


def _middle(seconds: list[float]) -> float:
    return max(median(seconds), SHORTEST)
