"""The trainings: each a name and a function without arguments that returns a trained model and rows to predict.

What is in it is data: a renamed class or option changes one place.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

import ranvier as rv

ENGINES = ("native", "reference")
ROWS, INPUTS = 90, 6
Case = Callable[[], tuple[Any, Any]]


def rows(seed: int = 0) -> np.ndarray:
    """Numbers (ROWS, INPUTS), the same everywhere: only sums and products of whole random numbers."""
    return np.random.default_rng(seed).integers(-1000, 1001, (ROWS, INPUTS)) / 256.0


def targets(kind: str) -> np.ndarray:
    """Targets that can be learned from `rows`."""
    X = rows()
    score = X[:, 0] - 2.0 * X[:, 1] + X[:, 2] * X[:, 3] / 4.0
    labels = {
        "binary": (score > 0).astype(np.int64),
        "multiclass": (score > -3).astype(np.int64) + (score > 3),
        "multilabel": np.stack([score > 0, X[:, 4] > 0, X[:, 5] > X[:, 0]], axis=1).astype(np.int64),
        "regression": score,
        "two numbers": np.stack([score, X[:, 4] - X[:, 5]], axis=1),
        "rate": np.floor(np.abs(score)),
    }
    return labels[kind]


HEADS: dict[str, Callable[[], Any]] = {
    "binary": lambda: rv.Dense(1, "sigmoid"),
    "multiclass": lambda: rv.Dense(3, "softmax"),
    "multilabel": lambda: rv.Dense(3, "sigmoid"),
    "regression": lambda: rv.Dense(1),
    "two numbers": lambda: rv.Dense(2),
    "rate": lambda: rv.Dense(1, "exponential"),
}


def fitted(layers: list[Any], kind: str, engine: str, *, X: Any = None, more: int = 0, **options: Any) -> Any:
    """A network of hidden layers and the output layer of a kind of target, trained on `rows`."""
    X = rows() / 4.0 if X is None else X
    settings: dict[str, Any] = {"epochs": 3, "batch_size": 16, "seed": 7, **options}
    network = rv.Network(inputs=X.shape[1], layers=[*layers, HEADS[kind]()])
    model = network.fit(X, targets(kind), engine=engine, progress=False, **settings)
    if more:
        model = model.fit(X, targets(kind), epochs=more, progress=False)
    return model, X


def small(activation: Any = "tanh") -> list[Any]:
    """One hidden layer."""
    return [rv.Dense(12, activation)]


HIDDEN: dict[str, Callable[[], list[Any]]] = {
    "no hidden layer": list,
    "two dense": lambda: [rv.Dense(20, "relu"), rv.Dense(9, "tanh")],
    "no bias": lambda: [rv.Dense(12, "relu", bias=False)],
    "penalties": lambda: [rv.Dense(12, "relu", l1=1e-3, l2=1e-2)],
    "groups": lambda: [rv.Dense(12, "relu"), rv.Dense(12, "tanh", groups=3)],
    "dropout": lambda: [rv.Dense(24, "relu"), rv.Dropout(0.3)],
    "dropout of the inputs": lambda: [rv.Dropout(0.2), rv.Dense(12, "relu")],
    "layer norm": lambda: [rv.Dense(12, "relu"), rv.LayerNorm()],
    "batch norm": lambda: [rv.Dense(12), rv.BatchNorm(), rv.Dense(8, "relu")],
    "scale": lambda: [rv.LearnedScale(), rv.LearnedScale(), rv.Dense(12, "silu")],
    "residual": lambda: [rv.Dense(10, "relu"), rv.Residual([rv.LayerNorm(), rv.Dense(14, "gelu"), rv.Dense(10)])],
    "everything": lambda: [
        rv.LearnedScale(),
        rv.Dense(16, "relu", l2=1e-3),
        rv.BatchNorm(0.8),
        rv.Residual([rv.Dense(16, "tanh", groups=2), rv.Dropout(0.1), rv.Residual([rv.Dense(16, "silu")])]),
        rv.LayerNorm(),
    ],
    "wide": lambda: [rv.Dense(300, "relu"), rv.Dense(130, "tanh")],
}
ACTIVATIONS = (
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "softsign",
    "hard_sigmoid",
    "hard_tanh",
    "relu6",
    "exponential",
)
INITIALIZERS = (
    "normal",
    "uniform",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "zeros",
    "constant",
)
LOSSES: dict[str, tuple[str, Callable[[], Any]]] = {
    "squared_error": ("two numbers", lambda: rv.loss("squared_error")),
    "absolute_error": ("regression", lambda: rv.loss("absolute_error")),
    "huber": ("two numbers", lambda: rv.loss("huber", delta=0.5)),
    "log_cosh": ("regression", lambda: rv.loss("log_cosh")),
    "quantile": ("regression", lambda: rv.loss("quantile", q=0.9)),
    "poisson": ("rate", lambda: rv.loss("poisson")),
    "binary_cross_entropy": ("multilabel", lambda: rv.loss("binary_cross_entropy", label_smoothing=0.1)),
    "categorical_cross_entropy": ("multiclass", lambda: rv.loss("categorical_cross_entropy", label_smoothing=0.1)),
    "focal": ("multiclass", lambda: rv.loss("focal")),
    "binary_focal": ("binary", lambda: rv.loss("binary_focal")),
    "own": ("regression", lambda: rv.loss("own", lambda output, target: rv.softplus(rv.absolute(output - target)))),
}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: rv.SGD(0.05),
    "momentum": lambda: rv.SGD(0.05, momentum=0.9),
    "nesterov": lambda: rv.SGD(0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda: rv.Adagrad(0.05),
    "adadelta": rv.Adadelta,
    "rmsprop": lambda: rv.RMSprop(0.01),
    "adam": lambda: rv.Adam(0.01),
    "adamw": lambda: rv.AdamW(0.01, weight_decay=0.1),
    "nadam": lambda: rv.NAdam(0.01),
    "adamax": lambda: rv.Adamax(0.01),
    "amsgrad": lambda: rv.AMSGrad(0.01),
    "lion": lambda: rv.Lion(0.001),
    "lbfgs": rv.LBFGS,
    "clip_norm": lambda: rv.Adam(0.01, clip_norm=0.5),
    "clip_value": lambda: rv.SGD(0.05, clip_value=0.01),
    "average": lambda: rv.Adam(0.01, ema_decay=0.9),
    "own": lambda: rv.optimizer(
        "own",
        lambda parameter, gradient, learning_rate, m: (parameter - learning_rate * m, 0.9 * m + gradient),
        {"m": 0.0},
        learning_rate=0.05,
    ),
}
SCHEDULES: dict[str, Callable[[], Any]] = {
    "step": lambda: rv.StepDecay(step_epochs=2, decay_factor=0.5),
    "exponential": lambda: rv.ExponentialDecay(0.8),
    "polynomial": lambda: rv.PolynomialDecay(power=2.0),
    "cosine": rv.CosineDecay,
    "cosine_restarts": lambda: rv.CosineWarmRestarts(first_cycle_epochs=2),
    "one_cycle": rv.OneCycle,
    "warm_up": lambda: rv.Warmup(1, rv.CosineDecay()),
    "reduce_on_plateau": lambda: rv.ReduceOnPlateau(patience=0, threshold=0.5),
}


def sparse_rows() -> Any:
    """A CSR matrix (ROWS, 40) with some tenth of its entries."""
    from scipy.sparse import csr_matrix

    random = np.random.default_rng(3)
    dense = np.where(random.integers(0, 10, (ROWS, 40)) == 0, random.integers(1, 9, (ROWS, 40)) / 4.0, 0.0)
    return csr_matrix(dense)


def pixels() -> np.ndarray:
    """Bytes (ROWS, INPUTS)."""
    return np.clip(rows() * 32.0 + 128.0, 0, 255).astype(np.uint8)


RUNS: dict[str, Callable[[str], Any]] = {
    "binary": lambda engine: fitted(small(), "binary", engine),
    "multiclass": lambda engine: fitted(small(), "multiclass", engine),
    "multilabel": lambda engine: fitted(small(), "multilabel", engine),
    "regression": lambda engine: fitted(small(), "regression", engine),
    "two numbers": lambda engine: fitted(small(), "two numbers", engine),
    "float64": lambda engine: fitted(small("silu"), "multiclass", engine, precision="float64"),
    "bfloat16": lambda engine: fitted(small("silu"), "multiclass", engine, precision="bfloat16"),
    "bytes": lambda engine: fitted([rv.Rescale(1 / 255), *small("relu")], "multiclass", engine, X=pixels()),
    "float32 rows": lambda engine: fitted(small("relu"), "multiclass", engine, X=rows().astype(np.float32)),
    "sparse": lambda engine: fitted(small("relu"), "multiclass", engine, X=sparse_rows()),
    "sparse, adam": lambda engine: fitted(small(), "binary", engine, X=sparse_rows(), optimizer="adam"),
    "sparse, sgd": lambda engine: fitted(small(), "regression", engine, X=sparse_rows(), optimizer="sgd"),
    "sparse, groups": lambda engine: fitted(
        [rv.Dense(12, "relu"), rv.Dense(12, "relu", groups=3)], "multiclass", engine, X=sparse_rows()
    ),
    "sample weights": lambda engine: fitted(
        small(), "multiclass", engine, sample_weight=np.arange(1.0, ROWS + 1.0) / 16.0
    ),
    "class weights": lambda engine: fitted(small(), "multiclass", engine, class_weight="balanced"),
    "validation": lambda engine: fitted(
        small(), "multiclass", engine, epochs=8, validation=0.25, callbacks=[rv.EarlyStopping(patience=2)]
    ),
    "no shuffling": lambda engine: fitted(small(), "multiclass", engine, shuffle=False),
    "batches of one": lambda engine: fitted(small(), "multiclass", engine, batch_size=1),
    "full batch": lambda engine: fitted(small(), "multiclass", engine, batch_size=ROWS),
    "continued": lambda engine: fitted(small(), "multiclass", engine, more=2),
    "continued, batch norm": lambda engine: fitted(
        HIDDEN["batch norm"](), "regression", engine, more=2, optimizer=rv.Adam(0.01, ema_decay=0.9)
    ),
    "own activation": lambda engine: fitted(
        small(rv.activation("own", lambda x: x * rv.sigmoid(1.5 * x))), "multiclass", engine
    ),
    "elu with alpha": lambda engine: fitted(small(rv.activation("elu", alpha=0.5)), "multiclass", engine),
}


def table(rows_: int = 160) -> tuple[dict[str, list[Any]], dict[str, np.ndarray]]:
    """A table of numbers, categories, booleans and dates with missing cells, and three targets for it."""
    random = np.random.default_rng(11)
    age = random.integers(18, 80, rows_).astype(float)
    amount = random.integers(0, 4000, rows_) / 16.0
    shop = random.integers(0, 4, rows_)
    member = random.integers(0, 2, rows_)
    day = random.integers(0, 700, rows_)
    missing = random.integers(0, 12, (5, rows_)) == 0
    names = ("north", "south", "east", "a much longer name")
    columns = {
        "age": [None if g else v for g, v in zip(missing[0], age.tolist(), strict=True)],
        "amount": [None if g else v for g, v in zip(missing[1], amount.tolist(), strict=True)],
        "shop": [None if g else names[v] for g, v in zip(missing[2], shop.tolist(), strict=True)],
        "member": [None if g else ("no", "yes")[v] for g, v in zip(missing[3], member.tolist(), strict=True)],
        "day": [
            None if g else str(np.datetime64("2023-01-01") + int(v))
            for g, v in zip(missing[4], day.tolist(), strict=True)
        ],
    }
    score = age / 20.0 + amount / 60.0 * (shop % 2) - 2.0 * member + day / 300.0
    goals = {
        "binary": np.where(score > 4.0, "high", "low"),
        "multiclass": np.array(["low", "middle", "high"])[(score > 3.0).astype(int) + (score > 5.0)],
        "regression": score,
    }
    return columns, goals


def frame(kind: str) -> tuple[Any, Any]:
    """The table as a polars frame with its target, and without."""
    import polars as pl

    columns, goals = table()
    full_table = pl.DataFrame(columns).with_columns(pl.Series("goal", goals[kind]))
    return full_table, full_table.drop("goal")


def named(name: str, **options: Any) -> tuple[Any, Any]:
    """A model of one of the sets that scikit-learn brings along, and its rows."""
    from sklearn import datasets

    X = getattr(datasets, f"load_{name}")(return_X_y=True)[0]
    model = rv.train(name, progress=False, seed=3, **options)
    return model, X if model.encoder is None else dict(zip(names_of(name), X.T, strict=True))


def names_of(name: str) -> list[str]:
    """The names of the columns of a named set, as scikit-learn gives them."""
    from sklearn import datasets

    return list(map(str, getattr(datasets, f"load_{name}")().feature_names))


def of_table(kind: str, **options: Any) -> tuple[Any, Any]:
    """A model of the generated table, and its rows."""
    full_table, without = frame(kind)
    return rv.train(full_table, target="goal", progress=False, seed=3, **options), without


def estimated(estimator: Any, kind: str, X: Any = None, **options: Any) -> tuple[Any, Any]:
    """An estimator fitted on the generated table, or on other rows."""
    columns, goals = table()
    if X is None:
        return estimator.fit(columns, goals[kind], **options).model_, columns
    return estimator.fit(X, targets(kind), **options).model_, X


def in_parts(estimator: Any, kind: str, **first: Any) -> tuple[Any, Any]:
    """An estimator that was given its rows in three parts."""
    X, y = rows(), targets(kind)
    for start in range(0, ROWS, 30):
        options = first if start == 0 else {}
        estimator.partial_fit(X[start : start + 30], y[start : start + 30], **options)
    return estimator.model_, X


PLAIN: dict[str, Any] = {"recipe": "plain", "epochs": 12, "hidden": (16, 8), "batch_size": 16}
FAST: dict[str, Any] = {"recipe": "table", "effort": "fast"}
DEFAULT: dict[str, Any] = {"recipe": "table", "effort": "default"}
TRAIN: dict[str, Case] = {
    "iris, plain": lambda: named("iris", **{**PLAIN, "epochs": 30}),
    "wine, plain": lambda: named("wine", **PLAIN),
    "diabetes, plain": lambda: named("diabetes", **PLAIN),
    "digits, plain": lambda: named("digits", **{**PLAIN, "epochs": 4, "hidden": (32,)}),
    "iris, fast": lambda: named("iris", **FAST),
    "wine, fast": lambda: named("wine", **FAST),
    "diabetes, fast": lambda: named("diabetes", **FAST),
    "digits, fast": lambda: named("digits", **FAST),
    "iris, default": lambda: named("iris", **DEFAULT),
    "wine, default": lambda: named("wine", **DEFAULT),
    "diabetes, default": lambda: named("diabetes", **DEFAULT),
    "table of two classes, plain": lambda: of_table("binary", **PLAIN),
    "table of classes, plain": lambda: of_table("multiclass", class_weight="balanced", **PLAIN),
    "table of numbers, plain": lambda: of_table("regression", optimizer=rv.Adam(0.01, clip_norm=1.0), **PLAIN),
    "table of two classes, fast": lambda: of_table("binary", **FAST),
    "table of classes, fast": lambda: of_table("multiclass", class_weight="balanced", **FAST),
    "table of numbers, fast": lambda: of_table("regression", **FAST),
    "table of classes, default": lambda: of_table("multiclass", **DEFAULT),
    "table of numbers, default": lambda: of_table("regression", **DEFAULT),
    "table of numbers, reference": lambda: of_table("regression", engine="reference", **PLAIN),
    "classifier": lambda: estimated(rv.Classifier(effort="fast", random_state=0), "binary"),
    "classifier, weights": lambda: estimated(
        rv.Classifier(effort="fast", random_state=0), "multiclass", sample_weight=np.arange(160) % 3 + 0.5
    ),
    "classifier, plain": lambda: estimated(
        rv.Classifier((16,), recipe="plain", epochs=10, random_state=0), "multiclass", rows()
    ),
    "classifier, multilabel": lambda: estimated(
        rv.Classifier((16,), recipe="plain", epochs=10, random_state=0), "multilabel", rows()
    ),
    "classifier, sparse": lambda: estimated(
        rv.Classifier((16,), epochs=10, random_state=0), "multiclass", sparse_rows()
    ),
    "classifier, in parts": lambda: in_parts(rv.Classifier((16,), random_state=0), "multiclass", classes=[0, 1, 2]),
    "regressor": lambda: estimated(rv.Regressor(effort="fast", random_state=0), "regression"),
    "regressor, plain": lambda: estimated(
        rv.Regressor((16,), recipe="plain", epochs=10, random_state=0), "two numbers", rows()
    ),
    "regressor, in parts": lambda: in_parts(rv.Regressor((16,), random_state=0), "regression"),
}


def cases() -> dict[str, Case]:
    """Every training by name."""
    by_name: dict[str, Case] = {}
    for engine in ENGINES:
        for name, hidden in HIDDEN.items():
            by_name[f"{engine}: layers: {name}"] = lambda e=engine, h=hidden: fitted(h(), "multiclass", e)
        for name in ACTIVATIONS:
            by_name[f"{engine}: activation: {name}"] = lambda e=engine, n=name: fitted(small(n), "regression", e)
        for name in INITIALIZERS:
            layer = functools.partial(rv.Dense, 12, "relu", initializer=name)
            by_name[f"{engine}: initializer: {name}"] = lambda e=engine, f=layer: fitted([f()], "binary", e)
        for name, (kind, make) in LOSSES.items():
            by_name[f"{engine}: loss: {name}"] = lambda e=engine, k=kind, m=make: fitted(small(), k, e, loss=m())
        for name, make in OPTIMIZERS.items():
            by_name[f"{engine}: optimizer: {name}"] = lambda e=engine, m=make: fitted(
                small(), "multiclass", e, optimizer=m()
            )
        for name, make in SCHEDULES.items():
            by_name[f"{engine}: schedule: {name}"] = lambda e=engine, m=make: fitted(
                small(), "multiclass", e, schedule=m(), epochs=6, validation=0.2
            )
        for name, run in RUNS.items():
            by_name[f"{engine}: {name}"] = lambda e=engine, r=run: r(e)
    return by_name | {f"train: {name}": case for name, case in TRAIN.items()}
