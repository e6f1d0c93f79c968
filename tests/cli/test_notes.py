"""What the command says besides its results: warnings, notes, where an interrupted run goes on."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ranvier.cli.console import Output
from ranvier.cli.exit_codes import INTERRUPTED, explain
from ranvier.cli.printed_report import print_interruption
from ranvier.errors import InputError
from ranvier.model.train import train
from ranvier.native.machine.cache import CacheWarning
from ranvier.training import runner
from tests.cli.helpers import QUICK, Trained, invoke, refused


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training warns."""
    fit = runner.train

    def warning_fit(*arguments: Any) -> Any:
        warnings.warn(CacheWarning("Compiled code cannot be kept."), stacklevel=1)
        return fit(*arguments)

    monkeypatch.setattr(runner, "train", warning_fit)


@pytest.mark.usefixtures("warned", "here")
@pytest.mark.filterwarnings("default::ranvier.native.machine.cache.CacheWarning")
def test_a_warning_is_a_sentence_and_quiet_keeps_it() -> None:
    printed = invoke("train", "iris", *QUICK, "--engine", "reference").stderr
    assert "Note: Compiled code cannot be kept.\n" in printed
    assert "CacheWarning" not in printed
    assert ".py:" not in printed
    assert invoke("train", "iris", *QUICK, "--engine", "reference", "-q").output == ""


@pytest.mark.usefixtures("here")
def test_a_processor_that_is_not_known_is_noted_once_and_refused_where_the_engine_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RANVIER_CPU", "commodore-64")
    words = ("train", "iris", "--recipe", "table", "--epochs", "2", "--hidden", "4")
    result = invoke(*words)
    assert result.exit_code == 0
    assert result.output.count("commodore-64") == 1
    assert "RANVIER_CPU is 'commodore-64'" in refused(*words, "--engine", "native")


def test_an_interrupt_names_the_run_that_goes_on_or_none(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert explain(KeyboardInterrupt()) == ("Interrupted.", INTERRUPTED)

    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "train", interrupted)
    result = invoke("train", "iris", *QUICK, "--run", "my run", "--engine", "reference")
    assert result.exit_code == INTERRUPTED
    assert result.stderr.strip().endswith("Interrupted. The run goes on with: ranvier resume 'my run'")
    assert (here / "my run" / "run.json").is_file()


@pytest.mark.parametrize(("run", "on"), [("my run", " To train to the end: ranvier resume 'my run'"), (None, "")])
def test_a_stopped_training_is_reported_where_only_errors_are(
    run: str | None, on: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_interruption(Output(quiet=True), SimpleNamespace(run=run))  # type: ignore[arg-type]
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"Interrupted. The model trained so far is saved.{on}\n")


def test_a_report_replaces_neither_the_model_nor_its_data(trained: Trained) -> None:
    before = Path(trained.model).read_bytes()
    assert "is also an input file" in refused("report", trained.model, "--output", trained.model)
    assert Path(trained.model).read_bytes() == before


def test_a_run_has_no_fewer_epochs_than_are_made(trained: Trained) -> None:
    result = invoke("resume", trained.run, "--epochs", "2")
    assert result.exit_code == 2
    assert result.stderr.endswith("Error: 6 epochs are made already, and epochs is 2; give 6 or more.\n")


@pytest.mark.parametrize("ignore", ["t", ["a", "t"]])
def test_a_target_is_not_left_out(ignore: Any) -> None:
    table = {"a": [1, 2] * 10, "b": [2, 1] * 10, "t": [0, 1] * 10}
    with pytest.raises(InputError, match='Column "t" is the target, and is also to be left out'):
        train(table, target="t", ignore=ignore)
    with pytest.raises(InputError, match='Column "t" is the target'):
        train(table, target=["b", "t"], ignore=ignore)


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_parts_of_a_recipe_are_words(here: Path, recipe: str) -> None:
    options = ("--recipe", recipe, "--epochs", "2", "--hidden", "4", "--engine", "reference", "--model", "m.rv")
    assert invoke("train", "iris", *options).exit_code == 0
    shown = invoke("show", "m.rv").stdout.split(f"Recipe: {recipe}")[1].split("Parameters")[0]
    assert not re.search(r"_|True|False|None|\bn \w|\bmin |\bmax ", shown)
