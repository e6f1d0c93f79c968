"""Threads that run compiled code together, and the barrier inside it."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from ranvier.errors import EngineError
from ranvier.native.machine import cpu, memory, system

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.machine import barrier, placement  # noqa: E402
from ranvier.native.machine.team import Team  # noqa: E402

WAIT = 60
"""Seconds after which a thread is taken to hang."""
# The argument: rounds, threads, threads that the barrier is told of, mistakes, barrier, slots.
ROUNDS = """
%argument = type { i64, i64, i64, i64, ptr, [64 x i64] }
define void @rounds(i64 %index, ptr %a) {
entry:
  %rounds = load i64, ptr %a
  %threads.at = getelementptr %argument, ptr %a, i64 0, i32 1
  %threads = load i64, ptr %threads.at
  %told.at = getelementptr %argument, ptr %a, i64 0, i32 2
  %told = load i64, ptr %told.at
  %mistakes = getelementptr %argument, ptr %a, i64 0, i32 3
  %barrier.at = getelementptr %argument, ptr %a, i64 0, i32 4
  %barrier = load ptr, ptr %barrier.at
  %own = getelementptr %argument, ptr %a, i64 0, i32 5, i64 %index
  br label %round
round:
  %r = phi i64 [ 1, %entry ], [ %r.next, %close ]
  store volatile i64 %r, ptr %own
  call void @barrier(ptr %barrier, i64 %told)
  br label %check
check:
  %t = phi i64 [ 0, %round ], [ %t.next, %check ]
  %wrong = phi i64 [ 0, %round ], [ %wrong.next, %check ]
  %slot = getelementptr %argument, ptr %a, i64 0, i32 5, i64 %t
  %seen = load volatile i64, ptr %slot
  %differs = icmp ne i64 %seen, %r
  %one = zext i1 %differs to i64
  %wrong.next = add i64 %wrong, %one
  %t.next = add i64 %t, 1
  %more = icmp slt i64 %t.next, %threads
  br i1 %more, label %check, label %close
close:
  %ignored = atomicrmw add ptr %mistakes, i64 %wrong.next monotonic
  call void @barrier(ptr %barrier, i64 %told)
  %r.next = add i64 %r, 1
  %again = icmp sle i64 %r.next, %rounds
  br i1 %again, label %round, label %end
end:
  ret void
}
define void @mark(i64 %index, ptr %a) {
  %place = getelementptr i64, ptr %a, i64 %index
  %old = load i64, ptr %place
  %new = add i64 %old, 1
  store i64 %new, ptr %place
  ret void
}
"""


@pytest.fixture(scope="module")
def library() -> llvm.Library:
    target = cpu.target()
    return llvm.load_objects([llvm.compile_ir(barrier.barrier_ir(target) + ROUNDS, target)], "rounds")


def mistakes(library: llvm.Library, threads: int, rounds: int, limit: int | None = None) -> int:
    """How often a thread saw another that was not in the same round."""
    state = barrier.new_state(threads)
    argument = memory.zeros(5 + 64, "int64")
    argument[:5] = rounds, threads, threads if limit is None else limit, 0, memory.address(state)
    with Team(threads) as team:
        team.run(library.address("rounds"), memory.address(argument))
    assert (argument[5 : 5 + threads] == rounds).all()
    return int(argument[3])


@pytest.mark.parametrize(("threads", "rounds"), [(1, 100_000), (2, 100_000), (3, 1_000), (4, 1_000), (9, 200)])
def test_nobody_passes_a_barrier_early(library: llvm.Library, threads: int, rounds: int) -> None:
    assert mistakes(library, threads, rounds) == 0


def test_without_a_barrier_the_check_fails(library: llvm.Library) -> None:
    assert mistakes(library, 2, 20_000, limit=1) > 0


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_every_member_runs_once_a_run(library: llvm.Library, threads: int) -> None:
    counts = memory.zeros(threads, "int64")
    with Team(threads) as team:
        for _ in range(300):
            team.run(library.address("mark"), memory.address(counts))
    assert (counts == 300).all()


def test_a_team_may_be_used_by_several_threads(library: llvm.Library) -> None:
    counts = memory.zeros(2, "int64")
    entry, processors = library.address("mark"), memory.address(counts)
    with Team(2) as team:
        users = [threading.Thread(target=lambda: [team.run(entry, processors) for _ in range(200)]) for _ in range(3)]
        for user in users:
            user.start()
        for user in users:
            user.join()
    assert (counts == 600).all()


@pytest.mark.parametrize("inner", [1, 2, 5])
def test_the_handler_of_a_signal_may_run_on_the_team_as_well(library: llvm.Library, inner: int) -> None:
    """Python calls it when compiled code has returned, inside of `Team.run`; here with fewer threads, as many, more."""
    counts, of_handler = memory.zeros(16, "int64"), memory.zeros(16, "int64")
    entry = library.address("mark")
    with Team(2) as team:
        run = team._run

        def run_and_handle(*arguments: object) -> None:
            run(*arguments)
            team._run = run
            team.run(entry, memory.address(of_handler), inner)

        team._run = run_and_handle
        user = threading.Thread(target=lambda: team.run(entry, memory.address(counts)), daemon=True)
        user.start()
        user.join(WAIT)
        assert not user.is_alive()
        team.run(entry, memory.address(counts), 2)
    assert counts.tolist() == [2] * 2 + [0] * 14
    assert of_handler.tolist() == [1] * inner + [0] * (16 - inner)


@pytest.mark.parametrize("sizes", [[2, 3, 8], [8, 3, 2], [1, 5, 1, 9, 4]])
def test_a_team_runs_on_some_of_its_threads_and_grows(library: llvm.Library, sizes: list[int]) -> None:
    """There are never more threads than the largest run had."""
    before, largest = members(), 2
    with Team(2) as team:
        for size in sizes:
            counts = memory.zeros(16, "int64")
            for _ in range(50):
                team.run(library.address("mark"), memory.address(counts), size)
            assert counts.tolist() == [50] * size + [0] * (16 - size)
            largest = max(largest, size)
            assert (team.threads, members() - before) == (largest, largest - 1)
    assert members() == before


def members() -> int:
    return sum(thread.name.startswith("ranvier-") for thread in threading.enumerate())


def test_threads_end_with_their_team(library: llvm.Library) -> None:
    before = members()
    team = Team(3)
    assert members() == before + 2
    team.close()
    team.close()
    assert members() == before
    with pytest.raises(EngineError, match="was closed"):
        team.run(library.address("mark"), memory.address(memory.zeros(3, "int64")))
    dropped = Team(3)
    del dropped
    gc.collect()
    assert members() == before


def test_a_team_of_nobody_is_refused() -> None:
    with pytest.raises(EngineError, match="at least 1"):
        Team(0)


def test_a_system_without_threads_is_an_error(library: llvm.Library, monkeypatch: pytest.MonkeyPatch) -> None:
    before = members()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "ranvier-2":
            raise RuntimeError("can't start new thread")
        start(thread)

    with Team(2) as team:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(EngineError, match="fewer than 4"):
            Team(4)
        counts = memory.zeros(4, "int64")
        with pytest.raises(EngineError, match="fewer than 4"):
            team.run(library.address("mark"), memory.address(counts), 4)
        # The threads that it has go on.
        team.run(library.address("mark"), memory.address(counts), 2)
        assert counts.tolist() == [1, 1, 0, 0]
    assert members() == before


def test_a_team_cannot_be_pickled() -> None:
    with Team(2) as team, pytest.raises(EngineError, match="cannot be pickled"):
        pickle.dumps(team)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_a_team_of_its_own(library: llvm.Library) -> None:
    counts = memory.zeros(2, "int64")
    with Team(2) as team:
        team.run(library.address("mark"), memory.address(counts))
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            team.run(library.address("mark"), memory.address(counts))
            team.close()
            os._exit(0 if (counts == 2).all() else 1)
        assert os.waitpid(child, 0)[1] == 0
        team.run(library.address("mark"), memory.address(counts))
    assert (counts == 2).all()


def test_the_interpreter_ends_with_a_team_alive(python: Callable[..., str]) -> None:
    program = "from ranvier.native.machine.team import Team\nteam = Team(3)\nother = Team(2)\nprint('end')"
    assert python(program) == "end\n"


INTERRUPTED = """
import os, signal, threading, time
from ranvier.native.machine import cpu, llvm, memory
from ranvier.native.machine.team import Team
text = '''
define void @count(i64 %index, ptr %a) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %next = add i64 %i, 1
  %place = getelementptr i64, ptr %a, i64 %index
  store volatile i64 %next, ptr %place
  %more = icmp slt i64 %next, 300000000
  br i1 %more, label %loop, label %end
end:
  ret void
}'''
library = llvm.load_objects([llvm.compile_ir(text, cpu.target())], "count")
counts = memory.zeros(2, "int64")
team = Team(2)
def press():
    while not counts.all():
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press, daemon=True).start()
try:
    team.run(library.address("count"), memory.address(counts))
except KeyboardInterrupt:
    print("interrupted", counts.tolist())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C")
def test_an_interrupt_comes_after_all_have_finished(python: Callable[..., str]) -> None:
    assert python(INTERRUPTED) == "interrupted [300000000, 300000000]\n"


@pytest.mark.skipif(sys.platform != "linux" or cpu.threads() < 2, reason="needs Linux and two processors")
def test_members_sleep_away_from_the_caller(library: llvm.Library, monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    counts = memory.zeros(2, "int64")
    # Other tests' teams may still be there, asleep.
    before = set(threading.enumerate())
    with Team(2) as team:
        (member,) = set(threading.enumerate()) - before
        for here in sorted(allowed)[:2] * 2:
            monkeypatch.setattr(system, "current_processor", lambda here=here: here)
            team.run(library.address("mark"), memory.address(counts))
            until = time.monotonic() + 5
            processors = os.sched_getaffinity(member.native_id)
            # Where it slept before, it may be seen for a moment yet.
            while (len(processors) != 1 or here in processors) and time.monotonic() < until:
                time.sleep(0.001)
                processors = os.sched_getaffinity(member.native_id)
            assert len(processors) == 1
            assert here not in processors


@pytest.mark.skipif(sys.platform != "linux" or cpu.threads() < 2, reason="needs Linux and two processors")
@pytest.mark.parametrize("size", [2, 3])
def test_members_follow_the_callers_affinity(library: llvm.Library, size: int) -> None:
    """As it is at the time of the run: with fewer processors than threads, too."""
    allowed = os.sched_getaffinity(0)
    single, two = {min(allowed)}, set(sorted(allowed)[:2])
    counts = memory.zeros(size, "int64")
    before = set(threading.enumerate())
    try:
        with Team(size) as team:
            started = set(threading.enumerate()) - before
            for processors in (single, two, single, allowed):
                os.sched_setaffinity(0, processors)
                team.run(library.address("mark"), memory.address(counts))
                for member in started:
                    assert os.sched_getaffinity(member.native_id) <= processors
    finally:
        os.sched_setaffinity(0, allowed)
    assert (counts == 4).all()


def test_more_threads_than_processors_are_not_placed() -> None:
    many = placement.Placement(cpu.threads() + 1000)
    assert not many.active
    asleep, awake = many.masks(1)
    assert (asleep == 0) == (awake == 0) == (sys.platform != "linux")
    many.make_room()
    assert system.current_processor() >= -1


def test_the_peak_is_measured() -> None:
    from ranvier.native.machine import peak

    assert 1.0 < peak.measured_peak(1) < 10_000.0
    assert peak.measured_peak(1) == peak.measured_peak(1)
    assert np.isfinite(peak.measured_peak(2))
    code = llvm.assembly(peak.peak_ir(cpu.target()), cpu.target())
    assert "rsp" not in code.partition("LBB0_1")[2].partition("ret")[0], "the chains must stay in registers"
