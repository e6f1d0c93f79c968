"""Time to an accuracy: how long 784-128-10 trains until it names 98 % of the test digits, in the mean over the seeds.

The method is that of airbench (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024): the number of epochs
is fixed beforehand such that the mean over many seeds reaches the mark. Everybody trains the same network by Adam and
a one-cycle schedule from the same weights, and the losses of identical steps must agree; so what accuracy a batch size,
learning rate and number of epochs reach does not depend on who computes it, and is found once, on validation rows. What
an epoch costs does depend on it, and is measured for everybody; everybody then takes the batch size that is fastest for
it. The test file is only looked at in the end.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

from ranvier import settings as ranvier_settings
from ranvier.data.sources.arrays import read_idx
from versus_parts.measure import STEP_TOLERANCE, CheckError, Results, Say, Settings, summary
from versus_parts.ours import initial_weights
from versus_parts.processes import Process
from versus_parts.racer import digits_workload

RACERS = ("ranvier", "jax", "torch")
CHECK_BATCH, CHECK_RATE = 64, 4e-3
HOPELESS = 0.001
"""How far below the mark the first two seeds may be, in the mean, before the others are spared."""


@dataclass(frozen=True, slots=True)
class Race:
    """What is tried and what is asked.

    Fields: `mark`, the accuracy; `batches`; `rates` for a batch of 64, which grow with the root of the batch; `epochs`,
    tried from few to many; `search_seeds` and `seeds`; `rows` of the training file, None for all.
    """

    mark: float
    batches: tuple[int, ...]
    rates: tuple[float, ...]
    epochs: tuple[int, ...]
    search_seeds: int
    seeds: int
    rows: int | None

    def rates_of(self, batch: int) -> list[float]:
        """The learning rates to try with this batch size."""
        return [rate * (batch / 64) ** 0.5 for rate in self.rates]


RACE = Race(0.98, (32, 64, 128, 256, 512), (4e-3, 6e-3), (5, 6, 7, 8, 10, 12), 5, 10, None)
QUICK_RACE = Race(0.94, (64, 256), (4e-3,), (1, 2, 3, 4), 2, 3, 12_000)


def digits(settings: Settings, say: Say) -> Results:
    """Seconds and accuracy of every contender, each with its best settings."""
    race, data = QUICK_RACE if settings.quick else RACE, ranvier_settings.read().data
    if data is None:
        return {"failed": "RANVIER_DATA does not name a folder with images/mnist"}
    folder = settings.folder / "mnist"
    write_digits(data / "images" / "mnist", folder, race)

    def new(name: str) -> Process:
        job = settings.job(name, digits_workload(64, 1e-3, 64)) | {"folder": str(folder)}
        return Process("racer", job, Path(tempfile.mkdtemp(dir=folder)))

    with contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(new(name)) for name in settings.here(RACERS)}
        figures: Results = {"mark": race.mark, "seeds": race.seeds, "checks": _check(processes)}
        figures["search"] = search(race, processes["ranvier"].ask, say)
        figures["fewest"] = fewest(race, figures["search"])
        if not figures["fewest"]:
            raise CheckError(f"Nothing that was tried reaches {race.mark:.1%} on the validation rows.")
        say("time to the accuracy: searched, timing")
        figures["contenders"] = _run(race, processes, figures["fewest"], new)
    ours = figures["contenders"]["ranvier"]["mean"]
    figures["ratios"] = {name: part["mean"] / ours for name, part in figures["contenders"].items() if name != "ranvier"}
    return figures


def write_digits(source: Path, folder: Path, race: Race) -> None:
    """Put the digits, as float32 from 0 to 1, and the weights of every seed where all contenders read them."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending, name, rows in (("", "train", race.rows), ("_test", "t10k", None)):
        read = read_idx(source / f"{name}-images-idx3-ubyte.gz")
        images, labels = read.inputs[:rows], np.asarray(read.targets)[:rows]
        np.save(folder / f"X{ending}.npy", images.reshape(len(images), -1).astype(np.float32) / np.float32(255))
        np.save(folder / f"y{ending}.npy", labels.astype(np.int64).ravel())
    for seed in range(race.seeds):
        np.save(folder / f"weights-{seed}.npy", initial_weights(digits_workload(64, 1e-3, 64), seed))


def _check(processes: dict[str, Process]) -> Results:
    losses = {name: process.ask("check", batch=CHECK_BATCH, rate=CHECK_RATE) for name, process in processes.items()}
    first = np.array(losses["ranvier"])
    for name, entry in losses.items():
        if not np.all(np.abs(np.array(entry) - first) <= STEP_TOLERANCE * first[0]):
            raise CheckError(f"digits: the losses of the same steps are {first.tolist()}, and {entry} in {name}.")
    return {"losses_of_steps": losses}


def search(race: Race, ask: Any, say: Say) -> list[Results]:
    """Accuracies on validation rows: of every batch size, from few epochs to many, until a rate reaches the mark."""
    tried = []
    for batch in race.batches:
        for epochs in race.epochs:
            for rate in race.rates_of(batch):
                scores: list[float] = []
                for seed in range(race.search_seeds):
                    answer = ask("race", batch=batch, rate=rate, epochs=epochs, seed=seed, held_out="validation")
                    scores.append(answer["accuracy"])
                    if len(scores) == 2 and fmean(scores) < race.mark - HOPELESS:
                        break
                tried.append({"batch": batch, "rate": rate, "epochs": epochs, "accuracies": scores})
                say(f"batch {batch}, rate {rate:.4f}, {epochs} epochs: {fmean(scores):.2%}")
            if any(reaches(race, trial) for trial in tried if (trial["batch"], trial["epochs"]) == (batch, epochs)):
                break
    return tried


def reaches(race: Race, tried: Results) -> bool:
    """Whether the mean over all seeds, less its own standard error, is at the mark."""
    scores = tried["accuracies"]
    if len(scores) < race.search_seeds:
        return False
    return fmean(scores) - stdev(scores) / len(scores) ** 0.5 >= race.mark


def fewest(race: Race, tried: list[Results]) -> list[Results]:
    """For every batch size the best learning rate of the fewest epochs that reach the mark, where any do."""
    figures = []
    for batch in race.batches:
        good = [trial for trial in tried if trial["batch"] == batch and reaches(race, trial)]
        if good:
            best = min(good, key=lambda trial: (trial["epochs"], -fmean(trial["accuracies"])))
            figures.append({name: best[name] for name in ("batch", "rate", "epochs")})
    return figures


def _run(race: Race, processes: dict[str, Process], choices: list[Results], new: Callable[[str], Process]) -> Results:
    figures: Results = {}
    for name, process in processes.items():
        costs = {entry["batch"]: process.ask("epoch", batch=entry["batch"]) for entry in choices}
        best = min(choices, key=lambda entry: entry["epochs"] * costs[entry["batch"]])
        process.ask("race", **best, seed=0, held_out="test")
        with new(name) as new_process:
            cold = new_process.ask("race", **best, seed=0, held_out="test")["seconds"]
        figures[name] = {"settings": best, "epoch_seconds": costs, "cold": cold, "seconds": [], "accuracies": []}
    for seed in range(race.seeds):
        names = list(processes)
        for name in names[seed % len(names) :] + names[: seed % len(names)]:
            answer = processes[name].ask("race", **figures[name]["settings"], seed=seed, held_out="test")
            figures[name]["seconds"].append(answer["seconds"])
            figures[name]["accuracies"].append(answer["accuracy"])
    for part in figures.values():
        part.update(summary(part["seconds"]))
        part["mean"], part["sd"] = fmean(part["seconds"]), stdev(part["seconds"])
        part["accuracy"], part["accuracy_sd"] = fmean(part["accuracies"]), stdev(part["accuracies"])
    return figures
