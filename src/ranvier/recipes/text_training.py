"""Training on texts: networks on two weightings of the terms, a linear model, judged on validation rows, merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.data.text.free_memory import give_back
from ranvier.network.losses import loss as find_loss
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.recipes.candidates import linear_layers
from ranvier.recipes.class_prior import class_prior_state
from ranvier.recipes.ensemble import (
    ended_by,
    is_unfinished,
    member_seed,
    member_summary,
    trainings_at_once,
)
from ranvier.recipes.merged_events import MergedEvents, renumbered
from ranvier.recipes.out_of_fold import divided, left_out_rows, row_losses
from ranvier.recipes.recipe import Trained, TrainingSetup
from ranvier.recipes.term_strength import scaled, unit_strengths
from ranvier.recipes.text_merge import Part, can_hold_linear, merge_parts
from ranvier.recipes.text_parts import TextParts
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.rows.inputs import bytes_of, view_of
from ranvier.training.callbacks import EarlyStopping, after_seconds
from ranvier.training.events import NoteEvent, tee
from ranvier.training.held_out import HeldOut
from ranvier.training.history import History
from ranvier.training.in_turn import JobContext, run_in_turn
from ranvier.training.inference import outputs_of
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.loop import final_parameters
from ranvier.training.runner import run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.side_by_side import usable_threads
from ranvier.training.standard_error import mean_and_error
from ranvier.training.temperature import inverse_temperature
from ranvier.training.watching import stopped_by_viewer

Array = NDArray[Any]
MAX_BYTES, ARRAYS = 640 << 20, 5
"""So many bytes may trainings side by side take: of one, its rows and five arrays of parameters and their state."""
IDF, RATIO, LINEAR = "TF-IDF network", "log-ratio network", "linear model"


@record(eq=False)
class Member:
    """One of the networks: its name, what it is, how it is trained, whether it sees terms times their strengths."""

    name: str
    network: Network
    settings: TrainSettings
    strengthened: bool


@record(eq=False)
class Result:
    """A trained member, without its optimizer state, which is as large as several networks.

    Fields:
        member, parameters: what was trained.
        history, engine, summary: its epochs, the engine that ran them, and what a report says of it.
        text, ended_by: how training ended; why a callback ended the whole run with it, empty where none did.
        ends, unfinished: whether no other one is trained, and whether it was broken off itself.
        logits, factor: on the validation rows, calibrated by this factor; None and 1 without such rows.
    """

    member: Member
    parameters: Array
    history: History
    engine: str
    summary: dict[str, Any]
    text: str
    ended_by: str
    ends: bool
    unfinished: bool
    logits: Array | None
    factor: float


@dataclass(slots=True)
class Training:
    """What all members share: the rows with and without strengths, the task, who listens, where states are saved."""

    task: Task
    target: TargetEncoder | None
    events: MergedEvents
    checkpoint: Path | None
    strengths: Array

    def run(self, members: Sequence[tuple[str, Member]], rows: Rows, validation: Rows | None) -> Iterator[Result]:
        """Train members on rows, each with the name of its folder; gives the results in order."""
        settings = [member.settings.on(rows.inputs) for _, member in members]
        networks = [member.network for _, member in members]
        at_once = min(
            trainings_at_once(member.network, member_settings, len(members), rows)
            for (_, member), member_settings in zip(members, settings, strict=True)
        )
        at_once = max(min(at_once, MAX_BYTES // max(_bytes_of_one(network, rows) for network in networks)), 1)
        jobs = (partial(self._train, member, rows, validation, name) for name, member in members)
        threads = usable_threads(settings[0].threads)
        self.events.at_once = at_once
        for result in run_in_turn(jobs, at_once, threads, lambda position, event: self.events(event)):
            self.events.member_ended(result.history, result.ended_by)
            self.events.number += 1
            yield result

    def _train(self, member: Member, rows: Rows, validation: Rows | None, name: str, context: JobContext) -> Result:
        if member.strengthened:
            rows = self._strengthened(_viewed(rows, member.settings))
            validation = None if validation is None else self._strengthened(validation)
        give_back()
        folder = None if self.checkpoint is None else self.checkpoint / name
        state = class_prior_state(member.network, member.settings.optimizer, self.task, rows, member.settings.seed)
        options: dict[str, Any] = {"target": self.target, "state": state, "checkpoint": folder, **context.options()}
        settings = member.settings.on(rows.inputs)
        settings = replace(settings, callbacks=after_seconds(settings.callbacks, self.events.seconds))
        run = run_training(member.network, settings, self.task, rows, validation, **options)
        flat = final_parameters(run.outcome.state, settings.optimizer, member.network)
        outcome = run.outcome
        unfinished = is_unfinished(run, settings) or stopped_by_viewer()
        summary = {"name": member.name, **member_summary(run)}
        ends = (outcome.text, ended_by(run), unfinished or outcome.state.ends_run, unfinished)
        ended = (outcome.state.history, run.engine, summary, *ends)
        if validation is None:
            return Result(member, flat, *ended, None, 1.0)
        outputs = outputs_of(member.network, settings, flat, validation.inputs)
        factor = inverse_temperature(self.task, outputs, validation.targets, validation.weights)
        return Result(member, flat, *ended, factor * logits_of(self.task, outputs), factor)

    def _strengthened(self, rows: Rows) -> Rows:
        return replace(rows, inputs=scaled(rows.inputs, self.strengths))


def train_on_texts(recipe: TextParts, setup: TrainingSetup) -> Trained:
    """Train the members, choose by the validation rows which ones are merged, and train these again on all rows.

    Parameters:
        recipe: how many networks, and whether they are trained again.
        setup: of the network on TF-IDF; without validation rows a fold of the rows is taken.
    """
    settings, task, rows, validation = setup.settings, setup.task, setup.rows, setup.validation
    n_folds = recipe.folds_for(len(rows))
    left_out = next(left_out_rows(task, rows, validation, 1, n_folds, settings.seed))
    learned, evaluation = _divided(rows, validation, left_out, settings)
    give_back()
    strengths = unit_strengths(task, learned)
    members = members_of(recipe, setup.network, settings, task, evaluation is not None)
    again = validation is None and evaluation is not None and recipe.trains_again(rows, settings)
    n_runs = len(members) * (1 + again * recipe.n_seeds)
    events = MergedEvents(tee(setup.sinks), n_runs, settings.epochs)
    training = Training(task, setup.target, events, setup.checkpoint, strengths)
    results: list[Result] = []
    named = [(f"network-{number + 1}", member) for number, member in enumerate(members)]
    for result in training.run(named, learned, evaluation):
        if not (result.unfinished and results):
            results.append(result)
        if result.ends:
            break
    if len(results) < len(members) or results[-1].ends:
        return _finished(training, results, results, 1.0, "", True)
    best, factor, note = choose(task, results, evaluation)
    if note:
        tee(setup.sinks)(NoteEvent(note))
    finals, held_out, linear = best, _held_out(task, best, evaluation, factor), _linear(results, strengths)
    if again:
        training.strengths = unit_strengths(task, rows)
        repeated = _trained_again(training, best, rows, recipe.n_seeds)
        if repeated is None:
            training.strengths = strengths
            return _finished(training, results, best, factor, note, True)
        best = finals = repeated
        # Of the first ones only the history is asked for from here on, and their parameters are large.
        results = [*(replace(result, parameters=result.parameters[:0].copy()) for result in results), *repeated]
    finished = _finished(training, results, finals, factor, note, False)
    return replace(finished, held_out=held_out, linear=linear)


def _divided(
    rows: Rows, validation: Rows | None, left_out: NDArray[np.int64] | None, settings: TrainSettings
) -> tuple[Rows, Rows | None]:
    """The training and validation rows of all members, the former as a view of all rows."""
    if left_out is None:
        return rows, validation
    return divided(_viewed(rows, settings), None, left_out)[0], rows.take(left_out)


def _viewed(rows: Rows, settings: TrainSettings) -> Rows:
    """The rows with a view in the place of their CSR block, which takes no copy of its entries where some are taken.

    An optimizer of all rows at once reads them in every step, so that it gets them as they are.
    """
    csr = None if settings.optimizer.full_batch else view_of(rows.inputs)
    return rows if csr is None else replace(rows, inputs=Inputs(rows.inputs.block, csr))


def _linear(results: Sequence[Result], strengths: Array) -> tuple[Network, Array] | None:
    """The linear model that was trained on the rows that are not for validation."""
    linear = next((result for result in results if result.member.name == LINEAR), None)
    if linear is None:
        return None
    member_strengths = strengths if linear.member.strengthened else None
    return merge_parts([Part(linear.member.network, linear.parameters, linear.factor, member_strengths)])


def _held_out(task: Task, members: Sequence[Result], validation: Rows | None, factor: float) -> HeldOut | None:
    """The outputs of the chosen members, merged, for the validation rows."""
    if validation is None or any(result.logits is None for result in members):
        return None
    return HeldOut(probabilities_of(task, factor * _mean_logits(members)), validation.targets, validation.weights)


def members_of(
    recipe: TextParts, network: Network, settings: TrainSettings, task: Task, validated: bool
) -> list[Member]:
    """The members: two networks on TF-IDF without and with strengths, and a linear model with strengths."""
    linear = Network(network.inputs, linear_layers(network))
    linear_settings = _smoothed(recipe.linear_settings(settings), task, recipe.linear_label_smoothing)
    members = [
        Member(IDF, network, settings, False),
        Member(RATIO, network, _smoothed(settings, task, recipe.label_smoothing), True),
        Member(LINEAR, linear, linear_settings, True),
    ]
    if len(network.layers) == 1:
        return members[2:]
    if not validated and not can_hold_linear(network):
        return members[:2]
    return members


def choose(task: Task, results: Sequence[Result], validation: Rows | None) -> tuple[list[Result], float, str]:
    """The members that are merged, the factor of the mean of their logits, and a sentence on them.

    All are merged, unless fewer have a smaller loss on the validation rows by more than the standard error of the
    difference.
    """
    everything = [result for result in results if _fits(results, [result])]
    if validation is None or any(result.logits is None for result in results):
        return everything, 1.0, ""
    options = [
        list(members)
        for count in range(len(results), 0, -1)
        for members in combinations(results, count)
        if _fits(results, members)
    ]
    losses = [row_losses(task, _mean_logits(members), validation.targets) for members in options]
    best = 0
    weights = validation.weights
    means = [mean_and_error(values, weights)[0] for values in losses]
    smallest = int(np.argmin(means))
    gain, error = mean_and_error(losses[0] - losses[smallest], weights)
    if gain > error:
        best = smallest
    members = options[best]
    outputs = probabilities_of(task, _mean_logits(members))
    factor = inverse_temperature(task, outputs, validation.targets, weights)
    linear = next(result for result in results if result.member.name == LINEAR)
    assert linear.logits is not None
    alone, _ = mean_and_error(row_losses(task, linear.logits, validation.targets), weights)
    measure = "mean squared error" if task.kind == "regression" else "log loss"
    names = [result.member.name for result in members]
    what = f"{', '.join(names[:-1])} and {names[-1]} are merged" if len(names) > 1 else f"The {names[0]} is taken alone"
    note = (
        f"{what}: {measure} {means[best]:.4g} on {len(validation):,} validation rows; the linear model "
        f"alone has {alone:.4g}."
    )
    return members, factor, note[0].upper() + note[1:]


def _trained_again(training: Training, best: Sequence[Result], rows: Rows, n_seeds: int) -> list[Result] | None:
    """The chosen members on all rows, for the epochs that were best; None where the run ended with one."""
    again, factors = [], []
    for seed in range(n_seeds):
        for number, result in enumerate(best):
            member = result.member
            if seed and member.name == LINEAR:
                continue
            epochs = max(result.summary["best_epoch"] or member.settings.epochs, 1)
            callbacks = [callback for callback in member.settings.callbacks if not isinstance(callback, EarlyStopping)]
            settings = replace(
                member.settings,
                epochs=epochs,
                callbacks=tuple(callbacks),
                seed=member_seed(member.settings.seed, seed + 1),
            )
            again.append((f"again-{seed + 1}-{number + 1}", replace(member, settings=settings)))
            factors.append(result.factor)
    repeated: list[Result] = []
    for repeat in training.run(again, rows, None):
        if repeat.ends:
            return None
        repeated.append(replace(repeat, factor=factors[len(repeated)]))
    return repeated if len(repeated) == len(again) else None


def _finished(
    training: Training, results: list[Result], merged: Sequence[Result], factor: float, note: str, ended: bool
) -> Trained:
    """The merged network of some results, with the history of all; `ended` says whether not all are there."""
    kinds = {result.member.name for result in merged}
    parts = []
    for result in merged:
        same = sum(other.member.name == result.member.name for other in merged)
        fraction = factor * result.factor / (len(kinds) * same)
        strengths = training.strengths if result.member.strengthened else None
        parts.append(Part(result.member.network, result.parameters, fraction, strengths))
    network, flat = merge_parts(parts)
    history = History(renumbered((result.history for result in results), training.events))
    interrupted = ended and not training.events.ended_by
    text = f"{len(results)} networks are trained."
    if interrupted:
        text = results[-1].text if results[-1].ends else f"Interrupted after {plural(len(results), 'network')}."
    text = training.events.text_of_end(len(merged)) if training.events.ended_by else text
    training.events.end(text, interrupted, history)
    members = tuple({**result.summary, "merged": result in merged} for result in results)
    engine = results[-1].engine
    notes = (note,) if note else ()
    return Trained(network, flat, history, engine, text, interrupted, members, 1.0 / factor, notes=notes)


def _fits(results: Sequence[Result], members: Sequence[Result]) -> bool:
    """Whether these members can be merged into one network."""
    linear = [result for result in members if result.member.name == LINEAR]
    hidden = next((result.member.network for result in results if result.member.name != LINEAR), None)
    return not linear or len(linear) == len(members) or hidden is None or can_hold_linear(hidden)


def _bytes_of_one(network: Network, rows: Rows) -> int:
    """How much memory a training takes, about."""
    return bytes_of(rows.inputs) + ARRAYS * 4 * network.parameter_count


def _smoothed(settings: TrainSettings, task: Task, smoothing: float) -> TrainSettings:
    """The settings with label smoothing, where the loss is the usual one of classes."""
    usual = settings.loss.name in ("categorical_cross_entropy", "binary_cross_entropy")
    if task.kind not in ("binary", "multiclass") or not usual or settings.loss != find_loss(settings.loss.name):
        return settings
    return replace(settings, loss=find_loss(settings.loss.name, label_smoothing=smoothing))


def _mean_logits(members: Sequence[Result]) -> NDArray[np.float64]:
    logits = [result.logits for result in members if result.logits is not None]
    mean: NDArray[np.float64] = np.mean(logits, axis=0)
    return mean
