"""A persistent team of threads that runs compiled code together.

The members sleep inside compiled code, on semaphores. One call from Python wakes them, does the caller's share and
waits for the others. So a run does not need the GIL, and a Ctrl-C is raised only when all members have finished.
Compiled code raises no exceptions.

A forked child has no members; its first run starts new ones. At the end of the program members are left asleep.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import weakref
from functools import cache
from typing import NoReturn

from ranvier.errors import EngineError
from ranvier.native.machine import barrier, cpu, llvm, memory, system
from ranvier.native.machine import cache as objects
from ranvier.native.machine.placement import Placement, placement_ir
from ranvier.native.machine.target import Target

# The state, each part with cache lines to itself: entry, argument, stop flag | how many threads have not finished.
_STOP = 16
_REMAINING = 128
_STATE_BYTES = 256
# How often the caller polls the members' progress before it sleeps.
_SPINS = 1000


class Team:
    """Threads that run one compiled function together, `void entry(i64 thread_index, ptr argument)`.

    Parameters:
        threads: how many, the calling thread included, which is number 0.

    Raises:
        EngineError: the number is not at least 1, or the system has no more threads.
    """

    def __init__(self, threads: int) -> None:
        if threads < 1:
            raise EngineError(f"A team needs at least 1 thread, not {threads}.")
        self.threads = threads
        self._start()

    def run(self, entry: int, argument: int, threads: int | None = None) -> None:
        """Have threads call the function at address `entry`, and return when all have finished.

        Parameters:
            entry: address of `void entry(i64 thread_index, ptr argument)`, which calls no Python.
            argument: address handed to every thread.
            threads: how many; None for all. A team that has fewer grows, the others sleep.

        Raises:
            EngineError: the team was closed, or the system has no more threads.
        """
        threads = threads or self.threads
        if self._process != os.getpid():
            self._start()
        with self._running:
            if not self._members.alive:
                raise EngineError("This team of threads was closed; make a new one.")
            if threads > self.threads:
                self._grow(threads)
            self._members.placement.make_room()
            self._run(self._members.state, threads, self._members.wakes, self._members.done, entry, argument)

    def close(self) -> None:
        """End the threads. Closing twice is allowed."""
        if self._process == os.getpid():
            with self._running:
                self._finalizer()

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise EngineError("A team of threads belongs to its process and cannot be pickled.")

    def _start(self) -> None:
        self._process = os.getpid()
        # A signal handler of Python may run compiled code as soon as that of its own thread has returned.
        self._running = threading.RLock()
        library = _library()
        self._keep(_Members(self.threads, library))
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        self._run = library.function("run", None, pointer, number, pointer, pointer, pointer, pointer)

    def _keep(self, members: _Members) -> None:
        self._members = members
        self._finalizer = weakref.finalize(self, members.stop, self._process)
        self._finalizer.atexit = False

    def _grow(self, threads: int) -> None:
        """Start as many new threads as there are to be, then end the old ones."""
        members, end = _Members(threads, _library()), self._finalizer
        self._keep(members)
        self.threads = threads
        end()


class _Members:
    """The sleeping threads of one process and the memory they share. Threads hold this, never the team."""

    def __init__(self, threads: int, library: llvm.Library) -> None:
        self._memory = memory.zeros(_STATE_BYTES, "uint8")
        self._finished = system.Semaphore()
        self._sleepers = [system.Semaphore() for _ in range(threads - 1)]
        self._handles = (ctypes.c_void_p * max(1, threads - 1))(*(sleeper.handle for sleeper in self._sleepers))
        self.state = memory.address(self._memory)
        self.done = self._finished.handle
        self.wakes = ctypes.addressof(self._handles)
        self.alive = True
        self._threads: list[threading.Thread] = []
        self.placement = Placement(threads)
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        member = library.function("member", None, pointer, number, pointer, pointer, pointer, pointer)
        self._stop = library.function("stop", None, pointer, number, pointer)
        try:
            for index, sleeper in enumerate(self._sleepers, start=1):
                arguments = (self.state, index, sleeper.handle, self.done, *self.placement.masks(index))
                # The second entry keeps the memory for as long as the thread lives.
                thread = threading.Thread(
                    target=_sleep, args=(member, arguments, self), name=f"ranvier-{index}", daemon=True
                )
                thread.start()
                self._threads.append(thread)
        except RuntimeError as error:
            self.stop(os.getpid())
            raise EngineError(f"The system gives no more threads ({error}); use fewer than {threads}.") from error
        self.placement.settle([thread.native_id or 0 for thread in self._threads])

    def stop(self, process: int) -> None:
        """End the threads, where they are threads of this process."""
        if process != os.getpid() or not self.alive:
            return
        self.alive = False
        self._stop(self.state, len(self._threads), self.wakes)
        for thread in self._threads:
            thread.join()
        for semaphore in (*self._sleepers, self._finished):
            semaphore.close()


def _sleep(member: object, arguments: tuple[int, ...], keep: _Members) -> None:
    member(*arguments)  # type: ignore[operator]


@cache
def _library() -> llvm.Library:
    target = cpu.target()
    return objects.load_cached(team_ir(target), target, "team")


def team_ir(target: Target, platform: str = sys.platform) -> str:
    """IR of the three functions a team lives on: `@member`, `@run` and `@stop`."""
    parts = (barrier.pause_ir(target), system.semaphore_ir(platform), placement_ir(platform))
    return "\n".join((*parts, _MEMBER, _RUN, _STOP_ALL, _WAKE_ALL))


_MEMBER = f"""
define void @member(ptr %state, i64 %index, ptr %sleeper, ptr %done, ptr %asleep, ptr %awake) {{
  br label %again
again:
  call void @set_affinity(ptr %asleep)
  call void @park(ptr %sleeper)
  call void @set_affinity(ptr %awake)
  %flag = getelementptr i8, ptr %state, i64 {_STOP}
  %stop = load atomic i64, ptr %flag acquire, align 8
  %stopping = icmp ne i64 %stop, 0
  br i1 %stopping, label %end, label %work
work:
  %function = load ptr, ptr %state, align 8
  %where = getelementptr i8, ptr %state, i64 8
  %argument = load ptr, ptr %where, align 8
  call void %function(i64 %index, ptr %argument)
  %remaining = getelementptr i8, ptr %state, i64 {_REMAINING}
  %before = atomicrmw sub ptr %remaining, i64 1 acq_rel, align 8
  %last = icmp eq i64 %before, 1
  br i1 %last, label %report, label %again
report:
  call void @wake(ptr %done)
  br label %again
end:
  ret void
}}
"""

_RUN = f"""
define void @run(ptr %state, i64 %threads, ptr %sleepers, ptr %done, ptr %function, ptr %argument) {{
entry:
  store ptr %function, ptr %state, align 8
  %where = getelementptr i8, ptr %state, i64 8
  store ptr %argument, ptr %where, align 8
  %remaining = getelementptr i8, ptr %state, i64 {_REMAINING}
  store atomic i64 %threads, ptr %remaining release, align 8
  %others = sub i64 %threads, 1
  call void @wake_all(ptr %sleepers, i64 %others)
  call void %function(i64 0, ptr %argument)
  %before = atomicrmw sub ptr %remaining, i64 1 acq_rel, align 8
  %last = icmp eq i64 %before, 1
  br i1 %last, label %end, label %look
look:
  %spun = phi i64 [ 0, %entry ], [ %next, %spin ]
  %left = load atomic i64, ptr %remaining acquire, align 8
  %some = icmp sgt i64 %left, 0
  %patient = icmp ult i64 %spun, {_SPINS}
  %on = and i1 %some, %patient
  br i1 %on, label %spin, label %sleep
spin:
  call void @pause()
  %next = add i64 %spun, 1
  br label %look
sleep:
  call void @park(ptr %done)
  br label %end
end:
  ret void
}}
"""

_STOP_ALL = f"""
define void @stop(ptr %state, i64 %members, ptr %sleepers) {{
  %flag = getelementptr i8, ptr %state, i64 {_STOP}
  store atomic i64 1, ptr %flag release, align 8
  call void @wake_all(ptr %sleepers, i64 %members)
  ret void
}}
"""

_WAKE_ALL = """
define internal void @wake_all(ptr %sleepers, i64 %count) {
entry:
  br label %test
test:
  %index = phi i64 [ 0, %entry ], [ %next, %one ]
  %more = icmp slt i64 %index, %count
  br i1 %more, label %one, label %end
one:
  %place = getelementptr ptr, ptr %sleepers, i64 %index
  %sleeper = load ptr, ptr %place, align 8
  call void @wake(ptr %sleeper)
  %next = add i64 %index, 1
  br label %test
end:
  ret void
}
"""
