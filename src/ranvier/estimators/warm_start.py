"""What a second `fit` of an estimator with warm_start can change, and what it refuses to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ranvier.errors import InputError
from ranvier.model.model import Model
from ranvier.network.losses import loss as find_loss
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.schedules import schedule as find_schedule
from ranvier.scalars import plain_scalar
from ranvier.training.callbacks import Callback, EarlyStopping, EarlyStoppingFromStart

FIXED = ("hidden", "activation", "dropout", "recipe", "effort", "kinds")
"""Parameters that the network was made by; the others may change from one `fit` to the next."""
SETTINGS = ("batch_size", "engine", "precision", "threads")
OPTIMIZER_FIELDS = ("learning_rate", "weight_decay", "clip_norm")
PATIENCE_FRACTION = 7


def fixed_parameters(estimator: Any) -> dict[str, Any]:
    """The parameters of an estimator that the network is made by."""
    return {name: getattr(estimator, name) for name in FIXED}


def check_fixed(estimator: Any, before: dict[str, Any]) -> None:
    """Raise an `InputError` where a parameter differs that the trained network was made by.

    >>> class Changed:
    ...     hidden = (8,)
    >>> check_fixed(Changed(), {"hidden": [8]})
    """
    for name, value in before.items():
        now = getattr(estimator, name)
        if now is not value and _plain(now) != _plain(value):
            raise InputError(
                f"{name} is {now!r}, and the network to go on with was made with {value!r}. Set it back, or make a new "
                f"{type(estimator).__name__}; warm_start=False trains from the start."
            )


def changed_settings(estimator: Any, model: Model) -> dict[str, Any]:
    """The settings for `Model.fit` that an estimator's parameters ask for; what is None stays as it was."""
    training = model.training
    settings = {name: getattr(estimator, name) for name in SETTINGS}
    settings["loss"] = None if estimator.loss is None else find_loss(estimator.loss)
    settings["schedule"] = None if estimator.schedule is None else find_schedule(estimator.schedule)
    fields = {name: getattr(estimator, name) for name in OPTIMIZER_FIELDS if getattr(estimator, name) is not None}
    if estimator.optimizer is not None:
        settings["optimizer"] = find_optimizer(estimator.optimizer, **fields)
    elif fields:
        settings["optimizer"] = replace(training.optimizer, **fields)
    return settings


def stopping(estimator: Any, epochs: int, validated: bool) -> tuple[Callback, ...]:
    """Early stopping for another `fit`, on the validation loss where there are validation rows.

    The weights of the `fit` before are kept where no epoch makes that loss smaller.
    """
    patience = max(epochs // PATIENCE_FRACTION, 1) if estimator.patience is None else estimator.patience
    return (EarlyStoppingFromStart(patience) if validated else EarlyStopping(patience, "loss"),)


def _plain(value: Any) -> Any:
    """Sequences and numbers in one form, so that [16] equals (16,)."""
    value = plain_scalar(value)
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        return tuple(value)
    return (value,) if isinstance(value, int) else value
