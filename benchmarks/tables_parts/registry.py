"""All methods by name, and how each is run."""

from __future__ import annotations

from dataclasses import dataclass

from . import methods, tuned
from .methods import Fit
from .ours import EFFORTS, ranvier


@dataclass(frozen=True, slots=True)
class Method:
    """How a method is run.

    Fields: `name`; `fit`, from a problem to a function that predicts: making the model and fitting it is what is timed,
    reading and splitting is not; `packages` whose versions matter; `imports`, modules that are loaded before the clock
    runs; `most_rows`, it is run only on so many training rows, because more take too long; `ours`, it is Ranvier;
    `searched`, it is no method with defaults: compared only with `best`, on the sets on which it was run.
    """

    name: str
    fit: Fit
    packages: tuple[str, ...]
    imports: tuple[str, ...]
    most_rows: int | None = None
    ours: bool = False
    searched: bool = False


SKLEARN = ("sklearn.pipeline", "sklearn.compose", "sklearn.neural_network", "sklearn.ensemble")
BOOSTED = ("lightgbm", "catboost")
THREE = (methods.catboost, methods.lightgbm, methods.realmlp)
METHODS = {
    method.name: method
    for method in (
        Method("baseline", methods.baseline, (), ()),
        Method("sklearn-mlp", methods.sklearn_mlp, ("scikit-learn",), SKLEARN),
        Method("histgb", methods.histgb, ("scikit-learn",), SKLEARN),
        Method("xgboost", methods.xgboost, ("xgboost", "xgboost-cpu"), ("xgboost",)),
        Method("lightgbm", methods.lightgbm, ("lightgbm",), ("lightgbm",)),
        Method("catboost", methods.catboost, ("catboost",), ("catboost",)),
        *(
            Method(name, ranvier(effort), ("ranvier", "llvmlite"), ("ranvier.model.train",), ours=True)
            for name, effort in EFFORTS.items()
        ),
        Method("realmlp-td", methods.realmlp, ("pytabkit", "torch"), ("pytabkit", "torch")),
        Method("tabm-d", methods.tabm, ("pytabkit", "torch"), ("pytabkit", "torch"), most_rows=1_500),
        *(
            Method(f"{name}-tuned", tuned.tuned(name), (name, "optuna"), (name, "optuna"), searched=True)
            for name in BOOSTED
        ),
        Method("mean-of-three", tuned.mean_of(*THREE), (*BOOSTED, "pytabkit", "torch"), BOOSTED, searched=True),
    )
}
