"""Tail: every whole line once, whatever happens to the file."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ranvier.storage.tail import Tail


@given(cuts=st.lists(st.integers(1, 40), max_size=20))
def test_lines_come_once_and_whole_wherever_they_are_cut(cuts: list[int], tmp_path_factory: object) -> None:
    path = Path(tmp_path_factory.mktemp("tail")) / "events"  # type: ignore[attr-defined]
    content = b"".join(json.dumps({"epoch": number, "text": "ü"}).encode() + b"\n" for number in range(9))
    tail, lines, at = Tail(path), [], 0
    for cut in [*cuts, len(content)]:
        with path.open("ab") as file:
            file.write(content[at : at + cut])
        at = min(len(content), at + cut)
        lines += [entry["epoch"] for entry in tail.read()]
    assert lines == list(range(9))


def test_a_missing_file_a_new_file_and_a_shorter_one(tmp_path: Path) -> None:
    path = tmp_path / "events"
    tail = Tail(path)
    assert tail.read() == []
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert tail.read() == [{"a": 1}, {"a": 2}]
    path.unlink()
    assert tail.read() == []
    path.write_text('{"a": 3}\n')
    assert tail.read() == [{"a": 3}]
    assert tail.restarts == 1
    path.write_text("")
    path.write_text('{"a": 4}\n')
    assert tail.read() == [] or tail.restarts == 1, "the same file with as many bytes cannot be told apart"
    path.write_text("")
    assert tail.read() == []
    assert tail.restarts == 2


def test_lines_that_are_no_objects_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text('1\nnull\n{"a": NaN}\n\n{"a": 1}\n{broken\n')
    assert Tail(path).read() == [{"a": 1}]


def test_at_the_end_only_what_comes_counts(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text('{"a": 1}\n')
    tail = Tail(path, at_end=True)
    with path.open("a") as file:
        file.write('{"a": 2}\n')
    assert tail.read() == [{"a": 2}]


def test_a_file_in_the_place_of_another_is_read_from_its_start(tmp_path: Path) -> None:
    """Also where it is longer than what was read of the one before."""
    path, other = tmp_path / "events", tmp_path / "new"
    path.write_text('{"a": 1}\n')
    tail = Tail(path)
    assert tail.read() == [{"a": 1}]
    other.write_text('{"b": 1}\n{"b": 2}\n')
    other.replace(path)
    assert (tail.read(), tail.restarts) == ([{"b": 1}, {"b": 2}], 1)
    assert (tail.read(), tail.restarts) == ([], 1)
