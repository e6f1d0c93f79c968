"""Random words in compiled code are those of `ranvier.random`."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier import random

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels import philox  # noqa: E402
from ranvier.native.kernels.emitter import Emitter  # noqa: E402
from ranvier.native.kernels.function import write_function  # noqa: E402
from ranvier.native.machine import cpu  # noqa: E402

LAYER, WORDS = 3, 128
PARAMETERS = {"out": "ptr", "seed": "i64", "step": "i64", "start": "i64"}


def write(lanes: int, seed: int | None = None, step: int | None = None) -> Any:
    """A function that writes WORDS words from `start` on; seed and step are constants of the code where given."""
    module = Emitter("float32", lanes)
    with write_function(module, "draw", PARAMETERS) as f:
        out, seed_value, step_value, start = f.parameters
        seed_used, step_used = (seed_value if seed is None else seed), (step_value if step is None else step)
        stream = philox.stream(f, seed_used, random.DROPOUT, step_used, LAYER)
        with f.loop(0, WORDS, 4 * lanes) as loop:
            drawn = philox.block(f, stream, f.add(start, loop.index))
            for number, words in enumerate(drawn):
                f.store(words, f.pointer(out, f.add(loop.index, lanes * number), "i32"))
    library = llvm.load_objects([llvm.compile_ir(module.text(), cpu.target())], "draw")
    function = library.function("draw", None, ctypes.c_void_p, *[ctypes.c_uint64] * 3)

    def call(seed: int, step: int, start: int) -> Any:
        words = np.empty(WORDS, np.uint32)
        function(words.ctypes.data, seed, step, start)
        return words

    return call


@pytest.mark.parametrize("lanes", [1, 2, 8, 16])
def test_words_are_those_of_the_generator(lanes: int) -> None:
    call = write(lanes)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(0, 2**64 - 1), st.integers(0, 2**48 - 1), st.integers(0, 2**32 - WORDS))
    def check(seed: int, step: int, quarter: int) -> None:
        start = 4 * quarter
        wanted = random.bits(seed, random.DROPOUT, step, LAYER, WORDS, start)
        np.testing.assert_array_equal(call(seed, step, start), wanted)
        assert (call(seed ^ 1, step, start) != wanted).any()

    check()


@pytest.mark.parametrize(("seed", "step"), [(0, 0), (2**64 - 1, 2**40 + 5), (12345678901234567890, None), (None, 9)])
def test_known_seeds_and_steps_become_constants(seed: int | None, step: int | None) -> None:
    call = write(8, seed, step)
    wanted = random.bits(7 if seed is None else seed, random.DROPOUT, 7 if step is None else step, LAYER, WORDS, 400)
    np.testing.assert_array_equal(call(7, 7, 400), wanted)


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5, 0.999])
def test_thresholds_have_no_sign(rate: float) -> None:
    module = Emitter("float32", 8)
    with write_function(module, "keep", {"words": "ptr", "out": "ptr"}) as f:
        words, out = f.parameters
        mask = philox.at_least(f, f.load(words, "<8 x i32>"), int(rate * 2**32))
        f.store(f.cast("zext", mask, "i32"), out)
    library = llvm.load_objects([llvm.compile_ir(module.text(), cpu.target())], "keep")
    given = np.array([0, 1, 2**30, 2**31 - 1, 2**31, 2**32 - 4294968, 2**32 - 4294967, 2**32 - 1], np.uint32)
    kept_words = np.empty(8, np.uint32)
    library.function("keep", None, ctypes.c_void_p, ctypes.c_void_p)(given.ctypes.data, kept_words.ctypes.data)
    np.testing.assert_array_equal(kept_words, given >= np.uint32(int(rate * 2**32)))
