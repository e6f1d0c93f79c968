import signal
import subprocess
import sys
import textwrap
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.errors import InputError, ModelFileError, RanvierError
from ranvier.storage.checkpoint import read_latest, write_checkpoint
from ranvier.storage.model_file import write_model


def write(folder: Path, number: int, keep: int = 2) -> Path:
    return write_checkpoint(folder, number, {"weight": np.full(3, number, np.float32)}, {"step": number}, keep)


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem.removeprefix("checkpoint-")) for path in folder.iterdir())


def test_checkpoint_round_trip_creates_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "checkpoints"
    stored = {"weight": np.ones((2, 3)), "slot.0": np.zeros(0, np.float32), "step": np.array(2**62)}
    state = {"epoch": 2, "best": None, "losses": [0.1 + 0.2, 1e-300]}
    path = write_checkpoint(folder, 12, stored, state)
    assert list(folder.iterdir()) == [path]
    read, again, notes = read_latest(folder)
    assert again == state
    assert notes == ()
    assert {name: (array.dtype, array.shape, array.tobytes()) for name, array in read.items()} == {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in stored.items()
    }


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_only_the_newest_checkpoints_are_kept(tmp_path: Path, keep: int) -> None:
    for number in (1, 5, 9, 10, 100, 12345678901):
        write(tmp_path, number, keep)
        assert read_latest(tmp_path)[1] == {"step": number}
    assert numbers(tmp_path) == [10, 100, 12345678901][-keep:]


def test_other_files_are_kept_and_temporary_files_removed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".ranvier-99-abc.tmp").write_bytes(b"half")
    write(tmp_path, 1, keep=1)
    path = write(tmp_path, 2, keep=1)
    assert sorted(tmp_path.iterdir()) == [path, tmp_path / "notes.txt"]


def test_checkpoints_with_higher_numbers_are_removed(tmp_path: Path) -> None:
    for number in (10, 20, 30):
        write(tmp_path, number, keep=3)
    (tmp_path / "checkpoint-0000000030.safetensors").write_bytes(b"damaged")
    write(tmp_path, 25, keep=3)
    assert numbers(tmp_path) == [10, 20, 25]
    assert read_latest(tmp_path)[1:] == ({"step": 25}, ())


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(tmp_path_factory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damage")
    write(folder, 1)
    newest = write(folder, 2)
    content = newest.read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        newest.write_bytes(content[:position])
    else:
        change = data.draw(st.integers(1, 255))
        newest.write_bytes(content[:position] + bytes([content[position] ^ change]) + content[position + 1 :])
    arrays, state, notes = read_latest(folder)
    assert state == {"step": 1}
    assert arrays["weight"].tolist() == [1, 1, 1]
    assert len(notes) == 1
    assert newest.name in notes[0]
    assert notes[0].endswith('The run continues from "checkpoint-0000000001.safetensors".')


def test_without_an_intact_checkpoint_the_error_names_the_folder(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ModelFileError) as caught:
            read_latest(folder)
        assert str(caught.value) == (
            f'The folder "{folder}" has no checkpoints; start over by training again into a new run folder.'
        )
    write(tmp_path, 1).write_bytes(b"")
    write_model(tmp_path / "checkpoint-0000000002.safetensors", {}, {})
    with pytest.raises(ModelFileError) as caught:
        read_latest(tmp_path)
    message = str(caught.value)
    assert message.startswith(f'None of the 2 checkpoints in "{tmp_path}" can be used; start over by training again')
    assert "checkpoint-0000000002.safetensors" in message
    assert "is a model file, not a checkpoint" in message
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelFileError, match="has no checkpoints"):
        read_latest(tmp_path / "file")


@pytest.mark.parametrize(("number", "keep"), [(-1, 2), (1.0, 2), (True, 2), (10**18, 2), (1, 0), (1, 1.5)])
def test_checkpoint_numbers_are_checked(tmp_path: Path, number, keep) -> None:
    with pytest.raises(InputError):
        write(tmp_path, number, keep)
    assert list(tmp_path.iterdir()) == []


def test_nan_in_the_state_is_refused_before_any_file_is_written(tmp_path: Path) -> None:
    write(tmp_path, 1, keep=1)
    with pytest.raises(InputError, match="best is inf"):
        write_checkpoint(tmp_path, 2, {}, {"best": float("inf")}, keep=1)
    assert numbers(tmp_path) == [1]


def test_a_checkpoint_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "file" / "checkpoints", 1)


@pytest.mark.parametrize("function", ["write", "fsync", "replace"])
def test_a_failed_checkpoint_keeps_the_earlier_one(tmp_path: Path, fail_at, function: str) -> None:
    write(tmp_path, 0, keep=1)
    for number in count(1):
        before = read_latest(tmp_path)[1]
        fail_at(function, number)
        try:
            write(tmp_path, number, keep=1)
        except RanvierError:
            _, state, notes = read_latest(tmp_path)
            assert state in (before, {"step": number})
            assert notes == ()
            assert all(path.suffix == ".safetensors" for path in tmp_path.iterdir())
        else:
            break
    assert number > 1
    assert numbers(tmp_path) == [number]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("seconds", [0.0, 0.004, 0.011, 0.023])
def test_after_a_kill_at_any_time_the_newest_checkpoint_is_intact(tmp_path: Path, seconds: float) -> None:
    child = textwrap.dedent(
        """
        import sys
        import numpy as np
        from ranvier.storage.checkpoint import write_checkpoint
        for number in range(1, 10**9):
            write_checkpoint(sys.argv[1], number, {"w": np.full(50_000, number)}, {"step": number})
            print(number, flush=True)
        """
    )
    with subprocess.Popen([sys.executable, "-c", child, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        time.sleep(seconds)
        process.kill()
        written = [1, *map(int, process.stdout.read().split(b"\n")[:-1])]
    arrays, state, notes = read_latest(tmp_path)
    assert state["step"] >= written[-1]
    assert np.all(arrays["w"] == state["step"])
    assert notes == ()
