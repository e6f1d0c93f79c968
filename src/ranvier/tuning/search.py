"""search: try many settings on the same rows, the promising ones longer, and train the best with the whole recipe."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ranvier.errors import InputError
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.model import Model
from ranvier.model.target_option import are_names, column_labels
from ranvier.model.train import TrainData, train_job
from ranvier.network.activations import Activation
from ranvier.network.losses import Loss
from ranvier.network.optimizers import Optimizer
from ranvier.network.schedules import Schedule
from ranvier.network.task import Task
from ranvier.random import check_seed
from ranvier.recipes.options import TEST_FRACTION, VALIDATION_FRACTION, TrainOptions
from ranvier.recipes.recipe import Recipe
from ranvier.records import record
from ranvier.scalars import as_integer, as_number, plain_scalar
from ranvier.storage.atomic import write_atomically
from ranvier.training.events import silent
from ranvier.tuning.budget import Budget
from ranvier.tuning.generations import Generations, SearchProgress
from ranvier.tuning.space import Space, space_lines
from ranvier.tuning.study import Study, Trial, best_of, rank
from ranvier.tuning.whole_recipe import RECIPE_TRIAL, WholeRecipe
from ranvier.tuning.workload import Workload

DESCRIPTION = "search.json"
MODEL = "best.rv"
CALL = re.compile(r"(?<![\w.])(?=[A-Za-z_]\w*\()")
"""Before the name of what a text calls."""


@record(eq=False)
class Search:
    """What a search found.

    Fields:
        metric: what trials are compared by, on the same validation rows: "log_loss" or "rmse"; less is better.
        trials: all that were tried, in order; trial 0 has the recipe's own settings.
        best: the one whose settings the model has, the best of those that were trained to the end while there was time.
        space: what was searched.
        model: trained with the best settings and the whole recipe; None where Ctrl-C came before it was trained.
        code: the call of `rv.train` that gives this model again, bit by bit; where the time cut its training short,
            the one that trains it in full.
        interrupted: whether Ctrl-C ended it; the same call with the same folder goes on.
        notes: what the time did not suffice for, or why the search ended before it, in sentences.

    >>> recipe_alone = Trial(number=0, options={}, value=0.5, rung=2, seconds=1.0, epochs=40, generation=0)
    >>> Search("log_loss", (recipe_alone,), recipe_alone, space={}, model=None, code="").to_dict()["best"]["value"]
    0.5
    """

    metric: str
    trials: tuple[Trial, ...]
    best: Trial
    space: Space
    model: Model | None
    code: str
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The search as plain JSON values."""
        return {
            "metric": self.metric,
            "best": _trial_dict(self.best),
            "trials": [_trial_dict(trial) for trial in self.trials],
            "space": space_lines(self.space),
            "model": None if self.model is None or self.model.report is None else self.model.report.model,
            "metrics": {} if self.model is None or self.model.report is None else dict(self.model.report.metrics),
            "code": self.code,
            "interrupted": self.interrupted,
            "notes": list(self.notes),
        }

    def to_frame(self) -> Any:
        """The trials as a data frame of polars, a column for each option, the best first."""
        import polars

        names = sorted({name for trial in self.trials for name in trial.options})
        rows = [
            {
                "number": trial.number,
                self.metric: trial.value,
                "rung": trial.rung,
                "epochs": trial.epochs,
                "seconds": trial.seconds,
                **{name: _shown(trial.options.get(name)) for name in names},
            }
            for trial in sorted(self.trials, key=rank)
        ]
        return polars.DataFrame(rows, infer_schema_length=None)


@in_usual_mode
def search(
    data: Any,
    target: Any = None,
    *,
    minutes: float = 5.0,
    trials: int | None = None,
    space: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    storage: str | Path | None = None,
    on_progress: Callable[[SearchProgress], None] | None = None,
    recipe: str | Recipe = "auto",
    effort: str = "default",
    members: int | None = None,
    task: str | Task | None = None,
    validation: Any = None,
    test: Any = TEST_FRACTION,
    ignore: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    header: bool | None = None,
    encoding: str | None = None,
    skip_bad_rows: bool = False,
    split: str | None = None,
    group: str | None = None,
    positive: Any = None,
    sample_weight: Any = None,
    class_weight: str | Mapping[Any, float] | None = None,
    threshold: float | str | None = None,
    seed: int = 0,
    engine: str = "auto",
    precision: str = "float32",
    threads: int | None = None,
    image_size: int | None = None,
    augment: str | None = None,
) -> Search:
    """Search the settings of a recipe for some minutes, and train the best ones.

    Trials come in generations of nine: each is trained for a ninth of the epochs, the best three for a third of them,
    the best one for all (successive halving), as many side by side as there are threads. Optuna's sampler proposes the
    next nine. The recipe's own settings are trial 0, which is trained first and to the end, so that what is found is
    never worse on the validation rows.
    Trials are compared on the same validation rows; test rows are measured with the whole recipe's models alone.
    Where there is time, the model is trained early, and again with better settings before the time is over. Where there
    is too little time for the whole recipe, the model is made of what was trained when the time is over.

    Parameters:
        minutes: how long, with reading the data and training the model.
        trials: how many at most, rounded up to whole generations; None for no limit but the time, unless the space has
            fewer settings than there is time for.
        space: option -> (low, high), [values], one value, or None to leave it out; options that are not mentioned are
            searched around what the recipe takes. Names as in `train`: hidden, activation, dropout, loss, optimizer,
            learning_rate, schedule, weight_decay, clip_norm, epochs, batch_size, patience.
        folder: keeps the trials and the model, best.rv; the same call goes on there. None keeps them in memory.
        storage: keeps the trials elsewhere: the path of an SQLite file, or the URL of a database that Optuna knows,
            such as "postgresql://host/name"; one holds many searches, each of one process at a time. None for a file in
            the folder.
        on_progress: called after the trial of the recipe's own settings, and after each generation.
        recipe, effort, task, test, ignore, kinds, header, encoding, skip_bad_rows, split, group: as for `train`.
        positive, sample_weight, class_weight, threshold, seed, engine, precision, threads: as for `train`.
        members, image_size, augment: as for `train`.
        validation: rows that trials are compared on: a fraction of the rows, a file or table, or a tuple (X, y); None
            takes a fifth of the training rows.

    Returns what was found; after Ctrl-C the trials so far, and the model if there is one.

    Raises:
        InputError: the data, the target or an option cannot be used, or Optuna is not installed.

    Source: Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.

    >>> result = search("iris", minutes=1, trials=9, space={"hidden": [(8,), (16,)]}, effort="fast")
    >>> len(result.trials), result.metric, result.best.value <= result.trials[0].value
    (10, 'log_loss', True)
    """
    start = time.monotonic()
    _check(minutes, trials)
    options = TrainOptions(
        recipe=recipe, effort=effort, members=members, task=task, ignore=ignore, kinds=kinds, header=header,
        encoding=encoding, skip_bad_rows=skip_bad_rows, split=split, group=group, positive=positive,
        class_weight=class_weight, threshold=threshold, seed=seed, engine=engine, precision=precision, threads=threads,
        image_size=image_size, augment=augment,
    )  # fmt: skip
    inputs = TrainData(data, target, sample_weight, validation, test)
    work = _workload(inputs, options, space)
    path = None if folder is None else Path(folder)
    budget = Budget(start, 60.0 * minutes, work.final_factor, reading=time.monotonic() - start)
    description = _description(work)
    with nullcontext() if path is None else _held(path, description):
        study = Study(path, work.space, check_seed(options.seed), _checked_storage(storage), description)
        return _searched(work, path, study, inputs, options, budget, trials, on_progress)


def space_of(
    data: Any,
    target: Any = None,
    space: Mapping[str, Any] | None = None,
    validation: Any = None,
    test: Any = TEST_FRACTION,
    sample_weight: Any = None,
    **options: Any,
) -> Space:
    """What `search` would search with these arguments; see there."""
    inputs = TrainData(data, target, sample_weight, validation, test)
    return _workload(inputs, TrainOptions(**options), space).space


def _searched(
    work: Workload,
    path: Path | None,
    study: Study,
    inputs: TrainData,
    options: TrainOptions,
    budget: Budget,
    trials: int | None,
    on_progress: Callable[[SearchProgress], None] | None,
) -> Search:
    """Try what is proposed, and train the best with the whole recipe."""
    generations = Generations(work, study, budget, trials, on_progress)
    final = WholeRecipe(work, inputs, options, None if path is None else path / MODEL, budget)
    while True:
        generations.run()
        if generations.interrupted:
            break
        if final.model is None or budget.due() or (generations.complete and budget.improves()):
            final.train(best_of(generations.trials) or RECIPE_TRIAL)
        if final.ended or generations.complete or budget.ended():
            break
    best = final.trial or best_of(generations.trials) or RECIPE_TRIAL
    best = next((trial for trial in generations.trials if trial.number == best.number), best)
    code = _code(inputs.data, inputs.target, final.options_of(best))
    interrupted = generations.interrupted or final.interrupted
    notes = (*final.notes, *_notes(generations, best, interrupted))
    return Search(work.metric, generations.trials, best, work.space, final.model, code, interrupted, notes)


def _notes(generations: Generations, best: Trial, interrupted: bool) -> list[str]:
    """Why the search ended before its time, and what was found too late."""
    notes = []
    if generations.exhausted:
        notes.append("All settings of the space were tried; the search ended before its time.")
    better = best_of(generations.trials)
    if better is not None and better.number != best.number and not interrupted:
        notes.append(
            f"Trial {better.number} is better, and there was no time left to train the model with its settings; with "
            "the same folder and more minutes the search goes on."
        )
    return notes


def _check(minutes: Any, trials: Any) -> None:
    time_limit, count = as_number(minutes), as_integer(trials)
    if time_limit is None or not 0 < time_limit < float("inf"):
        raise InputError(f"minutes is {minutes!r}; it must be a number above 0.")
    if trials is not None and (count is None or count < 1):
        raise InputError(f"trials is {trials!r}; it must be an integer of at least 1, or None.")


def _checked_storage(storage: Any) -> str | Path | None:
    if storage is None or (isinstance(storage, (str, Path)) and str(storage).strip()):
        return storage
    raise InputError(
        f"storage is {storage!r}; it must be the path of an SQLite file or the URL of a database, or None."
    )


def _workload(inputs: TrainData, options: TrainOptions, space: Mapping[str, Any] | None) -> Workload:
    """The data and the options as `train` would take them."""
    fraction = VALIDATION_FRACTION if inputs.validation is None else inputs.validation
    return Workload.of(train_job(replace(inputs, validation=fraction), options, (), silent), space)


def _description(work: Workload) -> dict[str, Any]:
    """What decides a search; the threads do not."""
    options = {name: value for name, value in work.ready.options.to_dict().items() if name != "threads"}
    return {"space": space_lines(work.space), "options": options, **work.data()}


@contextmanager
def _held(folder: Path, description: dict[str, Any]) -> Iterator[None]:
    """Hold the folder of a search, which is made if it is missing and says what is searched."""
    from ranvier.storage.lock import locked

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'The search cannot be kept in "{folder}": {error.strerror or error}.') from error
    with locked(folder / "lock", f'the search in "{folder}"'):
        _describe(folder, description)
        yield


def _describe(folder: Path, description: dict[str, Any]) -> None:
    """Write down what is searched, or make sure that it is the same as before."""
    path = folder / DESCRIPTION
    text = json.dumps(description, indent=1, sort_keys=True) + "\n"
    if path.exists():
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f'"{path}" is damaged ({error}); give another folder.') from error
        # Folders of earlier versions have no digest of the data.
        if not isinstance(earlier, dict) or {"data": description["data"], **earlier} != json.loads(text):
            raise InputError(
                f'"{folder}" holds a search of other data, options or space; give the same as before to go on, or '
                "another folder."
            )
        return
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise InputError(f'The search cannot be kept in "{folder}": {error.strerror or error}.') from error


def _code(data: Any, target: Any, options: Mapping[str, Any]) -> str:
    """The call of `train` that gives the model."""
    usual = {field.name: field.default for field in fields(TrainOptions)}
    target = column_labels(data, target)
    parts = [repr(str(data)) if isinstance(data, (str, Path)) else "data"]
    if isinstance(target, (list, tuple)) and all(isinstance(name, str) for name in target) and len(target) < 2:
        target = target[0] if target else None
    if target is not None:
        parts.append(f"target={target!r}" if isinstance(target, str) or are_names(target) else "target=target")
    for name, original in options.items():
        value = plain_scalar(original)
        if isinstance(value, (Recipe, Task)) or hasattr(value, "shape") or hasattr(value, "columns"):
            parts.append(f"{name}={name}")
        elif isinstance(value, (Activation, Loss, Optimizer, Schedule)):
            parts.append(f"{name}={CALL.sub('rv.', repr(value))}")
        elif value is not None and value != usual.get(name):
            parts.append(f"{name}={value!r}")
    return f"rv.train({', '.join(parts)})"


def _trial_dict(trial: Trial) -> dict[str, Any]:
    return {field.name: _shown(getattr(trial, field.name)) for field in fields(trial)}


def _shown(value: Any) -> Any:
    """A value of an option for tables and JSON."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        return {name: _shown(part) for name, part in value.items()}
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
