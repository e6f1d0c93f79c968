"""Trials of `fit_many` in blocks: small networks that differ in numbers alone are trained together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ranvier.data import TargetEncoder
from ranvier.errors import InputError, RanvierError
from ranvier.model.fit import build_model, fit_rows, train_settings
from ranvier.model.fit_options import FitOptions
from ranvier.model.later_models import ModelBlock
from ranvier.model.model import Model
from ranvier.model.population import InitialWeights, OpenTrainings, PopulationRows, Trial, identity
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.network.structure import network_structure, optimizer_structure
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.callbacks import as_callbacks
from ranvier.training.conformal import Conformal
from ranvier.training.epoch_metrics import EpochMetrics, as_metrics
from ranvier.training.events import Sink, WorkEvent, silent
from ranvier.training.member_checkpoints import CheckpointedMember, MemberCheckpoints, member_checkpoints
from ranvier.training.member_states import MemberStates
from ranvier.training.member_stopping import all_early_stopping
from ranvier.training.members import MemberRows
from ranvier.training.runner import SharedResources, requested_metrics
from ranvier.training.settings import TrainSettings
from ranvier.training.side_by_side import run_side_by_side

MAX_BLOCK = 32
"""So many trials are trained together at most: then little of the time is left that is around their steps."""
MAX_BLOCK_PRODUCTS = 2**28
"""An epoch of a block multiplies about so often at most, since Ctrl-C is heard between epochs."""
MAX_BLOCK_NUMBERS = 2**22
"""The rows of a block and the outputs of its networks for them are about so many numbers at most."""
OWN_ROWS = ("rows", "validation_rows", "validation", "sample_weight", "class_weight")
"""What decides the rows of a trial: those of one block may differ, if they are as many."""
BLOCKS_A_WORKER = 4
"""Workers have so many blocks at least, so that they end at about the same time."""


@record(eq=False)
class _ReadyTrial:
    """A trial that can begin.

    Fields: `number`; `network`, `target`, `training`, `rows`, `validation`, `options` as for `fit_rows`.
    """

    number: int
    network: Network
    target: TargetEncoder
    training: TrainSettings
    rows: Rows
    validation: Rows | None
    options: FitOptions


class Trials:
    """Trains the networks of trials.

    Parameters:
        population: the rows.
        trials: one dictionary of options for each.
        common: the options of all that do not say otherwise.
    """

    def __init__(self, population: PopulationRows, trials: Sequence[Mapping[str, Any]], common: FitOptions) -> None:
        self._population, self._open = population, OpenTrainings()
        self._trials = [Trial.of(population.network, common, trial) for trial in trials]
        by_network: dict[Network, list[int]] = {}
        for number, trial in enumerate(self._trials):
            if isinstance(trial.network, Network):
                by_network.setdefault(trial.network, []).append(number)
        self._shared: dict[int, SharedResources] = {}
        for network, numbers in by_network.items():
            weights = InitialWeights(network, [self._trials[number].options.seed for number in numbers])
            for position, number in enumerate(numbers):
                self._shared[number] = SharedResources(weights.of(position), population.upload)

    def train_all(self, workers: int, sink: Sink) -> tuple[list[Model | None], bool]:
        """Train all networks, and tell of each.

        Returns the models, None for networks that had not begun when the user stopped, and whether Ctrl-C was pressed.
        """
        blocks = self.blocks(workers)
        models: list[Model | None] = [None] * len(self._trials)
        done = 0
        sink(WorkEvent("Training networks", done, len(models)))

        def report(number: int, trained: list[Model | None]) -> None:
            nonlocal done
            for at, model in zip(blocks[number], trained, strict=True):
                models[at] = model
                if model is not None:
                    done += 1
                    sink(WorkEvent("Training networks", done, len(models)))

        _, interrupted = run_side_by_side([partial(self.train, block) for block in blocks], workers, report)
        return models, interrupted

    def blocks(self, workers: int) -> list[list[int]]:
        """The numbers of the trials in blocks, each to be trained by one of so many workers."""
        groups: dict[Any, list[int]] = {}
        for number, trial in enumerate(self._trials):
            groups.setdefault(_group_of(trial) or number, []).append(number)
        blocks = []
        most = max(1, min(MAX_BLOCK, -(-len(self._trials) // (BLOCKS_A_WORKER * workers))))
        for numbers in groups.values():
            size = min(most, self._most_together(self._trials[numbers[0]].network)) if len(numbers) > 1 else 1
            blocks += [numbers[at : at + size] for at in range(0, len(numbers), size)]
        return sorted(blocks)

    def _most_together(self, network: Network) -> int:
        """How many trials of a network a block may have."""
        inputs, rows = self._population.inputs, len(self._population.targets)
        products = network.macs * rows
        numbers = (inputs.n_dense + 2 * (inputs.mean_nnz or 0) + 4 * network.outputs) * rows
        return max(1, min(MAX_BLOCK_PRODUCTS // max(1, products), MAX_BLOCK_NUMBERS // max(1, numbers)))

    def train(self, numbers: Sequence[int], stop_requested: Callable[[], bool]) -> list[Model | None]:
        """Train the networks of a block; gives None for those that had not begun when the user stopped."""
        models: dict[int, Model | None] = {}
        if len(numbers) > 1:
            for together in _alike([self._ready(number) for number in numbers]):
                # What is wrong with a trial is said by its own training.
                with suppress(RanvierError):
                    models |= self._train_together(together, stop_requested)
        for number in numbers:
            if number not in models:
                late = bool(models) and stop_requested()
                models[number] = None if late else self.train_one(number, stop_requested)
        return [models[number] for number in numbers]

    def train_one(self, number: int, stop_requested: Callable[[], bool]) -> Model:
        """Train the network of one trial."""
        ready = self._ready(number)
        with _errors_of(number):
            return self._fit(ready, stop_requested)

    def _ready(self, number: int) -> _ReadyTrial:
        trial, population = self._trials[number], self._population
        with _errors_of(number):
            network, options = trial.network, trial.options
            if (network.inputs, network.outputs) != (population.network.inputs, population.network.outputs):
                raise InputError(
                    f"its network has {network.inputs} inputs and {network.outputs} outputs, and that of fit_many "
                    f"{population.network.inputs} and {population.network.outputs}; they must have as many."
                )
            target = population.target(network, options.loss)
            training = train_settings(network, target, options)
            rows, validation = population.rows(trial, target, training)
            return _ReadyTrial(number, network, target, training.on(rows.inputs), rows, validation, options)

    def _train_together(
        self, ready: Sequence[_ReadyTrial], stop_requested: Callable[[], bool]
    ) -> dict[int, Model | None]:
        """The models of trials that were trained together, by number; without those to be trained by themselves."""
        models: dict[int, Model | None] = {}
        if len(ready) > 1:
            with member_checkpoints(self._checkpoints(ready)) as checkpoints:
                for numbers in checkpoints.together(len(ready)):
                    trials = [ready[number] for number in numbers]
                    models |= self._train_members(trials, checkpoints.of(numbers), stop_requested)
        return models

    def _train_members(
        self, ready: Sequence[_ReadyTrial], checkpoints: MemberCheckpoints, stop_requested: Callable[[], bool]
    ) -> dict[int, Model | None]:
        """The models of trials that come equally far, by number; empty where each is to be trained by itself."""
        first, members = ready[0], [(trial.network, trial.training) for trial in ready]
        if len(ready) < 2 or stop_requested():
            return {}
        requested = requested_metrics(as_metrics(first.options.metrics), first.training)
        validation = [trial.validation for trial in ready if trial.validation is not None]
        rows = MemberRows(
            [trial.rows for trial in ready],
            validation or None,
            EpochMetrics(first.target, requested),
            self._population.upload,
        )
        trained = self._open.train_members(members, first.target, rows, stop_requested, checkpoints)
        if trained is None:
            return {}
        states, engine = trained
        conformals = [
            None if trial.validation is None else self._conformal(trial, states, number, engine)
            for number, trial in enumerate(ready)
        ]
        networks, trainings = ([getattr(trial, name) for trial in ready] for name in ("network", "training"))
        block = ModelBlock(networks, trainings, first.target, states, engine, conformals if validation else ())
        return {trial.number: block.model(number) for number, trial in enumerate(ready)}

    def _conformal(self, trial: _ReadyTrial, states: MemberStates, number: int, engine: str) -> Conformal | None:
        """What the intervals of a model with validation rows are made of."""
        parts = (trial.network, trial.target, trial.training, states[number], engine)
        return build_model(*parts, trial.validation, states.take_outputs(number)).conformal

    def _folder(self, number: int) -> Path | None:
        """Where the states of a trial are saved."""
        checkpoint = self._trials[number].options.checkpoint
        return None if checkpoint is None else Path(checkpoint) / f"trial-{number}"

    def _checkpoints(self, ready: Sequence[_ReadyTrial]) -> list[CheckpointedMember]:
        """What says where the states of trials are saved; empty where they are not."""
        folders = [(self._folder(trial.number), trial) for trial in ready]
        return [
            CheckpointedMember(folder, trial.network, trial.training, trial.rows, trial.validation)
            for folder, trial in folders
            if folder is not None
        ]

    def _fit(self, ready: _ReadyTrial, stop_requested: Callable[[], bool]) -> Model:
        network, target, training, options = ready.network, ready.target, ready.training, ready.options
        shared = self._shared[ready.number]
        if ready.validation is None and _is_plain(options):
            ended = self._open.train(network, target, training, ready.rows, shared, stop_requested)
            if ended is not None:
                state, engine = ended
                return build_model(network, target, training, state, engine)
        options = replace(options, checkpoint=self._folder(ready.number))
        return fit_rows(
            network,
            target,
            training,
            ready.rows,
            ready.validation,
            options,
            silent,
            stop_requested=stop_requested,
            shared=shared,
        )


@contextmanager
def _errors_of(number: int) -> Iterator[None]:
    """Errors say which trial they are of."""
    try:
        yield
    except RanvierError as error:
        raise type(error)(f"Trial {number}: {error}") from error


def _is_plain(options: FitOptions) -> bool:
    """Whether nothing is measured, saved or begun elsewhere."""
    return options.checkpoint is None and options.start is None and not len(options.metrics)


def _group_of(trial: Trial) -> Any:
    """What trials of one block have in common; None for a trial that is trained by itself."""
    options, network = trial.options, trial.network
    if options.start is not None or not isinstance(network, Network):
        return None
    try:
        looks = as_callbacks(options.callbacks), as_metrics(options.metrics)
        hash(looks)
    except (RanvierError, TypeError):
        # Its own training says what is wrong.
        return None
    if not all_early_stopping(looks[0]):
        return None
    optimizer = options.optimizer
    optimizer = optimizer_structure(optimizer) if isinstance(optimizer, Optimizer) else identity(optimizer)
    differences = frozenset(
        difference for difference in trial.differences if difference[0] not in (*OWN_ROWS, "callbacks", "metrics")
    )
    return network_structure(network), optimizer, looks, differences


def _alike(ready: Sequence[_ReadyTrial]) -> list[list[_ReadyTrial]]:
    """Trials whose rows are as many, trained and validated, with weights or without."""
    groups: dict[Any, list[_ReadyTrial]] = {}
    for trial in ready:
        validated = None if trial.validation is None else len(trial.validation)
        key = id(trial.target), len(trial.rows), trial.rows.weights is None, validated
        groups.setdefault(key, []).append(trial)
    return list(groups.values())
