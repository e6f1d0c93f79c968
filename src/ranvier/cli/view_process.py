"""The view of a run in a process of its own, so that it takes no time from the training that it shows."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ranvier.cli.console import Output
    from ranvier.training.events import Event


class ViewProcess:
    """Starts the view once the run has a folder, and ends it with this process.

    An instance is a sink of events.

    Parameters:
        output: where the address is said.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._process: subprocess.Popen[str] | None = None
        self._address_reader: threading.Thread | None = None
        self.address: str | None = None

    def __call__(self, event: Event) -> None:
        """Start with the first event that names the folder of the run."""
        run = getattr(event, "run", None)
        if self._process is None and isinstance(run, str):
            self._start(run)

    def wait(self) -> None:
        """Serve until Ctrl-C."""
        if self._process is None or self._address_reader is None:
            return
        with contextlib.suppress(KeyboardInterrupt):
            self._address_reader.join()
        if self.address is None:
            return
        self._output.say("The view stays open until Ctrl-C:")
        self._output.console.print(self.address, markup=False, soft_wrap=True)
        with contextlib.suppress(KeyboardInterrupt):
            self._process.wait()

    def _start(self, run: str) -> None:
        command = [sys.executable, "-m", "ranvier", "view", run, "--json", "--attached"]
        # Its own session: Ctrl-C is for the training, and the pipe's end tells the view when this process has ended.
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
        self._address_reader = threading.Thread(target=self._say_address, name="ranvier view address", daemon=True)
        self._address_reader.start()

    def _say_address(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        with contextlib.suppress(ValueError, KeyError):
            self.address = json.loads(line)["address"]
            self._output.console.print(f"View: {self.address}", markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
