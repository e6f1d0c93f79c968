"""The whole plan: what runs, on which memory, in which tiles, for how many threads."""

from __future__ import annotations

from dataclasses import replace

from ranvier.engine import CompileSpec
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import GRADIENT, LEARNING, STEP_GRADIENT, TRAIN
from ranvier.native.lowering.lowering import lower
from ranvier.native.lowering.steps import Trained
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.binding import Binding, BoundRule
from ranvier.native.scheduling.blocking import Blocking
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.schedule import Scheduler
from ranvier.native.scheduling.scheduled import ScheduledGather, ScheduledRounding, ScheduledWeightGradient
from ranvier.native.scheduling.stages import PANELS, Stage, in_stages
from ranvier.native.scheduling.tiles import Registers, at_once, heights
from ranvier.records import record

PREDICT_ROWS = 96
"""Rows of a block of predictions, which each thread takes through all layers."""
STORED_ROWS = 2048
"""Long steps of so many rows store their gradients before they update, so that they can be cancelled until then.

That takes room for the gradients, and about a hundredth of such a step; it would be a twentieth of a step of 512 rows.
Steps of fewer rows can be cancelled until their gradients, and with them the update, begin.
"""


@record
class Code:
    """What decides the compiled code, and nothing else: plans whose `Code` is equal share it.

    Fields: `dtype`, the format in which numbers are kept; `rule`, how trained numbers move; `row_width`, how many
    numbers a step reads, hyper-parameters and scalars; `large`, whether the code between its kernels takes no time
    beside them, so that it is compiled quickly; `measured`, whether the time of each step is measured, see
    `kernels/timing.py`; the rest as in `Plan`.
    """

    purpose: str
    dtype: str
    stages: tuple[Stage, ...]
    buffers: tuple[Buffer, ...]
    rows: int
    heights: tuple[int, ...]
    all_rows: int
    all_heights: tuple[int, ...]
    registers: Registers
    rule: BoundRule | None
    row_width: int
    steals: bool
    large: bool
    measured: bool = False

    @property
    def learns(self) -> bool:
        """Whether it has a backward pass."""
        return self.purpose in LEARNING

    @property
    def cancellable(self) -> bool:
        """Whether a step can be cancelled."""
        return any(stage.cancellable for stage in self.stages)

    @property
    def pairs_rows(self) -> bool:
        """Whether pairs of rows of the batch are made, so that a thread takes both or none."""
        makers = (ScheduledGather, ScheduledRounding)
        steps = (step for stage in self.stages for step in stage.steps if isinstance(step, makers))
        return self.learns and any(step.rows is not None for step in steps)

    @property
    def copies_rows(self) -> bool:
        """Whether each thread gathers all rows of a batch for itself."""
        return any(buffer.kind == "copies" for buffer in self.buffers)

    @property
    def prefetches_rows(self) -> bool:
        """Whether the rows of the next batch are prefetched beside a gradient."""
        steps = (step for stage in self.stages for step in stage.steps)
        return any(isinstance(step, ScheduledWeightGradient) and step.next_row > 0 for step in steps)


@record
class Plan:
    """What compiled code will do.

    Fields:
        spec, purpose: what for, see `lowering`.
        stages: the steps; all threads wait for each other between stages.
        buffers: the memory they work on, by index.
        trained: the trained pieces of the state.
        layers: (path, weighted sums or None, outputs) of every layer, depth first.
        rows, heights: how many batch rows a thread takes at once, and of the tiles of forward and data gradient.
        all_rows, all_heights: the same where threads share panels, each with all rows of the batch, or with a single
            row that is predicted.
        machine: what it was made for.
        rule: how trained numbers move; None where they do not.
        numbers: (format, value) of the hyper-parameters, by their positions in the row of numbers of each step.
        long: from how many rows on a step or a prediction may take one thread more than some 50 milliseconds.
        steals: whether threads that are done take over what others have not begun, see `kernels/work_stealing.py`; not
            in small steps.
    """

    spec: CompileSpec
    purpose: str
    stages: tuple[Stage, ...]
    buffers: tuple[Buffer, ...]
    trained: tuple[Trained, ...]
    layers: tuple[tuple[str, Buffer | None, Buffer], ...]
    rows: int
    heights: tuple[int, ...]
    all_rows: int
    all_heights: tuple[int, ...]
    machine: Machine
    rule: BoundRule | None
    numbers: tuple[tuple[str, float], ...]
    long: int
    steals: bool

    @property
    def registers(self) -> Registers:
        """The registers tiles are made for."""
        return self.machine.registers

    @property
    def code(self) -> Code:
        """What decides the compiled code."""
        rows = (self.rows, self.heights, self.all_rows, self.all_heights)
        shape = (self.stages, self.buffers, *rows, self.registers)
        width = len(self.numbers) + (len(self.rule.rule.scalars) if self.rule else 0)
        large = self.learns and cost.step_work(self.spec) >= cost.LARGE_STEP
        return Code(self.purpose, self.dtype, *shape, self.rule, width, self.steals, large)

    @property
    def dtype(self) -> str:
        """The format in which numbers are kept."""
        return self.spec.dtype

    @property
    def cancellable(self) -> bool:
        """Whether a step can be cancelled."""
        return any(stage.cancellable for stage in self.stages)

    @property
    def trains(self) -> bool:
        """Whether its steps change parameters."""
        return self.purpose == TRAIN

    @property
    def learns(self) -> bool:
        """Whether it has a backward pass."""
        return self.purpose in LEARNING


def make_plan(spec: CompileSpec, purpose: str, machine: Machine, threads: int) -> Plan:
    """Plan a spec for one purpose.

    Parameters:
        threads: how many share the rows of a batch; it decides which tile heights fit, not what comes out.
    """
    learns = purpose in LEARNING
    rows_per_thread = -(-spec.batch_size // threads) if learns else PREDICT_ROWS
    rows = at_once(rows_per_thread)
    # A thread makes both rows of a pair.
    rows += rows % 2 if machine.pairs and learns else 0
    long = cost.long_step(spec) if learns else cost.long_prediction(spec)
    cancellable = purpose in (GRADIENT, STEP_GRADIENT) or (purpose == TRAIN and spec.batch_size >= long)
    lowered = lower(spec, purpose, store=cancellable and spec.batch_size >= STORED_ROWS)
    blocking = Blocking(spec, purpose in (TRAIN, STEP_GRADIENT), purpose == GRADIENT, threads, rows, machine)
    scheduler = Scheduler(lowered, blocking)
    binding = Binding(spec.dtype)
    stages = in_stages(map(binding.bound, scheduler.steps), cancellable)
    rule = None if lowered.rule is None else binding.rule(lowered.rule)
    numbers = tuple(binding.values)
    all_rows = at_once(spec.batch_size) if any(stage.kind == PANELS for stage in stages) else 1
    return Plan(
        spec,
        purpose,
        stages,
        tuple(scheduler.buffers),
        scheduler.trained,
        lowered.layers,
        rows,
        heights(rows, machine.registers) if learns else tuple(dict.fromkeys((*heights(rows, machine.registers), 1))),
        all_rows,
        heights(all_rows, machine.registers),
        machine,
        None if rule is None else replace(rule, scalars_at=len(numbers)),
        numbers,
        long,
        learns and threads > 1 and cost.may_steal(spec),
    )
