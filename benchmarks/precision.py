"""How fast Ranvier trains with bfloat16 next to float32: the larger workloads of versus.py, through the public `fit`.

    python benchmarks/precision.py [--threads N] [--only WORKLOAD ...]

First it checks that the losses of both fall alike. Then both train by turns, and the ratio is that of the shortest
epochs. Where the processor has no bfloat16 dot product, bfloat16 is emulated and takes longer than float32.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import versions
from versus_parts.ours import network_of
from versus_parts.workloads import WORKLOADS, Workload, make_rows

import ranvier as rv
from ranvier.native.machine import cpu

LARGE = ("digits", "tabular", "mlp512", "wide")
PRECISIONS = ("float32", "bfloat16")
EPOCHS, ROUNDS = 5, 5
TOLERANCE = 0.05
"""How far the last losses may be apart, as a share of the first one: more than chance, less than a wrong product."""


def fitted(workload: Workload, rows: tuple[Any, Any], precision: str, threads: int) -> rv.Model:
    """A network after some epochs."""
    return network_of(workload).fit(
        *rows,
        optimizer=rv.Adam(workload.rate),
        epochs=EPOCHS,
        batch_size=workload.batch,
        precision=precision,
        threads=threads,
        seed=1,
        engine="native",
        progress=False,
    )


def compared(workload: Workload, threads: int) -> dict[str, float]:
    """Microseconds of a step with each precision, and the ratio; the losses are checked first."""
    rows = make_rows(workload)
    losses = [[epoch.loss for epoch in fitted(workload, rows, name, threads).history] for name in PRECISIONS]
    apart = abs(losses[0][-1] - losses[1][-1])
    if not apart <= TOLERANCE * losses[0][0]:
        raise SystemExit(
            f"{workload.name}: the losses are {losses[0][-1]:.4f} and {losses[1][-1]:.4f}; that is no rounding."
        )
    best = dict.fromkeys(PRECISIONS, np.inf)
    for _ in range(ROUNDS):
        for name in PRECISIONS:
            epochs = fitted(workload, rows, name, threads).history
            best[name] = min(best[name], *(epoch.seconds for epoch in epochs))
    steps = {name: round(seconds / workload.steps * 1e6, 2) for name, seconds in best.items()}
    return {**steps, "ratio": round(best["float32"] / best["bfloat16"], 3)}


def main() -> None:
    """Measure, and print the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=LARGE, default=LARGE, metavar="WORKLOAD")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    facts = cpu.facts()
    machine = {"processor": facts.model, "bfloat16_dot_product": facts.bf16, "threads": options.threads}
    figures = {name: compared(WORKLOADS[name], options.threads) for name in options.only}
    print(
        json.dumps(
            {"machine": machine, "versions": versions(("ranvier", "numpy", "llvmlite")), "step_us": figures}, indent=2
        )
    )


if __name__ == "__main__":
    main()
