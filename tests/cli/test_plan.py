"""`ranvier show --plan`, and what `ranvier doctor` says of the native engine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import ranvier
from ranvier import settings
from ranvier.cli import doctor_checks
from ranvier.native.engine import NativeEngine
from ranvier.native.machine import cpu, neighbours
from tests.cli.helpers import Trained, invoke, refused

needs_native = pytest.mark.skipif(
    NativeEngine().why_unavailable() is not None, reason="the native engine cannot run here"
)


@pytest.fixture(autouse=True)
def plain_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANVIER_ENGINE", "RANVIER_THREADS", "RANVIER_CPU"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_llvmlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine where llvmlite is not installed."""
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.delitem(sys.modules, "ranvier.native.machine.llvm", raising=False)
    monkeypatch.delattr("ranvier.native.machine.llvm", raising=False)
    monkeypatch.setattr(cpu, "available", cpu.available.__wrapped__)


@pytest.fixture
def too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """RANVIER_CPU names a processor that this one is not."""
    monkeypatch.setenv("RANVIER_CPU", "commodore-64")


def actual() -> dict[str, tuple[str, str]]:
    """What the doctor says, by name: verdict and text."""
    checks = json.loads(invoke("doctor", "--json").stdout)["checks"]
    return {check["name"]: (check["verdict"], check["text"]) for check in checks}


@needs_native
def test_show_plan(trained: Trained) -> None:
    result = invoke("show", trained.model, "--plan")
    assert result.exit_code == 0, result.output
    for words in ("layers.0: ", "dW = ", "barrier", "layers.2.weight", "KiB", "FLOPs; expected fraction of the peak"):
        assert words in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout == ranvier.load(trained.model).plan()
    as_json = invoke("show", trained.model, "--plan", "--json")
    assert json.loads(as_json.stdout) == {"model": str(trained.model), "plan": result.stdout}
    assert as_json.stderr == result.stdout


@needs_native
def test_show_plan_measured(trained: Trained) -> None:
    result = invoke("show", trained.model, "--plan", "--measure")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(ranvier.load(trained.model).plan())
    for words in ("measured: ", "layers.0 forward", "layers.0 weight gradient, update", "barrier", "training step"):
        assert words in result.stdout
    assert "--measure needs --plan" in refused("show", trained.model, "--measure")


@needs_native
@pytest.mark.skipif(cpu.threads() < 2, reason="there is one thread only")
def test_a_plan_for_a_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    network = ranvier.Network(100, [ranvier.Dense(100, "relu"), ranvier.Dense(1)])
    model = network.fit([[0.0] * 100], [1.0], epochs=1, batch_size=128, engine="reference")
    assert model.plan(threads=1).startswith("train: batches of 128 rows, float32, 1 thread\n")
    assert model.plan().startswith("train: batches of 128 rows, float32, 2 threads\n")
    monkeypatch.setenv("RANVIER_THREADS", "1")
    assert model.plan() == model.plan(threads=1)
    assert model.plan(threads=2).startswith("train: batches of 128 rows, float32, 2 threads\n")
    assert NativeEngine().compile(model.training.compile_spec(network)).threads_for(10**6) == 1


def test_the_plan_is_of_the_whole_network(trained: Trained) -> None:
    assert "leave out --layer" in refused("show", trained.model, "--plan", "--layer", "0")


@pytest.mark.parametrize(("how", "words"), [("no_llvmlite", "llvmlite is missing"), ("too_much", "commodore-64")])
def test_without_native_there_is_no_plan_and_the_reference_trains(
    trained: Trained, request: pytest.FixtureRequest, how: str, words: str
) -> None:
    request.getfixturevalue(how)
    result = invoke("show", trained.model, "--plan")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: There is no plan, since the native engine cannot run here: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    notes = []
    network = ranvier.Network(1, [ranvier.Dense(1)])
    model = network.fit([[0.0], [1.0]], [1.0, 3.0], epochs=1, progress=notes.append)
    assert model.engine == "reference"
    (note,) = [event.text for event in notes if event.kind == "note"]
    assert words in note
    assert note.endswith(". The reference engine, which is slower, takes over.")
    with pytest.raises(ranvier.EngineError, match="'native' cannot run here"):
        network.fit([[0.0]], [1.0], epochs=1, engine="native")


@needs_native
def test_the_plan_of_bfloat16_says_how_it_is_computed() -> None:
    network = ranvier.Network(1, [ranvier.Dense(1)])
    model = network.fit([[0.0]], [1.0], epochs=1, precision="bfloat16")
    assert model.engine == "native"
    how = ", two terms of a sum at once" if cpu.target().has_bf16_dot else " emulated in float32"
    assert f"bfloat16{how}" in model.plan()


@needs_native
def test_doctor_says_what_native_found() -> None:
    checks, facts = actual(), cpu.facts()
    assert checks["Engine native"] == ("ok", "ready; used, the fastest that runs here")
    assert checks["Engine reference"] == ("ok", "ready")
    assert facts.model in checks["Native code"][1]
    assert f"vectors of {facts.vector_bits} bits" in checks["Native code"][1]
    assert checks["Native bfloat16"][1].startswith(f"{'a' if facts.bf16 else 'no'} dot product")
    assert checks["Native threads"][1].startswith(f"all {facts.threads} thread")
    assert f"{facts.l1d >> 10} KiB L1" in checks["Native caches"][1]
    assert "GFLOP/s" in checks["Native peak"][1]
    assert "with 1 thread" in checks["Native peak"][1]
    assert f"with {facts.threads} thread" in checks["Native peak"][1]
    assert str(settings.read().cache) in checks["Cache"][1]
    assert max(map(len, invoke("doctor").stdout.splitlines())) <= 80


@needs_native
def test_doctor_says_what_the_settings_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANVIER_THREADS", "1")
    monkeypatch.setenv("RANVIER_ENGINE", "reference")
    checks = actual()
    assert checks["Native threads"][1].startswith("1 of ")
    assert checks["Native threads"][1].endswith("as RANVIER_THREADS=1 asks")
    assert checks["Native peak"][1].count("with") == 1
    assert checks["Engine native"] == ("ok", "ready")
    assert checks["Engine reference"] == ("ok", "ready; used, RANVIER_ENGINE asks for it")
    network = ranvier.Network(1, [ranvier.Dense(1)])
    assert network.fit([[0.0]], [1.0], epochs=1).engine == "reference"
    monkeypatch.setenv("RANVIER_THREADS", "1000")
    monkeypatch.setenv("RANVIER_CPU", "native")
    checks = actual()
    assert checks["Native threads"][1] == f"all {threads_there()}, though RANVIER_THREADS=1000"
    assert "as RANVIER_CPU=native asks" in checks["Native code"][1]


def threads_there() -> str:
    facts = cpu.facts()
    return " on ".join(
        f"{count} {what}{'' if count == 1 else 's'}"
        for count, what in ((facts.threads, "thread"), (facts.cores, "core"))
    )


@pytest.mark.parametrize(("how", "words"), [("no_llvmlite", "pip install llvmlite"), ("too_much", "commodore-64")])
def test_doctor_says_why_another_engine_is_used(request: pytest.FixtureRequest, how: str, words: str) -> None:
    request.getfixturevalue(how)
    result = invoke("doctor", "--json")
    assert result.exit_code == 0
    checks = actual()
    verdict, text = checks["Engine native"]
    assert verdict == "warning"
    assert words in text
    assert text.endswith("; the reference engine, which is slower, is used")
    assert checks["Engine reference"][1].startswith("ready; used")
    assert "Native peak" not in checks


@needs_native
@pytest.mark.parametrize(
    ("busy", "threads", "verdict", "words"),
    [
        (0.1, None, "ok", "keep 0.1 of"),
        (1.3, None, "warning", "which number of threads is fastest"),
        (1.3, "1", "warning", "slower"),
        (None, None, "ok", "does not say"),
    ],
)
def test_doctor_says_what_other_processes_do(
    busy: float | None, threads: str | None, verdict: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "busy_processors", lambda: busy)
    monkeypatch.setattr(cpu, "threads", lambda: 2)
    if threads:
        monkeypatch.setenv("RANVIER_THREADS", threads)
    (check,) = [entry for entry in doctor_checks.engines() if entry.name == "Other processes"]
    assert check.verdict == verdict
    assert words in check.text


def test_doctor_when_the_engine_asked_for_cannot_run(monkeypatch: pytest.MonkeyPatch, too_much: None) -> None:
    monkeypatch.setenv("RANVIER_ENGINE", "native")
    assert invoke("doctor").exit_code == 1
    checks = actual()
    assert "commodore-64" in checks["Engine native"][1]
    assert checks["Engine"][0] == checks["Training"][0] == "error"


def test_doctor_finds_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path / "new"))
    assert actual()["Cache"][0] == "ok"
    (tmp_path / "file").write_bytes(bytes(3 << 20))
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path / "file"))
    verdict, text = actual()["Cache"]
    assert verdict == "warning"
    assert "cannot be written" in text
    assert "RANVIER_CACHE" in text
    if hasattr(os, "geteuid") and os.geteuid():
        tmp_path.chmod(0o500)
        monkeypatch.setenv("RANVIER_CACHE", str(tmp_path))
        assert actual()["Cache"][0] == "warning"
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners")
def test_doctor_names_a_cache_that_others_write_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects").chmod(0o777)
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path))
    verdict, text = actual()["Cache"]
    assert verdict == "warning"
    assert "can be written by other users" in text
    monkeypatch.setattr(settings, "_cache", lambda *_: None)
    assert actual()["Cache"] == ("warning", doctor_checks.cache(None).text)


def test_doctor_counts_what_is_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (tmp_path / "objects" / "one.object").write_bytes(bytes(3 << 20))
    monkeypatch.setenv("RANVIER_CACHE", str(tmp_path))
    assert "1 file of compiled code, 3 MiB, can be written" in actual()["Cache"][1]
