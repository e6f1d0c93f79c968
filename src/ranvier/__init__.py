"""Ranvier: fully connected neural networks, compiled to their exact shape, with the inside of every neuron visible.

The public names, loaded when first used: importing ranvier itself loads next to nothing.
"""

from __future__ import annotations

from importlib import import_module

from ranvier.version import __version__

_EXPORTS = {
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
    "ranvier.network.layers": ("Dense", "Dropout", "LayerNorm", "BatchNorm", "Residual", "LearnedScale"),
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
    "ranvier.training.callbacks": ("Callback", "Decision", "EarlyStopping", "TimeLimit"),
    "ranvier.model.model": ("Model", "load"),
    "ranvier.model.fit": ("fit",),
    "ranvier.model.train": ("train", "resume"),
    "ranvier.estimators.classifier": ("Classifier",),
    "ranvier.estimators.regressor": ("Regressor",),
}
"""Module -> the public names that it defines. `__init__.pyi` tells them to editors and type checkers."""
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "LBFGS",
    "SGD",
    "AMSGrad",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "BatchNorm",
    "Callback",
    "Classifier",
    "ConstantSchedule",
    "CosineDecay",
    "CosineWarmRestarts",
    "DataError",
    "Decision",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "EngineError",
    "ExponentialDecay",
    "Expression",
    "Initializer",
    "InputError",
    "LayerNorm",
    "LearnedScale",
    "Lion",
    "Loss",
    "Model",
    "ModelFileError",
    "NAdam",
    "Network",
    "OneCycle",
    "Optimizer",
    "PolynomialDecay",
    "RMSprop",
    "RanvierError",
    "ReduceOnPlateau",
    "Regressor",
    "Residual",
    "Schedule",
    "ShapeError",
    "StepDecay",
    "Task",
    "TimeLimit",
    "TrainingError",
    "Warmup",
    "__version__",
    "absolute",
    "activation",
    "cos",
    "erf",
    "exp",
    "expm1",
    "fit",
    "initializer",
    "load",
    "log",
    "log1p",
    "loss",
    "maximum",
    "minimum",
    "optimizer",
    "resume",
    "schedule",
    "sigmoid",
    "sign",
    "sin",
    "softplus",
    "sqrt",
    "tanh",
    "train",
    "where",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'ranvier' has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
