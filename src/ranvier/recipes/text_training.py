"""Training on texts: networks on two weightings of the terms, a linear model, evaluated on rows left out, merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.losses import loss as find_loss
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.recipes.candidates import linear_layers
from ranvier.recipes.ensemble import member_seed
from ranvier.recipes.merged_events import MergedEvents, renumbered
from ranvier.recipes.out_of_fold import divided, left_out_rows, possible_folds, row_losses
from ranvier.recipes.recipe import Trained, TrainingSetup
from ranvier.recipes.text_members import IDF, LINEAR, RATIO, Member, Result, Training, viewed
from ranvier.recipes.text_merge import Part, can_hold_linear, merge_parts
from ranvier.recipes.text_parts import TextParts
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.callbacks import EarlyStopping
from ranvier.training.events import NoteEvent, tee
from ranvier.training.held_out import HeldOut
from ranvier.training.history import History
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.settings import TrainSettings
from ranvier.training.standard_error import mean_and_error
from ranvier.training.temperature import inverse_temperature

Array = NDArray[Any]


@record(eq=False)
class Evaluated:
    """A member, and what the rows say that it was not trained on.

    Fields:
        result: the member, trained without some of these rows.
        factor: what calibrates its logits; 1 without such rows.
        epochs: how many are best.
        logits: for these rows, calibrated by this factor; None without such rows.
    """

    result: Result
    factor: float
    epochs: int
    logits: Array | None

    @property
    def member(self) -> Member:
        """What was trained."""
        return self.result.member

    def part(self, fraction: float) -> Part:
        """What it is in a merged network, with a fraction of its calibrated logits."""
        result = self.result
        return Part(self.member.network, result.parameters, fraction * self.factor, result.strengths)


def train_on_texts(recipe: TextParts, setup: TrainingSetup) -> Trained:
    """Train the members, choose by rows left out which ones are merged, and train these again on all rows.

    Where a fold has few rows, the members are trained without another one, too, until enough rows were left out.

    Parameters:
        recipe: how many networks, and whether they are trained again.
        setup: of the network on TF-IDF; without validation rows folds of the rows are taken.
    """
    settings, task, rows = setup.settings, setup.task, setup.rows
    folds = _folds(recipe, setup)
    validated = setup.validation is not None or folds[0] is not None
    members = members_of(recipe, setup.network, settings, task, validated)
    again = folds[0] is not None and recipe.trains_again(rows, settings)
    n_runs = len(members) * (len(folds) + again * recipe.n_seeds)
    events = MergedEvents(tee(setup.sinks), n_runs, settings.epochs)
    training = Training(task, setup.target, events, setup.checkpoint)
    results: list[Result] = []
    for left_out in folds:
        fold = _trained_without(left_out, training, members, setup, len(results))
        results += fold
        if len(fold) < len(members) or fold[-1].ends:
            break
    complete = len(results) // len(members)
    held = _held_rows(setup, folds[: max(complete, 1)])
    n = len(members)
    best = [evaluate(task, results[at::n][: max(complete, 1)], held) for at in range(min(n, len(results)))]
    if not complete:
        return _finished(training, results, best, 1.0, "", True)
    linear = _linear(best)
    best, factor, note = choose(task, best, held)
    if note:
        tee(setup.sinks)(NoteEvent(note))
    held_out = _held_out(task, best, held, factor, complete > 1)
    ended = results[-1].ends or complete < len(folds)
    if again and not ended:
        repeated = _trained_again(training, best, rows, recipe.n_seeds)
        ended = repeated is None
        if repeated is not None:
            best = repeated
            # Of the first ones only the history is asked for from here on, and their parameters are large.
            results = [*(result.without_parameters() for result in results), *(entry.result for entry in repeated)]
    finished = _finished(training, results, best, factor, note, ended)
    return finished if ended else replace(finished, held_out=held_out, linear=linear)


def _folds(recipe: TextParts, setup: TrainingSetup) -> list[NDArray[np.int64] | None]:
    """Which rows each training of the members leaves out; a single None where it is none of them."""
    rows = setup.rows
    n_folds = possible_folds(rows, recipe.folds_for(len(rows)))
    count = 1 if setup.validation is not None else min(recipe.validations_for(len(rows)), n_folds)
    # Several folds share no rows, so that each row is evaluated once.
    return list(left_out_rows(setup.task, rows, setup.validation, count, n_folds, setup.settings.seed, count == 1))


def _trained_without(
    left_out: NDArray[np.int64] | None,
    training: Training,
    members: Sequence[Member],
    setup: TrainingSetup,
    n_before: int,
) -> list[Result]:
    """The members, trained without some rows, as far as they were finished; of the first fold alone with parameters."""
    learned, evaluation = setup.rows, setup.validation
    if left_out is not None:
        learned = divided(viewed(setup.rows, setup.settings), None, left_out)[0]
        evaluation = setup.rows.take(left_out)
    results: list[Result] = []
    named = [(f"network-{n_before + number + 1}", member) for number, member in enumerate(members)]
    for result in training.run(named, learned, evaluation):
        if not (result.unfinished and (n_before or results)):
            results.append(result.without_parameters() if n_before else result)
        if result.ends:
            break
    return results


def _held_rows(setup: TrainingSetup, folds: Sequence[NDArray[np.int64] | None]) -> Rows | None:
    """The rows that the members are evaluated on, one fold's after the other's, without inputs."""
    index = [left_out for left_out in folds if left_out is not None]
    rows = setup.rows if index else setup.validation
    if rows is None:
        return None
    which = np.concatenate(index) if index else slice(None)
    weights = None if rows.weights is None else rows.weights[which]
    return Rows(np.zeros((len(rows.targets[which]), 0)), rows.targets[which], weights)


def evaluate(task: Task, results: Sequence[Result], held: Rows | None) -> Evaluated:
    """A member, from what was trained without each fold, the first one with its parameters."""
    epochs = [result.summary["best_epoch"] or result.member.settings.epochs for result in results]
    mean = max(round(sum(epochs) / len(epochs)), 1)
    parts = [result.outputs for result in results if result.outputs is not None]
    if held is None or not parts:
        return Evaluated(results[0], 1.0, mean, None)
    outputs = np.concatenate(parts)
    factor = inverse_temperature(task, outputs, held.targets, held.weights)
    return Evaluated(results[0], factor, mean, factor * logits_of(task, outputs))


def _linear(members: Sequence[Evaluated]) -> tuple[Network, Array] | None:
    """The linear model that was trained on the rows that are not for validation."""
    linear = next((entry for entry in members if entry.member.name == LINEAR), None)
    return None if linear is None else merge_parts([linear.part(1.0)])


def _held_out(
    task: Task, members: Sequence[Evaluated], held: Rows | None, factor: float, folds: bool
) -> HeldOut | None:
    """The outputs of the chosen members, merged, for the rows left out."""
    if held is None or any(entry.logits is None for entry in members):
        return None
    return HeldOut(probabilities_of(task, factor * _mean_logits(members)), held.targets, held.weights, folds)


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


def choose(task: Task, evaluated: Sequence[Evaluated], validation: Rows | None) -> tuple[list[Evaluated], float, str]:
    """The members that are merged, the factor of the mean of their logits, and a sentence on them.

    All are merged, unless fewer have a smaller loss on the validation rows by more than the standard error of the
    difference.
    """
    everything = [entry for entry in evaluated if _fits(evaluated, [entry])]
    if validation is None or any(entry.logits is None for entry in evaluated):
        return everything, 1.0, ""
    options = [
        list(members)
        for count in range(len(evaluated), 0, -1)
        for members in combinations(evaluated, count)
        if _fits(evaluated, members)
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
    linear = next(entry for entry in evaluated if entry.member.name == LINEAR)
    assert linear.logits is not None
    alone, _ = mean_and_error(row_losses(task, linear.logits, validation.targets), weights)
    measure = "mean squared error" if task.kind == "regression" else "log loss"
    names = [entry.member.name for entry in members]
    what = f"{', '.join(names[:-1])} and {names[-1]} are merged" if len(names) > 1 else f"The {names[0]} is taken alone"
    note = (
        f"{what}: {measure} {means[best]:.4g} on {len(validation):,} validation rows; the linear model "
        f"alone has {alone:.4g}."
    )
    return members, factor, note[0].upper() + note[1:]


def _trained_again(training: Training, best: Sequence[Evaluated], rows: Rows, n_seeds: int) -> list[Evaluated] | None:
    """The chosen members on all rows, for the epochs that were best; None where the run ended with one."""
    again, sources = [], []
    for seed in range(n_seeds):
        for number, entry in enumerate(best):
            member = entry.member
            if seed and member.name == LINEAR:
                continue
            callbacks = [callback for callback in member.settings.callbacks if not isinstance(callback, EarlyStopping)]
            settings = replace(
                member.settings,
                epochs=entry.epochs,
                callbacks=tuple(callbacks),
                seed=member_seed(member.settings.seed, seed + 1),
            )
            again.append((f"again-{seed + 1}-{number + 1}", replace(member, settings=settings)))
            sources.append(entry)
    repeated: list[Evaluated] = []
    for result in training.run(again, rows, None):
        if result.ends:
            return None
        repeated.append(Evaluated(result, sources[len(repeated)].factor, 0, None))
    return repeated if len(repeated) == len(again) else None


def _finished(
    training: Training, results: list[Result], merged: Sequence[Evaluated], factor: float, note: str, ended: bool
) -> Trained:
    """The merged network of some members, with the history of all; `ended` says whether not all are there."""
    names = [entry.member.name for entry in merged]
    parts = [entry.part(factor / (len(set(names)) * names.count(entry.member.name))) for entry in merged]
    network, flat = merge_parts(parts)
    history = History(renumbered((result.history for result in results), training.events))
    interrupted = ended and not training.events.ended_by
    text = f"{len(results)} networks are trained."
    if interrupted:
        text = results[-1].text if results[-1].ends else f"Interrupted after {plural(len(results), 'network')}."
    text = training.events.text_of_end(len(merged)) if training.events.ended_by else text
    training.events.end(text, interrupted, history)
    merged_results = [entry.result for entry in merged]
    members = tuple({**result.summary, "merged": result in merged_results} for result in results)
    engine = results[-1].engine
    notes = (note,) if note else ()
    return Trained(network, flat, history, engine, text, interrupted, members, 1.0 / factor, notes=notes)


def _fits(evaluated: Sequence[Evaluated], members: Sequence[Evaluated]) -> bool:
    """Whether these members can be merged into one network."""
    linear = [entry for entry in members if entry.member.name == LINEAR]
    hidden = next((entry.member.network for entry in evaluated if entry.member.name != LINEAR), None)
    return not linear or len(linear) == len(members) or hidden is None or can_hold_linear(hidden)


def _mean_logits(members: Sequence[Evaluated]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.mean([entry.logits for entry in members if entry.logits is not None], axis=0)
    return mean


def _smoothed(settings: TrainSettings, task: Task, smoothing: float) -> TrainSettings:
    """The settings with label smoothing, where the loss is the usual one of classes."""
    usual = settings.loss.name in ("categorical_cross_entropy", "binary_cross_entropy")
    if task.kind not in ("binary", "multiclass") or not usual or settings.loss != find_loss(settings.loss.name):
        return settings
    return replace(settings, loss=find_loss(settings.loss.name, label_smoothing=smoothing))
