"""The search space: for each option of `train` that is searched, a range of numbers or a list of values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from ranvier.errors import InputError, nearest
from ranvier.network.optimizers import Optimizer
from ranvier.recipes.recipe import Recipe
from ranvier.records import record
from ranvier.scalars import as_number, plain_scalar

LOGARITHMIC = ("learning_rate", "weight_decay")
"""Options whose ranges are drawn from by their logarithm."""
INTEGER = ("epochs", "batch_size", "patience")
SEARCHABLE = (
    "hidden",
    "activation",
    "dropout",
    "loss",
    "optimizer",
    "learning_rate",
    "schedule",
    "weight_decay",
    "clip_norm",
    "epochs",
    "batch_size",
    "patience",
)
"""Options of `train` that a search may change: those of the network and of its training, not those of the data."""
HIDDEN = ((64,), (128,), (256,), (128, 64), (256, 128), (256, 256), (512, 256))


@record
class Range:
    """Numbers from `low` to `high`, drawn evenly; by their logarithm where `log`, integers where `integer`."""

    low: float
    high: float
    log: bool = False
    integer: bool = False


@record
class Values:
    """One of these values."""

    values: tuple[Any, ...]


Space: TypeAlias = dict[str, Range | Values]


def default_space(recipe: Recipe) -> Space:
    """What is searched for a recipe where the user does not say: around what it takes by itself.

    >>> from ranvier.recipes.table import TableRecipe
    >>> sorted(default_space(TableRecipe()))
    ['batch_size', 'dropout', 'hidden', 'learning_rate', 'weight_decay']
    """
    parts: Any = recipe
    rate = float(getattr(parts, "learning_rate", 1e-3) or 1e-3)
    decay = float(getattr(parts, "weight_decay", 1e-2) or 1e-2)
    space: Space = {
        "hidden": Values(HIDDEN),
        "dropout": Range(0.0, 0.5),
        "learning_rate": Range(rate / 10, rate * 4, log=True),
        "weight_decay": Range(decay / 100, decay * 5, log=True),
        "batch_size": Values((64, 128, 256, 512)),
    }
    return space if recipe.name in ("table", "plain") else {n: p for n, p in space.items() if n != "batch_size"}


def make_space(recipe: Recipe, changes: Mapping[str, Any] | None) -> Space:
    """The space of a recipe with what the user says of some options.

    Parameters:
        changes: option -> (low, high) for a range, a list for choices, one value to fix it, None to leave it out.

    Raises:
        InputError: an option cannot be searched, or a range is empty.

    >>> from ranvier.recipes.table import TableRecipe
    >>> space = make_space(TableRecipe(), {"dropout": (0.0, 0.2), "hidden": [(32,), (64,)], "batch_size": None})
    >>> space["dropout"], space["hidden"], "batch_size" in space
    (Range(low=0.0, high=0.2, log=False, integer=False), Values(values=((32,), (64,))), False)
    """
    space: Space = default_space(recipe)
    if changes is not None and not isinstance(changes, Mapping):
        raise InputError(f"space is {str(changes)[:60]!r}; it must be a dictionary: option -> (low, high) or [values].")
    for name, part in (changes or {}).items():
        if name not in SEARCHABLE:
            raise InputError(f'space holds "{name}", which a search cannot change. {nearest(str(name), SEARCHABLE)}')
        if part is None:
            space.pop(name, None)
        else:
            space[name] = _part(name, part)
    if any(isinstance(value, Optimizer) for value in getattr(space.get("optimizer"), "values", ())):
        # A record of an optimizer has these numbers itself.
        space = {name: part for name, part in space.items() if name in (changes or {}) or name not in LOGARITHMIC}
    if not space:
        raise InputError("space has no option left to search; leave one in.")
    return space


def _part(name: str, part: Any) -> Range | Values:
    if isinstance(part, (Range, Values)):
        return part
    if isinstance(part, list):
        if not part:
            raise InputError(f"space: {name} has no values; give at least one.")
        values = [_plain(value) for value in part]
        return Values(tuple(value for at, value in enumerate(values) if value not in values[:at]))
    number = isinstance(part, tuple) and all(as_number(value) is not None for value in part)
    if number and name != "hidden":
        if len(part) != 2 or not part[0] < part[1] or (name in LOGARITHMIC and part[0] <= 0):
            positive = ", both above 0" if name in LOGARITHMIC else ""
            raise InputError(f"space: {name} is {part!r}; a range is (low, high) with low < high{positive}.")
        return Range(float(part[0]), float(part[1]), name in LOGARITHMIC, name in INTEGER)
    return Values((_plain(part),))


def _plain(value: Any) -> Any:
    """A value with Python's own numbers; widths as a tuple."""
    return tuple(map(plain_scalar, value)) if isinstance(value, (list, tuple)) else plain_scalar(value)


def variations(space: Space) -> list[dict[str, Any]]:
    """Settings that have each value of a list, and both ends of each range, with the first ones of the other options.

    >>> variations({"dropout": Range(0.0, 0.5), "hidden": Values(((64,),))})
    [{'dropout': 0.0, 'hidden': (64,)}, {'dropout': 0.5, 'hidden': (64,)}, {'dropout': 0.0, 'hidden': (64,)}]
    """
    ends = {name: _ends(part) for name, part in space.items()}
    first = {name: values[0] for name, values in ends.items()}
    return [{**first, name: value} for name, values in ends.items() for value in values]


def size_of(space: Space) -> int | None:
    """How many different settings a space has; None where a range has more than anybody tries.

    >>> size_of({"hidden": Values(((64,), (128,))), "activation": Values(("relu", "silu", "tanh"))})
    6
    >>> size_of({"dropout": Range(0.0, 0.5)})
    """
    counts = [len(part.values) for part in space.values() if isinstance(part, Values)]
    return math.prod(counts) if len(counts) == len(space) else None


def _ends(part: Range | Values) -> tuple[Any, ...]:
    if isinstance(part, Values):
        return part.values
    return (int(part.low), int(part.high)) if part.integer else (part.low, part.high)


def parse_space(texts: Sequence[str]) -> dict[str, Any]:
    """What the command line says of the space.

    Parameters:
        texts: "dropout=0:0.3" for a range, "activation=relu,silu" for choices (widths of layers with "-": 256-128),
            "batch_size=256" for one value, "batch_size=" to leave it out.

    Raises:
        InputError: a text has another form.

    >>> parse_space(["dropout=0:0.3", "hidden=64,256-128", "optimizer=adamw", "batch_size="])
    {'dropout': (0.0, 0.3), 'hidden': [(64,), (256, 128)], 'optimizer': ['adamw'], 'batch_size': None}
    """
    space: dict[str, Any] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise InputError(
                f'The space "{text}" has no "="; write it as dropout=0:0.3, activation=relu,silu or batch_size=256.'
            )
        space[name] = _parsed(name, values.strip())
    return space


def _parsed(name: str, text: str) -> Any:
    if not text:
        return None
    try:
        if ":" in text:
            low, high = text.split(":")
            return float(low), float(high)
        if name == "hidden":
            return [tuple(int(width) for width in part.split("-")) for part in text.split(",")]
    except ValueError as error:
        raise InputError(
            f'The space of {name} is "{text}"; a range is LOW:HIGH, and widths are written as 64,256-128.'
        ) from error
    return [_number(part.strip()) for part in text.split(",")]


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def space_lines(space: Space) -> list[str]:
    """The space as the command line takes it, one text an option.

    >>> space_lines({"dropout": Range(0.0, 0.5), "hidden": Values(((64,), (256, 128)))})
    ['dropout=0:0.5', 'hidden=64,256-128']
    """
    return [f"{name}={_text(part)}" for name, part in space.items()]


def _text(part: Range | Values) -> str:
    if isinstance(part, Range):
        return f"{part.low:g}:{part.high:g}"
    return ",".join("-".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in part.values)
