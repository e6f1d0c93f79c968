"""Threads that share a model: one at a time is at work in it, and a forked child does not wait for the parent's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="llvmlite is missing")

from ranvier.engine import State
from ranvier.engine.serialize import Serialized, _forked, changes_state, serialized
from ranvier.errors import EngineError
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.program import Program
from ranvier.network.layers import Dense
from ranvier.rows import Rows
from tests.native.against_reference import make_spec, rows_for
from tests.native.small_model import ROWS, trained

pytestmark = pytest.mark.usefixtures("own_cache")


class Meeting(Serialized):
    """Counts who is inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = self.most = 0
        self.left = threading.Event()

    @serialized
    def enter(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.left.wait(0.001)
        self.inside -= 1


def test_serialized_methods_run_one_thread_at_a_time() -> None:
    meeting = Meeting()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(8):
            pool.submit(meeting.enter)
    assert (meeting.most, meeting.inside) == (1, 0)


def test_threads_share_a_model() -> None:
    """Few rows and many, of both kinds of floats, at the same time."""
    model, together = trained(), trained().outputs(ROWS)

    def wrong(number: int) -> int:
        draw, count = np.random.default_rng(number), 0
        for _ in range(200):
            rows, start = int(draw.choice([1, 2, 17, 150])), int(draw.integers(0, 150))
            kind = np.float32 if draw.random() < 0.5 else np.float64
            part = slice(start, start + rows)
            count += model.outputs(ROWS[part].astype(kind)).tobytes() != together[part].tobytes()
        return count

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(wrong, range(4))) == 0


FORK = """
import os, threading, warnings
from tests.native.small_model import digest, trained
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
model = trained()
digest(model)
executable, = model._executables.values()
inside, done = threading.Event(), threading.Event()

def work():
    with executable.lock:
        inside.set()
        done.wait()

threading.Thread(target=work).start()
inside.wait()
child = os.fork()
if child == 0:
    print(digest(model), flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
done.set()
print(digest(model))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_child_forked_while_a_thread_is_at_work_predicts(python: Callable[..., str]) -> None:
    in_child, in_parent = python(FORK).split()
    assert in_child == in_parent


FORK_IN_A_STEP = """
import os, signal, sys, threading, warnings
import numpy as np
from ranvier.engine import Span, State
from ranvier.errors import EngineError
from ranvier.native.engine import NativeEngine
from ranvier.network.layers import Dense
from ranvier.network.optimizers import Adam
from ranvier.rows import Rows
from tests.native.against_reference import make_spec
warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)
rule = Adam(1e-3)
executable = NativeEngine().compile(make_spec(64, [Dense(256, "relu"), Dense(3)], None, rule, batch_size=64, threads=2))
executable.threads = 2
size = executable.spec.network.parameter_table.size
state = State(np.full(size, 0.01, np.float32), np.zeros((2, size), np.float32), 0)
rows = Rows(np.ones((64, 64), np.float32), np.ones((64, 3), np.float32))

def steps(count):
    scalars = rule.scalar_values(np.arange(1, count + 1), np.full(count, 1e-3))
    return Span(np.tile(np.arange(64), count), np.arange(count + 1) * 64, np.asarray(scalars))

executable.set_state(state)
executable.run(rows, steps(3))
expected = executable.get_state().parameters.tobytes()
stop, begun = threading.Event(), threading.Event()

def work():
    while not stop.is_set():
        begun.set()
        if sys.argv[1] == "train":
            executable.run(rows, steps(200))
        else:
            executable.outputs(np.ones((3000, 64), np.float32))

thread = threading.Thread(target=work)
thread.start()
begun.wait()
children = []
for _ in range(6):
    threading.Event().wait(0.005)
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        try:
            executable.run(rows, steps(3))
        except EngineError as error:
            assert "forked while another thread" in str(error) and sys.argv[1] == "train"
        executable.set_state(state)
        executable.run(rows, steps(3))
        os._exit(executable.get_state().parameters.tobytes() != expected)
    children.append(os.waitpid(child, 0)[1])
stop.set()
thread.join()
print(children)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("what", ["train", "predict"])
def test_a_child_forked_in_a_step_says_so_and_never_waits(what: str, python: Callable[..., str]) -> None:
    """With a state of its own it trains like its parent."""
    assert python(FORK_IN_A_STEP, what) == f"{[0] * 6}\n"


class Half(Serialized):
    """Its state is half changed while it is inside `change`."""

    @changes_state
    def change(self, fork: Callable[[], None]) -> None:
        fork()

    @serialized
    def look(self, fork: Callable[[], None]) -> None:
        fork()


@pytest.mark.parametrize("method", ["change", "look"])
@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_a_forked_child_knows(method: str, elsewhere: bool) -> None:
    """A thread that forks inside a method goes on in the child; another one does not exist there."""
    half = Half()

    def fork() -> None:
        if not elsewhere:
            _forked()
            return
        thread = threading.Thread(target=_forked)
        thread.start()
        thread.join()

    getattr(half, method)(fork)
    assert half.incomplete == (method == "change" and elsewhere)
    if half.incomplete:
        with pytest.raises(EngineError, match="set_state"):
            half.check_complete()
    half.look(lambda: None)


QUESTIONS: dict[str, Callable[[NativeExecutable, Rows], Any]] = {
    "outputs": lambda network, rows: network.outputs(rows.inputs),
    "outputs of a row": lambda network, rows: network.outputs(rows.inputs[:1]),
    "evaluate": lambda network, rows: network.evaluate(rows),
    "activations": lambda network, rows: [layer.outputs for layer in network.activations(rows.inputs)],
    "input_gradients": lambda network, rows: network.input_gradients(rows.inputs),
    "loss_and_gradient": lambda network, rows: network.loss_and_gradient(rows),
    "get_state": lambda network, rows: network.get_state().parameters,
}
"""What the handler of a signal may ask while its thread is computing."""


def bits(answer: Any) -> bytes:
    if isinstance(answer, (list, tuple)):
        return b"".join(map(bits, answer))
    return np.asarray(answer).tobytes()


@pytest.mark.parametrize("interrupted", list(QUESTIONS)[:-1])
@pytest.mark.parametrize("question", list(QUESTIONS))
def test_the_handler_of_a_signal_asks_the_network_that_it_interrupts(
    question: str, interrupted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python calls it in the same thread as soon as compiled code returns: both answers are what they are alone."""
    task = make_spec(9, [Dense(33, "tanh"), Dense(3)], batch_size=10)
    network = NativeEngine().compile(task)
    network.set_state(State.before_training(task.network.parameter_table.initial(1, np.float32), task.optimizer))
    many, few = rows_for(task, 500), rows_for(task, 40, seed=1)
    for first in QUESTIONS.values():
        first(network, many)
    wanted = bits(QUESTIONS[interrupted](network, many)), bits(QUESTIONS[question](network, few))
    heard: list[bytes] = []

    def handled(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            answer = call(*arguments)
            if not heard:
                heard.append(b"")
                heard[0] = bits(QUESTIONS[question](network, few))
            return answer

        return run

    monkeypatch.setattr(Program, "run", handled(Program.run))
    for prediction in network._few.values():
        monkeypatch.setattr(prediction, "_call", handled(prediction._call))
    assert bits(QUESTIONS[interrupted](network, many)) == wanted[0]
    assert heard == [wanted[1]]
