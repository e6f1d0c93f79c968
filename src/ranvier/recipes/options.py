"""TrainOptions: what a call of `train` asks for, as a frozen record of plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ranvier.errors import InputError
from ranvier.network.activations import Activation
from ranvier.network.losses import Loss
from ranvier.network.optimizers import Optimizer
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.schedules import Schedule
from ranvier.network.task import Task
from ranvier.records import fill_defaults, record
from ranvier.scalars import as_integer, as_number, plain_scalar
from ranvier.training.threshold import checked_threshold

EFFORTS = ("fast", "default", "best")
VALIDATION_FRACTION, TEST_FRACTION = 0.1, 0.2


@record
class TrainOptions:
    """What `train` is asked for; see `train` for the meaning of the fields. None takes the default, or leaves an option
    to the recipe.

    Sequences become tuples, and scalars of NumPy Python's own values.
    """

    target: str | tuple[str, ...] | None = None
    recipe: Any = "auto"
    effort: str = "default"
    members: int | None = None
    task: str | Task | None = None
    hidden: Sequence[int] | None = None
    activation: str | Activation | None = None
    dropout: float | None = None
    loss: str | Loss | None = None
    optimizer: str | Optimizer | None = None
    learning_rate: float | None = None
    schedule: str | Schedule | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    patience: int | None = None
    validation: float | str = VALIDATION_FRACTION
    test: float | str = TEST_FRACTION
    ignore: Sequence[str] = ()
    kinds: Mapping[str, str] | None = None
    header: bool | None = None
    encoding: str | None = None
    skip_bad_rows: bool = False
    split: str | None = None
    group: str | None = None
    positive: Any = None
    class_weight: str | Mapping[Any, float] | None = None
    threshold: float | str | None = None
    seed: int = 0
    engine: str = "auto"
    precision: str = "float32"
    threads: int | None = None
    image_size: int | None = None
    augment: str | None = None

    def __post_init__(self) -> None:
        fill_defaults(self, besides=("validation", "test"))
        for field in fields(self):
            object.__setattr__(self, field.name, plain_scalar(getattr(self, field.name)))
        for name in ("members", "epochs", "batch_size", "patience"):
            _check_count(name, getattr(self, name))
        checked_threshold(self.threshold)
        for name in ("hidden", "ignore"):
            object.__setattr__(self, name, _as_tuple(name, getattr(self, name)))
        if self.kinds is not None and not isinstance(self.kinds, Mapping):
            raise InputError(f'kinds is {self.kinds!r}; it must be a dictionary, such as {{"shop": "category"}}.')
        object.__setattr__(self, "ignore", tuple(str(name) for name in self.ignore))
        if self.kinds is not None:
            object.__setattr__(self, "kinds", {str(name): kind for name, kind in self.kinds.items()})

    def with_defaults(self, **defaults: Any) -> TrainOptions:
        """The same with these values where an option is None; a full-batch optimizer has defaults of its own.

        L-BFGS takes one step over all rows, so that dropout and a schedule have no place there.

        >>> TrainOptions(dropout=0.5).with_defaults(dropout=0.2, hidden=(8,)).dropout
        0.5
        >>> TrainOptions(optimizer="lbfgs").with_defaults(dropout=0.2).dropout
        0.0
        """
        if self.optimizer is not None and find_optimizer(self.optimizer).full_batch:
            defaults = {**defaults, "dropout": 0.0, "schedule": "constant"}
        return replace(self, **{name: value for name, value in defaults.items() if getattr(self, name) is None})

    def optimizer_options(self) -> dict[str, float]:
        """The fields of the optimizer that are options of their own, those that were given."""
        names = ("learning_rate", "weight_decay", "clip_norm")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def to_dict(self) -> dict[str, Any]:
        """The options as plain JSON values."""
        return {field.name: to_json_value(getattr(self, field.name)) for field in fields(self)}


def to_json_value(value: Any) -> Any:
    """An option as a JSON value; a dictionary becomes pairs, because labels need not be text."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, Mapping):
        return [[to_json_value(label), to_json_value(weight)] for label, weight in value.items()]
    if isinstance(value, (tuple, list)):
        return [to_json_value(item) for item in value]
    return plain_scalar(value)


def split_rows_option(name: str, value: Any) -> tuple[float | str, Any]:
    """An option that takes a fraction, a file or rows in memory: the part that can be written down, and the rows.

    Of a file its path from the root is written down, for a run that goes on elsewhere; the rows are as the user gave
    them, so that messages call the file by that name.

    Parameters:
        name: "validation" or "test".
        value: a fraction of the rows, the path of a file, a table, or a tuple of rows, target values and perhaps
            weights; None for no such rows.

    >>> split_rows_option("validation", 0.1), split_rows_option("test", ([[1.0]], [2.0]))
    ((0.1, None), (0.0, ([[1.0]], [2.0])))

    Raises:
        InputError: the value is of another kind.
    """
    if value is None:
        return 0.0, None
    if isinstance(value, (str, Path)):
        path = Path(value)
        return (str(path.resolve()) if path.exists() else str(path)), str(value)
    fraction = as_number(value)
    if fraction is not None or isinstance(plain_scalar(value), bool):
        if fraction is None or not 0.0 <= fraction < 1.0:
            raise InputError(f"{name} is {value!r}; a fraction of the rows from 0 to below 1 was expected.")
        return fraction, None
    if isinstance(value, tuple) and len(value) not in (2, 3):
        raise InputError(
            f"{name} has {len(value)} parts; it must be a fraction of the rows, a file or table of rows, or the "
            "tuple (rows, target values) or (rows, target values, weights)."
        )
    return 0.0, value


def _check_count(name: str, value: Any) -> None:
    """Raise an `InputError` unless a value is an integer of at least 1, or None."""
    number = as_integer(value)
    if value is not None and (number is None or number < 1):
        raise InputError(
            f"{name} is {value!r}; it must be an integer of at least 1, or None to leave it to the recipe."
        )


def _as_tuple(name: str, value: Any) -> Any:
    """A sequence as a tuple of plain values; a single value as a tuple of one; None stays."""
    if value is None:
        return None if name == "hidden" else ()
    value = plain_scalar(value)
    if isinstance(value, (str, int)):
        return (value,)
    if not isinstance(value, Sequence) and not hasattr(value, "__array__"):
        example = "(256, 256)" if name == "hidden" else "['name']"
        raise InputError(f"{name} is {value!r}; it must be a list, such as {example}.")
    return tuple(to_json_value(item) for item in value)
