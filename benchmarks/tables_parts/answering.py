"""What a process does that is asked for one answer: read its arguments, limit itself, answer with one JSON line."""

from __future__ import annotations

import argparse
import json
import os
import resource
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any


def answer(make: Callable[[argparse.Namespace], dict[str, Any]]) -> None:
    """Call `make` with the arguments and print what it returns; what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    parser = argparse.ArgumentParser()
    for name in ("set", "method", "label"):
        parser.add_argument(f"--{name}", default="")
    for name in ("seed", "threads", "limit"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--timing", action="store_true")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CPU, (options.limit, options.limit + 10))
    warnings.simplefilter("ignore")
    with answers:
        answers.write(json.dumps(make(options)) + "\n")
