"""Arrays that start where they should."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.native.machine import memory


@given(
    shape=st.lists(st.integers(0, 40), min_size=1, max_size=3).map(tuple),
    kind=st.sampled_from(["float32", "float64", "uint8", "int64", "uint16"]),
    huge=st.sampled_from([None, True, False]),
)
def test_arrays_are_zero_and_aligned(shape: tuple[int, ...], kind: str, huge: bool | None) -> None:
    array = memory.zeros(shape, kind, huge)
    assert array.shape == shape
    assert array.dtype == np.dtype(kind)
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert not array.any()
    array[...] = 1
    if array.size:
        assert memory.address(array) % memory.ALIGNMENT == 0
        assert array.sum() == array.size


def test_large_arrays_start_on_a_huge_page() -> None:
    array = memory.zeros((1024, 1025))
    assert memory.address(array) % memory.ALIGNMENT == 0
    if hasattr(memory.mmap, "MADV_HUGEPAGE"):
        assert memory.address(array) % memory.HUGE_PAGE == 0
    array[-1, -1] = 3
    assert array.sum() == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("huge", [True, False])
def test_a_forked_child_has_its_own_copy(huge: bool) -> None:
    array = memory.zeros(10, "int64", huge)
    child = os.fork()
    if child == 0:
        array[0] = 1
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert array[0] == 0


def test_strided_arrays_have_no_address() -> None:
    with pytest.raises(ValueError, match="contiguous"):
        memory.address(memory.zeros((4, 4))[:, ::2])
