"""Facts about this machine, and why there may be no native engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ranvier.errors import EngineError
from ranvier.native.machine import cpu


def test_a_missing_llvmlite_is_a_reason_and_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.delitem(sys.modules, "ranvier.native.machine.llvm", raising=False)
    monkeypatch.delattr("ranvier.native.machine.llvm", raising=False)
    cpu.available.cache_clear()
    try:
        assert "pip install llvmlite" in str(cpu.available())
    finally:
        cpu.available.cache_clear()


def test_threads_follow_the_affinity() -> None:
    if sys.platform == "linux":
        assert 1 <= cpu.threads() <= len(os.sched_getaffinity(0))
    assert cpu.threads() >= 1


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1), ("50000 100000", 1), ("", None)]
)
def test_a_control_group_limits_the_threads(monkeypatch: pytest.MonkeyPatch, text: str, quota: int | None) -> None:
    monkeypatch.setattr(cpu, "_read", lambda path: text)
    assert cpu._quota() == quota


V1 = "12:cpuset:/\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc"
GROUPS: list[tuple[str, dict[str, str], int | None]] = [
    ("0::/", {"cpu.max": "250000 100000"}, 2),
    ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
    ("0::/a/b", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "150000 100000"}, 1),
    ("0::/a", {"a/cpu.max": "max 100000"}, None),
    ("0::/../../host", {"cpu.max": "200000 100000"}, 2),
    (
        V1,
        {"cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "400000", "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000"},
        4,
    ),
    (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "50000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 1),
    (V1, {"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
    (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "-1", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, None),
    (V1 + "\n0::/x", {"unified/x/cpu.max": "700000 100000"}, 7),
    ("", {"cpu.max": "500000 100000"}, 5),
    ("nonsense", {}, None),
]
"""What /proc/self/cgroup holds, the files of control groups, and how many threads they allow."""


@pytest.mark.parametrize(("group", "files", "quota"), GROUPS)
def test_all_control_groups_around_the_process_count(
    group: str, files: dict[str, str], quota: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {cpu._GROUPS / name: text for name, text in files.items()} | {Path("/proc/self/cgroup"): group}
    monkeypatch.setattr(cpu, "_read", lambda path: texts.get(path, ""))
    assert cpu._quota() == quota


def test_cache_sizes_are_read_from_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for index, (level, kind, size) in enumerate(
        [("1", "Data", "48K"), ("1", "Instruction", "64K"), ("2", "Unified", "2048K"), ("3", "Unified", "105M")]
    ):
        folder = tmp_path / f"cpu5/cache/index{index}"
        folder.mkdir(parents=True)
        for name, value in (("level", level), ("type", kind), ("size", size)):
            (folder / name).write_text(value + "\n")
    monkeypatch.setattr(cpu, "_CPUS", tmp_path)
    assert cpu._caches(5) == {"l1d": 48 << 10, "l2": 2 << 20, "l3": 105 << 20}
    assert cpu._caches(6) == {}


def test_facts_describe_this_machine() -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is missing")
    facts = cpu.facts()
    assert facts.model
    assert facts.vector_bits in (128, 256, 512)
    assert 1 <= facts.cores <= facts.threads
    assert 0 < facts.l1d < facts.l2


def test_the_setting_chooses_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite", reason="llvmlite is missing")
    monkeypatch.setenv("RANVIER_CPU", "commodore-64")
    with pytest.raises(EngineError, match="commodore-64"):
        cpu.target()
    monkeypatch.setenv("RANVIER_CPU", "native")
    assert cpu.target() == cpu.target()
    if cpu.target().is_x86:
        monkeypatch.setenv("RANVIER_CPU", "x86-64-v3")
        assert (cpu.target().cpu, cpu.facts().vector_bits) == ("x86-64-v3", 256)
