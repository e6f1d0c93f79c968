"""What a FLOP costs over growing rows, epochs and parameters, as a picture: three flat lines would be perfect."""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape

from versus_parts.picture import GRID, INK, PAPER, SOFT, text

COLORS = {"rows": "#2563c9", "epochs": "#0f766e", "parameters": "#c2410c"}
WIDTH, HEIGHT, LEFT, GAP, TOP, BOTTOM = 760, 330, 70, 34, 104, 52
STEPS = (1.0, 2.0, 5.0)
SHARP = 1.001


def draw(results: dict[str, Any]) -> str:
    """A panel for each of rows, epochs and parameters; both axes are logarithmic."""
    figures = {kind: entry for kind, part in results["scaling"].items() if (entry := priced(part))["points"]}
    costs = [1e12 * point["seconds_per_flop"] for part in figures.values() for point in part["points"]]
    ticks = ticks_around(min(costs), max(costs))
    low, high = ticks[0], ticks[-1]
    title = "What a floating-point operation of training costs as the work grows"

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(value / low) / math.log(high / low)

    threads = f"{results['settings']['threads']} threads{' · quick look' if results['settings']['quick'] else ''}"
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}' "
        f"role='img' font-family='Helvetica, Arial, sans-serif'>\n<title>{escape(title)}</title>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' rx='10' fill='{PAPER}'/>",
        text(24, 34, title, 18, more="font-weight='bold'"),
        text(
            24,
            58,
            "picoseconds a FLOP through fit, logarithmic; ×: the dearest over the cheapest",
            12,
            SOFT,
        ),
        text(WIDTH - 24, 58, threads, 12, SOFT, "text-anchor='end'"),
    ]
    for tick in ticks:
        parts.append(f"<line x1='{LEFT}' y1='{up(tick):.1f}' x2='{WIDTH - 24}' y2='{up(tick):.1f}' stroke='{GRID}'/>")
        parts.append(text(LEFT - 8, up(tick) + 4, f"{tick:g}", 12, SOFT, "text-anchor='end'"))
    wide = (WIDTH - LEFT - 24 - GAP * (len(figures) - 1)) / len(figures)
    for index, (kind, part) in enumerate(figures.items()):
        parts += _panel(kind, part, LEFT + index * (wide + GAP), wide, up)
    return "\n".join((*parts, "</svg>")) + "\n"


def priced(part: dict[str, Any]) -> dict[str, Any]:
    """What was found, with those points alone that have a price."""
    return part | {"points": [point for point in part.get("points", ()) if point["seconds_per_flop"]]}


def ticks_around(low: float, high: float) -> list[float]:
    """Round numbers 1, 2, 5, 10, ... from the last one under the lowest value to the first one over the highest.

    >>> ticks_around(3.0, 40.0)
    [2.0, 5.0, 10.0, 20.0, 50.0]
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in STEPS]
    begin = max(index for index, tick in enumerate(ticks) if tick <= low * SHARP)
    end = min(index for index, tick in enumerate(ticks) if tick >= high / SHARP and index > begin)
    return ticks[begin : end + 1]


def _panel(kind: str, part: dict[str, Any], left: float, wide: float, up: Any) -> list[str]:
    points, color = part["points"], COLORS[kind]
    first, last = math.log10(points[0]["size"]), math.log10(points[-1]["size"])

    def across(size: float) -> float:
        return left + 8 + (wide - 16) * (math.log10(size) - first) / max(last - first, 1e-9)

    flat = part["flatness"]
    label = f"{kind}: {flat:.2f}× from {power(part['flat_from'])}" if flat else kind
    indices = [(across(point["size"]), up(1e12 * point["seconds_per_flop"])) for point in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in indices)
    parts = [text(left, TOP - 14, label, 13), f"<polyline points='{line}' fill='none' stroke='{color}'/>"]
    parts += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{color}'/>" for x, y in indices]
    for exponent in range(math.ceil(first - 0.1), math.floor(last + 0.1) + 1):
        words = power(10.0**exponent)
        parts.append(text(across(10.0**exponent), HEIGHT - BOTTOM + 20, words, 12, SOFT, "text-anchor='middle'"))
    axis = HEIGHT - BOTTOM + 2
    parts.append(f"<line x1='{left:.1f}' y1='{axis}' x2='{left + wide:.1f}' y2='{axis}' stroke='{INK}'/>")
    return parts


def power(value: float) -> str:
    """A power of ten in short.

    >>> power(10.0), power(100_000.0)
    ('10', '10⁵')
    """
    exponent = round(math.log10(value))
    return (
        f"{10**exponent}" if exponent < 3 else "10" + str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    )
