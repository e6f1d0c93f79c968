"""The results as Markdown tables, and the machine and versions behind them."""

from __future__ import annotations

import datetime
import os
import platform
from statistics import median
from typing import Any

from ranvier.native.machine import cpu

Results = dict[str, Any]
PACKAGES = ("ranvier", "numpy", "llvmlite", "jax", "jaxlib", "torch", "scikit-learn", "onnxruntime", "onnx")
PEERS = ("jax", "torch", "scikit-learn")
MEGABYTE = 2**20


def now() -> str:
    """The date and time in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def machine() -> Results:
    """What it ran on."""
    facts = cpu.facts()
    return {
        "processor": facts.model,
        "vector_bits": facts.vector_bits,
        "processors": os.cpu_count(),
        "caches": {"l1d": facts.l1d, "l2": facts.l2, "l3": facts.l3},
        "system": platform.platform(),
        "date": now(),
        "load_at_the_beginning": os.getloadavg()[0],
    }


def markdown(results: Results) -> str:
    """All tables, and at the end what was asked and whether it is so."""
    parts = [header(results)]
    for part, make in MAKERS.items():
        figures = {name: entry for name, entry in results.get(part, {}).items() if "failed" not in entry}
        if figures:
            parts.append(make(figures))
        parts += [
            f"No result for {part} of {name}: {entry['failed']}"
            for name, entry in results.get(part, {}).items()
            if "failed" in entry
        ]
    return "\n\n".join([*parts, marks(results["asked"])] if results["asked"] else parts)


def header(results: Results) -> str:
    """On what, with what."""
    settings, names = results["settings"], ", ".join(f"{k} {v}" for k, v in results["versions"].items())
    quick = " QUICK LOOK, not a measurement." if settings["quick"] else ""
    return f"{results['machine']['processor']}, {settings['threads']} threads; {names}.{quick}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; numbers stand right."""
    marks = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, marks, *rows))


def number(value: float) -> str:
    """Three digits.

    >>> number(1234567.0), number(12.345), number(0.5)
    ('1,234,567', '12.3', '0.50')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def training(figures: Results) -> str:
    """Examples a second, and how many times faster Ranvier is."""
    head = ["training, examples a second", "Ranvier", *PEERS, *(f"x {peer}" for peer in PEERS)]
    rows = []
    for name, part in figures.items():
        contenders = part["contenders"]
        speeds = [
            number(part["workload"]["rows"] / contenders[entry]["median"]) if entry in contenders else ""
            for entry in ("ranvier", *PEERS)
        ]
        times = [f"**{number(part['ratios'][peer]['median'])}**" if peer in part["ratios"] else "" for peer in PEERS]
        rows.append([name, *speeds, *times])
    return table(head, rows)


def prediction(figures: Results) -> str:
    """Microseconds of a call."""
    peers = ("onnxruntime", "torch")
    head = ["model.outputs 784-128-10, microseconds", "Ranvier", *peers, *(f"x {peer}" for peer in peers)]
    rows = []
    for what, part in figures.items():
        entry = part["contenders"]
        times = [number(1e6 * entry[name]["median"]) if name in entry else "" for name in ("ranvier", *peers)]
        faster = [number(part["ratios"][peer]["median"]) if peer in part["ratios"] else "" for peer in peers]
        rows.append([what, *times, *faster])
    return table(head, rows)


def share_of_peak(figures: Results) -> str:
    """GFLOP/s, and their share of what the same threads reach at most."""
    counts = [count for count in next(iter(figures.values())) if count.isdigit()]
    head = ["GFLOP/s of training, and share of the FMA peak"]
    head += [f"{count} thread{'s' * (count != '1')}{more}" for count in counts for more in ("", ": peak", ": share")]
    rows = []
    for name, part in figures.items():
        row = [name]
        for count in counts:
            entry = part[count]
            row += [number(entry["rate"] / 1e9), number(entry["peak"] / 1e9), f"{entry['share']:.0%}"]
        rows.append(row)
    return table(head, rows)


def accuracy_time(figures: Results) -> str:
    """Seconds to the accuracy, with the settings that each took."""
    head = ["784-128-10 on MNIST", "batch, rate, epochs", "seconds", "sd", "accuracy", "sd", "cold", "x"]
    rows = []
    for part in figures.values():
        for name, contender_figures in part["contenders"].items():
            entry = contender_figures["settings"]
            rows.append(
                [
                    name,
                    f"{entry['batch']}, {entry['rate']:.4f}, {entry['epochs']}",
                    f"{contender_figures['mean']:.2f}",
                    f"{contender_figures['sd']:.2f}",
                    f"{contender_figures['accuracy']:.2%}",
                    f"{contender_figures['accuracy_sd']:.2%}",
                    f"{contender_figures['cold']:.2f}",
                    number(part["ratios"][name]) if name in part["ratios"] else "",
                ]
            )
    return table(head, rows)


def scaling(figures: Results) -> str:
    """Picoseconds of a FLOP over growing sizes."""
    lines = []
    for kind, part in figures.items():
        rows = [
            [
                f"{entry['size']:,.0f}",
                number(1e12 * entry["seconds_per_flop"]) if entry["seconds_per_flop"] else "",
                number(1e3 * median(entry["seconds"])),
            ]
            for entry in part["points"]
        ]
        fixed = f"; {number(1e3 * part['fixed_seconds'])} of them once a call" if "fixed_seconds" in part else ""
        lines.append(table([kind, "picoseconds a FLOP", f"milliseconds{fixed}"], rows))
    return "\n\n".join(lines)


def imports(figures: Results) -> str:
    """Milliseconds."""
    rows = [[name, *(number(1e3 * part[what]) for what in ("numpy", "library"))] for name, part in figures.items()]
    return table(["imports, milliseconds", "NumPy", "then the library"], rows)


def first_fit(figures: Results) -> str:
    """Milliseconds."""
    columns = {"import": "import", "first": "first", "inside": "of it imports", "warm": "warm", "extra": "over warm"}
    columns["extra_without_imports"] = "over warm without imports"
    head = ["first fit, milliseconds", *columns.values()]
    rows = [
        [f"{name}, {who} {case}", *(number(1e3 * entry[key]) for key in columns)]
        for name, part in figures.items()
        for who, cases in part.items()
        for case, entry in cases.items()
    ]
    return table(head, rows)


def memory(figures: Results) -> str:
    """Megabytes."""
    head = ["peak memory, MiB", "rows", "Ranvier", "torch", "share", "without Python, NumPy and rows: Ranvier", "torch"]
    head.append("share")
    rows = []
    for name, part in figures.items():
        if "share" in part:
            ours, torch = part["ranvier"], part["torch"]
            sizes = [ours["rows"], ours["peak"], torch["peak"]]
            over = [entry["peak"] - entry["bare"] for entry in (ours, torch)]
            row = [name, *(number(size / MEGABYTE) for size in sizes), f"{part['share']:.2f}"]
            rows.append([*row, *(number(size / MEGABYTE) for size in over), f"{part['share_over_rows']:.2f}"])
    return table(head, rows)


def marks(targets: list[Results]) -> str:
    """What was asked, what was found, and whether it is enough."""
    rows = [
        [
            entry["what"],
            f"{entry['found']:.4g}",
            f"{entry['kind']} {entry['mark']:g}",
            "yes" if entry["met"] else "**no**",
        ]
        for entry in targets
    ]
    return table(["asked", "found", "mark", "met"], rows)


MAKERS = {
    "training": training,
    "share_of_peak": share_of_peak,
    "prediction": prediction,
    "accuracy_time": accuracy_time,
    "scaling": scaling,
    "imports": imports,
    "first_fit": first_fit,
    "memory": memory,
}
