"""How fast Ranvier is next to jax, torch, scikit-learn and onnxruntime: one command, checked before it is timed.

Run:  pip install -e '.[bench]' && python benchmarks/versus.py

Training is measured in examples a second on six workloads, through the public `fit` with everything on: shuffling, a
loss for every epoch, the history. The peers do the same work the way their users make it fast: jax compiles a whole
epoch into one scan with the shuffle inside, torch runs eagerly with the fused optimizer, scikit-learn makes one
`partial_fit` an epoch. Everyone starts from the same weights on the same rows; before anything is timed, the losses of
a few identical steps must agree and every loss must fall alike. Each contender lives in its own process on the same
cores and threads; they take turns, and ratios are those of the medians of one run. What is made once, such as
compiling, is left out there and measured by itself as the first fit. Further parts: the time until MNIST is learned to
98 % (RANVIER_DATA names the folder with it), whether the cost grows linearly, the share of the machine's peak that is
used, imports and the first fit of a process, and its memory. The report ends with every number that was asked for next
to its mark. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import versions
from versus_parts import accuracy, cold_start, measure, peak, picture, report, scaling, scaling_picture, thresholds
from versus_parts.processes import pin
from versus_parts.workloads import WORKLOADS

RESULTS = Path(__file__).resolve().parent / "results"
BY_WORKLOAD = {
    "training": measure.training,
    "share_of_peak": peak.share_of_peak,
    "first_fit": cold_start.first_fit,
    "memory": cold_start.memory,
}
PARTS = ("training", "share_of_peak", "prediction", "accuracy_time", "scaling", "imports", "first_fit", "memory")
MODULES = {name: name for name in ("ranvier", "jax", "torch", "onnxruntime")} | {"scikit-learn": "sklearn"}
SAME = ("machine.processor", "versions", "settings.threads", "settings.engine", "settings.quick")
"""What must be the same for results of two runs to stand in one file."""


def options_of(arguments: list[str] | None = None) -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS), metavar="WORKLOAD")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--quick", action="store_true", help="fewer rows and repeats: a look, not a measurement")
    parser.add_argument("--engine", default="native", help="the engine of Ranvier")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, help="samples of every contender (9; quick: 3)")
    parser.add_argument("--merge", action="store_true", help="keep what the output file has of parts that do not run")
    parser.add_argument("--output", type=Path, default=RESULTS / "versus.json", help="pictures are put beside it")
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
        "versions": versions(report.PACKAGES),
        "settings": {"threads": settings.threads, "engine": settings.engine, "quick": settings.quick},
        "measured": {},
    }
    for part in options.parts:
        start = time.perf_counter()
        results[part] = one_part(part, options.only, settings)
        results["measured"][part] = {"date": report.now(), "seconds": time.perf_counter() - start}
    return results


def one_part(part: str, workloads: list[str], settings: measure.Settings) -> dict[str, Any]:
    """The results of one part, under the name of what was measured."""
    if part in BY_WORKLOAD:
        return {name: measure.attempt(BY_WORKLOAD[part], name, settings, say) for name in workloads}
    if part == "scaling":
        return {kind: measure.attempt(scaling.scaling, kind, settings, say) for kind in scaling.MAKERS}
    if part == "accuracy_time":
        return {"digits": measure.attempt(accuracy.digits, settings, say)}
    figures = measure.attempt(cold_start.imports if part == "imports" else measure.prediction, settings, say)
    return {part: figures} if "failed" in figures else figures


def merged(earlier: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """The new results, and those earlier ones that were not measured again.

    Raises:
        SystemExit: the earlier ones come from another machine or other versions, threads or settings.
    """
    for path in SAME:
        then, now = (functools.reduce(dict.__getitem__, path.split("."), entry) for entry in (earlier, results))
        if then != now:
            raise SystemExit(f"The earlier results have another {path}: {then}, now {now}. Run without --merge.")
    earlier_parts = {part: earlier[part] for part in PARTS if part in earlier}
    parts = {
        part: earlier_parts.get(part, {}) | results.get(part, {})
        for part in PARTS
        if part in earlier_parts or part in results
    }
    return results | parts | {"measured": earlier["measured"] | results["measured"]}


def main() -> None:
    options = options_of()
    start = time.perf_counter()
    earlier = json.loads(options.output.read_text()) if options.merge and options.output.exists() else None
    pin(options.threads)
    with tempfile.TemporaryDirectory(prefix="versus-") as folder:
        results = run(options, Path(folder))
    say(f"all parts took {time.perf_counter() - start:.0f} seconds")
    if earlier is not None:
        results = merged(earlier, results)
    results["asked"] = thresholds.checked(results)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    if any(part.get("ratios") for part in results.get("training", {}).values()):
        options.output.with_suffix(".svg").write_text(picture.draw(results))
    if any(scaling_picture.priced(part)["points"] for part in results.get("scaling", {}).values()):
        options.output.with_name(f"{options.output.stem}-scaling.svg").write_text(scaling_picture.draw(results))
    print(report.markdown(results))
    failed = [entry for part in PARTS for entry in results.get(part, {}).values() if "failed" in entry]
    if failed:
        raise SystemExit(f"{len(failed)} of the measurements have no result.")


if __name__ == "__main__":
    main()
