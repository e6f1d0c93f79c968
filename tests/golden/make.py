"""Writes what every later version must go on reading: models with rows and their answers, and interrupted runs.

    python -m tests.golden.make                 into the folder of this version beside this file
    python -m tests.golden.make --into FOLDER   into another one

A folder that exists is never touched: what a version wrote is written once. Each model is NAME.rv, and NAME.json holds
rows, what the model says of them on each engine, and its answers. Each run is a folder, and its NAME.json what `resume`
needs, and what the run says that was never interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

import ranvier as rv
from tests.golden.stored import arithmetic, to_plain

HERE = Path(__file__).parent
ENGINES = ("native", "reference")
ROWS, INPUTS, ASKED = 64, 4, 6


def rows(seed: int = 0, inputs: int = INPUTS) -> np.ndarray:
    """Eighths (ROWS, inputs), the second half the first with its signs turned: sums and squares are exact."""
    half = np.random.default_rng(seed).integers(-16, 17, (ROWS // 2, inputs)) / 8.0
    return np.concatenate([half, -half])


def targets(kind: str) -> np.ndarray:
    """Targets that can be learned from `rows`, of every kind."""
    X = rows()
    score = X[:, 0] - 2.0 * X[:, 1] + X[:, 2] * X[:, 3]
    labels = {
        "binary": (score > 0).astype(np.int64),
        "words": np.where(score > 0, "high", "low"),
        "truth": score > 0,
        "multiclass": (score > -2).astype(np.int64) + (score > 2),
        "multilabel": np.stack([score > 0, X[:, 0] > 0, X[:, 1] > X[:, 2]], axis=1).astype(np.int64),
        "regression": score,
        "two numbers": np.stack([score, X[:, 0] - X[:, 3]], axis=1),
        "rate": np.floor(np.abs(score)),
    }
    return labels[kind]


HEADS: dict[str, tuple[int, str]] = {
    "binary": (1, "sigmoid"),
    "words": (1, "sigmoid"),
    "truth": (2, "softmax"),
    "multiclass": (3, "softmax"),
    "multilabel": (3, "sigmoid"),
    "regression": (1, "identity"),
    "two numbers": (2, "identity"),
    "rate": (1, "exponential"),
}


def fitted(layers: list[Any], kind: str = "multiclass", X: Any = None, **options: Any) -> tuple[Any, Any]:
    """A small network of hidden layers and the output layer of a kind of target, and rows to ask it about."""
    X = rows() if X is None else X
    network = rv.Network(inputs=X.shape[1], layers=[*layers, rv.Dense(*HEADS[kind])])
    settings: dict[str, Any] = {"epochs": 2, "batch_size": 16, "seed": 5, **options}
    return network.fit(X, targets(kind), progress=False, **settings), X[:ASKED]


def hidden() -> list[Any]:
    """One hidden layer."""
    return [rv.Dense(5, "tanh")]


def sparse_rows() -> Any:
    """A CSR matrix (ROWS, 12), an eighth of it filled."""
    from scipy.sparse import csr_matrix

    random = np.random.default_rng(3)
    return csr_matrix(np.where(random.integers(0, 8, (ROWS, 12)) == 0, random.integers(1, 9, (ROWS, 12)) / 4.0, 0.0))


def pixels(*shape: int) -> np.ndarray:
    """Bytes (ROWS, *shape)."""
    return np.random.default_rng(4).integers(0, 256, (ROWS, *shape)).astype(np.uint8)


def table(kind: str, length: int = ROWS) -> tuple[dict[str, list[Any]], str]:
    """Columns of every kind with missing cells and a target, as a dictionary, and the target's name."""
    random = np.random.default_rng(11)
    age, amount = random.integers(18, 80, length).astype(float), random.integers(0, 4000, length) / 16.0
    shop, member, day = (random.integers(0, many, length) for many in (4, 2, 700))
    is_missing = random.integers(0, 12, (5, length)) == 0
    names = np.array(["north", "south", "east", "a longer name"])

    def cells(column: int, values: Any) -> list[Any]:
        return [None if missing else value for missing, value in zip(is_missing[column], values, strict=True)]

    score = age / 20.0 + amount / 60.0 * (shop % 2) - 2.0 * member + day / 300.0
    goals = {
        "words": np.where(score > 4.0, "high", "low"),
        "multiclass": np.array(["low", "middle", "high"])[(score > 3.0).astype(int) + (score > 5.0)],
        "regression": score,
    }
    columns = {
        "age": cells(0, age.tolist()),
        "amount": cells(1, amount.tolist()),
        "shop": cells(2, names[shop].tolist()),
        "member": cells(3, np.array(["no", "yes"])[member].tolist()),
        "day": cells(4, [str(np.datetime64("2023-01-01") + int(days)) for days in day]),
        "goal": goals[kind].tolist(),
    }
    return columns, "goal"


def of_table(kind: str, length: int = ROWS, only: tuple[str, ...] = (), **options: Any) -> tuple[Any, Any]:
    """A model of the table, or of some of its columns, and rows to ask it about, with words that it has never seen."""
    columns, target = table(kind, length)
    columns = {name: cells for name, cells in columns.items() if not only or name in (*only, target)}
    settings: dict[str, Any] = {"recipe": "plain", "epochs": 3, "hidden": (4,), "seed": 5, "progress": False, **options}
    model = rv.train(columns, target=target, **settings)
    new_rows = {name: cells[:ASKED] for name, cells in columns.items() if name != target}
    if "shop" in new_rows:
        new_rows["shop"] = ["elsewhere", *new_rows["shop"][1:]]
    return model, new_rows


def of_arrays(X: np.ndarray, **options: Any) -> tuple[Any, Any]:
    """A model that `train` makes of an array with an encoder of its own, and rows to ask it about."""
    settings: dict[str, Any] = {"recipe": "plain", "epochs": 3, "hidden": (4,), "seed": 5, "progress": False, **options}
    return rv.train(X, targets("multiclass"), **settings), X[:ASKED]


def heavy(parameter: Any, gradient: Any, learning_rate: Any, m: Any) -> tuple[Any, Any]:
    """An update rule of one's own, with memory."""
    return parameter - learning_rate * m, 0.9 * m + gradient


LAYERS: dict[str, Callable[[], list[Any]]] = {
    "dense": hidden,
    "dense-options": lambda: [
        rv.Dense(6, "relu", bias=False, l1=0.001, l2=0.01, initializer="lecun_normal"),
        rv.Dense(6, "relu", initializer=rv.initializer("orthogonal", gain=0.5)),
    ],
    "groups": lambda: [rv.Dense(6, "relu"), rv.Dense(6, "tanh", groups=3)],
    "dropout": lambda: [rv.Dense(6, "relu"), rv.Dropout(0.25)],
    "layer-norm": lambda: [rv.Dense(6, "relu"), rv.LayerNorm(1e-4)],
    "batch-norm": lambda: [rv.Dense(6), rv.BatchNorm(0.8, 1e-4), rv.Dense(5, "relu")],
    "scale": lambda: [rv.LearnedScale(), rv.Dense(5, "silu")],
    "rescale": lambda: [rv.Rescale(0.1), rv.Dense(5, "relu")],
    "residual": lambda: [rv.Dense(5), rv.Residual([rv.LayerNorm(), rv.Residual([rv.Dense(5, "gelu")])])],
}
BUILT_IN = (
    *("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus"),
    *("softsign", "hard_sigmoid", "hard_tanh", "relu6", "exponential"),
)
LOSSES: dict[str, tuple[str, Callable[[], Any]]] = {
    "squared_error": ("two numbers", lambda: rv.loss("squared_error")),
    "absolute_error": ("regression", lambda: rv.loss("absolute_error")),
    "huber": ("regression", lambda: rv.loss("huber", delta=0.5)),
    "log_cosh": ("regression", lambda: rv.loss("log_cosh")),
    "quantile": ("regression", lambda: rv.loss("quantile", q=0.9)),
    "poisson": ("rate", lambda: rv.loss("poisson")),
    "binary_cross_entropy": ("multilabel", lambda: rv.loss("binary_cross_entropy", label_smoothing=0.1)),
    "categorical_cross_entropy": ("multiclass", lambda: rv.loss("categorical_cross_entropy", label_smoothing=0.1)),
    "focal": ("multiclass", lambda: rv.loss("focal", gamma=1.5)),
    "binary_focal": ("binary", lambda: rv.loss("binary_focal")),
    "own": ("regression", lambda: rv.loss("own", lambda output, target: rv.softplus(rv.absolute(output - target)))),
}
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: rv.SGD(0.05, momentum=0.9, nesterov=True, clip_value=0.5),
    "adagrad": rv.Adagrad,
    "adadelta": rv.Adadelta,
    "rmsprop": rv.RMSprop,
    "adam": lambda: rv.Adam(0.01, clip_norm=0.5, ema_decay=0.9),
    "adamw": rv.AdamW,
    "nadam": rv.NAdam,
    "adamax": rv.Adamax,
    "amsgrad": rv.AMSGrad,
    "lion": rv.Lion,
    "lbfgs": rv.LBFGS,
    "own": lambda: rv.optimizer("own", heavy, {"m": 0.0}, learning_rate=0.05),
}
SCHEDULES: dict[str, Callable[[], Any]] = {
    "step": lambda: rv.StepDecay(step_epochs=2, decay_factor=0.5),
    "exponential": lambda: rv.ExponentialDecay(0.8),
    "polynomial": lambda: rv.PolynomialDecay(power=2.0),
    "cosine": rv.CosineDecay,
    "cosine_restarts": lambda: rv.CosineWarmRestarts(first_cycle_epochs=2),
    "one_cycle": rv.OneCycle,
    "warm_up": lambda: rv.Warmup(1, rv.CosineDecay()),
    "reduce_on_plateau": lambda: rv.ReduceOnPlateau(patience=1),
}
STOPPING: dict[str, Any] = {"epochs": 6, "validation": 0.25}
SMALL: dict[str, Any] = {"recipe": "table", "length": 220, "epochs": 3, "hidden": (4,)}
MODELS: dict[str, Callable[[], tuple[Any, Any]]] = {
    **{f"layer-{name}": lambda make=make: fitted(make()) for name, make in LAYERS.items()},
    "activation-all": lambda: fitted([rv.Dense(3, name) for name in BUILT_IN]),
    "activation-options": lambda: fitted(
        [rv.Dense(4, rv.activation("elu", alpha=0.5)), rv.Dense(4, rv.activation("leaky_relu", slope=0.2))]
    ),
    "activation-own": lambda: fitted([rv.Dense(4, rv.activation("own", lambda x: x * rv.sigmoid(1.5 * x)))]),
    **{f"loss-{n}": lambda k=k, make=make: fitted(hidden(), k, loss=make()) for n, (k, make) in LOSSES.items()},
    **{f"optimizer-{n}": lambda make=make: fitted(hidden(), optimizer=make()) for n, make in OPTIMIZERS.items()},
    **{
        f"schedule-{n}": lambda make=make: fitted(hidden(), schedule=make(), **STOPPING)
        for n, make in SCHEDULES.items()
    },
    **{f"target-{kind}": lambda kind=kind: fitted(hidden(), kind) for kind in HEADS},
    "early-stopping": lambda: fitted(hidden(), callbacks=[rv.EarlyStopping(patience=1)], **STOPPING),
    "weights": lambda: fitted(hidden(), sample_weight=np.arange(1.0, ROWS + 1), class_weight={0: 2.0}),
    "float64": lambda: fitted(hidden(), precision="float64"),
    "bfloat16": lambda: fitted(hidden(), precision="bfloat16"),
    "bytes": lambda: fitted(hidden(), X=pixels(INPUTS)),
    "sparse": lambda: fitted(hidden(), X=sparse_rows()),
    "encoder-array": lambda: of_arrays(rows()),
    "encoder-array-missing": lambda: of_arrays(np.where(rows() > 1.5, np.nan, rows())),
    "encoder-bytes": lambda: of_arrays(pixels(3, 3)),
    **{
        f"encoder-{name}": lambda name=name: of_table("words", only=(name,))
        for name in ("age", "shop", "member", "day")
    },
    "table-two-classes": lambda: of_table("words"),
    "table-classes": lambda: of_table("multiclass", class_weight="balanced"),
    "table-numbers": lambda: of_table("regression"),
    "recipe-fast": lambda: of_table("words", effort="fast", **SMALL),
    "recipe-default": lambda: of_table("multiclass", effort="default", **SMALL),
    "recipe-default-numbers": lambda: of_table("regression", effort="default", **SMALL),
    "recipe-best": lambda: of_table("multiclass", effort="best", **{**SMALL, "epochs": 2, "hidden": (2,)}),
}

RUN: dict[str, Any] = {"epochs": 12, "hidden": (4,), "batch_size": 8, "seed": 5, "progress": False}
RUN |= {"recipe": "plain", "test": 0.0}
RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "first-epoch": {"kind": "multiclass", "stop_after": 1},
    "classes": {"kind": "multiclass", "class_weight": "balanced", "schedule": rv.ReduceOnPlateau(patience=0)},
    "numbers": {"kind": "regression", "optimizer": rv.Adam(0.01, ema_decay=0.9), "schedule": "one_cycle"},
    "own": {
        "kind": "regression",
        "optimizer": rv.optimizer("own", heavy, {"m": 0.0}, learning_rate=0.02),
        "activation": rv.activation("own", lambda x: x * rv.sigmoid(1.5 * x)),
        "loss": rv.loss("own", lambda output, target: rv.softplus(rv.absolute(output - target))),
    },
    "lbfgs": {"optimizer": "lbfgs", "schedule": "constant", "dropout": 0.0},
    "finished": {"stop_after": None},
    "recipe": {"recipe": "table", "effort": "default", "kind": "multiclass", "length": 120, "stop_after": 16},
    "recipe-second": {"recipe": "table", "effort": "default", "kind": "regression", "length": 120, "stop_after": 40},
}


def interrupted_run(folder: Path, data: Path, **train_options: Any) -> tuple[Any, dict[str, Any]]:
    """Train for a while, press Ctrl-C, and give the model of a run that nobody interrupts.

    The run then says that its data are in the current folder, under no folder of this machine.

    Parameters:
        folder: of the run.
        data: a CSV file, which is written here.
    """
    import polars as pl

    kind, length, stop_after = (
        train_options.pop(n, d) for n, d in (("kind", "words"), ("length", ROWS), ("stop_after", 5))
    )
    columns, target = table(kind, length)
    pl.DataFrame(columns).write_csv(data)
    left = [stop_after]

    def watch(event: Any) -> None:
        """Every epoch counts, and of an epoch each of its parts that is told of."""
        if left[0] is not None and event.kind in ("progress", "epoch"):
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGINT)

    options = {**RUN, **train_options}
    first = rv.train(data, target=target, run=folder, **{**options, "progress": watch})
    uninterrupted = rv.train(data, target=target, **options) if stop_after is not None else first
    (folder / "lock").unlink(missing_ok=True)
    for name in ("run.json", "events.jsonl"):
        written = (folder / name).read_text()
        (folder / name).write_text(written.replace(f"{data.parent.resolve()}/", "").replace(f"{data.parent}/", ""))
    new_rows = {name: cells[:ASKED] for name, cells in columns.items() if name != target}
    return uninterrupted, new_rows


def answers(path: Path, X: Any, environment: Any) -> dict[str, Any]:
    """What a stored model says: outputs on each engine, and answers."""
    outputs = {}
    for engine in ENGINES:
        environment["RANVIER_ENGINE"] = engine
        model = rv.load(path)
        outputs[engine] = to_plain(model.outputs(X))
    return {"X": to_plain(X), "outputs": outputs, "predictions": to_plain(model.predict(X))}


def write(folder: Path, models: Iterable[str] = MODELS, runs: Iterable[str] = RUNS) -> None:
    """Write models and runs into a folder that is not there yet; all, unless their names are given."""
    environment, before = os.environ, os.environ.get("RANVIER_ENGINE")
    (folder / "models").mkdir(parents=True)
    (folder / "runs").mkdir()
    for name in models:
        environment["RANVIER_ENGINE"] = "native"
        model, X = MODELS[name]()
        path = folder / "models" / f"{name}.rv"
        model.save(path)
        path.with_suffix(".json").write_text(json.dumps(answers(path, X, environment)) + "\n")
    for engine in ENGINES:
        for name in runs:
            environment["RANVIER_ENGINE"] = engine
            run, scratch = folder / "runs" / f"{engine}-{name}", folder / "scratch.rv"
            uninterrupted, X = interrupted_run(run, run.with_suffix(".csv"), **RUNS[name])
            uninterrupted.save(scratch)
            expected = answers(scratch, X, environment)
            run.with_suffix(".json").write_text(json.dumps({**expected, "engine": engine}) + "\n")
            scratch.unlink()
    environment.pop("RANVIER_ENGINE")
    environment.update({} if before is None else {"RANVIER_ENGINE": before})
    machine = {"numpy": np.__version__, "processor": platform.machine(), "arithmetic": arithmetic()}
    (folder / "machine.json").write_text(json.dumps(machine) + "\n")


def main(arguments: list[str]) -> int:
    """Write the files of this version; 2 where there are some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=HERE / rv.__version__, metavar="FOLDER")
    folder = parser.parse_args(arguments).into
    if folder.exists():
        sys.stderr.write(f'"{folder}" is there already; what a version wrote is written once.\n')
        return 2
    try:
        write(folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
