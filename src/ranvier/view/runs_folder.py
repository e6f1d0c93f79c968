"""RunsFolder: the runs in a folder, side by side: what differs between them, and how good each was at its best."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.errors import InputError, RanvierError
from ranvier.model.load import load
from ranvier.records import record
from ranvier.storage.lock import is_held
from ranvier.storage.run_folder import RunFolder
from ranvier.storage.tail import Tail
from ranvier.training.epoch_metrics import greater_is_better
from ranvier.view.answers import QUESTIONS
from ranvier.view.bodies import CurvesBody, RunBody, read_body
from ranvier.view.dispatch import ask_model
from ranvier.view.known_rows import rows_of
from ranvier.view.live_run import LiveRun
from ranvier.view.question_source import QuestionSource
from ranvier.view.run_model import model_file_of
from ranvier.view.subject import Subject

MAX_RUNS = 500
MAX_POINTS = 1000
MAX_CURVES = 40
MAX_LIVE = 4
"""How many runs that train are followed, for all pages."""


@record
class Best:
    """The best value of a metric in a run, and the epoch it is of."""

    value: float
    epoch: int


class FollowedRun:
    """A run whose events are read as they come.

    Attributes:
        settings: what it was trained with.
        greater_is_better: of metrics of the user's own whether a greater value is better; older runs do not say so.
        curves: name -> value of each epoch, NaN where there is none.
        ended: the reason, once there is one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        self.settings: dict[str, Any] = {}
        self.greater_is_better: dict[str, bool] = {}
        self._tail = Tail(RunFolder(folder).events)
        self._clear()

    def _clear(self) -> None:
        self.curves: dict[str, list[float]] = {}
        self.ended = ""
        self._epochs: list[tuple[int, int]] = []
        self._seconds: list[float] = []

    @property
    def n_epochs(self) -> int:
        """How many epochs are done, those of all its networks."""
        return len(self._epochs)

    @property
    def seconds(self) -> float:
        """How long these took together."""
        return sum(self._seconds)

    def read(self) -> None:
        """Take what was appended since the last time."""
        restarts = self._tail.restarts
        events = self._tail.read()
        if self._tail.restarts != restarts:
            self._clear()
        if not self.settings:
            self.settings = _settings(self.folder)
        for event in events:
            if event.get("kind") == "epoch":
                self._take_epoch(event)
            elif event.get("kind") == "start":
                directions = event.get("greater_is_better")
                self.greater_is_better |= directions if isinstance(directions, dict) else {}
            elif event.get("kind") == "end":
                self.ended = str(event.get("text", ""))

    def _take_epoch(self, event: Mapping[str, Any]) -> None:
        member, number = event.get("member", 1), event.get("epoch")
        if type(member) is not int or type(number) is not int:
            return
        epoch = member, number
        self.ended = ""
        self._forget_from(epoch)
        values = {"loss": event.get("loss"), "validation_loss": event.get("validation_loss")}
        values |= event.get("metrics") or {}
        self._epochs.append(epoch)
        self._seconds.append(_number(event.get("seconds"), 0.0))
        for name in (*values, *self.curves):
            curve = self.curves.setdefault(name, [])
            curve.extend([math.nan] * (self.n_epochs - len(curve)))
            curve[-1] = _number(values.get(name), math.nan)

    def _forget_from(self, epoch: tuple[int, int]) -> None:
        """Forget an epoch of a network and all later ones: a run that was resumed at a checkpoint tells some again."""
        if self._epochs and self._epochs[-1] >= epoch:
            count = bisect_left(self._epochs, epoch)
            del self._epochs[count:]
            for values in (self._seconds, *self.curves.values()):
                del values[count:]

    def best(self, name: str) -> Best | None:
        """The best value of a metric; None where there is none that is a number."""
        curve = np.array(self.curves.get(name, []))
        if not np.isfinite(curve).any():
            return None
        greater = self.greater_is_better.get(name, greater_is_better(name))
        at = int(np.nanargmax(curve) if greater else np.nanargmin(curve))
        return Best(float(curve[at]), at + 1)

    @property
    def state(self) -> str:
        """ "training", "ended", or "stopped", if it ended without saying so."""
        if is_held(self.folder / "lock"):
            return "training"
        return "ended" if self.ended else "stopped"


class RunsFolder(QuestionSource):
    """The runs of a folder, which may still train; a question with `run`, the name of one, is about its model.

    Parameters:
        path: the folder.

    Raises:
        InputError: there is no run in it.
    """

    page = "runs"
    names = frozenset({"runs", "curves", *QUESTIONS})

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self.name = self._path.resolve().name
        self._runs: dict[str, FollowedRun] = {}
        self._subjects: dict[str, Subject] = {}
        self._live: dict[str, LiveRun] = {}
        self._opening = threading.Lock()
        if not next(run_folders(self._path), None):
            raise InputError(f'"{path}" has no run folders in it.')

    def ask(self, name: str, body: Mapping[str, Any]) -> Any:
        """Answer a question about the runs, or about the model of one."""
        if name == "runs":
            return self._table()
        if name == "curves":
            return self._curves(read_body(CurvesBody, body))
        run = read_body(RunBody, body).run
        if run is not None:
            return ask_model(self.live_run(run) or self._subject(run), name, body)
        raise InputError("Say which run: run, its name.")

    def live_run(self, name: Any) -> LiveRun | None:
        """The run of a name, where it trains, or ended while it was watched; None for others.

        Raises:
            InputError: there is no run of this name.
        """
        run = self._run(name)
        with self._opening:
            live = self._live.get(run.name)
            if run.state == "training" and (live is None or live.state == "ended"):
                live = self._live[run.name] = LiveRun(run.folder)
                for other in list(self._live)[:-MAX_LIVE]:
                    self._live.pop(other).close()
            return live

    def close(self) -> None:
        """Follow no run any more."""
        with self._opening:
            for live in self._live.values():
                live.close()
            self._live = {}

    def _read(self) -> list[FollowedRun]:
        """The runs that are there now."""
        folders = {folder.name: folder for folder in run_folders(self._path)}
        self._runs = {name: self._runs.get(name) or FollowedRun(folder) for name, folder in folders.items()}
        for run in self._runs.values():
            run.read()
        return list(self._runs.values())

    def _table(self) -> dict[str, Any]:
        """Every run with the settings that differ, its best values, and where it stands."""
        runs = self._read()
        names = list(dict.fromkeys(name for run in runs for name in run.curves if not name.startswith("training_")))
        metrics = [name for name in names if name not in ("loss", "validation_loss")]
        shown = [name for name in (*metrics, "validation_loss", "loss") if any(run.best(name) for run in runs)]
        differing = differing_settings([run.settings for run in runs])
        return {
            "metrics": [{"name": name, "higher": _greater_is_better(name, runs)} for name in shown],
            "settings": differing,
            "runs": [
                {
                    "name": run.name,
                    "state": run.state,
                    "reason": run.ended,
                    "epochs": run.n_epochs,
                    "seconds": run.seconds,
                    "settings": {name: run.settings.get(name) for name in differing},
                    "best": {
                        name: None if (best := run.best(name)) is None else {"value": best.value, "epoch": best.epoch}
                        for name in shown
                    },
                }
                for run in runs
            ],
        }

    def _curves(self, request: CurvesBody) -> dict[str, Any]:
        """The values of a metric over the epochs of some runs, each at most 1,000 points, None where there is none."""
        if len(request.runs) > MAX_CURVES:
            raise InputError(f"Curves are those of at most {MAX_CURVES} runs.")
        curves = {}
        for name in request.runs:
            run = self._run(name)
            points = thinned(np.array(run.curves.get(request.metric, []), np.float64))
            values = run.curves.get(request.metric, [])
            curves[run.name] = {
                "epoch": [at + 1 for at in points],
                "value": [values[at] if math.isfinite(values[at]) else None for at in points],
            }
        return {"metric": request.metric, "curves": curves}

    def _run(self, name: Any) -> FollowedRun:
        """A run that was found in the folder: a name is looked up, and never becomes a path.

        Raises:
            InputError: there is none of this name.
        """
        if not self._runs:
            self._read()
        if not isinstance(name, str) or name not in self._runs:
            raise InputError(f"There is no run {name!r} in {self.name}.")
        return self._runs[name]

    def _subject(self, name: Any) -> Subject:
        run = self._run(name)
        if run.name not in self._subjects:
            file = model_file_of(run.folder)
            model = load(file)
            self._subjects = {run.name: Subject(model, rows_of(model, file), run.name)}
        return self._subjects[run.name]


def _greater_is_better(name: str, runs: list[FollowedRun]) -> bool:
    """Whether a greater value of a metric is better, as the first run says that knows; else as its name says."""
    stored = (run.greater_is_better[name] for run in runs if name in run.greater_is_better)
    return bool(next(stored, greater_is_better(name)))


def run_folders(path: Path) -> Iterator[Path]:
    """The run folders in a folder, in the order of their names, at most 500.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = RunFolder.create(Path(folder) / "second"), RunFolder.create(Path(folder) / "first")
    ...     [run.name for run in run_folders(Path(folder))]
    ['first', 'second']
    """
    try:
        folders = sorted(entry for entry in path.iterdir() if RunFolder(entry).events.is_file())
    except OSError:
        return
    yield from folders[:MAX_RUNS]


def differing_settings(settings: list[dict[str, Any]]) -> list[str]:
    """The settings that are not the same in all runs, in their order.

    >>> differing_settings([{"hidden": [8], "seed": 0}, {"hidden": [16], "seed": 0}, {"seed": 0}])
    ['hidden']
    """
    names = dict.fromkeys(name for values in settings for name in values)
    return [name for name in names if any(values.get(name) != settings[0].get(name) for values in settings)]


def thinned(values: np.ndarray[Any, np.dtype[np.float64]], count: int = MAX_POINTS) -> list[int]:
    """Which of many points to keep: the least and the greatest of each stretch, so that no spike is lost.

    >>> thinned(np.array([3.0, 1.0, 2.0])), thinned(np.array([0.0, 9.0, 1.0, 2.0, 5.0, 4.0, 3.0, 3.0]), 4)
    ([0, 1, 2], [0, 1, 4, 6])
    """
    if len(values) <= count:
        return list(range(len(values)))
    indices: set[int] = set()
    for part in np.array_split(np.arange(len(values)), count // 2):
        finite = part[np.isfinite(values[part])]
        indices |= (
            {int(finite[values[finite].argmin()]), int(finite[values[finite].argmax()])}
            if len(finite)
            else {int(part[0])}
        )
    return sorted(indices)


def _settings(folder: Path) -> dict[str, Any]:
    """What a run was trained with, as plain values; nothing where it cannot be read."""
    try:
        described = RunFolder(folder).read_description()
    except RanvierError:
        return {}
    options = described.get("options", described.get("choices")) or {}
    data = described.get("data")
    return {"data": None if data is None else Path(data).name, **options}


def _number(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else otherwise
