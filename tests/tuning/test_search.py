"""A search: deterministic, resumable to the same result, never worse than the recipe on the validation rows."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.tuning.budget import Budget
from ranvier.tuning.generations import SearchProgress
from ranvier.tuning.search import _code
from ranvier.tuning.study import FILE, LAST_RUNG, Study, Trial
from ranvier.tuning.workload import Workload

optuna = pytest.importorskip("optuna")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
Y = np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")
SPACE: dict[str, Any] = {"hidden": [(4,), (8,)], "learning_rate": (1e-3, 0.1), "epochs": 9}
RECIPE: Any = replace(rv.recipe("table"), epochs=9, min_steps=1, n_networks=1, n_bins=3)  # type: ignore[type-var]
SEARCH: dict[str, Any] = {"space": SPACE, "recipe": RECIPE, "minutes": 10.0, "threads": 1}


LEFT_OUT: dict[str, Any] = dict.fromkeys(("dropout", "learning_rate", "weight_decay", "batch_size"))


def values_of(search: rv.Search) -> list[tuple[Any, ...]]:
    return [(trial.number, dict(trial.options), trial.value, trial.rung) for trial in search.trials]


@pytest.fixture(scope="module")
def once() -> rv.Search:
    return rv.search(X, Y, trials=18, **SEARCH)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, rv.Search]:
    """A search in a folder."""
    folder = tmp_path_factory.mktemp("search")
    return folder, rv.search(X, Y, trials=18, folder=folder, **SEARCH)


def test_generations_are_halved_and_the_recipe_itself_is_a_trial(once: rv.Search) -> None:
    assert len(once.trials) == 1 + 2 * 9
    assert once.trials[0].options == {}
    assert once.trials[0].rung == LAST_RUNG
    for generation in (0, 1):
        rungs = [trial.rung for trial in once.trials[1:] if trial.generation == generation]
        assert sorted(rungs) == [0] * 6 + [1] * 2 + [2]
    for trial in once.trials[1:]:
        assert 1 <= trial.epochs <= (1, 3, 9)[trial.rung]
    assert once.best.value == min(trial.value for trial in once.trials if trial.rung == LAST_RUNG)  # type: ignore[type-var]
    assert once.best.value <= once.trials[0].value  # type: ignore[operator]


def test_the_code_gives_the_same_model(once: rv.Search) -> None:
    again = eval(once.code, {"rv": rv, "data": X, "target": Y, "recipe": RECIPE})
    assert once.model is not None
    for name, values in once.model.parameters.items():
        assert np.array_equal(values, again.parameters[name])


def test_the_code_gives_the_same_model_of_a_recipe_that_adapts_to_its_rows() -> None:
    texts = pl.DataFrame({"text": [f"a {word} day, {word}" for word in ("good", "bad") * 40], "mood": [1, 2] * 40})
    space = {"hidden": [(4,), (8,)], "epochs": 2, **LEFT_OUT}
    search = rv.search(texts, "mood", trials=9, recipe="text", effort="fast", space=space, threads=1)
    again = eval(search.code, {"rv": rv, "data": texts})
    assert search.model is not None
    assert search.model.network == again.network
    for name, values in search.model.parameters.items():
        assert np.array_equal(values, again.parameters[name])


def test_a_list_of_labels_is_searched_like_an_array(once: rv.Search) -> None:
    search = rv.search(X, Y.tolist(), trials=9, **SEARCH)
    assert values_of(search) == values_of(once)[:10]
    assert search.code == once.code


def test_any_number_of_threads_finds_the_same(once: rv.Search) -> None:
    assert values_of(rv.search(X, Y, trials=18, **{**SEARCH, "threads": 2})) == values_of(once)


def test_another_seed_tries_other_settings(once: rv.Search) -> None:
    assert values_of(rv.search(X, Y, trials=9, seed=1, **SEARCH))[1:] != values_of(once)[1:10]


def test_a_search_goes_on_to_the_same_result(tmp_path: Path, once: rv.Search) -> None:
    first = rv.search(X, Y, trials=9, folder=tmp_path, **SEARCH)
    assert values_of(first) == values_of(once)[:10]
    second = rv.search(X, Y, trials=18, folder=tmp_path, **{**SEARCH, "threads": 2})
    assert values_of(second) == values_of(once)
    assert np.array_equal(rv.load(tmp_path / "best.rv").outputs(X), second.model.outputs(X))  # type: ignore[union-attr]
    with pytest.raises(rv.InputError, match="holds a search of other data, options or space"):
        rv.search(X, Y, trials=9, folder=tmp_path, **{**SEARCH, "space": {"dropout": (0.0, 0.2)}})


@pytest.mark.parametrize("lines", [1, 2, 6, 11, 15])
@pytest.mark.parametrize("rest", ["", '{"op_code":4,"work'], ids=["whole lines", "half a line"])
def test_a_search_that_was_killed_while_it_wrote_goes_on_to_the_same_result(
    lines: int, rest: str, tmp_path: Path, written: tuple[Path, rv.Search], once: rv.Search
) -> None:
    shutil.copytree(written[0], tmp_path, dirs_exist_ok=True)
    log = tmp_path / FILE
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:lines]) + rest)
    assert values_of(rv.search(X, Y, trials=18, folder=tmp_path, **SEARCH)) == values_of(once)
    again = rv.search(X, Y, trials=18, folder=tmp_path, **SEARCH)
    assert values_of(again) == values_of(once)
    assert again.code == once.code


def test_two_searches_at_once_in_one_folder_are_refused(tmp_path: Path) -> None:
    from ranvier.storage.lock import locked

    with locked(tmp_path / "lock", "it"), pytest.raises(rv.InputError, match="already writes the search in"):
        rv.search(X, Y, trials=9, folder=tmp_path, **SEARCH)


def test_optunas_own_tools_read_the_file(tmp_path: Path) -> None:
    rv.search(X, Y, trials=9, folder=tmp_path, **SEARCH)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / FILE)))
    study = optuna.load_study(study_name="search", storage=storage)
    states = [trial.state.name for trial in study.trials]
    assert states.count("COMPLETE") == 2
    assert states.count("PRUNED") == 8


def test_a_database_holds_many_searches_which_go_on_there(tmp_path: Path, once: rv.Search) -> None:
    database = tmp_path / "trials.db"
    other = rv.search(X, Y, trials=9, storage=database, seed=1, **SEARCH)
    rv.search(X, Y, trials=9, storage=database, **SEARCH)
    assert values_of(rv.search(X, Y, trials=18, storage=f"sqlite:///{database}", **SEARCH)) == values_of(once)
    assert values_of(rv.search(X, Y, trials=9, storage=database, seed=1, **SEARCH)) == values_of(other)
    summaries = optuna.get_all_study_summaries(f"sqlite:///{database}")
    assert sorted(summary.n_trials for summary in summaries) == [10, 19]


@pytest.mark.parametrize(
    "storage", ["{}/no/such/trials.db", "nosuch://host/trials", "sqlite:///{}/no/trials.db", 3, " "]
)
def test_a_storage_that_cannot_be_opened_is_refused_in_one_sentence(storage: Any, tmp_path: Path) -> None:
    storage = storage.format(tmp_path) if isinstance(storage, str) else storage
    with pytest.raises(rv.InputError, match=r"cannot be kept in|path of an SQLite file") as caught:
        rv.search(X, Y, trials=9, storage=storage, **SEARCH)
    assert "\n" not in str(caught.value)


def test_after_ctrl_c_the_trials_so_far_are_kept(tmp_path: Path, once: rv.Search) -> None:
    reports: list[SearchProgress] = []

    def interrupt(progress: SearchProgress) -> None:
        reports.append(progress)
        if len(reports) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        rv.search(X, Y, trials=18, folder=tmp_path, on_progress=interrupt, **SEARCH)
    assert [len(progress.trials) for progress in reports] == [1, 10]
    assert reports[0].best is not None
    assert values_of(rv.search(X, Y, trials=18, folder=tmp_path, **SEARCH)) == values_of(once)


def test_numbers_are_compared_by_their_rmse() -> None:
    search = rv.search(X, X[:, 0] * 1000, trials=9, **SEARCH)
    assert search.metric == "rmse"
    assert search.to_frame()["rmse"][0] == search.best.value
    assert search.to_dict()["best"]["number"] == search.best.number


def test_settings_that_diverge_are_trials_that_failed() -> None:
    space = {"learning_rate": [1e30, 1e-3], "optimizer": ["sgd"]}
    search = rv.search(X, X[:, 0], trials=9, **{**SEARCH, "space": space})
    failed = [trial for trial in search.trials if trial.value is None]
    assert failed
    assert all(trial.options["learning_rate"] == 1e30 for trial in failed)
    assert search.best.value is not None


def test_a_generation_that_diverges_as_a_whole_ends_with_its_first_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    train = Workload.train

    def diverging(work: Workload, options: Any, rung: int, *rest: Any) -> tuple[float | None, float, int]:
        return train(work, options, rung, *rest) if not options else (None, 0.0, 1)

    monkeypatch.setattr(Workload, "train", diverging)
    search = rv.search(X, Y, trials=18, **SEARCH)
    assert [trial.value is None for trial in search.trials] == [False] + [True] * 18
    assert {trial.rung for trial in search.trials[1:]} == {0}
    assert search.best.options == {}
    assert search.model is not None


def test_where_everything_diverges_the_error_says_so() -> None:
    space = {"learning_rate": [1e30], "optimizer": ["sgd"]}
    with pytest.raises(rv.TrainingError):
        rv.search(X, X[:, 0], trials=18, **{**SEARCH, "space": space, "recipe": replace(RECIPE, learning_rate=1e30)})


RECORDS: dict[str, Any] = {
    "optimizer": [rv.Adam(), rv.AdamW(0.01), "sgd"],
    "activation": [rv.activation("elu", alpha=2.0), "relu", rv.activation("own", lambda x: x * rv.sigmoid(x))],
    "schedule": [rv.CosineDecay(), rv.Warmup(3, rv.StepDecay(2)), None],
    "loss": [rv.loss("binary_cross_entropy", label_smoothing=0.1), "binary_cross_entropy"],
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_are_searched_and_kept(tmp_path: Path, name: str, recwarn: pytest.WarningsRecorder) -> None:
    searched = {**SEARCH, "space": {"hidden": (4,), "epochs": 2, name: RECORDS[name]}}
    first = rv.search(X, Y, trials=9, folder=tmp_path, **searched)
    tried = [trial.options[name] for trial in first.trials[1:]]
    assert all(value in RECORDS[name] for value in tried)
    assert len(set(tried)) > 1
    again = rv.search(X, Y, trials=18, folder=tmp_path, **searched)
    assert values_of(again)[:10] == values_of(first)
    assert json.loads(json.dumps(again.to_dict()))["trials"][1]["options"].keys() == first.trials[1].options.keys()
    assert len(again.to_frame()) == 19
    assert not recwarn.list
    best: Any = first.model
    trained = eval(first.code, {"rv": rv, "data": X, "target": Y, "recipe": RECIPE})
    assert (trained.outputs(X) == best.outputs(X)).all()


def test_records_stand_in_the_code_as_they_are_written_in_python() -> None:
    options: Any = {"optimizer": rv.Adam(0.5), "schedule": rv.Warmup(3, rv.StepDecay(2)), "activation": "relu"}
    options["loss"] = rv.loss("own", lambda output, target: rv.absolute(output - target))
    search = eval(
        _code(X, Y, options),
        {"data": X, "target": Y, "rv": type("Public", (), {**vars(rv), "train": lambda *a, **named: named})},
    )
    for name, value in options.items():
        assert getattr(rv, name)(search[name]) == getattr(rv, name)(value), name


@pytest.mark.parametrize("change", ["a number", "a target", "a weight"])
def test_a_search_does_not_go_on_with_other_data_of_the_same_size(tmp_path: Path, change: str) -> None:
    weights = np.ones(len(X))
    rv.search(X, Y, trials=9, folder=tmp_path, sample_weight=weights, **SEARCH)
    other, labels = X.copy(), Y.copy()
    if change == "a number":
        other[:, 1] *= -1
    elif change == "a target":
        labels = np.where(Y == "yes", "no", "yes")
    else:
        weights[:40] = 2.0
    with pytest.raises(rv.InputError, match="holds a search of other data"):
        rv.search(other, labels, trials=9, folder=tmp_path, sample_weight=weights, **SEARCH)


def test_folders_that_do_not_say_of_which_rows_they_are_go_on(tmp_path: Path, once: rv.Search) -> None:
    rv.search(X, Y, trials=9, folder=tmp_path, **SEARCH)
    path = tmp_path / "search.json"
    described = json.loads(path.read_text())
    del described["data"]
    path.write_text(json.dumps(described, indent=1, sort_keys=True) + "\n")
    assert values_of(rv.search(X, Y, trials=18, folder=tmp_path, **SEARCH)) == values_of(once)


def test_a_time_that_is_over_gives_the_recipe_itself_as_far_as_it_came() -> None:
    search = rv.search(X, Y, **{**SEARCH, "minutes": 1e-6})
    assert search.trials == ()
    assert search.best.options == {}
    assert search.model is not None
    assert len(search.model.history) == 1
    assert search.notes[0].startswith("The time was over before the whole recipe was trained; give more minutes. ")


def test_a_time_that_is_over_within_the_first_generation_leaves_the_trial_of_the_recipe_itself(
    monkeypatch: pytest.MonkeyPatch, once: rv.Search
) -> None:
    train, over, rungs = Workload.train, Budget.over, []

    def began(self: Workload, options: Any, rung: int, threads: int, stop: Any) -> Any:
        if options:
            rungs.append(rung)
            return float("nan"), 0.0, 1
        return train(self, options, rung, threads, stop)

    monkeypatch.setattr(Workload, "train", began)
    monkeypatch.setattr(Budget, "over", lambda self: bool(rungs) or over(self))
    monkeypatch.setattr(Budget, "ended", lambda self: bool(rungs))
    search = rv.search(X, Y, trials=18, **SEARCH)
    assert rungs == [0] * 9
    assert values_of(search) == values_of(once)[:1]
    assert search.best.value == once.trials[0].value
    assert search.model is not None
    assert not search.interrupted


def test_a_space_whose_settings_were_all_tried_ends_the_search() -> None:
    search = rv.search(X, Y, **{**SEARCH, "space": {"hidden": [(2,), (4,)], "epochs": 2, **LEFT_OUT}})
    assert {trial.options["hidden"] for trial in search.trials[1:]} == {(2,), (4,)}
    assert search.notes == ("All settings of the space were tried; the search ended before its time.",)


def test_the_study_learns_from_what_was_tried() -> None:
    space: Any = {"x": rv_range(0.0, 1.0)}
    study = Study(None, space, 0)
    study.tell([Trial(n, {"x": n / 40}, abs(n / 40 - 0.8), LAST_RUNG, 0.1, 1, n // 10) for n in range(40)])
    proposed = [options["x"] for options in study.ask(20)]
    assert abs(float(np.median(proposed)) - 0.8) < 0.2


def rv_range(low: float, high: float) -> Any:
    from ranvier.tuning.space import Range

    return Range(low, high)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"minutes": 0}, "minutes is 0"),
    ({"minutes": True}, "minutes is True"),
    ({"trials": 0}, "trials is 0"),
    ({"trials": 2.5}, "trials is 2.5"),
    ({"space": {"hiden": [(4,)]}}, 'Did you mean "hidden"'),
    ({"effort": "huge"}, "effort"),
    ({"space": {"activation": ["rellu"]}, "trials": 9}, "rellu"),
    ({"space": {"optimizer": ["adam", object()]}}, "optimizer"),
    ({"space": {"dropout": (0.5, 1.5)}}, "1.5"),
    ({"space": {"batch_size": [64, 2.5]}}, "batch_size is 2.5"),
    ({"space": {"hidden": [(64,), ("a",)]}}, "'a'"),
    ({"space": {"learning_rate": [0.1, -1.0]}}, "learning_rate is -1.0"),
    ({"threads": -1}, "threads is -1"),
    ({"threads": 0}, "threads is 0"),
]


@pytest.mark.parametrize(("options", "sentence"), WRONG, ids=[f"case {number}" for number in range(len(WRONG))])
def test_a_wrong_argument_is_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(rv.InputError, match=sentence):
        rv.search(X, Y, **{**SEARCH, **options})


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(rv.InputError, match=r"pip install 'ranvier\[search\]'"):
        rv.search(X, Y, trials=9, **SEARCH)
