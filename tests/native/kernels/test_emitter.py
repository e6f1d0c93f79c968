"""What the emitter writes is read by LLVM and does what it says."""

from __future__ import annotations

import ctypes
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import EngineError
from ranvier.native.kernels.function import write_function

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels import values  # noqa: E402
from ranvier.native.kernels.emitter import Emitter  # noqa: E402
from ranvier.native.kernels.values import Value  # noqa: E402
from ranvier.native.machine import cpu  # noqa: E402


def load(module: Emitter, name: str, *argtypes: Any) -> Any:
    library = llvm.load_objects([llvm.compile_ir(module.text(), cpu.target())], "test")
    return library.function(name, None, *argtypes)


def run(module: Emitter, array: np.ndarray[Any, Any], *numbers: int) -> np.ndarray[Any, Any]:
    """Call `apply(ptr, i64...)` on a copy of the array."""
    result = array.copy()
    load(module, "apply", ctypes.c_void_p, *[ctypes.c_int64] * len(numbers))(result.ctypes.data, *numbers)
    return result


@given(st.floats())
def test_constants_are_exact(number: float) -> None:
    text = values.number(number, "double")
    (back,) = struct.unpack("<d", struct.pack("<Q", int(text, 16)))
    assert back == number or math.isnan(back)
    single = struct.unpack("<d", struct.pack("<Q", int(values.number(number, "float"), 16)))[0]
    with np.errstate(all="ignore"):
        assert np.float32(single) == single or math.isnan(single)
        assert np.float32(number) == single or math.isnan(single)


@pytest.mark.parametrize("count", [-5, 0, 1, 3, 4])
def test_loops_carry_values_round_by_round(count: int) -> None:
    module = Emitter("float64", 1)
    with write_function(module, "apply", {"x": "ptr", "count": "i64"}) as f:
        x, stop = f.parameters
        with f.loop(0, stop, name="i", carried=[f.constant(1.0)]) as loop:
            with f.loop(0, 3, name="j", carried=loop.values) as inner:
                inner.carry(f.add(inner.values[0], 1.0))
            loop.carry(f.multiply(inner.results[0], 2.0))
        f.store(loop.results[0], x)
    wanted = 1.0
    for _ in range(count):
        wanted = 2 * (wanted + 3)
    assert run(module, np.zeros(1), count)[0] == wanted


@pytest.mark.parametrize(("start", "stop", "step"), [(0, 8, 1), (2, 9, 3), (5, 5, 1), (7, 3, 2)])
def test_loops_visit_what_range_does(start: int, stop: int, step: int) -> None:
    module = Emitter("float64", 1)
    with write_function(module, "apply", {"x": "ptr"}) as f, f.loop(start, stop, step) as loop:
        f.store(f.constant(1.0), f.pointer(f.parameters[0], loop.index))
    assert np.flatnonzero(run(module, np.zeros(16))).tolist() == list(range(start, stop, step))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_conditions_run_their_body_or_not(number: int) -> None:
    module = Emitter("float64", 2)
    with write_function(module, "apply", {"x": "ptr", "number": "i64"}) as f:
        x, given_number = f.parameters
        before = f.load(x)
        with f.when(f.compare("sgt", given_number, 0), carried=[before]) as outer:
            twice = f.add(before, before)
            with f.when(f.compare("sgt", given_number, 1), carried=[twice]) as inner:
                inner.carry(f.constant(9.0))
            outer.carry(*inner.results)
        f.store(outer.results[0], x)
    wanted = ([1.0, 2.0], [2.0, 4.0], [9.0, 9.0])[number]
    assert run(module, np.array([1.0, 2.0]), number).tolist() == wanted


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lanes", [2, 4, 8, 16])
def test_masks_tables_shuffles_and_the_stack(lanes: int, dtype: str) -> None:
    module = Emitter(dtype, lanes)
    with write_function(module, "apply", {"x": "ptr"}) as f:
        (x,) = f.parameters
        numbers = f.load(module.table("numbers", range(10, 10 + lanes), module.element))
        mask = f.compare("slt", f.lane_numbers(), 1)
        mixed = f.masked_load(x, mask, numbers)
        turned = f.shuffle(mixed, None, range(lanes)[::-1])
        buffer = f.stack(module.vector)
        f.store(turned, buffer)
        last = f.broadcast(f.pointer(buffer, lanes - 1))
        changed = f.insert(last, f.extract(turned, 0), 1)
        f.prefetch(x, write=True)
        f.masked_store(changed, x, f.compare("slt", f.lane_numbers(), 2))
    x = np.full(lanes, -1.0, dtype)
    wanted = x.copy()
    wanted[1] = 9 + lanes
    np.testing.assert_array_equal(run(module, x), wanted)


def test_functions_call_each_other() -> None:
    module = Emitter("float32", 8)
    with write_function(module, "twice", {"x": "<8 x float>"}, "<8 x float>", internal=True) as f:
        f.give_back(f.multiply(f.parameters[0], 2.0))
    with write_function(module, "apply", {"x": "ptr noalias"}) as f:
        f.store(f.call("twice", f.load(f.parameters[0])), f.parameters[0])
    np.testing.assert_array_equal(run(module, np.arange(8, dtype=np.float32)), 2 * np.arange(8))
    assert "align 4" in module.text()
    with pytest.raises(EngineError, match="no function thrice"):
        module.result_of("thrice")
    with pytest.raises(EngineError, match="written before"), write_function(module, "apply", {}):
        pass


def test_names_never_clash() -> None:
    module = Emitter("float32", 1)
    with write_function(module, "apply", {"k": "float", "k.1": "float"}) as f:
        a, b = f.parameters
        names = {f.add(a, b, name).text for name in ("k", "k", "k.1", "k.1", "k.1.1", "k", "entry")} | {a.text, b.text}
    assert len(names) == 9
    llvm.compile_ir(module.text(), cpu.target())


def test_the_same_calls_give_the_same_text() -> None:
    def text(number: float) -> str:
        module = Emitter("float32", 8)
        with write_function(module, "apply", {"x": "ptr"}) as f:
            f.store(f.intrinsic("sqrt", f.fma(f.load(f.parameters[0]), number, 1.0)), f.parameters[0])
        return module.text()

    assert text(2.0) == text(2.0)
    assert text(2.0) != text(3.0)


@pytest.mark.parametrize(("dtype", "lanes"), [("float16", 8), ("float32", 0)])
def test_unknown_formats_are_refused(dtype: str, lanes: int) -> None:
    with pytest.raises(EngineError, match="float32 and float64"):
        Emitter(dtype, lanes)


def test_contradictions_are_refused() -> None:
    module = Emitter("float32", 8)
    module.declare("helper", "void", ["ptr"])
    module.declare("helper", "void", ["ptr"])
    with pytest.raises(EngineError, match="other types"):
        module.declare("helper", "void", ["i64"])
    module.table("numbers", [1.0], "float")
    with pytest.raises(EngineError, match="other numbers"):
        module.table("numbers", [2.0], "float")
    with write_function(module, "apply", {"x": "ptr"}) as f, f.loop(0, 4, carried=[f.constant(0.0)]) as loop:
        for wrong in ((), (Value("i64", "0"),), (*loop.values, *loop.values)):
            with pytest.raises(EngineError, match="carries"):
                loop.carry(*wrong)
