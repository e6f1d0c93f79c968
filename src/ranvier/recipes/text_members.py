"""The networks of the recipe "text", and how one of them is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.data.text.free_memory import give_back
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.recipes.class_prior import class_prior_state
from ranvier.recipes.ensemble import ended_by, is_unfinished, member_summary, trainings_at_once
from ranvier.recipes.merged_events import MergedEvents
from ranvier.recipes.term_strength import scaled, unit_strengths
from ranvier.records import record
from ranvier.rows import Inputs, Rows
from ranvier.rows.inputs import bytes_of, view_of
from ranvier.training.callbacks import after_seconds
from ranvier.training.history import History
from ranvier.training.in_turn import JobContext, run_in_turn
from ranvier.training.inference import outputs_of
from ranvier.training.loop import final_parameters
from ranvier.training.runner import run_training
from ranvier.training.settings import TrainSettings
from ranvier.training.side_by_side import usable_threads
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
        strengths: what its inputs were multiplied with before it saw them, (K,); None for nothing.
        outputs: for the validation rows; None without such rows.
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
    strengths: Array | None
    outputs: Array | None

    def without_parameters(self) -> Result:
        """The same without what takes most of the memory."""
        return replace(self, parameters=self.parameters[:0].copy(), strengths=None)


@dataclass(slots=True)
class Training:
    """What all members share: the task, the encoder of the target, who listens, where states are saved."""

    task: Task
    target: TargetEncoder | None
    events: MergedEvents
    checkpoint: Path | None

    def run(self, members: Sequence[tuple[str, Member]], rows: Rows, validation: Rows | None) -> Iterator[Result]:
        """Train members on rows, each with the name of its folder; gives the results in order."""
        give_back()
        strengths = unit_strengths(self.task, rows)
        settings = [member.settings.on(rows.inputs) for _, member in members]
        networks = [member.network for _, member in members]
        at_once = min(
            trainings_at_once(member.network, member_settings, len(members), rows)
            for (_, member), member_settings in zip(members, settings, strict=True)
        )
        at_once = max(min(at_once, MAX_BYTES // max(_bytes_of_one(network, rows) for network in networks)), 1)
        jobs = (partial(self._train, member, rows, validation, strengths, name) for name, member in members)
        threads = usable_threads(settings[0].threads)
        self.events.at_once = at_once
        for result in run_in_turn(jobs, at_once, threads, lambda position, event: self.events(event)):
            self.events.member_ended(result.history, result.ended_by)
            self.events.number += 1
            yield result

    def _train(
        self,
        member: Member,
        rows: Rows,
        validation: Rows | None,
        strengths: Array,
        name: str,
        context: JobContext,
    ) -> Result:
        if member.strengthened:
            rows = _strengthened(viewed(rows, member.settings), strengths)
            validation = None if validation is None else _strengthened(validation, strengths)
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
        outputs = None if validation is None else outputs_of(member.network, settings, flat, validation.inputs)
        return Result(member, flat, *ended, strengths if member.strengthened else None, outputs)


def viewed(rows: Rows, settings: TrainSettings) -> Rows:
    """The rows with a view in the place of their CSR block, which takes no copy of its entries where some are taken.

    An optimizer of all rows at once reads them in every step, so that it gets them as they are.
    """
    csr = None if settings.optimizer.full_batch else view_of(rows.inputs)
    return rows if csr is None else replace(rows, inputs=Inputs(rows.inputs.block, csr))


def _strengthened(rows: Rows, strengths: Array) -> Rows:
    return replace(rows, inputs=scaled(rows.inputs, strengths))


def _bytes_of_one(network: Network, rows: Rows) -> int:
    """How much memory a training takes, about."""
    return bytes_of(rows.inputs) + ARRAYS * 4 * network.parameter_count
