"""What do the neurons of a layer do over the known rows? Histograms, and which do not learn. n rows, N neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.model.diagnosis.neuron_flags import duplicates, flat_fraction, min_flat_fraction, neuron_flags
from ranvier.model.inspect import find_layer
from ranvier.network.layer_info import LayerInfo
from ranvier.view.subject import Subject

BINS = 21


def neuron_statistics(subject: Subject, path: str) -> list[dict[str, Any]]:
    """One record for each neuron of a layer, over at most 2,000 known rows.

    Fields: `mean`, `deviation`, `lowest` and `highest` output; `lowest_sum` and `highest_sum`; `active`, the fraction
    of rows with an output above 0; `flat`, the fraction of rows where the derivative is less than 1 % of the largest;
    `counts` and `edges`, a histogram of the outputs; `flags`: "dead" (an activation that is 0 for small sums and has
    no derivative on at least 99.9 % of the rows), "saturated" (no derivative on at least 95 %, or 99.9 % of an
    activation that is flat on one side only), "constant" (a standard deviation below 1e-6); `duplicate_of`, a neuron
    before it of the layer with a correlation above 0.999.

    Raises:
        InputError: there is no such layer, or no rows are known.
    """
    info = find_layer(subject.model.network, path)
    return subject.cached(("statistics", info.path), lambda: _records(subject, info))


def _records(subject: Subject, info: LayerInfo) -> list[dict[str, Any]]:
    layer_values = subject.sample_values[info.path]
    sums, outputs = layer_values.weighted_sums, np.asarray(layer_values.outputs, np.float64)
    if sums is None:
        raise InputError(f"{info.path} has no neurons.")
    sums = np.asarray(sums, np.float64)
    flat = flat_fraction(info.layer, sums)
    copies, min_flat = duplicates(outputs), min_flat_fraction(info.layer)
    output_layer = info == subject.model.network.layer_infos[-1]
    records = []
    for at in range(outputs.shape[1]):
        y, deviation = outputs[:, at], float(outputs[:, at].std())
        fraction = None if flat is None else float(flat[at])
        counts, edges = np.histogram(y, BINS) if np.ptp(y) > 1e-12 else (np.array([len(y)]), [y[0] - 0.5, y[0] + 0.5])
        records.append(
            {
                "mean": float(y.mean()),
                "deviation": deviation,
                "lowest": float(y.min()),
                "highest": float(y.max()),
                "lowest_sum": float(sums[:, at].min()),
                "highest_sum": float(sums[:, at].max()),
                "active": float((y > 0).mean()),
                "flat": fraction,
                "counts": counts.tolist(),
                "edges": [float(edge) for edge in edges],
                "rows": len(y),
                "flags": [] if output_layer else neuron_flags(y, deviation, fraction, min_flat),
                "duplicate_of": None if output_layer or copies[at] < 0 else int(copies[at]),
            }
        )
    return records
