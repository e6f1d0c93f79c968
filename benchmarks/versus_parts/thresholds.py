"""The thresholds of Ranvier, and whether it meets them: each measured number next to its mark, yes or no."""

from __future__ import annotations

from typing import Any

Results = dict[str, Any]
FASTER, FLAT = 1.0, 1.5
COLD_SECONDS, CACHED_SECONDS = 0.5, 0.05
MEMORY_SHARE = 0.5


def checked(results: Results) -> list[Results]:
    """One record for every number: `what`, `found`, `mark`, whether "at least" or "at most", and `met`."""
    comparisons: list[Results] = []
    for part, list_of in PARTS.items():
        for name, entry in results.get(part, {}).items():
            if "failed" not in entry:
                comparisons += list_of(name, entry)
    return comparisons


def at_least(what: str, value: float, mark: float) -> Results:
    """A number that should not be smaller than its mark."""
    return {"what": what, "found": value, "kind": "at least", "mark": mark, "met": bool(value >= mark)}


def at_most(what: str, value: float, mark: float) -> Results:
    """A number that should not be larger than its mark."""
    return {"what": what, "found": value, "kind": "at most", "mark": mark, "met": bool(value <= mark)}


def _training(name: str, part: Results) -> list[Results]:
    return [
        at_least(f"training {name}: times as fast as {peer}", ratio["median"], FASTER)
        for peer, ratio in part["ratios"].items()
    ]


def _prediction(name: str, part: Results) -> list[Results]:
    return [
        at_least(f"prediction of {name}: times as fast as {peer}", ratio["median"], FASTER)
        for peer, ratio in part["ratios"].items()
    ]


def _accuracy_time(name: str, part: Results) -> list[Results]:
    scores = [
        at_least(f"{name}: mean test accuracy of {who}", entry["accuracy"], part["mark"])
        for who, entry in part["contenders"].items()
    ]
    times = [
        at_least(f"{name}: times as fast as {peer} to it", part["ratios"][peer], FASTER) for peer in part["ratios"]
    ]
    return scores + times


def _scaling(name: str, part: Results) -> list[Results]:
    if part["flatness"] is None:
        return []
    what = f"scaling: dearest over cheapest FLOP, from {part['flat_from']:,.0f} {name}"
    return [at_most(what, part["flatness"], FLAT)]


def _first_fit(name: str, part: Results) -> list[Results]:
    cases = part.get("ranvier", {})
    marks = {"cold": COLD_SECONDS, "cached": CACHED_SECONDS}
    comparisons = []
    for case, entry in cases.items():
        comparisons.append(at_most(f"first fit {name}, {case}: seconds over warm", entry["extra"], marks[case]))
        without = f"first fit {name}, {case}: seconds over warm, without imports in it"
        comparisons.append(at_most(without, entry["extra_without_imports"], marks[case]))
    return comparisons


def _memory(name: str, part: Results) -> list[Results]:
    return [at_most(f"memory {name}: peak over torch's", part["share"], MEMORY_SHARE)] if "share" in part else []


PARTS = {
    "training": _training,
    "prediction": _prediction,
    "accuracy_time": _accuracy_time,
    "scaling": _scaling,
    "first_fit": _first_fit,
    "memory": _memory,
}
