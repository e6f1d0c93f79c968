import json
import math
import os
import re
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError, ModelFileError, RanvierError
from ranvier.storage.run_folder import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "digits")


def refused_creation(path: Path) -> str:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(InputError) as caught:
        RunFolder.create(path)
    assert sorted(path.parent.rglob("*")) == before
    return str(caught.value)


def test_create_makes_a_new_folder_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda form: "20250102-030405")
    paths = [RunFolder.create(name="my data/../set.csv").path for _ in range(3)]
    stem = "20250102-030405-my-data-..-set.csv"
    assert paths == [Path("runs", stem), Path("runs", f"{stem}-2"), Path("runs", f"{stem}-3")]
    assert RunFolder.create(name="??").path.name == "20250102-030405-run"


def test_create_names_the_folder_after_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert re.fullmatch(r"\d{8}-\d{6}-iris", RunFolder.create(name="iris").path.name)


def test_runs_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").write_bytes(b"")
    with pytest.raises(InputError, match='"runs" is a file here'):
        RunFolder.create()


def test_create_accepts_a_new_or_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "a" / "b"):
        assert RunFolder.create(path).path == path
        assert RunFolder.open(path) == RunFolder(path)
        assert "already has a run; continue it (ranvier resume " in refused_creation(path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    assert "is not empty; give a new folder" in refused_creation(tmp_path / "full")
    assert "is a file" in refused_creation(tmp_path / "full" / "thesis.txt")
    assert "cannot be written" in refused_creation(tmp_path / "full" / "thesis.txt" / "run")


def test_open_refuses_folders_without_a_run(tmp_path: Path, run: RunFolder) -> None:
    with pytest.raises(InputError, match=r'There is no run folder ".*digit"\. Did you mean "digits"\?'):
        RunFolder.open(tmp_path / "digit")
    with pytest.raises(InputError, match=r'There is no run folder ".*b"\. Give the folder that training wrote'):
        RunFolder.open(tmp_path / "a" / "b")
    with pytest.raises(InputError, match=r"not a run folder: it has no events.jsonl. Choose one of: digits"):
        RunFolder.open(tmp_path)
    with pytest.raises(InputError, match="not a run folder"):
        RunFolder.open(run.events)


def test_events_are_one_json_object_per_line(run: RunFolder) -> None:
    assert run.read_events() == []
    events = [{"epoch": 1, "loss": 0.25}, {"text": "zwei\nZeilen \U0001f9e0"}, {"best": None}]
    for number, event in enumerate(events, 1):
        run.append(event)
        assert run.read_events() == events[:number]
    assert [json.loads(line) for line in run.events.read_text("ascii").splitlines()] == events
    assert run.read_events(after=2) == events[2:]
    assert run.read_events(after=3) == []
    assert run.read_events(after=9) == []


def test_nan_and_infinity_become_null(run: RunFolder) -> None:
    run.append({"loss": math.nan, "layers": [{"norm": math.inf}, (1.0, -math.inf)]})
    assert run.read_events() == [{"loss": None, "layers": [{"norm": None}, [1.0, None]]}]


@pytest.mark.parametrize("event", [["a"], {"a": {1}}, {1: 2}])
def test_events_that_are_not_json(run: RunFolder, event) -> None:
    with pytest.raises(InputError):
        run.append(event)
    assert run.events.read_bytes() == b""


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=20)), min_size=1, max_size=4), st.data())
def test_an_incomplete_last_line_of_events_is_ignored_then_replaced(
    tmp_path_factory, events, data: st.DataObject
) -> None:
    run = RunFolder.create(tmp_path_factory.mktemp("torn") / "run")
    for event in events:
        run.append(event)
    content = run.events.read_bytes()
    length = data.draw(st.integers(0, len(content)))
    os.truncate(run.events, length)
    complete = events[: content[:length].count(b"\n")]
    assert run.read_events() == complete
    run.append({"resumed": True})
    assert run.read_events() == [*complete, {"resumed": True}]


@pytest.mark.parametrize("tail", [b"\0" * 5000, b'{"epoch": 2', b"x" * 200_000])
def test_a_long_incomplete_last_line_of_events(run: RunFolder, tail: bytes) -> None:
    run.append({"epoch": 1})
    with run.events.open("ab") as file:
        file.write(tail)
    assert run.read_events() == [{"epoch": 1}]
    run.append({"epoch": 2})
    assert run.events.read_bytes() == b'{"epoch":1}\n{"epoch":2}\n'


@pytest.mark.parametrize("line", [b"{", b"[1]", b"\xff", b"", b'{"loss":NaN}'])
def test_the_error_names_the_damaged_line_of_events(run: RunFolder, line: bytes) -> None:
    run.append({"epoch": 1})
    with run.events.open("ab") as file:
        file.write(line + b"\n")
    run.append({"epoch": 3})
    with pytest.raises(ModelFileError, match=r"Line 2 of .*events\.jsonl"):
        run.read_events()
    assert run.read_events(after=2) == [{"epoch": 3}]


def test_a_failed_append_leaves_complete_lines(run: RunFolder, fail_at) -> None:
    run.append({"epoch": 0})
    for number in count(1):
        fail_at("write", number)
        try:
            run.append({"epoch": 1, "loss": 0.5})
        except RanvierError:
            assert run.events.read_bytes() == b'{"epoch":0}\n'
        else:
            break
    assert number > 2
    assert run.read_events() == [{"epoch": 0}, {"epoch": 1, "loss": 0.5}]


def test_missing_events(run: RunFolder) -> None:
    run.events.unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        run.read_events()
    with pytest.raises(InputError, match="cannot be written"):
        run.append({})


def test_description_round_trip(run: RunFolder) -> None:
    description = {"data": "größe.csv", "fit": {"seed": 0, "rate": 1e-3, "hidden": [256, 256]}}
    run.write_description({"old": 1})
    run.write_description(description)
    assert run.read_description() == description
    with pytest.raises(InputError, match="must be a dict"):
        run.write_description(["a"])
    with pytest.raises(InputError, match="rate is nan"):
        run.write_description({"rate": math.nan})
    assert run.read_description() == description


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "has no run.json"), (b"", "is damaged"), (b'{"a":', "is damaged"), (b"[]", "not a JSON object")],
)
def test_a_description_that_cannot_be_used(run: RunFolder, content: bytes | None, message: str) -> None:
    if content is not None:
        (run.path / "run.json").write_bytes(content)
    with pytest.raises(ModelFileError, match=f"{message}.*start over by training again into a new run folder"):
        run.read_description()


@pytest.mark.parametrize("function", ["write", "fsync", "replace"])
def test_a_failed_description_keeps_the_earlier_one(run: RunFolder, fail_at, function: str) -> None:
    run.write_description({"old": 1})
    fail_at(function, 1)
    with pytest.raises(RanvierError):
        run.write_description({"new": 1})
    assert run.read_description() == {"old": 1}
    assert sorted(path.name for path in run.path.iterdir()) == ["events.jsonl", "run.json"]


def test_two_processes_never_write_one_run(run: RunFolder) -> None:
    child = (
        "import sys\nfrom ranvier.errors import InputError\nfrom ranvier.storage import RunFolder\n"
        "try:\n    with RunFolder.open(sys.argv[1]).lock():\n        print('locked')\n"
        "except InputError as error:\n    print(error)\n"
    )

    def other() -> str:
        command = [sys.executable, "-c", child, str(run.path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    with run.lock():
        expected = (
            f'Process {os.getpid()} already writes the run "{run.path}"; wait until it ends, or use another folder.'
        )
        assert other() == expected
    assert other() == "locked"
    assert sorted(path.name for path in run.path.iterdir()) == ["events.jsonl", "lock"]


def test_the_description_of_version_0_1_is_read(run: RunFolder) -> None:
    run.write_description({"options": 1})
    (run.path / "run.json").rename(run.path / "description.json")
    assert run.read_description() == {"options": 1}
    run.write_description({"options": 2})
    assert run.read_description() == {"options": 2}
