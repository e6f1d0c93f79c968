"""What each part of the recipe for tables is worth: the recipe with one part taken out, and with one thing changed.

Run:  pip install -e '.[tables]' && export RANVIER_DATA=FOLDER && python benchmarks/recipe.py

No test row is looked at: the training rows of each set at seed 0 are divided again, 80 to 20, with seeds of its own,
and the smaller part says how good a recipe is, by log loss or by RMSE. Written is the mean over sets and seeds of
log(score of the changed recipe / score of the recipe), in per cent: what the error grows by; and the same of the
seconds of processor time that training takes. Each model is trained on the same rows with the same seed; a score that
is no finite number ends the run. Label smoothing leaves numbers alone. --parts measures some parts only, after a change
of these; what is written to --output then has no other.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder
from tables_parts.sets import TABLES, SplitTable, at_most, problem
from versus_parts.report import machine

from ranvier import loss, train
from ranvier.recipes.registry import recipe
from ranvier.recipes.table import TableRecipe

SETS = ("adult", "telco_churn", "covertype_sample", "letter", "wine_quality", "california_housing", "ames_housing")
SEEDS = (9001, 9002)
ROWS, SHARE = 6_000, 0.2
RESULT = Path(__file__).resolve().parent / "results" / "recipe.json"
WITHOUT: dict[str, dict[str, Any]] = {
    "several networks (one instead)": {"n_networks": 1},
    "a tenth left out (half instead)": {"n_folds": 2},
    "factors before the inputs": {"n_scaling_layers": 0},
    "piecewise-linear encoding": {"n_bins": 0},
    "narrower bins and single values": {"adapt_bins": False},
    "waves of numbers": {"n_frequencies": 0},
    "more epochs for few rows": {"max_epochs": 25},
    "rare categories together": {"min_frequency": 1},
    "dropout": {"dropout": 0.0},
    "weight decay": {"weight_decay": 0.0},
    "cosine schedule (constant instead)": {"schedule": "constant"},
    "SiLU (ReLU instead)": {"activation": "relu"},
    "second hidden layer": {"hidden": (128,)},
    "stopping after calibration (on log loss instead)": {"selection_metric": "validation_loss"},
    "temperature": {"calibrate": False},
    "pilots": {"n_pilots": 0},
    "patience of 8 epochs (12 instead)": {"patience": 12},
}
"""Part -> what the recipe becomes without it."""
SMOOTHING = "label_smoothing"
TRIED: dict[str, dict[str, Any]] = {
    "label smoothing of 0.1": {SMOOTHING: 0.1},
    "label smoothing of 0.02": {SMOOTHING: 0.02},
    "GELU": {"activation": "gelu"},
    "Mish": {"activation": "mish"},
    "one-cycle schedule": {"schedule": "one_cycle"},
    "polynomial schedule": {"schedule": "polynomial"},
    "three hidden layers": {"hidden": (128, 64, 64)},
    "twice the width": {"hidden": (256, 128)},
    "dropout of 0.2": {"dropout": 0.2},
    "half more bins": {"n_bins": 48},
    "learning rate of 0.01": {"learning_rate": 0.01},
    "learning rate of 0.005": {"learning_rate": 0.005},
    "a quarter of the weight decay": {"weight_decay": 0.05},
    "twice the networks": {"n_networks": 12},
}
"""What was tried besides -> what the recipe becomes with it."""


def inner(name: str, seed: int, data: Path, rows: int) -> SplitTable:
    """The training rows of a set, divided again: the rows that judge are training rows too."""
    from sklearn.model_selection import train_test_split

    full = problem(TABLES[name], data, 0)
    frame = at_most(full.train, rows, seed)
    classes = frame[full.table.target] if full.classification else None
    learned, evaluation = train_test_split(frame, test_size=SHARE, random_state=seed, stratify=classes)
    return replace(full, train=learned.reset_index(drop=True), test=evaluation.reset_index(drop=True), seed=seed)


def score(problem: SplitTable, entry: TableRecipe, smoothing: float, threads: int) -> tuple[float, float]:
    """The log loss or RMSE of the rows that judge, and the seconds of processor time of the training."""
    table = problem.table
    options: dict[str, Any] = {"test": 0.0, "seed": problem.seed, "threads": threads, "progress": False}
    if smoothing and problem.classification:
        classes = problem.train[table.target].nunique()
        name = "binary_cross_entropy" if classes == 2 else "categorical_cross_entropy"
        options["loss"] = loss(name, label_smoothing=smoothing)
    start = time.process_time()
    model = train(problem.train, table.target, recipe=entry, task=table.kind, **options)
    seconds = time.process_time() - start
    metrics = model.evaluate(problem.test)
    error = metrics["log_loss" if problem.classification else "rmse"]
    if not (math.isfinite(error) and error > 0):
        raise SystemExit(f"{table.name} gave the score {error}; a finite number above 0 was expected.")
    return error, seconds


def measure(options: argparse.Namespace, data: Path) -> dict[str, Any]:
    """Every part on every set and seed."""
    full = recipe("table", options.effort)
    trials = {part: change for part, change in (WITHOUT | TRIED).items() if part in options.parts}
    changes: dict[str, dict[str, Any]] = {"nothing": {}, **trials}
    scores, seconds = ({part: {name: [] for name in options.sets} for part in changes} for _ in range(2))
    start = time.perf_counter()
    for name in options.sets:
        for seed in options.seeds:
            problem = inner(name, seed, data, options.rows)
            for part, changed in changes.items():
                parts = {key: value for key, value in changed.items() if key != SMOOTHING}
                error, took = score(problem, replace(full, **parts), changed.get(SMOOTHING, 0.0), options.threads)
                scores[part][name].append(error)
                seconds[part][name].append(took)
            print(f"{name}, seed {seed}: done after {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    change = {
        part: {**grown(scores["nothing"], scores[part]), "time": grown(seconds["nothing"], seconds[part])}
        for part in trials
    }
    return {
        "machine": machine(),
        "effort": options.effort,
        "recipe": full.to_dict(),
        "rows": options.rows,
        "seeds": list(options.seeds),
        "seconds": time.perf_counter() - start,
        "without": _sorted({part: change[part] for part in WITHOUT if part in change}),
        "tried": _sorted({part: change[part] for part in TRIED if part in change}),
        "scores": scores,
        "processor_seconds": seconds,
    }


def grown(full: dict[str, list[float]], changed: dict[str, list[float]]) -> dict[str, Any]:
    """By how many per cent the error grows with a change: the mean over the sets, its standard error, set by set."""
    sets = {
        name: 100 * sum(math.log(b / a) for a, b in zip(full[name], changed[name], strict=True)) / len(full[name])
        for name in full
    }
    mean = sum(sets.values()) / len(sets)
    spread = math.sqrt(sum((value - mean) ** 2 for value in sets.values()) / max(len(sets) - 1, 1))
    return {"mean": mean, "standard_error": spread / math.sqrt(len(sets)), "sets": sets}


def _sorted(change: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(change.items(), key=lambda entry: -entry[1]["mean"]))


def markdown(change: dict[str, Any], title: str) -> str:
    """The table that people read."""
    names = list(next(iter(change.values()))["sets"]) if change else []
    lines = [
        f"| {title} | error grows by | processor time grows by | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for part, summary in change.items():
        cells = " | ".join(f"{summary['sets'][name]:+.1f} %" for name in names)
        error, took = (
            f"{figure['mean']:+.1f} ± {figure['standard_error']:.1f} %" for figure in (summary, summary["time"])
        )
        lines.append(f"| {part} | {error} | {took} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=list(TABLES), default=list(SETS), metavar="SET")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), metavar="SEED")
    parser.add_argument("--rows", type=int, default=ROWS, help="of a set, learned and judging together")
    parser.add_argument("--parts", nargs="+", choices=[*WITHOUT, *TRIED], default=[*WITHOUT, *TRIED], metavar="PART")
    parser.add_argument("--effort", default="default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    data = data_folder()
    results = measure(options, data)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(markdown(results["without"], "without"))
    print()
    print(markdown(results["tried"], "with"))


if __name__ == "__main__":
    main()
