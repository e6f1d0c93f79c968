"""The results as Markdown tables, and the machine and versions behind them."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from typing import Any

from ranvier.native.machine import cpu

Results = dict[str, Any]
PACKAGES = ("ranvier", "numpy", "llvmlite", "jax", "jaxlib", "torch", "scikit-learn", "onnxruntime", "onnx")
PEERS = ("jax", "torch", "scikit-learn")
MEGABYTE = 2**20


def versions() -> dict[str, str]:
    """What is installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> Results:
    """What it ran on."""
    facts = cpu.facts()
    return {
        "processor": facts.model,
        "vector_bits": facts.vector_bits,
        "processors": os.cpu_count(),
        "caches": {"l1d": facts.l1d, "l2": facts.l2, "l3": facts.l3},
        "system": platform.platform(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "load_at_the_beginning": os.getloadavg()[0],
    }


def markdown(results: Results) -> str:
    """All tables."""
    parts = [header(results)]
    makers = {"training": training, "prediction": prediction, "first_fit": first_fit, "memory": memory}
    for part, make in makers.items():
        found = {name: each for name, each in results.get(part, {}).items() if "failed" not in each}
        if found:
            parts.append(make(found))
        parts += [
            f"No result for {part} of {name}: {each['failed']}"
            for name, each in results.get(part, {}).items()
            if "failed" in each
        ]
    return "\n\n".join(parts)


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


def training(found: Results) -> str:
    """Examples a second, and how many times faster Ranvier is."""
    head = ["training, examples a second", "Ranvier", *PEERS, *(f"x {peer}" for peer in PEERS), "of FMA peak"]
    rows = []
    for name, part in found.items():
        contenders = part["contenders"]
        speeds = [
            number(part["workload"]["rows"] / contenders[each]["median"]) if each in contenders else ""
            for each in ("ranvier", *PEERS)
        ]
        times = [f"**{number(part['ratios'][peer]['median'])}**" if peer in part["ratios"] else "" for peer in PEERS]
        rows.append([name, *speeds, *times, f"{part['peak']['share']:.0%}" if "peak" in part else ""])
    return table(head, rows)


def prediction(found: Results) -> str:
    """Microseconds of a call."""
    peers = ("onnxruntime", "torch")
    head = ["model.outputs 784-128-10, microseconds", "Ranvier", *peers, *(f"x {peer}" for peer in peers)]
    rows = []
    for count, part in found.items():
        each = part["contenders"]
        times = [number(1e6 * each[name]["median"]) if name in each else "" for name in ("ranvier", *peers)]
        faster = [number(part["ratios"][peer]["median"]) if peer in part["ratios"] else "" for peer in peers]
        rows.append([f"{int(count):,} row" + ("s" if count != "1" else ""), *times, *faster])
    return table(head, rows)


def first_fit(found: Results) -> str:
    """Milliseconds."""
    head = ["first fit, milliseconds over the next one", "Ranvier cold", "Ranvier cached", "jax", "torch"]
    places = (("ranvier", "cold"), ("ranvier", "cached"), ("jax", "cold"), ("torch", "cold"))
    rows = [
        [name, *(number(1e3 * part[who][case]["extra"]) if who in part else "" for who, case in places)]
        for name, part in found.items()
    ]
    return table(head, rows)


def memory(found: Results) -> str:
    """Megabytes."""
    head = ["peak memory over Python and rows, MiB", "Ranvier", "torch", "share", "Ranvier without library", "torch"]
    rows = []
    for name, part in found.items():
        if "share" in part:
            sizes = [part[who][what] / MEGABYTE for what in ("over", "training") for who in ("ranvier", "torch")]
            over = [number(size) for size in sizes[:2]]
            rows.append([name, *over, f"{part['share']:.2f}", *(number(size) for size in sizes[2:])])
    return table(head, rows)
