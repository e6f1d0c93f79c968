"""A display that changes in place: on a terminal by its cursor, in a Jupyter notebook as one output below the cell."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

REFRESHES_PER_SECOND = 5
NOTEBOOK_WIDTH = 100
PRE = '<pre style="line-height: normal; overflow-x: auto">{code}</pre>'


class Live(Protocol):
    """What changes in place between `start` and `stop`."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def in_notebook() -> bool:
    """Whether this process is the kernel of a Jupyter notebook."""
    # A kernel has imported IPython before it runs a cell.
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    kernel = type(shell)
    return kernel.__name__ == "ZMQInteractiveShell" or kernel.__module__.startswith("google.colab")


def console_here() -> Console:
    """A console on standard error; in a notebook on standard output, which is not red there.

    A kernel says that its standard output is a terminal, but a page cannot move a cursor.
    """
    from rich.console import Console

    options: dict[str, Any] = {"highlight": False, "emoji": False}
    if in_notebook():
        return Console(width=NOTEBOOK_WIDTH, force_jupyter=False, force_terminal=False, **options)
    return Console(stderr=True, **options)


def live_on(console: Console, render: Callable[[], RenderableType], transient: bool = False) -> Live | None:
    """What shows the newest of what `render` gives; None where nothing can change in place, such as in a file.

    Parameters:
        console: where it is shown; in a notebook the output goes below the cell where this is standard output.
        transient: whether it disappears in the end.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        from rich.live import Live as TerminalLive

        return TerminalLive(
            get_renderable=render,
            console=console,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=transient,
            redirect_stdout=False,
        )
    if console.file is sys.stdout and in_notebook():
        return NotebookLive(render, transient)
    return None


class NotebookLive:
    """An output of a notebook's cell that changes in place, at most a few times a second.

    No thread draws it, as one does on a terminal, since a kernel may send what another thread shows to another cell:
    `refresh` is called when there is something new.

    Parameters:
        render: gives what is shown.
        transient: whether it is empty in the end.
    """

    def __init__(self, render: Callable[[], RenderableType], transient: bool = False) -> None:
        self._render, self._transient = render, transient
        self._handle: Any = None
        self._shown = 0.0

    def start(self) -> None:
        """Show it for the first time."""
        from IPython.display import display

        self._handle, self._shown = display(self._bundle(), raw=True, display_id=True), time.monotonic()

    def refresh(self) -> None:
        """Show what is new, unless that was just done."""
        if time.monotonic() - self._shown >= 1.0 / REFRESHES_PER_SECOND:
            self._shown = time.monotonic()
            self._handle.update(self._bundle(), raw=True)

    def stop(self) -> None:
        """Show the last state, which stays."""
        self._handle.update({"text/plain": "", "text/html": ""} if self._transient else self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        from rich.console import Console

        options: dict[str, Any] = {"highlight": False, "emoji": False, "force_jupyter": False}
        console = Console(file=io.StringIO(), width=NOTEBOOK_WIDTH, force_terminal=True, record=True, **options)
        console.print(self._render())
        text = console.export_text(clear=False)
        return {"text/plain": text, "text/html": console.export_html(inline_styles=True, code_format=PRE)}
