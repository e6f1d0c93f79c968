"""train: raw data to a model, choices that are refused before anything is written, events, run folders."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.errors import InputError, TrainingError
from ranvier.recipes.options import TrainOptions
from ranvier.recipes.plain import PlainRecipe, batch_size_for
from ranvier.recipes.stored import options_from_dict
from ranvier.storage.run_folder import RunFolder
from ranvier.training.events import event_from_dict
from tests.model.trial import QUICK, bits, frame, leftovers, points, train

BROKEN: dict[str, tuple[Any, str]] = {
    "no such file": ({"data": "there.csv"}, "there.csv"),
    "no such column": ({"target": "incom"}, 'Did you mean "income"'),
    "one value": ({"data": frame().with_columns(income=pl.lit("high"))}, "nothing to learn"),
    "a number with one row": (
        {"data": frame().with_columns(income=pl.Series([2] + [1] * 59))},
        'class "2" .* has one row',
    ),
    "infinite": ({"data": frame().with_columns(age=pl.lit(float("inf")))}, "inf"),
    "empty": ({"data": frame()[:0]}, "0 rows"),
    "three rows": ({"data": frame()[:3]}, "one row|rows"),
    "no target": ({"target": None}, "Say which column"),
    "all missing": ({"data": frame().with_columns(income=pl.lit(None, pl.String))}, "missing"),
    "dates": ({"data": frame().with_columns(income=pl.lit("2020-01-01").str.to_date())}, "dates"),
    "target twice": ({"task": "sorts"}, "sorts"),
    "hidden": ({"hidden": 2.5}, "it must be a list"),
    "hidden of words": ({"hidden": ["wide"]}, "units"),
    "activation": ({"activation": "rel"}, 'Did you mean "relu"'),
    "dropout": ({"dropout": 1.5}, "rate"),
    "loss": ({"loss": "huber_loss"}, "huber"),
    "pairing": ({"loss": "categorical_cross_entropy"}, "needs an output layer with the softmax"),
    "epochs": ({"epochs": 0}, "epochs is 0"),
    "batch size": ({"batch_size": 0}, "batch_size is 0"),
    "optimizer": ({"optimizer": "adm"}, 'Did you mean "adam'),
    "learning rate": ({"learning_rate": -1.0}, "learning_rate is -1"),
    "schedule": ({"schedule": "cosin"}, 'Did you mean "cosine'),
    "clipping": ({"clip_norm": 0.0}, "clip_norm is 0"),
    "clipping with a line search": ({"optimizer": "lbfgs", "clip_norm": 1.0}, "clip_norm"),
    "weight decay": ({"weight_decay": -1.0}, "weight_decay is -1"),
    "validation share": ({"validation": 1.5}, "validation is 1.5"),
    "validation file": ({"validation": "there.csv"}, "there.csv"),
    "validation tuple": ({"validation": (frame(),)}, "validation has 1 parts"),
    "test": ({"test": 0.95}, "no rows to learn from"),
    "ignore": ({"ignore": "agee"}, 'Did you mean "age"'),
    "patience": ({"patience": 0}, "patience is 0"),
    "class weight": ({"class_weight": {"poor": 2.0}}, "names the class 'poor'"),
    "seed": ({"seed": -3}, "-3"),
    "engine": ({"engine": "fast"}, "There is no engine 'fast'"),
    "precision": ({"precision": "float16"}, "precision is 'float16'"),
    "threads": ({"threads": 0}, "threads is 0"),
    "callbacks": ({"callbacks": [3]}, "must be a callback"),
    "a score that is none": ({"callbacks": [rv.EarlyStopping(metric="r2")]}, "metric='r2'"),
    "lbfgs with dropout": ({"optimizer": "lbfgs", "dropout": 0.2}, "L-BFGS looks at all rows at once"),
    "progress": ({"progress": "loud"}, "progress is 'loud'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_bad_input_is_refused_in_words_and_leaves_nothing_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options, words = BROKEN[name]
    arguments = {"data": frame(), "model": "m.rv", "run": "run", **options}
    with pytest.raises(InputError, match=words):
        train(**arguments)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("folder", ["no/folder/m.rv", "."])
def test_a_model_that_cannot_be_written_is_reported_before_training(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        train(frame(), model=folder, run="run", callbacks=[lambda moment: pytest.fail("it trained")])
    assert leftovers(tmp_path) == []


def test_a_run_that_cannot_be_made_is_reported_before_training(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("all")
    for folder, words in (("full", "is not empty"), ("full/thesis.txt", "is a file")):
        with pytest.raises(InputError, match=words):
            train(frame(), run=tmp_path / folder, callbacks=[lambda moment: pytest.fail("it trained")])
    assert leftovers(tmp_path) == ["full", "full/thesis.txt"]


def test_divergence_writes_no_model_and_no_broken_checkpoint(tmp_path: Path) -> None:
    table = frame().with_columns(price=pl.Series(np.random.default_rng(0).normal(size=60)))
    with pytest.raises(TrainingError, match="a smaller learning rate"):
        train(
            table,
            "price",
            optimizer="sgd",
            activation="identity",
            learning_rate=1e200,
            dropout=0.0,
            schedule="constant",
            model=tmp_path / "m.rv",
            run=tmp_path / "run",
        )
    assert not (tmp_path / "m.rv").exists()
    assert not list((tmp_path / "run").rglob("*.safetensors"))
    assert not list((tmp_path / "run").rglob("lock.holder"))
    assert RunFolder.open(tmp_path / "run").read_events()[-1]["reason"] == "failed"


def test_events_come_in_order_and_are_written_down(tmp_path: Path) -> None:
    events: list[Any] = []
    model = train(frame(), progress=events.append, run=tmp_path / "run", model=tmp_path / "m.rv")
    kinds = [event.kind for event in events if event.kind != "progress"]
    assert kinds == ["data", "start", *["epoch"] * 4, "end"]
    first_progress = next(i for i, event in enumerate(events) if event.kind == "progress")
    assert [event.kind for event in events[:first_progress]] == ["data", "start"]
    written = RunFolder.open(tmp_path / "run").read_events()
    assert written == json.loads(json.dumps([event.to_dict() for event in events if event.kind != "progress"]))
    data, start, end = events[0], events[1], events[-1]
    assert (data.task, data.target, data.rows) == ("binary", ["income"], sum(data.split.values()))
    assert (start.epochs, start.first_epoch, start.rows) == (4, 1, data.split["training"])
    assert (start.engine, start.batch_size, start.parameters) == ("reference", 8, data.parameters)
    assert (end.reason, end.epochs, end.best_epoch) == ("finished", 4, model.best_epoch)
    assert [event_from_dict(event) for event in written] == [event for event in events if event.kind != "progress"]
    assert {k: model.report.to_dict()[k] for k in ("model", "run")} == {
        "model": str(tmp_path / "m.rv"),
        "run": str(tmp_path / "run"),
    }


def test_a_run_may_have_its_name_made_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame().write_csv("people.csv")
    model = train("people.csv", run=True)
    folder = Path(model.report.run)
    assert folder.parent == Path("runs")
    assert folder.name.endswith("-people")
    assert train("people.csv").report.run is None
    assert len(leftovers(tmp_path / "runs")) == len(leftovers(folder)) + 1


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "polars", "pandas", "columns", "rows"])
def test_the_same_table_from_anywhere_gives_the_same_predictions(kind: str, tmp_path: Path) -> None:
    table = frame()
    expected = train(table).outputs(table)
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        table.write_csv(path)
    elif kind == "parquet":
        table.write_parquet(path)
    elif kind == "jsonl":
        table.write_ndjson(path)
    memory = {"polars": table, "pandas": table.to_pandas(), "columns": table.to_dict(as_series=False)}
    data = path if path.exists() else memory.get(kind, table.to_dicts())
    np.testing.assert_allclose(train(data).outputs(table), expected, rtol=1e-6)


def test_arrays_with_an_array_of_targets(tmp_path: Path) -> None:
    X, y = points(60)
    np.savez(tmp_path / "p.npz", X=X, y=y)
    from_memory, from_file = train(X, y), train(tmp_path / "p.npz", None)
    assert bits(from_memory) == bits(from_file)
    np.testing.assert_array_equal(from_memory.predict(X), from_file.predict(X))
    assert from_memory.evaluate(X, y) == from_file.evaluate(tmp_path / "p.npz")
    assert bits(train(frame().drop("income"), frame()["income"])) == bits(train(frame()))


@pytest.mark.parametrize("fraction", [np.float32(0.25), np.float64(0.25), Fraction(1, 4)])
def test_a_fraction_is_any_number(fraction: Any) -> None:
    model = train(frame(80), validation=fraction, test=fraction)
    assert model.report.split == {"training": 40, "validation": 20, "test": 20}


def test_validation_rows_from_a_file(tmp_path: Path) -> None:
    table, held = frame(60), frame(20, seed=9)
    held.write_csv(tmp_path / "held.csv")
    model = train(table, validation=tmp_path / "held.csv", test=0.25)
    assert model.report.split == {"training": 45, "validation": 20, "test": 15}
    best = min(epoch.validation_loss or 9e9 for epoch in model.history)
    assert model.evaluate(held)["log_loss"] == pytest.approx(best, rel=1e-6)


def test_choices_of_records_and_names_are_the_same(tmp_path: Path) -> None:
    named = train(frame(), optimizer="adam", learning_rate=0.01, schedule="cosine", activation="tanh")
    made = train(
        frame(),
        optimizer=rv.Adam(0.01),
        schedule=rv.CosineDecay(),
        activation=rv.activation("tanh"),
        loss=rv.loss("binary_cross_entropy"),
        run=tmp_path / "run",
    )
    assert bits(named) == bits(made)


@pytest.mark.parametrize(
    "train_options",
    [
        {},
        {"hidden": [7, np.int64(8)], "ignore": "age"},
        {"optimizer": rv.Adam(0.1), "schedule": rv.Warmup(2, rv.CosineDecay()), "loss": rv.loss("huber", delta=2.0)},
        {"activation": rv.activation("own", lambda x: x * x), "seed": np.uint64(5), "epochs": np.int32(3)},
        {"class_weight": {"high": 2.0, 3: 1.5, True: 1.0}, "validation": np.float64(0.3)},
    ],
    ids=str,
)
def test_options_go_through_a_file(train_options: dict[str, Any], tmp_path: Path) -> None:
    options = TrainOptions(target=("a", "b"), **train_options)
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"options": options.to_dict()})
    assert options_from_dict(folder.read_description()["options"]) == options


def test_lbfgs_leaves_chance_and_schedules_out_unless_asked() -> None:
    complete = PlainRecipe().complete
    options = complete(TrainOptions(optimizer="lbfgs"))
    assert (options.dropout, options.schedule) == (0.0, "constant")
    assert complete(TrainOptions(optimizer="lbfgs", schedule="cosine")).schedule == "cosine"
    assert complete(TrainOptions(optimizer="adam")).dropout == complete(TrainOptions()).dropout == 0.2
    assert train("iris", None, optimizer="lbfgs", epochs=40, patience=40).report.metrics["accuracy"] >= 0.9


@pytest.mark.parametrize(
    ("options", "check"),
    [
        ({"hidden": (3, 2)}, lambda m: [p.outputs for p in m.network.layer_infos] == [3, 3, 2, 2, 1]),
        ({"hidden": ()}, lambda m: len(m.network.layers) == 1),
        ({"hidden": 9, "dropout": 0.0}, lambda m: [p.outputs for p in m.network.layer_infos] == [9, 1]),
        ({"ignore": ["city"]}, lambda m: "city" not in [c["name"] for c in m.report.columns if c["encoded"]]),
        ({"class_weight": "balanced"}, lambda m: m.report.task == "binary"),
        ({"class_weight": {"high": 3.0}}, lambda m: m.report.task == "binary"),
        ({"clip_norm": 0.5}, lambda m: m.training.optimizer.clip_norm == 0.5),
        ({"recipe": "table", "effort": "fast", "clip_norm": 0.5}, lambda m: m.training.optimizer.clip_norm == 0.5),
        ({"weight_decay": 0.5}, lambda m: m.training.optimizer.weight_decay == 0.5),
        ({"patience": 1, "learning_rate": 1.0, "epochs": 99}, lambda m: "has not improved" in m.report.stop_reason),
    ],
)
def test_options_do_what_they_say(options: dict[str, Any], check: Any) -> None:
    assert check(train(frame(), **options))


def test_the_batch_grows_with_the_rows() -> None:
    sizes = [batch_size_for(rows) for rows in (1, 2_000, 2_001, 40_000, 100_001, 10**9)]
    assert sizes == [32, 32, 64, 128, 512, 512]


def test_a_task_with_values_beside_the_table_weights_and_validation_rows() -> None:
    table = frame()
    inputs, income = table.drop("income"), table["income"].to_numpy()
    task = rv.Task("binary", 1, ("low", "high"), ("income",))
    options: dict[str, Any] = {**QUICK, "task": task, "test": 0.0}
    weights = np.where(income == "high", 2.0, 0.5)
    apart = (inputs[:10], income[:10])
    plain = train(inputs, income, validation=apart, **options)
    assert plain.task == task
    assert plain.report.split == {"training": 60, "validation": 10, "test": 0}
    weighted = train(inputs, income, validation=(*apart, weights[:10]), sample_weight=weights, **options)
    assert weighted.probabilities(inputs)[:, 1].mean() > plain.probabilities(inputs)[:, 1].mean()
    assert options_from_dict(TrainOptions(task=task).to_dict()).task == task
    with pytest.raises(InputError, match=r"sample_weight has shape \(59,\)"):
        train(inputs, income, sample_weight=weights[1:], **options)


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_metrics_of_a_regression_are_in_the_units_of_the_target(recipe: str) -> None:
    X = np.random.default_rng(0).normal(size=(60, 2))
    prices = 1e4 + 5e3 * X[:, 0]

    def highest(y_true: Any, y_pred: Any) -> float:
        return float(np.max(y_true))

    stopping = rv.EarlyStopping(3, metric=rv.metric("highest", highest))
    errors = rv.EarlyStopping(3, metric="rmse")
    options: dict[str, Any] = {"recipe": recipe, "epochs": 2, "hidden": (4,), "engine": "reference"}
    model = rv.train(X, prices, callbacks=[stopping, errors], progress=False, **options)
    assert (model.history.highest > 1e4).all()
    assert (model.history.rmse > 10.0).all()
