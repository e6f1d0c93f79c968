"""How fast training and prediction are while other processes work: one command, checked before it is timed.

Run:  python benchmarks/neighbours.py

One thread, all threads, and as many as the engine chooses by measuring (`ranvier.native.thread_choice`) take turns,
some seconds each: on the machine as it is, beside a process that works half of the time on one processor, beside a busy
loop on one processor, and beside a busy loop on every processor. First all three make the same steps and the same
predictions, whose bits must be equal. Timed is all that was done in those seconds, looks at other numbers of threads
included; a figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.engine import CompileSpec, Span
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.machine import cpu
from ranvier.network.layers import Dense
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD, Adam
from ranvier.rows import Rows
from ranvier.training.state import initial_state

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import versions
from versus_parts import report

RESULTS = Path(__file__).resolve().parent / "results"
WORKLOADS: dict[str, tuple[tuple[int, ...], str, int, Any]] = {
    "nielsen": ((784, 30, 10), "sigmoid", 10, SGD(0.03)),
    "digits": ((784, 128, 10), "relu", 32, Adam(1e-3)),
    "tabular": ((54, 256, 256, 256, 7), "relu", 256, Adam(1e-3)),
    "mlp512": ((784, 512, 512, 10), "relu", 128, Adam(1e-3)),
}
"""Widths, activation, batch size and optimizer."""
ROWS, SPAN_SECONDS = 8192, 0.05
MODES = ("one", "all", "chosen")
LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""
HALF = """
import os
import time
parent = os.getppid()
while os.getppid() == parent:
    end = time.perf_counter() + 0.01
    while time.perf_counter() < end:
        pass
    time.sleep(0.01)
"""
"""Both end when the benchmark does, however that ends."""


def neighbours(processors: list[int]) -> dict[str, list[tuple[str, int]]]:
    """By name: the programs beside which we run, and the processor of each."""
    last = processors[-1]
    return {
        "nobody": [],
        "works half of the time on one processor": [(HALF, last)],
        "busy loop on one processor": [(LOOP, last)],
        "busy loops on all processors": [(LOOP, number) for number in processors],
    }


@contextmanager
def running(programs: list[tuple[str, int]]) -> Iterator[None]:
    """Let other processes run meanwhile."""
    with ExitStack() as stack:
        for text, number in programs:
            process = subprocess.Popen([sys.executable, "-c", text])
            stack.callback(process.wait)
            stack.callback(process.kill)
            os.sched_setaffinity(process.pid, {number})
        if programs:
            time.sleep(0.3)
        yield


class Contender:
    """A workload with one number of threads, or with the one that is chosen."""

    def __init__(self, name: str, mode: str, threads: int) -> None:
        sizes, activation, self.batch, self.optimizer = WORKLOADS[name]
        layers = [*(Dense(units, activation) for units in sizes[1:-1]), Dense(sizes[-1], "softmax")]
        network, rule = Network(sizes[0], layers), loss("categorical_cross_entropy")
        count = 1 if mode == "one" else threads
        spec = CompileSpec(network, rule, self.optimizer, batch_size=self.batch, threads=count)
        self.executable: NativeExecutable = NativeEngine().compile(spec)
        self.executable.uses_all_threads = mode == "all"
        self.executable.set_state(initial_state(network, self.optimizer, 0).engine)
        generator = np.random.default_rng(0)
        inputs = generator.standard_normal((ROWS, sizes[0]), np.float32)
        targets = np.eye(sizes[-1], dtype=np.float32)[generator.integers(0, sizes[-1], ROWS)]
        self.inputs, self.rows = inputs, self.executable.upload(Rows(inputs, targets))
        self.order, self.steps = generator.permutation(ROWS), ROWS // self.batch
        self.seconds = 1e-3

    def train(self, steps: int) -> None:
        """Make steps, over the rows in a fixed order, again and again."""
        first = self.executable.get_state().step if steps == 1 else 0
        order = np.resize(self.order[: self.steps * self.batch], steps * self.batch)
        numbers = np.arange(first + 1, first + steps + 1)
        scalars = self.optimizer.scalar_values(numbers, np.full(steps, self.optimizer.learning_rate))
        starts = np.arange(steps + 1, dtype=np.int64) * self.batch
        self.executable.run(self.rows, Span(order.astype(np.int64), starts, np.asarray(scalars)))

    def predict(self, calls: int) -> None:
        """Predict all rows, so many times."""
        for _ in range(calls):
            self.executable.outputs(self.inputs)

    def digest(self) -> bytes:
        """Everything that some steps and a prediction give."""
        self.train(40)
        state = self.executable.get_state()
        return state.parameters.tobytes() + state.slots.tobytes() + self.executable.outputs(self.inputs).tobytes()


def microseconds(work: Callable[[int], None], seconds: float) -> float:
    """Of one unit of work, from all that is done in so many seconds in calls of SPAN_SECONDS."""
    count, done, start = 1, 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        before = time.perf_counter()
        work(count)
        done += count
        count = max(1, min(2 * count, round(SPAN_SECONDS * count / (time.perf_counter() - before))))
    return spent / done * 1e6


def measured(name: str, kind: str, threads: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Microseconds of a training step, or of a prediction of all rows, by mode; and how many threads were chosen."""
    contenders = {mode: Contender(name, mode, threads) for mode in MODES}
    if len({contender.digest() for contender in contenders.values()}) != 1:
        raise SystemExit(f"{name}: the bits depend on the number of threads.")
    times: dict[str, list[float]] = {mode: [] for mode in MODES}
    for _ in range(rounds):
        for mode, contender in contenders.items():
            work = contender.train if kind == "training step" else contender.predict
            times[mode].append(microseconds(work, seconds))
    medians = {mode: float(np.median(values)) for mode, values in times.items()}
    choosers = contenders["chosen"].executable._choosers
    threads_used = choosers["train" if kind == "training step" else "predict"].choice.current
    return {"microseconds": times, "medians": medians, "threads_at_the_end": threads_used} | {
        "chosen_over_one": medians["chosen"] / medians["one"],
        "chosen_over_best": medians["chosen"] / min(medians["one"], medians["all"]),
    }


def main() -> None:
    """Measure, print a table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each contender in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--threads", type=int, default=cpu.threads())
    parser.add_argument("--output", type=Path, default=RESULTS / "neighbours.json")
    options = parser.parse_args()
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("Neighbours are kept on a processor, which this system does not offer.")
    results: dict[str, Any] = {"machine": report.machine(), "versions": versions(["ranvier", "numpy", "llvmlite"])}
    results |= {"threads": options.threads, "seconds": options.seconds, "rounds": options.rounds, "rows": ROWS}
    print(f"| {'beside':40s} | {'work':24s} | 1 thread us | all us | chosen us | threads | chosen / best |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for beside, programs in neighbours(sorted(os.sched_getaffinity(0))).items():
        figures: dict[str, Any] = {}
        for name in options.workloads.split(","):
            for kind in ("training step", "prediction"):
                with running(programs):
                    record = measured(name, kind, options.threads, options.seconds, options.rounds)
                figures[f"{name} {kind}"] = record
                medians = " | ".join(f"{record['medians'][mode]:.1f}" for mode in MODES)
                ending = f"{record['threads_at_the_end']} | {record['chosen_over_best']:.2f}"
                print(f"| {beside:40s} | {f'{name} {kind}':24s} | {medians} | {ending} |", flush=True)
        results[beside] = figures
    results["load_at_the_end"] = os.getloadavg()[0]
    options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
