"""`ranvier view`: look inside a trained model in the browser."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import DONE
from ranvier.cli.options import json_option

if TYPE_CHECKING:
    from ranvier.view.live_run import LiveRun
    from ranvier.view.question_source import QuestionSource
    from ranvier.view.serve import RunningView
    from ranvier.view.subject import Subject


@click.command("view")
@click.argument("model", metavar="[MODEL|RUN|FOLDER]", required=False)
@click.argument("data", metavar="[DATA]", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="0, the default, takes a free one.")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@click.option("--attached", is_flag=True, hidden=True)
@json_option
def command(model: str | None, data: str | None, port: int, no_browser: bool, attached: bool, as_json: bool) -> int:
    """Look inside a trained model in the browser: its neurons, its mistakes, and its answers to your own rows.

    Rows are the test rows of the model's run, or those of DATA. A run that is still training is shown live; FOLDER is a
    folder of runs, which are shown side by side. Without a model there is a small network to play with. The page is
    served on this machine only, until Ctrl-C.
    """
    from threadpoolctl import threadpool_limits

    from ranvier.view.playground import Playground
    from ranvier.view.serve import RunningView, over_ssh, tunnel_command

    # A second thread of NumPy's BLAS would wait for work on a core that a training uses.
    threadpool_limits(1, "blas")
    output = Output(as_json)
    subject = Playground() if model is None else open_subject(model, data)
    with RunningView(subject, port) as running:
        output.say(f"{subject.name}: {_rows_of(subject)}.")
        output.console.print(running.address, markup=False, soft_wrap=True)
        if over_ssh():
            output.say("From the machine with the browser, open the tunnel first:")
            output.console.print(f"  {tunnel_command(running.port)}", markup=False, soft_wrap=True)
        output.say("Ctrl-C ends it.")
        output.finish(lambda: {"address": running.address})
        sys.stdout.flush()
        if attached:
            _attach(running)
        if not no_browser and not over_ssh():
            running.open_browser()
        try:
            running.wait()
        except KeyboardInterrupt:
            output.say("Closed.")
    return DONE


def _rows_of(subject: Subject | LiveRun | QuestionSource) -> str:
    """Which rows are known, in words."""
    from ranvier.view.live_run import LiveRun
    from ranvier.view.question_source import QuestionSource

    if isinstance(subject, QuestionSource):
        return "a small network to play with" if subject.page == "play" else "its runs side by side"
    if isinstance(subject, LiveRun):
        return "it is training"
    return "no rows are known" if subject.rows is None else subject.rows.name


def _attach(running: RunningView) -> None:
    """Stand back behind the training that started this process, and end with it."""

    def end() -> None:
        sys.stdin.read()
        running.end()

    with contextlib.suppress(AttributeError, OSError):
        os.nice(5)
    threading.Thread(target=end, name="ranvier view end", daemon=True).start()


def open_subject(path: str, data: str | None) -> Subject | LiveRun | QuestionSource:
    """The model of a file or a run folder, with the rows that are known; a run that is training; or a folder of runs.

    Raises:
        InputError: there is no such model, or the rows cannot be read.
    """
    import ranvier
    from ranvier.storage.lock import is_held
    from ranvier.storage.run_folder import RunFolder
    from ranvier.view.known_rows import rows_from_file, rows_of
    from ranvier.view.live_run import LiveRun
    from ranvier.view.run_model import model_file_of
    from ranvier.view.runs_folder import RunsFolder, run_folders
    from ranvier.view.subject import Subject

    if data is None and not RunFolder(Path(path)).events.is_file() and next(run_folders(Path(path)), None):
        return RunsFolder(path)
    if data is None and Path(path).is_dir() and is_held(RunFolder.open(path).path / "lock"):
        return LiveRun(path)
    file = model_file_of(path) if Path(path).is_dir() else Path(path)
    model = ranvier.load(file)
    rows = rows_of(model, file) if data is None else rows_from_file(model, data)
    return Subject(model, rows, file.name)
