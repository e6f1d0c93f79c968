"""How well language models predict the next character, beside n-gram models, and how long training takes.

Run:  RANVIER_DATA=FOLDER python benchmarks/senses_language.py [SET ...] [--effort default] [--seed 0]

`tinyshakespeare`: the last tenth of the text is the test. `names`: the lines in the order of `random.Random(42)`, 80 %
for training, 10 % for validation, 10 % for the test, as in makemore. Both are one call of `rv.train`, which chooses
nothing on test text. The log loss is in nats a character; beside it stand those of n-gram models of the same training
text. The time is that of the whole call, from the file to the report, in seconds of the wall clock and of all
processors.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ranvier as rv

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder, versions
from versus_parts.report import machine

RESULTS = Path(__file__).resolve().parent / "results"
# Set -> nats a character that were asked for and hoped for, by effort.
SETS: dict[str, dict[str, tuple[float, float]]] = {
    "tinyshakespeare": {"default": (1.68, 1.62), "best": (1.58, 1.50)},
    "names": {"default": (1.97, 1.94), "best": (1.94, 1.92)},
}


def arguments_of(name: str, data: Path, folder: Path) -> dict[str, Any]:
    """What `rv.train` gets for a set; files for the parts of `names` are written to a folder."""
    if name == "tinyshakespeare":
        return {"data": data / "tinyshakespeare" / "input.txt", "test": 0.1}
    lines = (data / "names" / "names.txt").read_text(encoding="utf-8").splitlines()
    random.Random(42).shuffle(lines)
    first, second = int(0.8 * len(lines)), int(0.9 * len(lines))
    parts = {"data": lines[:first], "validation": lines[first:second], "test": lines[second:]}
    for part, names in parts.items():
        (folder / f"{part}.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return {part: folder / f"{part}.txt" for part in parts}


def measured(name: str, data: Path, effort: str, seed: int) -> dict[str, Any]:
    """One training."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = arguments_of(name, data, Path(folder))
        start, processor = time.perf_counter(), time.process_time()
        model = rv.train(**arguments, effort=effort, seed=seed, progress=False)
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
    start, written = time.perf_counter(), 5_000
    model.write(length=written)
    speed = written / (time.perf_counter() - start)
    required, hoped = SETS[name].get(effort, (None, None))
    report = model.report
    return {
        "set": name,
        "effort": effort,
        "seed": seed,
        "log_loss": report.metrics["log_loss"],
        "accuracy": report.metrics["accuracy"],
        "n_gram_log_losses": [value for key, value in report.baseline.items() if key.endswith("_gram")],
        "asked_for": required,
        "hoped_for": hoped,
        "validation_losses": [round(float(loss), 4) for loss in model.history.validation_loss],
        "test_characters": report.split["test"],
        "parameters": report.parameters,
        "recipe": report.recipe_settings,
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "load_average_after": round(os.getloadavg()[0], 1),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "characters_written_per_second": round(speed),
    }


def main() -> None:
    """Measure the sets that are named and write them beside those measured before."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("sets", nargs="*", default=list(SETS), metavar="SET")
    parser.add_argument("--effort", default="default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS / "senses_language.json")
    options = parser.parse_args()
    data = data_folder() / "text"
    stored = json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {"runs": []}
    for name in options.sets:
        run = measured(name, data, options.effort, options.seed)
        print(json.dumps(run), flush=True)
        same = ("set", "effort", "seed")
        others = [other for other in stored["runs"] if any(other[key] != run[key] for key in same)]
        stored = {
            "machine": machine(),
            "versions": versions(("ranvier", "numpy", "llvmlite")),
            "runs": sorted([*others, run], key=lambda entry: [entry[key] for key in same]),
        }
        options.output.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
