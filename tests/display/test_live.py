"""Displays that change in place."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ranvier.display import live
from ranvier.display.progress import Display, sink_for
from ranvier.training.events import WorkEvent, silent
from tests.display.test_progress import end, epoch, start


class ZMQInteractiveShell:
    """What IPython calls the shell of a Jupyter kernel."""


class TerminalInteractiveShell:
    """What IPython calls the shell of a terminal."""


class Cell:
    """The outputs of a cell; what each showed, one state after the other."""

    def __init__(self) -> None:
        self.outputs: list[list[dict[str, str]]] = []

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        states = [bundle]
        self.outputs.append(states)
        return SimpleNamespace(update=lambda bundle, raw: states.append(bundle))


def kernel(monkeypatch: pytest.MonkeyPatch, shell: object) -> Cell:
    """A process that looks like a kernel of Jupyter: its standard output says that it is a terminal."""
    cell = Cell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=cell.display))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    return cell


def test_progress_in_a_notebook_is_one_output_that_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = kernel(monkeypatch, ZMQInteractiveShell())
    times = iter(range(100))
    monkeypatch.setattr(live.time, "monotonic", lambda: float(next(times)))
    sink = sink_for(None)
    assert isinstance(sink, Display)
    for event in (start(2), epoch(1), epoch(2), end(2)):
        sink(event)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "Validation" not in captured.out
    (states,) = cell.outputs
    assert len(states) >= 3
    for text in ("Validation", "2/2"):
        assert text in states[-1]["text/plain"]
        assert text in states[-1]["text/html"]
    assert "\x1b" not in states[-1]["text/plain"]
    assert "1/2" not in states[-1]["text/plain"]


def test_a_notebook_is_not_drawn_more_often_than_people_see(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = kernel(monkeypatch, ZMQInteractiveShell())
    monkeypatch.setattr(live.time, "monotonic", lambda: 1.0)
    sink = sink_for(True)
    for event in (start(50), *(epoch(number) for number in range(1, 51)), end(50)):
        sink(event)
    assert [len(states) for states in cell.outputs] == [2]


def test_other_work_in_a_notebook_is_an_output_that_is_empty_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = kernel(monkeypatch, ZMQInteractiveShell())
    sink = sink_for(None)
    sink(WorkEvent("Reading pictures", 1, 4))
    sink(WorkEvent("Reading pictures", 4, 4))
    (states,) = cell.outputs
    assert "Reading pictures" in states[0]["text/plain"]
    assert "Reading pictures" in states[0]["text/html"]
    assert states[-1] == {"text/plain": "", "text/html": ""}


def test_a_terminal_with_ipython_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = kernel(monkeypatch, TerminalInteractiveShell())
    assert sink_for(None) is silent
    assert not live.in_notebook()
    assert cell.outputs == []
