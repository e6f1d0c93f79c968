"""`ranvier search`: generations, the best model, the space, and wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import invoke

pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_search_says_what_it_found_and_goes_on() -> None:
    words = ("search", "iris", "--trials", "9", "--effort", "fast", "--space", "hidden=4,8", "--space", "epochs=6")
    first = invoke(*words)
    assert first.exit_code == 0, first.output
    assert "10 trials. Best log loss" in first.output
    assert "the recipe's own" in first.output
    assert "On test rows, which no trial has seen: accuracy" in first.output
    assert "The same model in Python:\n  import ranvier as rv\n  model = rv.train('iris', effort='fast'" in first.output
    assert Path("iris-search/best.rv").exists()
    again = invoke(*words, "--json", "--quiet")
    actual = json.loads(again.stdout)
    assert len(actual["trials"]) == 10
    assert actual["metric"] == "log_loss"
    assert set(actual["metrics"]) >= {"accuracy", "log_loss"}
    assert actual["model"].endswith("best.rv")


def test_the_code_of_a_model_that_the_time_cut_short_is_not_said_to_give_it() -> None:
    result = invoke("search", "iris", "--minutes", "0.001", "--space", "hidden=64,128")
    assert result.exit_code == 0, result.output
    assert "The time was over before" in result.output
    assert "In Python, trained in full:\n  import ranvier as rv" in result.output


def test_the_space_is_printed_as_the_flags_that_change_it() -> None:
    result = invoke("search", "iris", "--print-space", "--space", "dropout=0:0.2", "--space", "hidden=")
    assert result.exit_code == 0
    assert "--space dropout=0:0.2" in result.output
    assert "hidden" not in result.output
    assert not Path("iris-search").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--space", "dropout"), 'has no "="'),
        (("--space", "drpout=0:1"), 'Did you mean "dropout"'),
        (("--minutes", "0"), "--minutes"),
        (("--target", "colour"), "colour"),
    ],
)
def test_wrong_input_is_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    result = invoke("search", "iris", *words)
    assert result.exit_code == 2
    assert sentence in result.output
