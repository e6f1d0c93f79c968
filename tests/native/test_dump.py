"""RANVIER_DUMP: the IR, assembly and object of each function, and symbols for perf."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ranvier import settings
from ranvier.errors import EngineError
from ranvier.native import compiled
from ranvier.network.layers import Dense
from tests.native.against_reference import make_spec, outcome, rows_for, span_for

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.engine import NativeEngine  # noqa: E402
from ranvier.native.machine import cpu, dump, system  # noqa: E402

TASK = make_spec(9, [Dense(20, "tanh"), Dense(3)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where code is dumped; the temporary folder is one of the test's."""
    monkeypatch.setenv("RANVIER_DUMP", str(tmp_path / "dump"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    compiled.clear_memoized()
    yield tmp_path / "dump"
    compiled.clear_memoized()


def test_files_of_each_function(folder: Path) -> None:
    outcome(NativeEngine(), TASK, rows_for(TASK), span_for(TASK))
    names = {path.name.rpartition("-")[0] for path in folder.iterdir()}
    assert {"span", "predict", "forward_9x20", "forward_20x3", "gradient_9x20", "back_3x20", "loss"} <= names
    for text in folder.glob("*.ll"):
        image = text.with_suffix(".o").read_bytes()
        assert image == llvm.compile_ir(text.read_text(encoding="utf-8"), cpu.target())
        (function,) = {name for name in system.function_sizes([image]) if text.name.startswith(f"{name}-")}
        assert f"\n{function}:" in text.with_suffix(".s").read_text(encoding="utf-8")


def test_results_stay_the_same_bits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_dump = outcome(NativeEngine(), TASK, rows_for(TASK), span_for(TASK))
    compiled.clear_memoized()
    monkeypatch.delenv("RANVIER_DUMP")
    without = outcome(NativeEngine(), TASK, rows_for(TASK), span_for(TASK))
    assert with_dump.parameters.tobytes() == without.parameters.tobytes()
    assert np.array_equal(with_dump.outputs, without.outputs)


@pytest.mark.skipif(
    not system.undefined_symbols(
        [llvm.compile_ir("declare void @f()\ndefine void @g() {\n  call void @f()\n  ret void\n}", cpu.target())]
    ),
    reason="objects are not ELF here",
)
def test_symbols_for_perf(folder: Path) -> None:
    text = "define i32 @answer() {\n  ret i32 42\n}\ndefine i32 @other() {\n  ret i32 1\n}"
    library = llvm.load_objects([llvm.compile_ir(text, cpu.target())], "test")
    lines = dump.symbol_file().read_text(encoding="utf-8").splitlines()
    assert dump.symbol_file().parent == folder.parent
    symbols = {line.rpartition(" ")[2]: line.split()[:2] for line in lines}
    assert set(symbols) == {"answer", "other"}
    for name, (start, size) in symbols.items():
        assert int(start, 16) == library.address(name)
        assert 0 < int(size, 16) < 64


def test_a_folder_that_cannot_be_written_is_an_error(folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(EngineError, match="RANVIER_DUMP is"):
        outcome(NativeEngine(), TASK, rows_for(TASK), span_for(TASK))


def test_nothing_is_dumped_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANVIER_DUMP", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert settings.read().dump is None
    compiled.clear_memoized()
    outcome(NativeEngine(), TASK, rows_for(TASK), span_for(TASK))
    assert not list(tmp_path.iterdir())
