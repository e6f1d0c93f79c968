"""Ranvier: fully connected neural networks, compiled to their exact shape, with the inside of every neuron visible.

The public names, loaded when first used: importing ranvier itself loads next to nothing.
"""

from __future__ import annotations

from importlib import import_module

from ranvier.version import __version__

# Type checkers know this name. `typing` is not imported, since the command catches Ctrl-C only after these imports.
TYPE_CHECKING = False

_HOMES = {
    "ranvier.errors": (
        "RanvierError",
        "InputError",
        "DataError",
        "ShapeError",
        "ModelFileError",
        "EngineError",
        "TrainingError",
    ),
    "ranvier.expression": (
        "Expression",
        "exp",
        "expm1",
        "log",
        "log1p",
        "tanh",
        "sigmoid",
        "erf",
        "sqrt",
        "sin",
        "cos",
        "absolute",
        "minimum",
        "maximum",
        "where",
        "sign",
        "softplus",
    ),
    "ranvier.network.network": ("Network",),
    "ranvier.network.task": ("Task",),
    "ranvier.network.layers": ("Dense", "Dropout", "LayerNorm", "BatchNorm", "Residual", "Scale"),
    "ranvier.network.activations": ("Activation", "activation"),
    "ranvier.network.losses": ("Loss", "loss"),
    "ranvier.network.initializers": ("Initializer", "initializer"),
    "ranvier.network.optimizers": (
        "Optimizer",
        "optimizer",
        "SGD",
        "Adagrad",
        "Adadelta",
        "RMSprop",
        "Adam",
        "AdamW",
        "NAdam",
        "Adamax",
        "AMSGrad",
        "Lion",
        "LBFGS",
    ),
    "ranvier.network.schedules": (
        "Schedule",
        "schedule",
        "ConstantSchedule",
        "StepDecay",
        "ExponentialDecay",
        "CosineDecay",
        "CosineWarmRestarts",
        "OneCycle",
        "Warmup",
        "PolynomialDecay",
        "ReduceOnPlateau",
    ),
    "ranvier.training.callbacks": ("Callback", "CallbackResult", "EarlyStopping", "EpochContext", "TimeLimit"),
    "ranvier.training.epoch_metrics": ("Metric", "metric"),
    "ranvier.training.history": ("Epoch", "History"),
    "ranvier.model.model": ("Model", "load"),
    "ranvier.model.fit": ("fit",),
    "ranvier.model.train": ("train", "resume"),
    "ranvier.estimators.classifier": ("Classifier",),
    "ranvier.estimators.regressor": ("Regressor",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604

if TYPE_CHECKING:
    from typing import Any

    from ranvier.model.fit import fit as fit


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ranvier' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
