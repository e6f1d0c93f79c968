"""A language model: what it is measured by, what it predicts, what it writes."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest

import ranvier as rv
from ranvier.errors import InputError
from ranvier.model.writing import characters
from tests.model.test_resume import broken_off

TEXT = "".join(f"{number % 10} green bottles, hanging on the wall.\n\n" for number in range(60))


@pytest.fixture(scope="module")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text that is easily learned."""
    path = tmp_path_factory.mktemp("text") / "bottles.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def model(text_file: Path) -> rv.Model:
    """A small model of it."""
    return rv.train(text_file, hidden=[24], epochs=6, batch_size=32, learning_rate=0.01, progress=False)


def test_a_text_file_makes_a_language_model(model: rv.Model) -> None:
    report = model.report
    assert report.recipe == "language"
    metrics, baseline = report.metrics, report.baseline
    loss = metrics["log_loss"]
    assert loss is not None
    assert metrics["bits_per_character"] == pytest.approx(loss / math.log(2))
    assert metrics["perplexity"] == pytest.approx(math.exp(loss))
    assert baseline["log_loss"] == min(baseline[f"log_loss_{n}_gram"] or 0.0 for n in range(1, 6))
    assert loss < 1.0


def test_metrics_are_those_of_the_probabilities(model: rv.Model, text_file: Path) -> None:
    contexts = [TEXT[:at] for at in range(200)]
    p = model.probabilities(contexts)
    classes = list(model.task.classes)
    numbers = [classes.index(character) for character in TEXT[:200]]
    losses = -np.log(p[np.arange(200), numbers])
    short = text_file.with_name("short.txt")
    short.write_text(TEXT[:200])
    assert model.evaluate(short)["log_loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert model.predict(contexts).tolist() == model.predict(short).tolist()


def test_what_is_written_depends_on_the_seed_alone(model: rv.Model) -> None:
    text = model.write("7 green", length=60, seed=3)
    assert text.startswith("7 green")
    assert len(text) == 67
    assert model.write("7 green", length=60, seed=3) == text
    assert model.write("7 green", length=30, seed=3) == text[:37]
    assert len({model.write("7 green", length=60, temperature=2.0, seed=seed) for seed in range(3)}) == 3


def test_temperature_zero_takes_the_most_probable_character(model: rv.Model) -> None:
    start = "3 green"
    for character in characters(model, start, 20, 0.0, 0):
        assert character == str(model.predict([start])[0])
        start += character


def test_a_stream_gets_what_is_written(model: rv.Model) -> None:
    stream = io.StringIO()
    assert model.write("a", length=40, stream=stream) == stream.getvalue()


def test_unknown_characters_of_the_start_are_reported(model: rv.Model) -> None:
    with pytest.warns(UserWarning, match="'λ', '→'"):
        assert model.write("λ→", length=5).startswith("λ→")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": -1}, "length is -1"),
        ({"length": 2.5}, "length is 2.5"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_arguments_are_refused(model: rv.Model, arguments: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.write(**arguments)  # type: ignore[arg-type]


def test_the_file_holds_vocabulary_and_context(model: rv.Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.rv")
    loaded = rv.load(tmp_path / "m.rv")
    assert loaded.encoder == model.encoder
    assert loaded.write("7", length=30) == model.write("7", length=30)


def test_only_language_models_write() -> None:
    trained = rv.train("iris", recipe="plain", epochs=1, hidden=[4], engine="reference", progress=False)
    with pytest.raises(InputError, match="This model predicts species and writes no text"):
        trained.write()


def test_examples_start_again_after_a_line_break() -> None:
    names = {"name": ["ada", "ida", "eda", "oda", "uda", "ala", "ila", "ela", "ola", "ula"] * 3}
    model = rv.train(names, recipe="language", hidden=[16], epochs=30, learning_rate=0.02, progress=False)
    assert model.predict(["ada\n", ""]).tolist() == model.predict(["", "ada\nida\n"]).tolist()
    written = model.write(length=60, temperature=0.5)
    assert all(len(line) == 3 for line in written.split("\n")[:-1])
    inputs = model.layer("layers.0").inputs
    assert inputs[0] == "3 back: line break"
    assert "1 back: a" in inputs


@pytest.mark.parametrize(
    "option",
    [
        {"target": "text"},
        {"split": "time:text"},
        {"group": "text"},
        {"positive": "a"},
        {"kinds": {"text": "category"}},
        {"task": "regression"},
        {"class_weight": "balanced"},
        {"image_size": 8},
    ],
)
def test_options_of_columns_are_refused(text_file: Path, option: dict[str, str]) -> None:
    with pytest.raises(InputError, match="has no meaning for the recipe 'language'"):
        rv.train(text_file, recipe="language", progress=False, **option)  # type: ignore[arg-type]


def test_a_run_goes_on_to_the_same_bits(text_file: Path, tmp_path: Path) -> None:
    options = {"hidden": [8], "batch_size": 64, "progress": False}
    full = rv.train(text_file, epochs=2, run=tmp_path / "whole", **options)  # type: ignore[arg-type]
    again = rv.resume(tmp_path / "whole", progress=False)
    assert all((again.parameters[name] == array).all() for name, array in full.parameters.items())


@pytest.mark.parametrize("estimator", [rv.Classifier, rv.Regressor])
def test_estimators_refuse_the_recipe(estimator: type) -> None:
    with pytest.raises(InputError, match="learns no other target"):
        estimator(recipe="language").fit([["a"], ["b"]] * 15, [0, 1] * 15)


def test_an_interrupted_run_goes_on_to_the_bits_of_a_whole_one(
    text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"hidden": [8], "batch_size": 64, "epochs": 3, "progress": False}
    full = rv.train(text_file, **options)  # type: ignore[arg-type]
    broken_off(40, monkeypatch, lambda: rv.train(text_file, run=tmp_path / "run", **options))  # type: ignore[arg-type]
    resumed = rv.resume(tmp_path / "run", progress=False)
    assert len(resumed.history) == 3
    assert all((resumed.parameters[name] == array).all() for name, array in full.parameters.items())
    assert resumed.write("7 green", length=40) == full.write("7 green", length=40)


class Stream(io.StringIO):
    """A text file that remembers what had been written whenever it was flushed, and breaks after some characters."""

    def __init__(self, breaks_after: int) -> None:
        super().__init__()
        self.flushed: list[int] = []
        self.breaks_after = breaks_after

    def flush(self) -> None:
        self.flushed.append(len(self.getvalue()))

    def write(self, text: str) -> int:
        if len(self.getvalue()) >= self.breaks_after:
            raise KeyboardInterrupt
        return super().write(text)


def test_a_stream_is_flushed_while_it_is_written_and_at_the_end(model: rv.Model) -> None:
    full = Stream(1000)
    assert model.write("7 green", length=40, stream=full) == full.getvalue()
    assert full.flushed == [7 + 16, 7 + 32, 7 + 40]
    broken = Stream(20)
    with pytest.raises(KeyboardInterrupt):
        model.write("7 green", length=40, stream=broken)
    assert broken.flushed[-1] == 20
    assert full.getvalue().startswith(broken.getvalue())


def test_the_report_says_the_dropout_that_was_used(model: rv.Model) -> None:
    assert model.report.recipe_settings["dropout"] == 0.3
