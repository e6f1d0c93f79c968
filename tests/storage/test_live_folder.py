"""The live folder: what is published is read whole, and only fresh viewers count."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ranvier.storage.live_folder import (
    FORGOTTEN_SECONDS,
    MAX_VIEWERS,
    OPEN_SECONDS,
    WATCHED_SECONDS,
    LivePublisher,
    LiveReader,
    Status,
)


@pytest.fixture
def reader(tmp_path: Path) -> LiveReader:
    reader = LiveReader(tmp_path)
    reader.touch(looking=True)
    return reader


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_published_is_read(dtype: type, tmp_path: Path, reader: LiveReader) -> None:
    publisher = LivePublisher(tmp_path)
    assert not reader.refresh()
    assert reader.read() is None
    publisher.begin({"network": "a"}, 5, dtype)
    assert not reader.refresh(), "its parameters are not there yet"
    for step in range(1, 5):
        status = Status(step, 1, 9, 2, 3, step == 3, 0.125, 10.0, 4.5)
        publisher.publish(status, np.arange(5, dtype=dtype) + step)
        assert reader.refresh() == (step == 1), "it is the same network"
        sequence, read_status, parameters = reader.read() or pytest.fail("nothing was there")
        assert (sequence, read_status) == (step, status)
        assert parameters.dtype == dtype
        assert (parameters == np.arange(5) + step).all()
    assert reader.sequence() == 4
    assert reader.description == {"network": "a"}


def test_another_network_takes_the_place_of_the_first(tmp_path: Path, reader: LiveReader) -> None:
    publisher = LivePublisher(tmp_path)
    publisher.begin({"network": "a"}, 5, np.float32)
    publisher.publish(Status(1), np.ones(5, np.float32))
    assert reader.refresh()
    publisher.begin({"network": "b"}, 2, np.float32)
    publisher.publish(Status(7), np.zeros(2, np.float32))
    assert reader.refresh()
    assert reader.number == 2
    assert reader.description == {"network": "b"}
    assert (reader.read() or pytest.fail("nothing"))[1].step == 7
    assert sorted(path.name for path in (tmp_path / "live").glob("parameters-*")) == ["parameters-2"]


def test_a_slot_that_is_being_written_is_not_read(tmp_path: Path, reader: LiveReader) -> None:
    publisher = LivePublisher(tmp_path)
    publisher.begin({}, 3, np.float32)
    publisher.publish(Status(1), np.ones(3, np.float32))
    reader.refresh()
    with pytest.raises(ValueError, match="could not convert"):
        publisher.publish(Status(2), np.array(["a", "b", "c"]))
    sequence, status, parameters = reader.read() or pytest.fail("nothing")
    assert (sequence, status.step, parameters.tolist()) == (1, 1, [1.0, 1.0, 1.0])


def test_reading_beside_writing_gives_whole_arrays(tmp_path: Path, reader: LiveReader) -> None:
    publisher, size = LivePublisher(tmp_path), 20_000
    publisher.begin({}, size, np.float32)
    publisher.publish(Status(0), np.zeros(size, np.float32))
    assert reader.refresh()
    ends = threading.Event()

    def write() -> None:
        step = 0
        while not ends.is_set():
            step += 1
            publisher.publish(Status(step), np.full(size, step, np.float32))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(200):
            read = reader.read()
            if read is not None:
                assert (read[2] == read[1].step).all()
    finally:
        ends.set()
        thread.join()


def test_only_fresh_viewers_count(tmp_path: Path) -> None:
    publisher, reader = LivePublisher(tmp_path), LiveReader(tmp_path)
    assert not publisher.is_watched()
    assert not publisher.is_open()
    reader.touch(looking=False)
    assert publisher.is_open()
    assert not publisher.is_watched()
    reader.touch(looking=True)
    assert publisher.is_watched()
    for name, seconds in (("watched", WATCHED_SECONDS), ("open", OPEN_SECONDS)):
        (path,) = (tmp_path / "live").glob(f"{name}-*")
        for age in (seconds + 1, -seconds - 1):
            os.utime(path, (time.time() - age,) * 2)
            assert not (publisher.is_watched() if name == "watched" else publisher.is_open())
    reader.touch(looking=True)
    reader.leave()
    assert not publisher.is_watched()
    assert not publisher.is_open()


def test_each_viewer_sees_its_own_rows(tmp_path: Path) -> None:
    publisher = LivePublisher(tmp_path)
    readers = [LiveReader(tmp_path) for _ in range(MAX_VIEWERS + 1)]
    marks = []
    for number, reader in enumerate(readers):
        reader.touch(looking=True)
        marks.append(reader.ask_for(b"rows %d" % number))
    assert readers[0].ask_for(b"rows 0") == marks[0]
    shown = publisher.rows()
    assert shown is publisher.rows(), "nobody asked for others"
    assert len(shown) == MAX_VIEWERS
    publisher.begin({}, 3, np.float32, 2)
    publisher.publish(Status(1), np.ones(3, np.float32))
    values = {mark: np.full((1 + at, 2), mark % 1000, np.float32) for at, mark in enumerate(shown)}
    publisher.publish_values(Status(2), values)
    for mark, reader in zip(marks, readers, strict=True):
        assert reader.refresh()
        _, status, values_read = reader.read_values() or pytest.fail("nothing")
        assert status.step == 2
        assert (mark in values_read) == (mark in shown)
        if mark in shown:
            assert values_read[mark].tolist() == values[mark].tolist()


def test_a_viewer_that_leaves_takes_nothing_from_the_others(tmp_path: Path) -> None:
    publisher, first, second = LivePublisher(tmp_path), LiveReader(tmp_path), LiveReader(tmp_path)
    for reader in (first, second):
        reader.touch(looking=True)
    marks = [first.ask_for(b"0"), second.ask_for(b"1")]
    assert publisher.rows().keys() == set(marks)
    first.leave()
    assert publisher.is_watched()
    assert publisher.is_open()
    assert publisher.rows() == {marks[1]: b"1"}
    second.leave()
    assert not publisher.is_watched()
    assert publisher.rows() == {}


def test_files_of_viewers_that_broke_off_are_removed(tmp_path: Path) -> None:
    publisher, broken_off, there = LivePublisher(tmp_path), LiveReader(tmp_path), LiveReader(tmp_path)
    for reader in (broken_off, there):
        reader.touch(looking=True)
        reader.ask_for(b"rows")
    left, _ = (tmp_path / "live").glob("open-*")
    os.utime(left, (time.time() - FORGOTTEN_SECONDS - 1,) * 2)
    publisher.begin({}, 3, np.float32)
    kinds = [path.name.split("-")[0] for path in (tmp_path / "live").iterdir()]
    assert sorted(kinds) == ["network", "open", "parameters", "rows", "watched"]


def test_commands_from_before_do_not_count(tmp_path: Path, reader: LiveReader) -> None:
    reader.send({"do": "stop"})
    publisher = LivePublisher(tmp_path)
    assert publisher.commands() == []
    reader.send({"do": "pause", "id": "a"})
    reader.send({"do": "play"})
    assert publisher.commands() == [{"do": "pause", "id": "a"}, {"do": "play"}]
    assert publisher.commands() == []


def test_a_deleted_folder_is_no_viewer_and_no_error(tmp_path: Path) -> None:
    publisher, reader = LivePublisher(tmp_path / "gone"), LiveReader(tmp_path / "gone")
    reader.touch(looking=True)
    assert not publisher.is_watched()
    assert publisher.commands() == []
    assert not reader.refresh()
