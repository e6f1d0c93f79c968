"""Small networks that are trained together and saved: they go on with the bits of trainings that were never stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import ranvier as rv
from ranvier.model import trials
from ranvier.native.executable import NativeExecutable
from ranvier.native.members import NativeMembers
from ranvier.training.member_checkpoints import MemberCheckpoints
from tests.training.test_members import NETWORK, OPTIONS, X, refuse, same_trainings

TRIALS: list[dict[str, Any]] = [{"seed": seed, "optimizer": rv.Adam(0.01 * (seed + 1))} for seed in range(8)]
Y = X[:, :2]
FIT: dict[str, Any] = {"epochs": 6, "batch_size": 8, "engine": "native"}
KINDS: dict[str, dict[str, Any]] = {"nobody looks": {}, **OPTIONS}


def many(folder: Path | None, y: Any = Y, **options: Any) -> list[rv.Model]:
    return rv.fit_many(NETWORK, X, y, trials=trials_of(options), threads=1, checkpoint=folder, **{**FIT, **options})


def trials_of(options: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**trial, **{name: options[name] for name in options if name in trial}} for trial in TRIALS]


def compare_with_alone(models: list[rv.Model], **options: Any) -> None:
    for model, trial in zip(models, trials_of(options), strict=True):
        same_trainings(NETWORK.fit(X, Y, **{**FIT, **options, **trial}), model)


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_after_ctrl_c_they_go_on_together(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = NativeMembers.run
    calls: list[int] = []

    def interrupted(self: NativeMembers, *rest: Any) -> Any:
        calls.append(1)
        # Where nobody looks at epochs, the second call makes all the others.
        if len(calls) == (2 if options else 1):
            os.kill(os.getpid(), signal.SIGINT)
        return run(self, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(trials, "BLOCKS_A_WORKER", 1)
        patched.setattr(NativeExecutable, "run", refuse)
        patched.setattr(NativeMembers, "run", interrupted)
        first = many(tmp_path, **options)
        assert all(0 < len(model.history) < FIT["epochs"] for model in first)
        patched.setattr(NativeMembers, "run", run)
        models = many(tmp_path, **options)
    compare_with_alone(models, **options)


def test_after_a_crash_they_go_on_from_what_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = OPTIONS["stopping early"]
    run = NativeMembers.run
    calls: list[int] = []

    def breaking(self: NativeMembers, *rest: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise MemoryError
        return run(self, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(NativeMembers, "run", breaking)
        patched.setattr(MemberCheckpoints, "due", lambda self: True)
        with pytest.raises(MemoryError):
            many(tmp_path, **options)
    assert list(tmp_path.glob("trial-0/checkpoint-*"))
    compare_with_alone(many(tmp_path, **options), **options)


def test_those_that_are_done_are_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = many(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"trial-{number}" for number in range(8)]
    monkeypatch.setattr(NativeMembers, "run", refuse)
    monkeypatch.setattr(NativeExecutable, "run", refuse)
    for before, after in zip(first, many(tmp_path), strict=True):
        same_trainings(before, after)


def test_networks_without_a_checkpoint_are_trained_together_beside_those_that_have_one(tmp_path: Path) -> None:
    alone = [NETWORK.fit(X, Y, **FIT, **TRIALS[0], checkpoint=tmp_path / "trial-0")]
    models = many(tmp_path)
    same_trainings(alone[0], models[0])
    compare_with_alone(models)


def test_the_rows_of_another_training_are_refused(tmp_path: Path) -> None:
    many(tmp_path)
    with pytest.raises(rv.InputError, match=r"Trial \d: .* holds a checkpoint of other rows"):
        many(tmp_path, -Y)
