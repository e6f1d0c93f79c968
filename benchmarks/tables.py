"""How good and how fast Ranvier is on tables next to the methods people take: one command, the same rows for all.

Run:  pip install -e '.[tables]' && export RANVIER_DATA=FOLDER
      python benchmarks/tables.py               scores; an interrupted run goes on where it was
      python benchmarks/tables.py --timing      seconds, on a machine that is left alone
      python benchmarks/tables.py --latency     one raw row and 10,000
      python benchmarks/tables.py --report      the tables of what is there

Everyone has the defaults of its makers. A seed s gives the split, or the training rows where a set has official files,
and the method's own randomness. Each result is made in a process of its own under a limit on processor time, checked
(right shape, finite, probabilities) and written as a line at once; a failure is written as a failure. The report makes
sure that all methods saw the same rows. Ranks are those of the means over the seeds, set by set. Scores need no quiet
machine; seconds come only from the timing pass, which fits short ones several times and takes their median.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import installed
from tables_parts import records, runs, summary
from tables_parts.registry import METHODS
from tables_parts.report import markdown
from tables_parts.sets import MAX_TRAIN, TABLES, TEST_SHARE
from versus_parts.report import machine

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("ranvier", "numpy", "pandas", "llvmlite", "scikit-learn", "xgboost", "xgboost-cpu", "lightgbm", "catboost")
"""Beside them, pytabkit and torch."""


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=list(TABLES), default=list(TABLES), metavar="SET")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS), metavar="METHOD")
    parser.add_argument("--seeds", nargs="+", type=int, help="0 1 2 3 4; with --timing 0", metavar="SEED")
    parser.add_argument("--timing", action="store_true", help="measure seconds instead of scores")
    parser.add_argument("--latency", action="store_true", help="measure raw rows, one and 10,000, instead")
    parser.add_argument("--report", action="store_true", help="only make the tables of what is there")
    parser.add_argument("--fresh", action="store_true", help="do again what is there already, failures too")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=int, default=3600, help="seconds of processor time for one result (3600)")
    parser.add_argument("--label", default="tables", help="a word in the command line of every process")
    parser.add_argument(
        "--results",
        nargs="+",
        type=Path,
        default=[RESULTS / "tables.jsonl"],
        metavar="FILE",
        help="lines are added to the first; all are read",
    )
    parser.add_argument(
        "--earlier", type=Path, metavar="FILE", help="with --report: a summary whose scores stand for peers not run"
    )
    parser.add_argument("--output", type=Path, default=RESULTS / "tables.json", help="the summary of the report")
    return parser.parse_args(arguments)


def say(words: str) -> None:
    """Tell how far it is, beside the tables."""
    print(f"[{time.strftime('%H:%M:%S')}] {words}", file=sys.stderr, flush=True)


def place_of(options: argparse.Namespace) -> runs.Place:
    """Where and how jobs run."""
    data = installed.data_folder()
    return runs.Place(data, options.threads, options.limit, options.label)


def begin(options: argparse.Namespace) -> None:
    """Write down the machine and the versions behind the lines that follow."""
    versions = installed.versions((*PACKAGES, "pytabkit", "torch"))
    row = {"kind": "run", "machine": machine(), "versions": versions, "threads": options.threads}
    records.append(options.results[0], row)


def measure(options: argparse.Namespace) -> None:
    """Do what is not there yet."""
    kind = "time" if options.timing else "score"
    path = place_of(options)
    seeds = options.seeds or ([0] if options.timing else [0, 1, 2, 3, 4])
    requested = list(runs.jobs(kind, options.sets, seeds, options.methods))
    done = {} if options.fresh else records.results(records.read(options.results), kind)
    left = [job for job in requested if job.key not in done]
    begin(options)
    for number, job in enumerate(left, 1):
        row = path.run(job)
        records.append(options.results[0], row)
        words = row.get("failed") or row.get("skipped") or json.dumps(row["scores"])
        say(f"{number}/{len(left)} {job.method} on {job.set}, seed {job.seed}: {words}")


def latency(options: argparse.Namespace) -> None:
    """Raw rows through each of our methods."""
    path = place_of(options)
    begin(options)
    for method in options.methods:
        if METHODS[method].ours:
            say(f"latency of {method}")
            records.append(
                options.results[0], {"kind": "latency", "method": method, **path.ask("latency", ["--method", method])}
            )


def main() -> None:
    options = options_of()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended; what is done is kept."))  # ends the running process too
    if options.latency:
        latency(options)
    elif not options.report:
        measure(options)
    rows = records.read(options.results)
    before = json.loads(options.earlier.read_text()) if options.earlier else None
    if before is not None:
        run_now = {row["method"] for row in rows if row["kind"] == "score"}
        rows += records.earlier(before, {*run_now, *summary.OURS})
    figures = summary.summarize(rows)
    if before is not None:
        # Where it, too, took the peers' scores from one before it, that one says how they were made.
        figures["earlier"] = before.get("earlier") or {key: before[key] for key in ("runs", "seconds", "latency")}
    figures["settings"] = {"most_training_rows": MAX_TRAIN, "test_share": TEST_SHARE, "methods": list(METHODS)}
    if options.report:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(figures, indent=1) + "\n")
    print(markdown(figures))


if __name__ == "__main__":
    main()
