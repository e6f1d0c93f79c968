"""Threads that share a model: one at a time is at work in it, and a forked child does not wait for the parent's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="llvmlite is missing")

from ranvier.engine.serialize import Serialized, serialized
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
