"""Choosing the processor, on hosts made up here."""

from __future__ import annotations

import pytest

from ranvier.errors import EngineError
from ranvier.native.machine import target

X86 = "x86_64-unknown-linux-gnu"
LEVEL_3 = dict.fromkeys(("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "popcnt", "xsave"), True)
LEVEL_4 = LEVEL_3 | dict.fromkeys(("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"), True)
ZEN_3 = target.Host(X86, "znver3", LEVEL_3 | {"avx512f": False})
ZEN_4 = target.Host(X86, "znver4", LEVEL_4 | {"avx512bf16": True})
ARM = target.Host("arm64-apple-darwin24.0.0", "apple-m2", {"bf16": True})


@pytest.mark.parametrize(
    ("host", "name", "cpu", "bits", "dot"),
    [
        (ZEN_3, None, "znver3", 256, False),
        (ZEN_3, "x86-64-v3", "x86-64-v3", 256, False),
        (ZEN_4, "native", "znver4", 512, True),
        (ZEN_4, "znver4", "znver4", 512, True),
        (ZEN_4, "x86-64-v4", "x86-64-v4", 512, False),
        (ZEN_4, "x86-64-v3", "x86-64-v3", 256, False),
        (ARM, None, "apple-m2", 128, False),
    ],
)
def test_target_is_the_requested_cpu(host: target.Host, name: str, cpu: str, bits: int, dot: bool) -> None:
    processor = target.choose(name, host)
    assert (processor.cpu, processor.vector_bits, processor.has_bf16_dot) == (cpu, bits, dot)
    assert processor.lanes() == bits // 32


def test_features_are_listed_for_the_host_alone() -> None:
    native = target.choose(None, ZEN_3).features
    assert "+fma" in native
    assert "-avx512f" in native
    assert target.choose("x86-64-v3", ZEN_3).features == ()


@pytest.mark.parametrize(
    ("host", "name", "words"),
    [
        (ZEN_3, "x86-64-v4", "lacks avx512f"),
        (ZEN_3, "znver4", "can be native, x86-64-v3, x86-64-v4, znver3"),
        (ZEN_3, "sm_100", "can be native"),
        (ARM, "x86-64-v3", "can be native, apple-m2"),
        (target.Host(X86, "nehalem", {}), None, "lacks avx"),
        (target.Host("riscv64-unknown-linux-gnu", "generic", {}), None, "this one is riscv64"),
    ],
)
def test_more_than_the_host_has_is_refused_in_one_sentence(host: target.Host, name: str, words: str) -> None:
    with pytest.raises(EngineError, match=words) as caught:
        target.choose(name, host)
    assert "\n" not in str(caught.value)
