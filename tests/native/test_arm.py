"""Code for 64-bit ARM, compiled on any machine: vectors of four numbers, tails without branches, no library calls.

That its results have the bits of other processors was seen under emulation: `tests/native/on_arm.sh` runs tests so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ranvier.native.kernels.module import plan_ir
from ranvier.native.machine import barrier, llvm, system
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.plan import make_plan
from ranvier.native.this_machine import this_machine
from tests.native.test_same_bits import classifier

ARM = Target("aarch64-unknown-linux-gnu", "neoverse-n1", (), 128, has_bf16_dot=False)
PRODUCTS = re.compile(r"^(?:forward|gradient|back)_\d+x\d+", re.MULTILINE)
LANE_BY_LANE = re.compile(r"^\tf(?:madd|mul|add)\t[sd]\d", re.MULTILINE)
BIT_BRANCH = re.compile(r"^\ttbn?z\t", re.MULTILINE)


def functions(assembly: str) -> Iterator[tuple[str, str]]:
    """The name and the text of each function."""
    for part in re.split(r"^\t\.type\t", assembly, flags=re.MULTILINE)[1:]:
        yield part.split(",")[0], part


def modules(precision: str, purpose: str) -> list[str]:
    return list(plan_ir(make_plan(classifier(precision=precision), purpose, this_machine(ARM, precision), 1).code, ARM))


@pytest.mark.parametrize(
    ("purpose", "precision", "vector"),
    [("train", "float32", "4s"), ("predict", "float32", "4s"), ("train", "float64", "2d"), ("train", "bfloat16", "4s")],
)
def test_products_fill_the_vectors_and_tails_have_no_branches(purpose: str, precision: str, vector: str) -> None:
    actual = 0
    for text in modules(precision, purpose):
        for name, body in functions(llvm.assembly(text, ARM)):
            if not PRODUCTS.match(name):
                continue
            actual += 1
            assert body.count("fmla\tv") > 20, name
            assert f".{vector}" in body, name
            assert not LANE_BY_LANE.search(body), name
            assert not BIT_BRANCH.search(body), name
    assert actual >= 4


def test_code_lane_by_lane_would_be_seen() -> None:
    scalar = "define float @f(float %a, float %b) {\n  %c = fmul float %a, %b\n  ret float %c\n}"
    assert LANE_BY_LANE.search(llvm.assembly(scalar, ARM))
    branch = """define i32 @f(i32 %a) {
  %b = and i32 %a, 1
  %c = icmp eq i32 %b, 0
  br i1 %c, label %one, label %two
one:
  call void @g()
  br label %two
two:
  ret i32 %a
}
declare void @g()"""
    assert BIT_BRANCH.search(llvm.assembly(branch, ARM))


def test_no_library_of_the_system_computes_anything() -> None:
    """Its exp or log would give other bits on another system."""
    images = llvm.compile_all(modules("float32", "train"), ARM)
    assert set(system.undefined_symbols(images)) == {"ranvier_yield"}


def test_spinning_threads_wait_for_the_instruction_barrier() -> None:
    code = llvm.assembly(barrier.barrier_ir(ARM), ARM)
    assert "\tisb" in code
    assert "\tyield" not in code
