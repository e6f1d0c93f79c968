"""Checkpoints and resume: the same bits as a run that never stopped, and refusals where that cannot be."""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.errors import InputError, ModelFileError
from ranvier.network.optimizers import OPTIMIZERS
from ranvier.storage.checkpoint import read_latest, write_checkpoint
from ranvier.storage.run_folder import RunFolder
from ranvier.training import loop, save_timer
from ranvier.training.callbacks import CallbackResult
from tests.model.trial import ENGINES, bits, fit, frame, leftovers, net, points, train

CHILD = """
import os
import signal
import sys
import ranvier as rv
from ranvier.storage import checkpoint
from ranvier.training import save_timer

write = checkpoint.write_checkpoint

def write_and_die(folder, number, arrays, data):
    write(folder, number, arrays, data)
    if number >= 30:
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.write_checkpoint = write_and_die
save_timer.CHECKPOINT_SECONDS, save_timer.MAX_SAVING = 0.0, float("inf")
rv.train(sys.argv[1], "income", recipe="plain", engine="reference", epochs=40, hidden=(6,), batch_size=8,
         run=sys.argv[2], model=sys.argv[3], progress=False, optimizer=rv.Adam(0.02, ema_decay=0.9),
         schedule="reduce_on_plateau")
"""
OPTIONS: dict[str, Any] = {"epochs": 40, "optimizer": rv.Adam(0.02, ema_decay=0.9), "schedule": "reduce_on_plateau"}


class DiedError(Exception):
    """What ends a training in the middle."""


def broken_off(step: int, monkeypatch: pytest.MonkeyPatch, train_it: Any) -> None:
    """Run a training that dies after so many spans of one step, with a checkpoint after each."""
    left = [step]

    def die() -> float:
        left[0] -= 1
        if left[0] < 0:
            raise DiedError
        return 0.0

    with monkeypatch.context() as patch:
        patch.setattr(loop, "SPAN_SECONDS", 0.0)
        patch.setattr(save_timer, "CHECKPOINT_SECONDS", 0.0)
        patch.setattr(save_timer, "MAX_SAVING", math.inf)
        patch.setattr(loop.TrainingLoop, "_update_step_time", lambda self, seconds, steps: die())
        with pytest.raises(DiedError):
            train_it()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fit_goes_on_from_its_checkpoint(
    name: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = points(30)
    options: dict[str, Any] = {
        "optimizer": name,
        "engine": engine,
        "epochs": 5,
        "batch_size": 7,
        "validation": 0.3,
        "callbacks": [rv.EarlyStopping(3), lambda moment: CallbackResult(learning_rate_factor=0.9)],
        "schedule": rv.Warmup(1, rv.ReduceOnPlateau(patience=0)),
        "sample_weight": np.arange(1.0, 31.0),
    }
    expected = bits(fit(net(), X, y, **options))

    def again() -> rv.Model:
        return fit(net(), X, y, checkpoint=tmp_path, **options)

    for step in (2, 1):
        broken_off(step, monkeypatch, again)
    assert bits(again()) == expected
    assert bits(again()) == expected
    assert len(leftovers(tmp_path)) <= 3  # Two checkpoints and the lock file.


@pytest.mark.parametrize("step", [1, 4, 8])
def test_a_run_that_died_is_resumed_with_the_same_bits(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = frame()
    broken_off(step, monkeypatch, lambda: train(table, run=tmp_path / "run", model=tmp_path / "m.rv", **OPTIONS))
    resumed = rv.resume(tmp_path / "run", data=table, progress=False)
    full = train(table, **OPTIONS)
    assert bits(resumed) == bits(full)
    np.testing.assert_array_equal(rv.load(tmp_path / "m.rv").outputs(table), full.outputs(table))
    times = ("seconds", "model", "run")
    assert {k: v for k, v in resumed.report.to_dict().items() if k not in times} == {
        k: v for k, v in full.report.to_dict().items() if k not in times
    }


def test_a_killed_process_is_resumed_with_the_same_bits(tmp_path: Path) -> None:
    table = frame()
    table.write_csv(tmp_path / "people.csv")
    indices = [str(tmp_path / name) for name in ("people.csv", "run", "m.rv")]
    child = subprocess.run([sys.executable, "-c", CHILD, *indices], check=False, timeout=120)
    assert child.returncode == -signal.SIGKILL
    assert not (tmp_path / "m.rv").exists()
    resumed = rv.resume(tmp_path / "run", progress=False)
    assert bits(resumed) == bits(train(tmp_path / "people.csv", **OPTIONS))
    np.testing.assert_array_equal(rv.load(tmp_path / "m.rv").outputs(table), resumed.outputs(table))


def test_a_finished_run_gives_its_model_back(tmp_path: Path) -> None:
    model = train(frame(), run=tmp_path / "run")
    again = rv.resume(tmp_path / "run", data=frame(), progress=False)
    assert bits(again) == bits(model)
    stopped = train(frame(), run=tmp_path / "early", epochs=99, patience=1, optimizer=rv.Adam(0.5))
    again = rv.resume(tmp_path / "early", data=frame(), progress=False)
    assert len(stopped.history) < 99
    assert bits(again) == bits(stopped)
    assert again.report.stop_reason == stopped.report.stop_reason


def test_resume_may_make_a_run_longer(tmp_path: Path) -> None:
    train(frame(), run=tmp_path / "run", schedule="constant", epochs=3)
    longer = rv.resume(tmp_path / "run", data=frame(), epochs=7, progress=False)
    full = train(frame(), schedule="constant", epochs=7)
    assert len(longer.history) == 7
    np.testing.assert_array_equal(longer.outputs(frame()), full.outputs(frame()))
    kinds = [event["kind"] for event in RunFolder.open(tmp_path / "run").read_events()]
    assert kinds == ["data", "start", *["epoch"] * 3, "end", "data", "start", *["epoch"] * 4, "end"]


def test_callbacks_are_asked_for_again(tmp_path: Path) -> None:
    def slower(moment: Any) -> CallbackResult:
        return CallbackResult(learning_rate_factor=0.5)

    model = train(frame(), run=tmp_path / "run", callbacks=[slower, rv.TimeLimit(1e6)])
    with pytest.raises(InputError, match=r"started with the callbacks .*slower.*TimeLimit.*resume\(run, callbacks="):
        rv.resume(tmp_path / "run", data=frame())
    again = rv.resume(tmp_path / "run", data=frame(), callbacks=[slower, rv.TimeLimit(1e6)], progress=False)
    assert bits(again) == bits(model)


def test_arrays_are_asked_for_again(tmp_path: Path) -> None:
    X, y = points(60)
    model = train(X, y, run=tmp_path / "run")
    with pytest.raises(InputError, match="data from memory"):
        rv.resume(tmp_path / "run")
    assert bits(rv.resume(tmp_path / "run", data=X, target=y, progress=False)) == bits(model)


@pytest.mark.parametrize("change", ["a cell", "a row less", "order"])
def test_changed_data_are_refused(change: str, tmp_path: Path) -> None:
    table = frame()
    table.write_csv(tmp_path / "people.csv")
    train(tmp_path / "people.csv", run=tmp_path / "run", model=tmp_path / "m.rv")
    before = (tmp_path / "m.rv").read_bytes()
    other = {"a cell": table.with_columns(age=table["age"].fill_null(20.0)), "a row less": table[:-1]}
    other.get(change, table.reverse()).write_csv(tmp_path / "people.csv")
    with pytest.raises(InputError, match="of other rows, another network or other settings"):
        rv.resume(tmp_path / "run", progress=False)
    assert (tmp_path / "m.rv").read_bytes() == before
    (tmp_path / "people.csv").unlink()
    with pytest.raises(InputError, match="people"):
        rv.resume(tmp_path / "run", progress=False)


@pytest.mark.parametrize(
    "options",
    [{"seed": 1}, {"batch_size": 3}, {"optimizer": rv.Adam(0.2)}, {"loss": "squared_error"}, {"shuffle": False}, {}],
    ids=str,
)
def test_a_checkpoint_of_other_settings_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    X, y = points(30)
    fit(net(), X, y, checkpoint=tmp_path)
    network, rows = (net(), X) if options else (net(hidden="relu"), X)
    with pytest.raises(InputError, match="give the same as before to go on"):
        fit(network, rows, y, checkpoint=tmp_path, **options)
    assert len(fit(net(), X, y, checkpoint=tmp_path).history) == 3


def test_engine_and_threads_do_not_decide_what_is_computed(tmp_path: Path) -> None:
    X, y = points(30)
    model = fit(net(), X, y, checkpoint=tmp_path, threads=1)
    assert bits(fit(net(), X, y, checkpoint=tmp_path, threads=2, engine="reference")) == bits(model)


def test_going_on_with_a_model_has_checkpoints_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = points(30)
    model = fit(net(), X, y, checkpoint=tmp_path / "a")
    with pytest.raises(InputError, match="give the same as before"):
        model.fit(X, y, epochs=3, checkpoint=tmp_path / "a", progress=False)
    broken_off(2, monkeypatch, lambda: model.fit(X, y, epochs=3, checkpoint=tmp_path / "b", progress=False))
    model.fit(X, y, epochs=3, checkpoint=tmp_path / "b", progress=False)
    full = fit(net(), X, y, epochs=6)
    np.testing.assert_array_equal(model.outputs(X), full.outputs(X))


def test_two_trainings_never_share_a_folder(tmp_path: Path) -> None:
    refused: list[str] = []

    def meanwhile(moment: Any) -> None:
        if moment.epoch.epoch == 1:
            with pytest.raises(InputError, match="already writes the run") as caught:
                rv.resume(tmp_path / "run", data=frame(), callbacks=[meanwhile], progress=False)
            refused.append(str(caught.value))
            with pytest.raises(InputError, match="already has a run"):
                train(frame(), run=tmp_path / "run")

    expected = bits(train(frame(), callbacks=[lambda moment: None]))
    assert bits(train(frame(), run=tmp_path / "run", callbacks=[meanwhile])) == expected
    assert len(refused) == 1


def test_two_fits_never_share_checkpoints(tmp_path: Path) -> None:
    X, y = points(30)

    def meanwhile(moment: Any) -> None:
        with pytest.raises(InputError, match="already writes the checkpoints"):
            fit(net(), X, y, checkpoint=tmp_path / "c")

    fit(net(), X, y, checkpoint=tmp_path / "c", callbacks=[meanwhile])
    assert "c/lock.holder" not in leftovers(tmp_path)


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = points(30)
    broken_off(6, monkeypatch, lambda: fit(net(), X, y, checkpoint=tmp_path, batch_size=8))
    newest = max(tmp_path.glob("checkpoint-*"))
    newest.write_bytes(newest.read_bytes()[:-5])
    notes: list[str] = []
    model = fit(
        net(),
        X,
        y,
        checkpoint=tmp_path,
        batch_size=8,
        progress=lambda event: notes.append(event.text) if event.kind == "note" else None,
    )
    assert bits(model) == bits(fit(net(), X, y, batch_size=8))
    assert len(notes) == 1
    assert newest.name in notes[0]


@pytest.mark.parametrize("missing", ["epoch", "history", "callbacks", "step", "fingerprint"])
def test_a_checkpoint_that_lacks_something_is_refused_in_words(missing: str, tmp_path: Path) -> None:
    X, y = points(30)
    fit(net(), X, y, checkpoint=tmp_path)
    arrays, data, _ = read_latest(tmp_path)
    number = data["step"]
    del data[missing]
    write_checkpoint(tmp_path, number, arrays, data)
    with pytest.raises(InputError, match=r"incomplete|give the same"):
        fit(net(), X, y, checkpoint=tmp_path)


@pytest.mark.parametrize("missing", ["data", "options", "model", "callbacks"])
def test_a_description_that_lacks_something_is_refused_in_words(missing: str, tmp_path: Path) -> None:
    train(frame(), run=tmp_path / "run", epochs=1)
    folder = RunFolder.open(tmp_path / "run")
    described = folder.read_description()
    del described[missing]
    folder.write_description(described)
    with pytest.raises(ModelFileError, match="incomplete or damaged"):
        rv.resume(tmp_path / "run", data=frame())


def test_paths_that_are_no_run_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run folder"):
        rv.resume(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="Checkpoints cannot be saved"):
        fit(net(), *points(), checkpoint=tmp_path / "file")
    train(frame(), run=tmp_path / "run", model=tmp_path / "there.rv", epochs=1)
    (tmp_path / "there.rv").unlink()
    shutil.move(tmp_path / "run", tmp_path / "moved")
    assert rv.resume(tmp_path / "moved", data=frame(), progress=False).report.run == str(tmp_path / "moved")
    (tmp_path / "there.rv").unlink()
    (tmp_path / "there.rv").mkdir()
    with pytest.raises(InputError):
        rv.resume(tmp_path / "moved", data=frame(), progress=False)
