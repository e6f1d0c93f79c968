"""Boosted trees with hyper-parameters that a search chose, and a mean of three methods: what people do for the last
per cent.

Optuna's TPE tries 50 settings of CatBoost or LightGBM. Each is trained on four fifths of the training rows, with early
stopping on the other fifth, whose log loss or RMSE judges it. The best one is trained on all training rows, for as many
trees as were best.

Search spaces: after Gorishniy, Rubachev, Khrulkov, Babenko, "Revisiting deep learning models for tabular data",
NeurIPS 2021, appendix F, at most 2,000 trees.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import methods, scores
from .sets import Frame, SplitTable

Array = NDArray[Any]
Settings = dict[str, Any]
TRIALS, VALIDATION, MAX_TREES, PATIENCE = 50, 0.2, 2_000, 50


@dataclass(frozen=True, slots=True)
class Searched:
    """How one library is searched.

    Fields: `space`, from a trial to settings; `fit`, from a problem, settings and validation rows, or None, to a model;
    `inputs`, what its models predict from; `trees`, how many trees of a model were best.
    """

    space: Callable[[Any], Settings]
    fit: Callable[[SplitTable, Settings, Frame | None], Any]
    inputs: Callable[[SplitTable, Frame], Frame]
    trees: Callable[[Any], int]


def catboost_space(trial: Any) -> Settings:
    """Settings of CatBoost."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-2, 0.3, log=True),
        "depth": trial.suggest_int("depth", 3, 8),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1.0, 10.0, log=True),
        "bagging_temperature": trial.suggest_float("bagging_temperature", 0.0, 1.0),
        "leaf_estimation_iterations": trial.suggest_int("leaf_estimation_iterations", 1, 10),
    }


def lightgbm_space(trial: Any) -> Settings:
    """Settings of LightGBM."""
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-2, 0.3, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 7, 127, log=True),
        "min_child_samples": trial.suggest_int("min_child_samples", 5, 100, log=True),
        "subsample": trial.suggest_float("subsample", 0.5, 1.0),
        "subsample_freq": 1,
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.5, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 1e-3, 10.0, log=True),
    }


def fit_catboost(problem: SplitTable, settings: Settings, validation: Frame | None) -> Any:
    """CatBoost with these settings; with validation rows it keeps the best number of trees."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    make = CatBoostClassifier if problem.classification else CatBoostRegressor
    usual = {"n_estimators": MAX_TREES, "random_seed": problem.seed, "thread_count": problem.threads}
    model = make(**(usual | settings), cat_features=problem.categorical, allow_writing_files=False, verbose=False)
    fitting: Settings = {}
    if validation is not None:
        pair = (methods.with_text(problem, validation), target_of(problem, validation))
        fitting = {"eval_set": pair, "early_stopping_rounds": PATIENCE}
    return model.fit(methods.with_text(problem, problem.train), target_of(problem, problem.train), **fitting)


def fit_lightgbm(problem: SplitTable, settings: Settings, validation: Frame | None) -> Any:
    """LightGBM with these settings; with validation rows it keeps the best number of trees."""
    from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping

    make = LGBMClassifier if problem.classification else LGBMRegressor
    usual = {"n_estimators": MAX_TREES, "random_state": problem.seed, "n_jobs": problem.threads, "verbosity": -1}
    fitting: Settings = {}
    if validation is not None:
        pair = (methods.with_categories(problem, validation), target_of(problem, validation))
        fitting = {"eval_set": [pair], "callbacks": [early_stopping(PATIENCE, verbose=False)]}
    model = make(**(usual | settings))
    return model.fit(methods.with_categories(problem, problem.train), target_of(problem, problem.train), **fitting)


SEARCHED = {
    "catboost": Searched(catboost_space, fit_catboost, methods.with_text, lambda model: model.tree_count_),
    "lightgbm": Searched(
        lightgbm_space, fit_lightgbm, methods.with_categories, lambda model: max(int(model.best_iteration_), 1)
    ),
}


def target_of(problem: SplitTable, frame: Frame) -> Array:
    """Class numbers, or values."""
    target = frame[problem.table.target]
    if not problem.classification:
        return np.asarray(target.to_numpy(np.float64))
    index = {label: number for number, label in enumerate(problem.classes)}
    return np.asarray(target.map(index).to_numpy(np.int64))


def predictions(problem: SplitTable, library: Searched, model: Any, frame: Frame) -> Array:
    """Probabilities (n, classes), or numbers (n,)."""
    inputs = library.inputs(problem, frame)
    values = model.predict_proba(inputs) if problem.classification else model.predict(inputs)
    return np.asarray(values, np.float64)


def error(problem: SplitTable, predicted: Array, frame: Frame) -> float:
    """The log loss, or the RMSE."""
    target = frame[problem.table.target]
    if problem.classification:
        return float(scores.of_classes(predicted, target.tolist(), problem.classes)["log_loss"])
    return float(scores.of_numbers(predicted, target.to_numpy(np.float64))["rmse"])


def tuned(name: str) -> methods.Fit:
    """The method that searches a library."""

    def fit(problem: SplitTable) -> Callable[[Frame], Array]:
        import optuna
        from sklearn.model_selection import train_test_split

        library = SEARCHED[name]
        classes = problem.train[problem.table.target] if problem.classification else None
        parts = train_test_split(problem.train, test_size=VALIDATION, random_state=problem.seed, stratify=classes)
        learned, validation = (part.reset_index(drop=True) for part in parts)
        fewer = replace(problem, train=learned)

        def objective(trial: Any) -> float:
            model = library.fit(fewer, library.space(trial), validation)
            trial.set_user_attr("trees", library.trees(model))
            return error(problem, predictions(problem, library, model, validation), validation)

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=problem.seed))
        study.optimize(objective, n_trials=TRIALS)
        settings = library.space(study.best_trial) | {"n_estimators": study.best_trial.user_attrs["trees"]}
        model = library.fit(problem, settings, None)
        return lambda frame: predictions(problem, library, model, frame)

    return fit


def mean_of(*fits: methods.Fit) -> methods.Fit:
    """The method that predicts the mean of what some methods predict."""

    def fit(problem: SplitTable) -> Callable[[Frame], Array]:
        parts = [fit_part(problem) for fit_part in fits]
        return lambda frame: np.mean([predict(frame) for predict in parts], axis=0)

    return fit
