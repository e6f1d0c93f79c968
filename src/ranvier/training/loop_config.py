"""What a training loop is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from numpy.typing import NDArray

from ranvier.engine import CompileSpec, Executable, RowsHandle
from ranvier.network.schedules import ConstantSchedule, Schedule
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.callbacks import Callback
from ranvier.training.events import Sink, silent
from ranvier.training.state import TrainingState
from ranvier.training.watching import AnyWatch

Array = NDArray[Any]


Upload: TypeAlias = Callable[[Executable, Rows], RowsHandle]


def upload(executable: Executable, rows: Rows) -> RowsHandle:
    """Give rows to an executable."""
    return executable.upload(rows)


@record
class LoopConfig:
    """What is to be trained, on what, for how long, with which callbacks.

    Fields:
        spec: the network, loss, optimizer and batch size.
        rows, validation: resident rows; validation may be None.
        metrics: (outputs, targets) -> name -> value, for the validation rows.
        sample, sample_metrics: training rows to be measured after every epoch, and how; None for none.
        loss_unit: what the losses of the engine are multiplied by, for the history and whoever watches.
        epochs: how many epochs to make, counted from `TrainingState.first_epoch`.
        schedule, shuffle, seed, callbacks, sink: as their names say.
        save: called with the state now and then and at the end; None saves nothing.
        upload: gives rows to an executable, which may have been done before; `upload` does it.
        stop_requested: asked between spans, and by the engine within long work; True interrupts, and stays True.
        watch: shows the state to viewers between spans; None shows nothing.
    """

    spec: CompileSpec
    rows: Rows
    validation: Rows | None = None
    metrics: Callable[[Array, Array], dict[str, float]] | None = None
    sample: Rows | None = None
    sample_metrics: Callable[[Array, Array], dict[str, float]] | None = None
    loss_unit: float = 1.0
    epochs: int = 10
    schedule: Schedule = ConstantSchedule()
    shuffle: bool = True
    seed: int = 0
    callbacks: tuple[Callback, ...] = ()
    sink: Sink = silent
    save: Callable[[TrainingState], None] | None = None
    upload: Upload = upload
    stop_requested: Callable[[], bool] = bool
    watch: AnyWatch | None = None


@record
class LoopResult:
    """How a run ended.

    Fields:
        state: at its end.
        reason, text: "finished", "stopped" or "interrupted", and the same in a sentence.
        held_outputs: outputs of the weights that are given back, for the validation rows; None where not known.
    """

    state: TrainingState
    reason: str
    text: str
    held_outputs: Array | None = None
