"""How fast Ranvier is next to jax, torch, scikit-learn and onnxruntime: one command, checked before it is timed.

Run:  pip install -e '.[bench]' && python benchmarks/versus.py

Training is measured in examples a second on six workloads, through the public `fit` with everything on: shuffling, a
loss for every epoch, the history. The peers do the same work the way their users make it fast: jax compiles a whole
epoch into one scan with the shuffle inside, torch runs eagerly with the fused optimizer, scikit-learn makes one
`partial_fit` an epoch. Everyone starts from the same weights on the same rows; before anything is timed, the losses of
a few identical steps must agree and every loss must fall alike. Each contender lives in its own process on the same
cores and threads; they take turns, and ratios are those of the medians of one run. What is made once, such as
compiling, is left out there and measured by itself as the first fit. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from versus_parts import measure, picture, report
from versus_parts.processes import pin
from versus_parts.workloads import WORKLOADS

RESULTS = Path(__file__).resolve().parent / "results"
PARTS = ("training", "prediction", "first_fit", "memory")
MODULES = {name: name for name in ("ranvier", "jax", "torch", "onnxruntime")} | {"scikit-learn": "sklearn"}


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--quick", action="store_true", help="fewer rows and repeats: a look, not a measurement")
    parser.add_argument("--engine", default="native", help="the engine of Ranvier")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, help="samples of every contender (9; quick: 3)")
    parser.add_argument("--output", type=Path, default=RESULTS / "versus.json", help="a picture is put beside it")
    return parser.parse_args(arguments)


def say(words: str) -> None:
    """Tell how far it is, beside the tables."""
    print(f"[{time.strftime('%H:%M:%S')}] {words}", file=sys.stderr, flush=True)


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure everything that was asked for."""
    settings = measure.Settings(
        threads=options.threads,
        engine=options.engine,
        quick=options.quick,
        repeats=options.repeats or (3 if options.quick else 9),
        sample_seconds=0.1 if options.quick else 0.5,
        folder=folder,
        contenders=tuple(name for name, module in MODULES.items() if importlib.util.find_spec(module)),
    )
    results: dict[str, Any] = {
        "machine": report.machine(),
        "versions": report.versions(),
        "settings": {"threads": settings.threads, "engine": settings.engine, "quick": settings.quick},
    }
    if "training" in options.parts:
        results["training"] = {n: measure.attempt(measure.training, n, settings, say) for n in options.only}
    if "prediction" in options.parts and measure.PREDICTION_WORKLOAD in options.only:
        found = measure.attempt(measure.prediction, settings, say)
        results["prediction"] = {"digits": found} if "failed" in found else found
    for part, each in (("first_fit", measure.first_fit), ("memory", measure.memory)):
        if part in options.parts:
            results[part] = {n: measure.attempt(each, n, settings, say) for n in options.only}
    return results


def main() -> None:
    options = options_of()
    begun = time.perf_counter()
    pin(options.threads)
    with tempfile.TemporaryDirectory(prefix="versus-") as folder:
        results = run(options, Path(folder))
    results["settings"]["seconds"] = time.perf_counter() - begun
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    if any(part.get("ratios") for part in results.get("training", {}).values()):
        options.output.with_suffix(".svg").write_text(picture.draw(results))
    print(report.markdown(results))
    failed = [each for part in PARTS for each in results.get(part, {}).values() if "failed" in each]
    if failed:
        raise SystemExit(f"{len(failed)} of the measurements have no result.")


if __name__ == "__main__":
    main()
