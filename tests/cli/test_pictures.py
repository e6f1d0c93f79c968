"""Folders of pictures at the command line: train, predict, evaluate, show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ranvier.cli.main import main
from tests.data.pictures import write_folder

OPTIONS = ["--effort", "fast", "--hidden", "8", "--epochs", "8", "--learning-rate", "0.03", "--dropout", "0"]


def call(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("cli")
    write_folder(folder / "photos" / "train", 60)
    write_folder(folder / "photos" / "test", 20, seed=1)
    wrong = next((folder / "photos" / "test" / "along").iterdir())
    wrong.rename(folder / "photos" / "test" / "across" / "mislabelled.png")
    model, run = str(folder / "m.rv"), str(folder / "run")
    options = ["--engine", "reference", "--model", model, "--run", run]
    return folder, call("train", str(folder / "photos"), *OPTIONS, *options)


def test_the_report_names_the_worst_mistakes(trained: tuple[Path, str]) -> None:
    folder, words = trained
    assert "28 x 28 pixels, grey" in " ".join(words.split())
    assert "Worst mistakes" in words
    assert "mislabelled.png" in words
    report = json.loads(call("show", str(folder / "m.rv"), "--json"))["report"]
    worst = report["worst_mistakes"][0]
    assert worst["name"].endswith("mislabelled.png")
    assert (worst["actual"], worst["predicted"]) == ("across", "along")
    assert worst["probability"] < 0.5


def test_predict_takes_pictures_and_folders(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    model, across = str(folder / "m.rv"), folder / "photos" / "test" / "across"
    paths = sorted(across.glob("[0-9]*.png"))[:3]
    one = json.loads(call("predict", model, str(paths[0]), "--json"))
    assert [record["prediction"] for record in one] == ["across"]
    assert one[0]["file"].endswith(paths[0].name)
    several = json.loads(call("predict", model, *map(str, paths), "--json"))
    assert several[0]["probabilities"] == one[0]["probabilities"]
    lines = call("predict", model, str(across)).splitlines()
    assert lines[0] == "file,prediction"
    assert len(lines) == 12


def test_evaluate_takes_the_test_folder(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    model, photos = str(folder / "m.rv"), folder / "photos"
    whole, test = (json.loads(call("evaluate", model, str(path), "--json")) for path in (photos, photos / "test"))
    assert whole["rows"] == test["rows"] == 20
    assert whole["metrics"] == test["metrics"]


def test_look_counts_classes_sizes_broken_files_and_duplicates(tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", 30)
    along = tmp_path / "photos" / "along"
    (along / "copy.png").write_bytes((along / "0.png").read_bytes())
    (along / "broken.png").write_bytes(b"nothing")
    words = " ".join(call("look", str(tmp_path / "photos")).split())
    for part in ("12 x 12 pixels; L (31)", "broken.png", "along/copy.png as along/0.png", "across"):
        assert part in words


def test_weights_of_pixels_are_drawn(tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", 30)
    model = str(tmp_path / "m.rv")
    options = ["--recipe", "plain", "--hidden", "2", "--epochs", "2", "--engine", "reference", "--image-size", "12"]
    call("train", str(tmp_path / "photos"), *options, "--model", model, "--run", str(tmp_path / "run"))
    drawn = [line for line in call("show", model, "--layer", "layers.1", "--neuron", "0").splitlines() if line]
    start = next(at for at, line in enumerate(drawn) if line.startswith("Bias")) + 1
    picture = drawn[start : start + 6]
    assert all(set(line) <= set(" .:-=+*#%@") for line in picture)
    assert any(line.strip() for line in picture)


def test_a_picture_that_is_none_is_one_sentence(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = trained
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"x")
    result = CliRunner().invoke(main, ["predict", str(folder / "m.rv"), str(tmp_path / "bad.png")])
    assert result.exit_code == 2
    assert "bad.png" in result.stderr
    assert result.stderr.count("\n") == 1
