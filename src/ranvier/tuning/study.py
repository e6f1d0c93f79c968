"""The study of a search in Optuna's storage: which settings to try next, by those that were tried.

Trials come in generations of a fixed size. A generation is written when all of it is done, trial by trial, and what the
next one tries depends on the seed and on the generations that are written alone. One of which a part is written, since
the process was killed meanwhile, is tried again, and the rest of it is written. So a search that was interrupted goes
on to the same result.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ranvier.errors import InputError
from ranvier.records import record
from ranvier.tuning.space import Range, Space, Values

LAST_RUNG = 2
"""Rungs are 0, 1 and 2: a ninth of the epochs, a third, and all of them."""
STUDY = "search"
FILE = "optuna.log"
STARTUP_TRIALS = 10
"""So many are drawn at random before the sampler learns from them."""


@record
class Trial:
    """Settings that were tried.

    Fields:
        number: which trial, from 0; trial 0 has the recipe's own settings.
        options: the searched options, name -> value; empty for trial 0.
        value: the loss on the validation rows after its last rung; None where training diverged.
        rung: how far it came, from 0: each rung has three times the epochs of the one before, the last one all.
        seconds, epochs: of its training on the last rung.
        generation: of which it was a part, from 0.

    >>> Trial(number=3, options={"hidden": (64,)}, value=0.31, rung=2, seconds=1.5, epochs=40, generation=0).value
    0.31
    """

    number: int
    options: Mapping[str, Any]
    value: float | None
    rung: int
    seconds: float
    epochs: int
    generation: int


def rank(trial: Trial) -> tuple[bool, int, float, int]:
    """Better trials first: those that came further, then by their value."""
    failed = trial.value is None
    return failed, -trial.rung, 0.0 if trial.value is None else trial.value, trial.number


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The best trial that was trained to the end; None where there is none."""
    return min((trial for trial in trials if trial.rung == LAST_RUNG), key=rank, default=None)


class Study:
    """The trials of a search, in a file or database that Optuna's own tools can read.

    Parameters:
        folder: of the search, where its file is if there is no other storage.
        space: what is searched.
        seed: of the sampler.
        storage: the file of an SQLite database, or the URL of any database that Optuna knows; None for the folder, and
            without a folder for memory alone.
        description: what decides the search, as plain JSON values; each has a study of its own in a database.
    """

    def __init__(
        self,
        folder: Path | None,
        space: Space,
        seed: int,
        storage: str | Path | None = None,
        description: Mapping[str, Any] | None = None,
    ) -> None:
        self._optuna = _optuna()
        self._space = space
        self._seed = seed
        self._distributions = {name: self._distribution(part) for name, part in space.items()}
        self._stored = None
        if storage is not None:
            self._stored = self._database_study(storage, description or {})
        elif folder is not None:
            self._stored = self._open(folder / FILE)
        self.trials: list[Trial] = []
        self._written = 0
        if self._stored is not None:
            self._read(self._stored)

    @property
    def generations(self) -> int:
        """How many generations are done."""
        return 1 + max((trial.generation for trial in self.trials), default=-1)

    def ask(self, count: int) -> list[dict[str, Any]]:
        """What to try next: `count` settings of the searched options."""
        optuna = self._optuna
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTUP_TRIALS,
            constant_liar=True,
            seed=(self._seed * 1_000_003 + self.generations) % 2**32,
        )
        study = optuna.create_study(sampler=sampler)
        study.add_trials([self._frozen(trial) for trial in self.trials])
        return [self._options(study.ask(self._distributions).params) for _ in range(count)]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Keep the trials of a generation."""
        if self._stored is not None:
            frozen = [self._frozen(trial, len(trials)) for trial in trials]
            self._stored.add_trials(frozen[self._written :])
            self._written = 0
        self.trials += trials

    def _open(self, path: Path) -> Any:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        _end_at_last_line(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            storage = JournalStorage(JournalFileBackend(str(path), JournalFileOpenLock(str(path))))
        return self._optuna.create_study(storage=storage, study_name=STUDY, load_if_exists=True)

    def _database_study(self, storage: str | Path, description: Mapping[str, Any]) -> Any:
        text, url = json.dumps(description, sort_keys=True), url_of(storage)
        name = f"{STUDY}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        try:
            study = self._optuna.create_study(storage=url, study_name=name, load_if_exists=True)
            study.set_user_attr("description", description)
        except Exception as error:  # of SQLAlchemy, of the driver of a database, or of Optuna
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f'The search cannot be kept in "{storage}": {reason}') from error
        return study

    def _read(self, stored: Any) -> None:
        """Take the trials of the storage, and note how many are written of a last generation that is not complete."""
        self.trials = [
            Trial(
                number=number,
                options=self._options(frozen.params),
                value=frozen.user_attrs["value"],
                **{name: frozen.user_attrs[name] for name in ("rung", "seconds", "epochs", "generation")},
            )
            for number, frozen in enumerate(stored.trials)
        ]
        if self.trials:
            of_last = sum(trial.generation == self.trials[-1].generation for trial in self.trials)
            # Files of earlier versions do not say how many they are to be.
            if of_last < stored.trials[-1].user_attrs.get("together", 0):
                self._written = of_last
                del self.trials[-of_last:]

    def _distribution(self, part: Range | Values) -> Any:
        distributions = self._optuna.distributions
        if isinstance(part, Values):
            return distributions.CategoricalDistribution([_plain(value) for value in part.values])
        if part.integer:
            return distributions.IntDistribution(int(part.low), int(part.high), log=part.log)
        return distributions.FloatDistribution(part.low, part.high, log=part.log)

    def _options(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of Optuna as options: texts of widths and records are these again."""
        options = {}
        for name, value in parameters.items():
            part = self._space[name]
            values = {_plain(choice): choice for choice in part.values} if isinstance(part, Values) else {}
            options[name] = values.get(value, value)
        return options

    def _frozen(self, trial: Trial, together: int = 0) -> Any:
        """A trial as Optuna has it: one that was not trained to the end is pruned, one that diverged has failed.

        Parameters:
            together: how many are written with it.
        """
        optuna, last = self._optuna, trial.value is not None and trial.rung == LAST_RUNG
        states = optuna.trial.TrialState
        failed = trial.value is None
        return optuna.trial.create_trial(
            state=states.FAIL if failed else states.COMPLETE if last else states.PRUNED,
            params={name: _plain(value) for name, value in trial.options.items()},
            distributions={name: self._distributions[name] for name in trial.options},
            value=trial.value if last else None,
            intermediate_values={} if failed else {trial.rung: trial.value},
            user_attrs={
                "value": trial.value,
                "rung": trial.rung,
                "seconds": trial.seconds,
                "epochs": trial.epochs,
                "generation": trial.generation,
                "together": together,
            },
        )


def url_of(storage: str | Path) -> str:
    """The URL of a database; a path is one of an SQLite file.

    >>> url_of("postgresql://host/trials"), url_of("/data/trials.db")
    ('postgresql://host/trials', 'sqlite:////data/trials.db')
    """
    text = str(storage)
    return text if isinstance(storage, str) and "://" in text else f"sqlite:///{Path(text).expanduser().resolve()}"


def _end_at_last_line(path: Path) -> None:
    """Cut off half a line at the end of a file, whose writer was killed: what is appended would be a part of it."""
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def _plain(value: Any) -> Any:
    """A choice in a form that Optuna stores: widths and records as text."""
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise InputError("A search needs Optuna; install it with: pip install 'ranvier[search]'.") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
