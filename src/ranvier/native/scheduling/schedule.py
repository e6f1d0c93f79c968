"""From steps to scheduled steps: every decision about one machine is made here, with the help of blocking.py.

No decision changes a bit of what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import TRAIN, Lowered
from ranvier.native.lowering.sparse import SparseGradient
from ranvier.native.lowering.steps import (
    Back,
    Forward,
    Gather,
    LossStep,
    Norm,
    Rounding,
    Step,
    Trained,
    VectorGradient,
    WeightGradient,
    fields_of,
)
from ranvier.native.scheduling import cost
from ranvier.native.scheduling.blocking import Blocking
from ranvier.native.scheduling.layouts import INDEX_PADDING, laid_out, panels_of, size_of
from ranvier.native.scheduling.pairs import copy_of_pairs, half, is_copy, readers_of, takes_pairs
from ranvier.native.scheduling.scheduled import (
    Scheduled,
    ScheduledGather,
    ScheduledLoss,
    ScheduledRounding,
    ScheduledSparseGradient,
)
from ranvier.native.scheduling.tiles import PANEL

MIN_PREFETCHED = 2**11
"""The fewest inputs of a batch that are prefetched beside the largest gradient; fewer while a batch is gathered."""
MIN_ROWS_TOGETHER = 4
"""The fewest rows of a batch whose losses are computed together; for fewer, 16 at once are too many."""
SKIPPED_INPUTS = 32
"""The fewest inputs of a layer that looks for zeros among them."""


def link_size(dtype: str, measured: bool) -> int:
    """How many numbers a link of an entry has: column, row, next, the index of the entry if `measured`; its value.

    All but the value are integers of 32 bits.

    >>> link_size("float32", False), link_size("float32", True), link_size("float64", True)
    (4, 5, 3)
    """
    return 3 if dtype == "float64" else 4 + measured


class Scheduler:
    """Schedules what was lowered.

    `steps` are the scheduled steps, `buffers` their memory and `trained` the trained pieces of the state.
    """

    def __init__(self, lowered: Lowered, blocking: Blocking) -> None:
        self.lowered, self.blocking = lowered, blocking
        layouts = dict(self.layouts())
        self.buffers = [laid_out(buffer, layouts) for buffer in lowered.buffers]
        self.trained: tuple[Trained, ...] = laid_out(lowered.trained, layouts)
        steps: tuple[Step, ...] = laid_out(lowered.steps, layouts)
        self.row = sum(step.x.columns for step in steps if isinstance(step, Gather))
        pays = lowered.purpose == TRAIN and self.row * blocking.batch >= MIN_PREFETCHED
        gradients = [step for step in reversed(steps) if isinstance(step, WeightGradient) and pays]
        self.prefetching = max(gradients, key=lambda step: size_of(step.trained.value, 1), default=None)
        self.steps = gathered_as_pairs([self.scheduled(step) for step in steps])
        packing = blocking.packing_columns(self.steps)
        if packing:
            self.buffer("packed", packing, "packing")

    def buffer(self, name: str, columns: int, kind: str) -> Buffer:
        """The buffer of this name that only this way of computing needs, made where it does not exist."""
        buffer = next((buffer for buffer in self.buffers if buffer.name == name), None)
        if buffer is None:
            buffer = Buffer(name, len(self.buffers), kind, columns)
            self.buffers.append(buffer)
        return buffer

    def layouts(self) -> Iterator[tuple[str, Buffer]]:
        """The buffers that lie in another way than lowering's words for them say, by name."""
        for copy in filter(is_copy, self.lowered.buffers if self.blocking.pairs else ()):
            yield copy.name, copy_of_pairs(copy)
        for step in self.lowered.steps:
            if isinstance(step, Back) and self.by_panels(step):
                yield step.dx.name, replace(step.dx, kind="panels")
            if isinstance(step, Gather) and self.by_every_thread(step):
                yield step.x.name, replace(step.x, kind="copies")
            if isinstance(step, Norm):
                # One sum of squares for each panel of each piece.
                count = sum(panels_of(piece.value) for piece in step.trained)
                yield step.partial.name, replace(step.partial, kind="cells", columns=count)

    def by_panels(self, step: Back) -> bool:
        """Whether what a step hands back lies by panels: where only products of the Dense layer before read it."""
        if step.activation is None or step.transposed.groups > 1:
            return False
        readers = [reader for reader in self.lowered.steps if reader is not step and step.dx in _buffers(reader)]
        gradients = [reader for reader in readers if isinstance(reader, WeightGradient)]
        backs = [reader for reader in readers if isinstance(reader, Back)]
        vectors = [reader for reader in readers if isinstance(reader, VectorGradient)]
        if len(gradients) != 1 or len(backs) > 1 or len(readers) > len(gradients) + len(backs) + len(vectors):
            return False
        return self.blocking.errors_by_panels(gradients[0], backs[0] if backs else None)

    def by_every_thread(self, step: Gather) -> bool:
        """Whether each thread gathers all rows for itself: in small steps, if threads share the panels of all readers.

        To copy the rows that another thread would gather takes less time there than to wait for them and to get them
        from its cache. In larger steps all copies together take room from the weights, above all if threads share a
        core.
        """
        readers = [reader for reader in self.lowered.steps if reader is not step and step.x in _buffers(reader)]
        weights = [
            reader.weight if isinstance(reader, Forward) else reader.trained.value
            for reader in readers
            if isinstance(reader, Forward | WeightGradient)
        ]
        panels_only = 0 < len(weights) == len(readers) and all(self.blocking.split_n(weight) for weight in weights)
        return panels_only and not cost.may_steal(self.lowered.spec)

    def scheduled(self, step: Step) -> Scheduled:
        """A step, and how it runs."""
        if self.blocking.pairs:
            if isinstance(step, Rounding):
                return self.rounding(step)
            step = self.on_pairs(step)
        if isinstance(step, Forward | Back):
            product = self.blocking.product(step)
            if isinstance(step, Forward) and self.skips_zeros(step):
                return replace(product, nonzeros=self.buffer("nonzeros", step.x.columns + INDEX_PADDING, "rows"))
            return product
        if isinstance(step, WeightGradient):
            prefetches = self.prefetching is not None and step.trained == self.prefetching.trained
            return replace(self.blocking.weight_gradient(step), next_row=self.row if prefetches else 0)
        if isinstance(step, LossStep):
            # The number of threads must not decide it, since the sign of a NaN may differ.
            few = self.lowered.learns and self.blocking.batch < MIN_ROWS_TOGETHER
            return ScheduledLoss(step, step.z.columns <= PANEL and not few)
        if isinstance(step, SparseGradient):
            heads = self.buffer("heads", step.trained.value.rows, "cells")
            size = link_size(self.lowered.spec.dtype, measured=step.squares is not None)
            return ScheduledSparseGradient(step, heads, self.buffer("links", size, "entries"))
        return Scheduled(step)

    def rounding(self, step: Rounding) -> Scheduled:
        """A rounding, and the pairs that it makes."""
        readers = readers_of(self.lowered, step)
        if not (readers.columns or readers.rows):
            return Scheduled(step)
        columns = self.pairs_of_columns(step.y) if readers.columns else None
        return ScheduledRounding(step, readers.writes_y, columns, self.pairs_of_rows(step.y) if readers.rows else None)

    def on_pairs(self, step: Step) -> Step:
        """The step with rows of pairs in place of those of numbers, where it takes pairs."""
        if not takes_pairs(step):
            return step
        if isinstance(step, Forward):
            return replace(step, x=self.pairs_of_columns(step.x))
        if isinstance(step, Back):
            return replace(step, dz=self.pairs_of_columns(step.dz))
        assert isinstance(step, WeightGradient)
        return replace(step, x=self.pairs_of_rows(step.x), dz=self.pairs_of_rows(step.dz))

    def pairs_of_columns(self, rows: Buffer) -> Buffer:
        """The pairs of columns of rows."""
        return self.buffer(f"{rows.name}.pairs", half(rows.columns), "rows")

    def pairs_of_rows(self, rows: Buffer) -> Buffer:
        """The pairs of neighbouring rows of rows."""
        return self.buffer(f"{rows.name}.row_pairs", rows.columns, "rows")

    def skips_zeros(self, step: Forward) -> bool:
        """Whether a layer leaves out inputs that are 0, where they are many: the first one, when it predicts."""
        spec = self.lowered.spec
        many = step.weight.rows >= SKIPPED_INPUTS and step.weight.columns > PANEL
        first = step.path == spec.input_layer.path and step.weight.groups == 1
        return first and many and not (self.lowered.learns or spec.precision == "bfloat16")


def gathered_as_pairs(steps: list[Scheduled]) -> list[Scheduled]:
    """The steps, with the rows of the batch made pairs while they are gathered, where nobody reads them otherwise."""
    if len(steps) < 2 or not isinstance(steps[0].step, Gather) or not isinstance(steps[1], ScheduledRounding):
        return steps
    gather, rounding = steps[0].step, steps[1]
    if rounding.writes_y or rounding.rows is None or not gather.x == rounding.step.x == rounding.step.y:
        return steps
    return [ScheduledGather(gather, rounding.columns, rounding.rows), *steps[2:]]


def _buffers(step: Step) -> Iterator[Buffer]:
    """The buffers of a step that are not of the state."""
    return (value for _, value in fields_of(step) if isinstance(value, Buffer))
