"""Showing a training run while it runs: a live table on a terminal, a few aligned lines elsewhere.

A display is a sink: a callable that takes the events of `training/events.py`.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO, cast

from ranvier.display.format import duration, number, percent
from ranvier.display.live import Live, NotebookLive, console_here, in_notebook, live_on
from ranvier.display.work import WorkDisplay
from ranvier.errors import InputError
from ranvier.training.events import (
    DataEvent,
    EndEvent,
    EpochEvent,
    Event,
    NoteEvent,
    ProgressEvent,
    Sink,
    StartEvent,
    silent,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MAX_LINES = 20
COMPILE_GRACE_SECONDS = 5.0
"""Seconds after which compiling is but a small part of what was spent before the first sign."""
MAX_SECONDS_BETWEEN_LINES = 15.0


def sink_for(progress: Any) -> Sink:
    """The sink that the `progress` option of the public functions means.

    Parameters:
        progress: None shows progress on a terminal and in a notebook, True always, False never; a callable is
            returned unchanged.

    Raises:
        InputError: it is something else.

    >>> sink_for(False) is silent
    True
    """
    if callable(progress):
        return cast(Sink, progress)
    if progress not in (None, True, False):
        raise InputError(f"progress is {progress!r}; it must be None, True, False or a function that takes events.")
    enabled = sys.stderr.isatty() or in_notebook() if progress is None else progress
    return Display() if enabled else silent


class Display:
    """Shows the events of one run on a console.

    Parameters:
        console: a rich console; None makes one on standard error, in a notebook on standard output, which is not red.
        stream: where that console writes, instead of standard error.

    A `with` block, or `close`, gives the terminal back when a run ends without an "end" event.

    >>> import io
    >>> from ranvier.training.history import Epoch
    >>> display = Display(stream=io.StringIO())
    >>> display(StartEvent(epochs=2, rows=90, parameters=30))
    >>> display(EpochEvent(Epoch(1, 0.5, examples_per_second=1e4)))
    >>> print(display.console.file.getvalue().splitlines()[-1].strip())
    1/2    0.5000       10,000          -
    """

    def __init__(self, console: Console | None = None, stream: TextIO | None = None) -> None:
        if console is None and stream is None:
            console = console_here()
        elif console is None:
            from rich.console import Console

            console = Console(file=stream, highlight=False, emoji=False)
        self.console = console
        self._work = WorkDisplay(console)
        self._live: Live | None = None
        self._task: str | None = None
        self._run = StartEvent(0)
        self._epoch: EpochEvent | None = None
        self._fraction = 0.0
        self._ended: float | None = None
        self._best: int | None = None
        self._start_time = 0.0
        self._first_progress: tuple[float, float] | None = None
        self._printed: tuple[int, float] = (0, 0.0)
        self._header = False

    def __call__(self, event: Event) -> None:
        """Show one event; unknown kinds are ignored."""
        handlers: dict[str, Any] = {
            "work": self._work,
            "data": self._on_data,
            "start": self._on_start,
            "progress": self._on_progress,
            "epoch": self._on_epoch,
            "note": self._on_note,
            "end": self._on_end,
        }
        if event.kind in handlers:
            if event.kind != "work":
                self._work.close()
            handlers[event.kind](event)

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the live display, leaving its last state on the screen."""
        self._work.close()
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _on_data(self, event: DataEvent) -> None:
        self._task = event.task

    def _on_start(self, event: StartEvent) -> None:
        self.close()
        self._run, self._epoch, self._fraction, self._ended, self._best = event, None, 0.0, None, None
        self._start_time, self._first_progress = time.monotonic(), None
        self._printed, self._header = (self._first() - 1, self._start_time), False
        self._live = live_on(self.console, self._render)
        if self._live is not None:
            self._live.start()

    def _on_progress(self, event: ProgressEvent) -> None:
        self._fraction = event.done / event.steps
        self._note_progress()
        self._refresh()

    def _on_epoch(self, event: EpochEvent) -> None:
        self._epoch, self._fraction = event, 0.0
        self._note_progress()
        if event.record.best:
            self._best = event.record.epoch
        if self._live is None and self._should_print(event.record.epoch):
            self._line(event)
        self._refresh()

    def _refresh(self) -> None:
        if isinstance(self._live, NotebookLive):
            self._live.refresh()

    def _on_note(self, event: NoteEvent) -> None:
        self.console.print(event.text, style="yellow", markup=False)

    def _on_end(self, event: EndEvent) -> None:
        if self._live is None and self._epoch and self._epoch.record.epoch != self._printed[0]:
            self._line(self._epoch)
        self._ended = time.monotonic() - self._start_time
        self.close()
        if event.text and event.reason != "failed":
            self.console.print(event.text, style="dim", markup=False)

    def _should_print(self, epoch: int) -> bool:
        """Whether a line is due: the first and the last epoch, about MAX_LINES in all, and after a long silence."""
        last, last_time = self._printed
        if epoch in (self._first(), self._last()):
            return True
        step = max(1, -(-(self._last() - self._first() + 1) // MAX_LINES))
        return epoch // step > last // step or time.monotonic() - last_time > MAX_SECONDS_BETWEEN_LINES

    def _line(self, event: EpochEvent) -> None:
        """Print one aligned line, after the header if it is the first."""
        cells = self._row(event)
        if not self._header:
            self._header = True
            self.console.print(_aligned([(title, title) for title, _ in cells]), markup=False, soft_wrap=True)
        self._printed = (event.record.epoch, time.monotonic())
        self.console.print(_aligned(cells), markup=False, soft_wrap=True)

    def _row(self, event: EpochEvent | None) -> list[tuple[str, str]]:
        """Title and text of every column for the newest epoch."""
        record = None if event is None else event.record
        metrics = {} if record is None else record.metrics
        epoch, last = self._first() - 1 if record is None else record.epoch, self._last()
        cells = [
            ("Epoch", f"{epoch}/{last}" if last else str(epoch)),
            ("Loss", number(None if record is None else record.loss)),
        ]
        if self._run.members > 1:
            cells.insert(0, ("Network", f"{1 if event is None else event.member}/{self._run.members}"))
        if self._run.validation_rows or (record is not None and record.validation_loss is not None):
            cells.append(("Validation", number(None if record is None else record.validation_loss)))
        if "accuracy" in metrics:
            cells.append(("Accuracy", percent(metrics["accuracy"])))
        elif "r2" in metrics:
            cells.append(("R²", f"{metrics['r2']:z,.4f}"))
        elif self._task is not None and self._run.validation_rows:
            cells.append(("R²" if self._task == "regression" else "Accuracy", "-"))
        speed = record and record.examples_per_second
        cells.append(("Examples/s", f"{speed:,.0f}" if speed else "-"))
        if self._ended is not None and self._live is not None:
            return [*cells, ("Time", duration(self._ended))]
        left = self._left()
        return [*cells, ("Time left", "-" if left is None else "< 1 s" if 0 < left < 1 else duration(left))]

    def _first(self) -> int:
        """The number of the first epoch of this run."""
        return self._run.first_epoch

    def _last(self) -> int:
        """The number of the last epoch; 0 where it is not known."""
        return self._run.epochs

    def _done(self) -> float:
        """How many epochs of this run are done, the parts of the current one included."""
        complete = 0 if self._epoch is None else self._epoch.record.epoch - self._first() + 1
        return complete + self._fraction

    def _note_progress(self) -> None:
        """Remember when something was first done: the network is compiled by then."""
        if self._first_progress is None:
            self._first_progress = (time.monotonic(), self._done())

    def _left(self) -> float | None:
        """Seconds until the last epoch at the pace since the first sign; None where that cannot be told yet."""
        done, now = self._done(), time.monotonic()
        if not self._last() or self._first_progress is None:
            return None
        remaining = max(0.0, self._last() - self._first() + 1 - done)
        first_time, before = self._first_progress
        if done > before:
            return (now - first_time) / (done - before) * remaining
        elapsed = now - self._start_time
        return elapsed / done * remaining if not remaining or elapsed > COMPILE_GRACE_SECONDS else None

    def _render(self) -> RenderableType:
        """The live table and its bar."""
        from rich import box
        from rich.console import Group
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False, header_style="dim", pad_edge=False)
        values = []
        for title, text in self._row(self._epoch):
            table.add_column(title, justify="right", no_wrap=True, min_width=_WIDTHS.get(title, 8))
            values.append(f"[bold]{text}[/]" if title in ("Accuracy", "R²") else text)
        table.add_row(*values)
        return table if self._ended is not None else Group(table, self._bar())

    def _bar(self) -> RenderableType:
        """How far the run is, the time it took and the best epoch so far."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        total = max(1, self._last() - self._first() + 1) if self._last() else None
        bar = ProgressBar(total=total, completed=self._done(), width=30, pulse=total is None)
        words = duration(time.monotonic() - self._start_time)
        if self._best is not None and self._run.validation_rows:
            words += f", best epoch {self._best}"
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_row(bar, Text(words, "dim"))
        return line


_WIDTHS = {
    "Network": 7,
    "Epoch": 9,
    "Loss": 8,
    "Validation": 10,
    "Accuracy": 8,
    "R²": 8,
    "Examples/s": 11,
    "Time left": 9,
}


def _aligned(cells: list[tuple[str, str]]) -> str:
    """One line of right-aligned cells."""
    return "  ".join(text.rjust(_WIDTHS.get(title, 8)) for title, text in cells)
