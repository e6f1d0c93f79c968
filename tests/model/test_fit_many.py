"""Networks trained side by side: each has the bits of a fit of its own, and a wrong trial is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.model import population
from ranvier.training import open_training
from tests.training.trial import timeless

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.array(["a", "b", "c"])[(X.sum(1) > 0).astype(int) + (X[:, 0] > 1)]
WEIGHTS = RNG.uniform(0.5, 2.0, size=60)
NETWORK = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), rv.Dropout(0.2), rv.Dense(3, "softmax")])
OTHER = rv.Network(inputs=3, layers=[rv.Dense(7, "relu"), rv.Dense(3, "softmax")])
SHARE = np.float32(0.3)
FOLD = np.arange(60) % 3 != 0
SETTINGS: dict[str, Any] = {"epochs": 4, "batch_size": 8}
TRIALS: list[dict[str, Any]] = [
    {"seed": 1},
    {"seed": 2, "optimizer": rv.SGD(0.1, momentum=0.9), "epochs": 2},
    {"optimizer": rv.Adam(0.01, weight_decay=0.1), "schedule": "cosine", "class_weight": "balanced"},
    {"network": OTHER, "loss": rv.loss("categorical_cross_entropy", label_smoothing=0.1)},
    {"callbacks": [rv.EarlyStopping(patience=1)], "validation": 0.2, "epochs": 6},
    {"callbacks": [lambda context: None], "epochs": 3},
    {"optimizer": rv.LBFGS(), "epochs": 2, "network": OTHER},
    {"shuffle": False, "batch_size": 60, "metrics": ["training_accuracy"]},
    {"sample_weight": WEIGHTS, "validation": (X[:9], Y[:9])},
    {"seed": 1, "validation": SHARE},
    {"seed": 2, "validation": SHARE},
]


def same_bits(first: rv.Model, second: rv.Model) -> bool:
    pairs = zip(first.parameters.items(), second.parameters.items(), strict=True)
    return all(a == b and np.array_equal(x, y) for (a, x), (b, y) in pairs) and (
        np.array_equal(first.history.loss, second.history.loss)
    )


@pytest.mark.parametrize("engine", ["auto", "reference"])
@pytest.mark.parametrize("threads", [1, 2])
def test_each_trial_has_the_bits_of_a_fit_of_its_own(engine: str, threads: int) -> None:
    models = rv.fit_many(NETWORK, X, Y, trials=TRIALS, threads=threads, engine=engine, **SETTINGS)
    assert len(models) == len(TRIALS)
    for model, trial in zip(models, TRIALS, strict=True):
        options = {**SETTINGS, **trial}
        alone = options.pop("network", NETWORK).fit(X, Y, engine=engine, **options)
        assert same_bits(model, alone)
        assert model.predict(X[:5]).tolist() == alone.predict(X[:5]).tolist()
    assert not same_bits(models[0], rv.fit_many(NETWORK, X, Y, trials=[{"seed": 3}], **SETTINGS)[0])


def test_trials_that_differ_in_hyper_parameters_share_their_code(monkeypatch: pytest.MonkeyPatch) -> None:
    llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
    from ranvier.native import compiled

    compiled.clear_memoized()
    loaded: list[str] = []
    load = llvm.load_objects

    def counted(images: Any, name: str) -> Any:
        loaded.append(name)
        return load(images, name)

    monkeypatch.setattr(llvm, "load_objects", counted)
    trials = []
    for fraction in (0.1, 0.2, 0.3, 0.4, 0.5):
        layers = [rv.Dense(5, "tanh", l2=fraction), rv.Dropout(fraction), rv.Dense(3, "softmax")]
        loss = rv.loss("categorical_cross_entropy", label_smoothing=fraction)
        optimizer = rv.AdamW(fraction, beta1=fraction, beta2=1 - fraction, weight_decay=fraction, clip_norm=fraction)
        trials.append({"network": rv.Network(3, layers), "loss": loss, "optimizer": optimizer})
    rv.fit_many(NETWORK, X, Y, trials=trials, engine="native", validation=0.2, threads=2, **SETTINGS)
    assert loaded.count("train plan") == 1
    assert loaded.count("predict plan") == 1


@pytest.mark.parametrize("form", ["indices", "booleans"])
def test_a_trial_learns_from_its_rows_with_their_weights(form: str) -> None:
    index = np.flatnonzero(FOLD)
    rows, held = (index, np.flatnonzero(~FOLD)) if form == "indices" else (FOLD, ~FOLD)
    trials = [{"rows": rows, "validation_rows": held}]
    (model,) = rv.fit_many(NETWORK, X, Y, trials=trials, sample_weight=WEIGHTS, **SETTINGS)
    alone = NETWORK.fit(
        X[index],
        Y[index],
        sample_weight=WEIGHTS[index],
        validation=(X[~FOLD], Y[~FOLD], WEIGHTS[~FOLD]),
        **SETTINGS,
    )
    assert same_bits(model, alone)
    assert np.array_equal(model.history.validation_loss, alone.history.validation_loss)


def test_trials_of_the_same_rows_share_them(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = population.encoded_rows
    monkeypatch.setattr(population, "encoded_rows", lambda *args: encoded.append(1) or encode(*args))
    folds = [{"rows": FOLD, "validation_rows": ~FOLD}, {"rows": ~FOLD, "validation_rows": FOLD}]
    trials = [{"seed": seed, **fold} for seed in range(3) for fold in folds]
    models = rv.fit_many(NETWORK, X, Y, trials=trials, threads=1, **SETTINGS)
    assert len(encoded) == 2
    assert same_bits(models[5], rv.fit_many(NETWORK, X, Y, trials=trials[5:], **SETTINGS)[0])
    fractions = [{"validation": 0.2, "seed": seed} for seed in (0, 1, 0)]
    models = rv.fit_many(NETWORK, X, Y, trials=fractions, threads=1, **SETTINGS)
    assert len(encoded) == 5
    assert not np.array_equal(models[0].history.validation_loss, models[1].history.validation_loss)


def test_rows_are_measured_once_each_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []
    nbytes = population._nbytes
    monkeypatch.setattr(population, "_nbytes", lambda parts: measured.append(1) or nbytes(parts))
    monkeypatch.setattr(population, "MAX_SHARED_BYTES", 5 * 60 * 24)
    trials = [{"validation": 0.2, "seed": seed} for seed in range(30)]
    models = rv.fit_many(NETWORK, X, Y, trials=trials, threads=1, **SETTINGS)
    assert 30 < len(measured) < 60
    assert same_bits(models[29], NETWORK.fit(X, Y, validation=0.2, seed=29, **SETTINGS))


PLAIN: list[dict[str, Any]] = [
    {"seed": 1},
    {"seed": 2, "optimizer": rv.Adam(0.1), "schedule": "cosine", "epochs": 3},
    {"seed": 3, "optimizer": rv.Adam(0.1, ema_decay=0.9), "shuffle": False},
    {"optimizer": rv.SGD(0.1, momentum=0.9, weight_decay=0.1), "batch_size": 60},
    {"sample_weight": WEIGHTS},
    {"rows": FOLD, "sample_weight": WEIGHTS, "class_weight": "balanced"},
    {"schedule": rv.schedule("reduce_on_plateau")},
    {"optimizer": rv.LBFGS(), "epochs": 2},
    {"start": OTHER.fit(X, Y, epochs=1, progress=False)},
    {"network": rv.Network(3, [rv.Dense(4, "relu"), rv.BatchNorm(), rv.Dense(3, "softmax")])},
]


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_trainings_that_nobody_looks_at_share_executables_and_keep_their_bits(engine: str, precision: str) -> None:
    trials, options = [*PLAIN, *PLAIN[:6]], {**SETTINGS, "engine": engine, "precision": precision}
    models = rv.fit_many(OTHER, X, Y, trials=trials, threads=1, **options)
    for model, trial in zip(models, trials, strict=True):
        settings = {**options, **trial}
        network, rows = settings.pop("network", OTHER), settings.pop("rows", np.ones(60, bool))
        if "sample_weight" in settings:
            settings["sample_weight"] = WEIGHTS[rows]
        alone = network.fit(X[rows], Y[rows], **settings)
        assert same_bits(model, alone)
        assert timeless(model.history) == timeless(alone.history)
        states = model.training_state, alone.training_state
        arrays = [{name: array.tobytes() for name, array in state.arrays().items()} for state in states if state]
        plain = [{k: v for k, v in state.to_dict().items() if k != "history"} for state in states if state]
        assert arrays[0] == arrays[1]
        assert plain[0] == plain[1]


def test_they_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    compile_network = open_training.compile_network
    monkeypatch.setattr(open_training, "compile_network", lambda *of: opened.append(1) or compile_network(*of))
    trials = [{"seed": seed, "optimizer": rv.Adam(0.01 * (seed + 1))} for seed in range(9)]
    rv.fit_many(OTHER, X, Y, trials=trials, threads=1, **SETTINGS)
    assert len(opened) == 1


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_one_of_them_that_diverges_is_named_with_its_own_rate(engine: str) -> None:
    network = rv.Network(3, [rv.Dense(4, "relu"), rv.Dense(1)])
    trials = [{"optimizer": rv.SGD(rate)} for rate in (0.01, 1e6)]
    expected = (
        r"Trial 1: The loss became (nan|inf) near step \d+. Try a smaller learning rate \(100000 instead of 1e\+06\)"
    )
    with pytest.raises(rv.TrainingError, match=expected):
        rv.fit_many(network, X, X[:, 0], trials=trials, engine=engine, threads=1, epochs=50)
    with pytest.raises(rv.TrainingError, match="Trial 0: Inputs reach 1e\\+30: scale them"):
        rv.fit_many(network, 1e30 * X.clip(-1, 1), X[:, 0], trials=trials, engine=engine, threads=1, epochs=2)


def test_more_trials_than_draw_their_weights_together() -> None:
    trials = [{"seed": seed % 50, "epochs": 1, "network": NETWORK if seed % 3 else OTHER} for seed in range(120)]
    models = rv.fit_many(NETWORK, X, Y, trials=trials, batch_size=60)
    for number in (0, 31, 95, 96, 119):
        seed, network = trials[number]["seed"], trials[number]["network"]
        assert same_bits(models[number], network.fit(X, Y, seed=seed, epochs=1, batch_size=60))  # type: ignore[attr-defined]


def test_classes_are_those_of_all_rows() -> None:
    (model,) = rv.fit_many(NETWORK, X, Y, trials=[{"rows": np.flatnonzero(Y != "c")}], **SETTINGS)
    assert model.probabilities(X).shape == (60, 3)


@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers_are_learned_too(outputs: int) -> None:
    network = rv.Network(inputs=3, layers=[rv.Dense(4, "tanh"), rv.Dense(outputs)])
    y = X[:, :outputs]
    models = rv.fit_many(network, X, y, trials=[{"seed": 0}, {"seed": 1}], **SETTINGS)
    assert same_bits(models[1], network.fit(X, y, seed=1, **SETTINGS))


def test_a_checkpoint_folder_goes_on_where_it_stopped(tmp_path: Path) -> None:
    trials = [{"seed": 0}, {"seed": 1}]
    rv.fit_many(NETWORK, X, Y, trials=trials, checkpoint=tmp_path, epochs=2, batch_size=8)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trial-0", "trial-1"]
    longer = rv.fit_many(NETWORK, X, Y, trials=trials, checkpoint=tmp_path, **SETTINGS)
    assert all(
        same_bits(a, b) for a, b in zip(longer, rv.fit_many(NETWORK, X, Y, trials=trials, **SETTINGS), strict=True)
    )


def test_progress_counts_the_networks() -> None:
    epochs: list[tuple[int, int]] = []
    rv.fit_many(NETWORK, X, Y, trials=TRIALS[:2], progress=lambda event: epochs.append((event.done, event.total)))
    assert epochs == [(0, 2), (1, 2), (2, 2)]


def test_after_ctrl_c_each_model_is_the_one_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import signal

    def interrupt(context: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    trials = [{"callbacks": [interrupt], "epochs": 500}, *({"seed": seed} for seed in range(20))]
    with pytest.warns(UserWarning, match=r"Interrupted: \d+ networks of 21 had not begun"):
        models = rv.fit_many(NETWORK, X, Y, trials=trials, threads=1, **SETTINGS)
    assert len(models) == 21
    assert len(models[0].history) < 500
    assert len(models[-1].history) == 0
    assert len(models[-1].predict(X)) == 60


WRONG: list[tuple[Any, str]] = [
    ([], "trials is '\\[\\]'; it must be a list of dictionaries"),
    ({"seed": 1}, "must be a list of dictionaries of options, one for each network"),
    ([1], "Trial 0 is '1'; it must be a dictionary"),
    ([{}, {"seed": -1}], "Trial 1: The seed is -1"),
    ([{}, {"sed": 1}], 'Trial 1 has the option "sed". Did you mean "seed"'),
    ([{"threads": 2}], 'Trial 0 sets "threads", which all trials have in common'),
    ([{"epochs": 0}], "Trial 0: "),
    ([{}, {"network": rv.Network(inputs=2, layers=[rv.Dense(3, "softmax")])}], "Trial 1: its network has 2 inputs"),
    ([{"rows": [0, 60]}], "Trial 0: rows holds 60, and the indices of the rows of X go from 0 to 59"),
    ([{"rows": [-1]}], "Trial 0: rows holds -1"),
    ([{"rows": [0.5]}], "Trial 0: rows is an array of float64"),
    ([{"rows": []}], "Trial 0: rows is an array"),
    ([{"validation": 0.1, "validation_rows": [1]}], "Trial 0 sets validation and validation_rows"),
    ([{"optimizer": "adm"}], 'Trial 0: There is no optimizer "adm"'),
]


@pytest.mark.parametrize(("trials", "sentence"), WRONG, ids=[f"case {number}" for number in range(len(WRONG))])
def test_a_wrong_trial_is_named(trials: Any, sentence: str) -> None:
    with pytest.raises(rv.InputError, match=sentence):
        rv.fit_many(NETWORK, X, Y, trials=trials)


def test_a_trial_that_diverges_is_named() -> None:
    trials = [{}, {"optimizer": rv.SGD(1e30)}, {}]
    with pytest.raises(rv.TrainingError, match=r"^Trial 1: "):
        rv.fit_many(rv.Network(inputs=3, layers=[rv.Dense(1)]), X, X[:, 0] * 1e3, trials=trials, epochs=50)
