"""Signals arrive while the main thread is busy, and the file descriptors set before still receive them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from ranvier.native.machine.interrupts import _receive_until_closed, sigint_sets

WAIT = 20.0
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are sent with kill here")


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """The signals that the program's own handlers were told."""
    numbers: list[int] = []
    kinds = (signal.SIGINT, signal.SIGUSR1)
    before = [signal.signal(kind, lambda number, frame: numbers.append(number)) for kind in kinds]
    yield numbers
    for kind, handler in zip(kinds, before, strict=True):
        signal.signal(kind, handler)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The end at which somebody else listens for signals."""
    mine, theirs = socket.socketpair()
    theirs.setblocking(False)
    mine.settimeout(WAIT)
    before = signal.set_wakeup_fd(theirs.fileno())
    yield mine
    assert signal.set_wakeup_fd(before) == theirs.fileno()
    mine.close()
    theirs.close()


def wait_for(word: NDArray[np.int64]) -> bool:
    """Whether the word was set; gives up at last."""
    rest = threading.Event()
    return any(word[0] or rest.wait(0.001) for _ in range(int(WAIT * 1000)))


def test_ctrl_c_sets_the_word_and_the_handler_runs(heard: list[int]) -> None:
    word = np.zeros(2, np.int64)
    with sigint_sets(word):
        os.kill(os.getpid(), signal.SIGINT)
        assert wait_for(word)
    assert word.tolist() == [1, 0]
    assert heard == [signal.SIGINT]
    assert signal.set_wakeup_fd(-1) == -1
    os.kill(os.getpid(), signal.SIGINT)
    assert heard == [signal.SIGINT] * 2


def test_other_signals_are_reported_and_do_not_set_it(heard: list[int], listener: socket.socket) -> None:
    word = np.zeros(1, np.int64)
    with sigint_sets(word):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert listener.recv(9) == bytes([signal.SIGUSR1])
        assert word[0] == 0
        os.kill(os.getpid(), signal.SIGINT)
        assert listener.recv(9) == bytes([signal.SIGINT])
        assert word[0] == 1
    os.kill(os.getpid(), signal.SIGUSR1)
    assert listener.recv(9) == bytes([signal.SIGUSR1])
    assert heard == [signal.SIGUSR1, signal.SIGINT, signal.SIGUSR1]


def test_what_python_raises_ends_it() -> None:
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    word = np.zeros(1, np.int64)

    def busy() -> None:
        with sigint_sets(word):
            os.kill(os.getpid(), signal.SIGINT)
            wait_for(word)

    with pytest.raises(KeyboardInterrupt):
        busy()
    assert signal.set_wakeup_fd(before) == before
    assert not [thread for thread in threading.enumerate() if thread.name == "ranvier-interrupts"]


def test_ctrl_c_before_anything_runs_ends_it_too(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixture looks whether its own socket is told of signals again."""
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), sigint_sets(np.zeros(1, np.int64)):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name == "ranvier-interrupts"]


def test_a_thread_that_begins_when_all_is_over_ends_at_once() -> None:
    mine, theirs = socket.socketpair()
    mine.close()
    theirs.close()
    word = np.zeros(1, np.int64)
    _receive_until_closed(mine, word, -1)
    assert word[0] == 0


def test_another_thread_changes_nothing(listener: socket.socket) -> None:
    actual = []

    def look() -> None:
        with sigint_sets(np.zeros(1, np.int64)):
            actual.append([thread.name for thread in threading.enumerate()])

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert "ranvier-interrupts" not in actual[0]


def test_a_system_without_connections_or_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    def refuse_thread(_: threading.Thread) -> None:
        raise RuntimeError

    word = np.zeros(1, np.int64)
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", refuse)
        with sigint_sets(word):
            assert signal.set_wakeup_fd(-1) == -1
    monkeypatch.setattr(threading.Thread, "start", refuse_thread)
    with sigint_sets(word):
        assert signal.set_wakeup_fd(-1) == -1
