"""Folders of pictures at the command line: train, predict, evaluate, show."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ranvier as rv
from ranvier.cli.main import main
from tests.cli.helpers import printed
from tests.data.pictures import write_folder

OPTIONS = ["--effort", "fast", "--hidden", "8", "--epochs", "8", "--learning-rate", "0.03", "--dropout", "0"]


def by_number(path: Path) -> tuple[int, str]:
    return (int(path.stem) if path.stem.isdigit() else 1 << 30, path.name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("cli")
    write_folder(folder / "photos" / "train", 60)
    write_folder(folder / "photos" / "test", 20, seed=1)
    wrong = next((folder / "photos" / "test" / "along").iterdir())
    wrong.rename(folder / "photos" / "test" / "across" / "mislabelled.png")
    model, run = str(folder / "m.rv"), str(folder / "run")
    options = ["--engine", "reference", "--model", model, "--run", run]
    return folder, printed("train", str(folder / "photos"), *OPTIONS, *options)


def test_the_report_names_the_worst_mistakes(trained: tuple[Path, str]) -> None:
    folder, words = trained
    assert "28 x 28 pixels, grey" in " ".join(words.split())
    assert "Worst mistakes" in words
    assert "mislabelled.png" in words
    report = json.loads(printed("show", str(folder / "m.rv"), "--json"))["report"]
    worst = report["worst_mistakes"][0]
    assert worst["name"].endswith("mislabelled.png")
    assert (worst["actual"], worst["predicted"]) == ("across", "along")
    assert worst["probability"] < 0.5


def test_predict_takes_pictures_and_folders(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    model, across = str(folder / "m.rv"), folder / "photos" / "test" / "across"
    paths = sorted(across.glob("[0-9]*.png"))[:3]
    single = json.loads(printed("predict", model, str(paths[0]), "--json"))
    assert [record["prediction"] for record in single] == ["across"]
    assert single[0]["file"].endswith(paths[0].name)
    several = json.loads(printed("predict", model, *map(str, paths), "--json"))
    assert several[0]["probabilities"] == single[0]["probabilities"]
    lines = printed("predict", model, str(across)).splitlines()
    assert lines[0] == "file,prediction"
    assert len(lines) == 12


def test_predict_takes_several_folders_and_archives(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = trained
    model, test = str(folder / "m.rv"), folder / "photos" / "test"
    along, across = test / "along", test / "across"
    picture = str(next(iter(sorted(along.iterdir()))))
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for file in sorted(across.iterdir()):
            archive.write(file, file.name)
    lines = printed("predict", model, str(along), picture, str(tmp_path / "more.zip")).splitlines()
    alone = [printed("predict", model, str(path)).splitlines()[1:] for path in (along, picture, across)]
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == [
        line.rsplit(",", 1)[1] for output in alone for line in output
    ]
    names = [line.rsplit(",", 1)[0] for line in lines[1:]]
    assert names[: len(alone[0])] == [f"{along}/{file.name}" for file in sorted(along.iterdir(), key=by_number)]
    assert names[len(alone[0])] == picture


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
def test_predict_takes_a_picture_from_standard_input(trained: tuple[Path, str], form: str, tmp_path: Path) -> None:
    folder, _ = trained
    model, path = str(folder / "m.rv"), next(iter(sorted((folder / "photos" / "test" / "across").iterdir())))
    Image.open(path).convert("RGB").save(tmp_path / "picture", form)
    content = (tmp_path / "picture").read_bytes()
    piped = CliRunner().invoke(main, ["predict", model, "-", "--json"], input=content)
    assert piped.exit_code == 0, piped.output
    (record,), (expected,) = (
        json.loads(text) for text in (piped.stdout, printed("predict", model, str(tmp_path / "picture"), "--json"))
    )
    assert record["probabilities"] == expected["probabilities"]
    assert record["file"] == "standard input"
    cut = CliRunner().invoke(main, ["predict", model, "-"], input=content[:60])
    assert (cut.exit_code, cut.stdout) == (2, "")
    assert 'The picture standard input of column "file" cannot be read: ' in cut.stderr


@pytest.mark.parametrize("header", ["", "file\n"])
def test_predict_takes_paths_from_standard_input(trained: tuple[Path, str], header: str) -> None:
    folder, _ = trained
    paths = sorted((folder / "photos" / "test" / "along").iterdir())[:3]
    piped = CliRunner().invoke(
        main, ["predict", str(folder / "m.rv"), "-", "--json"], input=header + "\n".join(map(str, paths))
    )
    assert [record["prediction"] for record in json.loads(piped.stdout)] == ["along"] * 3


def test_evaluate_takes_the_test_folder(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    model, photos = str(folder / "m.rv"), folder / "photos"
    full, test = (json.loads(printed("evaluate", model, str(path), "--json")) for path in (photos, photos / "test"))
    assert full["rows"] == test["rows"] == 20
    assert full["metrics"] == test["metrics"]


def test_look_counts_classes_sizes_broken_files_and_duplicates(tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", 30)
    along = tmp_path / "photos" / "along"
    (along / "copy.png").write_bytes((along / "0.png").read_bytes())
    (along / "broken.png").write_bytes(b"nothing")
    words = " ".join(printed("look", str(tmp_path / "photos")).split())
    for part in ("12 x 12 pixels; L (31)", "broken.png", "along/copy.png as along/0.png", "across"):
        assert part in words


def test_weights_of_pixels_are_drawn(tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", 30)
    model = str(tmp_path / "m.rv")
    options = ["--recipe", "plain", "--hidden", "2", "--epochs", "2", "--engine", "reference", "--image-size", "12"]
    printed("train", str(tmp_path / "photos"), *options, "--model", model, "--run", str(tmp_path / "run"))
    drawn = [line for line in printed("show", model, "--layer", "layers.1", "--neuron", "0").splitlines() if line]
    start = next(at for at, line in enumerate(drawn) if line.startswith("Bias")) + 1
    picture = drawn[start : start + 6]
    assert all(set(line) <= set(" .:-=+*#%@") for line in picture)
    assert any(line.strip() for line in picture)


def test_patterns_of_patch_features_are_drawn(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    lines = printed("show", str(folder / "m.rv"), "--layer", "layers.1", "--neuron", "0").splitlines()
    named = [at for at, line in enumerate(lines) if line.startswith("file: patch ") and ", weight " in line]
    assert len(named) == 4
    pattern = lines[named[0] + 1 : named[0] + 4]
    assert all(set(line) <= set(" .:-=+*#%@") for line in pattern)
    assert "".join(pattern).strip()
    assert "how near the pieces" in " ".join(lines)
    learned = rv.load(folder / "m.rv").encoder.image
    assert learned.pattern(0).shape == (6, 6, 1)
    assert learned.pattern(0).tolist() == learned.pattern(learned.patches[0].n_centroids).tolist()


def test_a_picture_that_is_none_is_one_sentence(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = trained
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"x")
    result = CliRunner().invoke(main, ["predict", str(folder / "m.rv"), str(tmp_path / "bad.png")])
    assert result.exit_code == 2
    assert "bad.png" in result.stderr
    assert result.stderr.count("\n") == 1
    some = CliRunner().invoke(main, ["predict", str(folder / "m.rv"), *map(str, sorted(tmp_path.glob("*.png")))])
    assert some.exit_code == 0
    assert "1 picture was left out" in some.stderr
    assert [line.partition(",")[2] == "" for line in some.stdout.splitlines()[1:]] == [True, False]


def test_broken_pictures_are_left_out_and_named(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = trained
    model = str(folder / "m.rv")
    write_folder(tmp_path / "photos", 24, seed=3)
    broken = tmp_path / "photos" / "across" / "1.png"
    broken.write_bytes(b"nothing")
    result = CliRunner().invoke(main, ["evaluate", model, str(tmp_path / "photos"), "--json"])
    assert json.loads(result.stdout)["rows"] == 23
    assert "1 picture was left out, which cannot be read: across/1.png" in " ".join(json.loads(result.stdout)["notes"])
    with pytest.warns(UserWarning, match="across/1.png"):
        assert rv.load(model).evaluate(tmp_path / "photos") == pytest.approx(json.loads(result.stdout)["metrics"])
    predicted = CliRunner().invoke(main, ["predict", model, str(tmp_path / "photos"), "--probabilities"])
    assert predicted.exit_code == 0
    assert "across/1.png" in predicted.stderr
    lines = predicted.stdout.splitlines()
    assert len(lines) == 25
    assert lines[1] == "across/1.png,,,"
    records = json.loads(printed("predict", model, str(tmp_path / "photos"), "--json"))
    assert (records[0]["prediction"], records[0]["probabilities"]) == (None, None)
    paths = [str(record["file"]) for record in records[1:]]
    alone = rv.load(model).predict([tmp_path / "photos" / path for path in paths]).tolist()
    assert alone == [record["prediction"] for record in records[1:]]


def test_too_many_broken_pictures_stop_what_measures(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, _ = trained
    write_folder(tmp_path / "photos", 10)
    for name in ("across/1.png", "along/0.png"):
        (tmp_path / "photos" / name).write_bytes(b"nothing")
    results = [
        CliRunner().invoke(main, [command, str(folder / "m.rv"), str(tmp_path / "photos")])
        for command in ("evaluate", "predict")
    ]
    assert [result.exit_code for result in results] == [2, 0]
    assert "2 of 10 pictures" in results[0].stderr
    assert "2 pictures were left out" in results[1].stderr
    assert sum(line.endswith(",") for line in results[1].stdout.splitlines()) == 2
