"""search: try many settings on the same rows, the promising ones longer, and train the best with the whole recipe."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ranvier.errors import InputError
from ranvier.model.model import Model
from ranvier.model.target_option import are_names, column_labels
from ranvier.model.train import TrainData, train, train_job
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
from ranvier.tuning.generations import Budget, SearchProgress, best_of, rank, run_generations
from ranvier.tuning.space import SEARCHABLE, Space, space_lines
from ranvier.tuning.study import LAST_RUNG, Study, Trial
from ranvier.tuning.workload import Workload

DESCRIPTION = "search.json"
MODEL = "best.rv"
OWN_OPTIONS = tuple(
    field.name for field in fields(TrainOptions) if field.name not in (*SEARCHABLE, "target", "validation", "test")
)
"""Options of `train` that a search takes and hands on as they are."""
CALL = re.compile(r"(?<![\w.])(?=[A-Za-z_]\w*\()")
"""Before the name of what a text calls."""


@record(eq=False)
class Search:
    """What a search found.

    Fields:
        metric: what trials are compared by, on the same validation rows: "log_loss" or "rmse"; less is better.
        trials: all that were tried, in order; trial 0 has the recipe's own settings.
        best: the best of those that were trained to the end.
        space: what was searched.
        model: trained with the best settings and the whole recipe; None after Ctrl-C.
        code: the call of `rv.train` that gives this model again, bit by bit.
        interrupted: whether Ctrl-C ended it; the same call with the same folder goes on.

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


def search(
    data: Any,
    target: Any = None,
    *,
    minutes: float = 5.0,
    trials: int | None = None,
    space: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    on_progress: Callable[[SearchProgress], None] | None = None,
    recipe: str | Recipe = "auto",
    effort: str = "default",
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
    Trials are compared on the same validation rows; test rows are measured once, with the final model.

    Parameters:
        minutes: how long, with the training of the final model, which is estimated from the trials.
        trials: how many at most, rounded up to whole generations; None for no limit but the time.
        space: option -> (low, high), [values], one value, or None to leave it out; options that are not mentioned are
            searched around what the recipe takes. Names as in `train`: hidden, activation, dropout, loss, optimizer,
            learning_rate, schedule, weight_decay, clip_norm, epochs, batch_size, patience.
        folder: keeps the trials and the model, best.rv; the same call goes on there. None keeps them in memory.
        on_progress: called after the trial of the recipe's own settings, and after each generation.
        recipe, effort, task, test, ignore, kinds, header, encoding, skip_bad_rows, split, group: as for `train`.
        positive, sample_weight, class_weight, threshold, seed, engine, precision, threads: as for `train`.
        image_size, augment: as for `train`.
        validation: rows that trials are compared on: a fraction of the rows, a file or table, or a tuple (X, y); None
            takes a fifth of the training rows.

    Returns what was found; after Ctrl-C the trials so far, without a model.

    Raises:
        InputError: the data, the target or an option cannot be used, or Optuna is not installed.

    Source: Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016.

    >>> found = search("iris", minutes=1, trials=9, space={"hidden": [(8,), (16,)]}, effort="fast")
    >>> len(found.trials), found.metric, found.best.value <= found.trials[0].value
    (10, 'log_loss', True)
    """
    begun = time.monotonic()
    _check(minutes, trials)
    options = TrainOptions(
        recipe=recipe, effort=effort, task=task, ignore=ignore, kinds=kinds, header=header, encoding=encoding,
        skip_bad_rows=skip_bad_rows, split=split, group=group, positive=positive, class_weight=class_weight,
        threshold=threshold, seed=seed, engine=engine, precision=precision, threads=threads, image_size=image_size,
        augment=augment,
    )  # fmt: skip
    inputs = TrainData(data, target, sample_weight, validation, test)
    work = _workload(inputs, options, space)
    path = None if folder is None else Path(folder)
    budget = Budget(begun, 60.0 * minutes, work.final_factor, time.monotonic() - begun)
    return _searched(work, path, inputs, options, budget, trials, on_progress)


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
    inputs: TrainData,
    options: TrainOptions,
    budget: Budget,
    trials: int | None,
    on_progress: Callable[[SearchProgress], None] | None,
) -> Search:
    """Try what is proposed, and train the best with the whole recipe."""
    if path is not None:
        _describe(path, _description(work))
    study = Study(path, work.space, check_seed(options.seed))
    tried, interrupted = run_generations(work, study, budget, trials, on_progress)
    best = best_of(tried) or Trial(0, {}, None, LAST_RUNG, 0.0, 0, 0)
    final = {name: getattr(options, name) for name in OWN_OPTIONS}
    final |= {"test": inputs.test, "sample_weight": inputs.sample_weight, **best.options}
    if inputs.validation is not None:
        final["validation"] = inputs.validation
    code = _code(inputs.data, inputs.target, final)
    model = None
    if not interrupted:
        saved = None if path is None else path / MODEL
        model = train(inputs.data, inputs.target, **final, progress=False, model=saved)
    return Search(work.metric, tried, best, work.space, model, code, interrupted)


def _check(minutes: Any, trials: Any) -> None:
    time_limit, count = as_number(minutes), as_integer(trials)
    if time_limit is None or not 0 < time_limit < float("inf"):
        raise InputError(f"minutes is {minutes!r}; it must be a number above 0.")
    if trials is not None and (count is None or count < 1):
        raise InputError(f"trials is {trials!r}; it must be an integer of at least 1, or None.")


def _workload(inputs: TrainData, options: TrainOptions, space: Mapping[str, Any] | None) -> Workload:
    """The data and the options as `train` would take them."""
    fraction = VALIDATION_FRACTION if inputs.validation is None else inputs.validation
    return Workload.of(train_job(replace(inputs, validation=fraction), options, (), silent), space)


def _description(work: Workload) -> dict[str, Any]:
    """What decides a search; the threads do not."""
    options = {name: value for name, value in work.ready.options.to_dict().items() if name != "threads"}
    return {"space": space_lines(work.space), "options": options, **work.data()}


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
        folder.mkdir(parents=True, exist_ok=True)
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
