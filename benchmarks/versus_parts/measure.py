"""What is measured, and of it training and prediction. Results are checked before they are timed."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from versus_parts.ours import initial_weights
from versus_parts.processes import ContenderError, Process
from versus_parts.workloads import WORKLOADS, Workload, write_rows

TRAINERS = ("ranvier", "jax", "torch", "scikit-learn")
PREDICTORS = ("ranvier", "onnxruntime", "torch")
PREDICTION_WORKLOAD = "digits"
IMAGE_ZEROS = 0.8
PREDICTIONS = {
    f"{rows:,} row{'s' * (rows > 1)}{', four of five inputs 0' if zeros else ''}": {"rows": rows, "zeros": zeros}
    for rows in (1, 10_000)
    for zeros in (0.0, IMAGE_ZEROS)
}
"""What is predicted: how many rows, and which share of their inputs is 0, as it is in images of digits."""
LEARN_EPOCHS, MAX_TRIED_EPOCHS = 3, 1024
PAUSE_SECONDS = 0.05
STEP_TOLERANCE = 1e-3
"""Float32 keeps 7 digits; Adam's first steps, which keep only the signs of tiny slopes, make differences grow, and
scikit-learn adds its epsilon elsewhere in Adam."""
PROBABILITY_TOLERANCE = 1e-5
COMPARABLE = 0.1
"""How far the last loss may be from the median of all, as a share of how far the loss fell."""
LEARNED = 0.97
Results = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to measure.

    Fields: `threads`; `engine` of Ranvier; `quick`; `repeats`; `sample_seconds`, about how long one sample trains;
    `folder` for rows and weights; `contenders` that are installed here.
    """

    threads: int
    engine: str
    quick: bool
    repeats: int
    sample_seconds: float
    folder: Path
    contenders: tuple[str, ...]

    def job(self, contender: str, workload: Workload) -> dict[str, Any]:
        """What a worker is told at first."""
        names = ("threads", "engine", "quick")
        plain = {name: value for name, value in asdict(self).items() if name in names}
        return {"contender": contender, "workload": workload.name, "folder": str(self.folder_of(workload)), **plain}

    def folder_of(self, workload: Workload) -> Path:
        """Where the rows of a workload lie."""
        return self.folder / workload.name

    def here(self, names: tuple[str, ...]) -> list[str]:
        """Those of the contenders that are installed."""
        return [name for name in names if name in self.contenders]

    def workload(self, name: str) -> Workload:
        """The workload, with its rows in place."""
        workload = WORKLOADS[name].shortened() if self.quick else WORKLOADS[name]
        if not self.folder_of(workload).exists():
            write_rows(workload, self.folder_of(workload), initial_weights(workload))
        return workload


class CheckError(AssertionError):
    """The contenders do not compute the same: what they take says nothing."""


def training(name: str, settings: Settings, say: Say) -> Results:
    """Examples a second of every contender on one workload, interleaved."""
    workload = settings.workload(name)
    with contextlib.ExitStack() as stack:
        processes = {}
        for contender in settings.here(TRAINERS):
            processes[contender] = stack.enter_context(Process("trainer", settings.job(contender, workload)))
        figures: Results = {"workload": asdict(workload), "step_flops": workload.step_flops}
        figures["checks"] = check_training(workload, processes)
        say(f"{name}: checked, timing")
        figures["contenders"] = _timed_training(workload, settings, processes)
    return figures | {"ratios": ratios(figures["contenders"])}


def check_training(workload: Workload, processes: dict[str, Process]) -> Results:
    """Make sure that all contenders train the same network in the same way.

    Raises:
        CheckError: the losses of identical steps differ, or a contender does not learn as the others do.
    """
    steps = {name: process.ask("check") for name, process in processes.items()}
    first = steps.get("ranvier") or next(iter(steps.values()))
    differences = {}
    for name, losses in steps.items():
        # One sigmoid in place of two softmax outputs starts at the same loss and then moves differently.
        count = 1 if name == "scikit-learn" and workload.sizes[-1] == 2 else len(first)
        differences[name] = float(np.max(np.abs(np.subtract(losses, first))[:count] / np.abs(first)[:count]))
        if not differences[name] <= STEP_TOLERANCE:
            raise CheckError(f"{workload.name}: the losses of the same steps are {first}, and {losses} in {name}.")
    learned = {name: process.ask("learn", epochs=LEARN_EPOCHS) for name, process in processes.items()}
    middle, start = median(losses[-1] for losses in learned.values()), first[0]
    for name, losses in learned.items():
        if not losses[-1] <= LEARNED * start or abs(losses[-1] - middle) > COMPARABLE * (start - middle):
            raise CheckError(f"{workload.name}: the losses of the epochs are {learned}; {name} learned differently.")
    return {"losses_of_steps": steps, "largest_relative_difference": differences, "losses_of_epochs": learned}


def epochs_of_a_sample(process: Process, settings: Settings) -> int:
    """How many epochs this contender makes in about the time of a sample: tried with four times as many each time."""
    epochs = 1
    while (seconds := process.ask("timed", epochs=epochs)) < settings.sample_seconds / 4 and epochs < MAX_TRIED_EPOCHS:
        epochs *= 4
    return max(1, math.ceil(epochs * settings.sample_seconds / max(seconds, settings.sample_seconds / 4)))


def _timed_training(workload: Workload, settings: Settings, processes: dict[str, Process]) -> Results:
    epochs = {name: epochs_of_a_sample(process, settings) for name, process in processes.items()}
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for turn in range(settings.repeats):
        names = list(processes)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            time.sleep(PAUSE_SECONDS)
            seconds[name].append(processes[name].ask("timed", epochs=epochs[name]) / epochs[name])
    figures = {
        name: summary(samples_of_one) | {"epochs_per_sample": epochs[name]} for name, samples_of_one in seconds.items()
    }
    for part in figures.values():
        part["examples_per_second"] = [workload.rows / value for value in part["seconds"]]
        part["microseconds_per_step"] = 1e6 * part["median"] / workload.steps
    return figures


def summary(seconds: list[float]) -> Results:
    """The samples, their median and their minimum."""
    return {"seconds": seconds, "median": median(seconds), "minimum": min(seconds)}


def ratios(contenders: Results) -> Results:
    """How many times faster Ranvier is than each other one, of the medians and of the minima of the same run."""
    if "ranvier" not in contenders:
        return {}
    ours = contenders["ranvier"]
    others = {name: part for name, part in contenders.items() if name != "ranvier"}
    return {name: {kind: part[kind] / ours[kind] for kind in ("median", "minimum")} for name, part in others.items()}


def prediction(settings: Settings, say: Say) -> Results:
    """Seconds of a call for one row and for many."""
    workload, figures = settings.workload(PREDICTION_WORKLOAD), {}
    with contextlib.ExitStack() as stack:
        processes = {}
        for contender in settings.here(PREDICTORS):
            processes[contender] = stack.enter_context(Process("predictor", settings.job(contender, workload)))
        for zeros in {case["zeros"] for case in PREDICTIONS.values()}:
            outputs = {
                name: np.array(samples_of_one.ask("outputs", rows=100, zeros=zeros))
                for name, samples_of_one in processes.items()
            }
            for name, values in outputs.items():
                if not np.abs(values - outputs["ranvier"]).max() <= PROBABILITY_TOLERANCE:
                    raise CheckError(f"The probabilities that {name} gives differ from Ranvier's.")
        for what, case in PREDICTIONS.items():
            say(f"prediction of {what}: checked, timing")
            figures[what] = _timed_prediction(case, settings, processes)
    return figures


def _timed_prediction(case: dict[str, Any], settings: Settings, processes: dict[str, Process]) -> Results:
    sample = settings.sample_seconds / 2
    calls = {}
    for name, process in processes.items():
        seconds = process.ask("timed", calls=5, **case)
        calls[name] = max(3, math.ceil(sample / seconds))
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(settings.repeats):
        for name, process in processes.items():
            time.sleep(PAUSE_SECONDS)
            seconds[name].append(process.ask("timed", calls=calls[name], **case))
    contenders = {name: summary(samples_of_one) for name, samples_of_one in seconds.items()}
    return {"contenders": contenders, "ratios": ratios(contenders)}


def attempt(measure: Callable[..., Results], *arguments: Any) -> Results:
    """The results, or the reason why there are none: one failure must not cost the rest of a long run."""
    try:
        return measure(*arguments)
    except (ContenderError, CheckError) as error:
        return {"failed": str(error)}
