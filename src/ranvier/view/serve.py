"""Serve a view on this machine: bind, say the address, open the browser, end with Ctrl-C."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
import time
import webbrowser
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self, cast

import uvicorn

from ranvier.display.live import in_notebook
from ranvier.errors import InputError, RanvierError
from ranvier.model.model import Model
from ranvier.view.dispatch import ViewSubject
from ranvier.view.known_rows import rows_from_arrays, rows_of
from ranvier.view.live_run import LiveRun
from ranvier.view.notebook import notebook_view
from ranvier.view.question_source import QuestionSource
from ranvier.view.safety import new_token
from ranvier.view.server import view_app
from ranvier.view.subject import Subject

HOST = "127.0.0.1"
START_SECONDS = 10.0


class RunningView:
    """A view that is being served, in a thread of its own, until it is closed or the program ends.

    Fields:
        address: of the page, with the token of this start after #.

    Parameters:
        subject: what is looked at.
        port: 0 for a free one.

    Raises:
        InputError: another program listens on the port.
    """

    def __init__(self, subject: ViewSubject, port: int = 0) -> None:
        self._subject = subject
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise InputError(
                f"The port {port} cannot be used ({error.strerror or error}); take another one, or 0 for a free one."
            ) from error
        self.port: int = self._socket.getsockname()[1]
        token = new_token()
        self.address = f"http://{HOST}:{self.port}/#token={token}"
        config = uvicorn.Config(
            view_app(subject, token),
            lifespan="off",
            log_level="warning",
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        logging.getLogger("uvicorn.error").addFilter(self._is_said)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="ranvier view", daemon=True
        )
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise RanvierError("The server of the view did not start.")
            time.sleep(0.01)

    def _is_said(self, record: logging.LogRecord) -> bool:
        """Whether the server may say something: not that it breaks questions off as it ends, which is no error."""
        return not self._server.should_exit

    def open_browser(self) -> None:
        """Show the page in the browser."""
        webbrowser.open(self.address)

    def wait(self) -> None:
        """Wait until it is closed, or for Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(0.2)

    def end(self) -> None:
        """Let the server end, which `wait` waits for."""
        self._server.should_exit = True

    def close(self) -> None:
        """End the server; open pages say that it has gone."""
        if isinstance(self._subject, (LiveRun, QuestionSource)):
            self._subject.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        logging.getLogger("uvicorn.error").removeFilter(self._is_said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<view of a model at {self.address}>"


def view_model(model: Model, X: Any = None, y: Any = None, port: int = 0, browser: bool = True) -> RunningView:
    """Serve a view of a model; `Model.view` gives it. In a notebook with anywidget it is a widget, without a server."""
    rows = rows_of(model) if X is None else rows_from_arrays(model, X, y)
    subject = Subject(model, rows, model.report.model or "model")
    if browser and in_notebook() and find_spec("anywidget") is not None:
        widget: Any = notebook_view(subject)
        return cast(RunningView, widget)
    running = RunningView(subject, port)
    if browser and not over_ssh():
        running.open_browser()
    return running


def over_ssh() -> bool:
    """Whether the program runs in a shell of another machine, whose browser cannot reach this one."""
    return bool(os.environ.get("SSH_CONNECTION"))


def tunnel_command(port: int) -> str:
    """What to type on the machine with the browser, so that the address works there."""
    server = os.environ.get("SSH_CONNECTION", "").split()
    host = server[2] if len(server) == 4 else socket.gethostname()
    return f"ssh -N -L {port}:{HOST}:{port} {getpass.getuser()}@{host}"
