"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .latency import ASKED
from .registry import METHODS
from .sets import TABLES
from .summary import MEASURES, OURS, SLOW, Results

TITLES = {
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "rmse": "RMSE over the standard deviation of the test target",
    "mae": "mean absolute error",
}


def markdown(figures: Results) -> str:
    """All tables."""
    parts = [_header(figures)]
    parts += [text for measure in MEASURES if (text := _scores(figures, measure))]
    parts += [_ranks(title, entry) for title, entry in figures["ranks"].items() if entry]
    parts += [_mlp(name, figures["against_mlp"][name]) for name in OURS if figures["against_mlp"][name]]
    parts.append(_seconds(figures["seconds"]) if figures["seconds"] else "No timing pass yet: run with --timing.")
    parts += [_latency(name, entry) for name, entry in figures["latency"].items()]
    parts.append(_left_out(figures))
    return "\n\n".join(parts)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all but the first column stand right."""
    marks = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, marks, *rows))


def score(mean: float, error: float | None, digits: int | None = 4) -> str:
    """A mean with its standard error.

    >>> score(0.85678, 0.00123), score(123456.7, 1234.5, None), score(0.5, None)
    ('0.8568 ± 0.0012', '1.235e+05 ± 1.2e+03', '0.5000')
    """
    if digits is None:
        return f"{mean:.4g}" + ("" if error is None else f" ± {error:.2g}")
    return f"{mean:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def duration(seconds: float) -> str:
    """Seconds in a unit that fits.

    >>> duration(0.0000125), duration(0.0345), duration(34.5)
    ('12.5 us', '34.5 ms', '34.5 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def _header(figures: Results) -> str:
    machines = sorted({run["machine"]["processor"] for run in figures["runs"]})
    names: dict[str, str] = {}
    for run in figures["runs"]:
        names |= run["versions"]
    return f"{', '.join(machines) or 'unknown machine'}; {', '.join(f'{k} {v}' for k, v in names.items())}."


def _scores(figures: Results, measure: str) -> str:
    """One measure on all sets; the best mean is bold, and how many seeds stand behind a mean where they differ."""
    sets = {
        name: entry for name, entry in figures["sets"].items() if any(measure in record for record in entry.values())
    }
    methods = [name for name in METHODS if any(name in entry for entry in sets.values())]
    if not sets:
        return ""
    most = max(len(record["seeds"]) for entry in sets.values() for record in entry.values())
    sign, rows = -1 if MEASURES[measure] == "high" else 1, []
    for name, entry in sets.items():
        best = min((sign * record[measure]["mean"] for record in entry.values() if measure in record), default=0.0)
        cells = [name]
        for method in methods:
            record = entry.get(method, {})
            if measure not in record:
                cells.append("failed" if record else "")
                continue
            text = score(record[measure]["mean"], record[measure]["error"], None if measure == "mae" else 4)
            text = f"**{text}**" if sign * record[measure]["mean"] == best else text
            short = f" ({len(record['seeds'])} seeds)" if len(record["seeds"]) < most else ""
            cells.append(text + short + (f" ({record['failed']} failed)" if record["failed"] else ""))
        rows.append(cells)
    way = "higher is better" if sign < 0 else "lower is better"
    return f"Mean ± standard error over {most} seeds, {way}:\n\n" + table([TITLES[measure], *methods], rows)


def _ranks(title: str, figures: Results) -> str:
    """One column for the peers alone and one for each of ours among the peers."""
    methods = [name for name in METHODS if any(name in entry["mean_ranks"] for entry in figures.values())]
    order = sorted(methods, key=lambda name: min(e["mean_ranks"].get(name, 99) for e in figures.values()))
    rows = []
    for name in order:
        cells = [entry["mean_ranks"].get(name) for entry in figures.values()]
        rows.append([name, *("" if cell is None else f"{cell:.2f}" for cell in cells)])
    head = [f"mean rank by {title}"]
    head += [("peers" if who == "peers" else f"with {who}") + f", {len(e['sets'])} sets" for who, e in figures.items()]
    return table(head, rows)


def _mlp(name: str, figures: Results) -> str:
    """Set by set: ahead of scikit-learn's MLP, level with it (within one standard error), or behind."""
    rows, behind = [], []
    for entry, measures in figures.items():
        for measure, record in measures.items():
            by = "" if record["verdict"] == "failed" else score(record["better_by"], record["error"])
            rows.append(
                [f"{entry}, {TITLES[measure].split(' over')[0]}", record["verdict"], by, str(len(record["seeds"]))]
            )
            behind += [entry] if record["verdict"] in ("behind", "failed") else []
    count = len(figures)
    words = f"behind on {', '.join(dict.fromkeys(behind))}" if behind else "ahead or level on every one"
    return f"{name} against scikit-learn's MLP on {count} of {len(TABLES)} sets: {words}.\n\n" + table(
        [name, "is", "better by, paired over seeds", "seeds"], rows
    )


def _seconds(figures: Results) -> str:
    """Geometric means over the sets."""
    rows = [
        [
            name,
            duration(entry["fit"]),
            duration(entry["first_fit"]),
            duration(entry["predict"]),
            "" if entry["of_slow"] is None else f"{entry['of_slow']:.3g}",
            str(len(entry["sets"])),
            "/".join(map(str, entry["threads"])),
        ]
        for name, entry in figures.items()
    ]
    head = ["seconds, geometric mean", "fit", "first fit", "predict test rows", f"fit over {SLOW}'s", "sets", "threads"]
    return table(head, rows)


def _latency(name: str, row: dict[str, Any]) -> str:
    """Each form of raw rows next to what is asked."""
    if "failed" in row:
        return f"No latency of {name}: {row['failed']}"
    rows = []
    for form, entry in row["forms"].items():
        target = ASKED[entry["rows"]]
        if "failed" in entry:
            rows.append([form, entry["failed"], "", duration(target), "no"])
        else:
            reached = "yes" if entry["median"] <= target else "no"
            rows.append([form, duration(entry["median"]), duration(entry["best"]), duration(target), reached])
    return table([f"{name}, probabilities of raw rows of adult", "median", "best", "asked", "kept"], rows)


def _left_out(figures: Results) -> str:
    """What has no result, and why."""
    lines = [
        f"- {row['kind']}: {row['method']} on {row['set']}, seed {row['seed']}: {row['failed']}"
        for row in figures["failed"]
    ]
    limits = [
        f"{name} is run only on at most {m.most_rows:,} training rows" for name, m in METHODS.items() if m.most_rows
    ]
    text = "Left out: " + "; ".join(limits) + ", because it takes minutes beyond; it is not ranked."
    return text + ("\n\nFailed:\n" + "\n".join(lines) if lines else "")
