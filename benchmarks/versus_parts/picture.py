"""The ratios as a picture: SVG text, by the standard library alone, on a white card that dark pages show too."""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape

INK, SOFT, PAPER, GRID = "#1d2733", "#64717f", "#ffffff", "#e6eaee"
COLORS = {"jax": "#2563c9", "torch": "#c2410c", "scikit-learn": "#0f766e"}
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 760, 218, 64, 96, 34
BAR, GAP, GROUP_GAP = 15, 3, 20
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def text(x: float, y: float, words: str, size: float = 13, color: str = INK, more: str = "") -> str:
    """Words that begin at a point, or stand there as `more` says."""
    attributes = f"x='{x:.1f}' y='{y:.1f}'"
    return f"<text {attributes} font-size='{size}' fill='{color}' {more}>{escape(words)}</text>"


def draw(results: dict[str, Any]) -> str:
    """Bars of how many times faster Ranvier trains, a group for every workload, on a logarithmic scale."""
    figures = {name: part for name, part in results["training"].items() if part.get("ratios")}
    values = [ratio["median"] for part in figures.values() for ratio in part["ratios"].values()]
    low, high = _ends(values)
    group = len(COLORS) * (BAR + GAP) - GAP + GROUP_GAP
    height = TOP + len(figures) * group - GROUP_GAP + 8 + BOTTOM

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / low) / math.log(high / low)

    title = "Training speed: how many times faster Ranvier is"
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' height='{height}' "
        f"role='img' font-family='Helvetica, Arial, sans-serif'>\n<title>{escape(title)}</title>",
        f"<rect width='{WIDTH}' height='{height}' rx='10' fill='{PAPER}'/>",
        text(24, 34, title, 18, more="font-weight='bold'"),
        *_legend(results),
        *_grid(across, low, high, height),
    ]
    for index, (name, part) in enumerate(figures.items()):
        parts += _group(name, part, TOP + index * group, across)
    bottom = height - BOTTOM + 2
    parts.append(f"<line x1='{across(1):.1f}' y1='{TOP - 8}' x2='{across(1):.1f}' y2='{bottom}' stroke='{INK}'/>")
    return "\n".join((*parts, "</svg>")) + "\n"


def _ends(values: list[float]) -> tuple[float, float]:
    """The ends of the scale: as much as the bars need, and 1 in it."""
    low = max((tick for tick in TICKS if tick <= min(values, default=1.0)), default=TICKS[0])
    high = min((tick for tick in TICKS if tick >= max(values, default=1.0)), default=TICKS[-1])
    return min(1, low), max(10, high)


def _legend(results: dict[str, Any]) -> list[str]:
    parts, x = [], 24.0
    for name, color in COLORS.items():
        words = f"than {name} {results['versions'].get(name, '')}"
        parts.append(f"<rect x='{x:.1f}' y='50' width='12' height='12' rx='2' fill='{color}'/>")
        parts.append(text(x + 18, 61, words))
        x += 42 + 7.0 * len(words)
    quick = " · quick look" if results["settings"]["quick"] else ""
    words = f"{results['settings']['threads']} threads{quick}"
    return [*parts, text(WIDTH - 24, 61, words, 12, SOFT, "text-anchor='end'")]


def _grid(across: Any, low: float, high: float, height: float) -> list[str]:
    parts = []
    for tick in TICKS:
        if low <= tick <= high:
            x, bottom = across(tick), height - BOTTOM + 2
            parts.append(f"<line x1='{x:.1f}' y1='{TOP - 8}' x2='{x:.1f}' y2='{bottom}' stroke='{GRID}'/>")
            parts.append(text(x, bottom + 16, f"{tick:g}×", 12, SOFT, "text-anchor='middle'"))
    return [*parts, text(24, height - BOTTOM + 18, "logarithmic scale", 12, SOFT)]


def _group(name: str, part: dict[str, Any], top: float, across: Any) -> list[str]:
    workload = part["workload"]
    shape = f"{'-'.join(map(str, workload['sizes']))} {workload['activation']}"
    how = f"batch {workload['batch']}, {'Adam' if workload['optimizer'] == 'adam' else 'SGD'}"
    parts = [
        text(24, top + 13, name, 14, more="font-weight='bold'"),
        text(24, top + 30, shape, 12, SOFT),
        text(24, top + 46, how, 12, SOFT),
    ]
    for index, (peer, color) in enumerate(COLORS.items()):
        if peer not in part["ratios"]:
            continue
        value, y = part["ratios"][peer]["median"], top + index * (BAR + GAP)
        start, end = sorted((across(1), across(value)))
        size = f"width='{max(1.0, end - start):.1f}' height='{BAR}' rx='2'"
        parts.append(f"<rect x='{start:.1f}' y='{y}' {size} fill='{color}'/>")
        label = f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 5 else f"{value:.2f}"
        parts.append(text(end + 6, y + BAR - 3, f"{label}×", 12))
    return parts
