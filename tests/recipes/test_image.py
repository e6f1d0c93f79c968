"""The recipe for pictures: from folders, lists and arrays to one model, which answers the same however it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

import ranvier as rv
from ranvier.data import prepare
from ranvier.errors import DataError, InputError
from ranvier.recipes.augmentation import ChosenTraining, choose_training
from ranvier.recipes.augmentation_comparison import LINEAR, LINEAR_PIXELS, WITH_LINEAR, WITH_PIXELS
from ranvier.recipes.image import ImageRecipe
from ranvier.recipes.image_training import in_shape_of_features
from tests.data.pictures import encoded, stripes, write_folder

SMALL = ImageRecipe(
    n_centroids=6,
    augment="none",
    hidden=(8,),
    dropout=0.0,
    learning_rate=0.03,
    epochs=8,
    copies=1,
    few_networks=1,
    linear=False,
)
QUIET: dict[str, Any] = {"engine": "reference", "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_folder(root / "train", 60)
    write_folder(root / "test", 12, seed=1)
    (root / "train" / "along" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


@pytest.fixture(scope="module")
def model(folder: Path) -> rv.Model:
    return rv.train(folder, recipe=SMALL, **QUIET)


def test_a_folder_becomes_a_model(model: rv.Model, folder: Path) -> None:
    assert model.report.recipe == "image"
    assert model.report.split == {"training": 60, "validation": 0, "test": 12}
    assert model.report.metrics["accuracy"] >= 0.9
    assert model.task.classes == ("across", "along")
    notes = " ".join(model.report.notes)
    assert "12 x 12" in notes
    assert "28 x 28 pixels, grey" in notes
    assert "train/along/broken.png" in notes
    assert "Augmentation: none, without a comparison." in notes
    assert model.network.inputs == 54


def ways_to_ask(folder: Path) -> dict[str, Any]:
    paths = sorted((folder / "test").rglob("*.png"))
    pictures = [Image.open(path) for path in paths]
    return {
        "paths": paths,
        "strings": [str(path) for path in paths],
        "pictures": pictures,
        "bytes": [path.read_bytes() for path in paths],
        "arrays": [np.asarray(picture) for picture in pictures],
        "one array": np.stack([np.asarray(picture) for picture in pictures]),
        "with a channel": np.stack([np.asarray(picture) for picture in pictures])[..., None],
        "a dictionary": {"file": paths},
        "a frame": pl.DataFrame({"file": [str(path) for path in paths]}),
    }


def test_the_same_bits_however_pictures_are_given(model: rv.Model, folder: Path, tmp_path: Path) -> None:
    ways = ways_to_ask(folder)
    expected = model.outputs(ways["paths"]).tobytes()
    for way, rows in ways.items():
        assert model.outputs(rows).tobytes() == expected, way
    model.save(tmp_path / "model.rv")
    again = rv.load(tmp_path / "model.rv")
    assert again.outputs(ways["paths"]).tobytes() == expected
    alone = np.concatenate([model.outputs(path) for path in ways["paths"]])
    assert alone.tobytes() == expected
    assert model.outputs(ways["pictures"][0]).tobytes() == alone[:1].tobytes()


def test_a_folder_is_evaluated(model: rv.Model, folder: Path) -> None:
    assert model.evaluate(folder / "test") == pytest.approx(model.report.metrics)
    assert model.predict(folder / "test").tolist()[:6] == ["across"] * 6


def test_broken_pictures_of_test_rows_are_left_out_and_rows_keep_their_numbers(folder: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "test", 24, seed=5)
    (tmp_path / "test" / "across" / "3.png").write_bytes(b"nothing")
    trained = rv.train(folder / "train", test=str(tmp_path / "test"), recipe=SMALL, **QUIET)
    assert trained.report.split["test"] == 23
    assert "Test rows: 1 picture was left out, which cannot be read: across/3.png" in " ".join(trained.report.notes)
    paths = sorted((tmp_path / "test").rglob("*.png"))
    labels = [path.parent.name for path in paths]
    broken = labels.index("across") + [path.name for path in paths].index("3.png")
    prepared = prepare({"photo": paths, "size": labels}, "size", test=0.0, validation=0.0)
    assert sorted(prepared.train_rows.tolist()) == [row for row in range(24) if row != broken]
    with pytest.warns(UserWarning, match=r"3\.png"):
        measured = trained.evaluate(paths, labels, sample_weight=np.ones(24))
    assert measured == pytest.approx(trained.report.metrics)
    trained = rv.train(folder / "train", test=(paths, labels), recipe=SMALL, **QUIET)
    assert trained.report.split["test"] == 23


def test_what_is_no_picture_is_refused(model: rv.Model, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"x.png.* cannot be read"):
        model.predict(tmp_path / "x.png")
    with pytest.raises(DataError, match="There is no file"):
        model.predict([tmp_path / "absent.png"])


def test_mirrored_averaging_does_not_see_the_side(tmp_path: Path) -> None:
    pixels, labels = stripes(60, 14, 3)
    flip = rv.train(pixels, labels, recipe=replace(SMALL, augment="flip"), test=0.0, **QUIET)
    dense = next(layer for layer in flip.network.layers if isinstance(layer, rv.Dense))
    assert (dense.units, dense.groups, flip.network.inputs) == (16, 2, 108)
    np.testing.assert_allclose(flip.outputs(pixels), flip.outputs(pixels[:, :, ::-1]), atol=1e-6)
    flip.save(tmp_path / "flip.rv")
    assert rv.load(tmp_path / "flip.rv").outputs(pixels).tobytes() == flip.outputs(pixels).tobytes()


def test_the_way_to_distort_is_chosen_on_rows_left_out() -> None:
    generator = np.random.default_rng(0)
    right = generator.integers(0, 2, 80).astype(bool)
    pixels = generator.integers(0, 40, (80, 28, 28, 1)).astype(np.uint8)
    pixels[right, 8:20, 18:] += 180
    pixels[~right, 8:20, :10] += 180
    trained = rv.train(
        pixels, np.where(right, "right", "left"), recipe=replace(SMALL, augment="auto"), test=0.0, **QUIET
    )
    text = trained.report.notes[-1]
    assert text.startswith(("Augmentation: affine", "Augmentation: none"))
    assert "affine " in text
    assert "flip " not in text
    assert trained.predict(pixels[:2]).tolist() == ["right" if side else "left" for side in right[:2]]


def test_few_pictures_train_several_networks_with_centroids_of_their_own() -> None:
    pixels, labels = stripes(40)
    trained = rv.train(pixels, labels, recipe=replace(SMALL, few_networks=2, epochs=2), test=0.2, **QUIET)
    assert len(trained.report.members) == len(trained.encoder.image.patches) == 2
    assert trained.network.inputs == 2 * SMALL.n_centroids * 9


def test_few_pictures_take_the_usual_way() -> None:
    pixels, labels = stripes(24)
    trained = rv.train(pixels, labels, recipe=replace(SMALL, augment="auto", epochs=2), test=0.0, **QUIET)
    assert "Augmentation: affine, as usual for so few pictures." in trained.report.notes
    assert choose_training.__module__ == "ranvier.recipes.augmentation"


def test_numbers_are_learned_from_pictures() -> None:
    generator = np.random.default_rng(0)
    light = generator.uniform(20, 230, 60)
    pixels = np.clip(light[:, None, None] + generator.normal(0, 10, (60, 12, 12)), 0, 255).astype(np.uint8)
    edges = (np.indices((12, 12)).sum(axis=0) % 2) * (light[:, None, None] / 3)
    trained = rv.train((pixels // 2 + edges).astype(np.uint8), light, recipe=SMALL, test=0.2, epochs=60, **QUIET)
    assert trained.task.kind == "regression"
    assert trained.report.metrics["r2"] > 0.3


def test_pictures_beside_numbers_are_a_table(folder: Path) -> None:
    paths = sorted((folder / "train" / "along").glob("[0-9]*.png")) + sorted(
        (folder / "train" / "across").glob("[0-9]*.png")
    )
    rows = {
        "photo": [str(path.relative_to(folder)) for path in paths],
        "size": [float(at % 7) for at in range(len(paths))],
        "label": [path.parent.name for path in paths],
    }
    manifest = folder / "rows.csv"
    pl.DataFrame(rows).write_csv(manifest)
    recipe = replace(rv.recipe("table", "fast"), hidden=(4,), epochs=3)
    trained = rv.train(manifest, "label", recipe=recipe, **QUIET)
    assert {column["name"]: column["kind"] for column in trained.report.columns} == {"photo": "image", "size": "number"}
    assert rv.train.__module__ == "ranvier.model.train"
    auto = {"photo": [str(path) for path in paths[:3]], "size": [1.0, 2.0, 3.0]}
    assert trained.predict(auto).shape == (3,)
    assert trained.predict({"photo": str(paths[0]), "size": 1.0}).tolist() == trained.predict(auto).tolist()[:1]


def test_auto_takes_this_recipe_for_pictures(folder: Path, tmp_path: Path) -> None:
    pixels, labels = stripes(24)
    rows = {"photo": [encoded(picture) for picture in pixels], "label": labels.tolist(), "id": list(range(24))}
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    sources: list[tuple[Any, Any]] = [(tmp_path / "rows.parquet", "label"), (pixels, labels), (pixels / 255.0, labels)]
    for source, target in sources:
        trained = rv.train(source, target, effort="fast", hidden=(4,), epochs=1, test=0.0, **QUIET)
        assert trained.report.recipe == "image"


def test_files_of_arrays_train_and_test(tmp_path: Path) -> None:
    for name, count, seed in (("train", 40, 0), ("t10k", 10, 1)):
        pixels, labels = stripes(count, 28, seed=seed)
        shape = b"".join(size.to_bytes(4, "big") for size in pixels.shape[:3])
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3]) + shape + pixels.tobytes())
        digits = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + (labels == "along").astype(np.uint8).tobytes()
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(digits)
    test = tmp_path / "t10k-images-idx3-ubyte"
    trained = rv.train(tmp_path / "train-images-idx3-ubyte", test=test, recipe=SMALL, **QUIET)
    assert trained.report.split["test"] == 10
    assert trained.evaluate(test) == pytest.approx(trained.report.metrics)
    flat = stripes(10, 28, seed=1)[0].reshape(10, -1)
    assert trained.outputs(flat).tobytes() == trained.outputs(flat.reshape(10, 28, 28)).tobytes()


@pytest.mark.parametrize("learner", [WITH_LINEAR, LINEAR])
def test_linear_models_on_patch_features_become_one_network(
    learner: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    training = ChosenTraining("affine", 1.0, ("Chosen.",), learner, linear_factor=0.7)
    monkeypatch.setattr("ranvier.recipes.image_training.choose_training", lambda *_: training)
    pixels, labels = stripes(60, 16)
    recipe = replace(SMALL, augment="affine", n_networks=2, epochs=4)
    trained = rv.train(pixels, labels, recipe=recipe, image_size=16, test=0.25, **QUIET)
    trained.save(tmp_path / "model.rv")
    assert rv.load(tmp_path / "model.rv").outputs(pixels).tobytes() == trained.outputs(pixels).tobytes()
    assert trained.report.metrics["accuracy"] > 0.8
    widths = [layer.units for layer in trained.network.layers if isinstance(layer, rv.Dense)]
    n_outputs = widths[-1]
    hidden = recipe.hidden[0]
    assert widths[:-1] == ([2 * (hidden + 2 * n_outputs)] if learner == WITH_LINEAR else [])


def test_a_linear_model_on_pixels_is_a_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    training = ChosenTraining("none", 1.0, ("Chosen.",), LINEAR_PIXELS)
    monkeypatch.setattr("ranvier.recipes.image_training.choose_training", lambda *_: training)
    pixels = np.random.default_rng(0).integers(0, 120, (60, 12, 12, 1)).astype(np.uint8)
    first = np.arange(60) % 2 == 0
    pixels[first, 3:6] = 255
    trained = rv.train(pixels, np.where(first, "a", "b"), recipe=SMALL, image_size=12, test=0.2, **QUIET)
    assert [type(layer).__name__ for layer in trained.network.layers] == ["Rescale", "Dense"]
    assert trained.report.metrics["accuracy"] == 1.0
    trained.save(tmp_path / "model.rv")
    assert rv.load(tmp_path / "model.rv").outputs(pixels[:5]).tobytes() == trained.outputs(pixels[:5]).tobytes()


def test_a_network_on_pixels_joins_those_on_patch_features(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    training = ChosenTraining("affine", 1.0, ("Chosen.",), WITH_PIXELS)
    monkeypatch.setattr("ranvier.recipes.image_training.choose_training", lambda *_: training)
    pixels, labels = stripes(40, 28)
    recipe = replace(SMALL, augment="affine", pixel_epochs=8, n_networks=2, n_centroids=90, epochs=2)
    joined = rv.train(pixels, labels, recipe=recipe, image_size=28, test=0.25, **QUIET)
    joined.save(tmp_path / "model.rv")
    assert rv.load(tmp_path / "model.rv").outputs(pixels).tobytes() == joined.outputs(pixels).tobytes()
    image = joined.encoder.image
    assert image.with_pixels
    assert image.width == 3 * image.patches[0].width == joined.network.inputs
    assert len(set(image.feature_names)) == image.width
    rows = joined.inputs(pixels).dense
    assert rows[:, -image.padding :].max() == 0
    np.testing.assert_array_equal(rows[:, -image.padding - 784 : -image.padding], pixels.reshape(40, -1))
    assert not replace(recipe, n_centroids=80, form=image.form).joins_pixels
    assert replace(recipe, form=image.form).joins_pixels


def test_a_network_on_pixels_is_the_same_in_the_shape_of_another() -> None:
    on_pixels = rv.Network(5, [rv.Rescale(1 / 64, -2.0), rv.Dense(4, "relu"), rv.Dropout(0.5), rv.Dense(3, "softmax")])
    on_features = rv.Network(9, [rv.Rescale(0.5, -6.0), *on_pixels.layers[1:]])
    flat = on_pixels.parameter_table.initial(0) + np.random.default_rng(0).normal(size=on_pixels.parameter_table.size)
    moved = in_shape_of_features(flat, on_pixels, on_features)
    rows = np.random.default_rng(1).integers(0, 256, (7, 5)).astype(np.float64)
    outputs = []
    for network, parameters in ((on_pixels, flat), (on_features, moved)):
        X = np.pad(rows, ((0, 0), (0, network.inputs - 5)))
        fitted = network.fit(X, np.arange(7) % 3, epochs=1, engine="reference", precision="float64")
        outputs.append(fitted.with_parameters(network.parameter_table.views(parameters)).outputs(X))
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-9)


MAKERS: dict[str, Callable[[Any], Any]] = {
    "array": lambda pixels: pixels,
    "pictures": lambda pixels: [Image.fromarray(picture[..., 0]) for picture in pixels],
}


@pytest.mark.parametrize("name", MAKERS)
def test_estimators_take_pictures(name: str) -> None:
    pixels, labels = stripes(40)
    X = MAKERS[name](pixels)
    classifier = rv.Classifier(recipe=replace(SMALL, epochs=30), random_state=0, engine="reference").fit(X, labels)
    assert (classifier.predict(X) == labels).mean() > 0.9
    assert classifier.predict_proba(X[:3]).shape == (3, 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"augment": "flop"}, 'Did you mean "flip"'),
        ({"image_size": 2}, "image_size is 2"),
        ({"recipe": "table", "image_size": 9999}, "image_size is 9999"),
    ],
)
def test_options_are_checked(options: dict[str, Any], sentence: str) -> None:
    pixels, labels = stripes(24)
    frame = pl.DataFrame({"photo": pixels[..., 0], "label": labels})
    with pytest.raises(InputError, match=sentence):
        rv.train(frame, "label", **{**QUIET, "recipe": SMALL, **options})


def test_the_recipe_refuses_other_columns() -> None:
    with pytest.raises(InputError, match="trains on one column of pictures"):
        rv.train({"a": [1.0, 2.0, 3.0] * 9, "y": ["p", "q", "p"] * 9}, "y", recipe=SMALL, **QUIET)
    with pytest.raises(InputError, match=r"\(height, width\)"):
        rv.train(np.zeros((20, 5)), ["p", "q"] * 10, recipe=SMALL, **QUIET)
