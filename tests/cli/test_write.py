"""`ranvier write`, and a language model in the other commands."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.helpers import Trained, invoke, refused

TEXT = "".join(f"{number % 10} green bottles, hanging on the wall.\n\n" for number in range(60))
QUICK = ("--hidden", "12", "--epochs", "2", "--batch-size", "64")


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A text and a model of it."""
    folder = tmp_path_factory.mktemp("language")
    text, model = folder / "bottles.txt", folder / "bottles.rv"
    text.write_text(TEXT)
    result = invoke("train", text, "--model", model, "--run", folder / "run", *QUICK)
    assert result.exit_code == 0, result.output
    assert "Baseline: n-gram models of the training text" in result.output
    assert "ranvier write" in result.output
    return text, model


def test_it_writes_the_start_and_so_many_characters(language: tuple[Path, Path]) -> None:
    result = invoke("write", language[1], "--start", "99 green", "--length", "30", "--seed", "4")
    assert result.exit_code == 0
    assert result.stdout.startswith("99 green")
    assert len(result.stdout) == 8 + 30 + 1
    as_json = invoke("write", language[1], "--start", "99 green", "--length", "30", "--seed", "4", "--json")
    assert json.loads(as_json.stdout)["text"] + "\n" == result.stdout


def test_unknown_characters_of_the_start_are_reported(language: tuple[Path, Path]) -> None:
    result = invoke("write", language[1], "--start", "λ", "--length", "5")
    assert result.exit_code == 0
    assert "Note: The start has characters that were not in the training text" in result.stderr


def test_other_models_are_refused(trained: Trained) -> None:
    assert "This model predicts species and writes no text" in refused("write", trained.model)


def test_evaluate_predict_and_show_take_a_language_model(language: tuple[Path, Path]) -> None:
    text, model = language
    measured = json.loads(invoke("evaluate", model, text, "--json").stdout)
    assert measured["rows"] == len(TEXT)
    assert list(measured["metrics"]) == ["log_loss", "bits_per_character", "perplexity", "accuracy"]
    predicted = json.loads(invoke("predict", model, text, "--json").stdout)
    assert len(predicted) == len(TEXT)
    shown = invoke("show", model)
    assert shown.exit_code == 0
    assert "24 characters before" in shown.output


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "holds no text"),
        (b"a", "1 character"),
        (b"hello there", "are needed"),
        (b"\0\1\2" * 99, "is no text file"),
    ],
)
def test_a_file_that_is_no_long_text_is_one_sentence(here: Path, content: bytes, expected: str) -> None:
    (here / "text.txt").write_bytes(content)
    assert expected in refused("train", "text.txt")
    assert sorted(path.name for path in here.iterdir()) == ["text.txt"]


def test_ctrl_c_ends_writing_with_what_was_written(language: tuple[Path, Path]) -> None:
    command = [sys.executable, "-m", "ranvier", "write", str(language[1]), "--length", str(10**8)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    beginning = child.stdout.read(64)
    child.send_signal(signal.SIGINT)
    rest, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert (beginning + rest).endswith(b"\n")
    assert b"Traceback" not in errors
    full = invoke("write", language[1], "--length", "64").stdout
    assert beginning.decode() == full[:64]
