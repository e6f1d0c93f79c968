"""Ctrl-C: the first keeps the model so far, a second stops at once, and other programs' handlers are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.training.interrupt import stop_on_interrupt
from tests.model.trial import bits, fit, frame, net, points, train

SCRIPT = """
import sys
import numpy as np
import ranvier as rv

X = np.random.default_rng(0).normal(size=(64, 2))
network = rv.Network(2, [rv.Dense(5, "tanh"), rv.Dense(1, "sigmoid")])

def tell(event):
    if event.kind == "epoch" and event.epoch == 2:
        print("training", flush=True)

model = rv.fit(network, X, X[:, 0] > 0, epochs=10**6, engine="reference", progress=tell)
model.save(sys.argv[1])
print("interrupted after", len(model.history), "epochs", flush=True)
"""


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_in_a_program_keeps_the_model_so_far(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path / "m.rv")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "training\n"
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read()
    assert child.returncode == 0
    assert rest.splitlines()[-1].startswith("interrupted after ")
    assert len(rv.load(tmp_path / "m.rv").history) == int(rest.split()[-2])


def pressing(epoch: int) -> Any:
    """A listener that presses Ctrl-C when an epoch is done."""

    def listen(event: dict[str, Any]) -> None:
        if event.kind == "epoch" and event.epoch == epoch:
            press()

    return listen


def test_the_model_so_far_answers_and_goes_on() -> None:
    X, y = points(40)
    model = fit(net(), X, y, epochs=9, progress=pressing(3), callbacks=[lambda moment: None])
    assert bits(model) == bits(fit(net(), X, y, epochs=3, callbacks=[lambda moment: None]))
    model.fit(X, y, epochs=2, progress=False)
    np.testing.assert_array_equal(model.outputs(X), fit(net(), X, y, epochs=5).outputs(X))


def test_an_interrupted_epoch_is_repeated_when_training_goes_on() -> None:
    X, y = points(40)

    def press_once(event: dict[str, Any]) -> None:
        if event.kind == "progress" and event.done == 1:
            press()

    model = fit(net(), X, y, epochs=9, batch_size=1, progress=press_once)
    assert len(model.history) == 0
    assert model._state is not None
    assert model._state.engine.step == 1
    model.fit(X, y, epochs=2, progress=False)
    assert [epoch.epoch for epoch in model.history] == [1, 2]
    assert model._state.engine.step == 81


def test_the_best_weights_are_given_back_after_ctrl_c_too() -> None:
    X, y = points(40)
    y = np.random.default_rng(2).permutation(y)
    options: dict[str, Any] = {"validation": 0.3, "callbacks": [rv.EarlyStopping(50)], "optimizer": rv.Adam(0.3)}
    model = fit(net(), X, y, epochs=99, progress=pressing(30), **options)
    best = int(np.argmin([epoch.validation_loss for epoch in model.history])) + 1
    assert model.best_epoch == best < len(model.history)
    again = fit(net(), X, y, epochs=best, **{**options, "callbacks": []})
    np.testing.assert_array_equal(model.outputs(X), again.outputs(X))


def test_a_second_ctrl_c_stops_at_once() -> None:
    def press_twice(event: dict[str, Any]) -> None:
        if event.kind == "progress":
            press()
            press()

    with pytest.raises(KeyboardInterrupt):
        fit(net(), *points(), progress=press_twice)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_train_saves_what_there_is_and_says_so(tmp_path: Path) -> None:
    model = train(frame(), epochs=50, progress=pressing(4), model=tmp_path / "m.rv", run=tmp_path / "run")
    assert model.report.interrupted is True
    assert model.report.stop_reason.startswith("Interrupted ")
    assert model.report.metrics["accuracy"] > 0
    assert rv.load(tmp_path / "m.rv").report == model.report
    resumed = rv.resume(tmp_path / "run", data=frame(), progress=False)
    assert bits(resumed) == bits(train(frame(), epochs=50))
    assert resumed.report.interrupted is False
    assert rv.load(tmp_path / "m.rv").report == resumed.report


def test_the_handler_is_put_back_whatever_happens() -> None:
    with stop_on_interrupt() as pressed:
        assert not pressed()
        press()
        assert pressed()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(ZeroDivisionError), stop_on_interrupt():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_programs_own_handler_is_left_alone() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    try:
        with stop_on_interrupt() as pressed:
            press()
            assert not pressed()
        assert calls == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_train_without_a_handler() -> None:
    actual: list[Any] = []
    thread = threading.Thread(target=lambda: actual.append(fit(net(), *points())))
    thread.start()
    thread.join()
    assert bits(actual[0]) == bits(fit(net(), *points()))
