"""The tables of docs/reference.md, made from the lists that the library itself works with."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from ranvier.network.activations import ACTIVATIONS
from ranvier.network.initializers import INITIALIZERS
from ranvier.network.layers import LAYERS
from ranvier.network.losses import LOSSES, loss
from ranvier.network.optimizers import OPTIMIZERS, Optimizer
from ranvier.network.schedules import SCHEDULES

OUTPUT_LAYERS = {"output": "any output layer", "logit": "sigmoid outputs", "log_probability": "softmax outputs"}


def tables() -> dict[str, str]:
    """Name of the place in a page -> table in Markdown."""
    return {
        "layers": _table(("layer", "what it does", "formula"), map(_layer, LAYERS.values())),
        "activations": _table(
            ("name", "f(x)", "settings", "source"),
            ((f"`{n}`", f"`{_short(a.formula)}`", _options(a.options), a.source) for n, a in ACTIVATIONS.items()),
        ),
        "losses": _table(
            ("name", "needs", "loss of one output", "settings", "source"),
            (
                (f"`{n}`", _outputs(kind), f"`{_loss_formula(n)}`", _options(kind.options), kind.source)
                for n, kind in LOSSES.items()
            ),
        ),
        "initializers": _table(
            ("name", "each weight is drawn from", "settings", "source"),
            ((f"`{n}`", f"`{i.formula}`", _options(i.options), i.source) for n, i in INITIALIZERS.items()),
        ),
        "optimizers": _table(("record", "name", "what it does"), map(_record, OPTIMIZERS.values())),
        "schedules": _table(("record", "name", "what it does"), map(_record, SCHEDULES.values())),
    }


def fill(page: str) -> str:
    """A page with its tables written again, each between `<!-- table: NAME -->` and `<!-- end -->`."""
    made = tables()

    def replace(match: re.Match[str]) -> str:
        return f"<!-- table: {match[1]} -->\n{made[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", replace, page, flags=re.S)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [titles, tuple("---" for _ in titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _short(formula: str) -> str:
    """A formula with its long numbers cut to five decimals."""
    return re.sub(r"\d+\.\d{6,}(?!\d*e)", lambda match: f"{float(match[0]):.5f}", formula)


def _options(options: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"`{name}={value:g}`" for name, value in options)


def _outputs(kind: Any) -> str:
    """Which output layer a loss needs."""
    positive = kind.applied_to == "output" and kind.units.lowest >= 0
    return "outputs that are never negative" if positive else OUTPUT_LAYERS[kind.applied_to]


def _loss_formula(name: str) -> str:
    """The formula of a loss as the table in the documentation of `loss` has it."""
    match = re.search(rf"^\| {name} \| \w+ \| (.+) \|$", inspect.getdoc(loss) or "", flags=re.M)
    if match is None:
        raise ValueError(f"The table in the docstring of ranvier.loss has no line for {name}.")
    return match[1]


def _layer(kind: Any) -> tuple[str, str, str]:
    formula = re.search(r"Formula: (.+?)(?:\n\n|\n *\w+:|\. While|, with| over the|$)", _doc(kind), flags=re.S)
    settings = inspect.signature(kind).parameters.values()
    shown = ", ".join(p.name if p.default is p.empty else f"{p.name}={_plain(p.default)}" for p in settings)
    sentence = " ".join(formula[1].split()).rstrip(".,") if formula else ""
    return f"`{kind.__name__}({shown})`", _summary(kind), f"`{sentence}`"


def _record(kind: Any) -> tuple[str, str, str]:
    usual = {field.name: field.default for field in fields(Optimizer)[1:]}
    shown_fields = [field for field in fields(kind) if field.name not in usual or field.default != usual[field.name]]
    shown = ", ".join(f"{field.name}={_plain(field.default)}" for field in shown_fields)
    return f"`{kind.__name__}({shown})`", f'`"{kind.name}"`', _summary(kind)


def _plain(value: Any) -> str:
    return f"{type(value).__name__}()" if hasattr(value, "to_dict") else repr(value)


def _doc(kind: Any) -> str:
    return inspect.getdoc(kind) or ""


def _summary(kind: Any) -> str:
    return _doc(kind).split("\n\n")[0].replace("\n", " ").replace("`", "")
