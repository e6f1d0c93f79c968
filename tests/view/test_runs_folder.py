"""Runs side by side: what differs, the best value of each, their curves, and the model of one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import ranvier as rv
from ranvier.errors import InputError
from ranvier.storage.run_folder import RunFolder
from ranvier.training.events import event_from_dict
from ranvier.view.live_run import NotYet
from ranvier.view.runs_folder import RunsFolder, differing_settings, thinned
from ranvier.view.safety import new_token
from ranvier.view.server import view_app

TOKEN = new_token()


def write_run(folder: Path, name: str, losses: list[float], accuracies: list[float], **options: Any) -> RunFolder:
    """A run folder as training writes it."""
    run = RunFolder.create(folder / name)
    with run.lock():
        run.write_description({"data": "/there/flowers.csv", "options": {"seed": 0, **options}, "model": None})
        for at, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1):
            values = {"loss": loss, "validation_loss": None, "metrics": {"accuracy": accuracy}, "seconds": 0.5}
            run.append({"kind": "epoch", "epoch": at, **values})
        run.append({"kind": "end", "text": "All epochs are done."})
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two runs by hand, of which one was better in its middle."""
    write_run(tmp_path, "a", [0.5, 0.3, 0.4], [0.7, 0.9, 0.8], hidden=[8])
    write_run(tmp_path, "b", [0.6, math.nan], [0.6, 0.75], hidden=[16])
    (tmp_path / "no run").mkdir()
    return tmp_path


def test_the_best_value_is_not_the_last(folder: Path) -> None:
    table = json.loads(json.dumps(RunsFolder(folder).ask("runs", {}), allow_nan=False))
    first, second = table["runs"]
    assert (first["name"], second["name"]) == ("a", "b")
    assert first["best"]["accuracy"] == {"value": 0.9, "epoch": 2}
    assert first["best"]["loss"] == {"value": 0.3, "epoch": 2}
    assert second["best"]["loss"] == {"value": 0.6, "epoch": 1}
    assert (first["epochs"], first["seconds"], first["state"]) == (3, 1.5, "ended")
    assert table["metrics"] == [{"name": "accuracy", "higher": True}, {"name": "loss", "higher": False}]


def test_epochs_that_a_resumed_run_tells_again_count_once(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "resumed")
    epochs = [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (2, 2), (2, 3), (2, 4)]
    for at, (member, epoch) in enumerate(epochs):
        run.append(
            {"kind": "epoch", "member": member, "epoch": epoch, "loss": float(at), "metrics": {}, "seconds": 1.0}
        )
    run.append({"kind": "epoch", "epoch": "five", "loss": 9.0})
    runs = RunsFolder(tmp_path)
    (row,) = runs.ask("runs", {})["runs"]
    assert (row["epochs"], row["seconds"]) == (6, 6.0)
    curve = runs.ask("curves", {"runs": ["resumed"], "metric": "loss"})["curves"]["resumed"]
    assert curve == {"epoch": [1, 2, 3, 4, 5, 6], "value": [0.0, 1.0, 2.0, 5.0, 6.0, 7.0]}


def test_the_last_epoch_reported_again_counts_once(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "resumed")
    for epoch, loss in ((1, 0.5), (2, 0.4), (2, 0.3)):
        run.append({"kind": "epoch", "epoch": epoch, "loss": loss, "metrics": {}, "seconds": 1.0})
    runs = RunsFolder(tmp_path)
    assert runs.ask("runs", {})["runs"][0]["epochs"] == 2
    assert runs.ask("curves", {"runs": ["resumed"], "metric": "loss"})["curves"]["resumed"]["value"] == [0.5, 0.3]


@pytest.mark.parametrize(("greater", "best"), [(True, 0.4), (False, 0.1), (None, 0.4)])
def test_the_direction_of_an_own_metric_is_that_of_its_run(greater: bool | None, best: float, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run")
    if greater is not None:
        run.append({"kind": "start", "epochs": 3, "greater_is_better": {"money": greater}})
    for epoch, value in enumerate((0.2, 0.4, 0.1), 1):
        run.append({"kind": "epoch", "epoch": epoch, "loss": 1.0, "metrics": {"money": value}, "seconds": 1.0})
    table = RunsFolder(tmp_path).ask("runs", {})
    assert table["metrics"][0] == {"name": "money", "higher": greater is not False}
    assert table["runs"][0]["best"]["money"]["value"] == best


def test_a_run_stores_the_direction_of_an_own_metric(tmp_path: Path) -> None:
    def gap(y_true: Any, y_pred: Any) -> float:
        return float(np.mean(y_true != y_pred))

    network = rv.Network(2, [rv.Dense(2, "softmax")])
    metrics = [rv.metric("gap", gap, greater_is_better=False), "f1"]
    events: list[Any] = []
    X = np.random.default_rng(0).normal(size=(20, 2))
    options: dict[str, Any] = {"metrics": metrics, "epochs": 2, "engine": "reference", "progress": events.append}
    network.fit(X, (X[:, 0] > 0).astype(int), validation=0.5, **options)
    (start,) = (event.to_dict() for event in events if event.kind == "start")
    assert start["greater_is_better"] == {"gap": False}
    assert event_from_dict(json.loads(json.dumps(start))) == next(event for event in events if event.kind == "start")


@pytest.mark.parametrize(
    ("name", "higher"),
    [("calibrated_d2_log_loss", True), ("auc", True), ("brier", False), ("ece", False), ("pinball_loss", False)],
)
def test_a_metric_is_best_where_the_metric_says(name: str, higher: bool, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run")
    for epoch, value in enumerate((0.2, 0.4, 0.1), 1):
        run.append({"kind": "epoch", "member": 1, "epoch": epoch, "loss": 1.0, "metrics": {name: value}})
    table = RunsFolder(tmp_path).ask("runs", {})
    assert {"name": name, "higher": higher} in table["metrics"]
    expected = {"value": 0.4, "epoch": 2} if higher else {"value": 0.1, "epoch": 3}
    assert table["runs"][0]["best"][name] == expected


def test_only_settings_that_differ_are_shown(folder: Path) -> None:
    table = RunsFolder(folder).ask("runs", {})
    assert table["settings"] == ["hidden"]
    assert [run["settings"]["hidden"] for run in table["runs"]] == [[8], [16]]
    assert differing_settings([]) == differing_settings([{"seed": 1}]) == []


def test_a_run_that_goes_on_is_marked_and_followed(folder: Path) -> None:
    runs = RunsFolder(folder)
    runs.ask("runs", {})
    run = write_run(folder, "c", [0.9], [0.1])
    with run.lock():
        run.append({"kind": "epoch", "epoch": 2, "loss": 0.1, "metrics": {"accuracy": 0.99}, "seconds": 1.0})
        table = {entry["name"]: entry for entry in runs.ask("runs", {})["runs"]}
        assert (table["c"]["state"], table["a"]["state"]) == ("training", "ended")
        assert table["c"]["best"]["accuracy"] == {"value": 0.99, "epoch": 2}
        with pytest.raises(NotYet):
            runs.ask("what", {"run": "c"})
        assert runs.live_run("c") is runs.live_run("c")
        assert runs.live_run("a") is None
    runs.close()
    assert {entry["name"]: entry["state"] for entry in runs.ask("runs", {})["runs"]}["c"] == "stopped"


def test_curves_have_gaps_where_there_is_no_number(folder: Path) -> None:
    curves = RunsFolder(folder).ask("curves", {"runs": ["b", "a"], "metric": "loss"})["curves"]
    assert curves["b"] == {"epoch": [1, 2], "value": [0.6, None]}
    assert curves["a"]["value"] == [0.5, 0.3, 0.4]


@pytest.mark.parametrize("name", ["../a", "/etc", "a/../b", "no run", "", 3, ["a"], "a\0"])
def test_a_name_is_looked_up_and_is_no_path(name: Any, folder: Path) -> None:
    runs = RunsFolder(folder)
    with pytest.raises(InputError):
        runs.ask("curves", {"runs": [name], "metric": "loss"})
    with pytest.raises(InputError):
        runs.ask("what", {"run": name})


def test_a_run_opens_its_model(tmp_path: Path) -> None:
    options: dict[str, Any] = {"recipe": "plain", "epochs": 2, "engine": "reference", "progress": False}
    model = rv.train("iris", run=tmp_path / "runs" / "one", model=tmp_path / "iris.rv", hidden=(3,), **options)
    runs = RunsFolder(tmp_path / "runs")
    what = runs.ask("what", {"run": "one"})
    assert (what["parameters"], what["rows"]["count"]) == (model.network.parameter_count, model.report.split["test"])
    assert runs.ask("result", {"run": "one"})["metrics"] == pytest.approx(model.report.metrics)
    with pytest.raises(InputError, match="Say which run"):
        runs.ask("what", {})


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run folders"):
        RunsFolder(tmp_path)


def test_the_endpoints_refuse_and_pass(folder: Path) -> None:
    app = view_app(RunsFolder(folder), TOKEN)
    client = TestClient(app, base_url="http://127.0.0.1:8000", headers={"x-ranvier-token": TOKEN})
    assert client.post("/api/page").json() == {"page": "runs", "name": folder.name}
    assert len(client.post("/api/runs").json()["runs"]) == 2
    assert client.post("/api/runs", headers={"x-ranvier-token": "no"}).status_code == 401
    assert client.post("/api/runs", headers={"origin": "http://evil.example"}).status_code == 403
    assert client.post("/api/curves", json={"runs": ["a"]}).status_code == 422
    assert client.post("/api/curves", json={"runs": ["a"], "metric": "loss"}).status_code == 200
    assert client.post("/api/answer", json={"row": 0}).status_code == 422
    assert client.post("/api/nothing").status_code == 404
    for name in ("watch", "control"):
        assert "does not train" in client.post(f"/api/{name}", json={"run": "a"}).json()["error"]
        assert "no run" in client.post(f"/api/{name}", json={"run": "../a"}).json()["error"]


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=300), st.integers(2, 40))
def test_thinned_curves_keep_their_spikes(values: list[float], count: int) -> None:
    array = np.array(values)
    thin = thinned(array, count)
    assert thin == sorted(set(thin))
    assert len(thin) <= max(count, len(values) if len(values) <= count else 0) + 1
    if np.isfinite(array).any():
        assert np.nanmax(array[thin]) == np.nanmax(array)
        assert np.nanmin(array[thin]) == np.nanmin(array)
