"""The progress display: what it says on a terminal and elsewhere, and how often."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ranvier.display import progress, work
from ranvier.display.format import duration, number, percent
from ranvier.display.progress import MAX_LINES, Display, sink_for
from ranvier.errors import InputError
from ranvier.training.events import (
    DataEvent,
    EndEvent,
    EpochEvent,
    Event,
    NoteEvent,
    ProgressEvent,
    StartEvent,
    WorkEvent,
    silent,
)
from ranvier.training.history import Epoch


def start(epochs: int, first: int = 1, validation: int = 10) -> StartEvent:
    return StartEvent(epochs, first, 90, validation, "reference", None, 30, 32)


def epoch(number: int, **values: Any) -> EpochEvent:
    record = Epoch(number, 1.0 / number, 1.5 / number, {"accuracy": 0.5}, 0.001, 0.1, 900.0, number == 1)
    return EpochEvent(replace(record, **values))


def end(epochs: int, text: str = "All epochs are done.", reason: str = "finished") -> EndEvent:
    return EndEvent(reason, text, epochs, 1, 1.0)


def data(task: str) -> DataEvent:
    return DataEvent("x.csv", task, ["y"], [], {}, 90, {}, [], [], 2, [], 30)


def terminal(width: int = 80, **options: Any) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False, **options)


def written(display: Display) -> str:
    file = display.console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def run(display: Display, epochs: int, first: int = 1) -> str:
    with display:
        display(start(epochs, first))
        for at in range(first, epochs + 1):
            display(ProgressEvent(at, 1, 2))
            display(epoch(at))
        display(end(epochs))
    return written(display)


@pytest.mark.parametrize("epochs", [1, 2, 19, 20, 21, 100, 1000])
def test_a_file_gets_few_lines_with_the_first_and_the_last_epoch(epochs: int) -> None:
    lines = run(Display(stream=io.StringIO()), epochs).splitlines()
    assert lines[0].split() == ["Epoch", "Loss", "Validation", "Accuracy", "Examples/s", "Time", "left"]
    assert lines[1].split()[0] == f"1/{epochs}"
    assert lines[-2].split()[0] == f"{epochs}/{epochs}"
    assert lines[-1] == "All epochs are done."
    assert len(lines) - 2 == epochs if epochs <= MAX_LINES else MAX_LINES // 2 < len(lines) - 2 <= MAX_LINES + 2


def test_lines_are_aligned_and_free_of_escape_codes() -> None:
    text = run(Display(stream=io.StringIO()), 12)
    assert "\x1b" not in text
    table = text.splitlines()[:-1]
    ends = {match.end() for match in [re.match(r" *\S+", line) for line in table] if match}
    assert len(ends) == 1
    assert len({len(line) for line in table}) == 1


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the display reads; only the test moves it."""
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    return clock


def test_the_time_left_does_not_count_compiling(now: list[float]) -> None:
    """The first epoch comes after a second, the others take a hundredth of one."""
    display = Display(stream=io.StringIO())
    display(start(1000))
    now[0] += 1.0
    for at in range(1, 1001):
        display(epoch(at))
        now[0] += 0.01
    lines = written(display).splitlines()
    assert [lines[1].split()[-1], lines[2].split()[-2:]] == ["-", ["9.5", "s"]]
    assert lines[-1].split()[-2:] == ["0", "ms"] or lines[-1].split()[-2:] == ["0", "s"]


def test_a_long_first_epoch_says_how_long_the_others_take(now: list[float]) -> None:
    display = Display(stream=io.StringIO())
    display(start(4))
    now[0] += 20.0
    display(epoch(1))
    assert written(display).splitlines()[1].endswith("1:00 min")


def test_an_early_stop_shows_the_last_epoch_once() -> None:
    display = Display(stream=io.StringIO())
    display(start(1000))
    for at in range(1, 8):
        display(epoch(at))
    display(end(7, "The validation loss has not improved for 5 epochs.", "stopped"))
    lines = written(display).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["1/1000", "7/1000"]
    assert len(lines) == 4


def test_a_resumed_run_counts_from_its_first_epoch() -> None:
    lines = run(Display(stream=io.StringIO()), 50, first=41).splitlines()
    assert lines[1].split()[0] == "41/50"
    assert len(lines) == 12


def test_r2_is_shown_for_numbers_and_nothing_without_validation_rows() -> None:
    display = Display(stream=io.StringIO())
    display(start(1))
    display(epoch(1, metrics={"r2": 0.87654}))
    assert "0.8765" in written(display)
    assert "R²" in written(display)
    guess = Display(stream=io.StringIO())
    guess(start(1))
    guess(epoch(1, metrics={"r2": -1e-6}))
    assert " 0.0000" in written(guess)
    bare = Display(stream=io.StringIO())
    bare(start(1, validation=0))
    bare(epoch(1, metrics={}, validation_loss=None))
    assert written(bare).splitlines()[0].split() == ["Epoch", "Loss", "Examples/s", "Time", "left"]


def test_a_run_with_no_epoch_left_ends_quietly() -> None:
    display = Display(terminal())
    display(start(6, first=7))
    display(end(6))
    assert "All epochs are done." in written(display)


def test_the_column_of_the_score_is_there_from_the_start() -> None:
    for task, title in (("classes", "Accuracy"), ("regression", "R²")):
        display = Display(stream=io.StringIO())
        display(data(task))
        display(start(1))
        display(epoch(1, metrics={}))
        assert title in written(display).splitlines()[0]


def test_a_failed_run_leaves_the_words_to_the_error() -> None:
    display = Display(stream=io.StringIO())
    display(start(10))
    display(end(0, "Training failed.", "failed"))
    assert written(display) == ""


def test_notes_and_brackets_are_reported_as_they_are() -> None:
    display = Display(stream=io.StringIO())
    display(NoteEvent("The checkpoint [bold] was damaged."))
    assert written(display) == "The checkpoint [bold] was damaged.\n"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_shows_one_live_table_within_its_width(width: int) -> None:
    text = run(Display(terminal(width, color_system="truecolor")), 30)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "\n")
    assert "30/30" in plain
    assert "All epochs are done." in plain
    assert max(len(line) for line in plain.splitlines()) <= width
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_no_color_leaves_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    note = NoteEvent("A note stands out.")
    for setting, coloured in ((None, True), ("1", False)):
        if setting:
            monkeypatch.setenv("NO_COLOR", setting)
        display = Display(terminal(color_system="standard"))
        display(note)
        assert (colour.search(run(display, 3)) is not None) is coloured


def test_a_terminal_without_cursor_movement_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    text = run(Display(terminal()), 3)
    assert "\x1b[?25l" not in text
    assert [line.split()[0] for line in text.splitlines()[1:4]] == ["1/3", "2/3", "3/3"]


def test_an_error_gives_the_terminal_back() -> None:
    display = Display(terminal())

    def fail() -> None:
        with display:
            display(start(10))
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert "\x1b[?25h" in written(display)


def test_the_progress_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())

    def sink(event: Event) -> None:
        return None

    assert sink_for(sink) is sink
    assert sink_for(False) is silent
    assert sink_for(None) is silent
    assert isinstance(sink_for(True), Display)
    with pytest.raises(InputError, match="it must be None, True, False or a function"):
        sink_for("yes")


@given(st.floats(0, 1e7))
def test_durations_are_short_and_never_of_sixty_seconds(seconds: float) -> None:
    text = duration(seconds)
    assert len(text) <= 13
    assert not re.search(r"\b60( s|$)|:60", text)


@given(st.floats())
def test_numbers_fit_their_column(value: float) -> None:
    assert len(number(value)) <= 10
    if 1e-3 <= abs(value) < 1e6:
        assert float(number(value).replace(",", "")) == pytest.approx(value, rel=0.06)


def test_percent() -> None:
    assert percent(1.0) == "100.0 %"


def at_times(monkeypatch: pytest.MonkeyPatch, display: Display, events: list[tuple[float, Event]]) -> str:
    for seconds, event in events:
        monkeypatch.setattr(work.time, "monotonic", lambda seconds=seconds: seconds)
        display(event)
    return written(display)


def test_other_work_gets_a_line_after_a_second_and_then_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [(0.0, 0), (0.9, 1), (1.1, 2), (2.0, 3), (16.2, 4), (17.0, 8)]
    events: list[tuple[float, Event]] = [(at, WorkEvent("Reading pictures", done, 8)) for at, done in points]
    events += [(20.0, WorkEvent("Making patch features", 1, 8)), (20.5, WorkEvent("Making patch features", 8, 8))]
    lines = at_times(monkeypatch, Display(stream=io.StringIO()), events).splitlines()
    assert lines == ["Reading pictures: 25.0 % after 1.1 s.", "Reading pictures: 50.0 % after 16 s."]


def test_other_work_is_a_bar_on_a_terminal_that_disappears(monkeypatch: pytest.MonkeyPatch) -> None:
    display = Display(terminal())
    with display:
        text = at_times(monkeypatch, display, [(0.0, WorkEvent("Reading pictures", 1, 4)), (2.0, data("binary"))])
    assert "Reading pictures" in text
    assert "25.0 %" in text
    assert "\x1b[2K" in text
