"""Folders of recordings at the command line: train, predict, look, show, and listening to a long one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import ranvier as rv
from ranvier.cli.main import main
from ranvier.recipes.sound import SoundRecipe
from tests.cli.helpers import printed
from tests.data.recordings import chirp, encoded, write_folder

WORDS = ["rising", "falling", "falling", "rising"]
OPTIONS = ["--hidden", "8", "--epochs", "20", "--learning-rate", "0.02", "--dropout", "0", "--engine", "reference"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("cli")
    write_folder(folder / "tones" / "train", 44)
    write_folder(folder / "tones" / "test", 12, seed=1)
    wrong = next((folder / "tones" / "test" / "rising").iterdir())
    wrong.rename(folder / "tones" / "test" / "falling" / "mislabelled.wav")
    parts = [np.zeros(3000, np.float32)]
    for at, word in enumerate(WORDS):
        parts += [chirp(word, 0.4, 50 + at), np.zeros(3000, np.float32)]
    (folder / "long.wav").write_bytes(encoded(np.concatenate(parts)))
    options = [*OPTIONS, "--effort", "fast", "--model", str(folder / "m.rv"), "--run", str(folder / "run")]
    return folder, printed("train", str(folder / "tones"), *options)


def test_the_report_names_the_worst_mistakes(trained: tuple[Path, str]) -> None:
    assert "Worst mistakes" in trained[1]
    assert "mislabelled.wav" in trained[1]


def test_listening_prints_what_was_heard_and_when(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    model, long = str(folder / "m.rv"), str(folder / "long.wav")
    lines = printed("predict", model, long, "--listen").splitlines()
    assert lines[0] == "start,end,label,confidence"
    assert [line.split(",")[2] for line in lines[1:]] == WORDS
    heard = json.loads(printed("predict", model, long, "--listen", "--json"))
    assert [sound["label"] for sound in heard] == WORDS
    for at, sound in enumerate(heard):
        assert abs(sound["start"] - (0.375 + 0.775 * at)) < 0.1
        assert 0.5 <= sound["confidence"] <= 1.0
    assert json.loads(printed("predict", model, long, "--listen", "--json", "--min-confidence", "1")) == [
        sound for sound in heard if sound["confidence"] >= 1.0
    ]


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG"])
def test_a_recording_comes_from_standard_input(trained: tuple[Path, str], form: str, tmp_path: Path) -> None:
    folder, _ = trained
    model = str(folder / "m.rv")
    (tmp_path / "clip").write_bytes(encoded(chirp("rising", 0.4, 3), form=form))
    piped = CliRunner().invoke(main, ["predict", model, "-", "--json"], input=(tmp_path / "clip").read_bytes())
    assert piped.exit_code == 0, piped.output
    (record,), (expected,) = (
        json.loads(text) for text in (piped.stdout, printed("predict", model, str(tmp_path / "clip"), "--json"))
    )
    assert record["probabilities"] == expected["probabilities"]


def test_listening_to_standard_input(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    model, long = str(folder / "m.rv"), folder / "long.wav"
    piped = CliRunner().invoke(main, ["predict", model, "-", "--listen"], input=long.read_bytes())
    assert piped.stdout == printed("predict", model, str(long), "--listen")


def test_what_does_not_go_with_listening_is_refused(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    for words in (["--listen", "--probabilities"], ["--min-confidence", "0.5"]):
        result = CliRunner().invoke(main, ["predict", str(folder / "m.rv"), str(folder / "long.wav"), *words])
        assert result.exit_code == 2
        assert "--listen prints what is heard" in result.stderr


def test_patterns_in_the_spectrogram_are_drawn(trained: tuple[Path, str], tmp_path: Path) -> None:
    recipe = SoundRecipe(candidate="patches", n_centroids=90, hidden=(2,), epochs=1, n_networks=1)
    model = str(tmp_path / "m.rv")
    rv.train(trained[0] / "tones", recipe=recipe, engine="reference", progress=False, model=model)
    lines = printed("show", model, "--layer", "layers.1", "--neuron", "0").splitlines()
    named = [at for at, line in enumerate(lines) if line.startswith("file: patch ") and ", weight " in line]
    assert len(named) == 4
    pattern = lines[named[0] + 1 : named[0] + 4]
    assert all(set(line) <= set(" .:-=+*#%@") for line in pattern)
    assert "low bands at the bottom" in " ".join(" ".join(lines).split())


def test_weights_over_a_spectrogram_are_drawn(trained: tuple[Path, str], tmp_path: Path) -> None:
    model = str(tmp_path / "plain.rv")
    options = ["--recipe", "plain", "--hidden", "2", "--epochs", "1", "--engine", "reference", "--model", model]
    printed("train", str(trained[0] / "tones"), *options, "--run", str(tmp_path / "run"))
    lines = [line for line in printed("show", model, "--layer", "layers.1", "--neuron", "0").splitlines() if line]
    start = next(at for at, line in enumerate(lines) if line.startswith("Bias")) + 1
    assert all(set(line) <= set(" .:-=+*#%@") for line in lines[start : start + 20])


def test_a_look_tells_lengths_rates_and_copies(trained: tuple[Path, str], tmp_path: Path) -> None:
    write_folder(tmp_path / "tones", 20)
    first = tmp_path / "tones" / "falling" / "0_ann.wav"
    (first.parent / "copy.wav").write_bytes(first.read_bytes())
    words = " ".join(printed("look", str(tmp_path / "tones")).split())
    for part in ("8,000 Hz; 1 channel", "falling/copy.wav as falling/0_ann.wav", "rising"):
        assert part in words
