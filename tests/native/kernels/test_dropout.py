"""The masks that compiled code draws are those of the reference engine, whatever the width of the row."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from ranvier.reference.layers import dropout_factors

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels.dropout import write_drop  # noqa: E402
from ranvier.native.kernels.emitter import Emitter  # noqa: E402
from ranvier.native.lowering.buffers import Buffer  # noqa: E402
from ranvier.native.lowering.scalars import Scalar  # noqa: E402
from ranvier.native.lowering.steps import Drop  # noqa: E402
from ranvier.native.machine import cpu  # noqa: E402
from ranvier.native.scheduling.binding import Binding, number_row  # noqa: E402
from ranvier.native.scheduling.layouts import stride_of  # noqa: E402
from ranvier.native.scheduling.tiles import PANEL  # noqa: E402

ROWS, LAYER = 7, 3


# Multiples of 4 and others; below, at and above the columns that are drawn together (64 and 48) and one group (16).
@pytest.mark.parametrize("columns", [1, 3, 4, 15, 16, 17, 47, 48, 49, 52, 64, 66, 95, 97, 112, 128, 130, 200])
def test_masks_are_those_of_the_reference(columns: int) -> None:
    x, factors, y = (Buffer(name, number, "rows", columns) for number, name in enumerate(("x", "factors", "y")))
    module = Emitter("float32", PANEL)
    binding = Binding("float32")
    step = binding.bound(Drop(x, factors, y, Scalar("rate", 0.3), LAYER))
    row = number_row(tuple(binding.values))
    write_drop(module, "drop", step)
    numbers = ", ".join(f"i64 %{name}" for name in ("seed", "step", "from", "to"))
    module.add_text(
        f"define void @entry(ptr %x, ptr %factors, ptr %y, ptr %row, {numbers}) {{\n"
        f"  call void @drop(ptr %x, ptr %factors, ptr %y, ptr %row, {numbers})\n  ret void\n}}\n",
        {},
    )
    library = llvm.load_objects([llvm.compile_ir(module.text(), cpu.target())], "drop")
    function = library.function("entry", None, *[ctypes.c_void_p] * 4, *[ctypes.c_int64] * 4)
    inputs = np.arange(1, ROWS * stride_of(x) + 1, dtype=np.float32)
    drawn, dropped = np.full((2, inputs.size), np.nan, np.float32)
    for seed, number in ((5, 2), (6, 2), (5, 3)):
        function(*(array.ctypes.data for array in (inputs, drawn, dropped, row)), seed, number, 1, ROWS)
        wanted = dropout_factors(0.3, ROWS, columns, seed, number, LAYER)[1:].astype(np.float32)
        mask = drawn.reshape(ROWS, -1)[1:]
        np.testing.assert_array_equal(mask[:, :columns], wanted)
        assert not mask[:, columns : -(-columns // PANEL) * PANEL].any()
        np.testing.assert_array_equal(
            dropped.reshape(ROWS, -1)[1:, :columns], (inputs.reshape(ROWS, -1)[1:, :columns] * wanted)
        )
        assert np.isnan(drawn[: stride_of(x)]).all()
        drawn[:] = dropped[:] = np.nan
