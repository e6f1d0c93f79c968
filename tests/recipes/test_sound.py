"""The recipe for recordings: from folders, lists and manifests to one model, which answers the same however asked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import open_source
from ranvier.errors import DataError, InputError
from ranvier.model.predictions import predict_file
from ranvier.recipes.registry import recipe_for
from ranvier.recipes.sound import SoundRecipe
from tests.data.recordings import RATE, chirp, chirps, encoded, write_folder

SMALL = SoundRecipe(n_centroids=6, hidden=(8,), dropout=0.0, learning_rate=0.02, epochs=12, n_networks=2)
QUIET: dict[str, Any] = {"engine": "reference", "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_folder(root / "train", 48)
    write_folder(root / "test", 12, seed=1)
    (root / "train" / "rising" / "broken.wav").write_bytes(b"RIFF")
    return root


@pytest.fixture(scope="module")
def model(folder: Path) -> rv.Model:
    return rv.train(folder, recipe=SMALL, **QUIET)


def test_a_folder_becomes_a_model(model: rv.Model) -> None:
    assert model.report.recipe == "sound"
    assert model.report.split == {"training": 48, "validation": 0, "test": 12}
    assert model.report.metrics["accuracy"] >= 0.9
    assert model.task.classes == ("falling", "rising")
    notes = " ".join(model.report.notes)
    assert "40 mel bands at 8,000 Hz" in notes
    assert "train/rising/broken.wav" in notes
    assert "recordings left out (with patches" in notes


def test_the_same_bits_however_recordings_are_given(model: rv.Model, folder: Path, tmp_path: Path) -> None:
    paths = sorted((folder / "test").rglob("*.wav"))
    expected = model.outputs(paths).tobytes()
    samples = [(RATE, np.frombuffer(path.read_bytes()[44:], "<i2")) for path in paths]
    ways = {
        "strings": [str(path) for path in paths],
        "bytes": [path.read_bytes() for path in paths],
        "samples": samples,
        "samples first": [(array, rate) for rate, array in samples],
        "a dictionary": {"file": paths},
        "a frame": pl.DataFrame({"file": [str(path) for path in paths]}),
    }
    for way, rows in ways.items():
        assert model.outputs(rows).tobytes() == expected, way
    model.save(tmp_path / "model.rv")
    again = rv.load(tmp_path / "model.rv")
    assert again.outputs(paths).tobytes() == expected
    assert np.concatenate([again.outputs(path) for path in paths]).tobytes() == expected
    assert len(set(model.encoder.feature_names)) == model.encoder.width == model.network.inputs


def test_broken_recordings_are_left_out_and_named(model: rv.Model, tmp_path: Path) -> None:
    write_folder(tmp_path / "clips", 12, seed=1)
    in_order = [(path.parent.name, int(path.stem.split("_")[0]), path) for path in (tmp_path / "clips").rglob("*.wav")]
    paths = [path for _, _, path in sorted(in_order)]
    labels = np.array([path.parent.name for path in paths])
    paths[3].write_bytes(b"RIFF")
    readable = [path for path in paths if path != paths[3]]
    expected = model.evaluate(readable, labels[[0, 1, 2, *range(4, 12)]])
    frame = pl.DataFrame({"file": [str(path) for path in paths]})
    for rows in (paths, frame):
        with pytest.warns(UserWarning, match=f"1 recording was left out, .*{paths[3].name}"):
            assert model.evaluate(rows, labels) == expected
    with pytest.warns(UserWarning, match=paths[3].name):
        assert model.evaluate(tmp_path / "clips") == pytest.approx(expected)
    predicted = predict_file(model, tmp_path / "clips")
    values = predicted.columns(probabilities=False)["prediction"]
    assert [at for at, value in enumerate(values) if value is None] == [3]
    assert values[:3] + values[4:] == model.predict(readable).tolist()
    assert "1 recording was left out" in " ".join(predicted.notes)
    with pytest.raises(DataError, match=paths[3].name):
        model.predict(paths)
    paths[4].write_bytes(b"")
    with pytest.raises(DataError, match=r"2 of 12 recordings .* at most a tenth was expected"):
        model.evaluate(paths, labels)


def test_broken_test_recordings_are_left_out(folder: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "test", 12, seed=1)
    (tmp_path / "test" / "rising" / "broken.wav").write_bytes(b"RIFF")
    recipe = replace(SMALL, candidate="statistics", epochs=1, n_networks=1)
    model = rv.train(folder / "train", test=tmp_path / "test", recipe=recipe, **QUIET)
    assert model.report.split["test"] == 12
    assert "Test rows: 1 recording was left out" in " ".join(model.report.notes)


def test_auto_takes_the_recipe_for_sound(folder: Path) -> None:
    assert recipe_for("auto", "fast", open_source(folder))[0].name == "sound"


def test_validation_recordings_choose_the_features() -> None:
    samples, labels = chirps(60)
    clips = [(RATE, sample) for sample in samples]
    held = clips[44:], np.array(labels[44:])
    model = rv.train(clips[:44], np.array(labels[:44]), recipe=SMALL, validation=held, **{**QUIET, "test": 0.0})
    assert "16 recordings left out" in " ".join(model.report.notes)
    assert model.report.split == {"training": 44, "validation": 16, "test": 0}


def test_by_time_later_recordings_choose_the_features() -> None:
    samples, labels = chirps(80)
    table = {"clip": [(RATE, sample) for sample in samples], "day": list(range(80)), "label": labels}
    model = rv.train(table, "label", recipe=SMALL, split="time:day", ignore=["day"], **{**QUIET, "test": 0.25})
    assert model.report.split["validation"] > 0
    assert f"{model.report.split['validation']} recordings left out" in " ".join(model.report.notes)


@pytest.mark.parametrize("candidate", ["patches", "statistics", "linear"])
def test_each_candidate_trains_alone(candidate: str) -> None:
    samples, labels = chirps(44)
    recipe = SoundRecipe(candidate=candidate, n_centroids=4, hidden=(6,), epochs=3, n_networks=2)
    model = rv.train([(RATE, sample) for sample in samples], np.array(labels), recipe=recipe, **QUIET)
    assert any("as requested" in note for note in model.report.notes)
    assert model.predict([(RATE, samples[0])]).shape == (1,)


def test_a_number_can_be_learned_from_recordings() -> None:
    samples, labels = chirps(44)
    octaves = [1.5 if label == "rising" else -1.5 for label in labels]
    model = rv.train(
        [(RATE, sample) for sample in samples],
        np.array(octaves),
        recipe=replace(SMALL, epochs=60, candidate="statistics"),
        **QUIET,
        task="regression",
    )
    assert model.report.metrics["r2"] > 0.5


def test_recordings_beside_numbers() -> None:
    samples, labels = chirps(40)
    table = {
        "clip": [(RATE, sample) for sample in samples],
        "length": [len(sample) for sample in samples],
        "label": labels,
    }
    recipe = rv.recipe("table", "fast")
    model = rv.train(table, "label", recipe=recipe, hidden=(8,), epochs=3, kinds={"clip": "sound"}, **QUIET)
    assert model.report.recipe == "table"
    row = {"clip": [(RATE, samples[0])], "length": [len(samples[0])]}
    assert model.outputs(row).tobytes() == model.outputs({name: cells[:1] for name, cells in table.items()}).tobytes()


def test_a_pattern_on_the_names_of_files_keeps_groups_together(folder: Path) -> None:
    model = rv.train(folder / "train", recipe=SMALL, group="file:_(.+)[.]", test=None, **QUIET)
    notes = " ".join(model.report.notes)
    assert 'Rows of the same "file:_(.+)[.]" stay together: 3 in training.' in notes
    assert "in 3 groups left out" in notes
    with pytest.raises(InputError, match="finds nothing in"):
        rv.train(folder / "train", recipe=SMALL, group="file:_(x)", **QUIET)
    with pytest.raises(InputError, match="no regular expression"):
        rv.train(folder / "train", recipe=SMALL, group="file:(", **QUIET)


def test_what_recordings_cannot_have_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError, match="recordings are not distorted"):
        rv.train(folder, recipe=SMALL, augment="affine", **QUIET)
    with pytest.raises(InputError, match="trains on one column of recordings"):
        rv.train({"a": [1.0, 2.0] * 10, "b": ["x", "y"] * 10}, "b", recipe=SMALL, **QUIET)


def sentence(labels: list[str], pause: float, noise: float = 0.0, seed: int = 5) -> np.ndarray:
    generator = np.random.default_rng(seed)
    silence = np.zeros(round(pause * RATE), np.float32)
    parts = [silence]
    for at, label in enumerate(labels):
        parts += [chirp(label, 0.4, 100 + at), silence]
    samples = np.concatenate(parts)
    return (samples + noise * generator.normal(size=len(samples))).astype(np.float32)


@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_a_model_of_words_hears_sentences(model: rv.Model, noise: float) -> None:
    labels = ["rising", "rising", "falling", "rising", "falling"]
    heard = model.listen((RATE, sentence(labels, 0.35, noise)), 0.0)
    assert [sound.label for sound in heard] == labels
    starts = 0.35 + 0.75 * np.arange(5)
    for sound, start in zip(heard, starts, strict=True):
        assert abs(sound.start - start) < 0.1
        assert abs(sound.end - start - 0.4) < 0.1
        assert 0.5 <= sound.confidence <= 1.0
    assert model.listen((RATE, sentence(labels, 0.35, noise)), 1.0) == [s for s in heard if s.confidence >= 1.0]


def test_silence_and_nothing_have_no_words(model: rv.Model) -> None:
    assert model.listen((RATE, np.zeros(20000, np.float32))) == []
    assert model.listen((RATE, np.zeros(0, np.float32))) == []


def test_a_recording_of_a_lower_rate_warns(model: rv.Model) -> None:
    with pytest.warns(UserWarning, match=r"lower rate than the 8,000 Hz of the training.* \(4,000 Hz\)"):
        model.listen((4000, np.zeros(8000, np.float32)))


def test_words_without_pauses_are_divided(model: rv.Model) -> None:
    heard = model.listen((RATE, sentence(["rising", "falling", "rising"], 0.0)), 0.0)
    assert len(heard) >= 2
    assert all(first.end <= second.start + 1e-6 for first, second in pairwise(heard))


def test_a_model_of_long_sounds_hears_stretches() -> None:
    generator = np.random.default_rng(0)
    cells = [
        (RATE, (chirp("rising", 3.2, at) if at % 2 else generator.normal(0, 0.1, 25600)).astype(np.float32))
        for at in range(20)
    ]
    labels = ["tone" if at % 2 else "noise" for at in range(20)]
    recipe = SoundRecipe(candidate="linear", n_centroids=4, epochs=10, n_networks=1)
    model = rv.train(cells, np.array(labels), recipe=recipe, **QUIET)
    long = np.concatenate([cells[0][1], cells[0][1], cells[1][1], cells[1][1]])
    heard = model.listen((RATE, long), 0.0)
    assert [sound.label for sound in heard] == ["noise", "tone"]
    assert heard[0].start == 0.0
    assert abs(heard[1].end - 12.8) < 0.05


def test_only_a_model_of_recordings_listens(model: rv.Model) -> None:
    other = rv.train("iris", recipe="plain", epochs=1, **QUIET)
    with pytest.raises(InputError, match="Only a model that tells classes of recordings apart"):
        other.listen((RATE, np.zeros(800, np.float32)))
    with pytest.raises(DataError, match="cannot be read: it is empty"):
        model.listen(b"")
    with pytest.raises(InputError, match="from 0 to 1"):
        model.listen((RATE, np.zeros(800)), 2.0)


def test_estimators_take_lists_of_recordings() -> None:
    samples, labels = chirps(20)
    classifier = rv.Classifier(recipe=SMALL, engine="reference")
    classifier.fit([(RATE, sample) for sample in samples], labels)
    files = [encoded(sample, "WAV", "FLOAT") for sample in samples]
    assert (classifier.predict(files) == classifier.predict([(RATE, sample) for sample in samples])).all()
