"""fit_many: train networks with different settings side by side, each on a thread of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from ranvier import user_warnings
from ranvier.display.progress import sink_for
from ranvier.errors import InputError, nearest
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.fit import network_target
from ranvier.model.fit_options import FitOptions
from ranvier.model.model import Model
from ranvier.model.population import PopulationRows
from ranvier.model.rows import check_lengths
from ranvier.model.targets import column_names, target_array
from ranvier.model.trials import Trials
from ranvier.network.losses import Loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.network.schedules import Schedule
from ranvier.plural import plural
from ranvier.rows import as_inputs
from ranvier.training.side_by_side import usable_threads

TOGETHER = ("engine", "precision", "threads", "checkpoint", "progress")
"""Options of `fit` that all trials have in common."""
TRIAL_OPTIONS = (
    "network",
    "rows",
    "validation_rows",
    *(option.name for option in fields(FitOptions) if option.name not in TOGETHER),
)
"""What a trial may set."""


@in_usual_mode
def fit_many(
    network: Network,
    X: Any,
    y: Any,
    *,
    trials: Sequence[Mapping[str, Any]],
    loss: str | Loss | None = None,
    optimizer: str | Optimizer = "adam",
    schedule: str | Schedule = "constant",
    epochs: int = 10,
    batch_size: int = 32,
    validation: Any = None,
    callbacks: Sequence[Any] = (),
    metrics: Sequence[Any] = (),
    seed: int = 0,
    engine: str = "auto",
    precision: str = "float32",
    threads: int | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    shuffle: bool = True,
    progress: Any = None,
    checkpoint: str | Path | None = None,
    start: Model | Mapping[str, Any] | None = None,
) -> list[Model]:
    """Train many networks on the same rows, each with its own settings; as many at a time as there are threads.

    Each network is trained by one thread, without a barrier between steps, so that small networks use every core.
    Trial k has the bits of `network.fit(X[rows], y[rows], **common, **trial)`, alone and beside any others.

    Parameters:
        network: what to train.
        X, y: as for `fit`. Classes are those of all rows, also where a trial learns from some of them.
        trials: one dictionary for each network, of the options below that differ for it ("seed", "optimizer", "epochs",
            "class_weight", "callbacks", ...), and of three more:
            "network": another network with as many inputs and outputs, for another dropout rate or penalty, say;
            "rows": the indices of the rows that it learns from, (n,), such as a fold; weights are those of all rows;
            "validation_rows": the indices of its validation rows.
        threads: how many may work; None for RANVIER_THREADS, or every core. The results never depend on it.
        progress: None shows progress on a terminal, True always, False never; or a function that takes a `WorkEvent`
            after each network.
        checkpoint: a folder with a folder for each trial; calling again with the same arguments goes on from there.
        loss, optimizer, schedule, epochs, batch_size, validation: as for `fit`, for trials that do not say otherwise.
        callbacks, metrics, seed, engine, precision, sample_weight, class_weight, shuffle, start: as for `fit`, too.
            Functions of yours may be called by several threads at once.

    Returns the trained models in the order of the trials. After Ctrl-C each is the model so far, and networks that had
    not begun have their initial weights, which a warning tells.

    Raises:
        InputError: a trial has an unknown option, or an argument cannot be used as it is; the sentence names the trial.
        TrainingError: the loss or a parameter of a trial is no longer a finite number.

    Source: Graham, "Bounds for certain multiprocessing anomalies", Bell System Technical Journal 1966.

    >>> import numpy as np, ranvier as rv
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> network = rv.Network(inputs=2, layers=[rv.Dense(8, "tanh"), rv.Dense(2, "softmax")])
    >>> trials = [{"seed": seed, "optimizer": rv.Adam(rate)} for seed in (0, 1) for rate in (0.001, 0.1)]
    >>> models = rv.fit_many(network, X, [0, 1, 1, 0], trials=trials, epochs=100, batch_size=4)
    >>> [bool(model.history.loss[-1] < 0.1) for model in models]
    [False, True, False, True]
    """
    checked = _checked(trials)
    allowed = usable_threads(threads)
    workers = max(1, min(allowed, len(checked)))
    common = FitOptions(
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        epochs=epochs,
        batch_size=batch_size,
        validation=validation,
        callbacks=callbacks,
        metrics=metrics,
        seed=seed,
        engine=engine,
        precision=precision,
        threads=max(1, allowed // workers),
        sample_weight=sample_weight,
        class_weight=class_weight,
        shuffle=shuffle,
        checkpoint=checkpoint,
        start=start,
    )
    population = Trials(_population_rows(network, X, y, loss), checked, common)
    results, interrupted = population.train_all(workers, sink_for(progress))
    return _all_models(population, results) if interrupted else cast(list[Model], results)


def _checked(trials: Any) -> list[Mapping[str, Any]]:
    if isinstance(trials, Mapping) or not isinstance(trials, Sequence) or not trials:
        raise InputError(
            f"trials is {str(trials)[:60]!r}; it must be a list of dictionaries of options, one for each network."
        )
    for number, trial in enumerate(trials):
        if not isinstance(trial, Mapping):
            raise InputError(f"Trial {number} is {str(trial)[:60]!r}; it must be a dictionary of options.")
        unknown = next((name for name in trial if name not in TRIAL_OPTIONS), None)
        if unknown in TOGETHER:
            raise InputError(f'Trial {number} sets "{unknown}", which all trials have in common; give it to fit_many.')
        if unknown is not None:
            raise InputError(f'Trial {number} has the option "{unknown}". {nearest(str(unknown), TRIAL_OPTIONS)}')
        if "validation" in trial and "validation_rows" in trial:
            raise InputError(f"Trial {number} sets validation and validation_rows; give one of them.")
    return list(trials)


def _population_rows(network: Any, X: Any, y: Any, loss: str | Loss | None) -> PopulationRows:
    targets = target_array(y)
    network_target(network, targets, loss, column_names(y))  # refuses what does not fit, before any training
    inputs = as_inputs(X, network.inputs, finite=True)
    check_lengths(inputs, targets)
    return PopulationRows(network, inputs, targets, column_names(y))


def _all_models(trials: Trials, results: Sequence[Model | None]) -> list[Model]:
    """The models after Ctrl-C: a network that had not begun has its initial weights."""
    models = [
        trials.train_one(number, lambda: True) if model is None else model for number, model in enumerate(results)
    ]
    missing = sum(len(model.history) == 0 for model in models)
    if missing:
        user_warnings.warn(
            f"Interrupted: {plural(missing, 'network')} of {len(results)} had not begun and "
            f"{'has' if missing == 1 else 'have'} initial weights."
        )
    return models
