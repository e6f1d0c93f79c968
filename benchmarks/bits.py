"""The bits of many small trainings, so that a change of the code that must not change numbers can be checked.

    python benchmarks/bits.py                   print name, hash of the parameters, hash of the predictions
    python benchmarks/bits.py --write FILE      the same as JSON
    python benchmarks/bits.py --compare FILE    print the names that differ; exit code 1 if there are any
    python benchmarks/bits.py --only native     those alone whose name contains a text

Every entry is a name and a function without arguments that returns a trained model and rows to predict. The hash is
over the values of the parameters in their order in memory, and does not depend on what they are called. A training that
fails counts as different, and the others go on.

The native engine gives the same bits for any number of threads and any processor. The reference engine computes with
NumPy, whose bits depend on its version, its BLAS and the processor; so `results/bits.json` says where it was written.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from bits_parts.trainings import Case, cases

import ranvier as rv
from ranvier.native.machine import cpu

DIGITS = 16


def digest(*arrays: Any) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of shapes, types and bytes."""
    hasher = hashlib.sha256()
    for array in arrays:
        plain = np.ascontiguousarray(array)
        hasher.update(f"{plain.dtype.str} {plain.shape}".encode())
        hasher.update(plain.tobytes())
    return hasher.hexdigest()[:DIGITS]


def hashes(case: Case) -> dict[str, str]:
    """What a training gives: its parameters and its predictions; or how it failed."""
    try:
        model, X = case()
    except Exception as error:  # noqa: BLE001
        return {"failed": f"{type(error).__name__}: {error}"}
    return {"parameters": digest(*model.parameters.values()), "predictions": digest(model.outputs(X))}


def measured(only: str) -> dict[str, dict[str, str]]:
    """The hashes of every training whose name contains `only`."""
    return {name: hashes(case) for name, case in cases().items() if only in name}


def machine() -> dict[str, str]:
    """What the bits of the reference engine may depend on."""
    return {"ranvier": rv.__version__, "numpy": np.__version__, "processor": cpu.facts().model}


def compared(stored: dict[str, Any], now: dict[str, dict[str, str]], only: str) -> list[str]:
    """What differs, in words."""
    before = {name: hash_ for name, hash_ in stored["hashes"].items() if only in name}
    lines = [f"gone: {name}" for name in before if name not in now]
    lines += [f"new: {name}" for name in now if name not in before]
    for name in now.keys() & before.keys():
        parts = [part for part, hash_ in now[name].items() if before[name].get(part) != hash_]
        lines += [f"differs: {name}: {now[name].get('failed') or ', '.join(parts)}"] if parts else []
    return sorted(lines)


def main(arguments: list[str]) -> int:
    """Run the trainings and write, compare or print their hashes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the hashes as JSON")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="compare with what was written")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the trainings whose name contains TEXT")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    now = measured(options.only)
    print(f"{len(now)} trainings in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    if options.write is not None:
        options.write.write_text(json.dumps({"machine": machine(), "hashes": now}, indent=1) + "\n")
    if options.compare is not None:
        stored = json.loads(options.compare.read_text())
        lines = compared(stored, now, options.only)
        print("\n".join(lines) or "all the same")
        if lines and stored["machine"] != machine():
            print(f"Written with {stored['machine']}; this is {machine()}.")
        return 1 if lines else 0
    if options.write is None:
        for name, hashes in now.items():
            print(name, *hashes.values(), sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
