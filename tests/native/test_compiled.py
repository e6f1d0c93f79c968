"""Code that was made before is found again, in memory and on disk, but not where something that decides it differs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="llvmlite is missing")

from ranvier import version
from ranvier.engine import CompileSpec, Span, State
from ranvier.native import compiled
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.kernels import module
from ranvier.native.machine import cache
from ranvier.native.scheduling.plan import Code
from ranvier.network.activations import activation
from ranvier.network.layers import Dense, Dropout
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD, Adam, optimizer
from ranvier.rows import Rows

NETWORK = Network(3, [Dense(5, "tanh"), Dense(2)])
SPEC = CompileSpec(NETWORK, loss("squared_error"), Adam(), batch_size=8)
X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
ROWS = Rows(X, X[:, :2].copy())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The texts that are written, with nothing kept in memory or on disk at first."""
    texts: list[str] = []
    write = module.plan_ir

    def noted(*arguments: Any) -> list[str]:
        modules = list(write(*arguments))
        texts.append("".join(modules))
        return modules

    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "plan_ir", noted)
    monkeypatch.setattr(compiled, "fingerprint", lambda: "sources as they are")
    compiled.clear_memoized()
    yield texts
    compiled.clear_memoized()


def step(spec: CompileSpec = SPEC) -> bytes:
    """Compile, make one step and give the parameters."""
    executable = NativeEngine().compile(spec)
    table, slots = spec.network.parameter_table, len(spec.optimizer.rule().slots)
    executable.set_state(State(table.initial(1, executable.dtype), np.zeros((slots, table.size), executable.dtype), 0))
    scalars = spec.optimizer.scalar_values(np.array([1]), np.array([0.1]))
    executable.run(ROWS, Span(np.arange(8), np.array([0, 8]), scalars))
    return bytes(executable.release().parameters.tobytes())


def test_an_equal_problem_writes_nothing(written: list[str]) -> None:
    first = step()
    assert len(written) == 1
    equal = CompileSpec(
        Network(3, [Dense(5, activation("tanh")), Dense(2)]), loss("squared_error"), Adam(1e-3), batch_size=8
    )
    assert step(equal) == first
    assert len(written) == 1


@pytest.mark.parametrize(
    "free",
    [{"seed": 9}, {"optimizer": Adam(0.7, beta1=0.8, beta2=0.9, epsilon=1e-3)}, {"threads": 1}, {"weighted": True}],
    ids=lambda free: next(iter(free)),
)
def test_what_the_code_reads_as_it_runs_decides_nothing(written: list[str], free: dict[str, Any]) -> None:
    step()
    step(replace(SPEC, **free))
    assert len(written) == 1


def test_the_seed_still_counts(written: list[str]) -> None:
    dropping = replace(SPEC, network=Network(3, [Dense(5, "tanh"), Dropout(0.5), Dense(2)]))
    assert step(dropping) != step(replace(dropping, seed=1))
    assert len(written) == 1


def own_activation(factor: float) -> Network:
    return Network(3, [Dense(5, activation("mine", lambda x: factor * x)), Dense(2)])


def own_rule(factor: float) -> Any:
    return optimizer("mine", update=lambda parameter, gradient, learning_rate: parameter - factor * gradient)


OTHERS: dict[str, Callable[[int], dict[str, Any]]] = {
    "batch size": lambda which: {"batch_size": (8, 400)[which]},
    "units": lambda which: {"network": Network(3, [Dense((5, 6)[which], "tanh"), Dense(2)])},
    "groups": lambda which: {"network": Network(3, [Dense(6, "tanh", groups=(1, 3)[which]), Dense(2)])},
    "activation": lambda which: {"network": Network(3, [Dense(5, ("tanh", "relu")[which]), Dense(2)])},
    "its option": lambda which: {
        "network": Network(3, [Dense(5, activation("elu", alpha=(1.0, 1.5)[which])), Dense(2)])
    },
    "dropout": lambda which: {"network": Network(3, [Dense(5, "tanh"), Dropout((0.0, 0.4)[which]), Dense(2)])},
    "penalty": lambda which: {"network": Network(3, [Dense(5, "tanh", l2=(0.0, 0.2)[which]), Dense(2)])},
    "loss": lambda which: {"loss": loss(("squared_error", "absolute_error")[which])},
    "optimizer": lambda which: {"optimizer": (Adam(), SGD())[which]},
    "its constant": lambda which: {"optimizer": Adam(beta1=(0.9, 0.0)[which])},
    "weight decay": lambda which: {"optimizer": Adam(weight_decay=(0.0, 0.1)[which])},
    "clipping": lambda which: {"optimizer": Adam(clip_norm=(1.0, None)[which])},
    "precision": lambda which: {"precision": ("float32", "float64")[which]},
    "a user's activation": lambda which: {"network": own_activation((1.0, 1.0 + 2**-52)[which])},
    "a user's rule": lambda which: {"optimizer": own_rule((0.1, 0.2)[which])},
}
"""What decides the code, with two values each."""


def code_of(spec: CompileSpec) -> Code:
    executable = NativeEngine().compile(spec)
    return executable.plan.code


@pytest.mark.parametrize("name", OTHERS)
def test_what_decides_the_code_is_in_both_keys(name: str) -> None:
    first, second = (code_of(replace(SPEC, **OTHERS[name](which))) for which in (0, 1))
    again = code_of(replace(SPEC, **OTHERS[name](0)))
    assert first == again != second
    assert compiled.canonical_form(first) == compiled.canonical_form(again) != compiled.canonical_form(second)
    target = NativeEngine().compile(SPEC).target
    texts = [list(module.plan_ir(code, target)) for code in (first, again, second)]
    assert texts[0] == texts[1] != texts[2]


def test_threads_that_ask_for_the_same_wait_for_the_first(written: list[str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: step(), range(4)))
    assert len(written) == 1
    assert results == [results[0]] * 4


def test_the_handler_of_a_signal_may_ask_for_what_its_thread_works_on() -> None:
    """Python calls it between two lines, also while a plan is made that it needs, too."""
    calls = []

    @compiled.memoize
    def made(number: int) -> int:
        calls.append(number)
        return number + 1 if len(calls) > 1 else made(number)

    answers: list[int] = []
    user = Thread(target=lambda: answers.append(made(3)), daemon=True)
    user.start()
    user.join(60)
    assert answers == [4]
    assert made(3) == 4
    assert calls == [3, 3]


def test_what_fails_is_not_kept() -> None:
    calls: list[int] = []

    def fails(number: int) -> None:
        calls.append(number)
        raise ValueError("no")

    memoized = compiled.memoize(fails)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            memoized(1)
    assert calls == [1, 1]


def test_on_disk_the_text_is_not_needed(written: list[str]) -> None:
    first = step()
    compiled.clear_memoized()
    assert step() == first
    assert len(written) == 1


def test_plans_share_the_modules_they_have_in_common(written: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    step()
    made: list[str] = []
    compile_all = cache.llvm.compile_all
    monkeypatch.setattr(
        cache.llvm, "compile_all", lambda texts, *about, **options: compile_all(noted(texts), *about, **options)
    )

    def noted(texts: Iterator[str]) -> Iterator[str]:
        for text in texts:
            made.append(text)
            yield text

    step(replace(SPEC, optimizer=SGD()))
    assert len(written) == 2
    assert 0 < len(made) < len(list(module.plan_ir(code_of(SPEC), NativeEngine().compile(SPEC).target)))


def test_other_sources_find_nothing(written: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    step()
    compiled.clear_memoized()
    monkeypatch.setattr(compiled, "fingerprint", lambda: "other sources")
    step()
    assert len(written) == 2


def test_without_a_fingerprint_the_text_is_written(written: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "fingerprint", lambda: None)
    step()
    compiled.clear_memoized()
    step()
    assert len(written) == 2


@pytest.mark.parametrize("suffix", ["object", "index"])
def test_damaged_cache_entry_is_compiled_again(written: list[str], tmp_path: Path, suffix: str) -> None:
    first = step()
    for file in (tmp_path / "objects").glob(f"*.{suffix}"):
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    compiled.clear_memoized()
    assert step() == first
    assert len(written) == 2


def package(folder: Path) -> Path:
    for name in (*compiled.SOURCES, "native/lowering"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "page.py").write_text("x = 1\n")
    (folder / "page.py").write_text("x = 1\n")
    return folder


@pytest.mark.parametrize(
    "path", ["page.py", *(f"{name}/page.py" for name in compiled.SOURCES), "native/lowering/page.py"]
)
def test_the_fingerprint_covers_every_source(tmp_path: Path, path: str) -> None:
    folder, later = package(tmp_path), 2**62
    before = compiled.source_fingerprint(str(folder), later)
    assert before is not None
    assert compiled.source_fingerprint(str(folder), later) == before
    (folder / path).write_text("x = 22\n")
    longer = compiled.source_fingerprint(str(folder), later)
    (folder / path).write_text("x = 33\n")
    os.utime(folder / path, ns=(1, 1))
    changed = compiled.source_fingerprint(str(folder), later)
    (folder / path).unlink()
    assert len({before, longer, changed, compiled.source_fingerprint(str(folder), later)}) == 4


def test_sources_of_one_time_are_distinguished_by_their_contents(tmp_path: Path) -> None:
    folder, later = package(tmp_path), 2**62

    def written(text: str) -> str | None:
        (folder / "native" / "page.py").write_text(text)
        for path in folder.rglob("*.py"):
            os.utime(path, ns=(1, 1))
        return compiled.source_fingerprint(str(folder), later)

    assert written("x = 1\n") == written("x = 1\n") != written("x = 2\n")


def test_sources_that_may_have_changed_since_they_were_imported_have_no_fingerprint(tmp_path: Path) -> None:
    folder = package(tmp_path)
    latest = max(path.stat().st_ctime_ns for path in folder.rglob("*.py"))
    assert compiled.source_fingerprint(str(folder), latest + compiled.MIN_SOURCE_AGE_NS) is not None
    assert compiled.source_fingerprint(str(folder), latest + compiled.MIN_SOURCE_AGE_NS - 1) is None


def test_an_archive_has_no_fingerprint(tmp_path: Path) -> None:
    assert compiled.source_fingerprint(str(tmp_path / "package.zip"), 2**62) is None


def test_the_folders_are_those_of_the_package() -> None:
    home = Path(version.__file__).parent
    assert all((home / name / "__init__.py").exists() for name in compiled.SOURCES)


@pytest.mark.parametrize("record", [[1], {"a": 1}, (1, np.float32(1.0)), b"1"], ids=repr)
def test_only_plain_records_have_a_canonical_form(record: Any) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        compiled.canonical_form(record)


def test_finishing_gives_what_reading_gave_and_frees_it() -> None:
    executable = NativeExecutable(SPEC)
    table = NETWORK.parameter_table
    slots = np.arange(2 * table.size, dtype=np.float32).reshape(2, -1)
    executable.set_state(State(table.initial(3, np.float32), slots, 7))
    read = executable.get_state()
    released = executable.release()
    assert released.step == read.step == 7
    assert np.array_equal(released.parameters, read.parameters)
    assert np.array_equal(released.slots, read.slots)
    assert np.array_equal(released.slots, slots)
    executable.set_state(State(released.parameters, 0 * slots, 0))
    again = executable.get_state()
    assert np.array_equal(again.parameters, read.parameters)
    assert not again.slots.any()
