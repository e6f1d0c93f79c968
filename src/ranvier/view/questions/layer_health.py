"""Does every layer learn? Gradients, updates, and neurons that do not learn, layer by layer. P parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import RanvierError
from ranvier.model.diagnosis.neuron_flags import CONSTANT, DEAD, duplicates, flat_fraction, min_flat_fraction
from ranvier.rows import Rows
from ranvier.view.json_values import finite_or_none
from ranvier.view.subject import Subject

Array = NDArray[Any]
GRADIENT_ROWS = 64


def layer_health(subject: Subject, earlier: Array | None = None, steps: int = 0) -> list[dict[str, Any]]:
    """One record for each layer with neurons; None in place of numbers that are not finite.

    Fields: `path` and `units`; `weight_norm`, the root of the sum of the squared weights; `gradient_norm`, likewise, of
    the loss over at most 64 known rows, None where their answers are not known; `update_ratio`, the norm of the change
    of the weights in a step over that of the weights, None without `earlier`; how many neurons are `dead`, `saturated`,
    `constant` or a `duplicate` over the sample of the rows, None without rows; and how many of those rows there were.

    Parameters:
        earlier: parameters (P,) of the same network, `steps` steps ago.
    """
    table = subject.model.network.parameter_table
    before = None if earlier is None or not steps else table.views(earlier)
    gradients = _gradients(subject)
    records = []
    for info in subject.dense_layers:
        name = f"{info.path}.weight"
        weight = np.asarray(subject.model.parameters[name])
        norm = _norm(weight)
        update = None if before is None or not norm else _norm(weight - before[name]) / norm / steps
        record: dict[str, Any] = {
            "path": info.path,
            "units": info.outputs,
            "weight_norm": norm,
            "gradient_norm": None if gradients is None else _norm(gradients[name]),
            "update_ratio": update,
        }
        records.append({name: finite_or_none(value) for name, value in record.items()} | _counts(subject, info))
    return records


def _gradients(subject: Subject) -> dict[str, Array] | None:
    rows = subject.rows
    if rows is None or rows.targets is None:
        return None
    index = subject.sample[:GRADIENT_ROWS]
    try:
        gradients = subject.model.gradients_of(Rows(rows.inputs[index], rows.targets[index]))
    except RanvierError:
        return None
    return gradients


def _counts(subject: Subject, info: Any) -> dict[str, int | None]:
    if subject.rows is None:
        return dict.fromkeys(("dead", "saturated", "constant", "duplicate", "rows"))
    values = subject.sample_values[info.path]
    sums, outputs = values.weighted_sums, np.asarray(values.outputs, np.float64)
    flat = None if sums is None else flat_fraction(info.layer, np.asarray(sums, np.float64))
    hidden = info != subject.dense_layers[-1]
    flat = np.zeros(outputs.shape[1]) if flat is None or not hidden else flat
    silent = np.abs(outputs).max(axis=0) <= CONSTANT
    dead = (flat >= DEAD) & silent & hidden
    constant = (outputs.std(axis=0) < CONSTANT) & ~dead & hidden
    copies = duplicates(outputs) >= 0
    return {
        "dead": int(dead.sum()),
        "saturated": int(((flat >= min_flat_fraction(info.layer)) & ~dead).sum()),
        "constant": int(constant.sum()),
        "duplicate": int((copies & hidden).sum()),
        "rows": len(outputs),
    }


def _norm(values: Array) -> float:
    flat = np.asarray(values).reshape(-1)
    size = math.sqrt(float(flat @ flat))
    return size if math.isfinite(size) else math.inf
