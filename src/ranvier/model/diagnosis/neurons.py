"""Findings on the neurons of hidden layers: dead, saturated, constant ones, and copies. n rows, N neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ranvier.data.diagnosis.finding import Finding
from ranvier.engine import LayerValues
from ranvier.model.diagnosis.neuron_flags import duplicates, flat_fraction, min_flat_fraction, neuron_flags
from ranvier.network.network import Network, dense_layers

MIN_FRACTION = 0.1
"""The fraction of the neurons of a layer from which on they are named."""
MIN_ROWS = 20
MAX_NEURONS = 4096
WORDS = {
    "dead_neurons": (
        "output 0 for every row and have no derivative",
        "They add nothing and cannot learn any more.",
        "Take a smaller learning rate, scaled inputs, or another activation, such as leaky_relu or silu.",
    ),
    "saturated_neurons": (
        "are on a flat part of their activation for nearly all rows",
        "Hardly any gradient passes through them, so that they learn slowly or not at all.",
        "Scale the inputs, take a smaller learning rate or initial weights, or another activation, such as relu.",
    ),
    "constant_neurons": (
        "have the same output for every row",
        "They act as a bias and tell rows apart no better than one.",
        "Take fewer neurons or less weight decay, and look for columns that never change.",
    ),
    "duplicate_neurons": (
        "have outputs with a correlation above 0.999 with those of an earlier neuron",
        "They are copies that cost time and add nothing.",
        "Take fewer neurons, or initial weights that differ: equal ones, such as zeros, stay equal.",
    ),
}
"""Kind -> what the neurons do, what that means, and what to do."""


def neuron_findings(network: Network, values: Sequence[LayerValues]) -> list[Finding]:
    """A finding for each kind of fault that a tenth of the neurons of a hidden layer have.

    Parameters:
        network: the network.
        values: what its layers do over n rows.
    """
    by_path = {layer.path: layer for layer in values}
    findings = []
    for info in dense_layers(network)[:-1]:
        layer_values = by_path.get(info.path)
        if layer_values is None or layer_values.weighted_sums is None or len(layer_values.outputs) < MIN_ROWS:
            continue
        counts = _counts(info.layer, layer_values)
        units = min(layer_values.outputs.shape[1], MAX_NEURONS)
        findings += [
            _finding(kind, info.path, count, units) for kind, count in counts.items() if count >= MIN_FRACTION * units
        ]
    return findings


def _counts(layer: Any, values: LayerValues) -> dict[str, int]:
    """How many neurons have each fault."""
    outputs = np.asarray(values.outputs, np.float64)[:, :MAX_NEURONS]
    sums = np.asarray(values.weighted_sums, np.float64)[:, :MAX_NEURONS]
    flat = flat_fraction(layer, sums)
    deviations, min_flat = outputs.std(axis=0), min_flat_fraction(layer)
    flags = [
        neuron_flags(outputs[:, at], float(deviations[at]), None if flat is None else float(flat[at]), min_flat)
        for at in range(outputs.shape[1])
    ]
    counts = {
        f"{flag}_neurons": sum(flag in flags_of_neuron for flags_of_neuron in flags)
        for flag in ("dead", "saturated", "constant")
    }
    copies = duplicates(outputs) >= 0
    counts["duplicate_neurons"] = int(copies.sum())
    return {kind: count for kind, count in counts.items() if count}


def _finding(kind: str, path: str, count: int, units: int) -> Finding:
    what, meaning, advice = WORDS[kind]
    evidence = f"{count:,} of the {units:,} neurons of {path} {what}."
    return Finding(kind, path, evidence, meaning, advice)
