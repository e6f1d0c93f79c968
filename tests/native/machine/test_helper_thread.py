"""A thread that helps with short calls: every piece is done once, by whomever, and nobody waits for one who sleeps."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ranvier.native.machine import cpu, memory, system

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.lowering.buffers import Buffer  # noqa: E402
from ranvier.native.machine import helper_thread as module  # noqa: E402
from ranvier.native.machine.helper_thread import MAX_PIECES, HelperThread, helper_thread  # noqa: E402
from ranvier.native.scheduling import blocking  # noqa: E402
from ranvier.native.scheduling.tiles import Registers  # noqa: E402

SHARE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
two_cores = pytest.mark.skipif(cpu.threads() < 2, reason="there is no second core")
# The argument: how long a piece takes, then for each piece how often it was done, and the stack of who did it last.
PIECE = """
define void @piece(ptr %argument, i64 %number) {
entry:
  %own = alloca i64
  %length = load i64, ptr %argument
  br label %wait
wait:
  %i = phi i64 [ 0, %entry ], [ %next, %wait ]
  store volatile i64 %i, ptr %own
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %length
  br i1 %more, label %wait, label %mark
mark:
  %place = mul i64 %number, 2
  %first = add i64 %place, 1
  %count.at = getelementptr i64, ptr %argument, i64 %first
  %count = load i64, ptr %count.at
  %counted = add i64 %count, 1
  store i64 %counted, ptr %count.at
  %who.at = getelementptr i64, ptr %count.at, i64 1
  %who = ptrtoint ptr %own to i64
  store i64 %who, ptr %who.at
  ret void
}
define void @alternate(ptr %share, ptr %state, ptr %arguments, i64 %pieces, i64 %calls) {
entry:
  br label %call
call:
  %i = phi i64 [ 0, %entry ], [ %next, %call ]
  %turn = and i64 %i, 1
  %argument.at = getelementptr ptr, ptr %arguments, i64 %turn
  %argument = load ptr, ptr %argument.at
  call void %share(ptr %state, ptr @piece, ptr %argument, i64 %pieces)
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %calls
  br i1 %more, label %call, label %end
end:
  ret void
}
"""


class Calls:
    """Calls of `@run_pieces` on a helper thread."""

    def __init__(self, actual: HelperThread) -> None:
        self.helper = actual
        self.loaded = llvm.load_objects([llvm.compile_ir(PIECE, cpu.target())], "piece")
        self.run_share = SHARE(module._library().address("run_pieces"))

    def make(self, pieces: int, length: int = 1, calls: int = 1) -> NDArray[np.int64]:
        """Make calls one after the other; gives (pieces, 2): how often each was done, and by whom last."""
        argument = memory.zeros(1 + 2 * pieces, np.int64)
        argument[0] = length
        for _ in range(calls):
            self.run_share(
                self.helper.address, self.loaded.address("piece"), memory.address(argument), ctypes.c_int64(pieces)
            )
        return argument[1:].reshape(pieces, 2)


@pytest.fixture(scope="module")
def calls() -> Calls:
    actual = helper_thread()
    if actual is None:
        pytest.skip("there is no second core")
    return Calls(actual)


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not (done := what()) and time.monotonic() < end:
        time.sleep(0.001)
    return done


@pytest.mark.parametrize("pieces", [1, 2, 3, 8, 100])
def test_every_piece_is_done_once_in_every_call(calls: Calls, pieces: int) -> None:
    assert (calls.make(pieces, calls=20_000)[:, 0] == 20_000).all()


def test_as_many_pieces_as_there_may_be(calls: Calls) -> None:
    assert (calls.make(MAX_PIECES, calls=20)[:, 0] == 20).all()


def test_a_call_returns_when_all_its_pieces_are_done(calls: Calls) -> None:
    helped = 0
    for _ in range(2000):
        actual = calls.make(4, length=3000)
        assert (actual[:, 0] == 1).all()
        helped += len(set(actual[:, 1])) == 2
    assert helped > 0 or cpu.threads() < 2


@pytest.mark.parametrize("pieces", [2, 3, 6])
def test_nobody_takes_a_piece_of_the_next_call_for_one_of_this(calls: Calls, pieces: int) -> None:
    """Calls with two arguments in turn, as close to each other as they get."""
    arguments = [memory.zeros(1 + 2 * pieces, np.int64) for _ in range(2)]
    addresses = (ctypes.c_void_p * 2)(*map(memory.address, arguments))
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    alternate = calls.loaded.function("alternate", None, pointer, pointer, pointer, number, number)
    fraction = module._library().address("run_pieces")
    alternate(fraction, calls.helper.address, ctypes.addressof(addresses), pieces, 600_000)
    for argument in arguments:
        assert (argument[1:].reshape(pieces, 2)[:, 0] == 300_000).all()


def test_one_piece_too_many_is_noticed(calls: Calls) -> None:
    """What the tests above look at tells."""
    actual = calls.make(3, calls=5)
    calls.make(3)
    actual[1, 0] += 1
    assert not (actual[:, 0] == 5).all()


@two_cores
def test_a_helper_thread_wakes_helps_and_sleeps_again(calls: Calls) -> None:
    assert wait_for(lambda: calls.helper.asleep)
    assert len(set(calls.make(4)[:, 1])) == 1
    assert wait_for(lambda: len(set(calls.make(4, length=20_000, calls=50)[:, 1])) == 2)
    assert wait_for(lambda: calls.helper.asleep)


def test_calls_far_apart_wake_nobody_more_often_than_one_in_eight(calls: Calls) -> None:
    woken = 0
    for _ in range(16):
        assert wait_for(lambda: calls.helper.asleep)
        calls.make(2)
        woken += not calls.helper.asleep
    assert woken <= 2


def test_calls_from_several_threads(calls: Calls) -> None:
    """One of them is helped, the others help themselves."""
    actual: list[NDArray[np.int64]] = []
    threads = [threading.Thread(target=lambda: actual.append(calls.make(5, calls=20_000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(actual) == 4
    assert all((result[:, 0] == 20_000).all() for result in actual)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("asleep", [False, True])
def test_a_forked_child_does_not_wait_for_its_parents_helper_thread(calls: Calls, asleep: bool) -> None:
    """Neither one that is at work nor one that sleeps, whose semaphore is not the child's everywhere."""
    calls.make(4, length=20_000, calls=50)
    if asleep:
        assert wait_for(lambda: calls.helper.asleep)
    child = os.fork()
    if child == 0:
        fine = (calls.make(4, calls=1000)[:, 0] == 1000).all() and calls.helper.asleep >= asleep
        fine = fine and (helper_thread() is not calls.helper or cpu.threads() < 2)
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_there_is_one_helper_thread(calls: Calls) -> None:
    assert helper_thread() is calls.helper


def test_a_thread_on_a_single_processor_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "threads", lambda: 1)
    assert helper_thread() is None


def test_plans_know_how_many_pieces_there_may_be() -> None:
    assert blocking.MAX_ROW_PIECES == MAX_PIECES
    weights = [Buffer("w", 0, "weight", 16 * 4 * (MAX_PIECES + more), 16) for more in (0, 1)]
    assert [blocking.row_pieces(weight, Registers(16, 2)) for weight in weights] == [4, 0]


def test_a_system_without_more_threads_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module, "_helper_threads", [])
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert helper_thread() is None


@pytest.mark.skipif(sys.platform != "linux" or cpu.threads() < 2, reason="needs Linux and two processors")
def test_a_helper_thread_keeps_to_the_processors_of_its_caller(calls: Calls) -> None:
    """As they are when it is woken; a caller with a single one does its work itself."""
    allowed = os.sched_getaffinity(0)
    (thread,) = [running for running in threading.enumerate() if running.name == "ranvier-helper"]
    assert thread.native_id is not None

    def helped() -> bool:
        return len(set(calls.make(4, length=20_000, calls=50)[:, 1])) == 2

    try:
        for number in sorted(allowed)[:2]:
            assert wait_for(lambda: calls.helper.asleep)
            os.sched_setaffinity(0, {number})
            assert not any(helped() for _ in range(4))
            os.sched_setaffinity(0, allowed)
            assert wait_for(helped)
            assert os.sched_getaffinity(thread.native_id) < allowed
            pair = set(sorted(allowed)[:2])
            os.sched_setaffinity(0, pair)
            assert wait_for(lambda: calls.helper.asleep)
            assert wait_for(helped)
            assert os.sched_getaffinity(thread.native_id) < pair
    finally:
        os.sched_setaffinity(0, allowed)


# On the helper's stack, a piece waits until the first number is set, or for a long time; on the caller's it ends.
WAITING = """
define void @piece(ptr %argument, i64 %number) {
entry:
  %own = alloca i64
  %caller.at = getelementptr i64, ptr %argument, i64 1
  %caller = load i64, ptr %caller.at
  %here = ptrtoint ptr %own to i64
  %distance = sub i64 %caller, %here
  %same = icmp ult i64 %distance, 65536
  br i1 %same, label %end, label %look
look:
  %i = phi i64 [ 0, %entry ], [ %next, %look ]
  %flag = load atomic i64, ptr %argument acquire, align 8
  %next = add i64 %i, 1
  %unset = icmp eq i64 %flag, 0
  %more = icmp ult i64 %next, 3000000000
  %on = and i1 %unset, %more
  br i1 %on, label %look, label %end
end:
  ret void
}
define void @calls(ptr %share, ptr %state, ptr %argument) {
entry:
  %own = alloca i64
  %here = ptrtoint ptr %own to i64
  %caller.at = getelementptr i64, ptr %argument, i64 1
  store i64 %here, ptr %caller.at
  br label %call
call:
  %i = phi i64 [ 0, %entry ], [ %next, %call ]
  call void %share(ptr %state, ptr @piece, ptr %argument, i64 8)
  %next = add i64 %i, 1
  %flag = load atomic i64, ptr %argument acquire, align 8
  %unset = icmp eq i64 %flag, 0
  %more = icmp slt i64 %next, 3000000
  %on = and i1 %unset, %more
  br i1 %on, label %call, label %end
end:
  ret void
}
"""


@two_cores
def test_a_caller_that_waits_yields_its_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a helper without a core of its own would wait until the caller's time slice ends."""
    argument = memory.zeros(2, np.int64)

    @ctypes.CFUNCTYPE(ctypes.c_int32)
    def yield_core() -> int:
        argument[0] = 1
        return 0

    symbols = system.symbols() | {system.YIELD: ctypes.cast(yield_core, ctypes.c_void_p).value or 0}
    images = [llvm.compile_ir(text, cpu.target()) for text in (module.helper_thread_ir(cpu.target()), WAITING)]
    library = llvm.load_objects(images, "waiting", symbols)
    monkeypatch.setattr(module, "_library", lambda: library)
    helper, pointer = HelperThread(), ctypes.c_void_p
    calls = library.function("calls", None, pointer, pointer, pointer)
    calls(library.address("run_pieces"), helper.address, memory.address(argument))
    assert argument[0] == 1
