"""Giving up a step half-way: what threads that are asked to stop agree on.

    in a stage that moves nothing of the state, before each piece of work:
        asked = not 0:  leave this piece out, and all that follow, since the word stays as it is
    at the end of the stage:
        asked = not 0:  agreed[stage] = 1
    barrier
    agreed[stage] = 0:  go on;  else all threads leave the step, and nothing of the state has moved

A thread that left something out says so before the barrier, so all see it after it, even where another one finished
before anybody asked. Each stage has a word of its own, since a quick thread may be in the next stage, and give it up,
before a slow one has read what was agreed on this one; in the same stage of the next step it cannot be.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ranvier.native.kernels.blocks import Carried
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value


def unless_asked(f: Function, asked: Value | None) -> AbstractContextManager[Carried | None]:
    """Run the body only as long as nobody asked to stop; always, and at no cost, where `asked` is None."""
    if asked is None:
        return nullcontext()
    return f.when(f.compare("eq", _word(f, asked), 0), name="going")


def agree(f: Function, asked: Value, agreed: Value, stage: int) -> None:
    """Say to the other threads, where this one was asked to stop in a stage, that the step is given up."""
    with f.when(f.compare("ne", _word(f, asked), 0), name="asked"):
        at = f.pointer(agreed, stage, "i64")
        f.emit_plain(f"store atomic i64 1, {at.typed} monotonic, align 8")


def going_on(f: Function, agreed: Value, stage: int) -> AbstractContextManager[Carried]:
    """Run the body only where no thread gave a stage up; comes after the barrier."""
    return f.when(f.compare("eq", _word(f, f.pointer(agreed, stage, "i64")), 0), name="on")


def _word(f: Function, place: Value) -> Value:
    return f.emit("i64", f"load atomic i64, {place.typed} monotonic, align 8", "word")
