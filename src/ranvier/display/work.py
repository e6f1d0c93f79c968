"""Showing work besides training while it lasts: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ranvier.display.format import duration, percent
from ranvier.display.live import Live, NotebookLive, live_on
from ranvier.training.events import WorkEvent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SILENT_SECONDS, SECONDS_BETWEEN_LINES = 1.0, 15.0
"""Elsewhere than on a terminal, the first line comes after so long, and further ones so far apart."""


class WorkDisplay:
    """Shows how far one work after the other is.

    Parameters:
        console: a rich console. On a terminal the bar disappears when the work is done.

    >>> from rich.console import Console
    >>> display = WorkDisplay(Console(width=80))
    >>> display(WorkEvent("Reading pictures", 1, 9))
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._event = WorkEvent("", 0, 0)
        self._start = self._printed = 0.0
        self._live: Live | None = None

    def __call__(self, event: WorkEvent) -> None:
        """Show an event; one with other words begins another work."""
        now = time.monotonic()
        if event.what != self._event.what:
            self.close()
            self._start, self._printed = now, now + SILENT_SECONDS - SECONDS_BETWEEN_LINES
        self._event = event
        if event.done >= event.total:
            self.close()
            return
        if self._live is None:
            self._live = live_on(self.console, self._render, transient=True)
            if self._live is not None:
                self._live.start()
        if isinstance(self._live, NotebookLive):
            self._live.refresh()
        if self._live is None and now - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = now
            text = f"{event.what}: {percent(event.done / event.total)} after {duration(now - self._start)}."
            self.console.print(text, style="dim", markup=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away and forget the work."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        self._event = WorkEvent("", 0, 0)

    def _render(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        done, total, elapsed = self._event.done, max(self._event.total, 1), time.monotonic() - self._start
        left = f", {duration(elapsed / done * (total - done))} left" if done and elapsed > 1.0 else ""
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_row(
            Text(self._event.what), ProgressBar(total, done, 30), Text(f"{percent(done / total)}{left}", "dim")
        )
        return line
