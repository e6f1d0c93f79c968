"""The factories (`rv.activation`, `rv.loss`, ...) for type checkers: an overload for each name, with its own options.

At run time a factory takes `**options` and checks them by the name's record; here the same records are written out.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ranvier.network import activations, initializers, losses
from ranvier.network.optimizers import OPTIMIZERS
from ranvier.network.schedules import SCHEDULES

FACTORIES = ("activation", "initializer", "loss", "optimizer", "schedule")
IMPORTS = ("from collections.abc import Callable, Mapping, Sequence", "from typing import Any, Literal, overload")
WIDTH = 120
COMMON = {"loss": {"reduction": "str | None = None", "label_smoothing": "float = 0.0"}}
"""Options of every built-in name of a factory."""
OWN = {
    "activation": ("name: str", "function: Callable[[Any], Any]"),
    "loss": (
        "name: str",
        "function: Callable[..., Any]",
        "*",
        'applied_to: str = "output"',
        "reduction: str | None = None",
        "label_smoothing: float = 0.0",
    ),
    "optimizer": (
        "name: str",
        "update: Callable[..., Any]",
        "slots: Mapping[str, float] | None = None",
        "*",
        "learning_rate: float = ...",
        "weight_decay: float = ...",
        "clip_value: float | None = ...",
        "clip_norm: float | None = ...",
        "ema_decay: float | None = ...",
    ),
}
"""The parameters of a factory that makes a user-defined record."""


def overloads(factory: str) -> list[str]:
    """The lines of a factory in the stub."""
    record = factory.capitalize()
    signatures: list[tuple[str, ...]] = [
        (f'name: Literal["{name}"]', *(["*", *parameters] if parameters else []))
        for name, parameters in _names(factory).items()
    ]
    if factory in OWN:
        signatures.append(OWN[factory])
    signatures.append((f"name: str | {record}",))
    return [line for parameters in signatures for line in ["@overload", *_definition(factory, parameters, record)]]


def _definition(factory: str, parameters: tuple[str, ...], record: str) -> list[str]:
    """A signature in the layout of the formatter: in one line, in one line of its own, or a parameter a line."""
    line, inner = f"def {factory}({', '.join(parameters)}) -> {record}: ...", f"    {', '.join(parameters)}"
    if len(line) <= WIDTH:
        return [line]
    body = [inner] if len(inner) <= WIDTH else [f"    {parameter}," for parameter in parameters]
    return [f"def {factory}(", *body, f") -> {record}: ..."]


def _names(factory: str) -> dict[str, list[str]]:
    """Built-in name -> its options, as parameters of a function."""
    if factory in ("optimizer", "schedule"):
        records: Mapping[str, type] = OPTIMIZERS if factory == "optimizer" else SCHEDULES
        return {name: _fields(record) for name, record in records.items()}
    specs = {"activation": activations, "initializer": initializers, "loss": losses}[factory]._SPECS
    common = [f"{name}: {text}" for name, text in COMMON.get(factory, {}).items()]
    return {name: [*common, *_options(spec.options)] for name, spec in specs.items()}


def _options(options: Mapping[str, Any]) -> list[str]:
    types = {name: "int" if rule.integer else "float" for name, (_, rule) in options.items()}
    if "q" in types:  # the levels of quantiles
        types["q"] = "float | Sequence[float]"
    return [f"{name}: {types[name]} = {default!r}" for name, (default, _) in options.items()]


def _fields(record: type) -> list[str]:
    parameters = inspect.signature(record).parameters.values()
    return [
        f"{p.name}: {p.annotation}" + ("" if p.default is p.empty else f" = {_default(p.default)}") for p in parameters
    ]


def _default(value: Any) -> str:
    """A default as written in a stub: a record is left out."""
    return repr(value) if isinstance(value, (int, float, str, bool, type(None))) else "..."
