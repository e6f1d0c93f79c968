"""What any version wrote is read for ever: stored models say what they said, stored runs end as they would have ended.

The files are never written again; a version adds a folder of its own (`make.py`). Nothing is used here but `rv.load`,
`outputs`, `predict`, `save`, `rv.resume` and the command `show`, so that no other name can be the reason of a failure.

How equal is equal? The native engine's sums and functions are its own, so arrays get the same bits on every machine.
Whatever NumPy computes has the same bits where `arithmetic()` is what it was when the files were written: outputs of
the reference engine, waves of an encoder. Elsewhere it differs by roundings, and so does, everywhere, the end of a run
of the reference engine: version 0.1 computed learning rates and corrections of the bias by NumPy's functions, which
choose instructions by processor, and later versions compute them by additions and multiplications of their own. float64
through a few layers of at most 16 neurons stays within 1e-12, relative and absolute, as do its sums in a run of some
hundred steps within 1e-8; float32 within 1e-5, and 1e-3 after a run.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import ranvier as rv
from ranvier.cli.main import main
from tests.golden.stored import arithmetic, from_plain, read, to_plain

HERE = Path(__file__).parent
MODELS = sorted(HERE.glob("*/models/*.rv"))
RUNS = sorted(path for path in HERE.glob("*/runs/*") if path.is_dir())
ENGINES = ("native", "reference")
ROUNDING = {"native": 1e-5, "reference": 1e-12}
ROUNDING_OF_A_RUN = {"native": 1e-3, "reference": 1e-8}


def label(path: Path) -> str:
    """Version and name."""
    return f"{path.parent.parent.name}/{path.stem}"


def written_here(path: Path) -> bool:
    """Whether NumPy computes what it computed where the files were written."""
    return bool(read(path.parent.parent / "machine.json")["arithmetic"] == arithmetic())


def check(model: Any, stored: dict[str, Any], engine: str, tolerance: float, ensemble: bool = False) -> None:
    """Hold what a model says against what is stored; a tolerance of 0 asks for the same bits.

    Parameters:
        ensemble: whether the model was merged from several networks: their temperature is fitted again by rules that
            have changed since, so that the logits may differ by one factor.
    """
    X, expected = from_plain(stored["X"]), from_plain(stored["outputs"][engine])
    outputs = model.outputs(X)
    if ensemble and model.task.is_classifier:
        now, then = (np.log(rows) - np.log(rows).mean(axis=1, keepdims=True) for rows in (outputs, expected))
        scaled = np.exp(now * (now * then).sum() / (now * now).sum())
        outputs, tolerance = scaled / scaled.sum(axis=1, keepdims=True), max(tolerance, ROUNDING[engine])
    np.testing.assert_allclose(outputs, expected, rtol=tolerance, atol=tolerance)
    answers, expected = model.predict(X), from_plain(stored["predictions"])
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(answers, expected, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(answers, expected)


def test_there_are_files() -> None:
    assert len(MODELS) >= 60
    assert len(RUNS) >= 16


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", MODELS, ids=label)
def test_a_stored_model_predicts_as_before(path: Path, engine: str, on: Any, tmp_path: Path) -> None:
    on(engine)
    stored = read(path.with_suffix(".json"))
    exact = written_here(path) or (engine == "native" and "columns" not in stored["X"])
    tolerance = 0.0 if exact else ROUNDING[engine]
    model = rv.load(path)
    check(model, stored, engine, tolerance)
    model.save(tmp_path / "again.rv")
    check(rv.load(tmp_path / "again.rv"), stored, engine, tolerance)


@pytest.mark.parametrize("path", MODELS, ids=label)
def test_a_stored_model_can_be_shown(path: Path) -> None:
    result = CliRunner().invoke(main, ["show", str(path)])
    assert result.exit_code == 0, result.output
    assert result.exception is None


@pytest.mark.parametrize("path", RUNS, ids=label)
def test_a_stored_run_goes_on(path: Path, on: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = read(path.with_suffix(".json"))
    on(stored["engine"])
    shutil.copytree(path, tmp_path / path.name)
    shutil.copy(path.with_suffix(".csv"), tmp_path)
    monkeypatch.chdir(tmp_path)
    model = rv.resume(path.name, progress=False)
    exact = written_here(path) and stored["engine"] == "native"
    check(model, stored, stored["engine"], 0.0 if exact else ROUNDING_OF_A_RUN[stored["engine"]], "recipe" in path.name)


def test_other_numbers_are_noticed(on: Any) -> None:
    on("reference")
    path = next(path for path in MODELS if path.stem == "layer-dense")
    model, stored = rv.load(path), read(path.with_suffix(".json"))
    outputs = from_plain(stored["outputs"]["reference"])
    nearly = {**stored["outputs"], "reference": to_plain(outputs * (1 + 1e-10))}
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check(model, {**stored, "outputs": nearly}, "reference", ROUNDING["reference"])
    with pytest.raises(AssertionError, match="Arrays are not equal"):
        check(model, {**stored, "predictions": to_plain(from_plain(stored["predictions"])[::-1])}, "reference", 1e-9)
