"""Cancelling a step, so that no thread changes the state.

    in a stage that changes no state, before each piece of work:
        cancel_requested != 0:  skip this piece, and all later ones, since the word stays set
    at the end of the stage:
        cancel_requested != 0:  cancelled[stage] = 1
    barrier
    cancelled[stage] != 0:  all threads leave the step; the state is unchanged

A thread that skipped work sets `cancelled` before the barrier, so all threads see it after the barrier, including those
that finished before the request came. Each stage has its own word: a fast thread may cancel the next stage before a
slow thread has read the word of this one. It cannot reach the same stage of the next step in that time.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ranvier.native.kernels.blocks import Carried
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value


def unless_requested(f: Function, cancel_requested: Value | None) -> AbstractContextManager[Carried | None]:
    """Run the body unless cancelling was requested. Always, without any code, if `cancel_requested` is None."""
    if cancel_requested is None:
        return nullcontext()
    return f.when(f.compare("eq", _word(f, cancel_requested), 0), name="going")


def publish(f: Function, cancel_requested: Value, cancelled: Value, stage: int) -> None:
    """Tell the other threads that this one has skipped work of a stage, if cancelling was requested."""
    with f.when(f.compare("ne", _word(f, cancel_requested), 0), name="cancel_requested"):
        at = f.pointer(cancelled, stage, "i64")
        f.emit_plain(f"store atomic i64 1, {at.typed} monotonic, align 8")


def unless_cancelled(f: Function, cancelled: Value, stage: int) -> AbstractContextManager[Carried]:
    """Run the body unless a thread cancelled the stage; comes after the barrier."""
    return f.when(f.compare("eq", _word(f, f.pointer(cancelled, stage, "i64")), 0), name="on")


def _word(f: Function, pointer: Value) -> Value:
    return f.emit("i64", f"load atomic i64, {pointer.typed} monotonic, align 8", "word")
