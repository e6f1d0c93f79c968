"""Finding: one thing that a diagnosis found, with its evidence, what it means and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from typing import Any

from ranvier.records import record

TITLES = {
    "leaking_column": "A column gives the answer away",
    "identifier": "A column only numbers or names the rows",
    "duplicates": "Rows repeat",
    "conflicting_labels": "Equal rows have different answers",
    "class_imbalance": "Some classes are rare",
    "drift": "Rows differ from those of training",
    "unscaled_inputs": "Inputs are not scaled",
    "no_better_than_guessing": "No better than guessing",
    "worse_than_linear": "Worse than a linear model",
    "overfitting": "Overfitting",
    "underfitting": "Underfitting",
    "learning_curve": "Would more rows help?",
    "dead_neurons": "Neurons are dead",
    "saturated_neurons": "Neurons are saturated",
    "constant_neurons": "Neurons are constant",
    "duplicate_neurons": "Neurons repeat one another",
}
"""What a diagnosis can find, in the order in which findings are listed, and what it is called."""
KINDS = tuple(TITLES)


@record
class Finding:
    """One thing that a diagnosis found.

    Fields:
        kind: what it is, one of the kinds that `docs/how-to/diagnose-a-model.md` lists.
        column: the column of the data or the layer of the network that it is about; None for the whole.
        evidence: what was measured, in a sentence.
        meaning: why that matters, in a sentence.
        advice: what to do, in a sentence.

    >>> Finding("duplicates", None, "Rows repeat.", "The test is too easy.", "Remove them.").text
    'Rows repeat. The test is too easy. Remove them.'
    """

    kind: str
    column: str | None
    evidence: str
    meaning: str
    advice: str

    @property
    def text(self) -> str:
        """Evidence, meaning and advice as one text."""
        return " ".join((self.evidence, self.meaning, self.advice))

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that `to_dict` wrote."""
        return cls(**{entry.name: data[entry.name] for entry in fields(cls)})


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by kind, each kind and column once.

    >>> drift, identifier = (Finding(kind, "a", "", "", "") for kind in ("drift", "identifier"))
    >>> [finding.kind for finding in in_order([drift, identifier, drift])]
    ['identifier', 'drift']
    """
    first: dict[tuple[str, str | None], Finding] = {}
    for finding in findings:
        first.setdefault((finding.kind, finding.column), finding)
    return sorted(first.values(), key=lambda finding: KINDS.index(finding.kind))
