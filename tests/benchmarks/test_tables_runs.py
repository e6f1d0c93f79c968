"""The tables benchmark: which rows train and test, results as lines of a file, jobs in processes of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tables_parts import records
from tables_parts.registry import METHODS
from tables_parts.runs import Job, Place, jobs
from tables_parts.sets import MAX_TEST, MAX_TRAIN, TABLES, at_most, problem

NOWHERE = Path("/nowhere")
ENDLESS = "from tables_parts.answering import answer\ndef make(options):\n    while True: pass\nanswer(make)"
SCORED = {"kind": "score", "set": "adult", "seed": 0, "method": "histgb"}


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "digits"])
def test_a_seed_gives_the_split(name: str) -> None:
    first, again, other = (problem(TABLES[name], NOWHERE, seed) for seed in (0, 0, 1))
    assert first.digest() == again.digest() != other.digest()
    assert len(first.test) == -(-(len(first.train) + len(first.test)) // 5)
    assert first.table.target not in first.columns
    if first.classification:
        for label in first.classes:
            inside = [int((part[first.table.target] == label).sum()) for part in (first.train, first.test)]
            assert abs(inside[0] - 4 * inside[1]) <= 5


def test_so_many_rows_at_most() -> None:
    frame = problem(TABLES["diabetes"], NOWHERE, 0).train
    assert at_most(frame, len(frame), 0) is frame
    fewer = at_most(frame, 100, 0)
    assert len(set(fewer.index)) == 100
    assert at_most(frame, 100, 0).equals(fewer)
    assert not at_most(frame, 100, 1).equals(fewer)


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(name for name, table in TABLES.items() if table.builtin is None))
def test_every_set_is_read_as_its_table_says(name: str, real_data: Path) -> None:
    actual = problem(TABLES[name], real_data, 0)
    assert actual.table.target in actual.train.columns
    assert not set(actual.table.drop) & set(actual.train.columns)
    assert 700 < len(actual.train) <= MAX_TRAIN
    assert 100 < len(actual.test) <= MAX_TEST
    kind = actual.table.kind
    assert kind == "regression" or (len(actual.classes) == 2) == (kind == "binary")
    assert set(actual.test[actual.table.target]) <= set(actual.classes) or kind == "regression"
    assert not actual.train.isin(list(actual.table.missing)).any(axis=None)


def test_lines_are_read_as_written_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    path = tmp_path / "there" / "results.jsonl"
    for value in (1, 2):
        records.append(path, SCORED | {"scores": {"accuracy": value}})
    records.append(path, {"kind": "run", "machine": {}})
    rows = records.read([path, tmp_path / "missing.jsonl"])
    assert len(rows) == 3
    assert records.results(rows, "time") == {}
    (actual,) = records.results(rows, "score").values()
    assert actual["scores"] == {"accuracy": 2}


def test_a_line_that_was_cut_off_is_left_out_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    records.append(path, SCORED)
    path.write_text(path.read_text() + '{"kind": "sco')
    assert records.read([path]) == [SCORED]
    records.append(path, SCORED | {"seed": 1})
    assert [row["seed"] for row in records.read([path])] == [0, 1]


def test_damage_before_the_end_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"kind"\n{"kind": "run"}\n')
    with pytest.raises(ValueError, match=r"Line 1 of .* is damaged"):
        records.read([path])


def test_scores_go_method_by_method_and_times_set_by_set() -> None:
    pairs = [(job.method, job.set) for job in jobs("score", ["a", "b"], [0], ["m", "n"])]
    assert pairs == [("m", "a"), ("m", "b"), ("n", "a"), ("n", "b")]
    pairs = [(job.method, job.set) for job in jobs("time", ["a", "b"], [0], ["m", "n"])]
    assert pairs == [("m", "a"), ("n", "a"), ("m", "b"), ("n", "b")]


def test_a_job_runs_in_a_process_of_its_own() -> None:
    row = Place(NOWHERE, 1, 60, "here").run(Job("score", "diabetes", 3, "baseline"))
    actual = problem(TABLES["diabetes"], NOWHERE, 3)
    assert records.key(row) == ("score", "diabetes", 3, "baseline")
    assert row["rows"] == {"train": len(actual.train), "test": len(actual.test), "digest": actual.digest()}
    assert row["scores"]["rmse"] == pytest.approx(1.0, abs=0.05)  # the means of both parts are near each other


def test_a_failure_says_why() -> None:
    row = Place(NOWHERE, 1, 60, "here").run(Job("score", "adult", 0, "baseline"))
    assert "FileNotFoundError" in row["failed"]
    assert "scores" not in row


def test_a_process_that_computes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "_command", lambda self, module: [sys.executable, "-c", ENDLESS])
    monkeypatch.setattr("tables_parts.runs.PATIENCE", 600)  # a busy machine may give a second of its processor late
    row = Place(NOWHERE, 1, 1, "here").run(Job("score", "digits", 0, "baseline"))
    assert row["failed"] == "ended by signal 24; its limit was 1 s of processor time"


def test_what_takes_too_long_on_many_rows_is_not_ranked() -> None:
    from tables_parts.summary import PEERS

    assert METHODS["tabm-d"].most_rows is not None
    assert "tabm-d" not in PEERS
    assert "baseline" not in PEERS
