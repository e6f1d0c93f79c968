"""Which of many inputs matter to this row, and where is the one that a person looks for? K inputs, N neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.model.inspect import input_names
from ranvier.rows import Inputs
from ranvier.view.subject import Subject

MAX_INPUTS = 50
LINES = 6
"""How many weights of each input are told, the largest in size."""


def inputs(
    subject: Subject, row: Inputs | None, count: int, search: str = "", pinned: Sequence[str] = ()
) -> dict[str, Any]:
    """Inputs of the first layer with neurons: the pinned ones, then those that are found or that carry most.

    An input carries |x| times the norm of its weights; without a row, the norm alone. A search finds the names that
    hold it, in any case: those that begin with it first, and of these the ones that carry most.

    Parameters:
        row: encoded, (1, K).
        count: how many are told at most, besides the pinned ones.
        search: what the names hold; "" for no search.
        pinned: names of inputs that are told in any case.

    Returns `inputs`: index, name, value (None without a row) and size, the norm of its weights; `lines`: index in this
    list, neuron and weight, of each input the largest; `limit`, at which colours end; how many are `found`, of how
    many in `all`.

    Raises:
        InputError: the count is out of range, or the first layer reads something else than the inputs.
    """
    if not 1 <= count <= MAX_INPUTS:
        raise InputError(f"count is {count}; an integer from 1 to {MAX_INPUTS} was expected.")
    names, folded, sizes = subject.cached(("inputs",), lambda: _named(subject))
    values = None if row is None else row.toarray()[0].astype(np.float64)
    carries = sizes if values is None else np.abs(values) * sizes
    matches = _matches(folded, search.casefold().strip(), carries)
    at = {name: index for index, name in enumerate(names)} if pinned else {}
    first = [at[name] for name in dict.fromkeys(pinned) if name in at]
    indices = list(dict.fromkeys([*first, *matches[:count].tolist()]))
    lines, limit = _lines(subject, indices)
    entries = [
        {
            "index": index,
            "name": names[index],
            "value": None if values is None else float(values[index]),
            "size": float(sizes[index]),
        }
        for index in indices
    ]
    return {"inputs": entries, "lines": lines, "limit": limit, "found": len(matches), "all": len(names)}


def _named(subject: Subject) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """The names of the inputs, as they are and in one case, and the norms of their weights."""
    info = next(iter(subject.dense_layers), None)
    if info is None or info.inputs != subject.model.network.inputs:
        raise InputError("The first layer with neurons does not read the inputs themselves.")
    weight = np.asarray(subject.model.parameters[f"{info.path}.weight"], np.float64)
    groups = weight.reshape(info.fan_in, info.groups, -1)
    sizes = np.sqrt((groups**2).sum(axis=2)).T.reshape(-1)
    names = input_names(subject.model, info)
    return names, [name.casefold() for name in names], sizes


def _matches(folded: list[str], search: str, carries: NDArray[np.float64]) -> NDArray[np.int64]:
    """The indices of the inputs that are told, the most important first."""
    if not search:
        return np.argsort(-carries, kind="stable")[: np.count_nonzero(carries)]
    hits = np.array([index for index, name in enumerate(folded) if search in name], np.int64)
    begins = np.array([not folded[index].startswith(search) for index in hits], bool)
    return hits[np.lexsort((-carries[hits], begins))]


def _lines(subject: Subject, indices: list[int]) -> tuple[list[list[float]], float]:
    """Of each input its largest weights, and the size of the largest of all."""
    info = subject.dense_layers[0]
    weight = np.asarray(subject.model.parameters[f"{info.path}.weight"], np.float64)
    per_group = info.outputs // info.groups
    lines = []
    for position, index in enumerate(indices):
        start = index // info.fan_in * per_group
        weights = weight[index % info.fan_in, start : start + per_group]
        for neuron in np.argsort(-np.abs(weights), kind="stable")[:LINES].tolist():
            lines.append([position, start + neuron, float(weights[neuron])])
    return lines, max((abs(line[2]) for line in lines), default=1.0) or 1.0
