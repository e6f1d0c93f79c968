"""Ctrl-C at a moment of each command: one sentence, exit code 130, and no file that was not there before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ranvier.cli.exit_codes import INTERRUPTED
from tests.cli.helpers import QUICK, Trained, invoke

TRAIN = ("train", "{data}", "--target", "species", *QUICK, "--engine", "reference", "--model", "new.rv", "--run", "run")
USE = ("predict", "{model}", "{data}", "--output", "new.csv")
# Command, and the function in which Ctrl-C is pressed: the reading of bytes, of cells, the split, and so on.
MOMENTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("look", "{data}"), "ranvier.data.sources.table_formats.read_bytes"),
    (("look", "{data}"), "ranvier.data.columns.decimal_signs.infer_column"),
    (TRAIN, "ranvier.data.sources.table_formats.read_bytes"),
    (TRAIN, "ranvier.data.sources.delimited.structure"),
    (TRAIN, "ranvier.data.columns.decimal_signs.infer_column"),
    (TRAIN, "ranvier.data.preparation.partition"),
    (TRAIN, "ranvier.data.fitted_encoders.fit_encoder"),
    (TRAIN, "ranvier.data.preparation._encoded_parts"),
    (TRAIN, "ranvier.training.runner.train"),
    (TRAIN, "ranvier.training.runner.compile_network"),
    (TRAIN, "ranvier.storage.model_file.write_atomically"),
    (USE, "ranvier.data.sources.table_formats.read_bytes"),
    (USE, "ranvier.model.predictor.Predictor._encoded"),
    (USE, "ranvier.storage.atomic.os.replace"),
    (("evaluate", "{model}", "{data}"), "ranvier.data.sources.table_formats.read_bytes"),
    (("report", "{model}", "{data}", "--output", "new.html"), "ranvier.data.sources.table_formats.read_bytes"),
    (("report", "{model}", "{data}", "--output", "new.html"), "ranvier.storage.atomic.os.replace"),
    (("show", "{model}"), "ranvier.storage.model_file.unpack"),
    (("search", "{data}", "--target", "species", "--minutes", "1"), "ranvier.data.sources.table_formats.read_bytes"),
)


@pytest.mark.parametrize("how", ["cause", "context"])
def test_errors_that_stand_for_an_interruption_are_one(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*arguments: Any, **named: Any) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            if how == "context":
                raise RuntimeError("Error calling __set_name__")  # noqa: B904
            raise ImportError("cannot import") from (interrupt if how == "cause" else OSError())

    monkeypatch.setattr("ranvier.cli.main.import_module", pressed)
    result = invoke("look", "rows.csv")
    assert (result.exit_code, result.stderr.strip()) == (INTERRUPTED, "Interrupted.")


@pytest.mark.parametrize(
    ("words", "function"), MOMENTS, ids=lambda value: value if isinstance(value, str) else value[0]
)
def test_the_command_ends_in_a_sentence_and_leaves_nothing(
    words: tuple[str, ...], function: str, trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (trained.data, trained.model):
        shutil.copy(path, tmp_path)
    before = sorted(tmp_path.iterdir())

    def pressed(*arguments: Any, **named: Any) -> None:
        calls.append(function)
        raise KeyboardInterrupt

    calls: list[str] = []
    monkeypatch.setattr(function, pressed)
    result = invoke(*(word.format(data=trained.data.name, model=trained.model.name) for word in words))
    assert calls, "the moment was reached"
    assert result.exit_code == INTERRUPTED
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("Interrupted.")
    assert "Traceback" not in result.output
    left = [path for path in sorted(tmp_path.iterdir()) if path not in before]
    assert [path.name for path in left] in ([], ["run"])
    assert bool(left) == ("The run goes on with: ranvier resume run" in result.stderr)
