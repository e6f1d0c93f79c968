"""Ctrl-C in the middle of a long step: a process of its own, a real signal, one and two threads."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("llvmlite", reason="llvmlite is missing")

pytestmark = pytest.mark.usefixtures("own_cache")
# An epoch of two steps of 27 GFLOP each; the second one is interrupted when it has written to a buffer.
SCRIPT = """
import os, signal, sys, threading, time
from dataclasses import replace
import numpy as np
from ranvier.engine import CompileSpec
from ranvier.rows import Rows
from ranvier.training.interrupt import stop_on_interrupt
from ranvier.native.engine import NativeEngine
from ranvier.network.layers import Dense
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Adam
from ranvier.training.loop import train
from ranvier.training.loop_config import LoopConfig
from ranvier.training.state import initial_state
from tests.training.trial import digest

threads, buffers = int(sys.argv[1]), sys.argv[2]
draw = np.random.default_rng(0)
rows = Rows(draw.standard_normal((4096, 1152), np.float32), draw.standard_normal((4096, 3), np.float32))
network = Network(1152, [Dense(1152, "tanh"), Dense(1152, "tanh"), Dense(3)])
spec = CompileSpec(network, loss("squared_error"), Adam(1e-4), 2048, threads=threads)
executable = NativeEngine().compile(spec)
executable.threads = threads
left = []

def press_when(place):
    while not place.any():
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)

def look(event):
    if event.kind != "progress" or event.done != 1 or left:
        return
    if not buffers:
        os.kill(os.getpid(), signal.SIGINT)
        return
    first, last = (executable._programs["train"].arrays[name].reshape(-1) for name in buffers.split())
    first[:] = last[:] = 0
    left.append(last)
    # Not the end, which the other thread writes.
    threading.Thread(target=press_when, args=(first[:16],)).start()

config = LoopConfig(spec=spec, rows=rows, epochs=1, sink=look)
with stop_on_interrupt() as pressed:
    begin = initial_state(network, spec.optimizer, 0, np.float32)
    outcome = train(executable, replace(config, stop_requested=pressed), begin)
print(outcome.reason, outcome.text, outcome.state.engine.step, outcome.state.position, len(outcome.state.history))
print(digest(outcome.state))
print("left out:", bool(left) and not left[0][-1])
if len(sys.argv) > 3:
    executable = NativeEngine().compile(spec)
    print(digest(train(executable, config, outcome.state).state))
"""


def test_long_step_is_cancelled_and_repeated(python: Callable[..., str]) -> None:
    wanted = python(SCRIPT, "2", "", "go on").splitlines()
    assert wanted[0] == "interrupted Interrupted in epoch 1. 1 1 0"
    within_rows = python(SCRIPT, "1", "losses losses").splitlines()
    within_gradient = python(SCRIPT, "2", "layers.1.weight.gradient layers.0.weight.gradient", "go on").splitlines()
    for actual in (within_rows, within_gradient):
        assert actual[:2] == wanted[:2]
        # What the step would have computed last was not.
        assert actual[2] == "left out: True"
    assert within_gradient[3] == wanted[3] != wanted[1]
