"""The methods of others, each with the defaults of its makers.

A method is a function of a problem that fits and returns `predict(frame)`, which gives probabilities (n, classes) in
the order of `problem.classes`, or numbers (n,).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sets import Frame, SplitTable

Array = NDArray[Any]
Fit = Callable[[SplitTable], Callable[[Frame], Array]]
MISSING = "(missing)"


def baseline(problem: SplitTable) -> Callable[[Frame], Array]:
    """The shares of the classes, or the mean."""
    target = problem.train[problem.table.target]
    if problem.classification:
        fractions = target.value_counts(normalize=True)
        row = np.array([fractions[label] for label in problem.classes])
        return lambda frame: np.tile(row, (len(frame), 1))
    mean = float(target.mean())
    return lambda frame: np.full(len(frame), mean)


def sklearn_mlp(problem: SplitTable, options: dict[str, Any] | None = None) -> Callable[[Frame], Array]:
    """scikit-learn's MLP the way its users write it: missing cells filled, scaled, one-hot, early stopping.

    Parameters:
        problem: what is learned.
        options: of the MLP, that differ from its defaults.
    """
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    words = problem.categorical
    numbers = [name for name in problem.columns if name not in words]
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words),
        ]
    )
    settings = {"early_stopping": True, "random_state": problem.seed, **(options or {})}
    if problem.classification:
        return _learned(problem, make_pipeline(columns, MLPClassifier(**settings)), with_text)
    scaled = TransformedTargetRegressor(MLPRegressor(**settings), transformer=StandardScaler())
    return _learned(problem, make_pipeline(columns, scaled), with_text)


def histgb(problem: SplitTable) -> Callable[[Frame], Array]:
    """scikit-learn's boosted trees on histograms."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    make = HistGradientBoostingClassifier if problem.classification else HistGradientBoostingRegressor
    return _learned(problem, make(random_state=problem.seed), with_categories)


def xgboost(problem: SplitTable) -> Callable[[Frame], Array]:
    """XGBoost, told that columns of words are categories."""
    from xgboost import XGBClassifier, XGBRegressor

    make = XGBClassifier if problem.classification else XGBRegressor
    model = make(random_state=problem.seed, n_jobs=problem.threads, enable_categorical=True)
    return _learned(problem, model, with_categories)


def lightgbm(problem: SplitTable) -> Callable[[Frame], Array]:
    """LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    make = LGBMClassifier if problem.classification else LGBMRegressor
    model = make(random_state=problem.seed, n_jobs=problem.threads, verbosity=-1)
    return _learned(problem, model, with_categories)


def catboost(problem: SplitTable) -> Callable[[Frame], Array]:
    """CatBoost, told which columns are categories."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    make = CatBoostClassifier if problem.classification else CatBoostRegressor
    settings = {"random_seed": problem.seed, "thread_count": problem.threads, "verbose": False}
    model = make(cat_features=problem.categorical, allow_writing_files=False, **settings)
    return _learned(problem, model, with_text)


def realmlp(problem: SplitTable) -> Callable[[Frame], Array]:
    """pytabkit's RealMLP with tuned defaults on torch's CPU; it refuses missing numbers, so they are filled."""
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    make = RealMLP_TD_Classifier if problem.classification else RealMLP_TD_Regressor
    return _pytabkit(problem, make)


def tabm(problem: SplitTable) -> Callable[[Frame], Array]:
    """pytabkit's TabM with its defaults on torch's CPU."""
    from pytabkit import TabM_D_Classifier, TabM_D_Regressor

    return _pytabkit(problem, TabM_D_Classifier if problem.classification else TabM_D_Regressor)


def _pytabkit(problem: SplitTable, make: Any) -> Callable[[Frame], Array]:
    import torch

    torch.set_num_threads(problem.threads)
    words = problem.categorical
    numbers = [name for name in problem.columns if name not in words]
    medians = problem.train[numbers].median()

    def prepare(problem: SplitTable, frame: Frame) -> Frame:
        inputs = with_text(problem, frame)
        inputs[numbers] = inputs[numbers].fillna(medians).astype("float64")
        return inputs

    settings = {"random_state": problem.seed, "device": "cpu", "n_threads": problem.threads}
    return _learned(problem, make(**settings), prepare, cat_col_names=words)


def _learned(
    problem: SplitTable, model: Any, prepare: Callable[[SplitTable, Frame], Frame], **fitting: Any
) -> Callable[[Frame], Array]:
    """Fit a model of scikit-learn's kind on class numbers or values, and give what predicts."""
    inputs, target = prepare(problem, problem.train), problem.train[problem.table.target]
    if not problem.classification:
        model.fit(inputs, target.to_numpy(np.float64), **fitting)
        return lambda frame: np.asarray(model.predict(prepare(problem, frame)), np.float64).reshape(-1)
    index = {label: number for number, label in enumerate(problem.classes)}
    model.fit(inputs, target.map(index).to_numpy(np.int64), **fitting)
    if list(model.classes_) != list(range(len(index))):
        raise ValueError(f"The model names the classes {list(model.classes_)}, not 0 to {len(index) - 1}.")
    return lambda frame: np.asarray(model.predict_proba(prepare(problem, frame)), np.float64)


def with_text(problem: SplitTable, frame: Frame) -> Frame:
    """The known columns; a missing word is a word of its own."""
    inputs = frame[problem.columns].copy()
    for name in problem.categorical:
        inputs[name] = inputs[name].astype(object).where(inputs[name].notna(), MISSING).astype(str).astype(object)
    return inputs


def with_categories(problem: SplitTable, frame: Frame) -> Frame:
    """The known columns; words become categories, those of the training rows."""
    import pandas

    inputs = frame[problem.columns].copy()
    for name in problem.categorical:
        train_values = sorted(problem.train[name].dropna().unique().tolist())
        values = inputs[name].astype(object).where(inputs[name].isin(train_values), None)
        inputs[name] = pandas.Categorical(values, categories=train_values)
    return inputs
