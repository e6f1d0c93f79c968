"""Train an ensemble: networks of one shape, each with another validation fold, merged into one.

Networks are trained side by side where a thread for each is faster; observers are told of one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.network.network import Network
from ranvier.random import SEED_RANGE
from ranvier.recipes.class_prior import class_prior_state
from ranvier.recipes.known_values import unknown_values, value_inputs, without_inputs, without_weights
from ranvier.recipes.left_out import held_out_rows, merged_inverse_temperature
from ranvier.recipes.linear_member import choose_linear, has_wide_columns, with_linear
from ranvier.recipes.merge import merge_networks
from ranvier.recipes.merged_events import MergedEvents, renumbered
from ranvier.recipes.out_of_fold import Member, divided, left_out_rows, possible_folds
from ranvier.recipes.pilots import after_pilots
from ranvier.recipes.recipe import Trained, TrainingSetup
from ranvier.recipes.sparse_columns import View, choose_views, views_of, whole_view
from ranvier.rows import Rows
from ranvier.rows.inputs import bytes_of
from ranvier.training.callbacks import after_seconds, is_time_up, may_run_beside
from ranvier.training.engines import engine as find_engine
from ranvier.training.events import Event, NoteEvent, Sink, tee
from ranvier.training.history import History
from ranvier.training.in_turn import JobContext, run_in_turn
from ranvier.training.inference import outputs_of
from ranvier.training.loop import final_parameters
from ranvier.training.runner import RunResult, best_epoch, run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.side_by_side import usable_threads
from ranvier.training.state import TrainingState
from ranvier.training.watching import stopped_by_viewer

Array = NDArray[Any]
MemberRows: TypeAlias = tuple[Rows, Rows | None, TrainingState | None]
"""The training rows and validation rows of a network, and the state in which it begins."""
SEED_STEP = 0x9E3779B97F4A7C15
"""Seeds of one run lie far apart, so that the runs of neighbouring seeds share no network."""
MAX_BYTES_AT_ONCE = 1 << 31
"""So many bytes of rows may be there for networks that are trained side by side, each on a copy of its own."""


def train_ensemble(
    setup: TrainingSetup,
    n_networks: int,
    n_folds: int,
    calibrate: bool,
    judge_sparse: bool = False,
    n_pilots: int = 0,
    overlap: bool = True,
) -> Trained:
    """Train several networks and merge them into one.

    Each network leaves out one part in `n_folds` of the rows, its validation rows, and shares a third of them with the
    next. A checkpoint folder holds a folder for each network, so that an interrupted call goes on with the networks
    that it had reached, bit-identically.

    Parameters:
        setup: what each of them is and how it is trained, with a seed of its own; without validation rows for all of
            them each takes a fold of the rows.
        n_networks, n_folds: how many networks, and one part in how many of the rows each leaves out; 1 for no
            validation.
        calibrate: whether the merged network gets a temperature, by `merged_inverse_temperature`.
        judge_sparse: whether columns of texts beside others are judged by rows left out, and networks trained on their
            terms and on scores of them, of which validation rows decide which are merged.
        n_pilots: how many networks are trained first, to decide for how many epochs the others are; 0 for none.
        overlap: whether each shares validation rows with the next.

    Who listens sees one run whose epochs are numbered through.
    """
    network, settings, task = setup.network, setup.settings, setup.task
    n_folds = possible_folds(setup.rows, n_folds)
    validated = setup.validation is not None or n_folds > 1
    views, notes = views_of(setup) if judge_sparse and validated else ((whole_view(setup),), ())
    for note in notes:
        tee(setup.sinks)(NoteEvent(note))
    events = MergedEvents(tee(setup.sinks), n_networks * len(views), settings.epochs)
    results: list[RunResult] = []
    finished: dict[str, list[Member]] = {}
    flats: dict[str, list[Array]] = {}
    for number, view in enumerate(views):
        if number and (len(finished[views[0].name]) < n_networks or stopped_by_viewer() or events.ended_by):
            break
        numbers = range(number * n_networks, (number + 1) * n_networks)
        more, on_view, members = _trained_on_folds(view.setup, events, numbers, n_folds, n_pilots, overlap)
        results += more
        if not number or len(members) == n_networks:
            finished[view.name] = members
            flats[view.name] = [view.on_inputs(flat, view.setup.network, network) for flat in on_view]
    merged: tuple[str, ...] = (views[0].name,)
    members = finished[merged[0]]
    if len(finished) > 1:
        merged, members, note = choose_views(task, finished)
        tee(setup.sinks)(NoteEvent(note))
        notes = (*notes, note)
    parts = [flat for name in merged for flat in flats[name]]
    shape = network
    complete = len(finished) == len(views) and len(members) == n_networks and not events.ended_by
    if judge_sparse and complete and has_wide_columns(setup):
        shape, parts, members, more_notes = _beside_linear(
            views[-1], network, parts, members, n_folds, overlap, setup.sinks
        )
        notes = (*notes, *more_notes)
    factor = merged_inverse_temperature(task, members) if calibrate else 1.0
    trained = merged_members(shape, settings, results, events, factor, flats=parts)
    return replace(trained, held_out=held_out_rows(task, members, factor), notes=(*trained.notes, *notes))


def _beside_linear(
    view: View,
    network: Network,
    flats: list[Array],
    members: list[Member],
    n_folds: int,
    overlap: bool,
    sinks: tuple[Sink, ...],
) -> tuple[Network, list[Array], list[Member], tuple[str, ...]]:
    """The networks on all inputs, with a linear model on what a view sees beside them if rows left out say so."""
    choice = choose_linear(view.setup, members, n_folds, overlap)
    if choice is None:
        return network, flats, members, ()
    tee(sinks)(NoteEvent(choice.note))
    if choice.model is None:
        return network, flats, choice.members, (choice.note,)
    alone, parameters = choice.model
    linear = Network(network.inputs, alone.layers)
    linear_flat = view.on_inputs(parameters, alone, linear)
    shape, parts = with_linear(network, flats, linear, linear_flat, choice)
    return shape, parts, choice.members, (choice.note,)


def _trained_on_folds(
    setup: TrainingSetup, events: MergedEvents, numbers: range, n_folds: int, n_pilots: int, overlap: bool
) -> tuple[list[RunResult], list[Array], list[Member]]:
    """The networks of these numbers, their parameters (P,), and the outputs of finished ones for rows they left out."""
    network, settings, task = setup.network, setup.settings, setup.task
    left_out = left_out_rows(task, setup.rows, setup.validation, len(numbers), n_folds, settings.seed, overlap)
    values = [] if setup.rows.inputs.is_deferred else value_inputs(setup.encoder)
    # By the validation rows that a network has or had last.
    parts_of: dict[int, tuple[NDArray[np.int64] | None, NDArray[np.int64]]] = {}

    def member_rows(number: int, member: TrainSettings) -> MemberRows:
        index = next(left_out)
        learned, validation = divided(setup.rows, setup.validation, index)
        unknown = unknown_values(learned, values if index is not None else [])
        if validation is not None:
            learned, validation = without_inputs(learned, unknown), without_inputs(validation, unknown)
        parts_of[id(validation)] = index, unknown
        return learned, validation, class_prior_state(network, member.optimizer, task, learned, member.seed)

    results: list[RunResult] = []
    flats: list[Array] = []
    finished: list[Member] = []
    for result, validation in _pilots_first(setup, events, member_rows, numbers, n_pilots):
        results.append(result)
        index, unknown = parts_of[id(validation)]
        flat = final_parameters(result.outcome.state, settings.optimizer, network)
        flats.append(without_weights(flat, network, unknown))
        if validation is not None and not is_interrupted(result):
            finished.append(Member(validation, outputs_of(network, settings, flats[-1], validation.inputs), index))
    return results, flats, finished


def _pilots_first(
    setup: TrainingSetup,
    events: MergedEvents,
    member_rows: Callable[[int, TrainSettings], MemberRows],
    numbers: range,
    n_pilots: int,
) -> Iterator[tuple[RunResult, Rows | None]]:
    """As `train_members`; the first networks say for how many epochs the others are trained."""
    pilots: list[RunResult] = []
    if 0 < n_pilots < len(numbers):
        for result, validation in train_members(setup, events, member_rows, numbers[:n_pilots]):
            pilots.append(result)
            yield result, validation
        ended = events.pressed or events.ended_by or stopped_by_viewer()
        if ended or len(pilots) < n_pilots or is_interrupted(pilots[-1]):
            return
        setup, numbers = replace(setup, settings=after_pilots(setup.settings, pilots)), numbers[n_pilots:]
    yield from train_members(setup, events, member_rows, numbers)


def train_members(
    setup: TrainingSetup,
    events: MergedEvents,
    member_rows: Callable[[int, TrainSettings], MemberRows],
    numbers: range | None = None,
) -> Iterator[tuple[RunResult, Rows | None]]:
    """Train networks, until all are trained, Ctrl-C comes, or a callback or a viewer ends the run.

    A network that Ctrl-C or a time limit leaves unfinished is not given, unless it is the first. Time limits count the
    seconds of all networks; where there are some, networks are trained one after the other.

    Parameters:
        setup: what each is and how it is trained, with a seed of its own.
        events: of as many networks as are to be trained.
        member_rows: from the number of a network and its settings to its training and validation rows and the state in
            which it begins; called in order.
        numbers: which of the networks are to be trained now; None for all.

    Gives, in order, each result and the validation rows of that network.
    """
    network, settings, checkpoint = setup.network, setup.settings, setup.checkpoint
    numbers = range(events.networks) if numbers is None else numbers

    def job(number: int, member: TrainSettings, rows: MemberRows, context: JobContext) -> tuple[RunResult, Rows | None]:
        learned, validation, state = rows
        folder = None if checkpoint is None else checkpoint / f"network-{number + 1}"
        options: dict[str, Any] = {"target": setup.target, "state": state, "checkpoint": folder, **context.options()}
        return run_training(network, member, setup.task, learned, validation, **options), validation

    def prepared() -> Iterator[tuple[int, TrainSettings, MemberRows]]:
        for number in numbers:
            callbacks = after_seconds(settings.callbacks, events.seconds)
            member = replace(settings, seed=member_seed(settings.seed, number), callbacks=callbacks)
            yield number, member, member_rows(number, member)

    def tell(position: int, event: Event) -> None:
        events.number = numbers[position]
        events(event)

    all_rows = prepared()
    first = next(all_rows)
    events.at_once = trainings_at_once(network, settings, len(numbers), first[2][0])
    jobs = (partial(job, *member) for member in chain((first,), all_rows))
    threads = usable_threads(settings.threads)
    for position, (result, validation) in enumerate(run_in_turn(jobs, events.at_once, threads, tell, events.ctrl_c)):
        events.member_ended(result.outcome.state.history, ended_by(result))
        if numbers[position] == 0 or not is_unfinished(result, settings):
            yield result, validation
        if is_interrupted(result) or events.ended_by or stopped_by_viewer():
            return


def trainings_at_once(network: Network, settings: TrainSettings, count: int, rows: Rows) -> int:
    """How many of so many networks are trained at a time, by what they compute and the rows of one of them."""
    if count == 1 or not may_run_beside(settings.callbacks):
        return 1
    spec = settings.compile_spec(network, min(settings.batch_size, len(rows)))
    size = bytes_of(rows.inputs)
    return min(find_engine(settings.engine).at_once(spec, count), max(1, MAX_BYTES_AT_ONCE // max(size, 1)))


def merged_members(
    network: Network,
    settings: TrainSettings,
    results: Sequence[RunResult],
    events: MergedEvents,
    inverse_temperature: float,
    *,
    shared_inputs: bool = True,
    repeats: int = 1,
    others: Sequence[Array] = (),
    flats: Sequence[Array] | None = None,
) -> Trained:
    """One network of those that were trained.

    Parameters:
        network, settings, events: as for `train_members`, which gave the results.
        inverse_temperature: the factor of the mean of their logits.
        shared_inputs: whether all read the same inputs; else each reads its own, beside those of the others.
        repeats: how often each stands in the merged network.
        others: the parameters (P,) of networks of the same shape that were trained in another way.
        flats: the parameters (P,) that are merged; None for those of all results.
    """
    if flats is None:
        flats = [final_parameters(result.outcome.state, settings.optimizer, network) for result in results]
    parts = [*list(flats) * repeats, *others]
    merged, flat = merge_networks(network, parts, inverse_temperature, shared_inputs=shared_inputs)
    stopped = stopped_by_viewer()
    done = len(results) + len(others)
    interrupted = is_interrupted(results[-1]) or (done < events.networks and not stopped and not events.ended_by)
    text = _stop_message(done, events, interrupted, results[-1])
    text = results[-1].outcome.text if stopped and not interrupted else text
    history = History(renumbered((result.outcome.state.history for result in results), events))
    events.end(text, interrupted, history)
    members = tuple(member_summary(result) for result in results)
    temperature = 1.0 / inverse_temperature
    return Trained(merged, flat, history, results[-1].engine, text, interrupted, members, temperature)


def member_seed(seed: int, number: int) -> int:
    """The seed of a network of an ensemble.

    >>> member_seed(7, 0), member_seed(7, 1) == member_seed(8, 0)
    (7, False)
    """
    return (seed + number * SEED_STEP) % SEED_RANGE


def is_interrupted(result: RunResult) -> bool:
    """Whether Ctrl-C ended a run."""
    return result.outcome.reason == "interrupted"


def ended_by(result: RunResult) -> str:
    """Why a callback ended the whole run with this network, in its sentence; empty where none did."""
    state = result.outcome.state
    return (state.stop_reason or "") if state.ends_run else ""


def is_unfinished(result: RunResult, settings: TrainSettings) -> bool:
    """Whether Ctrl-C or a time limit ended a run of these settings before all its epochs were made."""
    state = result.outcome.state
    late = state.ends_run and len(state.history) < settings.epochs and is_time_up(settings.callbacks, state.callbacks)
    return is_interrupted(result) or late


def member_summary(result: RunResult) -> dict[str, Any]:
    """What a report says of one network: epochs, best epoch, validation loss, seconds."""
    state = result.outcome.state
    best = best_epoch(state)
    validation_loss = state.history[best - 1].validation_loss if state.history and best else None
    return {
        "epochs": len(state.history),
        "best_epoch": best,
        "validation_loss": validation_loss,
        "seconds": state.history.total_seconds,
    }


def _stop_message(done: int, events: MergedEvents, interrupted: bool, last: RunResult) -> str:
    if events.networks == 1:
        return last.outcome.text
    if is_interrupted(last):
        return f"{last.outcome.text} No network was finished; the model is the first one as trained so far."
    if events.ended_by:
        return events.text_of_end(done)
    if interrupted:
        finished = "network that was" if done == 1 else f"{done} networks that were"
        return f"Interrupted; the model is made of the {finished} finished."
    return f"All {events.networks} networks are trained."
